"""What each role's start page shows, gathered from the parts below in a fixed number of selects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Cohort
from courses.rules.calendar import week_number
from courses.rules.outline import Programme
from courses.rules.progress import UnitState, earned_minutes, gate_state, next_activity
from courses.titles import activity_titles
from foundation import clock
from foundation.db import db
from foundation.people import Account, FirstCode, Person
from foundation.permissions import Actor, Permission
from training.participation import queries as participation


@dataclass(frozen=True)
class DateLine:
    """One line of the dates card."""

    day: date
    time: str
    title: dict[str, str]
    place: str
    minutes: int


@dataclass(frozen=True)
class Leg:
    """One week of the voyage. `gate`: '', 'open', 'passed' (waived counts as passed)."""

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
    week: int


@dataclass(frozen=True)
class TraineePage:
    """A trainee's day: what comes next, the seven weeks, hours, dates."""

    enrolment: courses.EnrolmentView
    cohort: courses.CohortView
    week: int
    weeks: int
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
        step = NextStep(activity.kind, activity.ref, titles[(activity.kind, activity.ref)], activity.minutes, unit.number)
    week = week_number(programme, openings, today)
    return TraineePage(enrolment, cohort, week, len(programme.units), today, step, _legs(programme, states, week, done, waived),
                       earned_minutes(programme, done, attended) // 60, programme.hours, _dates(cohort))


def _legs(programme: Programme, states: tuple[UnitState, ...], week: int, done: Any, waived: frozenset[str]) -> tuple[Leg, ...]:
    legs = []
    for state in states:
        stage = programme.stage_of(state.unit.key)
        gate = stage.gate if stage.gate and stage.units[-1].key == state.unit.key else None
        gate_now = "" if gate is None else "open" if gate_state(gate, done, waived) == "open" else "passed"
        where = "now" if state.unit.number == week else "done" if state.unit.number < week else "ahead"
        legs.append(Leg(state.unit, where, gate_now, {"zh": gate.title.zh, "en": gate.title.en} if gate else None))
    return tuple(legs)


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
    """A trainer's day: sessions of the next days, registers that were forgotten, the cohorts."""

    cohorts: tuple[courses.CohortView, ...]
    seats: dict[int, int]
    weeks: dict[int, int]
    sessions: tuple[Any, ...]
    unmarked: tuple[Any, ...]


def trainer_page(actor: Actor) -> TrainerPage:
    cohorts = courses.visible_cohorts(actor, Permission.TEACH)
    ids = [cohort.id for cohort in cohorts]
    weeks = {cohort.id: week_number(courses.programme_of(cohort), courses.openings_of(cohort), clock.today(cohort.zone)) for cohort in cohorts[:20]}
    return TrainerPage(cohorts[:20], courses.seats_taken(ids), weeks, participation.next_sessions(ids, clock.now() - timedelta(hours=3), 5),
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
