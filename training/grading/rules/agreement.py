"""From ratings to one mark: two raters agree or a third decides; and how a performance stands, as a fold over its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal

from training.grading.rules.rubric import NOT_OBSERVED, AgreementRule

State = Literal["not_performed", "awaiting", "held", "complete"]
RedLineState = Literal["none", "raised", "confirmed"]
THIRD = 3


@dataclass(frozen=True)
class Judged:
    """One final rating: who, in which place (1 and 2 are the raters, 3 settles a gap), the mark 0-100, level per criterion."""

    rater_id: int
    place: int
    mark: Decimal
    levels: Mapping[str, str]


@dataclass(frozen=True)
class Gap:
    """How far two ratings lie apart: points on the whole, and the most levels on any criterion both observed."""

    total: Decimal
    levels: int
    criteria: tuple[str, ...]

    def is_within(self, rule: AgreementRule) -> bool:
        return self.total <= rule.max_total_gap and self.levels <= rule.max_level_gap


@dataclass(frozen=True)
class Standing:
    """How a performance stands. `mark` (0-100, unrounded) only when complete; `needs_third` while held without a third rater."""

    state: State
    mark: Decimal | None = None
    needs_third: bool = False


def gap(first: Judged, second: Judged, ranks: Mapping[str, int]) -> Gap:
    """The distance of two ratings. A criterion that one of them could not observe adds no gap in levels."""
    distances = {
        key: abs(ranks[first.levels[key]] - ranks[second.levels[key]])
        for key in first.levels
        if first.levels[key] != NOT_OBSERVED and second.levels.get(key, NOT_OBSERVED) != NOT_OBSERVED
    }
    widest = max(distances.values(), default=0)
    return Gap(abs(first.mark - second.mark), widest, tuple(key for key, distance in distances.items() if distance == widest and widest > 0))


def mean(marks: Sequence[Decimal]) -> Decimal:
    """The arithmetic mean, 28 digits."""
    with localcontext() as context:
        context.prec = 28
        return sum(marks, Decimal(0)) / len(marks)


def median(marks: Sequence[Decimal]) -> Decimal:
    """The middle value; for an even number the mean of the two in the middle."""
    ordered = sorted(marks)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else mean(ordered[half - 1:half + 1])


def raters_needed(rule: AgreementRule, use: str, assigned: int) -> int:
    """How many of the first two places must judge: the rule's number where it counts towards the award.

    In practice a trainer may rate alone; where two were asked, both are waited for.
    """
    return rule.raters if use == "final" else max(1, min(rule.raters, assigned))


def standing(rule: AgreementRule, ranks: Mapping[str, int], is_performed: bool, needed: int, has_third: bool, ratings: Sequence[Judged]) -> Standing:
    """The fold. Not performed; awaiting until `needed` raters are final; then complete with their mean when they lie
    within the agreed difference, else held until a third rater is final: then the median of all three.

    The third rating never replaces one of the others, and it may widen the gap: the median needs no further judgement.
    """
    if not is_performed:
        return Standing("not_performed")
    first = [rating for rating in ratings if rating.place < THIRD]
    if len(first) < needed:
        return Standing("awaiting")
    third = [rating for rating in ratings if rating.place == THIRD]
    if third:
        return Standing("complete", median([rating.mark for rating in (*first, *third)]))
    if len(first) == 1:
        return Standing("complete", first[0].mark)
    if gap(first[0], first[1], ranks).is_within(rule):
        return Standing("complete", mean([rating.mark for rating in first]))
    return Standing("held", needs_third=not has_third)


def red_line_state(decisions: Sequence[bool | None]) -> RedLineState:
    """Of all reports on a performance (True confirmed, False rejected, None undecided): one confirmed is enough, an
    undecided one keeps the matter open, rejected ones leave nothing behind.

    >>> red_line_state([]), red_line_state([False]), red_line_state([False, None]), red_line_state([None, True])
    ('none', 'none', 'raised', 'confirmed')
    """
    if True in decisions:
        return "confirmed"
    return "raised" if None in decisions else "none"
