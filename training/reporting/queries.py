"""Reads of this part: certification records for HR, the log of exports, and a trainee's personal training file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import abort
from sqlalchemy import ColumnElement, func, select

from courses import queries as courses
from courses.models import Cohort
from courses.rules.progress import earned_minutes
from foundation import clock, content
from foundation.db import db
from foundation.people import Person
from foundation.permissions import EVERYWHERE, Actor, Permission
from training.assessment.queries import DecisionView, decisions_of
from training.credentials import queries as credentials
from training.credentials.models import Credential
from training.credentials.queries import CredentialView
from training.credentials.rules.status import Status
from training.participation import queries as participation
from training.reporting.models import ExportRow
from training.reporting.rules.selection import Selection

PER_PAGE = 50


# ── certification records ────────────────────────────────────────────────────────────────────────────────────
def _conditions(actor: Actor | None, selection: Selection, now: datetime) -> list[ColumnElement[bool]]:
    """Released certificates within the reader's scope that the filter wants. `actor` None: the command line, everything."""
    conditions = [credentials.is_released(now)]
    if actor is not None:
        conditions.append(credentials.in_scope(actor, Permission.EXPORT_RECORDS))
    if selection.programme:
        conditions.append(Credential.programme_key == selection.programme)
    if selection.cohort is not None:
        conditions.append(Credential.cohort_id == selection.cohort)
    if selection.status:
        conditions.append(credentials.has_status(Status(selection.status), now))
    if selection.org_unit:
        conditions.append(Credential.org_unit == selection.org_unit)
    if selection.issued_from:
        conditions.append(Credential.issued_on >= selection.issued_from)
    if selection.issued_to:
        conditions.append(Credential.issued_on <= selection.issued_to)
    if selection.search:
        conditions.append(credentials.holds(selection.search))
    return conditions


def certification_rows(actor: Actor | None, selection: Selection, now: datetime) -> Iterator[CredentialView]:
    """Every record the filter wants, by number of issue, in one statement and read in batches."""
    statement = credentials.selection().where(*_conditions(actor, selection, now)).order_by(Credential.id).execution_options(yield_per=1000)
    for row in db.session.execute(statement):
        yield credentials.view(row, now)


@dataclass(frozen=True)
class Option:
    """A choice in a filter: what the address carries and what people read."""

    value: str
    label: dict[str, str]


@dataclass(frozen=True)
class ExportView:
    """An export as logged: what its manifest says, and who took it."""

    id: int
    format: str
    filter: str
    rows: int
    sha256: str
    snapshot_at: datetime
    audit_seq: int
    audit_head: str
    by_id: int | None
    by_name: str | None
    at: datetime


@dataclass(frozen=True)
class RecordsPage:
    """A page of the records with the choices of its filters and the latest exports."""

    rows: tuple[CredentialView, ...]
    total: int
    number: int
    pages: int
    selection: Selection
    programmes: tuple[Option, ...]
    cohorts: tuple[Option, ...]
    org_units: tuple[str, ...]
    exports: tuple[ExportView, ...]


def records_page(actor: Actor, selection: Selection, number: int) -> RecordsPage:
    """Released certificates, the latest first. The number of statements does not depend on the number of rows."""
    now = clock.now()
    conditions = _conditions(actor, selection, now)
    total = db.session.execute(credentials.counting().where(*conditions)).scalar_one()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(1, number), pages)
    found = db.session.execute(
        credentials.selection().where(*conditions).order_by(Credential.id.desc()).limit(PER_PAGE).offset((number - 1) * PER_PAGE))
    within = [credentials.is_released(now), credentials.in_scope(actor, Permission.EXPORT_RECORDS)]
    # the latest record of each programme carries the title to read
    newest = select(func.max(Credential.id)).where(*within).group_by(Credential.programme_key)
    programmes = db.session.execute(select(Credential.programme_key, Credential.facts).where(Credential.id.in_(newest)).order_by(Credential.programme_key))
    cohorts = db.session.execute(
        select(Cohort.id, Cohort.name_zh, Cohort.name_en).where(Cohort.id.in_(select(Credential.cohort_id).where(*within)))
        .order_by(Cohort.starts_on.desc(), Cohort.id.desc()).limit(200))
    units = db.session.scalars(select(Credential.org_unit).where(*within, Credential.org_unit != "").distinct().order_by(Credential.org_unit).limit(500))
    return RecordsPage(
        tuple(credentials.view(row, now) for row in found), total, number, pages, selection,
        tuple(Option(row.programme_key, row.facts["programme_title"]) for row in programmes),
        tuple(Option(str(row.id), {"zh": row.name_zh, "en": row.name_en}) for row in cohorts),
        tuple(units), exports_of(actor, 5))


# ── the log of exports ───────────────────────────────────────────────────────────────────────────────────────
_EXPORT = (ExportRow.id, ExportRow.format, ExportRow.filter, ExportRow.rows, ExportRow.sha256, ExportRow.snapshot_at, ExportRow.audit_seq,
           ExportRow.audit_head, ExportRow.by_id, Person.name, ExportRow.at)


def _may_see(actor: Actor) -> ColumnElement[bool] | None:
    """One's own exports; all of them where the permission holds everywhere."""
    return None if EVERYWHERE in actor.scopes_for(Permission.EXPORT_RECORDS) else ExportRow.by_id == actor.person_id


def exports_of(actor: Actor, limit: int) -> tuple[ExportView, ...]:
    """The latest exports that somebody may know of."""
    query = select(*_EXPORT).outerjoin(Person, Person.id == ExportRow.by_id).order_by(ExportRow.id.desc()).limit(limit)
    condition = _may_see(actor)
    return tuple(ExportView(*row) for row in db.session.execute(query if condition is None else query.where(condition)))


def export_or_404(export_id: int, actor: Actor) -> ExportView:
    query = select(*_EXPORT).outerjoin(Person, Person.id == ExportRow.by_id).where(ExportRow.id == export_id)
    condition = _may_see(actor)
    row = db.session.execute(query if condition is None else query.where(condition)).first()
    return ExportView(*row) if row else abort(404)


# ── the personal training file ───────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ReleasedComponent:
    """One component of a released result; `shown` is the published score."""

    key: str
    title: dict[str, str]
    shown: str
    meets_bar: bool
    performed_at: datetime | None


@dataclass(frozen=True)
class ReleasedResult:
    """The latest released decision of an enrolment, as the trainee may see it."""

    outcome: str
    total_shown: str
    band_title: dict[str, str]
    verdict: dict[str, str]
    released_at: datetime
    components: tuple[ReleasedComponent, ...]


@dataclass(frozen=True)
class FileEntry:
    """One enrolment in the file: cohort, programme, hours, and what was released of its result."""

    enrolment: courses.EnrolmentView
    cohort: courses.CohortView
    programme_title: dict[str, str]
    hours_done: int
    hours_planned: int
    result: ReleasedResult | None
    certificates: tuple[CredentialView, ...]


@dataclass(frozen=True)
class FilePage:
    """A trainee's personal training file. `entries` has the latest enrolment first."""

    name: str
    employee_no: str
    org_unit: str
    position: str
    entries: tuple[FileEntry, ...]


def _released_result(decisions: tuple[DecisionView, ...], now: datetime) -> ReleasedResult | None:
    """The latest decision that is released by now, with the scheme's own titles."""
    decision = next((one for one in reversed(decisions) if one.released_at <= now), None)
    if decision is None:
        return None
    scheme = content.version(decision.scheme_version_id).body
    titles = {component["key"]: component["title"] for component in scheme["components"]}
    bands = {band["key"]: band["title"] for band in scheme["bands"]}
    components = tuple(ReleasedComponent(e.component, titles[e.component], e.shown, e.meets_bar, e.performed_at) for e in decision.entries)
    return ReleasedResult(decision.outcome, decision.total_shown, bands.get(decision.band, {"zh": "", "en": ""}), decision.verdict,
                          decision.released_at, components)


def file_page(actor: Actor) -> FilePage:
    """Everything on record about one's own training: enrolments, hours, released results, released certificates."""
    enrolments = courses.enrolments_of_person(actor.person_id)[:20]
    ids = [enrolment.id for enrolment in enrolments]
    decisions = decisions_of(ids)
    now = clock.now()
    done = courses.done_of(ids)
    attended = participation.attended_by_refs(ids)
    held = credentials.own_credentials(actor.person_id)
    entries = []
    for enrolment in enrolments:
        cohort = courses.get_cohort(enrolment.cohort_id)
        programme = courses.programme_of(cohort)
        hours = earned_minutes(programme, done[enrolment.id], attended.get(enrolment.id, {})) // 60
        entries.append(FileEntry(enrolment, cohort, programme.title.model_dump(), hours, programme.hours, _released_result(decisions[enrolment.id], now),
                                 tuple(one for one in held if one.enrolment_id == enrolment.id)))
    person = db.session.execute(select(Person.name, Person.employee_no, Person.org_unit, Person.position).where(Person.id == actor.person_id)).one()
    return FilePage(*person, tuple(entries))
