"""Marking by people: drafts, final marks, corrections; the mark of an answer once its markers agree, and the attempt's score then.

Every refusal is named. Separation is looked at here again, whatever a page showed: nobody marks the own answer or that of a
trainee they mentor, and nobody marks an answer twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from courses import services as course_services
from foundation import audit, clock, content
from foundation.db import canonical_json, db
from foundation.web import StaleVersion
from quizzes.models import EssayDraft, EssayMark, Response
from quizzes.queries import marking as reads
from quizzes.queries.attempts import earned_of, get_attempt
from quizzes.queries.marks import Mark, accepted_late, marks_of
from quizzes.queries.rulings import rulings_on
from quizzes.rules import marking
from quizzes.rules.marking import Judgement, Settlement
from quizzes.rules.scoring import mark as mark_of

CAUSE = "marks"


class NothingToMark(Exception):
    """The slot holds no ended answer that people mark."""


class NotSeparate(Exception):
    """The marker wrote the answer, or mentors the one who did."""


class AlreadyFinal(Exception):
    """This marker's mark is final; it can be corrected, with a reason, and not given again."""


class NotFinal(Exception):
    """There is no final mark of this marker to be corrected."""


class SettledByOthers(Exception):
    """As many as were asked for have marked the answer; what this marker began stays a draft and does not count."""


class NoReason(Exception):
    """A correction says why."""


@dataclass(frozen=True)
class SavedDraft:
    """A draft as it stands on the server."""

    version: int
    saved_at: datetime


@dataclass(frozen=True)
class Decided:
    """What a final mark or a correction led to. `is_complete`: the whole attempt is marked now."""

    settlement: Settlement
    is_complete: bool


def _work(slot_id: int, marker_id: int) -> reads.Work:
    work = reads.find_work(slot_id)
    if work is None or not reads.text_of(slot_id):
        raise NothingToMark
    if work.concerns(marker_id):
        raise NotSeparate
    return work


def _standing(work: reads.Work) -> tuple[tuple[Mark, ...], Settlement]:
    marks = marks_of([work.slot_id]).get(work.slot_id, ())
    return marks, work.settlement(marks)


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def save_draft(slot_id: int, points: Any, comment: Any, base_version: int, marker_id: int) -> SavedDraft:
    """Keep what a marker has so far. `base_version`: the version the page had before, 0 for none.

    Raises NothingToMark, NotSeparate, AlreadyFinal, SettledByOthers, BadJudgement, or StaleVersion with the reads.Draft that stands.
    """
    work = _work(slot_id, marker_id)
    judgement, words = marking.read(work.item, points), marking.read_text(comment, marking.MAX_COMMENT)
    marks, settled = _standing(work)
    if any(mark.marker_id == marker_id for mark in marks):
        raise AlreadyFinal
    if settled.state == "complete":
        raise SettledByOthers
    return _keep(work, judgement, words, base_version, marker_id)


def _keep(work: reads.Work, judgement: Judgement, comment: str, base_version: int | None, marker_id: int) -> SavedDraft:
    """Write the draft on top of `base_version` (None: whatever stands). Saying what stands already changes nothing."""
    row = db.session.execute(select(EssayDraft).where(EssayDraft.slot_id == work.slot_id, EssayDraft.marker_id == marker_id)).scalar_one_or_none()
    now = clock.now()
    if row is None:
        if base_version:
            raise StaleVersion(reads.Draft(0, marking.empty(work.item), "", None))
        row = EssayDraft(slot_id=work.slot_id, marker_id=marker_id, points=judgement, comment=comment, updated_at=now)
        db.session.add(row)
    elif canonical_json([row.points, row.comment]) != canonical_json([judgement, comment]):
        if base_version is not None and row.row_version != base_version:
            raise StaleVersion(reads.draft_of(work.slot_id, marker_id, work.item))
        row.points, row.comment, row.updated_at = judgement, comment, now
    db.session.flush()
    return SavedDraft(row.row_version, row.updated_at)


# ── final marks ──────────────────────────────────────────────────────────────────────────────────────────────────
def finalise(slot_id: int, points: Any, comment: Any, base_version: int | None, marker_id: int) -> Decided:
    """Make a mark final. `base_version`: of the draft the page showed; None takes whatever stands.

    Raises NothingToMark, NotSeparate, AlreadyFinal, SettledByOthers, BadJudgement, Incomplete (criteria without a mark), StaleVersion.
    """
    work = _work(slot_id, marker_id)
    judgement, words = marking.read(work.item, points), marking.read_text(comment, marking.MAX_COMMENT)
    fraction = marking.fraction_of(work.item, judgement)
    marks, settled = _standing(work)
    if any(mark.marker_id == marker_id for mark in marks):
        raise AlreadyFinal
    if settled.state == "complete":
        raise SettledByOthers
    _keep(work, judgement, words, base_version, marker_id)
    return _decide(work, judgement, fraction, "", marker_id)


def correct(slot_id: int, points: Any, comment: Any, reason: Any, marker_id: int) -> Decided:
    """Correct the own final mark: a further row with its reason; what was given before stays on record.

    Raises NothingToMark, NotSeparate, NotFinal, NoReason, BadJudgement, Incomplete.
    """
    work = _work(slot_id, marker_id)
    judgement, words = marking.read(work.item, points), marking.read_text(comment, marking.MAX_COMMENT)
    why = marking.read_text(reason, marking.MAX_REASON)
    fraction = marking.fraction_of(work.item, judgement)
    if not any(mark.marker_id == marker_id for mark in _standing(work)[0]):
        raise NotFinal
    if not why:
        raise NoReason
    _keep(work, judgement, words, None, marker_id)
    return _decide(work, judgement, fraction, why, marker_id)


def _decide(work: reads.Work, judgement: Judgement, fraction: Decimal, reason: str, marker_id: int) -> Decided:
    """Append the mark, and post what it settles."""
    before = db.session.execute(
        select(func.max(EssayMark.number)).where(EssayMark.slot_id == work.slot_id, EssayMark.marker_id == marker_id)).scalar() or 0
    db.session.add(EssayMark(slot_id=work.slot_id, marker_id=marker_id, number=before + 1, points=judgement, fraction=fraction, reason=reason, at=clock.now()))
    db.session.flush()
    settled = _standing(work)[1]
    audit.record("answer:correct" if reason else "answer:mark", f"attempt:{work.attempt_id}", marker_id, slot=work.slot_id, item=work.item_key,
                 number=before + 1, fraction=format(fraction, "f"), points=judgement, state=settled.state)
    return Decided(settled, settled.state == "complete" and _post(work, settled, marker_id))


def _post(work: reads.Work, settled: Settlement, actor_id: int) -> bool:
    """Append the response the agreed mark comes to, unless it stands already or a hearing has decided on the item. Returns
    whether the attempt is wholly marked; its completion is then on record with its fraction."""
    assert settled.fraction is not None
    late = accepted_late([work.slot_id]).get(work.slot_id)
    text = {"text": reads.text_of(work.slot_id, {work.slot_id: late} if late else {})}
    last = db.session.execute(
        select(Response.run, Response.fraction, Response.cause, Response.answer).where(Response.slot_id == work.slot_id)
        .order_by(Response.run.desc()).limit(1)).first()
    if (last is not None and last.cause.startswith("hearing")) or (work.version_id, work.item_key) in rulings_on([work.version_id]):
        return False
    now, run = clock.now(), last.run if last else 0
    if last is None or last.fraction != settled.fraction or canonical_json(last.answer) != canonical_json(text):
        run += 1
        db.session.add(Response(
            attempt_id=work.attempt_id, slot_id=work.slot_id, run=run, answer=text, fraction=settled.fraction,
            mark=mark_of(settled.fraction, work.slot_marks), scoring_hash=content.version(work.version_id).scoring_hash, scored_at=now, cause=CAUSE))
        db.session.flush()
        audit.record("answer:settle", f"attempt:{work.attempt_id}", actor_id, slot=work.slot_id, run=run, fraction=format(settled.fraction, "f"))
    attempt = get_attempt(work.attempt_id)
    earned = earned_of([attempt], now)[attempt.id]
    if earned.awaiting:
        return False
    if earned.score is not None:
        course_services.record_completion(attempt.enrolment_id, "quiz", attempt.blueprint_key, earned.score / Decimal(100),
                                          f"attempt:{attempt.id}:marks:{work.slot_id}:{run}", actor_id)
    return True
