"""Whether a blueprint can be built from a bank: marks, pools, 200 papers, reading time, exposure (FORMATS section 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quizzes.rules.assembly import KEY_SHARE, NoPaper, Pools, assemble, draw_units, pools
from quizzes.rules.blueprint import Blueprint, paper_reading_seconds
from quizzes.rules.item import PERSON_MARKED, Item, ItemSet, Single

PAPERS = 200
READING_SHARE = Decimal("0.75")
FORMS = 3                # an exam's cells are filled three times over
SHOWN = 20               # papers whose options are put in order, to see where the keys stand


@dataclass(frozen=True)
class Finding:
    """`severity`: error, gap (the bank is too thin for what the paper is for) or warning; `check` is what a waiver names."""

    message: str
    severity: str = "error"
    check: str = ""


def check_blueprint(blueprint: Blueprint, items: Sequence[Item]) -> list[Finding]:
    """Everything that would keep a paper from being fair, or from being built at all."""
    found: list[Finding] = []
    marks = sum((cell.items * cell.marks_each for cell in blueprint.cells), Decimal(0))
    if marks != blueprint.marks:
        found.append(Finding(f"the cells' marks sum to {marks.normalize():f}, the paper says {blueprint.marks}"))
    by_people = {kind for cell in blueprint.cells for kind in cell.kinds if kind in PERSON_MARKED}
    if blueprint.purpose != "practice" and any(blueprint.raters(kind) == 0 for kind in by_people):
        found.append(Finding("only practice may leave to the trainee what is marked by a person: raters 0 stands in no test"))
    if blueprint.purpose == "exam" and blueprint.review.opens != "after-release":
        found.append(Finding("an exam's review opens after-release, nothing earlier"))
    prepared = pools(blueprint, items)
    for number, (cell, units) in enumerate(zip(blueprint.cells, prepared.cells, strict=True), 1):
        size = sum(unit.size for unit in units)
        if size < cell.items:
            found.append(Finding(f"cell {number} ({cell.content_area}) needs {cell.items} items and may draw {size}"))
        elif size < cell.items * blueprint.security.min_pool_ratio:
            found.append(Finding(f"cell {number} ({cell.content_area}) draws {cell.items} of {size} items, below the ratio "
                                 f"{blueprint.security.min_pool_ratio}", "warning", "pool-ratio"))
        if blueprint.purpose == "exam" and cell.items <= size < cell.items * (forms := max(FORMS, blueprint.parallel.forms if blueprint.parallel else 0)):
            found.append(Finding(f"cell {number} ({cell.content_area}) has {size} items; {forms} papers without a common item need {cell.items * forms}",
                                 "gap"))
    if any(finding.severity == "error" for finding in found):
        return found
    return found + _papers(blueprint, items)


def _papers(blueprint: Blueprint, items: Sequence[Item]) -> list[Finding]:
    prepared = pools(blueprint, items)
    stems = {item.key: item.stem.zh for item in items if isinstance(item, ItemSet)}
    seen: Counter[str] = Counter()
    longest = Decimal(0)
    for number in range(PAPERS):
        try:
            paper = draw_units(prepared, f"check/{number}")
        except NoPaper as refusal:
            return [Finding(f"seed {number} of {PAPERS} builds no paper: {refusal.reason}")]
        units = [unit for cell in paper for unit in cell]
        longest = max(longest, paper_reading_seconds(units, stems))
        seen.update(unit.piece for unit in units)
    found = [*_key_positions(prepared)]
    if longest > READING_SHARE * blueprint.minutes * 60:
        found.append(Finding(f"reading alone takes up to {longest / 60:.0f} of {blueprint.minutes} minutes, over 75 %"))
    piece, times = seen.most_common(1)[0]
    if Decimal(times) / PAPERS > blueprint.security.exposure_max:
        found.append(Finding(f"item {piece} stands in {100 * times // PAPERS} % of papers, over {blueprint.security.exposure_max:%}",
                             "warning", "exposure"))
    return found


def _key_positions(prepared: Pools) -> list[Finding]:
    """Check 1 on papers as shown: a position that holds over 40 % of the keys of single items, where five or more tell."""
    singles = {item.key: item for units in prepared.cells for unit in units for item in unit.items if isinstance(item, Single)}
    for number in range(SHOWN):
        paper = assemble(prepared, f"check/{number}")
        at = Counter(slot.order.index(singles[slot.item_key].right[0]) for slot in paper if slot.item_key in singles)
        total = sum(at.values())
        if total >= 5 and max(at.values()) > KEY_SHARE * total:
            place, times = at.most_common(1)[0]
            return [Finding(f"paper of seed {number}: position {place + 1} holds {times} of {total} keys of single items", "warning", "1")]
    return []
