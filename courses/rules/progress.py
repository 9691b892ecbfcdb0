"""Progress as folds over facts: what is done, hours earned, gates passed, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from courses.rules.outline import SESSION_KINDS, Activity, Gate, Programme, Unit

Done = Mapping[tuple[str, str], Decimal | None]
GateState = Literal["passed", "waived", "open"]


@dataclass(frozen=True)
class CompletionFact:
    kind: str
    ref: str
    fraction: Decimal | None


def fold_completions(facts: Iterable[CompletionFact]) -> dict[tuple[str, str], Decimal | None]:
    """(kind, ref) → best fraction, None where completing is all there is to it."""
    best: dict[tuple[str, str], Decimal | None] = {}
    for fact in facts:
        key = (fact.kind, fact.ref)
        if key not in best or (fact.fraction is not None and (best[key] is None or fact.fraction > best[key])):  # type: ignore[operator]
            best[key] = fact.fraction
    return best


def is_done(activity: Activity, done: Done) -> bool:
    """Whether an activity is done: completed, and at least at its own least fraction where it names one."""
    key = (activity.kind, activity.ref)
    if activity.planned or key not in done:
        return False
    fraction = done[key]
    return activity.min_fraction is None or (fraction is not None and fraction >= activity.min_fraction)


def earned_minutes(programme: Programme, done: Done, attended: Mapping[str, int]) -> int:
    """Planned minutes of done activities plus attended session minutes; what is in preparation earns nothing.

    `attended` maps a session's activity ref to the minutes somebody was there; never more than planned.
    """
    total = 0
    for activity in programme.activities:
        if activity.kind in SESSION_KINDS:
            total += min(attended.get(activity.ref, 0), activity.minutes)
        elif is_done(activity, done):
            total += activity.minutes
    return total


def gate_state(gate: Gate, done: Done, waived: frozenset[str]) -> GateState:
    """passed: every existing component at or above its least fraction; waived: a trainer let the trainee through."""
    for component in gate.blocking:
        fraction = done.get((component.kind, component.ref))
        if (component.kind, component.ref) not in done or (component.min_fraction is not None and (fraction or Decimal(0)) < component.min_fraction):
            return "waived" if gate.key in waived else "open"
    return "passed"


@dataclass(frozen=True)
class UnitState:
    """How a unit stands for one trainee: why it is closed, if it is, and how much of it is done."""

    unit: Unit
    opens_on: date
    is_open: bool
    blocked_by: Gate | None
    done: int
    required: int

    @property
    def is_complete(self) -> bool:
        return self.required > 0 and self.done >= self.required


def unit_states(programme: Programme, openings: Mapping[str, date], today: date, done: Done, attended: Mapping[str, int],
                waived: frozenset[str]) -> tuple[UnitState, ...]:
    """Every unit with whether it is open: on its date, and once the gates before it are passed or waived."""
    states = []
    for unit in programme.units:
        blocked = next((gate for gate in programme.gates_before(unit.key) if gate_state(gate, done, waived) == "open"), None)
        required = [a for a in unit.activities if a.required and not a.planned]
        finished = sum(1 for a in required if (attended.get(a.ref, 0) > 0 if a.kind in SESSION_KINDS else is_done(a, done)))
        states.append(UnitState(unit, openings[unit.key], openings[unit.key] <= today and blocked is None, blocked, finished, len(required)))
    return tuple(states)


def is_unit_open(programme: Programme, unit_key: str, opens_on: date, today: date, done: Done, waived: frozenset[str]) -> bool:
    """Whether one unit is open, without looking at the others: for the pages read most."""
    return opens_on <= today and all(gate_state(gate, done, waived) != "open" for gate in programme.gates_before(unit_key))


def next_activity(states: Iterable[UnitState], done: Done) -> tuple[Unit, Activity] | None:
    """The first activity in an open unit that the trainee can do alone now and has not done; None when all are."""
    for state in states:
        if not state.is_open:
            continue
        for activity in state.unit.activities:
            if activity.planned or activity.kind in SESSION_KINDS or activity.kind == "station" or not activity.required:
                continue
            if not is_done(activity, done):
                return state.unit, activity
    return None
