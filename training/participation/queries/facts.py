"""What participation rests on, for many trainees at once; and what lies ahead of a cohort."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from courses.models import Enrolment
from foundation import clock
from foundation.db import db
from training.participation.models import Attendance, ParticipationLevel, Session
from training.participation.rules.attendance import AttendanceFold, SessionFact, fold
from training.participation.rules.levels import PARTS


@dataclass(frozen=True)
class ParticipationFact:
    """What participation rests on for one trainee. Fractions are 0..1; None where nobody has set the level."""

    attendance: AttendanceFold
    discussion: Decimal | None
    group_contribution: Decimal | None
    levels_at: datetime | None
    last_session_at: datetime | None
    counts: dict[str, int]
    level_ids: tuple[int, ...]

    @property
    def planned_minutes(self) -> int:
        return self.attendance.planned

    @property
    def attended_minutes(self) -> int:
        return self.attendance.attended

    @property
    def future_minutes(self) -> int:
        return self.attendance.future


def latest_marks(enrolment_ids: Collection[int]) -> dict[tuple[int, int], tuple[str, int]]:
    """(enrolment, session) → (status, minutes) of the latest entry, in one select."""
    newest = (select(func.max(Attendance.id)).where(Attendance.enrolment_id.in_(enrolment_ids)).group_by(Attendance.enrolment_id, Attendance.session_id))
    rows = db.session.execute(
        select(Attendance.enrolment_id, Attendance.session_id, Attendance.status, Attendance.minutes).where(Attendance.id.in_(newest)))
    return {(row.enrolment_id, row.session_id): (row.status, row.minutes) for row in rows}


def latest_levels(enrolment_ids: Collection[int]) -> dict[tuple[int, str], ParticipationLevel]:
    newest = (select(func.max(ParticipationLevel.id)).where(ParticipationLevel.enrolment_id.in_(enrolment_ids))
              .group_by(ParticipationLevel.enrolment_id, ParticipationLevel.part))
    return {(row.enrolment_id, row.part): row for row in db.session.scalars(select(ParticipationLevel).where(ParticipationLevel.id.in_(newest)))}


def participation_facts(enrolment_ids: Collection[int]) -> dict[int, ParticipationFact]:
    """The facts of many trainees, in four selects however many there are."""
    ids = list(enrolment_ids)
    if not ids:
        return {}
    now = clock.now()
    cohort_of = {row.id: row.cohort_id for row in db.session.execute(select(Enrolment.id, Enrolment.cohort_id).where(Enrolment.id.in_(ids)))}
    sessions: dict[int, list[tuple[int, datetime, int]]] = {}
    for cohort_id, session_id, starts_at, minutes in db.session.execute(
            select(Session.cohort_id, Session.id, Session.starts_at, Session.minutes).where(Session.cohort_id.in_(set(cohort_of.values())))):
        sessions.setdefault(cohort_id, []).append((session_id, starts_at, minutes))
    marks = latest_marks(ids)
    levels = latest_levels(ids)
    facts = {}
    for enrolment_id in ids:
        planned = sessions.get(cohort_of.get(enrolment_id, 0), [])
        found = []
        counts = dict.fromkeys(("present", "late", "excused", "absent"), 0)
        last_at: datetime | None = None
        for session_id, starts_at, minutes in planned:
            status, attended = marks.get((enrolment_id, session_id), (None, 0))
            ends_at = starts_at + timedelta(minutes=minutes)
            found.append(SessionFact(minutes, ends_at <= now, status, attended))
            if status:
                counts[status] += 1
                last_at = max(last_at or ends_at, ends_at)
        own = [levels[(enrolment_id, part)] for part in PARTS if (enrolment_id, part) in levels]
        by_part = {part: levels[(enrolment_id, part)].fraction if (enrolment_id, part) in levels else None for part in PARTS}
        facts[enrolment_id] = ParticipationFact(
            fold(found), by_part["discussion"], by_part["group_contribution"],
            max((row.at for row in own), default=None), last_at, counts, tuple(row.id for row in own))
    return facts


def level_setters_of(enrolment_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Enrolment id → everybody who ever set a level of that trainee: they judged, so they do not confirm the result."""
    found: dict[int, set[int]] = {id_: set() for id_ in enrolment_ids}
    for enrolment_id, by_id in db.session.execute(
            select(ParticipationLevel.enrolment_id, ParticipationLevel.by_id).where(ParticipationLevel.enrolment_id.in_(found)).distinct()):
        found[enrolment_id].add(by_id)
    return {id_: frozenset(setters) for id_, setters in found.items()}


def attended_by_ref(enrolment_id: int) -> dict[str, int]:
    """Session activity ref → minutes attended by one trainee (hours and unit progress are folds over this)."""
    return attended_by_refs([enrolment_id])[enrolment_id]


def attended_by_refs(enrolment_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Enrolment → {session activity ref: minutes attended}, for many trainees in two selects."""
    ids = list(enrolment_ids)
    result: dict[int, dict[str, int]] = {id_: {} for id_ in ids}
    marks = latest_marks(ids)
    if marks:
        refs = {row.id: row.activity_ref for row in db.session.execute(select(Session.id, Session.activity_ref).where(Session.id.in_({s for _e, s in marks})))}
        for (enrolment_id, session_id), (_status, minutes) in marks.items():
            if minutes:
                result[enrolment_id][refs[session_id]] = minutes
    return result


def next_sessions(cohort_ids: Collection[int], after: datetime, limit: int = 4) -> tuple[tuple[int, dict[str, str], datetime, int, str, str], ...]:
    """(cohort id, title, start, minutes, place, form) of the next sessions of some cohorts."""
    rows = db.session.execute(
        select(Session.cohort_id, Session.title_zh, Session.title_en, Session.starts_at, Session.minutes, Session.place, Session.form)
        .where(Session.cohort_id.in_(cohort_ids), Session.starts_at >= after).order_by(Session.starts_at).limit(limit))
    return tuple((r.cohort_id, {"zh": r.title_zh, "en": r.title_en}, r.starts_at, r.minutes, r.place, r.form) for r in rows)


def unmarked_registers(cohort_ids: Collection[int]) -> tuple[tuple[int, int, dict[str, str], datetime], ...]:
    """(session id, cohort id, title, start) of sessions that are over and have no mark at all."""
    now = clock.now()
    marked = select(Attendance.session_id).distinct()
    rows = db.session.execute(
        select(Session.id, Session.cohort_id, Session.title_zh, Session.title_en, Session.starts_at)
        .where(Session.cohort_id.in_(cohort_ids), Session.starts_at < now, Session.id.not_in(marked)).order_by(Session.starts_at.desc()).limit(8))
    return tuple((r.id, r.cohort_id, {"zh": r.title_zh, "en": r.title_en}, r.starts_at) for r in rows)
