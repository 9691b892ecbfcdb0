"""Which week is open to a cohort on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from courses.rules.outline import Programme


def opening_days(programme: Programme, starts_on: date, moved: Mapping[str, date]) -> dict[str, date]:
    """Unit key → the day it opens: one week after another from the start, unless moved for this cohort."""
    days = {}
    for index, unit in enumerate(programme.units):
        step = 7 if unit.kind == "week" else 1 if unit.kind == "day" else 14
        days[unit.key] = moved.get(unit.key, starts_on + timedelta(days=step * index))
    return days


def week_number(programme: Programme, openings: Mapping[str, date], today: date) -> int:
    """Number of the latest unit that has opened by `today`; 0 before the first."""
    opened = [unit.number for unit in programme.units if openings[unit.key] <= today]
    return max(opened, default=0)
