"""Ratings: a draft that is saved often, then one final judgement that stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from courses.services import record_completion
from foundation import audit, clock
from foundation.db import db
from training.grading.models import Assignment, Performance, Rating, RatingDraft, RedLineReport
from training.grading.queries.facts import folded_of
from training.grading.queries.instruments import instrument
from training.grading.rules.judgement import Judgement, lacks, read_judgement
from training.grading.rules.rubric import rubric_score
from training.grading.services.arranging import mark_performed
from training.grading.services.casework import Saved, digest, next_receipt, receipt_code
from training.grading.services.refusals import NotPerformed, OperationReused, RaterRefused, RatingIncomplete, RatingIsFinal, StaleDraft


def _own(assignment_id: int, actor_id: int) -> tuple[Assignment, Performance]:
    assignment = db.session.get_one(Assignment, assignment_id)
    if assignment.rater_id != actor_id:
        raise RaterRefused("not_yours")
    return assignment, db.session.get_one(Performance, assignment.performance_id)


def _draft_row(assignment_id: int) -> RatingDraft | None:
    return db.session.execute(select(RatingDraft).where(RatingDraft.assignment_id == assignment_id)).scalar()


def _final_row(assignment_id: int) -> int | None:
    return db.session.execute(select(Rating.id).where(Rating.assignment_id == assignment_id)).scalar()


def save_rating_draft(assignment_id: int, body: Mapping[str, Any], version: int, op: str, actor_id: int) -> Saved:
    """Keep a rating under way; `version` is the one the page last saw (0 for none).

    The last operation once more gives its first receipt. Raises JudgementRefused (what the rubric does not know, too
    long), RatingIsFinal, OperationReused, or StaleDraft with the judgement that stands.
    """
    _assignment, performance = _own(assignment_id, actor_id)
    kept = read_judgement(body, instrument(performance.rubric_version_id)).to_json()
    content_hash = digest(kept)
    draft = _draft_row(assignment_id)
    if draft is not None and op and draft.op == op:
        if draft.content_hash != content_hash:
            raise OperationReused
        return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)
    if _final_row(assignment_id) is not None:
        raise RatingIsFinal
    if draft is None:
        if version != 0:
            raise StaleDraft(Judgement().to_json(), 0)
        draft = RatingDraft(assignment_id=assignment_id, body={}, version=0, op="", content_hash="", receipt="", saved_at=clock.now())
        db.session.add(draft)
    elif draft.content_hash == content_hash:
        return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)
    elif draft.version != version:
        raise StaleDraft(draft.body, draft.version)
    now = clock.now()
    draft.version += 1
    draft.receipt = next_receipt(draft.receipt, op, draft.version, content_hash, now)
    draft.body, draft.op, draft.content_hash, draft.saved_at = kept, op, content_hash, now
    db.session.flush()
    return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)


def finalise_rating(assignment_id: int, body: Mapping[str, Any] | None, version: int | None, actor_id: int, device_at: datetime | None = None) -> int:
    """Make a rating final; returns its id. `body` None takes the saved draft as it stands; `version` None skips the version check.

    The mark is computed here and kept with the rating; the global judgement and red lines never enter it. A role-play that
    nobody marked as performed is performed now. Raises RatingIsFinal, NotPerformed (written work not handed in),
    StaleDraft, JudgementRefused, RatingIncomplete.
    """
    assignment, performance = _own(assignment_id, actor_id)
    if _final_row(assignment_id) is not None:
        raise RatingIsFinal
    rubric = instrument(performance.rubric_version_id)
    draft = _draft_row(assignment_id)
    stands = draft.body if draft is not None else Judgement().to_json()
    judgement = read_judgement(stands if body is None else body, rubric)
    if draft is not None and version is not None and draft.version != version and draft.body != judgement.to_json():
        raise StaleDraft(draft.body, draft.version)
    if missing := lacks(judgement, rubric):
        raise RatingIncomplete(missing)
    if performance.performed_at is None:
        if performance.kind == "case":
            raise NotPerformed
        mark_performed(performance.id, actor_id)
    rating = Rating(assignment_id=assignment_id, performance_id=performance.id, rater_id=actor_id, levels=dict(judgement.levels),
                    evidence=dict(judgement.evidence), global_judgement=judgement.global_judgement or None, comment=judgement.comment,
                    mark=rubric_score(rubric, judgement.levels), device_at=device_at, final_at=clock.now())
    db.session.add(rating)
    db.session.flush()
    # no mark and no level goes into the trail: whoever may read it must not learn them before the own rating is final
    audit.record("rating:finalise", f"performance:{performance.id}", actor_id, rating=rating.id, assignment=assignment_id, place=assignment.place,
                 content=audit.fingerprint(digest(judgement.to_json())))
    for key, note in judgement.red_lines.items():
        report = RedLineReport(rating_id=rating.id, performance_id=performance.id, red_line_key=key, quotation=note.quotation,
                               happened_at=note.happened_at)
        db.session.add(report)
        db.session.flush()
        audit.record("red_line:report", f"performance:{performance.id}", actor_id, report=report.id, rating=rating.id, red_line=key)
    complete_practice(performance.id, actor_id)
    return rating.id


def complete_practice(performance_id: int, actor_id: int) -> None:
    """Record what practice was worth once it is judged and no red line is open; a confirmed one is worth nothing.

    A role-play is completed by this; written work was by handing it in, and gets its fraction, which a gate may ask for.
    """
    performance = folded_of(performance_id)
    mark = performance.standing.mark
    if performance.use != "practice" or mark is None or performance.red_line == "raised":
        return
    fraction = Decimal(0) if performance.red_line == "confirmed" else mark / 100
    evidence = f"performance:{performance_id}" if performance.kind == "station" else f"performance:{performance_id}:mark"
    record_completion(performance.enrolment_id, performance.kind, performance.content_key, fraction, evidence, actor_id)
