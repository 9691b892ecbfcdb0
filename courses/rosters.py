"""Reads of the trainers', mentors' and administrators' pages: many trainees at once, in a fixed number of selects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from flask import current_app
from sqlalchemy import func, or_, select

from courses import queries
from courses.models import Cohort, Completion, Enrolment, GateWaiver, SelfCheckAnswer, UnitOpening
from courses.queries import CohortView, EnrolmentView
from courses.rules.calendar import default_length, opening_days, openings_out_of_order, unit_number
from courses.rules.outline import Activity, Gate, GateComponent, Stage, Unit
from courses.rules.progress import GateState, UnitState, earned_minutes, gate_state, next_activity, unit_states
from courses.titles import activity_titles
from foundation import clock, content
from foundation.db import db
from foundation.people import GrantRow, Person
from foundation.permissions import EVERYWHERE, Actor, Permission, Role

CANDIDATES_SHOWN = 60
Phase = Literal["running", "coming", "over"]


# ── cohorts ──────────────────────────────────────────────────────────────────────────────────────────────────
def cohorts_by_id(cohort_ids: Collection[int]) -> dict[int, CohortView]:
    """Cohorts by id, in one select."""
    rows = db.session.execute(select(*queries._COHORT).where(Cohort.id.in_(set(cohort_ids))))
    return {row.id: queries._cohort_view(row) for row in rows}


def openings_of_many(cohorts: Iterable[CohortView]) -> dict[int, dict[str, date]]:
    """Cohort id → {unit key: the day it opens}, in one select."""
    found = list(cohorts)
    moved: dict[int, dict[str, date]] = {cohort.id: {} for cohort in found}
    for cohort_id, unit_key, opens_on in db.session.execute(
            select(UnitOpening.cohort_id, UnitOpening.unit_key, UnitOpening.opens_on).where(UnitOpening.cohort_id.in_(moved))):
        moved[cohort_id][unit_key] = opens_on
    return {cohort.id: opening_days(queries.programme_of(cohort), cohort.starts_on, moved[cohort.id]) for cohort in found}


@dataclass(frozen=True)
class CohortCard:
    """A cohort in a list. `unit_number` is that of the latest unit that has opened, 0 before the first; `unit_kind` is
    week, day or part."""

    cohort: CohortView
    programme: Mapping[str, str]
    phase: Phase
    unit_kind: str
    unit_number: int
    unit_count: int
    taken: int
    may_teach: bool
    trainers: tuple[str, ...] = ()

    @property
    def free(self) -> int:
        return max(self.cohort.seats - self.taken, 0)


def _covers(actor: Actor, permission: Permission, cohort_id: int) -> bool:
    scopes = actor.scopes_for(permission)
    return EVERYWHERE in scopes or f"cohort:{cohort_id}" in scopes


def may_teach(actor: Actor, cohort_id: int) -> bool:
    """Whether the actor is a trainer of this cohort (a reviewer sees it without being one)."""
    return _covers(actor, Permission.TEACH, cohort_id)


def cohort_pages(actor: Actor, cohort_id: int) -> frozenset[str]:
    """Which pages of a cohort the actor may open: roster, sessions, levels, teach (register, observations), manage."""
    teaches, reviews = may_teach(actor, cohort_id), _covers(actor, Permission.REVIEW, cohort_id)
    manages = _covers(actor, Permission.MANAGE_COHORTS, cohort_id)
    found = {"roster": teaches or reviews, "sessions": teaches or manages, "levels": teaches or reviews, "teach": teaches, "manage": manages}
    return frozenset(name for name, is_open in found.items() if is_open)


def _card(cohort: CohortView, openings: Mapping[str, date], taken: int, actor: Actor, trainers: tuple[str, ...] = ()) -> CohortCard:
    programme, today = queries.programme_of(cohort), clock.today(cohort.zone)
    phase: Phase = "coming" if today < cohort.starts_on else "over" if today > cohort.ends_on else "running"
    return CohortCard(cohort, {"zh": programme.title.zh, "en": programme.title.en}, phase, programme.unit_kind,
                      unit_number(programme, openings, today), len(programme.units), taken, may_teach(actor, cohort.id), trainers)


def cohort_cards(actor: Actor, *permissions: Permission) -> tuple[CohortCard, ...]:
    """The cohorts that one of the permissions covers, the latest first, with the unit they are in and their seats."""
    found = {cohort.id: cohort for permission in permissions for cohort in queries.visible_cohorts(actor, permission)}
    cohorts = sorted(found.values(), key=lambda cohort: (cohort.starts_on, cohort.id), reverse=True)
    openings, taken, trainers = openings_of_many(cohorts), queries.seats_taken(found), trainers_by_cohort(found)
    return tuple(_card(cohort, openings[cohort.id], taken.get(cohort.id, 0), actor, tuple(trainer.name for trainer in trainers[cohort.id]))
                 for cohort in cohorts)


# ── progress of many ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class GateView:
    """A gate as it stands for one trainee."""

    stage: Stage
    gate: Gate
    state: GateState


@dataclass(frozen=True)
class Progress:
    """How far one trainee is. Minutes are planned minutes of done activities plus attended session minutes."""

    enrolment: EnrolmentView
    minutes_done: int
    hours_planned: int
    units: tuple[UnitState, ...]
    gates: tuple[GateView, ...]
    next: tuple[Unit, Activity] | None
    next_title: Mapping[str, str] | None
    last_at: datetime | None

    @property
    def hours_done(self) -> Decimal:
        return Decimal(self.minutes_done) / 60

    @property
    def percent(self) -> Decimal:
        """Hours done of the programme's hours, 0..100."""
        return min(Decimal(100), Decimal(self.minutes_done) * 100 / (self.hours_planned * 60)) if self.hours_planned else Decimal(0)

    @property
    def percent_open(self) -> Decimal:
        return 100 - self.percent

    @property
    def units_done(self) -> int:
        return sum(1 for state in self.units if state.is_complete)

    @property
    def open_gates(self) -> tuple[GateView, ...]:
        return tuple(view for view in self.gates if view.state == "open")


def attended_minutes(enrolment_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Enrolment → {session ref: minutes attended}. Sessions live upstairs; app.py hands their read down."""
    source = current_app.extensions.get("attended_minutes_of")
    return source(enrolment_ids) if source else {id_: {} for id_ in enrolment_ids}


def last_seen_working(enrolment_ids: Collection[int]) -> dict[int, datetime]:
    """Enrolment → when it last answered a self-check or completed something."""
    latest: dict[int, datetime] = {}
    for table in (Completion, SelfCheckAnswer):
        for enrolment_id, at in db.session.execute(
                select(table.enrolment_id, func.max(table.at)).where(table.enrolment_id.in_(enrolment_ids)).group_by(table.enrolment_id)):
            latest[enrolment_id] = max(latest.get(enrolment_id, at), at)
    return latest


def progress_of(members: Iterable[EnrolmentView]) -> dict[int, Progress]:
    """Enrolment id → progress, for trainees of any cohorts, in a fixed number of selects."""
    people = list(members)
    ids = [member.id for member in people]
    cohorts = cohorts_by_id({member.cohort_id for member in people})
    openings = openings_of_many(cohorts.values())
    done, waived, attended, last = queries.done_of(ids), queries.waivers_of(ids), attended_minutes(ids), last_seen_working(ids)
    states = {
        member.id: unit_states(queries.programme_of(cohorts[member.cohort_id]), openings[member.cohort_id], clock.today(cohorts[member.cohort_id].zone),
                               done[member.id], attended[member.id], waived[member.id])
        for member in people
    }
    following = {id_: next_activity(found, done[id_]) for id_, found in states.items()}
    titles = activity_titles({(step[1].kind, step[1].ref): step[1] for step in following.values() if step}.values())
    result = {}
    for member in people:
        programme, step = queries.programme_of(cohorts[member.cohort_id]), following[member.id]
        gates = tuple(GateView(stage, stage.gate, gate_state(stage.gate, done[member.id], waived[member.id])) for stage in programme.stages if stage.gate)
        result[member.id] = Progress(member, earned_minutes(programme, done[member.id], attended[member.id]), programme.hours, states[member.id], gates,
                                     step, titles[(step[1].kind, step[1].ref)] if step else None, last.get(member.id))
    return result


@dataclass(frozen=True)
class RosterPage:
    """A cohort with everybody in it and how far they are."""

    card: CohortCard
    rows: tuple[Progress, ...]
    mentors: dict[int, str]
    gates: tuple[Gate, ...]

    @property
    def cohort(self) -> CohortView:
        return self.card.cohort


def roster_page(cohort: CohortView, actor: Actor) -> RosterPage:
    members = queries.roster(cohort.id)
    progress = progress_of(members)
    card = _card(cohort, openings_of_many([cohort])[cohort.id], len(members), actor)
    gates = tuple(stage.gate for stage in queries.programme_of(cohort).stages if stage.gate)
    return RosterPage(card, tuple(progress[member.id] for member in members), queries.people_names(m.mentor_id for m in members if m.mentor_id), gates)


@dataclass(frozen=True)
class WaiverView:
    gate_key: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class ComponentView:
    """What a gate asks for, and how far one trainee is. Percentages are 0..100; `percent` None: done without a mark, or not taken."""

    title: Mapping[str, str]
    is_planned: bool
    is_taken: bool
    least_percent: Decimal | None
    percent: Decimal | None


@dataclass(frozen=True)
class TraineePage:
    """One trainee's progress, with what each gate asks for and the waivers with their reasons."""

    cohort: CohortView
    progress: Progress
    mentor: str
    waivers: dict[str, WaiverView]
    components: dict[str, tuple[ComponentView, ...]]


def trainee_page(enrolment: EnrolmentView) -> TraineePage:
    cohort = queries.get_cohort(enrolment.cohort_id)
    rows = db.session.execute(
        select(GateWaiver.gate_key, GateWaiver.reason, Person.name, GateWaiver.at).join(Person, Person.id == GateWaiver.by_id)
        .where(GateWaiver.enrolment_id == enrolment.id))
    gates = [stage.gate for stage in queries.programme_of(cohort).stages if stage.gate]
    asked = {(c.kind, c.ref) for gate in gates for c in gate.components}
    titles = activity_titles(a for a in queries.programme_of(cohort).activities if (a.kind, a.ref) in asked)
    done = queries.done_of([enrolment.id])[enrolment.id]
    return TraineePage(cohort, progress_of([enrolment])[enrolment.id],
                       queries.people_names([enrolment.mentor_id])[enrolment.mentor_id] if enrolment.mentor_id else "",
                       {row.gate_key: WaiverView(*row) for row in rows},
                       {gate.key: tuple(_component(c, titles, done) for c in gate.components) for gate in gates})


def _component(component: GateComponent, titles: Mapping[tuple[str, str], Mapping[str, str]], done: queries.Done) -> ComponentView:
    key = (component.kind, component.ref)
    own = component.title
    title = {"zh": own.zh, "en": own.en} if own else titles.get(key, {"zh": component.ref, "en": component.ref})
    fraction = done.get(key)
    return ComponentView(title, component.planned, key in done, None if component.min_fraction is None else component.min_fraction * 100,
                         None if fraction is None else fraction * 100)


# ── people for the administrator's pages ─────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class PersonLine:
    id: int
    name: str
    employee_no: str
    org_unit: str
    everywhere: bool = False


def trainers_by_cohort(cohort_ids: Collection[int]) -> dict[int, tuple[PersonLine, ...]]:
    """Cohort id → the trainers of that cohort alone (those of all cohorts are not repeated), in one select."""
    found: dict[int, dict[int, PersonLine]] = {id_: {} for id_ in cohort_ids}
    rows = db.session.execute(
        select(GrantRow.scope, Person.id, Person.name, Person.employee_no, Person.org_unit).join(Person, Person.id == GrantRow.person_id)
        .where(GrantRow.role == Role.TRAINER, GrantRow.revoked_at.is_(None), GrantRow.scope.in_([f"cohort:{id_}" for id_ in found]))
        .order_by(Person.employee_no))
    for scope, id_, name, employee_no, org_unit in rows:
        found[int(scope.removeprefix("cohort:"))][id_] = PersonLine(id_, name, employee_no, org_unit)
    return {id_: tuple(people.values()) for id_, people in found.items()}


def trainers_of(cohort_id: int) -> tuple[PersonLine, ...]:
    """Everybody who may teach a cohort: its own trainers, then those of all cohorts."""
    rows = db.session.execute(
        select(Person.id, Person.name, Person.employee_no, Person.org_unit).join(GrantRow, GrantRow.person_id == Person.id)
        .where(GrantRow.role == Role.TRAINER, GrantRow.revoked_at.is_(None), GrantRow.scope == EVERYWHERE).order_by(Person.employee_no).limit(200))
    own = trainers_by_cohort([cohort_id])[cohort_id]
    return own + tuple(PersonLine(*row, everywhere=True) for row in rows.unique())


def mentors() -> tuple[PersonLine, ...]:
    """Everybody who holds the mentor's role, by employee number (at most 500)."""
    rows = db.session.execute(
        select(Person.id, Person.name, Person.employee_no, Person.org_unit).join(GrantRow, GrantRow.person_id == Person.id)
        .where(GrantRow.role == Role.MENTOR, GrantRow.revoked_at.is_(None)).distinct().order_by(Person.employee_no).limit(500))
    return tuple(PersonLine(*row) for row in rows)


def candidates(cohort_id: int, text: str) -> tuple[PersonLine, ...]:
    """People not in the cohort whose name, number or org unit contains the text; one more than is shown, so that a page
    can say that there are more."""
    wanted = text.strip()
    if not wanted:
        return ()
    pattern = "%" + wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    members = select(Enrolment.person_id).where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None))
    rows = db.session.execute(
        select(Person.id, Person.name, Person.employee_no, Person.org_unit)
        .where(or_(*(column.ilike(pattern, escape="\\") for column in (Person.name, Person.employee_no, Person.org_unit))), Person.id.not_in(members))
        .order_by(Person.employee_no).limit(CANDIDATES_SHOWN + 1))
    return tuple(PersonLine(*row) for row in rows)


def programmes() -> tuple[tuple[str, dict[str, str], int], ...]:
    """(key, title, days from the first day to the last) of every current programme a cohort can take."""
    found = []
    for key, version_id in sorted(content.current_ids("programme").items()):
        programme = queries.programme_version(version_id)
        found.append((key, {"zh": programme.title.zh, "en": programme.title.en}, default_length(programme)))
    return tuple(found)


@dataclass(frozen=True)
class OpeningRow:
    """The day a unit opens to a cohort, and the day the plan alone would give it. `problem`: "", "outside" or "order"
    (the cohort's dates were changed after the opening was moved)."""

    unit: Unit
    opens_on: date
    planned_on: date
    problem: str


@dataclass(frozen=True)
class AdminPage:
    """Everything an administrator arranges for one cohort."""

    card: CohortCard
    openings: tuple[OpeningRow, ...]
    trainers: tuple[PersonLine, ...]
    members: tuple[EnrolmentView, ...]
    mentor_names: dict[int, str]
    mentors: tuple[PersonLine, ...]

    @property
    def cohort(self) -> CohortView:
        return self.card.cohort


def admin_page(cohort: CohortView, actor: Actor) -> AdminPage:
    programme, openings, members = queries.programme_of(cohort), queries.openings_of(cohort), queries.roster(cohort.id)
    plain = opening_days(programme, cohort.starts_on, {})
    problems = openings_out_of_order(programme, openings, cohort.starts_on, cohort.ends_on)
    rows = tuple(OpeningRow(unit, openings[unit.key], plain[unit.key], problems.get(unit.key, "")) for unit in programme.units)
    return AdminPage(_card(cohort, openings, len(members), actor), rows, trainers_of(cohort.id), members,
                     queries.people_names(m.mentor_id for m in members if m.mentor_id), mentors())
