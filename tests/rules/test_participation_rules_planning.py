"""Default times of sessions: weekdays at nine and two, never two at once."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from training.participation.rules.planning import HALF_DAY, Wanted, day_times, days_for, default_times

MONDAY = date(2026, 9, 7)
WEEK = days_for(MONDAY, MONDAY + timedelta(days=7))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A local time in September 2026."""
    return datetime.combine(date(2026, 9, day), time(hour, minute))


def test_a_week_that_opens_on_monday_has_its_five_weekdays() -> None:
    assert [day.isoformat() for day in WEEK] == ["2026-09-07", "2026-09-08", "2026-09-09", "2026-09-10", "2026-09-11"]


def test_a_week_that_opens_on_thursday_leaves_the_weekend_out() -> None:
    thursday = MONDAY + timedelta(days=3)
    assert [day.isoweekday() for day in days_for(thursday, thursday + timedelta(days=7))] == [4, 5, 1, 2, 3]


def test_a_course_at_the_weekend_keeps_its_days() -> None:
    saturday = MONDAY + timedelta(days=5)
    assert days_for(saturday, saturday + timedelta(days=2)) == (saturday, saturday + timedelta(days=1))
    assert days_for(saturday, saturday) == (saturday,)


def test_sessions_take_the_half_days_in_the_order_of_the_programme() -> None:
    times = default_times([Wanted(ref, 150) for ref in "abcde"], WEEK)
    assert times == {"a": at(7, 9), "b": at(7, 14), "c": at(8, 9), "d": at(8, 14),
                     "e": at(9, 9)}


def test_a_whole_day_session_takes_the_whole_day() -> None:
    times = default_times([Wanted("short", 60), Wanted("long", 360), Wanted("next", 60)], WEEK)
    assert times == {"short": at(7, 9), "long": at(8, 9), "next": at(7, 14)}


def test_more_sessions_than_half_days_are_put_behind_the_others_after_a_pause() -> None:
    times = default_times([Wanted(str(n), 90) for n in range(11)], WEEK)
    assert times["9"] == at(11, 14)
    assert times["10"] == at(7, 10, 45)


def test_what_has_no_room_goes_to_the_weekdays_after() -> None:
    times = default_times([Wanted(str(n), 200) for n in range(3)], [MONDAY + timedelta(days=4)])
    assert times["2"] == at(14, 9)


@given(st.lists(st.integers(15, 480), min_size=1, max_size=30), st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(1, 14))
def test_every_session_gets_one_time_and_no_two_overlap(minutes: list[int], opens_on: date, length: int) -> None:
    wanted = [Wanted(f"s{number}", value) for number, value in enumerate(minutes)]
    times = default_times(wanted, days_for(opens_on, opens_on + timedelta(days=length)))
    assert set(times) == {session.ref for session in wanted}
    spans = sorted((times[session.ref], times[session.ref] + timedelta(minutes=session.minutes)) for session in wanted)
    for (_start, end), (following, _end) in pairwise(spans):
        assert end <= following
    assert all(start.date() >= opens_on and start.hour >= 9 for start, _end in spans)
    assert all(start.time().hour in (9, 14) and start.minute == 0 for (start, _end), session in zip(
        [(times[s.ref], None) for s in wanted], wanted, strict=True) if session.minutes > HALF_DAY)


# ── a unit of one day ────────────────────────────────────────────────────────────────────────────────────────
def test_one_day_holds_morning_and_afternoon_with_pauses() -> None:
    times = day_times([Wanted("a", 60), Wanted("b", 60), Wanted("c", 60), Wanted("d", 120)], MONDAY)
    assert times == {"a": at(7, 9), "b": at(7, 10, 10), "c": at(7, 11, 20), "d": at(7, 14)}


def test_what_runs_into_the_afternoon_pushes_the_afternoon() -> None:
    assert day_times([Wanted("long", 360), Wanted("next", 30)], MONDAY) == {"long": at(7, 9), "next": at(7, 15, 10)}


@given(st.lists(st.integers(5, 240), max_size=12))
def test_a_day_keeps_the_order_and_never_has_two_at_once(lengths: list[int]) -> None:
    wanted = [Wanted(str(n), minutes) for n, minutes in enumerate(lengths)]
    starts = list(day_times(wanted, MONDAY).values())
    assert len(starts) == len(wanted) and (not starts or starts[0] == at(7, 9))
    for (begin, after), session in zip(pairwise(starts), wanted, strict=False):
        assert begin + timedelta(minutes=session.minutes) < after
