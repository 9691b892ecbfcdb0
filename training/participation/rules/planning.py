"""Default times of a unit's sessions, in the order of the programme: weekdays at 09:00 and 14:00 where a unit has days to
spread over (weeks, parts), one after the other where it is a single day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

STARTS = (time(9), time(14))
HALF_DAY = 210          # minutes: 09:00 to 12:30, 14:00 to 17:30
PAUSE = 15              # minutes between two sessions of one half-day
PAUSE_IN_A_DAY = 10     # the same where everything has to fit into one day


@dataclass(frozen=True)
class Wanted:
    """A session of the outline that has no time yet."""

    ref: str
    minutes: int


def days_for(opens_on: date, until: date) -> tuple[date, ...]:
    """The weekdays from the opening on, before `until`; every day of them where there is no weekday (a course at a weekend)."""
    every = [opens_on + timedelta(days=n) for n in range(max((until - opens_on).days, 1))]
    return tuple(day for day in every if day.weekday() < 5) or tuple(every)


def default_times(wanted: Sequence[Wanted], days: Sequence[date]) -> dict[str, datetime]:
    """Ref → local start (naive: the caller knows the zone). Never two at once, whatever the number and length.

    One session a half-day first; what is over is put behind the others where there is room, then on the weekdays after
    the last day. A session longer than a half-day takes the whole day.

    >>> default_times([Wanted("a", 150), Wanted("b", 120), Wanted("c", 90)], [date(2026, 9, 7), date(2026, 9, 8)])["c"]
    datetime.datetime(2026, 9, 8, 9, 0)
    """
    found: dict[str, datetime] = {}
    used: dict[tuple[date, int], int] = {(day, half): 0 for day in days for half in (0, 1)}
    waiting: list[Wanted] = []
    for session in wanted:
        place = _free(used, session.minutes)
        if place is None:
            waiting.append(session)
        else:
            found[session.ref] = _take(used, place, session.minutes)
    for session in waiting:
        place = next((slot for slot, minutes in used.items() if minutes + PAUSE + session.minutes <= HALF_DAY), None)
        while place is None:
            _add_day(used)
            place = _free(used, session.minutes)
        found[session.ref] = _take(used, place, session.minutes)
    return found


def day_times(wanted: Sequence[Wanted], day: date) -> dict[str, datetime]:
    """Ref → local start (naive) of everything that is done together on one day, one after the other in the order given.

    The morning begins at 09:00, the afternoon at 14:00. What fits neither before noon's break nor by the evening still
    follows without a gap in the order: a day that is too full becomes longer, and nothing is moved to the next one.

    >>> [at.strftime("%H:%M") for at in day_times([Wanted("a", 60), Wanted("b", 120), Wanted("c", 90)], date(2026, 9, 7)).values()]
    ['09:00', '10:10', '14:00']
    """
    found: dict[str, datetime] = {}
    half, begun = 0, 0
    for session in wanted:
        if half == 0 and begun and begun + session.minutes > HALF_DAY:
            half, begun = 1, 0
        found[session.ref] = datetime.combine(day, STARTS[half]) + timedelta(minutes=begun)
        begun += session.minutes + PAUSE_IN_A_DAY
        if half == 0 and begun >= HALF_DAY:
            half, begun = 1, max(begun - (STARTS[1].hour - STARTS[0].hour) * 60, 0)
    return found


def _free(used: dict[tuple[date, int], int], minutes: int) -> tuple[date, int] | None:
    """The first empty half-day; for a long session the first empty morning whose afternoon is empty too."""
    for (day, half), taken in used.items():
        if taken == 0 and (minutes <= HALF_DAY or (half == 0 and used[(day, 1)] == 0)):
            return day, half
    return None


def _take(used: dict[tuple[date, int], int], place: tuple[date, int], minutes: int) -> datetime:
    day, half = place
    begun = used[place] + PAUSE if used[place] else 0
    used[place] = begun + minutes
    if minutes > HALF_DAY:
        used[(day, 1)] = HALF_DAY
    return datetime.combine(day, STARTS[half]) + timedelta(minutes=begun)


def _add_day(used: dict[tuple[date, int], int]) -> None:
    day = max(day for day, _half in used) + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    used[(day, 0)] = used[(day, 1)] = 0
