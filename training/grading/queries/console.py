"""The rating console: everything one rater needs for one performance, and nothing the other rater chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import select

from courses.models import Cohort, Enrolment
from foundation import clock
from foundation.db import db
from foundation.people import Person
from foundation.permissions import Actor
from training.grading.models import Assignment, CaseResponse, Performance, Rating, RatingDraft, RedLineReport
from training.grading.queries.instruments import case_of, instrument, station_of, title_of
from training.grading.queries.queue import code_of
from training.grading.rules.case import Case
from training.grading.rules.common import text_length
from training.grading.rules.judgement import Judgement, RedLineNote, read_judgement
from training.grading.rules.rubric import Instrument
from training.grading.rules.station import Station


@dataclass(frozen=True)
class DraftView:
    """What stands on the server for one rating under way. `version` 0 means that nothing was saved yet."""

    judgement: Judgement
    version: int
    saved_at: datetime | None
    receipt: str


@dataclass(frozen=True)
class AnswerView:
    """What a trainee wrote to one question, with its length in the language it is in."""

    question_key: str
    text: str
    language: str
    length: int


@dataclass(frozen=True)
class RatePage:
    """`trainee` is None for written work. `final_at` set: the rating stands, `draft` holds what was made final.
    `elapsed_s`: seconds since the role-play began, None before."""

    assignment_id: int
    performance_id: int
    kind: str
    code: str
    title: dict[str, str]
    trainee: str | None
    cohort_name: dict[str, str]
    zone: str
    use: str
    is_third: bool
    rubric: Instrument
    station: Station | None
    case: Case | None
    answers: dict[str, AnswerView]
    draft: DraftView
    performed_at: datetime | None
    elapsed_s: int | None
    final_at: datetime | None

    @property
    def watch_for(self) -> dict[str, tuple[dict[str, str], ...]]:
        """Criterion → what to note during the performance."""
        found: dict[str, tuple[dict[str, str], ...]] = {}
        for note in self.station.rater.watch_for if self.station else ():
            found[note.criterion] = (*found.get(note.criterion, ()), {"zh": note.zh, "en": note.en})
        return found


def own_assignment_row(assignment_id: int, actor: Actor) -> Any:
    """The assignment with its performance, if it is this rater's; else 404, the same as unknown."""
    row = db.session.execute(
        select(Assignment.id, Assignment.performance_id, Assignment.place, Performance.kind, Performance.content_version_id,
               Performance.rubric_version_id, Performance.use, Performance.performed_at, Enrolment.cohort_id, Person.name.label("trainee"),
               Cohort.name_zh, Cohort.name_en, Cohort.zone)
        .join(Performance, Performance.id == Assignment.performance_id).join(Enrolment, Enrolment.id == Performance.enrolment_id)
        .join(Person, Person.id == Enrolment.person_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Assignment.id == assignment_id, Assignment.rater_id == actor.person_id)
    ).first()
    if row is None:
        abort(404)
    return row


def draft_view(assignment_id: int, rubric: Instrument) -> DraftView:
    """The draft of one assignment as it stands on the server."""
    row = db.session.execute(
        select(RatingDraft.body, RatingDraft.version, RatingDraft.saved_at, RatingDraft.receipt).where(RatingDraft.assignment_id == assignment_id)
    ).first()
    if row is None:
        return DraftView(Judgement(), 0, None, "")
    return DraftView(read_judgement(row.body, rubric), row.version, row.saved_at, row.receipt)


def rate_page(assignment_id: int, actor: Actor) -> RatePage:
    """The console of one assignment of this rater; 404 for anybody else's."""
    row = own_assignment_row(assignment_id, actor)
    rubric = instrument(row.rubric_version_id)
    final = db.session.execute(select(Rating).where(Rating.assignment_id == assignment_id)).scalar()
    if final is not None:
        lines = db.session.execute(
            select(RedLineReport.red_line_key, RedLineReport.quotation, RedLineReport.happened_at).where(RedLineReport.rating_id == final.id))
        draft = DraftView(Judgement(final.levels, final.evidence, {key: RedLineNote(said, when) for key, said, when in lines},
                                    final.global_judgement or "", final.comment), 0, final.final_at, "")
    else:
        draft = draft_view(assignment_id, rubric)
    is_case = row.kind == "case"
    return RatePage(
        assignment_id, row.performance_id, row.kind, code_of(row.performance_id), title_of(row.content_version_id), None if is_case else row.trainee,
        {"zh": row.name_zh, "en": row.name_en}, row.zone, row.use, row.place == 3, rubric,
        None if is_case else station_of(row.content_version_id), case_of(row.content_version_id) if is_case else None,
        answers_of(row.performance_id) if is_case else {}, draft, row.performed_at,
        None if row.performed_at is None else max(0, int((clock.now() - row.performed_at).total_seconds())), final.final_at if final else None)


def answers_of(performance_id: int) -> dict[str, AnswerView]:
    """Question → what was handed in."""
    rows = db.session.execute(select(CaseResponse.question_key, CaseResponse.text).where(CaseResponse.performance_id == performance_id))
    return {key: AnswerView(key, text, *text_length(text)) for key, text in rows}
