"""Planned sittings as their planners see them: the list, one sitting with its candidates, its equivalence proof, what may be planned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flask import abort
from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Enrolment
from courses.queries import CohortView, EnrolmentView
from foundation.db import db
from foundation.permissions import Actor, Permission
from quizzes.models import Attempt, Candidate, Closure, PaperForm, Sitting
from quizzes.queries.attempts import blueprint_version
from quizzes.queries.sittings import halls
from quizzes.rules import room
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.equivalence import Proof

PlanState = Literal["planned", "lapsed", "cancelled", "early", "open", "paused", "over"]
PURPOSES = ("exam", "stage_test", "mock")
PER_PAGE = 30


@dataclass(frozen=True)
class SittingView:
    """A sitting as pages print it. The seed is never among its values."""

    id: int
    cohort_id: int
    blueprint_key: str
    blueprint_version_id: int
    place: str
    opens_at: datetime
    closes_at: datetime
    mode: str
    forms: int
    break_minutes: int
    proof_hash: str
    planned_by_id: int
    planned_at: datetime
    approved_by_id: int | None
    approved_at: datetime | None
    cancelled_at: datetime | None
    paused_at: datetime | None
    row_version: int

    @property
    def blueprint(self) -> Blueprint:
        return blueprint_version(self.blueprint_version_id)

    def state(self, now: datetime, hall: room.Hall) -> PlanState:
        """How it stands: waiting for its approval, over without one (`lapsed`), cancelled, or as its window says."""
        if self.cancelled_at is not None:
            return "cancelled"
        state = room.window(now, self.opens_at, room.sitting_end(self.closes_at, 0, hall.seconds), self.paused_at)
        if self.approved_at is None:
            return "lapsed" if state == "over" else "planned"
        return state


_VIEW = (Sitting.id, Sitting.cohort_id, Sitting.blueprint_key, Sitting.blueprint_version_id, Sitting.place, Sitting.opens_at, Sitting.closes_at,
         Sitting.mode, Sitting.forms, Sitting.break_minutes, Sitting.proof_hash, Sitting.planned_by_id, Sitting.planned_at, Sitting.approved_by_id,
         Sitting.approved_at, Sitting.cancelled_at, Sitting.paused_at, Sitting.row_version)


def _view(row: Any) -> SittingView:
    return SittingView(*row)


def get_sitting(sitting_id: int) -> SittingView:
    """The sitting of that id. Raises NoResultFound."""
    return _view(db.session.execute(select(*_VIEW).where(Sitting.id == sitting_id)).one())


def sitting_or_404(sitting_id: int, actor: Actor) -> SittingView:
    """The sitting if the actor invigilates its cohort; another cohort's is the same 404 as an unknown one."""
    row = db.session.execute(select(*_VIEW).where(Sitting.id == sitting_id)).first()
    if row is None:
        abort(404)
    courses.cohort_or_404(row.cohort_id, actor, Permission.INVIGILATE)
    return _view(row)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ListedSitting:
    """One line of the list: how many of the cohort have begun and ended."""

    sitting: SittingView
    cohort: CohortView
    state: PlanState
    begun: int
    ended: int
    members: int
    may_approve: bool


@dataclass(frozen=True)
class ListingPage:
    """Sittings of the cohorts somebody invigilates. `ahead` are those to come or under way, the nearest first."""

    ahead: tuple[ListedSitting, ...]
    behind: tuple[ListedSitting, ...]
    number: int
    pages: int
    may_plan: bool


def _counts(sitting_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Sitting id → (people who began, people who ended)."""
    rows = db.session.execute(
        select(Attempt.sitting_id, func.count(func.distinct(Attempt.enrolment_id)), func.count(Closure.id))
        .outerjoin(Closure, Closure.attempt_id == Attempt.id).where(Attempt.sitting_id.in_(sitting_ids)).group_by(Attempt.sitting_id))
    return {sitting_id: (begun, ended) for sitting_id, begun, ended in rows if sitting_id is not None}


def listing_page(actor: Actor, now: datetime, number: int = 1) -> ListingPage:
    """What is ahead in full (it is few), what is behind by pages."""
    cohorts = {cohort.id: cohort for cohort in courses.visible_cohorts(actor, Permission.INVIGILATE)}
    if not cohorts:
        return ListingPage((), (), 1, 1, False)
    base = select(*_VIEW).where(Sitting.cohort_id.in_(cohorts))
    is_over = (Sitting.closes_at <= now) | Sitting.cancelled_at.is_not(None)
    # A paused hall is under way however late it is.
    is_behind = is_over & Sitting.paused_at.is_(None)
    total = db.session.execute(select(func.count()).select_from(Sitting).where(Sitting.cohort_id.in_(cohorts), is_behind)).scalar_one()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(number, 1), pages)
    ahead = db.session.execute(base.where(~is_behind).order_by(Sitting.opens_at, Sitting.id).limit(200)).all()
    latest_first = base.where(is_behind).order_by(Sitting.opens_at.desc(), Sitting.id.desc())
    behind = db.session.execute(latest_first.limit(PER_PAGE).offset((number - 1) * PER_PAGE)).all()
    views = [_view(row) for row in (*ahead, *behind)]
    ids = [view.id for view in views]
    counts, stood, members = _counts(ids), halls(ids), courses.seats_taken({view.cohort_id for view in views})
    lines = {view.id: ListedSitting(view, cohorts[view.cohort_id], view.state(now, stood[view.id]), *counts.get(view.id, (0, 0)),
                                    members.get(view.cohort_id, 0), view.planned_by_id != actor.person_id) for view in views}
    return ListingPage(tuple(lines[row.id] for row in ahead), tuple(lines[row.id] for row in behind), number, pages, True)


# ── planning ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Plannable:
    """A paper that a cohort may be given a sitting of."""

    key: str
    blueprint: Blueprint


def plannable(cohort: CohortView) -> tuple[Plannable, ...]:
    """Exams, stage tests and mocks of a cohort's programme, in its order; the final exam first."""
    found = []
    for unit in courses.programme_of(cohort).units:
        for activity in unit.activities:
            if activity.kind == "quiz" and not activity.planned:
                blueprint = blueprint_version(courses.pinned(cohort.id, "blueprint", activity.ref).id)
                if blueprint.purpose in PURPOSES:
                    found.append(Plannable(activity.ref, blueprint))
    return tuple(sorted(found, key=lambda one: PURPOSES.index(one.blueprint.purpose)))


# ── one sitting ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class CandidateRow:
    """One of the cohort in a sitting: form, allowances, and how far the attempt is (None, open, ended)."""

    enrolment: EnrolmentView
    form: str
    extra_minutes: int
    break_minutes: int
    row_version: int
    attempt_id: int | None
    ended: bool


@dataclass(frozen=True)
class SittingPage:
    """A sitting for who plans and watches it."""

    sitting: SittingView
    cohort: CohortView
    state: PlanState
    hall: room.Hall
    proof: Proof | None
    planner: str
    approver: str
    may_approve: bool
    is_planner: bool
    candidates: tuple[CandidateRow, ...]
    begun: int

    @property
    def blueprint(self) -> Blueprint:
        return self.sitting.blueprint


def _proof(sitting_id: int) -> Proof | None:
    body = db.session.execute(select(Sitting.proof).where(Sitting.id == sitting_id)).scalar()
    return Proof.from_json(body) if body else None


def sitting_page(sitting: SittingView, actor: Actor, now: datetime, with_candidates: bool = True) -> SittingPage:
    """A sitting, its proof, and (unless left out) everybody who is to sit it."""
    hall = halls([sitting.id])[sitting.id]
    names = courses.people_names([sitting.planned_by_id, sitting.approved_by_id or 0])
    rows: tuple[CandidateRow, ...] = ()
    if with_candidates:
        known = {row.enrolment_id: row for row in db.session.execute(
            select(Candidate.enrolment_id, Candidate.extra_minutes, Candidate.break_minutes, Candidate.row_version, PaperForm.label)
            .outerjoin(PaperForm, PaperForm.id == Candidate.form_id).where(Candidate.sitting_id == sitting.id))}
        sat = {row.enrolment_id: row for row in db.session.execute(
            select(Attempt.enrolment_id, Attempt.id, Attempt.closes_at, Attempt.paused_at, Closure.id.label("closure_id"))
            .outerjoin(Closure, Closure.attempt_id == Attempt.id).where(Attempt.sitting_id == sitting.id).order_by(Attempt.number))}
        rows = tuple(_candidate(enrolment, known.get(enrolment.id), sat.get(enrolment.id), now) for enrolment in courses.roster(sitting.cohort_id))
    is_planner = sitting.planned_by_id == actor.person_id
    begun = sum(row.attempt_id is not None for row in rows) if with_candidates else _counts([sitting.id]).get(sitting.id, (0, 0))[0]
    return SittingPage(sitting, courses.get_cohort(sitting.cohort_id), sitting.state(now, hall), hall, _proof(sitting.id), names.get(sitting.planned_by_id, ""),
                       names.get(sitting.approved_by_id, "") if sitting.approved_by_id else "", not is_planner, is_planner, rows, begun)


def _candidate(enrolment: EnrolmentView, known: Any, sat: Any, now: datetime) -> CandidateRow:
    ended = sat is not None and (sat.closure_id is not None or (sat.paused_at is None and sat.closes_at <= now))
    return CandidateRow(enrolment, (known.label or "") if known else "", known.extra_minutes if known else 0, known.break_minutes if known else 0,
                        known.row_version if known else 0, sat.id if sat else None, ended)


def is_member(sitting: SittingView, enrolment_id: int) -> bool:
    """Whether somebody is enrolled in the sitting's cohort and not withdrawn."""
    return db.session.execute(select(Enrolment.id).where(
        Enrolment.id == enrolment_id, Enrolment.cohort_id == sitting.cohort_id, Enrolment.withdrawn_at.is_(None))).first() is not None
