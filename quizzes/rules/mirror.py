"""How closely one blueprint follows another: what a mock exam may say of itself, computed and not claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from quizzes.rules.blueprint import DRAWN_UNLESS_NAMED, Blueprint


@dataclass(frozen=True)
class AreaShare:
    """One content area: questions and marks in the copy and in the original."""

    area: str
    items: int
    marks: Decimal
    original_items: int
    original_marks: Decimal


@dataclass(frozen=True)
class Mirror:
    """A copy beside its original. `is_proportional`: no area is off by a whole question of the copy, none is missing or added,
    levels and kinds are narrowed alike and the expected difficulty is the same."""

    areas: tuple[AreaShare, ...]
    items: int
    original_items: int
    minutes: int
    original_minutes: int
    difficulty: Decimal | None
    is_proportional: bool


def _counted(blueprint: Blueprint) -> tuple[Counter[str], dict[str, Decimal]]:
    items: Counter[str] = Counter()
    marks: dict[str, Decimal] = {}
    for cell in blueprint.cells:
        items[cell.content_area] += cell.items
        marks[cell.content_area] = marks.get(cell.content_area, Decimal(0)) + cell.items * cell.marks_each
    return items, marks


def _machine_kinds(blueprint: Blueprint) -> set[frozenset[str]]:
    return {frozenset(cell.kinds or DRAWN_UNLESS_NAMED) & frozenset(DRAWN_UNLESS_NAMED) for cell in blueprint.cells}


def _levels(blueprint: Blueprint) -> set[frozenset[str]]:
    return {frozenset(cell.bloom) for cell in blueprint.cells}


def _order(blueprints: Iterable[Blueprint]) -> list[str]:
    return list(dict.fromkeys(cell.content_area for blueprint in blueprints for cell in blueprint.cells))


def mirror(copy: Blueprint, original: Blueprint) -> Mirror:
    """Area by area, in the original's order."""
    items, marks = _counted(copy)
    original_items, original_marks = _counted(original)
    rows = tuple(AreaShare(area, items[area], marks.get(area, Decimal(0)), original_items[area], original_marks.get(area, Decimal(0)))
                 for area in _order((original, copy)))
    scale = Decimal(copy.items) / original.items
    fits = all(abs(row.items - row.original_items * scale) < 1 and (row.items > 0) == (row.original_items > 0) for row in rows)
    mean, original_mean = (one.difficulty.mean if one.difficulty else None for one in (copy, original))
    alike = mean == original_mean and _machine_kinds(copy) == _machine_kinds(original) and _levels(copy) == _levels(original)
    return Mirror(rows, copy.items, original.items, copy.minutes, original.minutes, mean, fits and alike)
