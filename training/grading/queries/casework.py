"""What a trainee sees: the own work on a case, the own appointments at a station. Never the rater's or role-player's part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from flask import abort
from sqlalchemy import select

from courses.queries import EnrolmentView, activity_is_open, get_cohort, own_enrolment_or_404, pinned, programme_of
from courses.rules.outline import Programme
from foundation import clock
from foundation.db import database_key, db
from foundation.permissions import Actor
from training.grading.models import CaseDraft, CaseResponse, Performance
from training.grading.queries.deadline import case_due
from training.grading.queries.instruments import case_of, station_of
from training.grading.rules.case import Case
from training.grading.rules.common import text_length
from training.grading.rules.station import Candidate

CaseState = Literal["not_open", "ready", "too_late", "writing", "time_up", "handed_in"]


@dataclass(frozen=True)
class DraftAnswer:
    """The text under way for one question. `version` 0: nothing saved yet. `language`/`length` as the length rule counts."""

    question_key: str
    text: str
    version: int
    receipt: str
    saved_at: datetime | None
    language: str
    length: int


@dataclass(frozen=True)
class CasePage:
    """The own work on one case. States: not_open, ready (can begin), too_late (never begun in time), writing, time_up
    (what was saved in time is the submission), handed_in. `due` is None in practice."""

    case: Case
    state: CaseState
    enrolment: EnrolmentView
    zone: str
    performance_id: int | None
    due: datetime | None
    answers: dict[str, DraftAnswer]
    handed_in_at: datetime | None

    @property
    def last_day(self) -> date | None:
        """The day at whose end the time is up, where the deadline is a midnight of the cohort's zone."""
        if self.due is None or self.due.astimezone(ZoneInfo(self.zone)).time() != time.min:
            return None
        return (self.due - timedelta(seconds=1)).astimezone(ZoneInfo(self.zone)).date()

    @property
    def empty_keys(self) -> tuple[str, ...]:
        return tuple(question.key for question in self.case.questions if not self.answers[question.key].text.strip())


@lru_cache(maxsize=128)
def _without_answers(_database: str, version_id: int) -> Case:
    """The case as a trainee may read it: no model answer, no rubric, no mark on distractor documents."""
    case = case_of(version_id)
    dossier = tuple(document.model_copy(update={"noise": False}) for document in case.dossier)
    return case.model_copy(update={"model_answer": {}, "rubric": "", "figures": (), "dossier": dossier})


def _is_ours(programme: Programme, kind: str, key: str) -> bool:
    """Whether the piece belongs to the trainee's programme, as an activity or as part of the assessment."""
    named = programme.assessment.skill_demonstration.stations if kind == "station" else programme.assessment.case_analysis.cases
    return key in named or any(a.kind == kind and a.ref == key and not a.planned for a in programme.activities)


def is_open_to(enrolment: EnrolmentView, programme: Programme, kind: str, key: str) -> bool:
    """Whether somebody may begin: the activity is open, or, for what only the assessment names, the last unit is."""
    if any(a.kind == kind and a.ref == key and not a.planned for a in programme.activities):
        return activity_is_open(enrolment, kind, key)
    last = next((a for unit in reversed(programme.units) for a in unit.activities if not a.planned), None)
    return last is not None and activity_is_open(enrolment, last.kind, last.ref)


def own_case_page(key: str, actor: Actor) -> CasePage:
    """The page of one case for the trainee who asks; 404 where it is not in the own programme."""
    enrolment = own_enrolment_or_404(actor)
    cohort = get_cohort(enrolment.cohort_id)
    programme, zone = programme_of(cohort), cohort.zone
    if not _is_ours(programme, "case", key):
        abort(404)
    row = db.session.execute(
        select(Performance.id, Performance.content_version_id, Performance.use, Performance.performed_at)
        .where(Performance.enrolment_id == enrolment.id, Performance.kind == "case", Performance.content_key == key)
        .order_by(Performance.number.desc()).limit(1)
    ).first()
    case = _without_answers(database_key(), row.content_version_id if row else pinned(enrolment.cohort_id, "case", key).id)
    due = case_due([enrolment.id])[enrolment.id] if (row.use if row else case.use) == "final" else None
    is_late = due is not None and clock.now() >= due
    state: CaseState
    if row is None:
        state = "too_late" if is_late else "ready" if is_open_to(enrolment, programme, "case", key) else "not_open"
        return CasePage(case, state, enrolment, zone, None, due, _answers(case, {}), None)
    if row.performed_at is None:
        drafts = {draft.question_key: draft for draft in db.session.scalars(select(CaseDraft).where(CaseDraft.performance_id == row.id))}
        return CasePage(case, "time_up" if is_late else "writing", enrolment, zone, row.id, due, _answers(case, drafts), None)
    responses = db.session.execute(
        select(CaseResponse.question_key, CaseResponse.text, CaseResponse.handed_in_at).where(CaseResponse.performance_id == row.id)).all()
    answers = {r.question_key: DraftAnswer(r.question_key, r.text, 0, "", r.handed_in_at, *text_length(r.text)) for r in responses}
    blank = _answers(case, {})
    return CasePage(case, "handed_in", enrolment, zone, row.id, due, {**blank, **answers}, row.performed_at)


def _answers(case: Case, drafts: dict[str, CaseDraft]) -> dict[str, DraftAnswer]:
    found = {}
    for question in case.questions:
        draft = drafts.get(question.key)
        found[question.key] = (DraftAnswer(question.key, draft.text, draft.version, draft.receipt, draft.saved_at, *text_length(draft.text)) if draft
                               else DraftAnswer(question.key, "", 0, "", None, "zh", 0))
    return found


@dataclass(frozen=True)
class Appointment:
    """One arranged role-play of the trainee's own. Results are not told here."""

    number: int
    arranged_at: datetime
    performed_at: datetime | None


@dataclass(frozen=True)
class StationPage:
    """What a candidate may see: the candidate's part alone, while it is open or a role-play is arranged."""

    title: dict[str, str]
    use: str
    zone: str
    is_shown: bool
    candidate: Candidate
    read_brief_s: int
    performance_s: int
    appointments: tuple[Appointment, ...]


def own_station_page(key: str, actor: Actor) -> StationPage:
    """A station as the trainee who asks may see it; 404 where it is not in the own programme."""
    enrolment = own_enrolment_or_404(actor)
    cohort = get_cohort(enrolment.cohort_id)
    programme = programme_of(cohort)
    if not _is_ours(programme, "station", key):
        abort(404)
    station = station_of(pinned(enrolment.cohort_id, "station", key).id)
    rows = db.session.execute(
        select(Performance.number, Performance.created_at, Performance.performed_at)
        .where(Performance.enrolment_id == enrolment.id, Performance.kind == "station", Performance.content_key == key).order_by(Performance.number)
    ).all()
    return StationPage(station.title.model_dump(), station.use, cohort.zone,
                       bool(rows) or is_open_to(enrolment, programme, "station", key), station.candidate, station.timing.read_brief,
                       station.timing.performance, tuple(Appointment(*row) for row in rows))
