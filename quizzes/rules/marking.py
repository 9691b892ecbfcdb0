"""Marking by people as rules: what a marker may give, in which order answers come, when an answer has its mark.

A judgement is kept as it was chosen: the keys of the points found in a short answer, or criterion → marks of an essay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import combinations
from typing import Any, Literal

from quizzes.rules.item import Essay, ShortAnswer
from quizzes.rules.scoring import EXACT, essay_fraction, short_answer_fraction

MAX_COMMENT = 4000
MAX_REASON = 1000
BANDS = 5                        # of a distribution: 0-20, 20-40 … 80-100 per cent
PersonMarked = ShortAnswer | Essay
Judgement = list[str] | dict[str, int]


class BadJudgement(ValueError):
    """This is no judgement of this answer: an unknown point or criterion, a mark of no level, too long a text."""


class Incomplete(Exception):
    """A final mark lacks these criteria."""

    def __init__(self, criteria: tuple[str, ...]) -> None:
        super().__init__(", ".join(criteria))
        self.criteria = criteria


# ── what a marker gives ──────────────────────────────────────────────────────────────────────────────────────────
def empty(item: PersonMarked) -> Judgement:
    return {} if isinstance(item, Essay) else []


def read(item: PersonMarked, raw: Any) -> Judgement:
    """What was sent as a judgement in its one spelling; an essay's may lack criteria while it is a draft. Raises BadJudgement."""
    if isinstance(item, Essay):
        if not isinstance(raw, Mapping):
            raise BadJudgement("criteria with marks are expected")
        known = {criterion.key: {level.marks for level in criterion.levels} for criterion in item.criteria}
        for key, marks in raw.items():
            if key not in known or isinstance(marks, bool) or not isinstance(marks, int) or marks not in known[key]:
                raise BadJudgement("a mark of one of the levels is expected")
        return {criterion.key: raw[criterion.key] for criterion in item.criteria if criterion.key in raw}
    if not isinstance(raw, list):
        raise BadJudgement("a list of points is expected")
    points = [point.key for point in (*item.marking.points, *item.marking.deductions)]
    if any(not isinstance(key, str) or key not in points for key in raw):
        raise BadJudgement("names a point the question does not have")
    return [key for key in points if key in set(raw)]


def read_text(value: Any, longest: int) -> str:
    """A comment or a reason as it is kept. Raises BadJudgement for what is no text, too long, or cannot be stored."""
    if not isinstance(value, str) or len(value) > longest:
        raise BadJudgement(f"a text of at most {longest} characters is expected")
    if any((ord(sign) < 32 and sign not in "\n\r\t") or 0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        raise BadJudgement("the text holds signs that cannot be kept")
    return value.replace("\r\n", "\n").strip()


def marks_of(item: PersonMarked, judgement: Judgement) -> int:
    """The running total: marks chosen so far, never below nothing nor above the most there are."""
    if isinstance(item, Essay):
        return sum(judgement.values()) if isinstance(judgement, dict) else 0
    worth = {point.key: point.marks for point in (*item.marking.points, *item.marking.deductions)}
    return min(item.marking.max, max(0, sum(worth[key] for key in judgement)))


def most(item: PersonMarked) -> int:
    return item.max if isinstance(item, Essay) else item.marking.max


def fraction_of(item: PersonMarked, judgement: Judgement) -> Decimal:
    """The fraction of a whole judgement. Raises Incomplete where an essay lacks a criterion."""
    if isinstance(item, Essay):
        given = dict(judgement) if isinstance(judgement, dict) else {}
        if missing := tuple(criterion.key for criterion in item.criteria if criterion.key not in given):
            raise Incomplete(missing)
        return essay_fraction(item, given)
    return short_answer_fraction(item, judgement)


# ── in which order ───────────────────────────────────────────────────────────────────────────────────────────────
def shuffled(marker_id: int, slot_ids: Iterable[int]) -> tuple[int, ...]:
    """Answers in an order that is each marker's own, always the same, and says nothing about who wrote when."""
    return tuple(sorted(slot_ids, key=lambda slot_id: hashlib.sha256(f"{marker_id}/{slot_id}".encode()).digest()))


def code_of(slot_id: int) -> str:
    """What an answer is called among markers: tells nothing of its author, its paper or its cohort.

    >>> code_of(1) == code_of(1), len(code_of(1)), code_of(1) == code_of(2)
    (True, 6, False)
    """
    return hashlib.sha256(f"answer/{slot_id}".encode()).hexdigest()[:6].upper()


# ── when an answer has its mark ──────────────────────────────────────────────────────────────────────────────────
State = Literal["open", "second", "held", "complete"]


@dataclass(frozen=True)
class Settlement:
    """How an answer stands. open: nobody marked it; second: one of two did; held: two lie too far apart, a third marks.
    `counted`: the places, among the marks given, of those the fraction rests on."""

    state: State
    fraction: Decimal | None = None
    counted: tuple[int, ...] = ()


def settle(fractions: Sequence[Decimal], raters: int, max_gap: Decimal) -> Settlement:
    """Marks of different people, in the order they became final → the agreed fraction.

    One: as given. Two: their mean while they lie at most `max_gap` apart. Three: the mean of the two that lie closest; where
    the middle one is as far from both, it stands itself.
    """
    if not fractions:
        return Settlement("open")
    if raters <= 1 and len(fractions) == 1:
        return Settlement("complete", fractions[0], (0,))
    if len(fractions) == 1:
        return Settlement("second")
    with localcontext(EXACT):
        if len(fractions) == 2:
            one, other = fractions
            if abs(one - other) > max_gap:
                return Settlement("held")
            return Settlement("complete", (one + other) / 2, (0, 1))
        pairs = sorted(combinations(range(len(fractions)), 2), key=lambda pair: abs(fractions[pair[0]] - fractions[pair[1]]))
        least = abs(fractions[pairs[0][0]] - fractions[pairs[0][1]])
        closest = [pair for pair in pairs if abs(fractions[pair[0]] - fractions[pair[1]]) == least]
        counted = tuple(sorted({place for pair in closest for place in pair}))
        means = [(fractions[one] + fractions[other]) / 2 for one, other in closest]
        return Settlement("complete", sum(means, Decimal(0)) / len(means), counted)


# ── keeping to one's own standard ────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Spread:
    """A marker's own marks on one question: how many in each fifth of the scale, and their mean as a fraction."""

    count: int
    bands: tuple[int, ...]
    mean: Decimal | None


def spread(fractions: Sequence[Decimal]) -> Spread:
    """
    >>> spread([Decimal(0), Decimal("0.2"), Decimal(1)]).bands
    (1, 1, 0, 0, 1)
    """
    bands = [0] * BANDS
    for fraction in fractions:
        bands[min(BANDS - 1, int(fraction * BANDS))] += 1
    with localcontext(EXACT):
        return Spread(len(fractions), tuple(bands), sum(fractions, Decimal(0)) / len(fractions) if fractions else None)
