"""What is secured, still possible and out of reach in a component: percent of the component, always 100 together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from training.assessment.rules.folds import Presence
from training.assessment.rules.scheme import HUNDRED, Component, ParticipationEvidence

ZERO = Decimal(0)


@dataclass(frozen=True)
class Reach:
    """Percent of one component. `best` is what can still be had at most."""

    secured: Decimal
    possible: Decimal
    lost: Decimal

    @property
    def best(self) -> Decimal:
        return self.secured + self.possible

    def points(self, weight: Decimal) -> tuple[Decimal, Decimal, Decimal]:
        """(secured, possible, lost) as points of the total."""
        return self.secured * weight / HUNDRED, self.possible * weight / HUNDRED, self.lost * weight / HUNDRED


def undecided() -> Reach:
    """Not taken yet, or handed in and not released: everything is still possible."""
    return Reach(ZERO, HUNDRED, ZERO)


def forfeited() -> Reach:
    """The time passed without a performance."""
    return Reach(ZERO, ZERO, HUNDRED)


def scored(score: Decimal, resit_cap: Decimal | None = None) -> Reach:
    """A score that stands. With a resit open (`resit_cap`), what lies between the score and the cap is still possible."""
    open_ = max(ZERO, resit_cap - score) if resit_cap is not None else ZERO
    return Reach(score, open_, HUNDRED - score - open_)


def stations(marks: Sequence[Decimal | None], needed: int) -> Reach:
    """Each station contributes equally; None for one that is not performed or whose mark is not known to the reader."""
    count = max(needed, len(marks))
    known = [mark for mark in marks if mark is not None]
    secured = sum(known, ZERO) / count
    lost = sum((HUNDRED - mark for mark in known), ZERO) / count
    return Reach(secured, max(ZERO, HUNDRED - secured - lost), lost)   # thirds leave a last digit, never a minus sign


def participation(component: Component, presence: Presence) -> Reach:
    """Attendance minute by minute, a level as soon as it is set; what nobody has judged yet is still possible."""
    assert isinstance(component.evidence, ParticipationEvidence)
    planned = presence.attended + presence.lost + presence.future
    secured = lost = weights = ZERO
    for part in component.evidence.parts:
        if part.key == "attendance":
            if planned == 0 and presence.excused:
                continue
            if planned:
                secured += part.weight * 100 * presence.attended / planned
                lost += part.weight * 100 * presence.lost / planned
        else:
            fraction = presence.discussion if part.key == "discussion" else presence.group_contribution
            if fraction is not None:
                secured += part.weight * 100 * fraction
                lost += part.weight * 100 * (1 - fraction)
        weights += part.weight
    if not weights:
        return undecided()
    return Reach(secured / weights, max(ZERO, HUNDRED - secured / weights - lost / weights), lost / weights)


def together(parts: Iterable[tuple[Decimal, Reach]]) -> Reach:
    """The whole from (weight, reach) of its components: points of 100."""
    secured = possible = lost = ZERO
    for weight, reach in parts:
        points = reach.points(weight)
        secured, possible, lost = secured + points[0], possible + points[1], lost + points[2]
    return Reach(secured, possible, lost)
