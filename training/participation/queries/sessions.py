"""Sessions of a cohort, the times proposed for them, and the register of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from flask import abort
from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Enrolment
from courses.queries import CohortView, EnrolmentView
from courses.rules.calendar import UNIT_DAYS
from courses.rules.outline import SESSION_KINDS, Activity, Unit
from foundation import clock
from foundation.db import db
from foundation.people import Person
from foundation.permissions import Actor, Permission
from training.participation.models import Attendance, Session
from training.participation.rules.attendance import STATUSES, register_opens_at
from training.participation.rules.planning import Wanted, day_times, days_for, default_times

State = Literal["coming", "open", "done"]


@dataclass(frozen=True)
class SessionView:
    """A session with how far its register is. `marked` counts trainees who are in the cohort now."""

    id: int
    cohort_id: int
    unit_key: str
    activity_ref: str
    form: str
    title: dict[str, str]
    starts_at: datetime
    minutes: int
    place: str
    row_version: int
    marked: int

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def register_opens_at(self) -> datetime:
        return register_opens_at(self.starts_at)

    @property
    def is_open(self) -> bool:
        """Whether the register can be kept by now."""
        return self.register_opens_at <= clock.now()

    def state(self, members: int) -> State:
        return "coming" if not self.is_open else "done" if self.marked >= members else "open"


def _views(*conditions: object) -> tuple[SessionView, ...]:
    marked = dict(db.session.execute(
        select(Attendance.session_id, func.count(func.distinct(Attendance.enrolment_id))).join(Session, Session.id == Attendance.session_id)
        .join(Enrolment, Enrolment.id == Attendance.enrolment_id).where(Enrolment.withdrawn_at.is_(None), *conditions)  # type: ignore[arg-type]
        .group_by(Attendance.session_id)).all())
    rows = db.session.scalars(select(Session).where(*conditions).order_by(Session.starts_at, Session.id))  # type: ignore[arg-type]
    return tuple(SessionView(s.id, s.cohort_id, s.unit_key, s.activity_ref, s.form, s.title, s.starts_at, s.minutes, s.place, s.row_version,
                             marked.get(s.id, 0)) for s in rows)


def sessions_of(cohort_id: int) -> tuple[SessionView, ...]:
    """All sessions of a cohort in time order, each with the number of trainees marked."""
    return _views(Session.cohort_id == cohort_id)


def session_or_404(session_id: int, actor: Actor, *permissions: Permission) -> SessionView:
    """The session if one of the permissions (TEACH where none is named) covers its cohort, else 404."""
    cohort_id = db.session.execute(select(Session.cohort_id).where(Session.id == session_id)).scalar()
    if cohort_id is None:
        abort(404)
    courses.cohort_or_404(cohort_id, actor, *(permissions or (Permission.TEACH,)))
    return _views(Session.id == session_id)[0]


def session_to_mark(cohort_id: int) -> int | None:
    """The register a trainer most likely wants now: of the session going on, else the latest that is not fully marked."""
    members = len(courses.roster(cohort_id))
    open_ones = [view for view in sessions_of(cohort_id) if view.is_open]
    running = [view for view in open_ones if view.ends_at > clock.now()]
    if running:
        return running[-1].id
    return next((view.id for view in reversed(open_ones) if view.marked < members), None)


# ── the list, and what is still to be planned ────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class UnitSessions:
    """A unit with its sessions, and those of the outline that have no time yet."""

    unit: Unit
    sessions: tuple[SessionView, ...]
    unplanned: tuple[Activity, ...]


@dataclass(frozen=True)
class SessionsPage:
    cohort: CohortView
    members: int
    units: tuple[UnitSessions, ...]

    @property
    def planned(self) -> int:
        return sum(len(unit.sessions) for unit in self.units)

    @property
    def unplanned(self) -> int:
        return sum(len(unit.unplanned) for unit in self.units)


def _outline_sessions(unit: Unit) -> tuple[Activity, ...]:
    return tuple(activity for activity in unit.activities if activity.kind in SESSION_KINDS and activity.title is not None)


def sessions_page(cohort: CohortView) -> SessionsPage:
    """The cohort's sessions by unit."""
    found = sessions_of(cohort.id)
    known = {view.activity_ref for view in found}
    units = tuple(UnitSessions(unit, tuple(view for view in found if view.unit_key == unit.key),
                               tuple(activity for activity in _outline_sessions(unit) if activity.ref not in known))
                  for unit in courses.programme_of(cohort).units)
    return SessionsPage(cohort, len(courses.roster(cohort.id)), units)


@dataclass(frozen=True)
class Proposed:
    """A session without a time, and the local start proposed for it (as the field of a form holds it)."""

    activity: Activity
    starts: str


def proposed_times(cohort: CohortView) -> tuple[tuple[Unit, tuple[Proposed, ...]], ...]:
    """Units with sessions that have no time yet, each with a default time, in the cohort's zone.

    A unit of one day leaves room for what is done in class besides its sessions (tests, cases, role-plays); weeks and parts
    have days enough.
    """
    page, openings = sessions_page(cohort), courses.openings_of(cohort)
    result = []
    for place, entry in enumerate(page.units):
        if not entry.unplanned:
            continue
        opens_on = openings[entry.unit.key]
        if entry.unit.kind == "day":
            times = day_times([Wanted(a.ref, a.minutes) for a in entry.unit.activities if a.form != "self_study"], opens_on)
            result.append((entry.unit, _proposed(entry, times)))
            continue
        following = page.units[place + 1].unit if place + 1 < len(page.units) else None
        until = openings[following.key] if following else opens_on + timedelta(days=UNIT_DAYS[entry.unit.kind])
        times = default_times([Wanted(a.ref, a.minutes) for a in entry.unplanned], days_for(opens_on, until))
        result.append((entry.unit, _proposed(entry, times)))
    return tuple(result)


def _proposed(entry: UnitSessions, times: Mapping[str, datetime]) -> tuple[Proposed, ...]:
    return tuple(Proposed(a, times[a.ref].strftime("%Y-%m-%dT%H:%M")) for a in entry.unplanned)


def local_field(moment: datetime, zone: str) -> str:
    """A moment as the date-and-time field of a form holds it, in the cohort's zone."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


# ── the register ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class RegisterRow:
    """One trainee in the register with the entry that stands. `entry_id` 0 and `status` None: not marked yet."""

    enrolment: EnrolmentView
    status: str | None
    minutes: int
    reason: str
    entry_id: int
    by: str
    at: datetime | None
    entries: int

    @property
    def corrections(self) -> int:
        return max(self.entries - 1, 0)


def register_rows(session: SessionView) -> tuple[RegisterRow, ...]:
    """The register of one session: everybody enrolled, with the latest mark, in two selects."""
    latest: dict[int, tuple[Attendance, str]] = {}
    entries: dict[int, int] = {}
    for row, by in db.session.execute(
            select(Attendance, Person.name).join(Person, Person.id == Attendance.by_id).where(Attendance.session_id == session.id).order_by(Attendance.id)):
        latest[row.enrolment_id] = (row, by)
        entries[row.enrolment_id] = entries.get(row.enrolment_id, 0) + 1
    rows = []
    for enrolment in courses.roster(session.cohort_id):
        mark = latest.get(enrolment.id)
        rows.append(RegisterRow(enrolment, mark[0].status, mark[0].minutes, mark[0].reason, mark[0].id, mark[1], mark[0].at, entries[enrolment.id])
                    if mark else RegisterRow(enrolment, None, 0, "", 0, "", None, 0))
    return tuple(rows)


def register_counts(rows: tuple[RegisterRow, ...]) -> dict[str, int]:
    """How many rows of each status, and "" for those without a mark."""
    return {status: sum(1 for row in rows if (row.status or "") == status) for status in (*STATUSES, "")}


def entries_seen(session_id: int, entry_ids: set[int]) -> dict[int, tuple[str, int]]:
    """Enrolment → (status, minutes) of the entries a page showed, as they were: what the trainer left as it was."""
    rows = db.session.execute(
        select(Attendance.enrolment_id, Attendance.status, Attendance.minutes)
        .where(Attendance.session_id == session_id, Attendance.id.in_(entry_ids)))
    return {row.enrolment_id: (row.status, row.minutes) for row in rows}
