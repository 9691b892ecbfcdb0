"""When the sessions of a demo cohort take place: week by week, on working days where the dates allow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from courses.rules.outline import SESSION_KINDS, Activity, Programme

MORNING, NOON, AFTERNOON, EVENING = time(9, 0), time(12, 0), time(13, 30), time(18, 0)


def timetable(programme: Programme, starts_on: date, zone: str, early_week: int = 0) -> Iterator[tuple[Activity, datetime]]:
    """Every session of the outline with its start (aware). In week `early_week` all of them fall on the first three days."""
    for index, unit in enumerate(programme.units):
        first = starts_on + timedelta(days=7 * index)
        days = [first + timedelta(days=offset) for offset in range(3 if unit.number == early_week else 7)]
        working = [day for day in days if day.weekday() < 5] or days
        sessions = [a for a in unit.activities if a.kind in SESSION_KINDS]
        yield from _fill(sessions, working, zone)


def _fill(sessions: list[Activity], days: list[date], zone: str) -> Iterator[tuple[Activity, datetime]]:
    """Spread sessions evenly over the days, from nine in the morning, none across noon; evenings only where days are short."""
    per_day = -(-len(sessions) // len(days))
    for place, activity in enumerate(sessions):
        day = days[min(place // per_day, len(days) - 1)]
        if place % per_day == 0:
            clock_time = datetime.combine(day, MORNING, ZoneInfo(zone))
        ends = clock_time + timedelta(minutes=activity.minutes)
        noon = datetime.combine(day, NOON, ZoneInfo(zone))
        if clock_time < noon < ends:
            clock_time = datetime.combine(day, AFTERNOON, ZoneInfo(zone))
            ends = clock_time + timedelta(minutes=activity.minutes)
        yield activity, clock_time
        clock_time = ends + timedelta(minutes=10)
