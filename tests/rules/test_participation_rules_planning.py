"""Default times of sessions: weekdays at nine and two, never two at once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from training.participation.rules.planning import HALF_DAY, Wanted, days_for, default_times

MONDAY = date(2026, 9, 7)
WEEK = days_for(MONDAY, MONDAY + timedelta(days=7))


def test_a_week_that_opens_on_monday_has_its_five_weekdays() -> None:
    assert WEEK == tuple(MONDAY + timedelta(days=n) for n in range(5))


def test_a_week_that_opens_on_thursday_leaves_the_weekend_out() -> None:
    thursday = MONDAY + timedelta(days=3)
    assert [day.isoweekday() for day in days_for(thursday, thursday + timedelta(days=7))] == [4, 5, 1, 2, 3]


def test_a_course_at_the_weekend_keeps_its_days() -> None:
    saturday = MONDAY + timedelta(days=5)
    assert days_for(saturday, saturday + timedelta(days=2)) == (saturday, saturday + timedelta(days=1))
    assert days_for(saturday, saturday) == (saturday,)


def test_sessions_take_the_half_days_in_the_order_of_the_programme() -> None:
    times = default_times([Wanted(ref, 150) for ref in "abcde"], WEEK)
    assert times == {"a": datetime(2026, 9, 7, 9), "b": datetime(2026, 9, 7, 14), "c": datetime(2026, 9, 8, 9), "d": datetime(2026, 9, 8, 14),
                     "e": datetime(2026, 9, 9, 9)}


def test_a_whole_day_session_takes_the_whole_day() -> None:
    times = default_times([Wanted("short", 60), Wanted("long", 360), Wanted("next", 60)], WEEK)
    assert times == {"short": datetime(2026, 9, 7, 9), "long": datetime(2026, 9, 8, 9), "next": datetime(2026, 9, 7, 14)}


def test_more_sessions_than_half_days_are_put_behind_the_others_after_a_pause() -> None:
    times = default_times([Wanted(str(n), 90) for n in range(11)], WEEK)
    assert times["9"] == datetime(2026, 9, 11, 14)
    assert times["10"] == datetime(2026, 9, 7, 10, 45)


def test_what_has_no_room_goes_to_the_weekdays_after() -> None:
    times = default_times([Wanted(str(n), 200) for n in range(3)], [MONDAY + timedelta(days=4)])
    assert times["2"] == datetime(2026, 9, 14, 9)


@given(st.lists(st.integers(15, 480), min_size=1, max_size=30), st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(1, 14))
def test_every_session_gets_one_time_and_no_two_overlap(minutes: list[int], opens_on: date, length: int) -> None:
    wanted = [Wanted(f"s{number}", value) for number, value in enumerate(minutes)]
    times = default_times(wanted, days_for(opens_on, opens_on + timedelta(days=length)))
    assert set(times) == {session.ref for session in wanted}
    spans = sorted((times[session.ref], times[session.ref] + timedelta(minutes=session.minutes)) for session in wanted)
    for (_start, end), (following, _end) in zip(spans, spans[1:], strict=False):
        assert end <= following
    assert all(start.date() >= opens_on and start.hour >= 9 for start, _end in spans)
    assert all(start.time().hour in (9, 14) and start.minute == 0 for (start, _end), session in zip(
        [(times[s.ref], None) for s in wanted], wanted, strict=True) if session.minutes > HALF_DAY)
