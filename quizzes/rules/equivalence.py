"""The equivalence proof: whether the papers of a sitting are as hard as each other, and each what the blueprint says.

It looks at the papers themselves, not at how they were drawn: every slot is matched anew to a cell that may hold it.
A finding `fails` where the papers must not be used so, and `notes` where a person should look. The words are the page's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import combinations
from typing import Any, Literal

from quizzes.rules.assembly import KEY_SHARE, Pools
from quizzes.rules.blueprint import Blueprint, Unit, paper_reading_seconds, unit_of
from quizzes.rules.item import Answerable, Item, ItemSet, Single, part, parts
from quizzes.rules.paper_check import READING_SHARE
from quizzes.rules.parallel import BAND, kinds_apart, middle_of

Severity = Literal["fails", "notes"]
TELLING_KEYS = 5            # single items from which on the position of keys says anything
OVERLAP_MAX = Decimal("0.40")    # of two fixed forms, where the blueprint names no limit
KINDS_BAND = Decimal("0.20")     # share of items that may be of other kinds in another form before it is noted
READING_BAND = Decimal("0.20")   # reading times of two forms that differ by more than this share are noted
PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Place:
    """A slot as the proof looks at it: the piece and the item of it that stand there, the marks, the order as shown."""

    piece: Item
    item_key: str
    marks: Decimal
    order: tuple[str, ...]

    @property
    def item(self) -> Answerable:
        return part(self.piece, self.item_key)


@dataclass(frozen=True)
class Sheet:
    """A paper under a label: a form's letter, or the number of somebody's own paper. `digest` names its frozen slots."""

    label: str
    places: tuple[Place, ...]
    digest: str = ""


@dataclass(frozen=True)
class CellLine:
    """A cell of the blueprint: what it asks for and how many items of the bank it may draw from."""

    content_area: str
    objectives: tuple[str, ...]
    bloom: tuple[str, ...]
    kinds: tuple[str, ...]
    wanted: int
    marks_each: str
    pool: int


@dataclass(frozen=True)
class PaperLine:
    """What one paper holds. `placed`: items per cell, in the order of cells; `keys`: how many keys of single items stand at
    each position, from the first; fractions and marks as text."""

    label: str
    placed: tuple[int, ...]
    strays: tuple[str, ...]
    items: int
    marks: str
    expected: str
    reading_seconds: int
    kinds: dict[str, int]
    keys: tuple[int, ...]
    digest: str = ""


@dataclass(frozen=True)
class Overlap:
    """Items two papers have in common, and the share of a paper that is."""

    one: str
    other: str
    shared: int
    share: str


@dataclass(frozen=True)
class Spread:
    """Many papers at once: how many, the range and mean of their expected fraction, of reading time and of what two share."""

    papers: int
    expected_low: str
    expected_mean: str
    expected_high: str
    reading_low: int
    reading_high: int
    shared_mean: str
    shared_high: int
    exposure_high: str           # the share of papers in which the most frequent item stands
    exposed_item: str


@dataclass(frozen=True)
class Finding:
    """`code` names what was found, `facts` fill its wording."""

    code: str
    severity: Severity
    facts: dict[str, str | int]


@dataclass(frozen=True)
class Proof:
    """The proof as it is shown, stored and hashed: plain values throughout. `papers` are listed with fixed forms; with a
    paper per person `spread` speaks for all of them, and `papers` holds the easiest and the hardest."""

    blueprint: str
    mode: str
    minutes: int
    items: int
    marks: str
    middle: str
    tolerance: str | None
    band: str
    overlap_max: str
    cells: tuple[CellLine, ...]
    papers: tuple[PaperLine, ...]
    overlaps: tuple[Overlap, ...]
    spread: Spread | None
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return not any(finding.severity == "fails" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Proof:
        """The proof of a stored row."""
        cells = tuple(CellLine(**{**cell, **{name: tuple(cell[name]) for name in ("objectives", "bloom", "kinds")}}) for cell in body["cells"])
        papers = tuple(PaperLine(**{**paper, **{name: tuple(paper[name]) for name in ("placed", "strays", "keys")}}) for paper in body["papers"])
        return cls(**{**body, "cells": cells, "papers": papers, "overlaps": tuple(Overlap(**overlap) for overlap in body["overlaps"]),
                      "spread": Spread(**body["spread"]) if body["spread"] else None,
                      "findings": tuple(Finding(**finding) for finding in body["findings"])})


# ── what the bank lacks ──────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Shortage:
    """A cell the bank cannot fill: its number from 1, what it asks for, what there is."""

    cell: int
    content_area: str
    wanted: int
    available: int

    @property
    def lacking(self) -> int:
        return self.wanted - self.available


def shortages(prepared: Pools) -> tuple[Shortage, ...]:
    """Cells with fewer items than they ask for. Cells that may draw the same items are reckoned together: each is told with
    what the others leave it, the tightest first."""
    found = []
    holders = _matched(prepared.blueprint, [(unit.piece, item.key) for unit in _units(prepared) for item in unit.items], _cells_by_piece(prepared))
    placed = Counter(holders.values())
    for number, cell in enumerate(prepared.blueprint.cells):
        if placed[number] < cell.items:
            found.append(Shortage(number + 1, cell.content_area, cell.items, placed[number]))
    return tuple(found)


def _units(prepared: Pools) -> list[Unit]:
    return list({unit.piece: unit for units in prepared.cells for unit in units}.values())


def _cells_by_piece(prepared: Pools) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for number, units in enumerate(prepared.cells):
        for unit in units:
            found.setdefault(unit.piece, []).append(number)
    return {piece: tuple(cells) for piece, cells in found.items()}


def _matched(blueprint: Blueprint, slots: Sequence[tuple[str, str]], cells_of: Mapping[str, tuple[int, ...]],
             marks: Sequence[Decimal] | None = None) -> dict[int, int]:
    """Slot → cell, as many as can be placed (augmenting paths). A slot fits a cell that may draw its piece at its marks."""
    holders: dict[int, list[int]] = {number: [] for number in range(len(blueprint.cells))}
    placed: dict[int, int] = {}

    def place(slot: int, seen: set[int]) -> bool:
        for cell in cells_of.get(slots[slot][0], ()):
            if cell in seen or (marks is not None and marks[slot] != blueprint.cells[cell].marks_each):
                continue
            seen.add(cell)
            if len(holders[cell]) < blueprint.cells[cell].items:
                holders[cell].append(slot)
                placed[slot] = cell
                return True
            for holder in list(holders[cell]):
                if place(holder, seen):
                    holders[cell].remove(holder)
                    holders[cell].append(slot)
                    placed[slot] = cell
                    return True
        return False

    for slot in range(len(slots)):
        place(slot, set())
    return placed


# ── papers ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _line(prepared: Pools, sheet: Sheet, cells_of: Mapping[str, tuple[int, ...]]) -> PaperLine:
    blueprint = prepared.blueprint
    slots = [(place.piece.key, place.item_key) for place in sheet.places]
    placed = _matched(blueprint, slots, cells_of, [place.marks for place in sheet.places])
    per_cell = Counter(placed.values())
    marks = sum((place.marks for place in sheet.places), Decimal(0))
    earned = sum((place.item.difficulty.expected_fraction * place.marks for place in sheet.places), Decimal(0))
    positions = Counter(place.order.index(item.right[0]) for place in sheet.places if isinstance(item := place.item, Single))
    pieces = {place.piece.key: place.piece for place in sheet.places}
    stems = {key: piece.stem.zh for key, piece in pieces.items() if isinstance(piece, ItemSet)}
    return PaperLine(
        label=sheet.label, placed=tuple(per_cell[number] for number in range(len(blueprint.cells))),
        strays=tuple(slots[number][1] for number in range(len(slots)) if number not in placed), items=len(slots), marks=_plain(marks),
        expected=_plain((earned / marks).quantize(PLACES)) if marks else "0",
        reading_seconds=int(paper_reading_seconds([unit_of(piece) for piece in pieces.values()], stems)),
        kinds=dict(sorted(Counter(place.item.kind for place in sheet.places).items())),
        keys=tuple(positions[place] for place in range(max(positions, default=-1) + 1)), digest=sheet.digest)


def _plain(value: Decimal) -> str:
    """A number without an exponent or trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _of_paper(blueprint: Blueprint, sheet: Sheet, line: PaperLine, middle: Decimal) -> list[Finding]:
    found: list[Finding] = []
    for number, (cell, placed) in enumerate(zip(blueprint.cells, line.placed, strict=True), 1):
        if placed < cell.items:
            found.append(Finding("cell", "fails", {"paper": line.label, "cell": number, "area": cell.content_area, "wanted": cell.items, "placed": placed}))
    if line.strays:
        found.append(Finding("strays", "fails", {"paper": line.label, "items": ", ".join(line.strays)}))
    if Decimal(line.marks) != blueprint.marks:
        found.append(Finding("marks", "fails", {"paper": line.label, "marks": line.marks, "wanted": blueprint.marks}))
    keys = Counter(place.item_key for place in sheet.places)
    if twice := sorted(key for key, times in keys.items() if times > 1):
        found.append(Finding("twice", "fails", {"paper": line.label, "items": ", ".join(twice)}))
    if enemies := _enemies(sheet):
        found.append(Finding("enemies", "fails", {"paper": line.label, "items": ", ".join(enemies)}))
    difficulty = blueprint.difficulty
    if difficulty and abs(Decimal(line.expected) - middle) > difficulty.tolerance:
        found.append(Finding("difficulty", "fails", {"paper": line.label, "expected": line.expected, "middle": _plain(middle.quantize(PLACES)),
                                                     "tolerance": _plain(difficulty.tolerance)}))
    limit = READING_SHARE * blueprint.minutes * 60
    if line.reading_seconds > limit:
        found.append(Finding("reading", "fails", {"paper": line.label, "minutes": -(-line.reading_seconds // 60), "limit": int(limit // 60)}))
    singles = sum(line.keys)
    if singles >= TELLING_KEYS and max(line.keys) > KEY_SHARE * singles:
        position = line.keys.index(max(line.keys))
        found.append(Finding("keys", "notes", {"paper": line.label, "position": position + 1, "times": max(line.keys), "singles": singles}))
    return found


def _enemies(sheet: Sheet) -> list[str]:
    pieces = {place.piece.key: place.piece for place in sheet.places}
    there = {key: piece for piece in pieces.values() for key in (piece.key, *(inside.key for inside in parts(piece)))}
    found = set()
    for piece in pieces.values():
        for inside in (piece, *parts(piece)):
            found |= {f"{min(inside.key, enemy)} / {max(inside.key, enemy)}" for enemy in inside.enemy_of if enemy in there and there[enemy] is not piece}
    return sorted(found)


def _pairs(sheets: Sequence[Sheet]) -> Iterable[tuple[Sheet, Sheet, int]]:
    """Every two papers and how many items they share; sets of items as bits, so that hundreds of papers are no matter."""
    numbers: dict[str, int] = {}
    masks = []
    for sheet in sheets:
        mask = 0
        for place in sheet.places:
            mask |= 1 << numbers.setdefault(place.item_key, len(numbers))
        masks.append(mask)
    for one, other in combinations(range(len(sheets)), 2):
        yield sheets[one], sheets[other], (masks[one] & masks[other]).bit_count()


def _apart(lines: Sequence[PaperLine]) -> list[Finding]:
    """Findings between papers: too far apart in difficulty, noticeably in reading time."""
    found: list[Finding] = []
    low, high = min(lines, key=lambda line: Decimal(line.expected)), max(lines, key=lambda line: Decimal(line.expected))
    difference = Decimal(high.expected) - Decimal(low.expected)
    if difference > BAND:
        found.append(Finding("apart", "fails", {"one": low.label, "other": high.label, "difference": _plain(difference), "band": _plain(BAND)}))
    short, long = min(lines, key=lambda line: line.reading_seconds), max(lines, key=lambda line: line.reading_seconds)
    if long.reading_seconds and Decimal(long.reading_seconds - short.reading_seconds) / long.reading_seconds > READING_BAND:
        found.append(Finding("reading_apart", "notes", {"one": short.label, "other": long.label, "seconds": short.reading_seconds,
                                                        "other_seconds": long.reading_seconds}))
    return found


def prove(prepared: Pools, sheets: Sequence[Sheet], mode: str) -> Proof:
    """The proof for these papers. `mode`: forms (each listed, every two compared) or person (all reckoned, the range told)."""
    blueprint = prepared.blueprint
    cells_of = _cells_by_piece(prepared)
    middle = middle_of(prepared)
    lines = [_line(prepared, sheet, cells_of) for sheet in sheets]
    limit = blueprint.parallel.overlap_max if blueprint.parallel else OVERLAP_MAX
    found: list[Finding] = []
    shown: tuple[PaperLine, ...] = tuple(lines)
    overlaps: tuple[Overlap, ...] = ()
    spread: Spread | None = None
    for sheet, line in zip(sheets, lines, strict=True):
        found += _of_paper(blueprint, sheet, line, middle)
    if len(lines) > 1:
        found += _apart(lines)
    if mode == "person":
        shown, spread = _extremes(lines), _spread(sheets, lines)
        found = _thickened(found)
        if spread and Decimal(spread.exposure_high) > blueprint.security.exposure_max:
            found.append(Finding("exposure", "notes", {"item": spread.exposed_item, "share": spread.exposure_high,
                                                       "limit": _plain(blueprint.security.exposure_max)}))
    else:
        found += [Finding("kinds", "notes", {"one": one.label, "other": other.label, "items": kinds_apart(one.kinds, other.kinds)})
                  for one, other in combinations(lines, 2) if kinds_apart(one.kinds, other.kinds) > KINDS_BAND * max(one.items, other.items)]
        overlaps = tuple(Overlap(one.label, other.label, shared, _plain((Decimal(shared) / max(len(one.places), 1)).quantize(PLACES)))
                         for one, other, shared in _pairs(sheets))
        found += [Finding("overlap", "fails", {"one": overlap.one, "other": overlap.other, "share": overlap.share, "limit": _plain(limit)})
                  for overlap in overlaps if Decimal(overlap.share) > limit]
    cells = tuple(CellLine(cell.content_area, cell.objectives, cell.bloom, cell.kinds, cell.items, _plain(cell.marks_each), sum(unit.size for unit in units))
                  for cell, units in zip(blueprint.cells, prepared.cells, strict=True))
    return Proof(blueprint.key, mode, blueprint.minutes, blueprint.items, _plain(Decimal(blueprint.marks)), _plain(middle.quantize(PLACES)),
                 _plain(blueprint.difficulty.tolerance) if blueprint.difficulty else None, _plain(BAND), _plain(limit), cells, shown, overlaps, spread,
                 tuple(found))


def _extremes(lines: Sequence[PaperLine]) -> tuple[PaperLine, ...]:
    if not lines:
        return ()
    ordered = sorted(lines, key=lambda line: Decimal(line.expected))
    return (ordered[0], ordered[-1]) if len(ordered) > 1 else (ordered[0],)


def _thickened(found: Sequence[Finding]) -> list[Finding]:
    """Of what many papers have in common the first is told, with the number of papers."""
    told: dict[tuple[str, Any], Finding] = {}
    times: Counter[tuple[str, Any]] = Counter()
    for finding in found:
        key = (finding.code, finding.facts.get("cell"))
        told.setdefault(key, finding)
        times[key] += 1
    return [Finding(finding.code, finding.severity, {**finding.facts, **({"papers": times[key]} if times[key] > 1 else {})}) for key, finding in told.items()]


def _spread(sheets: Sequence[Sheet], lines: Sequence[PaperLine]) -> Spread | None:
    if not lines:
        return None
    expected = [Decimal(line.expected) for line in lines]
    shared = [count for _one, _other, count in _pairs(sheets)]
    seen = Counter(place.item_key for sheet in sheets for place in sheet.places)
    item, times = min(seen.items(), key=lambda entry: (-entry[1], entry[0]))
    return Spread(len(lines), _plain(min(expected)), _plain((sum(expected, Decimal(0)) / len(expected)).quantize(PLACES)), _plain(max(expected)),
                  min(line.reading_seconds for line in lines), max(line.reading_seconds for line in lines),
                  _plain((Decimal(sum(shared)) / len(shared)).quantize(Decimal("0.1"))) if shared else "0", max(shared, default=0),
                  _plain((Decimal(times) / len(lines)).quantize(PLACES)), item)
