"""Response and key → fraction 0..1, with partial credit exactly as FORMATS section 3; fraction x marks → mark.

Fractions are Decimal with 28 digits. A total of thirds and ninths may be off in the 27th digit, so `percent` rounds at
the twentieth: far below any real difference between two papers, far above the noise, and a bar of 80 is met by 80.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from itertools import pairwise

from quizzes.rules import numbers
from quizzes.rules.answer import Answer
from quizzes.rules.item import Answerable, Cloze, Essay, Matching, Multiple, Numeric, Ordering, ShortAnswer, Single, TrueFalse

EXACT = Context(prec=28)
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Scored:
    """What an answer earned. `right_parts`: keys of the pairs, blanks or neighbours that were right; `trap`: number of
    the recognised wrong way, from 0. `fraction` None: a person marks it."""

    fraction: Decimal | None
    right_parts: tuple[str, ...] = ()
    trap: int | None = None


def score(item: Answerable, answer: Answer | None, values: Mapping[str, str]) -> Scored:
    """The fraction an answer earns. Nothing answered earns 0; a short answer and an essay are for a person."""
    if isinstance(item, ShortAnswer | Essay):
        return Scored(None)
    if not answer:
        return Scored(ZERO)
    with localcontext(EXACT):
        if isinstance(item, Single):
            return Scored(ONE if answer["choice"] in item.right else ZERO)
        if isinstance(item, Multiple):
            return _multiple(item, answer)
        if isinstance(item, TrueFalse):
            return Scored(ONE if answer["value"] == item.answer else ZERO)
        if isinstance(item, Matching):
            right = tuple(entry.key for entry in item.left if answer["pairs"].get(entry.key) == item.answer[entry.key])
            return Scored(Decimal(len(right)) / len(item.left), right)
        if isinstance(item, Ordering):
            return _ordering(item, answer)
        if isinstance(item, Cloze):
            right = tuple(key for key in item.order() if blank_fits(item, key, answer["blanks"].get(key, "")))
            return Scored(Decimal(len(right)) / len(item.blanks), right)
        return _numeric(item, answer, values)


def _multiple(item: Multiple, answer: Answer) -> Scored:
    chosen, key = set(answer["choices"]), set(item.right)
    right = tuple(sorted(chosen & key))
    if item.scoring.rule == "all-or-nothing":
        return Scored(ONE if chosen == key else ZERO, right)
    earned = (Decimal(len(right)) + item.scoring.wrong * len(chosen - key)) / item.choose
    return Scored(min(ONE, max(item.scoring.floor, earned)), right)


def _ordering(item: Ordering, answer: Answer) -> Scored:
    """Neighbours kept / (n - 1). A place given to two entries counts for neither, so that hedging earns nothing."""
    given: dict[str, int] = answer["positions"]
    places = list(given.values())
    placed = {key: place for key, place in given.items() if places.count(place) == 1}
    keys = [entry.key for entry in item.sequence]
    right = tuple(first for first, then in pairwise(keys) if first in placed and placed.get(then) == placed[first] + 1)
    if item.scoring.rule == "exact":
        return Scored(ONE if len(right) == len(keys) - 1 else ZERO, right)
    return Scored(Decimal(len(right)) / (len(keys) - 1), right)


def _numeric(item: Numeric, answer: Answer, values: Mapping[str, str]) -> Scored:
    given = numbers.read_number(answer["text"], item)
    if given is None:
        return Scored(ZERO)
    if numbers.fits(given, numbers.answer(item, values), item):
        return Scored(ONE)
    for number, wrong in enumerate(numbers.trap_answers(item, values)):
        if numbers.fits(given, wrong, item):
            return Scored(item.traps[number].fraction, trap=number)
    return Scored(ZERO)


def plain(text: str, ignore: Iterable[str]) -> str:
    """A text without what a cloze ignores: width, case, spaces, punctuation.

    >>> plain(" Time－Horizon。", ["case", "spaces", "punctuation", "width"])
    'timehorizon'
    """
    ignored = set(ignore)
    if "width" in ignored:
        text = unicodedata.normalize("NFKC", text)
    if "case" in ignored:
        text = text.casefold()
    if "spaces" in ignored:
        text = "".join(text.split())
    if "punctuation" in ignored:
        text = "".join(sign for sign in text if not unicodedata.category(sign).startswith("P"))
    return text.strip()


def blank_fits(item: Cloze, key: str, typed: str) -> bool:
    """Whether a blank holds an accepted wording, in either language: who knows the term in one of them knows it."""
    ignore = item.matching.ignore
    wanted = plain(typed, ignore)
    accept = item.blanks[key].accept
    return bool(wanted) and any(plain(text, ignore) == wanted for text in (*accept.zh, *accept.en))


def short_answer_fraction(item: ShortAnswer, awarded: Iterable[str]) -> Decimal:
    """Marks of the points and deductions a person found, / max, never below 0 nor above 1. Raises KeyError for an unknown point."""
    marks = {point.key: point.marks for point in (*item.marking.points, *item.marking.deductions)}
    with localcontext(EXACT):
        return min(ONE, max(ZERO, Decimal(sum(marks[key] for key in set(awarded))) / item.marking.max))


def essay_fraction(item: Essay, given: Mapping[str, int]) -> Decimal:
    """Marks given per criterion / the most there are, 0..1.

    Raises KeyError where a criterion is unknown or lacks its mark, ValueError where the mark is that of none of its levels.
    """
    known = {criterion.key: criterion for criterion in item.criteria}
    if missing := set(known) ^ set(given):
        raise KeyError(min(missing))
    for key, marks in given.items():
        if marks not in {level.marks for level in known[key].levels}:
            raise ValueError(f"{key}: no level earns {marks}")
    with localcontext(EXACT):
        return Decimal(sum(given.values())) / item.max


def mark(fraction: Decimal, marks: Decimal) -> Decimal:
    with localcontext(EXACT):
        return fraction * marks


def percent(earned: Iterable[Decimal], possible: Iterable[Decimal]) -> Decimal | None:
    """Score 0..100 of earned marks over possible ones, unrounded but for noise below 1e-20; None where nothing was scored.

    >>> percent([Decimal("1.666666666666666666666666667"), Decimal("3.333333333333333333333333333")], [Decimal(5), Decimal(5)])
    Decimal('50')
    """
    with localcontext(Context(prec=50)):
        whole = sum(possible, ZERO)
        if whole == 0:
            return None
        value = (sum(earned, ZERO) * 100 / whole).quantize(Decimal("1e-20"), ROUND_HALF_UP).normalize()
        return value.quantize(ONE) if value == value.to_integral_value() else value


def right_answer(item: Answerable, values: Mapping[str, str]) -> Answer:
    """An answer that earns everything (for a short answer or an essay: its model answer)."""
    if isinstance(item, Single):
        return {"choice": item.right[0]}
    if isinstance(item, Multiple):
        return {"choices": sorted(item.right)}
    if isinstance(item, TrueFalse):
        return {"value": item.answer}
    if isinstance(item, Matching):
        return {"pairs": dict(item.answer)}
    if isinstance(item, Ordering):
        return {"positions": {entry.key: place for place, entry in enumerate(item.sequence, 1)}}
    if isinstance(item, Numeric):
        return {"text": format(numbers.answer(item, values), "f")}
    if isinstance(item, Cloze):
        return {"blanks": {key: blank.accept.zh[0] for key, blank in item.blanks.items()}}
    return {"text": item.model_answer.zh}


def shown_score(value: Decimal, bars: Iterable[Decimal] = ()) -> str:
    """One decimal, half-up; where that would land on the other side of a bar, as many decimals as keep it on its own side.

    >>> shown_score(Decimal("79.96"), [Decimal(80)]), shown_score(Decimal("79.996"), [Decimal(80)]), shown_score(Decimal("80"), [Decimal(80)])
    ('79.96', '79.996', '80')
    """
    for places in range(1, 21):
        text = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context=Context(prec=40))
        if all((text >= bar) == (value >= bar) for bar in bars):
            shown = format(text, "f")
            return shown[:-2] if shown.endswith(".0") else shown
    return format(value, "f")
