"""Answers that came late: a recovery file brought by hand, and what a reviewer decides about what is held.

Callers hold the transaction; refusals are named exceptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import func, select

from courses import services as course_services
from foundation import audit, clock, content
from foundation.db import db
from foundation.web import OperationConflict, StaleVersion
from quizzes import queries
from quizzes.models import AttemptEvent, Incident, LateDecision, LateSave, Response
from quizzes.rules import recovery
from quizzes.rules.answer import BadAnswer, from_screen
from quizzes.rules.scoring import mark
from quizzes.services.attempts import SectionAhead, UnknownSlot, close_by_time, keep_late, save_answer


@dataclass(frozen=True)
class Recovered:
    """What a recovery file led to: numbers of answers. `saved` stand as the trainee's own, those that stood before among them;
    `held` wait for a reviewer; `refused` are no answers to this paper."""

    saved: int
    held: int
    refused: int


def recover(attempt_id: int, raw: bytes, key_for: Callable[[int, int, str], bytes], actor_id: int) -> Recovered:
    """Take in a recovery file. `key_for(attempt, person, device)` makes the key it was sealed with.

    In an open attempt each answer is saved as if the device had sent it; where another answer was given meanwhile, or the
    attempt has ended, it is held for review. The same file again changes nothing. Raises recovery.BadRecovery.
    """
    attempt = queries.get_attempt(attempt_id)
    device, entries = recovery.open_file(raw, attempt_id, attempt.person_id, lambda named: key_for(attempt_id, attempt.person_id, named))
    versions: dict[str, int] = {}
    saved = held = refused = 0
    for entry in entries:
        try:
            version = versions.get(entry.after, entry.version)
            done = save_answer(attempt_id, entry.position, entry.answer, entry.op, version, actor_id, from_page=True)
            versions[entry.op] = done.version
            held, saved = held + done.late, saved + (not done.late)
        except StaleVersion:
            slot = queries.one_slot(attempt_id, entry.position)
            keep_late(attempt_id, slot.id, entry.position, from_screen(slot.item, slot.order, entry.answer), entry.op, attempt.closes_at, clock.now(), actor_id)
            held += 1
        except (BadAnswer, UnknownSlot, SectionAhead, OperationConflict):
            refused += 1
    op = f"recovery-{hashlib.sha256(raw).hexdigest()[:40]}"
    if db.session.execute(select(AttemptEvent.id).where(AttemptEvent.attempt_id == attempt_id, AttemptEvent.op == op)).first() is None:
        db.session.add(AttemptEvent(attempt_id=attempt_id, kind="recovery", at=clock.now(), device=device, by_id=actor_id, op=op,
                                    detail={"entries": len(entries), "kept": saved, "late": held}))
        audit.record("attempt:recovery", f"attempt:{attempt_id}", actor_id, entries=len(entries), saved=saved, held=held, refused=refused,
                     file=hashlib.sha256(raw).hexdigest())
    db.session.flush()
    return Recovered(saved, held, refused)


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────
class AlreadyDecided(Exception):
    """Somebody has decided on this answer; the first decision stands."""


class StillOpen(Exception):
    """The attempt is open: what is held in it is decided when it has ended."""


class OwnMatter(Exception):
    """Who sat the paper, or watched it, does not decide on it."""


def took_part(attempt: queries.AttemptView, person_id: int) -> bool:
    """Whether somebody sat this paper or watched over it: gave time, paused, brought a recovery file, noted an incident."""
    if attempt.person_id == person_id:
        return True
    if db.session.execute(select(AttemptEvent.id).where(AttemptEvent.attempt_id == attempt.id, AttemptEvent.by_id == person_id).limit(1)).first():
        return True
    return attempt.sitting_id is not None and db.session.execute(
        select(Incident.id).where(Incident.sitting_id == attempt.sitting_id, Incident.by_id == person_id).limit(1)).first() is not None


def decide_late(late_id: int, is_accepted: bool, reason: str, actor_id: int) -> None:
    """Decide on one held answer, for good. Accepted, it takes the place of what stood in its question: as a further run of the
    responses where the program scores it, in the markers' queue where people do.

    Raises AlreadyDecided, StillOpen, OwnMatter.
    """
    now = clock.now()
    late = db.session.get_one(LateSave, late_id)
    if db.session.execute(select(LateDecision.id).where(LateDecision.late_save_id == late_id)).first() is not None:
        raise AlreadyDecided
    attempt = queries.get_attempt(late.attempt_id)
    if attempt.is_open(now):
        raise StillOpen
    if took_part(attempt, actor_id):
        raise OwnMatter
    db.session.add(LateDecision(late_save_id=late_id, is_accepted=is_accepted, reason=reason.strip(), by_id=actor_id, at=now))
    db.session.flush()
    before = after = None
    if is_accepted:
        if attempt.closed_how is None:
            close_by_time(attempt.id, now)
            attempt = queries.get_attempt(late.attempt_id)
        before, after = _count(attempt, late, actor_id)
    audit.record("late:accept" if is_accepted else "late:refuse", f"attempt:{attempt.id}", actor_id, late=late_id, slot=late.slot_id,
                 **({} if after is None else {"before": format(before or Decimal(0), "f"), "after": format(after, "f")}))


def _count(attempt: queries.AttemptView, late: LateSave, actor_id: int) -> tuple[Decimal | None, Decimal | None]:
    """Score an accepted answer as a further run; (mark before, mark after), or nothing where people mark it."""
    now = clock.now()
    slot = next(slot for slot in queries.slots_of([attempt.id])[attempt.id] if slot.id == late.slot_id)
    fraction = replace(slot, answer=late.answer).scored().fraction
    last = db.session.execute(select(Response.mark, Response.run).where(Response.slot_id == slot.id).order_by(Response.run.desc()).limit(1)).first()
    if fraction is None:
        return None, None
    earned = mark(fraction, slot.marks) if slot.counts else Decimal(0)
    run = db.session.execute(select(func.max(Response.run)).where(Response.slot_id == slot.id)).scalar() or 0
    db.session.add(Response(attempt_id=attempt.id, slot_id=slot.id, run=run + 1, answer=late.answer, fraction=fraction, mark=earned,
                            possible=None if slot.counts else Decimal(0), scoring_hash=content.version(slot.version_id).scoring_hash, scored_at=now,
                            cause=f"late:{late.id}"))
    db.session.flush()
    result = queries.earned_of([attempt], now)[attempt.id]
    if result.score is not None:
        course_services.record_completion(attempt.enrolment_id, "quiz", attempt.blueprint_key, result.score / Decimal(100),
                                          f"attempt:{attempt.id}:late:{late.id}", actor_id)
    return (last.mark if last else None), earned
