"""Answers that are held because they came late, as those who decide on them see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from courses import queries as courses
from courses.models import Cohort, Enrolment
from foundation.db import db
from foundation.i18n import pick
from foundation.people import Person
from foundation.permissions import Actor, Permission
from quizzes.models import Attempt, LateDecision, LateSave, Sitting
from quizzes.queries.attempts import AttemptView, blueprint_version, get_attempt, slots_of
from quizzes.queries.pages import described, one_question

PER_PAGE = 50


@dataclass(frozen=True)
class HeldAnswer:
    """One late answer beside what stands in its question. `decision`: "" while it waits, else accepted or refused."""

    id: int
    attempt_id: int
    position: int
    kind: str
    question: str
    standing: str
    answer: str
    arrived_at: datetime
    after_s: int                         # seconds after the end; 0 where it came before it (its section had been closed)
    decision: str
    reason: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class LatePage:
    """The held answers of one attempt. Who decides sees no name: the paper is judged, not the person."""

    attempt: AttemptView
    title: str
    cohort_name: str
    zone: str
    ended_at: datetime | None
    is_open: bool
    held: tuple[HeldAnswer, ...]


def _attempt_in_scope(attempt_id: int, actor: Actor, *permissions: Permission) -> AttemptView:
    """The attempt if its cohort is in the scope of one of the permissions, else 404."""
    row = db.session.execute(select(Enrolment.cohort_id).join(Attempt, Attempt.enrolment_id == Enrolment.id).where(Attempt.id == attempt_id)).first()
    if row is None:
        abort(404)
    courses.cohort_or_404(row.cohort_id, actor, *permissions)
    return get_attempt(attempt_id)


def watched_attempt_or_404(attempt_id: int, actor: Actor) -> AttemptView:
    """The attempt for who invigilates its cohort."""
    return _attempt_in_scope(attempt_id, actor, Permission.INVIGILATE)


def late_page(attempt_id: int, actor: Actor, now: datetime) -> LatePage:
    """The held answers of an attempt, for a reviewer of its cohort; 404 otherwise."""
    attempt = _attempt_in_scope(attempt_id, actor, Permission.REVIEW)
    cohort = courses.get_cohort(attempt.cohort_id)
    ended = attempt.ended_at(now)
    slots = {slot.id: slot for slot in slots_of([attempt_id])[attempt_id]}
    decider = aliased(Person)
    rows: Any = db.session.execute(
        select(LateSave.id, LateSave.slot_id, LateSave.answer, LateSave.arrived_at, LateDecision.is_accepted, LateDecision.reason, LateDecision.at,
               decider.name)
        .outerjoin(LateDecision, LateDecision.late_save_id == LateSave.id).outerjoin(decider, decider.id == LateDecision.by_id)
        .where(LateSave.attempt_id == attempt_id).order_by(LateSave.id))
    held = []
    for id_, slot_id, answer, arrived_at, is_accepted, reason, at, name in rows:
        slot = slots[slot_id]
        view = one_question(slot)
        held.append(HeldAnswer(
            id_, attempt_id, slot.position, slot.item.kind, view.question, described(view), described(one_question(slot, answer)), arrived_at,
            int((arrived_at - ended).total_seconds()) if ended and arrived_at > ended else 0,
            "" if is_accepted is None else "accepted" if is_accepted else "refused", reason or "", name or "", at))
    return LatePage(attempt, pick(attempt.blueprint.title), pick(cohort.name), cohort.zone, ended, ended is None, tuple(held))


def late_attempt(late_id: int) -> int:
    """The attempt of a held answer; 404 where there is no such answer."""
    return db.session.execute(select(LateSave.attempt_id).where(LateSave.id == late_id)).scalar() or abort(404)


@dataclass(frozen=True)
class LateLine:
    """An attempt with held answers."""

    attempt_id: int
    title: str
    cohort_name: str
    employee_no: str
    waiting: int
    decided: int
    last_at: datetime
    zone: str


@dataclass(frozen=True)
class LateList:
    lines: tuple[LateLine, ...]
    page: int
    has_more: bool


def late_list(actor: Actor, sitting_id: int | None, page: int) -> LateList:
    """Attempts with held answers in the reviewer's cohorts, those that wait first, fifty a page; of one sitting where it is named."""
    condition = courses.in_scope(actor, Permission.REVIEW)
    waiting = func.count(LateSave.id) - func.count(LateDecision.id)
    grouped = (Attempt.id, Attempt.blueprint_version_id, Cohort.name_zh, Cohort.name_en, Cohort.zone, Person.employee_no)
    query = (
        select(*grouped, waiting.label("waiting"), func.count(LateDecision.id).label("decided"), func.max(LateSave.arrived_at).label("last_at"))
        .select_from(LateSave).join(Attempt, Attempt.id == LateSave.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id).join(Person, Person.id == Enrolment.person_id)
        .outerjoin(LateDecision, LateDecision.late_save_id == LateSave.id).group_by(*grouped)
        .order_by((waiting > 0).desc(), func.max(LateSave.arrived_at).desc()).limit(PER_PAGE + 1).offset(PER_PAGE * (page - 1)))
    if condition is not None:
        query = query.where(condition)
    if sitting_id is not None:
        query = query.where(Attempt.sitting_id == sitting_id)
    rows: Any = db.session.execute(query).all()
    lines = tuple(LateLine(row.id, pick(blueprint_version(row.blueprint_version_id).title), pick({"zh": row.name_zh, "en": row.name_en}), row.employee_no,
                           row.waiting, row.decided, row.last_at, row.zone) for row in rows[:PER_PAGE])
    return LateList(lines, page, len(rows) > PER_PAGE)


def sitting_in_review_or_404(sitting_id: int, actor: Actor) -> int:
    """The sitting's id if the reviewer's scope covers its cohort, else 404."""
    cohort_id = db.session.execute(select(Sitting.cohort_id).where(Sitting.id == sitting_id)).scalar()
    if cohort_id is None:
        abort(404)
    courses.cohort_or_404(cohort_id, actor, Permission.REVIEW)
    return sitting_id
