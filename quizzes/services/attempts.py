"""Changes of this part: start, save, hand in, close by time. Callers hold the transaction; refusals are named exceptions."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, insert, select, update

from courses import queries as courses
from courses import services as course_services
from foundation import audit, clock, content, hotwrite
from foundation.db import canonical_json, db
from foundation.web import OperationConflict, StaleVersion
from quizzes import queries
from quizzes.models import AnswerSave, Attempt, Closure, LateSave, Response, Slot
from quizzes.rules import attempt as sitting
from quizzes.rules import room
from quizzes.rules.answer import Answer, BadAnswer, from_screen, read
from quizzes.rules.assembly import assemble
from quizzes.rules.item import part
from quizzes.services.sittings import assign_form

MAX_LATE = 500


class QuizNotOpen(Exception):
    """The quiz is not open to this trainee: not in the programme, its unit is closed, or the enrolment has ended."""


class NotNow(Exception):
    """The sitting of this paper is planned, and this is not its time; `admission` says when it is, `state` why not now."""

    def __init__(self, admission: queries.Admission) -> None:
        super().__init__(admission.state)
        self.admission = admission


class ExamTaken(Exception):
    """The exam was sat before; there is one sitting."""


class SectionAhead(Exception):
    """The question stands in a section that is not open yet."""


class TakenOver(Exception):
    """Another device holds the paper now; what this one sent was not saved. `position`, `version`: what it was about."""


class UnknownSlot(Exception):
    """The paper has no such place."""


# ── start ────────────────────────────────────────────────────────────────────────────────────────────────────────
def start_attempt(enrolment_id: int, ref: str, actor_id: int, seed: str = "") -> int:
    """Begin an attempt, or return to the one that is open; its id. The paper is frozen here, drawn by a secret seed
    (the demo gives its own, to be the same every time).

    Where a sitting is planned, its window decides and its paper is given: a fixed form, or the person's own paper as the
    equivalence proof has reckoned it. Raises QuizNotOpen, NotNow, ExamTaken, or NoPaper where the bank cannot fill the blueprint.
    """
    now = clock.now()
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None or enrolment.withdrawn_at is not None:
        raise QuizNotOpen
    before = queries.attempts_of(enrolment_id, ref)
    for attempt in before:
        if attempt.closed_how is None:
            if attempt.is_open(now):
                return attempt.id
            _close(attempt, now, None)
    entrance = queries.entrance(enrolment, ref, now)
    planned = entrance.admission
    if (planned is None and not entrance.is_open) or entrance.is_barred:
        raise QuizNotOpen
    version_id = planned.blueprint_version_id if planned else courses.pinned(enrolment.cohort_id, "blueprint", ref).id
    blueprint = queries.blueprint_version(version_id)
    if before and not sitting.may_repeat(blueprint.purpose):
        raise ExamTaken
    if planned is not None and planned.state != "open":
        raise NotNow(planned)
    seed = planned.seed if planned else seed or secrets.token_hex(16)
    form = (planned.form or assign_form(planned.sitting_id, enrolment_id)) if planned and planned.mode == "forms" else None
    if form is not None:
        paper, seed = form.slots, form.seed
    elif planned is not None:
        paper = queries.own_paper(planned)
    else:
        bank = queries.bank(enrolment.cohort_id)
        paper = queries.slots_from(assemble(queries.pools_of(version_id, bank), seed), {key: id_ for key, (id_, _item) in bank.items()})
    extra = planned.extra_minutes if planned else 0
    row = Attempt(enrolment_id=enrolment_id, blueprint_key=ref, blueprint_version_id=version_id, purpose=blueprint.purpose,
                  number=before[0].number + 1 if before else 1, seed=seed, started_at=now,
                  closes_at=room.closing_time(now, blueprint.minutes, extra, planned.end if planned else None), high_water_at=now,
                  sitting_id=planned.sitting_id if planned else None, form_id=form.id if form else None)
    db.session.add(row)
    db.session.flush()
    digest = _freeze(row.id, paper)
    told = {"sitting": planned.sitting_id, "form": form.label if form else "", "extra_minutes": extra} if planned else {}
    audit.record("attempt:start", f"attempt:{row.id}", actor_id, enrolment=enrolment_id, blueprint=ref, version=content.version(version_id).number,
                 number=row.number, purpose=row.purpose, closes_at=row.closes_at.isoformat(), paper=digest, **told)
    return row.id


def _freeze(attempt_id: int, paper: Sequence[queries.FormSlot]) -> str:
    """Write the slots; returns the digest of the paper for the audit trail."""
    db.session.execute(insert(Slot), [
        {"attempt_id": attempt_id, "position": slot.position, "item_key": slot.item_key, "item_version_id": slot.item_version_id,
         "marks": slot.marks, "frozen": slot.frozen, "section": slot.section} for slot in paper])
    return sitting.paper_hash((slot.position, slot.item_key, content.version(slot.item_version_id).scoring_hash, format(slot.marks, "f"),
                               slot.frozen) for slot in paper)


# ── save ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Saved:
    """What a save led to. `late`: it arrived after the end (or, with `is_section`, after its section had been closed), is kept
    for review and does not count by itself."""

    position: int
    version: int
    receipt: str
    saved_at: datetime | None
    closes_at: datetime
    answer: Answer
    late: bool = False
    is_section: bool = False


@dataclass(frozen=True)
class Theirs:
    """What stands where a stale save wanted to write."""

    position: int
    version: int
    answer: Answer
    saved_at: datetime | None
    receipt: str


# The statements of an autosave are built once, on plain tables: building them anew is most of what a save costs.
_A, _C, _S, _V = (cast(Table, model.__table__) for model in (Attempt, Closure, Slot, AnswerSave))
_OTHER = _V.alias("other")
_PLACE = hotwrite.Statement(
    select(_A.c.high_water_at, _A.c.closes_at, _A.c.paused_at, _A.c.device, _A.c.section.label("open_section"), _A.c.blueprint_version_id, _C.c.how,
           _S.c.id.label("slot_id"), _S.c.item_key, _S.c.item_version_id, _S.c.frozen, _S.c.section)
    .select_from(_A).join(_S, _S.c.attempt_id == _A.c.id).outerjoin(_C, _C.c.attempt_id == _A.c.id)
    .where(_A.c.id == bindparam("attempt"), _S.c.position == bindparam("position"))
)
_SAVES = hotwrite.Statement(
    select(_V.c.id, _V.c.slot_id, _V.c.version, _V.c.op, _V.c.content_hash, _V.c.answer, _V.c.saved_at, _V.c.receipt, _V.c.hash)
    .where(_V.c.id.in_([     # three look-ups by key; one condition with OR would walk through all saves of the attempt
        select(_OTHER.c.id).where(_OTHER.c.attempt_id == bindparam("attempt"), _OTHER.c.op == bindparam("op")).scalar_subquery(),
        select(func.max(_OTHER.c.id)).where(_OTHER.c.attempt_id == bindparam("attempt")).scalar_subquery(),
        select(_OTHER.c.id).where(_OTHER.c.slot_id == bindparam("slot")).order_by(_OTHER.c.version.desc()).limit(1).scalar_subquery(),
    ]))
    .order_by(_V.c.id)
)
_KEEP = hotwrite.Statement(insert(_V))
_HIGH_WATER = hotwrite.Statement(update(_A).where(_A.c.id == bindparam("attempt")).values(high_water_at=bindparam("moment"), row_version=_A.c.row_version + 1))


def save_answer(attempt_id: int, position: int, raw: Any, op: str, base_version: int, actor_id: int, from_page: bool = False,
                device: str = "") -> Saved:
    """Save one answer. `base_version`: the version of this answer the device had before it, 0 for none. `from_page`: the
    answer is in the screen's names (letters, numbers), not in the keys of the content. `device`: which one sends it, "" if unsaid.

    The same operation again returns the same receipt. An answer that says what already stands is not saved twice.
    Raises UnknownSlot, BadAnswer, StaleVersion (with Theirs), OperationConflict (same id, other content), TakenOver, SectionAhead,
    or Unsuited where the save came late and the transaction under way is a hot one.
    """
    if not 1 <= len(op) <= 64:
        raise BadAnswer("a save needs an operation id")
    line = hotwrite.line()
    places = line.rows(_PLACE, attempt=attempt_id, position=position)
    if not places:
        raise UnknownSlot
    row = places[0]
    item = part(queries.item_version(row.item_version_id), row.item_key)
    answer = from_screen(item, row.frozen["order"], raw) if from_page else read(item, raw)
    digest = sitting.answer_digest(position, base_version, answer)
    head, last, same = _standing(attempt_id, row.slot_id, op)
    if same is not None:
        if same.content_hash != digest:
            raise OperationConflict
        return Saved(position, same.version, same.receipt, same.saved_at, row.closes_at, answer)
    now = clock.now()
    is_over = sitting.state(now, row.high_water_at, row.closes_at, row.how, row.paused_at) != "open"
    is_closed_section = row.section < row.open_section      # only a one-way paper ever raises it
    if is_over or is_closed_section:
        if line.is_hot:
            raise hotwrite.Unsuited     # what comes late leaves an event in the audit trail
        return keep_late(attempt_id, row.slot_id, position, answer, op, row.closes_at, now, actor_id, not is_over)
    if row.section > row.open_section and queries.blueprint_version(row.blueprint_version_id).one_way:
        raise SectionAhead
    if device and row.device and device != row.device:
        raise TakenOver
    current = last.version if last else 0
    if base_version != current:
        raise StaleVersion(Theirs(position, current, last.answer if last else {}, last.saved_at if last else None, last.receipt if last else ""))
    if (last.answer if last else {}) == answer:
        return Saved(position, current, last.receipt if last else "", last.saved_at if last else None, row.closes_at, answer)
    saved_at = sitting.effective(now, row.high_water_at)
    save = sitting.Save(position, current + 1, op, answer, saved_at.isoformat(timespec="microseconds"))
    hash_ = sitting.chain_hash(head, attempt_id, save)
    receipt = sitting.receipt(hash_)
    line.run(_KEEP, attempt_id=attempt_id, slot_id=row.slot_id, version=current + 1, op=op, content_hash=digest, answer=answer, saved_at=saved_at,
             receipt=receipt, hash=hash_)
    line.run(_HIGH_WATER, attempt=attempt_id, moment=saved_at)
    return Saved(position, current + 1, receipt, saved_at, row.closes_at, answer)


def _standing(attempt_id: int, slot_id: int, op: str) -> tuple[str, Any, Any]:
    """(head of the attempt's chain, latest save of the slot or None, save of this very operation or None), in one select."""
    rows = hotwrite.line().rows(_SAVES, attempt=attempt_id, slot=slot_id, op=op)
    same = next((row for row in rows if row.op == op), None)
    last = next((row for row in reversed(rows) if row.slot_id == slot_id), None)
    return (rows[-1].hash if rows else sitting.GENESIS), last, same


def keep_late(attempt_id: int, slot_id: int, position: int, answer: Answer, op: str, closes_at: datetime, now: datetime, actor_id: int,
              is_section: bool = False) -> Saved:
    """Keep what came after the end, or after its section was closed: held for review, never counted by itself. At most 500 per attempt."""
    known = db.session.execute(
        select(LateSave.slot_id, LateSave.answer, LateSave.arrived_at).where(LateSave.attempt_id == attempt_id, LateSave.op == op)
    ).first()
    if known is not None:
        if (known.slot_id, canonical_json(known.answer)) != (slot_id, canonical_json(answer)):
            raise OperationConflict
        return Saved(position, 0, "", known.arrived_at, closes_at, answer, late=True, is_section=is_section)
    count = db.session.execute(select(func.count()).select_from(LateSave).where(LateSave.attempt_id == attempt_id)).scalar_one()
    if count < MAX_LATE:
        db.session.add(LateSave(attempt_id=attempt_id, slot_id=slot_id, op=op, answer=answer, arrived_at=now))
        audit.record("attempt:late_save", f"attempt:{attempt_id}", actor_id, position=position, number=count + 1)
    return Saved(position, 0, "", now, closes_at, answer, late=True, is_section=is_section)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────
def submit_attempt(attempt_id: int, actor_id: int) -> str:
    """Hand in. Closes exactly once: whoever comes later learns how it had ended. Returns 'handed_in' or 'time'."""
    attempt = queries.get_attempt(attempt_id)
    if attempt.closed_how is None:
        return _close(attempt, clock.now(), actor_id)
    return attempt.closed_how


def due_attempts(now: datetime, limit: int = 200) -> list[int]:
    """Ids of the attempts whose time is over and whose end is not posted yet, the oldest first."""
    return list(db.session.scalars(
        select(Attempt.id).outerjoin(Closure, Closure.attempt_id == Attempt.id)
        .where(Closure.id.is_(None), Attempt.closes_at <= now, Attempt.paused_at.is_(None))
        .order_by(Attempt.closes_at).limit(limit)
    ))


def close_by_time(attempt_id: int, now: datetime) -> None:
    """Post the end of one attempt whose time is over; nothing happens where it is closed already or was given more time."""
    attempt = queries.get_attempt(attempt_id)
    if attempt.closed_how is None and not attempt.is_open(now):
        _close(attempt, now, None)


def close_due(now: datetime | None = None, limit: int = 200) -> int:
    """Post the end of attempts whose time is over, the oldest first; returns how many."""
    moment = now or clock.now()
    due = due_attempts(moment, limit)
    for attempt_id in due:
        close_by_time(attempt_id, moment)
    return len(due)


def _close(attempt: queries.AttemptView, now: datetime, actor_id: int | None) -> str:
    """Score what was saved and post the end, at the moment it happened: hand-in, or the deadline."""
    is_open = attempt.is_open(now)
    how = "handed_in" if is_open else "time"
    closed_at = sitting.effective(now, attempt.high_water_at) if is_open else attempt.closes_at
    slots = queries.slots_of([attempt.id])[attempt.id]
    earned = queries.score_now(slots, attempt.blueprint)
    chain = db.session.execute(select(func.count(AnswerSave.id), func.max(AnswerSave.id)).where(AnswerSave.attempt_id == attempt.id)).one()
    head = sitting.GENESIS if chain[1] is None else db.session.execute(select(AnswerSave.hash).where(AnswerSave.id == chain[1])).scalar_one()
    db.session.add(Closure(attempt_id=attempt.id, closed_at=closed_at, how=how, head_hash=head, saves=chain[0]))
    scored = [{"attempt_id": attempt.id, "slot_id": slot.id, "run": 1, "answer": slot.answer or None, "fraction": earned.by_slot[slot.id][0],
               "mark": earned.by_slot[slot.id][1], "possible": Decimal(0) if slot.id in earned.dropped else None,
               "scoring_hash": content.version(slot.version_id).scoring_hash, "scored_at": now}
              for slot in slots if slot.id in earned.by_slot]
    if scored:
        db.session.execute(insert(Response), scored)
    db.session.flush()
    answered = sum(slot.completeness != "none" for slot in slots)
    audit.record("attempt:hand_in" if how == "handed_in" else "attempt:time_up", f"attempt:{attempt.id}", actor_id, head=head, saves=chain[0],
                 answered=answered, items=len(slots), closed_at=closed_at.isoformat())
    if answered or sitting.counts(attempt.purpose):
        fraction = None if earned.score is None else earned.score / Decimal(100)
        course_services.record_completion(attempt.enrolment_id, "quiz", attempt.blueprint_key, fraction, f"attempt:{attempt.id}", actor_id)
    return how
