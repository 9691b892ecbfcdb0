"""Reads of this part: items and blueprints as types, attempts as they stand now, exam facts for the assessment.

An attempt past its time IS closed with what was saved in time, whether or not anybody has posted it: every read here
derives that from the clock. Nothing in here writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from flask import abort
from sqlalchemy import Row, Select, bindparam, func, select

from courses import queries as courses
from courses.models import Cohort, Enrolment
from foundation import clock, content
from foundation.db import database_key, db
from foundation.hotread import HotRead
from foundation.permissions import Actor
from quizzes.models import AnswerSave, Attempt, Closure, Response, Slot
from quizzes.queries.marks import accepted_late, marks_of, settlement
from quizzes.queries.rulings import RulingView, rulings_on
from quizzes.rules import attempt as sitting
from quizzes.rules import item as items
from quizzes.rules.answer import Answer, completeness
from quizzes.rules.assembly import Pools, pools
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import Answerable, Item, ItemSet
from quizzes.rules.scoring import Scored, mark, percent, score


# ── content as types ─────────────────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=4096)
def _item(_database: str, version_id: int) -> Item:
    return items.parse(content.version(version_id).body)


def item_version(version_id: int) -> Item:
    """The item of a content version, parsed once per process."""
    return _item(database_key(), version_id)


@lru_cache(maxsize=256)
def _blueprint(_database: str, version_id: int) -> Blueprint:
    return Blueprint.model_validate(content.version(version_id).body)


def blueprint_version(version_id: int) -> Blueprint:
    """The blueprint of a content version, parsed once per process."""
    return _blueprint(database_key(), version_id)


def bank(cohort_id: int) -> dict[str, tuple[int, Item]]:
    """Piece key → (version id, item) of everything that may be drawn for a cohort: what was pinned for it and is not retired."""
    return {key: (version_id, item_version(version_id)) for key, version_id in courses.pinned_all(cohort_id, "item").items()}


@lru_cache(maxsize=64)
def _pools(_database: str, blueprint_id: int, item_ids: tuple[int, ...]) -> Pools:
    return pools(blueprint_version(blueprint_id), (item_version(id_) for id_ in item_ids))


def pools_of(blueprint_id: int, bank_: dict[str, tuple[int, Item]]) -> Pools:
    """What each cell of a blueprint may draw from a bank: sifted once per process, blueprint and bank."""
    return _pools(database_key(), blueprint_id, tuple(version_id for version_id, _item in bank_.values()))


# ── attempts ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class AttemptView:
    """An attempt with its end, if it was posted. `state(now)` says how it stands, posted or not."""

    id: int
    enrolment_id: int
    cohort_id: int
    person_id: int
    blueprint_key: str
    blueprint_version_id: int
    purpose: str
    number: int
    started_at: datetime
    closes_at: datetime
    high_water_at: datetime
    closed_at: datetime | None
    closed_how: str | None
    head_hash: str | None
    saves: int | None
    zone: str                            # of the cohort: deadlines and receipts are told in it
    sitting_id: int | None = None
    form_id: int | None = None
    section: int = 0                     # the one-way section now open, from 0
    paused_at: datetime | None = None    # the hall stands still since then, and the clock of this attempt with it
    device: str = ""                     # the device that holds the paper

    @property
    def blueprint(self) -> Blueprint:
        return blueprint_version(self.blueprint_version_id)

    def state(self, now: datetime) -> sitting.State:
        return sitting.state(now, self.high_water_at, self.closes_at, self.closed_how, self.paused_at)

    def is_open(self, now: datetime) -> bool:
        return self.state(now) == "open"

    def is_open_exam(self, now: datetime) -> bool:
        """The written exam is being sat: keys and reasons stay closed meanwhile."""
        return self.purpose == "exam" and self.is_open(now)

    def ended_at(self, now: datetime) -> datetime | None:
        """When it ended: at hand-in, else at its deadline; None while it is open."""
        return self.closed_at or (None if self.is_open(now) else self.closes_at)

    def seconds_left(self, now: datetime) -> int:
        return sitting.seconds_left(now, self.high_water_at, self.closes_at, self.paused_at)


def _own_attempt() -> Select[Any]:
    """Built once, on plain tables: every autosave begins with it."""
    attempt, enrolment, cohort, closure = Attempt.__table__, Enrolment.__table__, Cohort.__table__, Closure.__table__
    return (
        select(attempt.c.id, attempt.c.enrolment_id, enrolment.c.cohort_id, enrolment.c.person_id, attempt.c.blueprint_key,
               attempt.c.blueprint_version_id, attempt.c.purpose, attempt.c.number, attempt.c.started_at, attempt.c.closes_at, attempt.c.high_water_at,
               closure.c.closed_at, closure.c.how, closure.c.head_hash, closure.c.saves, cohort.c.zone, attempt.c.sitting_id, attempt.c.form_id,
               attempt.c.section, attempt.c.paused_at, attempt.c.device)
        .select_from(attempt).join(enrolment, enrolment.c.id == attempt.c.enrolment_id).join(cohort, cohort.c.id == enrolment.c.cohort_id)
        .outerjoin(closure, closure.c.attempt_id == attempt.c.id)
        .where(attempt.c.id == bindparam("attempt"), enrolment.c.person_id == bindparam("person"))
    )


_OWN = HotRead(_own_attempt())


def _attempts() -> Any:
    return (
        select(Attempt.id, Attempt.enrolment_id, Enrolment.cohort_id, Enrolment.person_id, Attempt.blueprint_key, Attempt.blueprint_version_id,
               Attempt.purpose, Attempt.number, Attempt.started_at, Attempt.closes_at, Attempt.high_water_at, Closure.closed_at, Closure.how,
               Closure.head_hash, Closure.saves, Cohort.zone, Attempt.sitting_id, Attempt.form_id, Attempt.section, Attempt.paused_at, Attempt.device)
        .join(Enrolment, Enrolment.id == Attempt.enrolment_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .outerjoin(Closure, Closure.attempt_id == Attempt.id)
    )


def get_attempt(attempt_id: int) -> AttemptView:
    """The attempt of that id. Raises NoResultFound."""
    return AttemptView(*db.session.execute(_attempts().where(Attempt.id == attempt_id)).one())


def attempts_by_id(attempt_ids: Collection[int]) -> tuple[AttemptView, ...]:
    """The attempts of these ids, in order; one select."""
    return tuple(AttemptView(*row) for row in db.session.execute(_attempts().where(Attempt.id.in_(attempt_ids)).order_by(Attempt.id)))


def own_attempt_or_404(attempt_id: int, actor: Actor) -> AttemptView:
    """The attempt if it is the actor's own; another person's is the same 404 as an unknown one."""
    rows = _OWN.rows(attempt=attempt_id, person=actor.person_id)
    return AttemptView(*rows[0]) if rows else abort(404)


def attempts_of(enrolment_id: int, blueprint_key: str, limit: int = 20) -> tuple[AttemptView, ...]:
    """Attempts of one trainee at one quiz, the latest first."""
    rows = db.session.execute(
        _attempts().where(Attempt.enrolment_id == enrolment_id, Attempt.blueprint_key == blueprint_key).order_by(Attempt.number.desc()).limit(limit)
    )
    return tuple(AttemptView(*row) for row in rows)


def exam_is_open(person_id: int, now: datetime) -> bool:
    """Whether a person sits the written exam now, in whichever cohort; in one select."""
    rows = db.session.execute(_attempts().where(Enrolment.person_id == person_id, Attempt.purpose == "exam", Closure.id.is_(None)))
    return any(AttemptView(*row).is_open_exam(now) for row in rows)


@dataclass(frozen=True)
class SlotView:
    """A place in a paper with the answer that stands in it. `version` 0: nothing was saved yet."""

    id: int
    attempt_id: int
    position: int
    item: Answerable
    piece: Item
    version_id: int
    marks: Decimal
    order: tuple[str, ...]
    values: dict[str, str]
    section: int = 0
    version: int = 0
    answer: Answer | None = None
    saved_at: datetime | None = None
    receipt: str = ""
    ruling: RulingView | None = None     # what a hearing decided about this item of this version, if one did

    @property
    def counts(self) -> bool:
        """Whether it enters what was earned and what could be: not where a hearing dropped it."""
        return self.ruling is None or self.ruling.ruling.remedy != "drop"

    @property
    def keyed(self) -> Answerable:
        """The item whose key and feedback stand: the one that was asked, or as a hearing corrected it."""
        return self.item if self.ruling is None else self.ruling.ready(self.item).shown

    @property
    def accepted_options(self) -> frozenset[str]:
        """Keys of options that a hearing accepted each by itself, beside the key."""
        answers = (self.ruling.ruling.change or {}).get("answers", ()) if self.ruling is not None else ()
        return frozenset(answer["choice"] for answer in answers if "choice" in answer)

    @property
    def in_set(self) -> ItemSet | None:
        return self.piece if isinstance(self.piece, ItemSet) else None

    @property
    def completeness(self) -> str:
        return completeness(self.item, self.answer)

    def scored(self) -> Scored:
        """What the answer that stands earns, by the item's key or by what a hearing made of it."""
        return score(self.item, self.answer, self.values) if self.ruling is None else self.ruling.ready(self.item).scored(self.answer, self.values)

    def matched(self) -> Scored:
        """How the answer that stands matches the key, or any key a hearing accepted: given to all, it may earn more than that."""
        return score(self.item, self.answer, self.values) if self.ruling is None else self.ruling.ready(self.item).matched(self.answer, self.values)


_SLOT = (Slot.id, Slot.attempt_id, Slot.position, Slot.item_key, Slot.item_version_id, Slot.marks, Slot.frozen, Slot.section)


def slot_view(row: Row[Any], save: Row[Any] | None, rulings: Mapping[tuple[int, str], RulingView] | None = None) -> SlotView:
    id_, attempt_id, position, item_key, version_id, marks, frozen, section = tuple(row)
    piece = item_version(version_id)
    version, answer, saved_at, receipt = (save.version, save.answer, save.saved_at, save.receipt) if save is not None else (0, None, None, "")
    return SlotView(id_, attempt_id, position, items.part(piece, item_key), piece, version_id, marks, tuple(frozen["order"]), frozen["values"], section,
                    version, answer, saved_at, receipt, (rulings or {}).get((version_id, item_key)))


class NoSuchSlot(LookupError):
    """The paper has no place of that number."""


def one_slot(attempt_id: int, position: int) -> SlotView:
    """One place of a paper as it was frozen, without the answer that stands. Raises NoSuchSlot."""
    row = db.session.execute(select(*_SLOT).where(Slot.attempt_id == attempt_id, Slot.position == position)).first()
    if row is None:
        raise NoSuchSlot(position)
    return slot_view(row, None)


def slots_of(attempt_ids: Collection[int]) -> dict[int, tuple[SlotView, ...]]:
    """Attempt id → its slots in order, each with the answer that stands: three selects, however many attempts."""
    latest = select(func.max(AnswerSave.id)).where(AnswerSave.attempt_id.in_(attempt_ids)).group_by(AnswerSave.slot_id)
    saves = {row.slot_id: row for row in db.session.execute(
        select(AnswerSave.slot_id, AnswerSave.version, AnswerSave.answer, AnswerSave.saved_at, AnswerSave.receipt).where(AnswerSave.id.in_(latest)))}
    found: dict[int, list[SlotView]] = {id_: [] for id_ in attempt_ids}
    rows = db.session.execute(select(*_SLOT).where(Slot.attempt_id.in_(attempt_ids)).order_by(Slot.attempt_id, Slot.position)).all()
    rulings = rulings_on({row.item_version_id for row in rows})
    for row in rows:
        found[row.attempt_id].append(slot_view(row, saves.get(row.id), rulings))
    return {id_: tuple(slots) for id_, slots in found.items()}


def chain_of(attempt_id: int) -> tuple[sitting.Save, ...]:
    """Every save of an attempt in order, as the chain hashes them."""
    rows = db.session.execute(
        select(Slot.position, AnswerSave.version, AnswerSave.op, AnswerSave.answer, AnswerSave.saved_at)
        .join(Slot, Slot.id == AnswerSave.slot_id).where(AnswerSave.attempt_id == attempt_id).order_by(AnswerSave.id)
    )
    return tuple(sitting.Save(position, version, op, answer, saved_at.isoformat(timespec="microseconds"))
                 for position, version, op, answer, saved_at in rows)


def chain_holds(attempt_id: int) -> bool:
    """Whether the saves of an attempt are those it was closed with: recomputes the chain from the first save."""
    saves = chain_of(attempt_id)
    stored = db.session.scalars(select(AnswerSave.hash).where(AnswerSave.attempt_id == attempt_id).order_by(AnswerSave.id)).all()
    head = sitting.GENESIS
    for save, expected in zip(saves, stored, strict=True):
        head = sitting.chain_hash(head, attempt_id, save)
        if head != expected:
            return False
    closed = db.session.execute(select(Closure.head_hash, Closure.saves).where(Closure.attempt_id == attempt_id)).first()
    return closed is None or (closed.head_hash, closed.saves) == (head, len(saves))


# ── what attempts earned ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Earned:
    """What a closed attempt earned. `score` 0..100, unrounded; None where no slot has a mark, or a person's is still to come."""

    score: Decimal | None
    earned: Decimal
    possible: Decimal
    by_slot: dict[int, tuple[Decimal, Decimal]]          # slot id → (fraction, mark)
    awaiting: tuple[int, ...] = ()                       # ids of slots whose mark by a person is still to come
    dropped: frozenset[int] = frozenset()                # ids of slots a hearing took out: neither earned nor possible


def _earned(slots: Sequence[SlotView], results: dict[int, tuple[Decimal, Decimal]], awaiting: tuple[int, ...] = (),
            dropped: frozenset[int] = frozenset()) -> Earned:
    scored = [slot for slot in slots if slot.id in results and slot.id not in awaiting and slot.id not in dropped]
    marks = [results[slot.id][1] for slot in scored]
    possible = [slot.marks for slot in scored]
    return Earned(None if awaiting else percent(marks, possible), sum(marks, Decimal(0)), sum(possible, Decimal(0)), results, awaiting, dropped)


def score_now(slots: Sequence[SlotView], blueprint: Blueprint) -> Earned:
    """What the saved answers earn by today's reading of their frozen keys; how an unposted end is counted. What people mark
    waits for them; left empty it earns nothing, and nobody has to look at it."""
    results, awaiting = {}, []
    for slot in slots:
        fraction = slot.scored().fraction
        if not slot.counts:
            results[slot.id] = (fraction or Decimal(0), Decimal(0))
            continue
        if fraction is None and blueprint.raters(slot.item.kind):
            if slot.completeness != "none":
                awaiting.append(slot.id)
            else:
                fraction = Decimal(0)
        if fraction is not None:
            results[slot.id] = (fraction, mark(fraction, slot.marks))
    return _earned(slots, results, tuple(awaiting), frozenset(slot.id for slot in slots if not slot.counts))


def _awaiting(attempts: Sequence[AttemptView], slots: dict[int, tuple[SlotView, ...]], heard: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Attempt id → its slots whose mark by people is not complete. `heard`: slots a hearing has decided on, which wait for nobody."""
    waiting = {attempt.id: [slot for slot in slots[attempt.id] if attempt.blueprint.raters(slot.item.kind) and slot.id not in heard and slot.ruling is None]
               for attempt in attempts}
    ids = [slot.id for found in waiting.values() for slot in found]
    if not ids:
        return {}
    late = accepted_late(ids)
    marks = marks_of(ids, late)
    return {attempt.id: tuple(
        slot.id for slot in waiting[attempt.id]
        if (slot.completeness != "none" or slot.id in late)
        and settlement(marks.get(slot.id, ()), attempt.blueprint, slot.item.kind).state != "complete") for attempt in attempts}


def earned_of(attempts: Sequence[AttemptView], now: datetime) -> dict[int, Earned]:
    """Attempt id → what it earned, for those that have ended: from the responses of the latest run, else derived."""
    ended = [attempt for attempt in attempts if not attempt.is_open(now)]
    if not ended:
        return {}
    slots = slots_of([attempt.id for attempt in ended])
    posted: dict[int, dict[int, tuple[Decimal, Decimal]]] = {}
    causes: dict[int, str] = {}
    dropped: dict[int, set[int]] = {}
    rows = db.session.execute(
        select(Response.attempt_id, Response.slot_id, Response.fraction, Response.mark, Response.cause, Response.possible)
        .where(Response.attempt_id.in_([attempt.id for attempt in ended if attempt.closed_how])).order_by(Response.run)
    )
    for attempt_id, slot_id, fraction, earned, cause, possible in rows:
        posted.setdefault(attempt_id, {})[slot_id] = (fraction, earned)
        (set.add if possible == 0 else set.discard)(dropped.setdefault(attempt_id, set()), slot_id)
        causes[slot_id] = cause
    awaiting = _awaiting([attempt for attempt in ended if attempt.closed_how], slots, {id_ for id_, cause in causes.items() if cause.startswith("hearing")})
    return {attempt.id: _earned(slots[attempt.id], posted.get(attempt.id, {}), awaiting.get(attempt.id, ()), frozenset(dropped.get(attempt.id, ())))
            if attempt.closed_how else score_now(slots[attempt.id], attempt.blueprint) for attempt in ended}


@dataclass(frozen=True)
class ExamFact:
    """One sitting of an exam. `score` 0..100, unrounded, None while it is open and while people still mark it (`awaiting`);
    `performed_at`: hand-in, or the deadline."""

    attempt_id: int
    number: int
    score: Decimal | None
    is_open: bool
    started_at: datetime
    performed_at: datetime | None
    awaiting: bool = False


def exam_facts(enrolment_ids: Collection[int], blueprint_key: str) -> dict[int, list[ExamFact]]:
    """Enrolment id → its sittings of an exam in order. Only attempts made with the purpose `exam` count, ever."""
    found: dict[int, list[ExamFact]] = {id_: [] for id_ in enrolment_ids}
    now = clock.now()
    attempts = [AttemptView(*row) for row in db.session.execute(
        _attempts().where(Attempt.enrolment_id.in_(enrolment_ids), Attempt.blueprint_key == blueprint_key, Attempt.purpose == "exam")
        .order_by(Attempt.enrolment_id, Attempt.number))]
    earned = earned_of(attempts, now)
    for attempt in attempts:
        result = earned.get(attempt.id)
        found[attempt.enrolment_id].append(ExamFact(attempt.id, attempt.number, result.score if result else None, result is None,
                                                    attempt.started_at, attempt.ended_at(now), bool(result and result.awaiting)))
    return found
