"""From what happened to component facts: which attempt counts, when a component is complete, what it scores.

A resit replaces the former result (unless the scheme takes the best); a result that met its bar stands. A sitting counts as a resit when it comes after the
first; a station or participation counts towards one when it comes after a confirmed result that found the component below
its bar, because a first round may have more stations than the minimum. More sittings than the scheme grants never count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from training.assessment.rules.scheme import CaseEvidence, Component, ComponentFact, ParticipationEvidence, StationsEvidence, counted

RedLine = Literal["none", "raised", "confirmed"]


@dataclass(frozen=True)
class Sitting:
    """One exam attempt. `score` 0-100, unrounded, None while it is open."""

    id: int
    number: int
    score: Decimal | None
    is_open: bool
    performed_at: datetime | None


@dataclass(frozen=True)
class Judged:
    """One performance (a station or a case) as its raters left it. `mark` 0-100 only once agreed."""

    id: int
    key: str
    number: int
    performed_at: datetime | None
    mark: Decimal | None
    state: Literal["not_performed", "awaiting", "held", "complete"]
    raters: tuple[int, ...]
    red_line: RedLine


@dataclass(frozen=True)
class Presence:
    """What participation rests on: minutes of sessions, and the two levels as fractions 0..1."""

    attended: int
    lost: int
    future: int
    excused: int
    unmarked: int
    discussion: Decimal | None
    group_contribution: Decimal | None
    levels_at: datetime | None
    last_session_at: datetime | None
    level_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Folded:
    """A component fact with the ids of the rows it rests on."""

    fact: ComponentFact
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True)
class Earlier:
    """What earlier confirmed results said of this component: when each found it below its bar, and the end of the resit window."""

    below_at: tuple[datetime, ...] = ()
    resit_until: datetime | None = None


def _in_window(performed_at: datetime | None, earlier: Earlier) -> bool:
    return performed_at is None or earlier.resit_until is None or performed_at < earlier.resit_until


def _sat_in_turn(component: Component, bar: Decimal, facts: Iterable[Folded]) -> Folded:
    """The attempt that counts, from those in order: a result that met its bar stands, and nothing after it is looked at."""
    used: list[Folded] = []
    for folded in facts:
        used.append(folded)
        score = counted(component, folded.fact)
        if folded.fact.state == "complete" and not folded.fact.red_line and score is not None and score >= bar:
            break
    return _chosen(component, used) if used else Folded(ComponentFact(component.key, "not_performed"))


def fold_exam(component: Component, bar: Decimal, sittings: Sequence[Sitting], earlier: Earlier) -> Folded:
    """The latest sitting; awaiting while it is open. A resit after its window is left out, as if not taken."""
    ordered = sorted(sittings, key=lambda sitting: sitting.number)
    used = [sitting for index, sitting in enumerate(ordered) if index == 0 or _in_window(sitting.performed_at, earlier)][:component.resit.attempts + 1]
    facts = []
    for index, sitting in enumerate(used):
        done = not sitting.is_open and sitting.score is not None
        facts.append(Folded(ComponentFact(component.key, "complete" if done else "awaiting", sitting.score if done else None,
                                          sitting.performed_at if done else None, attempt=index + 1, resits_used=index), (sitting.id,)))
    return _sat_in_turn(component, bar, facts)


def fold_case(component: Component, bar: Decimal, performances: Sequence[Judged], earlier: Earlier) -> Folded:
    """The latest case that was handed in."""
    done = sorted((p for p in performances if p.state != "not_performed" and p.performed_at is not None), key=lambda p: (p.performed_at, p.id))
    used = [p for index, p in enumerate(done) if index == 0 or _in_window(p.performed_at, earlier)][:component.resit.attempts + 1]
    raters_min = component.evidence.raters_min if isinstance(component.evidence, CaseEvidence) else 1
    return _sat_in_turn(component, bar, [_judged_together(component, (p,), raters_min, index) for index, p in enumerate(used)])


def fold_stations(component: Component, performances: Sequence[Judged], earlier: Earlier) -> Folded:
    """The mean of the stations; complete once `stations_min` different ones are, and none that was performed still lacks its mark.

    After a result below the bar, each further station takes the place of the same station, else of the one that pulled the
    result down most (a red line first), so that the component always rests on the minimum of different stations.
    """
    assert isinstance(component.evidence, StationsEvidence)
    rounds: dict[int, dict[str, Judged]] = {}
    for performance in sorted((p for p in performances if p.state != "not_performed" and p.performed_at is not None), key=lambda p: (p.performed_at, p.id)):
        round_ = sum(1 for moment in earlier.below_at if performance.performed_at and performance.performed_at > moment)
        if round_ == 0 or _in_window(performance.performed_at, earlier):
            rounds.setdefault(round_, {})[performance.key] = performance
    facts: list[Folded] = []
    standing: list[Judged] = []
    for _round, fresh in sorted(rounds.items())[:component.resit.attempts + 1]:
        standing = _replaced(standing, list(fresh.values()))
        if len(standing) < component.evidence.stations_min:
            facts.append(Folded(ComponentFact(component.key, "not_performed", attempt=len(facts) + 1, resits_used=len(facts)),
                                tuple(p.id for p in standing)))
        else:
            facts.append(_judged_together(component, tuple(standing), component.evidence.raters_min, len(facts)))
    return _chosen(component, facts) if facts else Folded(ComponentFact(component.key, "not_performed"))


def _replaced(before: list[Judged], fresh: list[Judged]) -> list[Judged]:
    if not before:
        return fresh
    kept = [p for p in before if p.key not in {new.key for new in fresh}]
    others = sum(1 for new in fresh if new.key not in {p.key for p in before})
    weakest_first = sorted(kept, key=lambda p: (p.red_line != "confirmed", p.mark if p.mark is not None else Decimal(0), p.id))
    gone = {p.id for p in weakest_first[:others]}
    return [p for p in kept if p.id not in gone] + fresh


def _judged_together(component: Component, performances: tuple[Judged, ...], raters_min: int, resits: int) -> Folded:
    """One fact from performances that count together: awaiting before held before complete; the mean of their agreed marks."""
    def fact(state: Literal["awaiting", "held", "complete"], score: Decimal | None = None, red_line: bool = False) -> Folded:
        last = max(p.performed_at for p in performances if p.performed_at is not None)
        return Folded(ComponentFact(component.key, state, score, last, red_line, resits + 1, resits), tuple(p.id for p in performances))

    if any(p.state == "awaiting" or p.red_line == "raised" or (p.state == "complete" and (p.mark is None or len(set(p.raters)) < raters_min))
           for p in performances):
        return fact("awaiting")
    if any(p.state == "held" for p in performances):
        return fact("held")
    marks = [p.mark for p in performances if p.mark is not None]
    return fact("complete", sum(marks, Decimal(0)) / len(marks), any(p.red_line == "confirmed" for p in performances))


def _chosen(component: Component, facts: list[Folded]) -> Folded:
    """The last attempt; where the scheme takes the best, the best of those complete, but never while the last is under way."""
    last = facts[-1]
    if not component.resit.best_of or last.fact.state != "complete":
        return last
    return max(facts, key=lambda folded: (folded.fact.state == "complete" and not folded.fact.red_line, counted(component, folded.fact) or Decimal(0)))


def participation_score(evidence: ParticipationEvidence, presence: Presence) -> Decimal | None:
    """Weighted parts, 0-100. A trainee excused from every session is judged on the other parts; None while a level is missing."""
    total, weights = Decimal(0), Decimal(0)
    for part in evidence.parts:
        if part.key == "attendance":
            planned = presence.attended + presence.lost + presence.future
            if planned == 0 and presence.excused:
                continue
            if planned == 0:
                return None
            total += part.weight * 100 * presence.attended / planned
        else:
            fraction = presence.discussion if part.key == "discussion" else presence.group_contribution
            if fraction is None:
                return None
            total += part.weight * 100 * fraction
        weights += part.weight
    return total / weights if weights else None


def fold_participation(component: Component, presence: Presence, earlier: Earlier, deadline: datetime, now: datetime) -> Folded:
    """Complete once every session is over and in the register and all levels are set.

    What is missing after the deadline is the registrar's or the trainer's work, never the trainee's lapse: awaiting.
    """
    assert isinstance(component.evidence, ParticipationEvidence)
    resits = sum(1 for moment in earlier.below_at if presence.levels_at and presence.levels_at > moment)
    resits = min(resits, component.resit.attempts)
    score = participation_score(component.evidence, presence)
    if presence.future and not presence.unmarked and now < deadline:
        return Folded(ComponentFact(component.key, "not_performed", attempt=resits + 1, resits_used=resits), presence.level_ids)
    if presence.future or score is None:
        return Folded(ComponentFact(component.key, "awaiting", performed_at=presence.last_session_at, attempt=resits + 1, resits_used=resits),
                      presence.level_ids)
    return Folded(ComponentFact(component.key, "complete", score, presence.last_session_at or presence.levels_at, False, resits + 1, resits),
                  presence.level_ids)
