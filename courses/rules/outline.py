"""A programme as frozen types: stages, units (weeks, days or parts), modules, activities, gates; and the checks on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from foundation.findings import Waiver
from foundation.yamlsource import Bilingual, Day, Dec, Source, Strict

Form = Literal["lecture", "seminar", "practical", "self_study"]
FORMS: tuple[Form, ...] = ("lecture", "seminar", "practical", "self_study")
ActivityKind = Literal["lesson", "quiz", "scenario", "station", "case", "failure_replay", "sandtable", "seminar", "peer_rating", "proposal",
                       "self_check", "mentor_talk", "survey", "worksheet", "onsite_session"]
SESSION_KINDS = frozenset({"onsite_session", "seminar"})


class Activity(Strict):
    """Something to do, in recommended order. `planned` marks content still to come: shown, earns no hours, blocks nothing."""

    kind: ActivityKind
    ref: str
    form: Form
    minutes: int = Field(gt=0)
    required: bool = True
    needs: tuple[str, ...] = Field(default=(), strict=False)
    planned: bool = False
    title: Bilingual | None = None
    intro: Bilingual | None = None
    min_fraction: Dec | None = None


class Module(Strict):
    key: str
    title: Bilingual
    objectives: tuple[str, ...] = Field(default=(), strict=False)
    activities: tuple[Activity, ...] = Field(default=(), strict=False)


class Unit(Strict):
    """A week, part or day. Hours by delivery form; minutes per form equal hours x 60."""

    key: str
    kind: Literal["week", "part", "day"]
    number: int
    title: Bilingual
    hours: dict[str, int]
    modules: tuple[Module, ...] = Field(strict=False)

    @property
    def activities(self) -> tuple[Activity, ...]:
        return tuple(activity for module in self.modules for activity in module.activities)

    @property
    def total_hours(self) -> int:
        return sum(self.hours.values())


class GateComponent(Strict):
    kind: str
    ref: str
    min_fraction: Dec | None = None
    min_band: str | None = None
    planned: bool = False
    title: Bilingual | None = None


class Gate(Strict):
    key: str
    title: Bilingual
    components: tuple[GateComponent, ...] = Field(strict=False)
    on_fail: str = "repeat"

    @property
    def blocking(self) -> tuple[GateComponent, ...]:
        """Components that exist: what is still planned cannot hold anybody back."""
        return tuple(component for component in self.components if not component.planned)


class Stage(Strict):
    key: str
    title: Bilingual
    standard: Bilingual
    objectives: tuple[str, ...] = Field(default=(), strict=False)
    units: tuple[Unit, ...] = Field(strict=False)
    gate: Gate | None = None


class Outcome(Strict):
    key: str
    text: Bilingual
    measured_by: tuple[str, ...] = Field(strict=False)


class WrittenExam(Strict):
    blueprint: str


class SkillDemonstration(Strict):
    stations: tuple[str, ...] = Field(strict=False)


class CaseAnalysis(Strict):
    cases: tuple[str, ...] = Field(strict=False)


class Assessment(Strict):
    """What feeds each component of the scheme in this programme; resits draw from the rest of the lists."""

    written_exam: WrittenExam
    skill_demonstration: SkillDemonstration
    case_analysis: CaseAnalysis


class FollowUp(Strict):
    within_days: int
    baseline_week: int = 0


class Programme(Strict):
    format: Literal["qizhou/programme@1"]
    key: str
    code: str = Field(pattern=r"^[A-Z]{2}$")
    title: Bilingual
    audience: Bilingual
    hours: int
    delivery_forms: tuple[Form, ...] = Field(strict=False)
    outcomes: tuple[Outcome, ...] = Field(strict=False)
    scheme: str
    assessment: Assessment
    valid_months: int | None
    follow_up: FollowUp
    stages: tuple[Stage, ...] = Field(strict=False)
    status: str = "approved"
    reviewed: Day | None = None
    sources: tuple[str, ...] = Field(default=(), strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)

    @property
    def units(self) -> tuple[Unit, ...]:
        return tuple(unit for stage in self.stages for unit in stage.units)

    @property
    def activities(self) -> tuple[Activity, ...]:
        return tuple(activity for unit in self.units for activity in unit.activities)

    @property
    def unit_kind(self) -> str:
        """What all units are: week, day or part (see check_outline)."""
        return self.units[0].kind

    def unit(self, key: str) -> Unit:
        """The unit of that key. Raises KeyError."""
        for unit in self.units:
            if unit.key == key:
                return unit
        raise KeyError(key)

    def unit_of(self, kind: str, ref: str) -> Unit | None:
        """The unit in which an activity stands, or None."""
        for unit in self.units:
            if any(activity.kind == kind and activity.ref == ref for activity in unit.activities):
                return unit
        return None

    def stage_of(self, unit_key: str) -> Stage:
        for stage in self.stages:
            if any(unit.key == unit_key for unit in stage.units):
                return stage
        raise KeyError(unit_key)

    def gates_before(self, unit_key: str) -> tuple[Gate, ...]:
        """The gates of all stages that end before this unit's stage."""
        gates: list[Gate] = []
        for stage in self.stages:
            if any(unit.key == unit_key for unit in stage.units):
                return tuple(gates)
            if stage.gate:
                gates.append(stage.gate)
        raise KeyError(unit_key)

    def lessons(self) -> tuple[str, ...]:
        """Keys of the lessons that exist, in order."""
        return tuple(activity.ref for activity in self.activities if activity.kind == "lesson" and not activity.planned)


def check_outline(programme: Programme, source: Source) -> None:
    """E: hours that do not add up, minutes that do not fill them, planned content in the first unit, units of several kinds or
    wrongly numbered, cycles, duplicate refs."""
    if sum(unit.total_hours for unit in programme.units) != programme.hours:
        source.error(("hours",), f"units sum to {sum(unit.total_hours for unit in programme.units)} hours, not {programme.hours}")
    if len({unit.kind for unit in programme.units}) != 1:
        source.error(("stages",), "units are all weeks, all days or all parts: one programme has one kind")
    if [unit.number for unit in programme.units] != list(range(1, len(programme.units) + 1)):
        source.error(("stages",), "units are numbered 1, 2, 3 … in their order")
    seen: set[tuple[str, str]] = set()
    for stage_index, stage in enumerate(programme.stages):
        for unit_index, unit in enumerate(stage.units):
            where = ("stages", stage_index, "units", unit_index)
            _check_unit(unit, source, where)
            for activity in unit.activities:
                if (activity.kind, activity.ref) in seen:
                    source.error(where, f"{unit.key}: {activity.kind} {activity.ref} stands twice")
                seen.add((activity.kind, activity.ref))
    refs = {activity.ref: activity.needs for activity in programme.activities}
    for ref in refs:
        if ref in _reachable(ref, refs):
            source.error(("stages",), f"{ref}: needs itself in the end")


def _check_unit(unit: Unit, source: Source, where: tuple[object, ...]) -> None:
    for form in FORMS:
        minutes = sum(activity.minutes for activity in unit.activities if activity.form == form)
        wanted = unit.hours.get(form, 0) * 60
        if minutes != wanted:
            source.error((*where, "hours"), f"{unit.key}: {form} activities take {minutes} minutes, the plan says {wanted}")
    if unit.number == 1 and any(activity.planned for activity in unit.activities):
        source.error(where, f"{unit.key}: nothing may be planned in the first unit")
    for activity in unit.activities:
        if activity.planned:
            source.warning(where, f"{unit.key}: {activity.kind} {activity.ref} is in preparation")


def _reachable(start: str, needs: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(needs.get(start, ()))
    while waiting:
        ref = waiting.pop()
        if ref not in found:
            found.add(ref)
            waiting.extend(needs.get(ref, ()))
    return found


def walk(programme: Programme) -> Iterator[tuple[Stage, Unit, Module, Activity]]:
    """Every activity with its place, in order."""
    for stage in programme.stages:
        for unit in stage.units:
            for module in unit.modules:
                for activity in module.activities:
                    yield stage, unit, module, activity



