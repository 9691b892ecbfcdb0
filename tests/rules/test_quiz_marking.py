"""Marking by people as rules: the essay kind, judgements, the order of answers, when an answer has its mark."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from quizzes.rules import marking
from quizzes.rules.answer import MAX_ESSAY, BadAnswer, completeness, read
from quizzes.rules.blueprint import Blueprint, scoring_of
from quizzes.rules.item import MACHINE_SCORED, Essay, ShortAnswer, parse, to_body
from quizzes.rules.item import scoring_of as item_scoring
from quizzes.rules.lint import lint_item
from quizzes.rules.marking import settle
from quizzes.rules.scoring import essay_fraction, right_answer, score

D = Decimal
BASE: dict[str, Any] = {
    "key": "e-1", "content_area": "a", "status": "approved", "reviewed": "2026-01-01", "author_role": "a", "reviewer_role": "b", "approver_role": "c",
    "source": "S0", "objective": "o", "bloom": "create", "difficulty": {"expected_fraction": "0.6", "basis": "panel"},
    "stem": {"zh": "请写一封给客户的答复，说明事实和补救。", "en": "Write a reply to the customer that gives the facts and the remedy."},
}


def text(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def criterion(key: str, *marks: int) -> dict[str, Any]:
    return {"key": key, "title": text(key), "levels": [{"marks": mark, "descriptor": text(f"{key} {mark}")} for mark in marks]}


def essay(**changes: Any) -> Essay:
    return parse({**BASE, "kind": "essay", "length": {"zh_chars": [1, 50], "en_words": [1, 50]}, "model_answer": text("答复 reply 一"),  # type: ignore[return-value]
                  "marked_by": "trainer", "criteria": [criterion("facts", 3, 2, 1, 0), criterion("remedy", 4, 2, 0)], **changes})


def short_answer() -> ShortAnswer:
    points = [{"key": "p1", "marks": 2, "text": text("p1")}, {"key": "p2", "marks": 2, "text": text("p2")}]
    return parse({**BASE, "kind": "short_answer", "length": {"zh_chars": [1, 50], "en_words": [1, 50]}, "model_answer": text("m"),  # type: ignore[return-value]
                  "marked_by": "trainer", "marking": {"max": 4, "points": points, "deductions": [{"key": "pitch", "marks": -3, "text": text("pitch")}]}})


# ── the kind ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_essay_is_read_stored_and_read_again_as_the_same() -> None:
    assert parse(to_body(essay())) == essay()
    assert essay().max == 7 and "essay" not in MACHINE_SCORED and "short_answer" not in MACHINE_SCORED
    assert score(essay(), {"text": "…"}, {}).fraction is None and right_answer(essay(), {}) == {"text": "答复 reply 一"}


def test_an_essay_takes_twenty_thousand_characters_and_not_one_more() -> None:
    assert read(essay(), {"text": "字" * MAX_ESSAY}) == {"text": "字" * MAX_ESSAY}
    assert completeness(essay(), {"text": "字"}) == "full" and completeness(essay(), {}) == "none"
    for bad in ({"text": "字" * (MAX_ESSAY + 1)}, {"text": "a\x00b"}, {"text": 7}, {"words": "x"}):
        with pytest.raises(BadAnswer):
            read(essay(), bad)


def test_new_words_of_a_level_leave_the_scoring_alone_and_new_marks_do_not() -> None:
    reworded = essay(criteria=[{**criterion("facts", 3, 2, 1, 0), "title": text("new")}, criterion("remedy", 4, 2, 0)])
    assert item_scoring(reworded) == item_scoring(essay())
    assert item_scoring(essay(criteria=[criterion("facts", 3, 2, 1, 0), criterion("remedy", 4, 3, 0)])) != item_scoring(essay())


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"criteria": [criterion("facts", 0, 3)]}, "from the best down"),
    ({"criteria": [criterion("facts", 3, 3, 0)]}, "from the best down"),
    ({"criteria": [criterion("facts", 3, 1)]}, "earns nothing"),
    ({"criteria": [criterion("facts", 3, 0), criterion("facts", 2, 0)]}, "facts stands twice"),
    ({"criteria": [{"key": "c", "title": text("c"), "levels": [{"marks": 3, "descriptor": text("same")}, {"marks": 0, "descriptor": text("same")}]}]},
     "read alike"),
    ({"model_answer": text("字" * 80)}, "outside its own length")])
def test_the_lint_finds_what_no_marker_could_use(changes: dict[str, Any], complaint: str) -> None:
    assert any(complaint in found.message for found in lint_item(essay(**changes)))
    assert not [found.message for found in lint_item(essay()) if found.is_error]


def test_an_essay_without_anything_to_earn_is_refused_and_none_stands_in_a_set() -> None:
    with pytest.raises(ValidationError, match="no level earns anything"):
        essay(criteria=[{"key": "c", "title": text("c"), "levels": [{"marks": 0, "descriptor": text("a")}, {"marks": 0, "descriptor": text("b")}]}])
    inside = {name: value for name, value in BASE.items() if name not in ("objective", "bloom", "difficulty")}
    whole = parse({**inside, "kind": "set", "key": "s-1", "title": text("t"), "items": [to_body(essay()), to_body(essay(key="e-2"))]})
    assert any("cannot stand in a set" in found.message for found in lint_item(whole))


# ── judgements ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_essay_earns_the_marks_of_its_levels_over_all_there_are() -> None:
    assert essay_fraction(essay(), {"facts": 3, "remedy": 4}) == 1 and essay_fraction(essay(), {"facts": 0, "remedy": 0}) == 0
    assert essay_fraction(essay(), {"facts": 1, "remedy": 2}) == D(3) / 7
    for wrong in ({"facts": 3}, {"facts": 3, "remedy": 4, "other": 1}):
        with pytest.raises(KeyError):
            essay_fraction(essay(), wrong)
    with pytest.raises(ValueError, match="no level earns 3"):
        essay_fraction(essay(), {"facts": 3, "remedy": 3})


@pytest.mark.parametrize("raw", [None, [], "x", {"facts": 5}, {"facts": "3"}, {"facts": True}, {"facts": 2.0}, {"unknown": 1}, {"facts": None}])
def test_what_is_no_judgement_of_an_essay_is_refused(raw: Any) -> None:
    with pytest.raises(marking.BadJudgement):
        marking.read(essay(), raw)


@pytest.mark.parametrize("raw", [None, {}, "p1", ["p9"], [1], [["p1"]], [None]])
def test_what_is_no_judgement_of_a_short_answer_is_refused(raw: Any) -> None:
    with pytest.raises(marking.BadJudgement):
        marking.read(short_answer(), raw)


def test_a_draft_may_lack_criteria_and_a_final_mark_may_not() -> None:
    assert marking.read(essay(), {"remedy": 2}) == {"remedy": 2} and marking.marks_of(essay(), {"remedy": 2}) == 2
    with pytest.raises(marking.Incomplete) as refused:
        marking.fraction_of(essay(), {"remedy": 2})
    assert refused.value.criteria == ("facts",)
    assert marking.fraction_of(essay(), {"remedy": 2, "facts": 3}) == D(5) / 7


def test_points_count_once_and_deductions_never_go_below_nothing() -> None:
    item = short_answer()
    assert marking.read(item, ["p2", "p1", "p2"]) == ["p1", "p2"]
    assert (marking.marks_of(item, ["p1", "pitch"]), marking.fraction_of(item, ["p1", "pitch"])) == (0, 0)
    assert (marking.marks_of(item, ["p1", "p2", "pitch"]), marking.fraction_of(item, ["p1", "p2", "pitch"])) == (1, D("0.25"))
    assert marking.fraction_of(item, []) == 0


@pytest.mark.parametrize("bad", ["x" * 11, "a\x00b", "\ud800", 7, None])
def test_texts_that_cannot_be_kept_are_refused(bad: Any) -> None:
    with pytest.raises(marking.BadJudgement):
        marking.read_text(bad, 10)
    assert marking.read_text("  一\r\n二 ", 10) == "一\n二"


# ── agreement ────────────────────────────────────────────────────────────────────────────────────────────────────
GAP = D("0.2")


def test_one_marker_is_enough_where_one_is_asked_for() -> None:
    assert settle([], 1, GAP).state == "open" and settle([], 2, GAP).state == "open"
    assert settle([D("0.4")], 1, GAP) == marking.Settlement("complete", D("0.4"), (0,))
    assert settle([D("0.4")], 2, GAP).state == "second"


def test_two_agree_up_to_the_gap_and_are_held_above_it() -> None:
    assert settle([D("0.6"), D("0.8")], 2, GAP) == marking.Settlement("complete", D("0.7"), (0, 1))
    assert settle([D("0.6"), D("0.81")], 2, GAP) == marking.Settlement("held")


def test_with_a_third_the_two_closest_decide() -> None:
    assert settle([D("0.2"), D("0.9"), D("0.8")], 2, GAP) == marking.Settlement("complete", D("0.85"), (1, 2))
    assert settle([D("0.9"), D("0.2"), D("0.3")], 2, GAP) == marking.Settlement("complete", D("0.25"), (1, 2))


def test_where_the_middle_is_as_far_from_both_it_stands_itself() -> None:
    assert settle([D("0.2"), D("0.8"), D("0.5")], 2, GAP) == marking.Settlement("complete", D("0.5"), (0, 1, 2))
    assert settle([D("0.5")] * 3, 2, GAP).fraction == D("0.5")


@given(st.lists(st.decimals(0, 1, places=3), min_size=2, max_size=3))
def test_the_agreed_mark_lies_between_the_marks_whoever_was_first(fractions: list[Decimal]) -> None:
    found = {settle(list(order), 2, GAP).fraction for order in permutations(fractions)}
    assert len(found) == 1
    agreed = found.pop()
    assert agreed is None or min(fractions) <= agreed <= max(fractions)
    assert (agreed is None) == (len(fractions) == 2 and abs(fractions[0] - fractions[1]) > GAP)


# ── order and spread ─────────────────────────────────────────────────────────────────────────────────────────────
def test_each_marker_has_an_order_of_the_own_that_never_changes() -> None:
    slots = range(1, 60)
    mine = marking.shuffled(1, slots)
    assert mine == marking.shuffled(1, reversed(slots)) and sorted(mine) == list(slots)
    assert mine != tuple(slots) and mine != marking.shuffled(2, slots)
    assert marking.shuffled(1, [7, 3, 40]) == tuple(slot for slot in mine if slot in (7, 3, 40)), "an answer that goes or comes moves no other"


def test_the_spread_puts_each_mark_into_its_fifth() -> None:
    told = marking.spread([D(0), D("0.19"), D("0.2"), D("0.99"), D(1)])
    assert told.bands == (2, 1, 0, 0, 2) and told.count == 5 and told.mean == D("2.38") / 5
    assert marking.spread([]) == marking.Spread(0, (0, 0, 0, 0, 0), None)


# ── who marks ────────────────────────────────────────────────────────────────────────────────────────────────────
def blueprint(purpose: str, **changes: Any) -> Blueprint:
    return Blueprint.model_validate({
        "key": "b", "title": text("b"), "purpose": purpose, "minutes": 30, "marks": 5, "review": {"opens": "after-release"},
        "cells": [{"content_area": "a", "kinds": ["essay"], "items": 1, "marks_each": "5"}], **changes})


@pytest.mark.parametrize(("purpose", "kind", "changes", "raters"), [
    ("exam", "essay", {}, 2), ("stage_test", "essay", {}, 1), ("practice", "essay", {}, 1), ("practice", "short_answer", {}, 0),
    ("stage_test", "short_answer", {}, 1), ("exam", "essay", {"marking": {"raters": 1}}, 1), ("practice", "short_answer", {"marking": {}}, 1),
    ("practice", "essay", {"marking": {"raters": 0}}, 0), ("exam", "single", {}, 0)])
def test_two_mark_an_exam_one_everything_else_and_a_practice_may_leave_it(purpose: str, kind: str, changes: dict[str, Any], raters: int) -> None:
    assert blueprint(purpose, **changes).raters(kind) == raters


def test_a_rule_of_marking_is_part_of_the_instrument_and_its_absence_changes_no_hash() -> None:
    assert "marking" not in scoring_of(blueprint("exam"))
    assert scoring_of(blueprint("exam", marking={"raters": 2, "max_gap": "0.1"})) != scoring_of(blueprint("exam", marking={"raters": 2}))
    assert blueprint("exam").max_gap == GAP
    for wrong in ({"raters": 3}, {"raters": -1}, {"max_gap": "1"}, {"max_gap": "-0.1"}, {"third": True}):
        with pytest.raises(ValidationError):
            blueprint("exam", marking=wrong)
