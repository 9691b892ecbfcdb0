"""Spaced review, wrong-answer book and mirror as rules: golden cases worked by hand, and what holds whatever is answered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules import areas
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.mirror import mirror
from quizzes.rules.spacing import LONGEST_DAYS, Answered, Due, Memory, UnknownFormat, due, in_order, rate, replay, step
from quizzes.rules.wrong_book import Given, book

DAY = date(2026, 11, 2)
CONTENT = Path(__file__).parents[2] / "quizzes" / "content"
ratings = st.integers(1, 3)


# ── rating ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("fraction", "tries", "rating"), [
    ("1", 0, 3), ("1", 1, 2), ("0.99", 0, 2), ("0.5", 0, 2), ("0.5", 1, 2), ("0.49", 0, 1), ("0", 0, 1), ("0", 1, 1)])
def test_a_rating_is_derived_from_the_fraction_and_the_try(fraction: str, tries: int, rating: int) -> None:
    assert rate(Decimal(fraction), tries) == rating


# ── the memory model ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_answer_sets_the_stability_that_the_model_publishes() -> None:
    """FSRS-6 starts at w0, w1, w2 = 0.212, 1.2931, 2.3065 days; an interval is that, rounded, and never under a day."""
    found = [step(None, rating, DAY) for rating in (1, 2, 3)]
    assert [memory.stability for memory in found] == [0.212, 1.2931, 2.3065]
    assert [(memory.due_on - DAY).days for memory in found] == [1, 1, 2]


def test_right_answers_on_their_days_move_an_objective_further_and_further_away() -> None:
    memory, day, gaps = None, DAY, []
    for _answer in range(5):
        memory = step(memory, 3, day)
        gaps.append((memory.due_on - day).days)
        day = memory.due_on
    assert gaps == sorted(gaps) and gaps[0] == 2 and gaps[-1] > 30


def test_a_miss_brings_it_back_the_next_day_and_harder_answers_sooner() -> None:
    known = replay([Answered(DAY, Decimal(1), 3), Answered(DAY + timedelta(2), Decimal(1), 3), Answered(DAY + timedelta(13), Decimal(1), 3)])
    assert known is not None
    again, hard, good = (step(known, rating, known.due_on) for rating in (1, 2, 3))
    assert again.due_on < hard.due_on < good.due_on
    assert (again.due_on - known.due_on).days <= 3


def test_an_evening_and_the_next_morning_are_a_day_apart() -> None:
    """Days count, not hours: FSRS itself would call twelve hours the same day and hardly move."""
    first = step(None, 3, DAY)
    assert step(first, 3, DAY + timedelta(1)).stability > step(first, 3, DAY).stability > 0


@given(st.lists(st.tuples(ratings, st.integers(0, 60)), min_size=1, max_size=30))
def test_whatever_is_answered_the_next_day_lies_ahead_and_within_bounds_and_replay_equals_stepping(log: list[tuple[int, int]]) -> None:
    memory: Memory | None = None
    day, answers = DAY, []
    for rating, gap in log:
        day += timedelta(gap)
        memory = step(memory, rating, day)
        answers.append(Answered(day, Decimal(0), rating))
        assert 1 <= (memory.due_on - day).days <= LONGEST_DAYS
        assert 1 <= memory.difficulty <= 10 and memory.stability > 0
        assert Memory.read(memory.as_json()) == memory
    assert replay(answers) == memory


def test_a_clock_set_back_never_makes_a_review_older_than_the_last() -> None:
    memory = step(step(None, 3, DAY), 3, DAY - timedelta(5))
    assert memory.last_on == DAY and memory.due_on > DAY


@pytest.mark.parametrize("stored", [{}, {"format": 2}, None, "x", [1]])
def test_a_state_of_another_format_is_refused(stored: object) -> None:
    with pytest.raises(UnknownFormat):
        Memory.read(stored)


# ── what is due ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_objective_is_due_when_missed_when_its_day_has_come_and_once_more_after_todays_miss() -> None:
    memory = step(None, 3, DAY)
    later = memory.due_on + timedelta(3)
    assert due("o", None, None, (), DAY) is None
    assert due("o", None, DAY, (), later) == Due("o", DAY, is_new=True)
    assert due("o", memory, None, (), DAY + timedelta(1)) is None
    assert due("o", memory, None, (), later) == Due("o", memory.due_on)
    assert due("o", memory, DAY + timedelta(1), (), DAY + timedelta(1)) == Due("o", DAY + timedelta(1)), "missed again in a quiz"
    assert due("o", memory, None, (Decimal("0.5"),), DAY) == Due("o", DAY, is_repeat=True)
    assert due("o", memory, None, (Decimal(0), Decimal(0)), later) is None, "two tries a day are enough"
    assert due("o", memory, None, (Decimal(1),), later) is None


def test_the_order_of_a_day_is_due_longest_then_new_then_repeated() -> None:
    found = [Due("d", DAY, is_repeat=True), Due("c", DAY, is_new=True), Due("b", DAY), Due("a", DAY - timedelta(2)), Due("e", DAY - timedelta(9), is_new=True)]
    assert [one.objective for one in in_order(found)] == ["a", "b", "e", "c", "d"]


# ── the wrong-answer book ────────────────────────────────────────────────────────────────────────────────────────
def answers(*told: tuple[str, int, str]) -> list[Given]:
    """(item, day from DAY, fraction) in order."""
    return [Given(item, datetime(2026, 11, 2, 8, 0, n, tzinfo=UTC) + timedelta(days=day), DAY + timedelta(day), Decimal(fraction), f"slot:{n}")
            for n, (item, day, fraction) in enumerate(told)]


@pytest.mark.parametrize(("log", "stands"), [
    ([("i", 0, "1")], False),
    ([("i", 0, "0")], True),
    ([("i", 0, "0.99")], True),
    ([("i", 0, "0"), ("i", 1, "1")], True),
    ([("i", 0, "0"), ("i", 1, "1"), ("i", 1, "1")], True),
    ([("i", 0, "0"), ("i", 1, "1"), ("i", 2, "1")], False),
    ([("i", 0, "0"), ("i", 0, "1"), ("i", 1, "1")], False),
    ([("i", 0, "0"), ("i", 1, "1"), ("i", 2, "0"), ("i", 3, "1")], True),
    ([("i", 0, "0"), ("i", 1, "1"), ("i", 2, "1"), ("i", 3, "0.5")], True),
    ([("i", 0, "1"), ("i", 1, "1"), ("i", 2, "0")], True),
])
def test_an_item_stands_in_the_book_until_right_on_two_days_since_the_latest_miss(log: list[tuple[str, int, str]], stands: bool) -> None:
    assert bool(book(answers(*log))) is stands


def test_an_entry_tells_the_latest_miss_how_often_and_the_days_it_was_right_since() -> None:
    first, second = book(answers(("a", 0, "0"), ("b", 1, "0"), ("a", 2, "0.5"), ("a", 3, "1")))
    assert (first.item_key, first.missed.source, first.misses, first.asked, first.right_on) == ("a", "slot:2", 2, 3, (DAY + timedelta(3),))
    assert (second.item_key, second.misses, second.right_on) == ("b", 1, ())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.sampled_from(["0", "0.5", "1"])), max_size=25), st.randoms(use_true_random=False))
def test_the_book_does_not_depend_on_the_order_answers_are_handed_over_in(log: list[tuple[str, int, str]], lot: object) -> None:
    given_ = answers(*log)
    mixed = list(given_)
    lot.shuffle(mixed)  # type: ignore[attr-defined]
    assert book(mixed) == book(given_)


# ── the mock exam beside the exam ────────────────────────────────────────────────────────────────────────────────
def shipped() -> dict[str, Blueprint]:
    return {entry["key"]: Blueprint.model_validate(entry) for entry in yaml.safe_load((CONTENT / "blueprints.yaml").read_text(encoding="utf-8"))["blueprints"]}


def test_the_shipped_mock_exam_follows_the_shipped_exam_area_by_area() -> None:
    blueprints = shipped()
    found = mirror(blueprints["mock-exam"], blueprints["final-exam"])
    assert found.is_proportional
    assert all(abs(row.items - Decimal(row.original_items) * found.items / found.original_items) < 1 for row in found.areas)
    assert sum(row.marks for row in found.areas) == sum(row.original_marks for row in found.areas) == 100
    assert (found.minutes * 2, found.items * 2) == (found.original_minutes, found.original_items)


def test_a_mock_exam_that_leaves_an_area_out_or_is_easier_does_not_say_it_follows() -> None:
    blueprints = shipped()
    mock, exam = blueprints["mock-exam"], blueprints["final-exam"]
    assert not mirror(mock.model_copy(update={"cells": mock.cells[1:]}), exam).is_proportional
    assert mock.difficulty is not None
    easier = mock.difficulty.model_copy(update={"mean": Decimal("0.80")})
    assert not mirror(mock.model_copy(update={"difficulty": easier}), exam).is_proportional
    narrowed = tuple(cell.model_copy(update={"bloom": ("remember",)}) for cell in mock.cells)
    assert not mirror(mock.model_copy(update={"cells": narrowed}), exam).is_proportional


def test_areas_are_called_what_their_item_files_are_called() -> None:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted((CONTENT / "items").glob("*.yaml"))]
    assert {file["content_area"]: file["title"] for file in files} == areas.TITLES
    assert areas.title_of("imported-area") == {"zh": "imported-area", "en": "imported-area"}
