"""Numeric items: drawing their parameters, their key and traps for drawn values, and reading what somebody typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from foundation.formula import FormulaError, evaluate, holds, names, parse, parse_constraint, rounded
from quizzes.rules.draw import Lot
from quizzes.rules.item import Numeric, Parameter

MAX_TRIES = 2000
MAX_TYPED = 60
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_SEPARATORS = str.maketrans("", "", ",、'’ \u00a0\u2009\u202f")


def draw_values(parameters: tuple[Parameter, ...], constraints: tuple[str, ...], seed: str) -> dict[str, str]:
    """Parameter → value as text, drawn in file order, drawn again as a whole until every constraint holds.

    Raises FormulaError where 2,000 draws do not meet the constraints: such an item is refused when content is checked.
    """
    lot = Lot(seed)
    choices = [(parameter.name, parameter.values()) for parameter in parameters]
    conditions = [parse_constraint(text) for text in constraints]
    for _ in range(MAX_TRIES):
        values = {name: lot.pick(possible) for name, possible in choices}
        exact = as_decimals(values)
        if all(holds(condition, exact) for condition in conditions):
            return values
    raise FormulaError(f"{MAX_TRIES} draws did not meet the constraints")


def as_decimals(values: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in values.items()}


def exact_answer(item: Numeric, values: Mapping[str, str]) -> Decimal:
    """The key before rounding."""
    return evaluate(parse(item.formula), as_decimals(values))


def answer(item: Numeric, values: Mapping[str, str]) -> Decimal:
    """The key, rounded once as the item says."""
    return rounded(exact_answer(item, values), item.rounding.places)


def trap_answers(item: Numeric, values: Mapping[str, str]) -> tuple[Decimal, ...]:
    """What each recognised wrong way leads to, rounded like the key."""
    exact = as_decimals(values)
    return tuple(rounded(evaluate(parse(trap.formula), exact), item.rounding.places) for trap in item.traps)


def shown(value: Decimal) -> str:
    """A figure as answers are shown: grouped, with its decimals.

    >>> shown(Decimal("1210.00"))
    '1,210.00'
    """
    return f"{value:,f}"


def read_number(typed: str, item: Numeric) -> Decimal | None:
    """What somebody typed as a number, or None where it is none.

    Full-width digits and signs, a Chinese full stop as decimal point, a currency sign before and the item's unit after are
    understood; separators too, where the item accepts them.
    """
    text = unicodedata.normalize("NFKC", typed[:MAX_TYPED]).strip()
    text = text.replace("−", "-").replace("–", "-").replace("。", ".")
    text = text.removeprefix("¥").removeprefix("￥").strip()
    for unit in (item.unit.zh, item.unit.en, "元"):
        text = text.removesuffix(unicodedata.normalize("NFKC", unit)).strip()
    if item.accept_separators:
        text = text.translate(_SEPARATORS)
    if not _PLAIN.fullmatch(text):
        return None
    return Decimal(text)


def fits(given: Decimal, wanted: Decimal, item: Numeric) -> bool:
    return abs(given - wanted) <= item.tolerance.absolute


def check_names(item: Numeric) -> list[str]:
    """Complaints about names, before anything is calculated: unknown or unused parameters, unreadable formulas."""
    complaints = []
    known = {parameter.name for parameter in item.parameters}
    if len(known) != len(item.parameters):
        complaints.append("a parameter stands twice")
    readings = [("formula", item.formula, parse), *((f"trap {n}", trap.formula, parse) for n, trap in enumerate(item.traps, 1)),
                *((f"constraint {n}", text, parse_constraint) for n, text in enumerate(item.constraints, 1))]
    seen: dict[str, str] = {}
    for label, text, read in readings:
        try:
            found = names(read(text))
        except FormulaError as fault:
            complaints.append(f"{label} {fault}")
            continue
        complaints += [f"{label} names {name}, which is no parameter" for name in sorted(found - known)]
        if text in seen:
            complaints.append(f"{label} repeats {seen[text]}")
        seen.setdefault(text, label)
    if set(item.example.values) != known:
        complaints.append("example must give a value to every parameter and to nothing else")
    return complaints
