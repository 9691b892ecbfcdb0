"""Blueprint + bank + seed → an ordered paper. The same seed gives the same paper, to the order of its options.

A draw is repeated with derived seeds until it fits: cells filled without replacement (a set counts as its items),
enemies apart, mean difficulty within tolerance, and no position holding too many of the keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quizzes.rules.blueprint import Blueprint, Unit, pool
from quizzes.rules.draw import Lot
from quizzes.rules.item import Answerable, Choice, Item, Matching, Numeric, Ordering, Single
from quizzes.rules.numbers import draw_values

MAX_TRIES = 400
SHUFFLES = 60
KEY_SHARE = Decimal("0.40")


class NoPaper(Exception):
    """No draw from this bank fits the blueprint; `reason` says what stood in the way."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class PaperSlot:
    """A place in a paper. `order`: keys as shown (options, right-hand entries, entries to be ordered); `values`: drawn
    parameters as text; `piece`: the key the item is stored under (that of its set)."""

    position: int
    piece: str
    item_key: str
    marks: Decimal
    order: tuple[str, ...]
    values: dict[str, str]
    section: int = 0                     # of the blueprint's sections, from 0

    def frozen(self) -> dict[str, Any]:
        """What the slot's row keeps."""
        return {"order": list(self.order), "values": self.values, **({"set": self.piece} if self.piece != self.item_key else {})}


@dataclass(frozen=True)
class Pools:
    """Cell by cell, what may be drawn: made once per blueprint and bank, used for every seed."""

    blueprint: Blueprint
    cells: tuple[tuple[Unit, ...], ...]
    order: tuple[int, ...]               # cells in the order of drawing: the tightest first


def pools(blueprint: Blueprint, items: Iterable[Item]) -> Pools:
    bank = list(items)
    cells = tuple(pool(blueprint, cell, bank) for cell in blueprint.cells)
    spare = [sum(unit.size for unit in units) - cell.items for units, cell in zip(cells, blueprint.cells, strict=True)]
    return Pools(blueprint, cells, tuple(sorted(range(len(cells)), key=lambda index: (spare[index], index))))


def _fill(units: Sequence[Unit], wanted: int, lot: Lot, taken: set[str], shunned: set[str]) -> list[Unit] | None:
    drawn: list[Unit] = []
    for unit in lot.shuffled(units):
        if wanted == 0:
            break
        if unit.size > wanted or unit.keys & taken or unit.keys & shunned or unit.enemies & taken:
            continue
        drawn.append(unit)
        taken |= unit.keys
        shunned |= unit.enemies
        wanted -= unit.size
    return drawn if wanted == 0 else None


def draw_units(prepared: Pools, seed: str) -> tuple[tuple[Unit, ...], ...]:
    """Units per cell, in the blueprint's order of cells. Raises NoPaper after 400 derived seeds."""
    blueprint = prepared.blueprint
    short = unfit = 0
    for attempt in range(MAX_TRIES):
        lot = Lot(f"{seed}/paper/{attempt}")
        taken: set[str] = set()
        shunned: set[str] = set()
        drawn: dict[int, list[Unit]] = {}
        for index in prepared.order:
            filled = _fill(prepared.cells[index], blueprint.cells[index].items, lot, taken, shunned)
            if filled is None:
                break
            drawn[index] = filled
        if len(drawn) < len(prepared.cells):
            short += 1
            continue
        wanted = blueprint.difficulty
        if wanted and abs(expected(blueprint, drawn) - wanted.mean) > wanted.tolerance:
            unfit += 1
            continue
        return tuple(tuple(drawn[index]) for index in range(len(prepared.cells)))
    raise NoPaper("the pools do not fill the cells" if short > unfit else "no draw comes within the difficulty")


def expected(blueprint: Blueprint, drawn: dict[int, list[Unit]]) -> Decimal:
    """Expected fraction of a paper: the items' expected fractions weighted by their marks."""
    earned = sum((unit.expected * blueprint.cells[index].marks_each for index, units in drawn.items() for unit in units), Decimal(0))
    return earned / sum((cell.items * cell.marks_each for cell in blueprint.cells), Decimal(0))


def shown_order(item: Answerable, seed: str) -> tuple[str, ...]:
    """Keys in the order of the screen. What has a right order is never shown in it."""
    if isinstance(item, Choice):
        keys = tuple(option.key for option in item.options)
        return Lot(seed).shuffled(keys) if item.shuffle else keys
    if isinstance(item, Matching):
        keys = tuple(entry.key for entry in item.right)
        return Lot(seed).shuffled(keys) if item.shuffle else keys
    if isinstance(item, Ordering):
        right = tuple(entry.key for entry in item.sequence)
        lot = Lot(seed)
        order = lot.shuffled(right)
        while order == right:
            order = lot.shuffled(right)
        return order
    return ()


def _orders(items: Sequence[Answerable], seed: str) -> list[tuple[str, ...]]:
    """Orders for a paper, drawn again while one position holds over 40 % of the keys (where five singles or more tell)."""
    orders: list[tuple[str, ...]] = []
    for attempt in range(SHUFFLES):
        orders = [shown_order(item, f"{seed}/order/{attempt}/{number}") for number, item in enumerate(items)]
        at = Counter(order.index(item.right[0]) for item, order in zip(items, orders, strict=True) if isinstance(item, Single))
        singles = sum(at.values())
        if singles < 5 or max(at.values()) <= KEY_SHARE * singles:
            break
    return orders


def assemble(prepared: Pools, seed: str) -> tuple[PaperSlot, ...]:
    """The paper of a seed. Raises NoPaper where the bank cannot fill the blueprint."""
    blueprint = prepared.blueprint
    placed = [(unit, item, blueprint.cells[index].marks_each, blueprint.section_of(index))
              for index, units in enumerate(draw_units(prepared, seed)) for unit in units for item in unit.items]
    orders = _orders([item for _unit, item, _marks, _section in placed], seed)
    slots = []
    for position, ((unit, item, marks, section), order) in enumerate(zip(placed, orders, strict=True), 1):
        values = draw_values(item.parameters, item.constraints, f"{seed}/values/{position}") if isinstance(item, Numeric) else {}
        slots.append(PaperSlot(position, unit.piece, item.key, marks, order, values, section))
    return tuple(slots)
