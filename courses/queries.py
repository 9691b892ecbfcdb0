"""Reads of this part, shaped for pages. Objects outside the asker's scope are a 404, the same as unknown ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from flask import abort
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from courses.models import Cohort, CohortPin, Completion, Enrolment, GateWaiver, UnitOpening
from courses.rules.calendar import opening_days
from courses.rules.outline import Programme, Unit
from courses.rules.progress import CompletionFact, UnitState, fold_completions, unit_states
from foundation import clock, content
from foundation.content import ContentHead, ContentVersion
from foundation.db import database_key, db
from foundation.people import Person
from foundation.permissions import EVERYWHERE, Actor, Permission

Done = dict[tuple[str, str], Decimal | None]


@dataclass(frozen=True)
class CohortView:
    """A cohort as other parts see it. Dates are days in `zone`."""

    id: int
    key: str
    name: dict[str, str]
    programme_key: str
    programme_version_id: int
    scheme_version_id: int
    starts_on: date
    ends_on: date
    zone: str
    seats: int
    row_version: int


@dataclass(frozen=True)
class EnrolmentView:
    """A trainee in a cohort."""

    id: int
    cohort_id: int
    person_id: int
    mentor_id: int | None
    name: str
    employee_no: str
    org_unit: str
    position: str
    withdrawn_at: datetime | None


_COHORT = (Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, Cohort.programme_key, Cohort.programme_version_id, Cohort.scheme_version_id,
           Cohort.starts_on, Cohort.ends_on, Cohort.zone, Cohort.seats, Cohort.row_version)
_ENROLMENT = (Enrolment.id, Enrolment.cohort_id, Enrolment.person_id, Enrolment.mentor_id, Person.name, Person.employee_no, Person.org_unit,
              Person.position, Enrolment.withdrawn_at)


def _cohort_view(row: Any) -> CohortView:
    id_, key, zh, en, *rest = row
    return CohortView(id_, key, {"zh": zh, "en": en}, *rest)


def in_scope(actor: Actor, permission: Permission) -> ColumnElement[bool] | None:
    """The condition that a cohort lies within a permission's scope; None where every cohort does."""
    scopes = actor.scopes_for(permission)
    if EVERYWHERE in scopes:
        return None
    ids = [int(scope.removeprefix("cohort:")) for scope in scopes if scope.startswith("cohort:") and scope[7:].isdigit()]
    return Cohort.id.in_(ids)


def visible_cohorts(actor: Actor, permission: Permission) -> tuple[CohortView, ...]:
    """Cohorts within the permission's scope, the latest first."""
    query = select(*_COHORT).order_by(Cohort.starts_on.desc(), Cohort.id.desc()).limit(200)
    condition = in_scope(actor, permission)
    if condition is not None:
        query = query.where(condition)
    return tuple(_cohort_view(row) for row in db.session.execute(query))


def get_cohort(cohort_id: int) -> CohortView:
    """The cohort of that id. Raises NoResultFound."""
    return _cohort_view(db.session.execute(select(*_COHORT).where(Cohort.id == cohort_id)).one())


def find_cohort_id(key: str) -> int | None:
    """The id of a cohort by its key, as rosters name it."""
    return db.session.execute(select(Cohort.id).where(Cohort.key == key)).scalar()


def cohort_or_404(cohort_id: int, actor: Actor, *permissions: Permission) -> CohortView:
    """The cohort if one of the permissions covers it, else 404."""
    for permission in permissions:
        scopes = actor.scopes_for(permission)
        if EVERYWHERE in scopes or f"cohort:{cohort_id}" in scopes:
            row = db.session.execute(select(*_COHORT).where(Cohort.id == cohort_id)).first()
            if row is not None:
                return _cohort_view(row)
    abort(404)


@lru_cache(maxsize=64)
def _programme(_database: str, version_id: int) -> Programme:
    return Programme.model_validate(content.version(version_id).body)


def programme_version(version_id: int) -> Programme:
    """The programme of a content version, parsed once per process."""
    return _programme(database_key(), version_id)


@lru_cache(maxsize=64)
def _lesson_units(_database: str, version_id: int) -> dict[str, Unit]:
    programme = programme_version(version_id)
    return {activity.ref: unit for unit in programme.units for activity in unit.activities if activity.kind == "lesson"}


def unit_of_lesson(programme_version_id: int, lesson_key: str) -> Unit | None:
    """The unit in which a programme version has a lesson, or None."""
    return _lesson_units(database_key(), programme_version_id).get(lesson_key)


def programme_of(cohort: CohortView) -> Programme:
    """The programme a cohort works with, in the version pinned when it opened."""
    return programme_version(cohort.programme_version_id)


def find_enrolment(enrolment_id: int) -> EnrolmentView | None:
    row = db.session.execute(select(*_ENROLMENT).join(Person, Person.id == Enrolment.person_id).where(Enrolment.id == enrolment_id)).first()
    return EnrolmentView(*row) if row else None


def own_enrolment(person_id: int) -> EnrolmentView | None:
    """The latest enrolment of a person that was not withdrawn."""
    row = db.session.execute(
        select(*_ENROLMENT).join(Person, Person.id == Enrolment.person_id)
        .where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None)).order_by(Enrolment.id.desc()).limit(1)
    ).first()
    return EnrolmentView(*row) if row else None


def own_enrolment_or_404(actor: Actor) -> EnrolmentView:
    return own_enrolment(actor.person_id) or abort(404)


def enrolments_of_person(person_id: int) -> tuple[EnrolmentView, ...]:
    """Every enrolment of a person, the latest first, withdrawn ones included."""
    rows = db.session.execute(
        select(*_ENROLMENT).join(Person, Person.id == Enrolment.person_id).where(Enrolment.person_id == person_id).order_by(Enrolment.id.desc())
    )
    return tuple(EnrolmentView(*row) for row in rows)


def enrolment_or_404(enrolment_id: int, actor: Actor, *permissions: Permission) -> EnrolmentView:
    """The enrolment if it is in a cohort one of the permissions covers (or, for MENTOR, the actor's own mentee), else 404."""
    enrolment = find_enrolment(enrolment_id)
    if enrolment is None:
        abort(404)
    for permission in permissions:
        scopes = actor.scopes_for(permission)
        if permission is Permission.MENTOR:
            if scopes and enrolment.mentor_id == actor.person_id:
                return enrolment
        elif EVERYWHERE in scopes or f"cohort:{enrolment.cohort_id}" in scopes:
            return enrolment
    abort(404)


def roster(cohort_id: int) -> tuple[EnrolmentView, ...]:
    """Everybody enrolled in a cohort and not withdrawn, by employee number."""
    rows = db.session.execute(
        select(*_ENROLMENT).join(Person, Person.id == Enrolment.person_id)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None)).order_by(Person.employee_no)
    )
    return tuple(EnrolmentView(*row) for row in rows)


def enrolments_with_mentor(person_id: int) -> tuple[EnrolmentView, ...]:
    rows = db.session.execute(
        select(*_ENROLMENT).join(Person, Person.id == Enrolment.person_id)
        .where(Enrolment.mentor_id == person_id, Enrolment.withdrawn_at.is_(None)).order_by(Enrolment.cohort_id.desc(), Person.employee_no).limit(200)
    )
    return tuple(EnrolmentView(*row) for row in rows)


def seats_taken(cohort_ids: Collection[int]) -> dict[int, int]:
    rows = db.session.execute(
        select(Enrolment.cohort_id, func.count()).where(Enrolment.cohort_id.in_(cohort_ids), Enrolment.withdrawn_at.is_(None)).group_by(Enrolment.cohort_id)
    )
    return dict(rows.all())


def pinned(cohort_id: int, kind: str, key: str) -> content.Stored:
    """The version of a piece this cohort works with: the current one while its scoring is the pinned scoring (a
    rewording flows in), else the pinned one. Content that came after the opening is used as it is. 404 if unknown."""
    pin = db.session.execute(
        select(CohortPin.scoring_hash, CohortPin.version_id).where(CohortPin.cohort_id == cohort_id, CohortPin.kind == kind, CohortPin.key == key)
    ).first()
    current = content.find_current(kind, key)
    if pin is not None and (current is None or current.scoring_hash != pin.scoring_hash):
        return content.version(pin.version_id)
    if current is None:
        abort(404)
    return current


def pinned_all(cohort_id: int, kind: str) -> dict[str, int]:
    """Key → version id of every pinned piece of a kind, with rewordings, without what was retired since; in one select."""
    current = aliased(ContentVersion)
    rows = db.session.execute(
        select(CohortPin.key, CohortPin.version_id, ContentHead.version_id, CohortPin.scoring_hash == current.scoring_hash)
        .join(ContentHead, (ContentHead.kind == CohortPin.kind) & (ContentHead.key == CohortPin.key))
        .join(current, current.id == ContentHead.version_id)
        .where(CohortPin.cohort_id == cohort_id, CohortPin.kind == kind, ContentHead.retired_at.is_(None)))
    return {key: head_id if same else pinned_id for key, pinned_id, head_id, same in rows}


def done_of(enrolment_ids: Collection[int]) -> dict[int, Done]:
    """Enrolment id → {(kind, ref): best fraction} of everything completed, in one select."""
    facts: dict[int, list[CompletionFact]] = {id_: [] for id_ in enrolment_ids}
    rows = db.session.execute(
        select(Completion.enrolment_id, Completion.kind, Completion.ref, Completion.fraction).where(Completion.enrolment_id.in_(enrolment_ids))
    )
    for enrolment_id, kind, ref, fraction in rows:
        facts[enrolment_id].append(CompletionFact(kind, ref, fraction))
    return {id_: fold_completions(found) for id_, found in facts.items()}


def waivers_of(enrolment_ids: Collection[int]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {id_: set() for id_ in enrolment_ids}
    for enrolment_id, gate in db.session.execute(
            select(GateWaiver.enrolment_id, GateWaiver.gate_key).where(GateWaiver.enrolment_id.in_(enrolment_ids))):
        found[enrolment_id].add(gate)
    return {id_: frozenset(gates) for id_, gates in found.items()}


def openings_of(cohort: CohortView) -> dict[str, date]:
    """Unit key → the day it opens to this cohort."""
    moved = dict(db.session.execute(select(UnitOpening.unit_key, UnitOpening.opens_on).where(UnitOpening.cohort_id == cohort.id)).all())
    return opening_days(programme_of(cohort), cohort.starts_on, moved)


def unit_states_of(enrolment: EnrolmentView, cohort: CohortView, attended: dict[str, int] | None = None) -> tuple[UnitState, ...]:
    """Every unit of the programme as it stands for one trainee. `attended`: session ref → minutes, from participation."""
    return unit_states(programme_of(cohort), openings_of(cohort), clock.today(cohort.zone), done_of([enrolment.id])[enrolment.id], attended or {},
                       waivers_of([enrolment.id])[enrolment.id])


def activity_is_open(enrolment: EnrolmentView, kind: str, ref: str) -> bool:
    """Whether the activity exists in the trainee's programme, is not planned and its unit is open. `needs` is the
    recommended order, shown and not enforced."""
    cohort = get_cohort(enrolment.cohort_id)
    unit = programme_of(cohort).unit_of(kind, ref)
    if unit is None:
        return False
    activity = next(a for a in unit.activities if a.kind == kind and a.ref == ref)
    if activity.planned:
        return False
    return any(state.unit.key == unit.key and state.is_open for state in unit_states_of(enrolment, cohort))


def people_names(person_ids: Iterable[int]) -> dict[int, str]:
    """Person id → name, in one select."""
    ids = {id_ for id_ in person_ids if id_ is not None}
    if not ids:
        return {}
    return dict(db.session.execute(select(Person.id, Person.name).where(Person.id.in_(ids))).all())


def search_people(text: str, limit: int = 20) -> tuple[tuple[int, str, str, str], ...]:
    """(id, name, employee number, org unit) of people whose name or number contains the text."""
    pattern = f"%{text.replace('%', '').replace('_', '')}%"
    rows = db.session.execute(
        select(Person.id, Person.name, Person.employee_no, Person.org_unit).where(or_(Person.name.like(pattern), Person.employee_no.like(pattern)))
        .order_by(Person.employee_no).limit(limit)
    )
    return tuple(tuple(row) for row in rows)  # type: ignore[misc]
