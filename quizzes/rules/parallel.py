"""Papers that are as hard as each other: fixed forms with as little in common as the bank allows, and a paper per person
drawn close to the blueprint's mean. Both are functions of their seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from quizzes.rules.assembly import NoPaper, PaperSlot, Pools, assemble
from quizzes.rules.blueprint import Unit
from quizzes.rules.draw import Lot

# Two papers of one sitting may differ by so much in their expected fraction: one mark in fifty.
BAND = Decimal("0.02")
SPARES = (0, 1, 2, 4, 8)                # units a cell may take back beyond what it lacks, so that a draw can be chosen
DRAWS_PER_FORM = 24
DRAWS_PER_PERSON = 40


def expected_of(prepared: Pools, paper: Sequence[PaperSlot]) -> Decimal:
    """Expected fraction of a paper: the items' expected fractions weighted by their marks."""
    fractions = fractions_of(prepared)
    marks = sum((slot.marks for slot in paper), Decimal(0))
    return sum((fractions[slot.item_key] * slot.marks for slot in paper), Decimal(0)) / marks


def fractions_of(prepared: Pools) -> dict[str, Decimal]:
    """Item key → expected fraction, of everything the cells may draw."""
    return {item.key: item.difficulty.expected_fraction for units in prepared.cells for unit in units for item in unit.items}


def middle_of(prepared: Pools) -> Decimal:
    """The expected fraction papers aim at: the blueprint's mean, else the mean of what each cell may draw."""
    blueprint = prepared.blueprint
    if blueprint.difficulty:
        return blueprint.difficulty.mean
    earned = marks = Decimal(0)
    for cell, units in zip(blueprint.cells, prepared.cells, strict=True):
        inside = [item.difficulty.expected_fraction for unit in units for item in unit.items]
        if inside:
            weight = cell.items * cell.marks_each
            earned += weight * sum(inside, Decimal(0)) / len(inside)
            marks += weight
    return earned / marks if marks else Decimal(0)


def kinds_of(prepared: Pools, paper: Sequence[PaperSlot]) -> Counter[str]:
    """How many items of each kind a paper holds."""
    kinds = {item.key: item.kind for units in prepared.cells for unit in units for item in unit.items}
    return Counter(kinds[slot.item_key] for slot in paper)


def kinds_apart(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    """Items that would have to be of another kind for two papers to hold the same number of each.

    >>> kinds_apart({"single": 30, "matching": 10}, {"single": 36, "matching": 4})
    6
    """
    return sum(max(0, one.get(kind, 0) - other.get(kind, 0)) for kind in {*one, *other})


def _best(prepared: Pools, seed: str, draws: int, middle: Decimal, like: Counter[str] | None = None) -> tuple[PaperSlot, ...]:
    """Of some draws one within half the band of the middle (the first, or the most `like` the kinds of another paper), else the
    nearest to it. Raises NoPaper."""
    best: tuple[tuple[int, Decimal], tuple[PaperSlot, ...]] | None = None
    for number in range(draws):
        paper = assemble(prepared, f"{seed}/draw/{number}")
        off = abs(expected_of(prepared, paper) - middle)
        is_near = off <= BAND / 2
        if is_near and like is None:
            return paper
        rank = (kinds_apart(kinds_of(prepared, paper), like), Decimal(0)) if is_near and like is not None else (len(paper) + 1, off)
        if best is None or rank < best[0]:
            best = (rank, paper)
    assert best is not None
    return best[1]


def person_paper(prepared: Pools, seed: str) -> tuple[PaperSlot, ...]:
    """One person's paper: like every other of the sitting close to the middle. Raises NoPaper."""
    return _best(prepared, seed, DRAWS_PER_PERSON, middle_of(prepared))


def _thinned(prepared: Pools, used: Counter[str], spare: int, lot: Lot) -> Pools:
    """The pools without what earlier forms hold, as far as the cells can do without: a cell that is too short takes back
    as many units as it lacks and `spare` more, those used least first."""
    cells = []
    for cell, units in zip(prepared.blueprint.cells, prepared.cells, strict=True):
        fresh = [unit for unit in units if unit.piece not in used]
        size = sum(unit.size for unit in fresh)
        again = sorted(lot.shuffled([unit for unit in units if unit.piece in used]), key=lambda unit: used[unit.piece])
        wanted = cell.items + spare
        taken: list[Unit] = []
        while again and size < wanted:
            unit = again.pop(0)
            taken.append(unit)
            size += unit.size
        cells.append(tuple(sorted((*fresh, *taken), key=lambda unit: unit.piece)))
    spares = [sum(unit.size for unit in units) - cell.items for units, cell in zip(cells, prepared.blueprint.cells, strict=True)]
    return replace(prepared, cells=tuple(cells), order=tuple(sorted(range(len(cells)), key=lambda index: (spares[index], index))))


def parallel_forms(prepared: Pools, seeds: Mapping[str, str]) -> dict[str, tuple[PaperSlot, ...]]:
    """Label → paper, one per seed, in the order given. Each form avoids the items of those before it; where the bank is too
    small for that it repeats as few as will do. Raises NoPaper where not even one form can be filled."""
    used: Counter[str] = Counter()
    papers: dict[str, tuple[PaperSlot, ...]] = {}
    middle = middle_of(prepared)
    like: Counter[str] | None = None
    for label, seed in seeds.items():
        paper = _next_form(prepared, used, seed, middle, like)
        like = like or kinds_of(prepared, paper)
        papers[label] = paper
        used.update({slot.piece for slot in paper})
    return papers


def _next_form(prepared: Pools, used: Counter[str], seed: str, middle: Decimal, like: Counter[str] | None) -> tuple[PaperSlot, ...]:
    """The form with the least in common with earlier ones that comes within half the band of the middle, else the nearest to it."""
    drawn: list[tuple[PaperSlot, ...]] = []
    for spare in SPARES if used else ():
        try:
            paper = _best(_thinned(prepared, used, spare, Lot(f"{seed}/again/{spare}")), f"{seed}/{spare}", DRAWS_PER_FORM, middle, like)
        except NoPaper:
            continue
        if abs(expected_of(prepared, paper) - middle) <= BAND / 2:
            return paper
        drawn.append(paper)
    if not drawn:
        return _best(prepared, seed, DRAWS_PER_FORM, middle)
    return min(drawn, key=lambda paper: abs(expected_of(prepared, paper) - middle))
