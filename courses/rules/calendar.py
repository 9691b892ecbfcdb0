"""Which unit (week, day or part) is open to a cohort on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from courses.rules.outline import Programme

UNIT_DAYS = {"week": 7, "part": 14, "day": 1}


def opening_days(programme: Programme, starts_on: date, moved: Mapping[str, date]) -> dict[str, date]:
    """Unit key → the day it opens: one unit after another from the start, unless moved for this cohort."""
    days = {}
    for index, unit in enumerate(programme.units):
        days[unit.key] = moved.get(unit.key, starts_on + timedelta(days=UNIT_DAYS[unit.kind] * index))
    return days


def unit_number(programme: Programme, openings: Mapping[str, date], today: date) -> int:
    """Number of the latest unit that has opened by `today`; 0 before the first."""
    opened = [unit.number for unit in programme.units if openings[unit.key] <= today]
    return max(opened, default=0)


def default_length(programme: Programme) -> int:
    """How many days after the first day the last one is, going by the plan: 48 for seven weeks, 4 for five days."""
    units = programme.units
    return UNIT_DAYS[units[-1].kind] * len(units) - 1


def openings_out_of_order(programme: Programme, openings: Mapping[str, date], starts_on: date, ends_on: date) -> dict[str, str]:
    """Unit key → what is wrong with its day: "outside" the cohort's days, or "order" (before the unit that comes first)."""
    wrong = {}
    before: date | None = None
    for unit in programme.units:
        day = openings[unit.key]
        if not starts_on <= day <= ends_on:
            wrong[unit.key] = "outside"
        elif before is not None and day < before:
            wrong[unit.key] = "order"
        before = day if before is None else max(before, day)
    return wrong
