"""Blueprints: the specification of a paper, as frozen types, and the pool of units each of its cells may draw from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from foundation.yamlsource import Bilingual, Dec, Strict
from quizzes.rules.item import KINDS, PERSON_MARKED, Answerable, Bloom, Choice, Cloze, Item, ItemSet, Matching, Ordering, Status, parts

Purpose = Literal["pre_test", "practice", "stage_test", "mock", "exam"]
Kind = Literal["single", "multiple", "true_false", "matching", "ordering", "numeric", "cloze", "short_answer", "essay", "set"]
DRAWN_UNLESS_NAMED = tuple(kind for kind in KINDS if kind not in PERSON_MARKED)
# Only approved content is scored; reviewed content may be practised. What is an exam's own appears nowhere else.
STATUSES: dict[str, frozenset[str]] = {
    "practice": frozenset({"reviewed", "approved"}), "pre_test": frozenset({"reviewed", "approved"}), "mock": frozenset({"reviewed", "approved"}),
    "stage_test": frozenset({"approved"}), "exam": frozenset({"approved"}),
}


def usages(purpose: str) -> frozenset[str]:
    """Which items a purpose may draw: an exam the exam's own and the shared ones, everything else never the exam's own."""
    return frozenset({"exam", "both"}) if purpose == "exam" else frozenset({"practice", "both"})


class Cell(Strict):
    """So many items of one area, narrowed by objective patterns, bloom levels and kinds; empty means any."""

    content_area: str
    objectives: tuple[str, ...] = Field(default=("*",), min_length=1, strict=False)
    bloom: tuple[Bloom, ...] = Field(default=(), strict=False)
    kinds: tuple[Kind, ...] = Field(default=(), strict=False)
    items: int = Field(gt=0, le=200)
    marks_each: Annotated[Dec, Field(gt=0)]

    def takes(self, item: Answerable) -> bool:
        return any(fnmatchcase(item.objective, pattern) for pattern in self.objectives) and (not self.bloom or item.bloom in self.bloom)


class DifficultyRange(Strict):
    """Mean expected fraction of a paper, how far a paper may be from it, and the range of each item."""

    mean: Annotated[Dec, Field(gt=0, lt=1)]
    tolerance: Annotated[Dec, Field(gt=0, lt=1)]
    each: tuple[Dec, Dec] = Field(strict=False)


class Security(Strict):
    min_pool_ratio: Annotated[Dec, Field(ge=1)] = Decimal(1)
    exposure_max: Annotated[Dec, Field(gt=0, le=1)] = Decimal(1)


class Parallel(Strict):
    forms: int = Field(ge=2, le=20)
    overlap_max: Annotated[Dec, Field(ge=0, le=1)]


class ByPeople(Strict):
    """Who marks what a program cannot: how many people, each alone, and how far two fractions may lie apart before a third
    marks. `raters` 0: nobody, the trainee compares the answer with the model; left out: two in an exam, else one."""

    raters: Literal[0, 1, 2] | None = None
    max_gap: Annotated[Dec, Field(ge=0, lt=1)] = Decimal("0.2")


class Section(Strict):
    """A part of the paper under a title of its own: the cells it holds, by their place in `cells`, from 0."""

    key: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: Bilingual
    cells: tuple[int, ...] = Field(min_length=1, strict=False)


class Review(Strict):
    """When and what a trainee sees after handing in."""

    opens: Literal["after-submit", "after-release"]
    shows: tuple[Literal["score", "key", "feedback", "objective_feedback"], ...] = Field(default=(), strict=False)


class Blueprint(Strict):
    key: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: Bilingual
    intro: Bilingual | None = None
    purpose: Purpose
    minutes: int = Field(gt=0, le=600)
    marks: int = Field(gt=0)
    cells: tuple[Cell, ...] = Field(min_length=1, strict=False)
    difficulty: DifficultyRange | None = None
    security: Security = Security()
    parallel: Parallel | None = None
    sections: tuple[Section, ...] | None = Field(default=None, strict=False)
    one_way: bool = False                # a section that was closed stays closed, and the next is not seen before
    review: Review
    marking: ByPeople | None = None
    status: Status = "approved"

    @model_validator(mode="after")
    def _sections_hold_every_cell_once(self) -> Blueprint:
        if self.sections is None:
            if self.one_way:
                raise ValueError("one_way needs sections")
            return self
        if [index for section in self.sections for index in section.cells] != list(range(len(self.cells))):
            raise ValueError("sections name every cell once, in the order of the cells, from 0")
        if len({section.key for section in self.sections}) != len(self.sections):
            raise ValueError("two sections have the same key")
        return self

    @property
    def items(self) -> int:
        return sum(cell.items for cell in self.cells)

    def raters(self, kind: str) -> int:
        """How many people mark an answer of this kind. Without a word on it, short answers of a practice are the trainee's
        own to compare; everything else a person marks is marked by two in an exam and by one elsewhere."""
        if kind not in PERSON_MARKED:
            return 0
        if self.marking is not None and self.marking.raters is not None:
            return self.marking.raters
        if self.marking is None and self.purpose == "practice" and kind == "short_answer":
            return 0
        return 2 if self.purpose == "exam" else 1

    @property
    def max_gap(self) -> Decimal:
        return (self.marking or ByPeople()).max_gap

    def section_of(self, cell: int) -> int:
        """The section a cell stands in, from 0; a blueprint without sections is one section."""
        return next((number for number, section in enumerate(self.sections or ()) if cell in section.cells), 0)


def scoring_of(blueprint: Blueprint) -> dict[str, Any]:
    """What makes a paper another instrument: purpose, time, marks, cells, difficulty; sections and marking where it names them."""
    body = blueprint.model_dump(mode="json", include={"purpose", "minutes", "marks", "cells", "difficulty"})
    if blueprint.marking is not None:
        body["marking"] = blueprint.marking.model_dump(mode="json")
    return body | ({"sections": [section.cells for section in blueprint.sections or ()]} if blueprint.one_way else {})


@dataclass(frozen=True)
class Unit:
    """What is drawn at once: an item, or a set with all its items. `piece` is the key it is stored under."""

    piece: str
    items: tuple[Answerable, ...]
    enemies: frozenset[str]
    keys: frozenset[str]

    @property
    def size(self) -> int:
        return len(self.items)

    @property
    def expected(self) -> Decimal:
        return sum((item.difficulty.expected_fraction for item in self.items), Decimal(0))


def unit_of(item: Item) -> Unit:
    answerable = parts(item)
    enemies = frozenset(key for one in (item, *answerable) for key in one.enemy_of)
    return Unit(item.key, answerable, enemies, frozenset({item.key, *(one.key for one in answerable)}))


def pool(blueprint: Blueprint, cell: Cell, items: Iterable[Item]) -> tuple[Unit, ...]:
    """Units a cell may draw, by key. A set qualifies with all its items; `kinds` must name `set` for it."""
    low, high = blueprint.difficulty.each if blueprint.difficulty else (Decimal(0), Decimal(1))
    allowed, statuses, kinds = usages(blueprint.purpose), STATUSES[blueprint.purpose], cell.kinds or DRAWN_UNLESS_NAMED
    found = []
    for item in items:
        if item.content_area != cell.content_area or item.kind not in kinds or item.status not in statuses:
            continue
        inside = parts(item)
        if isinstance(item, ItemSet) and not all(part.kind in kinds or set(kinds) == {"set"} for part in inside):
            continue
        if any(part.usage not in allowed or not cell.takes(part) or not low <= part.difficulty.expected_fraction <= high for part in inside):
            continue
        found.append(unit_of(item))
    return tuple(sorted(found, key=lambda unit: unit.piece))


def reading_seconds(item: Answerable) -> Decimal:
    """Time to read an item in Chinese: 300 characters a minute, and 20 seconds per list of options."""
    texts = [item.stem.zh]
    has_list = True
    if isinstance(item, Choice):
        texts += [option.text.zh for option in item.options]
    elif isinstance(item, Matching):
        texts += [entry.text.zh for entry in (*item.left, *item.right)]
    elif isinstance(item, Ordering):
        texts += [entry.text.zh for entry in item.sequence]
    else:
        has_list = False
        if isinstance(item, Cloze):
            texts.append(item.text.zh)
    return Decimal(sum(len(text) for text in texts)) / 5 + (20 if has_list else 0)


def paper_reading_seconds(units: Iterable[Unit], stems: Mapping[str, str]) -> Decimal:
    """Reading time of a whole paper; a set's shared stem is read once."""
    total = Decimal(0)
    for unit in units:
        total += sum((reading_seconds(item) for item in unit.items), Decimal(0)) + Decimal(len(stems.get(unit.piece, ""))) / 5
    return total
