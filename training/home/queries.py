"""What each role's start page shows, gathered from the parts below in a fixed number of selects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Cohort, Enrolment
from courses.rosters import openings_of_many
from courses.rules.calendar import unit_number
from courses.rules.outline import Programme, Unit
from courses.rules.progress import UnitState, earned_minutes, gate_state, next_activity
from courses.titles import activity_titles
from foundation import clock
from foundation.db import db
from foundation.people import Account, FirstCode, Person
from foundation.permissions import Actor, Permission
from training.assessment import queries as assessment
from training.assessment.models import ResultDecision
from training.credentials.models import Credential, LiveCredential
from training.participation import queries as participation


@dataclass(frozen=True)
class DateLine:
    """One line of the dates card."""

    day: date
    time: str
    title: dict[str, str]
    place: str
    minutes: int
    is_deadline: bool = False


@dataclass(frozen=True)
class Leg:
    """One unit of the voyage. `gate`: '' (none, or all of it still in preparation), 'open', 'passed' (waived counts as
    passed)."""

    unit: Any
    state: str          # done | now | ahead
    gate: str
    gate_title: dict[str, str] | None


@dataclass(frozen=True)
class NextStep:
    kind: str
    ref: str
    title: dict[str, str]
    minutes: int
    unit: Unit


@dataclass(frozen=True)
class TraineePage:
    """A trainee's day: what comes next, the programme unit by unit, hours, dates. `unit` is the one the cohort is in: None before
    the first day and after the last."""

    enrolment: courses.EnrolmentView
    cohort: courses.CohortView
    unit: Unit | None
    today: date
    next_step: NextStep | None
    legs: tuple[Leg, ...]
    hours_done: int
    hours_planned: int
    dates: tuple[DateLine, ...]


def trainee_page(actor: Actor) -> TraineePage | None:
    """The trainee's start page, or None while nobody has enrolled them."""
    enrolment = courses.own_enrolment(actor.person_id)
    if enrolment is None:
        return None
    cohort = courses.get_cohort(enrolment.cohort_id)
    programme = courses.programme_of(cohort)
    today = clock.today(cohort.zone)
    openings = courses.openings_of(cohort)
    done = courses.done_of([enrolment.id])[enrolment.id]
    waived = courses.waivers_of([enrolment.id])[enrolment.id]
    attended = participation.attended_by_ref(enrolment.id)
    states = courses.unit_states_of(enrolment, cohort, attended)
    found = next_activity(states, done)
    step = None
    if found is not None:
        unit, activity = found
        titles = activity_titles([activity])
        step = NextStep(activity.kind, activity.ref, titles[(activity.kind, activity.ref)], activity.minutes, unit)
    number = unit_number(programme, openings, today)
    return TraineePage(enrolment, cohort, _unit_now(cohort, programme, number), today, step, _legs(programme, states, number, done, waived),
                       earned_minutes(programme, done, attended) // 60, programme.hours, _dates(cohort))


def _unit_now(cohort: courses.CohortView, programme: Programme, number: int) -> Unit | None:
    """The unit a cohort is in: None before its first day and after its last, when no day of the course is “today” any more."""
    if not number or clock.today(cohort.zone) > cohort.ends_on:
        return None
    return next(unit for unit in programme.units if unit.number == number)


def _legs(programme: Programme, states: tuple[UnitState, ...], number: int, done: Any, waived: frozenset[str]) -> tuple[Leg, ...]:
    legs = []
    for state in states:
        stage = programme.stage_of(state.unit.key)
        gate = stage.gate if stage.gate and stage.units[-1].key == state.unit.key else None
        gate_now = "" if gate is None or not gate.blocking else "open" if gate_state(gate, done, waived) == "open" else "passed"
        where = "now" if state.unit.number == number else "done" if state.unit.number < number else "ahead"
        legs.append(Leg(state.unit, where, gate_now, {"zh": gate.title.zh, "en": gate.title.en} if gate else None))
    return tuple(legs)


def with_deadlines(page: TraineePage, standing: assessment.StandingPage) -> TraineePage:
    """The same page whose dates also name the last day of each component that is not done."""
    lines = [DateLine(row.due_on, "", _title(row.title), "", 0, is_deadline=True) for row in standing.rows if row.status in ("open", "partly", "running")]
    return replace(page, dates=tuple(sorted([*page.dates, *lines], key=lambda line: (line.day, line.is_deadline, line.time)))[:5])


def _title(title: Any) -> dict[str, str]:
    return {"zh": title.zh, "en": title.en}


def _dates(cohort: courses.CohortView) -> tuple[DateLine, ...]:
    zone = ZoneInfo(cohort.zone)
    lines = []
    start_of_today = clock.start_of_day(clock.today(cohort.zone), cohort.zone)
    for _cohort, title, starts_at, minutes, place, _form in participation.next_sessions([cohort.id], start_of_today, 3):
        local = starts_at.astimezone(zone)
        lines.append(DateLine(local.date(), local.strftime("%H:%M"), title, place, minutes))
    return tuple(lines)


@dataclass(frozen=True)
class TrainerPage:
    """A trainer's day: sessions of the next days, registers that were forgotten, the cohorts with the unit each is in (`ended`: those over)."""

    cohorts: tuple[courses.CohortView, ...]
    seats: dict[int, int]
    units: dict[int, Unit | None]
    ended: frozenset[int]
    sessions: tuple[Any, ...]
    unmarked: tuple[Any, ...]


def trainer_page(actor: Actor) -> TrainerPage:
    cohorts = courses.visible_cohorts(actor, Permission.TEACH)
    ids = [cohort.id for cohort in cohorts]
    openings = openings_of_many(cohorts[:20])
    units = {cohort.id: _unit_now(cohort, programme, unit_number(programme, openings[cohort.id], clock.today(cohort.zone)))
             for cohort in cohorts[:20] for programme in (courses.programme_of(cohort),)}
    ended = frozenset(cohort.id for cohort in cohorts[:20] if clock.today(cohort.zone) > cohort.ends_on)
    return TrainerPage(cohorts[:20], courses.seats_taken(ids), units, ended, participation.next_sessions(ids, clock.now() - timedelta(hours=3), 5),
                       participation.unmarked_registers(ids))


@dataclass(frozen=True)
class AdminPage:
    people: int
    accounts_without_password: int
    open_codes: int
    cohorts: int
    as_of: datetime


def admin_page() -> AdminPage:
    now = clock.now()
    row = db.session.execute(select(
        select(func.count()).select_from(Person).scalar_subquery(),
        select(func.count()).select_from(Account).where(Account.password_hash.is_(None)).scalar_subquery(),
        select(func.count()).select_from(FirstCode).where(FirstCode.used_at.is_(None), FirstCode.expires_at > now).scalar_subquery(),
        select(func.count()).select_from(Cohort).scalar_subquery(),
    )).one()
    return AdminPage(*row, now)


@dataclass(frozen=True)
class MenteeLine:
    enrolment: courses.EnrolmentView
    cohort_name: dict[str, str]
    hours: int
    planned: int
    gates_passed: int
    gates: int


def mentor_page(actor: Actor) -> tuple[MenteeLine, ...]:
    """The mentor's own trainees with hours and the gate that holds them, in a fixed number of selects."""
    mentees = courses.enrolments_with_mentor(actor.person_id)
    ids = [mentee.id for mentee in mentees]
    done, waived, attended = courses.done_of(ids), courses.waivers_of(ids), participation.attended_by_refs(ids)
    cohorts = {cohort_id: courses.get_cohort(cohort_id) for cohort_id in {mentee.cohort_id for mentee in mentees}}
    lines = []
    for mentee in mentees:
        programme = courses.programme_of(cohorts[mentee.cohort_id])
        passed = sum(1 for stage in programme.stages if stage.gate and gate_state(stage.gate, done[mentee.id], waived[mentee.id]) != "open")
        lines.append(MenteeLine(mentee, cohorts[mentee.cohort_id].name, earned_minutes(programme, done[mentee.id], attended[mentee.id]) // 60, programme.hours,
                                passed, sum(1 for stage in programme.stages if stage.gate)))
    return tuple(lines)


@dataclass(frozen=True)
class ReviewLine:
    """A cohort whose results are reviewed: how many decisions are on record, and the day they are due."""

    summary: assessment.BoardSummary
    confirmed: int


def review_page(actor: Actor) -> tuple[ReviewLine, ...]:
    boards = assessment.boards(actor)[:12]
    decided = dict(db.session.execute(
        select(Enrolment.cohort_id, func.count(func.distinct(ResultDecision.enrolment_id))).join(ResultDecision, ResultDecision.enrolment_id == Enrolment.id)
        .where(Enrolment.withdrawn_at.is_(None)).group_by(Enrolment.cohort_id)).all())
    return tuple(ReviewLine(board, decided.get(board.cohort.id, 0)) for board in boards)


@dataclass(frozen=True)
class RecordsCount:
    valid: int
    issued_30_days: int
    as_of: datetime


def records_page() -> RecordsCount:
    """How many certificates stand in HR's records, and how many came in the last thirty days."""
    now = clock.now()
    valid, recent = db.session.execute(select(
        select(func.count()).select_from(LiveCredential).join(Credential, Credential.id == LiveCredential.credential_id)
        .where(Credential.released_at <= now).scalar_subquery(),
        select(func.count()).select_from(Credential).where(Credential.released_at <= now, Credential.issued_at > now - timedelta(days=30)).scalar_subquery(),
    )).one()
    return RecordsCount(valid, recent, now)
