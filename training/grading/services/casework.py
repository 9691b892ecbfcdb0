"""Writing a case: open, save, hand in, close by time. What was saved in time is the submission, even if nobody returns."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from courses.models import Enrolment
from courses.queries import find_enrolment, get_cohort, pinned, programme_of
from courses.services import record_completion
from foundation import audit, clock
from foundation.db import canonical_json, db
from training.grading.models import CaseDraft, CaseResponse, Performance
from training.grading.queries.casework import is_open_to
from training.grading.queries.deadline import case_due
from training.grading.queries.facts import last_saves
from training.grading.queries.instruments import case_of
from training.grading.services.refusals import CaseClosed, EmptyAnswers, NotOpen, OperationReused, StaleDraft, TextTooLong, UnknownQuestion

MAX_ANSWER = 20_000


@dataclass(frozen=True)
class Saved:
    """Proof of saving: `receipt` is the short code shown to the person; `version` goes with the next save."""

    receipt: str
    saved_at: datetime
    version: int


def digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def receipt_code(full: str) -> str:
    """The first eight hex digits of a receipt, as people read them: 7F3A-22C9."""
    return f"{full[:4]}-{full[4:8]}".upper()


def next_receipt(before: str, op: str, version: int, content_hash: str, saved_at: datetime) -> str:
    """The receipt of a save covers the one before it, so the last one vouches for all (64 hex digits)."""
    return digest([before, op, version, content_hash, saved_at.isoformat(timespec="microseconds")])


def open_case(enrolment_id: int, case_key: str, due: datetime | None, actor_id: int) -> int:
    """Begin a case; returns the performance id, the existing one where it was begun before.

    `due`: the instant before which it must be written, None in practice. Raises NotOpen or CaseClosed.
    """
    enrolment = find_enrolment(enrolment_id)
    assert enrolment is not None
    existing = db.session.execute(
        select(Performance.id).where(Performance.enrolment_id == enrolment_id, Performance.kind == "case", Performance.content_key == case_key)
    ).scalar()
    if existing is not None:
        return existing
    if due is not None and clock.now() >= due:
        raise CaseClosed("time_up")
    if not is_open_to(enrolment, programme_of(get_cohort(enrolment.cohort_id)), "case", case_key):
        raise NotOpen
    stored = pinned(enrolment.cohort_id, "case", case_key)
    case = case_of(stored.id)
    rubric_id = pinned(enrolment.cohort_id, "rubric", case.rubric).id if isinstance(case.rubric, str) else stored.id
    performance = Performance(enrolment_id=enrolment_id, kind="case", content_key=case_key, content_version_id=stored.id, rubric_version_id=rubric_id,
                              use=case.use, number=1, created_at=clock.now(), created_by_id=actor_id)
    db.session.add(performance)
    db.session.flush()
    audit.record("case:open", f"performance:{performance.id}", actor_id, enrolment=enrolment_id, case=case_key, use=case.use, content_version=stored.id)
    return performance.id


def _writable(performance_id: int, due: datetime | None) -> Performance:
    performance = db.session.get_one(Performance, performance_id)
    if performance.performed_at is not None:
        raise CaseClosed("handed_in")
    if due is not None and clock.now() >= due:
        raise CaseClosed("time_up")
    return performance


def clean(text: str) -> str:
    """A text as it is kept: one kind of line end, no NUL (which PostgreSQL refuses)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def save_case_draft(performance_id: int, question_key: str, text: str, version: int, op: str, due: datetime | None) -> Saved:
    """Save the text under way for one question; `version` is the one the page last saw (0 for none).

    The last operation once more gives its first receipt. Raises CaseClosed, UnknownQuestion, TextTooLong, OperationReused,
    or StaleDraft with the text that stands; nothing is overwritten unseen.
    """
    performance = db.session.get_one(Performance, performance_id)
    text = clean(text)
    content_hash = digest([question_key, text])
    draft = db.session.execute(
        select(CaseDraft).where(CaseDraft.performance_id == performance_id, CaseDraft.question_key == question_key)).scalar()
    if draft is not None and op and draft.op == op:
        if draft.content_hash != content_hash:
            raise OperationReused
        return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)
    performance = _writable(performance_id, due)
    if case_of(performance.content_version_id).question(question_key) is None:
        raise UnknownQuestion(question_key)
    if len(text) > MAX_ANSWER:
        raise TextTooLong(question_key, len(text), MAX_ANSWER)
    if draft is None:
        if version != 0:
            raise StaleDraft("", 0, question_key)
        if not text:
            return Saved("", clock.now(), 0)
        draft = CaseDraft(performance_id=performance_id, question_key=question_key, text="", version=0, op="", content_hash="", receipt="",
                          saved_at=clock.now())
        db.session.add(draft)
    elif draft.content_hash == content_hash:
        return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)
    elif draft.version != version:
        raise StaleDraft(draft.text, draft.version, question_key)
    now = clock.now()
    draft.version += 1
    draft.receipt = next_receipt(draft.receipt, op, draft.version, content_hash, now)
    draft.text, draft.op, draft.content_hash, draft.saved_at = text, op, content_hash, now
    db.session.flush()
    return Saved(receipt_code(draft.receipt), draft.saved_at, draft.version)


def _drafts(performance_id: int) -> dict[str, CaseDraft]:
    return {draft.question_key: draft for draft in db.session.scalars(select(CaseDraft).where(CaseDraft.performance_id == performance_id))}


def _freeze(performance: Performance, drafts: dict[str, CaseDraft], performed_at: datetime, action: str, actor_id: int | None) -> None:
    now = clock.now()
    for question in case_of(performance.content_version_id).questions:
        draft = drafts.get(question.key)
        db.session.add(CaseResponse(performance_id=performance.id, question_key=question.key, text=draft.text if draft else "", handed_in_at=now))
    performance.performed_at = performed_at
    db.session.flush()
    audit.record(action, f"performance:{performance.id}", actor_id, enrolment=performance.enrolment_id, case=performance.content_key,
                 performed_at=performed_at.isoformat(),
                 answers=[[key, draft.version, draft.receipt, draft.content_hash] for key, draft in sorted(drafts.items())])
    record_completion(performance.enrolment_id, "case", performance.content_key, None, f"performance:{performance.id}", actor_id)


def hand_in_case(performance_id: int, due: datetime | None, actor_id: int, allow_empty: bool = False) -> None:
    """Hand in what is saved: each text becomes a response that stands for good.

    Raises CaseClosed (handed in before, or the time is up: then what was saved in time is the submission anyway) or
    EmptyAnswers unless `allow_empty`.
    """
    performance = _writable(performance_id, due)
    drafts = _drafts(performance_id)
    empty = tuple(question.key for question in case_of(performance.content_version_id).questions
                  if question.key not in drafts or not drafts[question.key].text.strip())
    if empty and not allow_empty:
        raise EmptyAnswers(empty)
    _freeze(performance, drafts, clock.now(), "case:hand_in", actor_id)


def _over(cohort_ids: Collection[int] | None, performance_id: int | None, limit: int) -> list[tuple[Performance, datetime]]:
    """Written work that time has closed and nobody handed in, with the moment of its last save."""
    query = (
        select(Performance).join(Enrolment, Enrolment.id == Performance.enrolment_id)
        .where(Performance.kind == "case", Performance.use == "final", Performance.performed_at.is_(None)).order_by(Performance.id)
    )
    if cohort_ids is not None:
        query = query.where(Enrolment.cohort_id.in_(cohort_ids))
    if performance_id is not None:
        query = query.where(Performance.id == performance_id)
    waiting = list(db.session.scalars(query))
    due, now = case_due({performance.enrolment_id for performance in waiting}), clock.now()
    late = [performance for performance in waiting if now >= due[performance.enrolment_id]]
    saves = last_saves([performance.id for performance in late])
    return [(performance, saves[performance.id]) for performance in late if performance.id in saves][:limit]


def due_cases(limit: int = 500) -> list[int]:
    """Ids of the written work that time has closed and that is not posted yet."""
    return [performance.id for performance, _at in _over(None, None, limit)]


def close_due_case(performance_id: int) -> None:
    """Post one of them; nothing happens where it was handed in or extended meanwhile."""
    for performance, at in _over(None, performance_id, 1):
        _freeze(performance, _drafts(performance.id), at, "case:close", None)


def close_due_cases(cohort_ids: Collection[int] | None = None, limit: int = 500) -> int:
    """Post the submissions that time has closed: saved texts become responses, performed at the last save. Returns how many.

    The state is derived from time before that; this makes the work ready for its raters. Work that was opened and never
    written stays not performed. The page that assigns raters calls this; the worker posts them one by one.
    """
    closed = _over(cohort_ids, None, limit)
    for performance, at in closed:
        _freeze(performance, _drafts(performance.id), at, "case:close", None)
    return len(closed)
