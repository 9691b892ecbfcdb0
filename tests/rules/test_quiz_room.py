"""The exam room: windows, closing times, pauses, and how a candidate stands on the board."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules import room

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


@pytest.mark.parametrize(("now", "paused", "state"), [
    (after(-1), None, "early"), (NINE, None, "open"), (after(119), None, "open"), (after(120), None, "over"), (after(500), after(60), "paused"),
    (after(-1), after(-2), "early")])
def test_a_window_opens_at_its_first_instant_and_is_over_at_its_last(now: datetime, paused: datetime | None, state: str) -> None:
    assert room.window(now, NINE, after(120), paused) == state


def test_an_attempt_ends_with_its_own_minutes_or_with_the_sitting() -> None:
    assert room.closing_time(NINE, 90, 0, after(120)) == after(90)
    assert room.closing_time(after(60), 90, 0, after(120)) == after(120), "who comes late has what is left"
    assert room.closing_time(NINE, 90, 20, None) == after(110)


def test_extra_time_moves_the_end_of_the_sitting_too() -> None:
    end = room.sitting_end(after(120), 30, 300)
    assert end == after(155)
    assert room.closing_time(after(60), 90, 30, end) == after(155)


def test_pauses_are_summed_and_the_one_under_way_is_told() -> None:
    found = room.hall([("pause", after(10)), ("resume", after(15)), ("pause", after(40))])
    assert (found.seconds, found.since) == (300, after(40))
    assert room.hall([]) == room.Hall()


def test_a_begun_second_of_a_pause_counts_whole_and_a_clock_set_back_takes_nothing() -> None:
    assert room.whole_seconds(timedelta(seconds=2, microseconds=1)) == 3
    assert room.hall([("pause", after(10)), ("resume", after(10))]).seconds == 0
    assert room.whole_seconds(timedelta(seconds=-5)) == 0


@given(st.lists(st.integers(0, 600), min_size=2, max_size=20, unique=True))
def test_a_pause_never_counts_more_than_the_time_that_went_by(minutes: list[int]) -> None:
    marks = [("pause" if n % 2 == 0 else "resume", after(minute)) for n, minute in enumerate(sorted(minutes))]
    assert 0 <= room.hall(marks).seconds <= (max(minutes) - min(minutes)) * 60
    assert room.hall(reversed(marks)) == room.hall(marks)


@pytest.mark.parametrize(("attempt", "paused", "resting", "seen", "unsent", "standing"), [
    (None, False, False, None, 0, "absent"), ("handed_in", False, False, None, 0, "handed_in"), ("time", True, True, None, 5, "time"),
    ("open", True, True, after(-9), 0, "paused"), ("open", False, True, after(-9), 0, "break"), ("open", False, False, NINE, 0, "in"),
    ("open", False, False, NINE - timedelta(seconds=45), 0, "in"), ("open", False, False, NINE - timedelta(seconds=46), 0, "offline"),
    ("open", False, False, NINE, 1, "offline"), ("open", False, False, None, 0, "offline")])
def test_how_a_candidate_stands(attempt: str | None, paused: bool, resting: bool, seen: datetime | None, unsent: int, standing: str) -> None:
    assert room.standing(NINE, attempt, paused, resting, seen, unsent) == standing


def test_the_seeds_of_papers_and_forms_differ_and_do_not_tell_the_sittings() -> None:
    seeds = {room.paper_seed("secret", n) for n in range(200)} | {room.form_seed("secret", label) for label in "ABCDE"}
    assert len(seeds) == 205
    assert not any("secret" in seed for seed in seeds)
    assert room.paper_seed("secret", 7) == room.paper_seed("secret", 7) != room.paper_seed("other", 7)
