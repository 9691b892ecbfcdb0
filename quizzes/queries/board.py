"""The invigilator's board, and what was noted of one attempt. Facts as they were reported, never verdicts.

A board is asked every five seconds while hundreds write: what only grows (saves, events) is remembered per process and
sitting, and each asking reads what came since. Rows of those tables are never changed and are numbered in the order in
which they were committed, so what is remembered is what a full reading would give.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import func, select

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from foundation.db import database_key, db
from foundation.permissions import Actor, Permission
from quizzes.models import AnswerSave, Attempt, AttemptEvent, Candidate, Closure, Incident, IncidentText, PaperForm, Presence, Slot
from quizzes.queries.attempts import blueprint_version
from quizzes.queries.planned import SittingView, sitting_or_404
from quizzes.queries.sittings import halls
from quizzes.rules import attempt as rules
from quizzes.rules import room
from quizzes.rules.breaks import Happened, breaks_of

FACTS = ("focus_lost", "paste", "reconnect", "device")       # what is counted beside a candidate's name
CLOCK_KINDS = ("break_start", "break_end", "pause", "resume")
REMEMBERED = 16
STANDINGS = ("in", "offline", "break", "paused", "absent", "handed_in", "time")


# ── what only grows ──────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class _Tail:
    """What one sitting's saves and events came to, up to two row numbers."""

    save_id: int = 0
    event_id: int = 0
    filled: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))         # attempt → slots with an answer
    receipts: dict[int, tuple[str, datetime]] = field(default_factory=dict)               # attempt → the last receipt
    facts: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # attempt → what was counted
    clock: dict[int, list[Happened]] = field(default_factory=lambda: defaultdict(list))   # attempt → breaks and pauses
    lock: threading.Lock = field(default_factory=threading.Lock)


_tails: OrderedDict[tuple[str, int], _Tail] = OrderedDict()
_tails_lock = threading.Lock()


def _tail(sitting_id: int) -> _Tail:
    key = (database_key(), sitting_id)
    with _tails_lock:
        found = _tails.pop(key, None) or _Tail()
        _tails[key] = found
        while len(_tails) > REMEMBERED:
            _tails.popitem(last=False)
    return found


def _read_on(tail: _Tail, sitting_id: int) -> None:
    """Read what came since: two selects, however many people write."""
    members = select(Attempt.id).where(Attempt.sitting_id == sitting_id)
    saves = db.session.execute(
        select(AnswerSave.id, AnswerSave.attempt_id, AnswerSave.slot_id, AnswerSave.answer != {}, AnswerSave.receipt, AnswerSave.saved_at)
        .where(AnswerSave.attempt_id.in_(members), AnswerSave.id > tail.save_id).order_by(AnswerSave.id))
    for id_, attempt_id, slot_id, is_filled, receipt, saved_at in saves:
        (tail.filled[attempt_id].add if is_filled else tail.filled[attempt_id].discard)(slot_id)
        tail.receipts[attempt_id] = (receipt, saved_at)
        tail.save_id = id_
    events = db.session.execute(
        select(AttemptEvent.id, AttemptEvent.attempt_id, AttemptEvent.kind, AttemptEvent.at, AttemptEvent.detail)
        .where(AttemptEvent.attempt_id.in_(members), AttemptEvent.id > tail.event_id, AttemptEvent.kind.in_((*FACTS, *CLOCK_KINDS)))
        .order_by(AttemptEvent.id))
    for id_, attempt_id, kind, at, detail in events:
        if kind in CLOCK_KINDS:
            tail.clock[attempt_id].append(Happened(kind, at, int((detail or {}).get("seconds", 0))))
        elif kind != "device" or (detail or {}).get("previous"):       # the first device of a paper takes over from nobody
            tail.facts[attempt_id][kind] += 1
        tail.event_id = id_


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class BoardRow:
    """One candidate now. `since`: of an absence of signals, of the hand-in or the end; `left`: seconds of time left, standing
    still while paused, None before the start and after the end; `facts` as FACTS counts them."""

    enrolment: EnrolmentView
    attempt_id: int | None
    form: str
    standing: room.Standing
    since: datetime | None
    unsent: int
    answered: int
    receipt: str
    receipt_at: datetime | None
    closes_at: datetime | None
    left: int | None
    extra_minutes: int
    facts: tuple[int, ...]
    incidents: int


@dataclass(frozen=True)
class Noted:
    """An incident as it is read: `person` of whom, '' for the room."""

    id: int
    kind: str
    at: datetime
    by: str
    person: str
    body: str


@dataclass(frozen=True)
class BoardPage:
    """Everybody of a sitting at one moment."""

    sitting: SittingView
    cohort: CohortView
    now: datetime
    items: int
    minutes: int
    rows: tuple[BoardRow, ...]
    counts: dict[str, int]
    hall: room.Hall
    noted: tuple[Noted, ...] = ()

    @property
    def ends_at(self) -> datetime:
        """When the sitting ends for who has no extra time; hall pauses that have ended are in it."""
        return room.sitting_end(self.sitting.closes_at, 0, self.hall.seconds)


def _rows(sitting: SittingView, roster: Sequence[EnrolmentView], now: datetime) -> tuple[BoardRow, ...]:
    tail = _tail(sitting.id)
    candidates = {row.enrolment_id: row for row in db.session.execute(
        select(Candidate.enrolment_id, Candidate.extra_minutes, Candidate.break_minutes, PaperForm.label)
        .outerjoin(PaperForm, PaperForm.id == Candidate.form_id).where(Candidate.sitting_id == sitting.id))}
    attempts: dict[int, Any] = {}
    rows = db.session.execute(
        select(Attempt.id, Attempt.enrolment_id, Attempt.started_at, Attempt.closes_at, Attempt.high_water_at, Attempt.paused_at, PaperForm.label,
               Closure.closed_at, Closure.how, Presence.seen_at, Presence.unsent)
        .outerjoin(Closure, Closure.attempt_id == Attempt.id).outerjoin(Presence, Presence.attempt_id == Attempt.id)
        .outerjoin(PaperForm, PaperForm.id == Attempt.form_id).where(Attempt.sitting_id == sitting.id).order_by(Attempt.number))
    for row in rows:
        attempts[row.enrolment_id] = row
    noted: dict[int, int] = dict(db.session.execute(
        select(Incident.attempt_id, func.count()).where(Incident.sitting_id == sitting.id, Incident.attempt_id.is_not(None))
        .group_by(Incident.attempt_id)).all())  # type: ignore[arg-type]
    with tail.lock:
        _read_on(tail, sitting.id)
        return tuple(_row(sitting, enrolment, attempts.get(enrolment.id), candidates.get(enrolment.id), tail, noted, now) for enrolment in roster)


def _row(sitting: SittingView, enrolment: EnrolmentView, attempt: Any, candidate: Any, tail: _Tail, noted: dict[int, int], now: datetime) -> BoardRow:
    extra = candidate.extra_minutes if candidate else 0
    if attempt is None:
        return BoardRow(enrolment, None, (candidate.label or "") if candidate else "", "absent", None, 0, 0, "", None, None, None, extra,
                        (0,) * len(FACTS), 0)
    state = rules.state(now, attempt.high_water_at, attempt.closes_at, attempt.how, attempt.paused_at)
    allowed = (sitting.break_minutes + (candidate.break_minutes if candidate else 0)) * 60
    rest = breaks_of(tail.clock[attempt.id], allowed, now) if attempt.id in tail.clock else None
    receipt, receipt_at = tail.receipts.get(attempt.id, ("", None))
    seen_at = max((moment for moment in (attempt.seen_at, receipt_at) if moment), default=None)   # a save is a sign of life too
    standing = room.standing(now, state, attempt.paused_at is not None, rest is not None and rest.is_on, seen_at, attempt.unsent or 0)
    since = {"handed_in": attempt.closed_at, "time": attempt.closed_at or attempt.closes_at, "paused": attempt.paused_at,
             "break": rest.since if rest else None, "offline": seen_at or attempt.started_at}.get(standing)
    left = rules.seconds_left(now, attempt.high_water_at, attempt.closes_at, attempt.paused_at) if state == "open" else None
    facts = tail.facts[attempt.id] if attempt.id in tail.facts else Counter()
    return BoardRow(enrolment, attempt.id, attempt.label or "", standing, since, attempt.unsent or 0 if state == "open" else 0,
                    len(tail.filled.get(attempt.id, ())), receipt, receipt_at, attempt.closes_at, left, extra, tuple(facts[kind] for kind in FACTS),
                    noted.get(attempt.id, 0))


def board_rows(sitting: SittingView, now: datetime) -> tuple[BoardRow, ...]:
    """Everybody enrolled, by employee number: a fixed number of selects."""
    return _rows(sitting, courses.roster(sitting.cohort_id), now)


def board_page(sitting: SittingView, now: datetime) -> BoardPage:
    """The board with its counts and what was noted in the room, the latest first."""
    rows = board_rows(sitting, now)
    blueprint = blueprint_version(sitting.blueprint_version_id)
    counted: Counter[str] = Counter(row.standing for row in rows)
    return BoardPage(sitting, courses.get_cohort(sitting.cohort_id), now, blueprint.items, blueprint.minutes, rows,
                     {"all": len(rows), **{standing: counted[standing] for standing in STANDINGS}}, halls([sitting.id])[sitting.id],
                     noted_of(sitting.id, {row.attempt_id: row.enrolment.name for row in rows if row.attempt_id}))


def noted_of(sitting_id: int, names: dict[int, str] | None = None, attempt_id: int | None = None, limit: int = 100) -> tuple[Noted, ...]:
    """Incidents of a sitting, or of one attempt of it, the latest first."""
    query = (select(Incident.id, Incident.kind, Incident.at, Incident.by_id, Incident.attempt_id, IncidentText.body)
             .outerjoin(IncidentText, IncidentText.incident_id == Incident.id).where(Incident.sitting_id == sitting_id))
    if attempt_id is not None:
        query = query.where(Incident.attempt_id == attempt_id)
    rows = db.session.execute(query.order_by(Incident.id.desc()).limit(limit)).all()
    people = courses.people_names(row.by_id for row in rows)
    return tuple(Noted(row.id, row.kind, row.at, people.get(row.by_id, ""), (names or {}).get(row.attempt_id, "") if row.attempt_id else "", row.body or "")
                 for row in rows)


# ── one attempt ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class LogLine:
    """One thing that happened: kind of event or "save", when by the server and by the device, at which question, by whom."""

    kind: str
    at: datetime
    device_at: datetime | None
    position: int | None
    detail: dict[str, Any]
    by: str


@dataclass(frozen=True)
class LogPage:
    """What was noted of one attempt, in the order of time. `sitting`: None where the paper was sat outside of one."""

    cohort: CohortView
    enrolment: EnrolmentView
    sitting: SittingView | None
    attempt_id: int
    title: dict[str, str] | Any
    started_at: datetime
    closes_at: datetime
    state: rules.State
    ended_at: datetime | None
    facts: dict[str, int]
    lines: tuple[LogLine, ...]
    more: int
    noted: tuple[Noted, ...]


def log_page(attempt_id: int, actor: Actor, now: datetime, limit: int = 300) -> LogPage:
    """The log of an attempt of a cohort the actor invigilates, the latest `limit` lines; anybody else's is a 404."""
    row = db.session.execute(
        select(Attempt.id, Attempt.enrolment_id, Attempt.sitting_id, Attempt.blueprint_version_id, Attempt.started_at, Attempt.closes_at,
               Attempt.high_water_at, Attempt.paused_at, Closure.closed_at, Closure.how)
        .outerjoin(Closure, Closure.attempt_id == Attempt.id).where(Attempt.id == attempt_id)).first()
    if row is None:
        abort(404)
    enrolment = courses.enrolment_or_404(row.enrolment_id, actor, Permission.INVIGILATE)
    state = rules.state(now, row.high_water_at, row.closes_at, row.how, row.paused_at)
    events = db.session.execute(
        select(AttemptEvent.kind, AttemptEvent.at, AttemptEvent.device_at, AttemptEvent.position, AttemptEvent.detail, AttemptEvent.by_id)
        .where(AttemptEvent.attempt_id == attempt_id).order_by(AttemptEvent.id.desc()).limit(limit)).all()
    saves = db.session.execute(
        select(AnswerSave.saved_at, AnswerSave.receipt, AnswerSave.version, Slot.position).join(Slot, Slot.id == AnswerSave.slot_id)
        .where(AnswerSave.attempt_id == attempt_id).order_by(AnswerSave.id.desc()).limit(limit)).all()
    people = courses.people_names(event.by_id for event in events)
    lines = [LogLine(event.kind, event.at, event.device_at, event.position, event.detail or {}, people.get(event.by_id, "")) for event in events]
    lines += [LogLine("save", save.saved_at, None, save.position, {"receipt": save.receipt, "version": save.version}, "") for save in saves]
    lines.sort(key=lambda line: line.at)
    counts: dict[str, int] = dict(db.session.execute(
        select(AttemptEvent.kind, func.count()).where(AttemptEvent.attempt_id == attempt_id).group_by(AttemptEvent.kind)).all())  # type: ignore[arg-type]
    saved = db.session.execute(select(func.count()).select_from(AnswerSave).where(AnswerSave.attempt_id == attempt_id)).scalar_one()
    shown = tuple(lines[-limit:])
    sitting = sitting_or_404(row.sitting_id, actor) if row.sitting_id else None
    return LogPage(courses.get_cohort(enrolment.cohort_id), enrolment, sitting, attempt_id, blueprint_version(row.blueprint_version_id).title,
                   row.started_at, row.closes_at, state, row.closed_at or (None if state == "open" else row.closes_at),
                   {"save": saved, **counts}, shown, sum(counts.values()) + saved - len(shown),
                   noted_of(row.sitting_id, attempt_id=attempt_id) if row.sitting_id else ())

