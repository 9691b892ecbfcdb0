"""Levels of participation: proposals and what stands, the evidence of one trainee, a trainee's own attendance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from courses.rules.outline import FORMS
from foundation import clock
from foundation.db import db
from foundation.people import Person
from training.participation.models import Attendance, ContributionNote, ParticipationLevel, Session
from training.participation.queries.facts import ParticipationFact, latest_levels, latest_marks, participation_facts
from training.participation.queries.sessions import SessionView, sessions_of
from training.participation.rules.attendance import AttendanceFold, SessionFact, fold
from training.participation.rules.levels import PARTS, Proposal, level_key, propose


@dataclass(frozen=True)
class NoteView:
    """An observation with who saw it and when."""

    part: str
    level: str
    note: str
    by: str
    at: datetime
    session_title: dict[str, str] | None


@dataclass(frozen=True)
class PartView:
    """One part (discussion, group contribution) of one trainee: the proposal and what stands. `row_id` 0: nothing stands."""

    part: str
    proposal: Proposal
    proposed_level: str | None
    level: str | None
    set_by: str
    set_at: datetime | None
    reason: str
    row_id: int
    evidence_count: int

    @property
    def is_confirmable(self) -> bool:
        """Whether a proposal waits that differs from what stands, or that nobody has confirmed."""
        return self.proposed_level is not None and self.proposed_level != self.level

    @property
    def tick(self) -> str:
        """What a tick beside the proposal says: the level and the evidence it was made from."""
        return f"{self.proposed_level}:{self.proposal.notes}:{self.row_id}"


@dataclass(frozen=True)
class LevelsRow:
    enrolment: EnrolmentView
    attendance: AttendanceFold
    parts: tuple[PartView, ...]

    @property
    def notes(self) -> int:
        return sum(part.proposal.notes for part in self.parts)


def levels_rows(cohort_id: int) -> tuple[LevelsRow, ...]:
    """Every trainee of a cohort with attendance, proposals and levels, in a fixed number of selects."""
    return _rows(courses.roster(cohort_id))


def _rows(members: tuple[EnrolmentView, ...]) -> tuple[LevelsRow, ...]:
    ids = [member.id for member in members]
    facts = participation_facts(ids)
    levels = latest_levels(ids)
    observed: dict[tuple[int, str], list[Decimal]] = {}
    for enrolment_id, part, fraction in db.session.execute(
            select(ContributionNote.enrolment_id, ContributionNote.part, ContributionNote.fraction).where(ContributionNote.enrolment_id.in_(ids))):
        observed.setdefault((enrolment_id, part), []).append(fraction)
    names = courses.people_names(row.by_id for row in levels.values())
    return tuple(
        LevelsRow(member, facts[member.id].attendance, tuple(_part(part, observed.get((member.id, part), []), levels.get((member.id, part)), names)
                                                              for part in PARTS))
        for member in members)


def _part(part: str, observed: list[Decimal], row: ParticipationLevel | None, names: dict[int, str]) -> PartView:
    proposal = propose(observed)
    proposed = None if proposal.fraction is None else level_key(proposal.fraction)
    if row is None:
        return PartView(part, proposal, proposed, None, "", None, "", 0, 0)
    return PartView(part, proposal, proposed, level_key(row.fraction), names.get(row.by_id, ""), row.at, row.reason, row.id, row.evidence_count)


def notes_of(enrolment_id: int) -> tuple[NoteView, ...]:
    """The observations of one trainee, the latest first (bounded)."""
    rows = db.session.execute(
        select(ContributionNote, Person.name, Session.title_zh, Session.title_en).join(Person, Person.id == ContributionNote.by_id)
        .outerjoin(Session, Session.id == ContributionNote.session_id).where(ContributionNote.enrolment_id == enrolment_id)
        .order_by(ContributionNote.id.desc()).limit(200))
    return tuple(NoteView(note.part, level_key(note.fraction), note.note, by, note.at, {"zh": zh, "en": en} if zh else None)
                 for note, by, zh, en in rows)


@dataclass(frozen=True)
class EntryView:
    """One entry of a register as it was written; several of one session are a correction and what it corrected."""

    session: SessionView
    status: str
    minutes: int
    reason: str
    by: str
    at: datetime
    is_latest: bool

    @property
    def is_plain(self) -> bool:
        """Present, never corrected and without a remark: nothing to look at."""
        return self.status == "present" and self.is_latest and not self.reason


@dataclass(frozen=True)
class EvidencePage:
    """Everything one trainee's participation rests on."""

    cohort: CohortView
    row: LevelsRow
    notes: tuple[NoteView, ...]
    entries: tuple[EntryView, ...]
    history: tuple[PastLevel, ...]


@dataclass(frozen=True)
class PastLevel:
    """A level as it was set once; the first of a part is the one that stands."""

    part: str
    level: str
    proposed: str | None
    evidence_count: int
    reason: str
    by: str
    at: datetime


def evidence_page(enrolment: EnrolmentView) -> EvidencePage:
    sessions = {view.id: view for view in sessions_of(enrolment.cohort_id)}
    rows = db.session.execute(
        select(Attendance, Person.name).join(Person, Person.id == Attendance.by_id).where(Attendance.enrolment_id == enrolment.id)
        .order_by(Attendance.id.desc()).limit(500)).all()
    newest: dict[int, int] = {}
    for row, _by in rows:
        newest.setdefault(row.session_id, row.id)
    entries = [EntryView(sessions[row.session_id], row.status, row.minutes, row.reason, by, row.at, newest[row.session_id] == row.id) for row, by in rows]
    entries.sort(key=lambda entry: (entry.session.starts_at, entry.at), reverse=True)
    levels = db.session.execute(
        select(ParticipationLevel, Person.name).join(Person, Person.id == ParticipationLevel.by_id)
        .where(ParticipationLevel.enrolment_id == enrolment.id).order_by(ParticipationLevel.id.desc()).limit(100))
    history = tuple(PastLevel(row.part, level_key(row.fraction), None if row.proposed is None else level_key(row.proposed), row.evidence_count,
                              row.reason, by, row.at) for row, by in levels)
    return EvidencePage(courses.get_cohort(enrolment.cohort_id), _rows((enrolment,))[0], notes_of(enrolment.id), tuple(entries), history)


def recent_sessions(cohort_id: int, limit: int = 12) -> tuple[SessionView, ...]:
    """The latest sessions that have begun, the newest first: what an observation may be about."""
    return tuple(view for view in reversed(sessions_of(cohort_id)) if view.is_open)[:limit]


def notes_made_today(cohort_id: int, by_id: int, since: datetime) -> tuple[tuple[str, str, str, datetime], ...]:
    """(trainee, part, level, time) of somebody's own latest observations in a cohort since a moment, the newest first."""
    members = {member.id: member.name for member in courses.roster(cohort_id)}
    rows = db.session.execute(
        select(ContributionNote.enrolment_id, ContributionNote.part, ContributionNote.fraction, ContributionNote.at)
        .where(ContributionNote.enrolment_id.in_(members), ContributionNote.by_id == by_id, ContributionNote.at >= since)
        .order_by(ContributionNote.id.desc()).limit(10))
    return tuple((members[row.enrolment_id], row.part, level_key(row.fraction), row.at) for row in rows)


# ── a trainee's own ──────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class OwnSession:
    session: SessionView
    status: str | None
    minutes: int


@dataclass(frozen=True)
class FormHours:
    """One delivery form: its sessions folded, excused ones left out."""

    form: str
    attendance: AttendanceFold

    @property
    def hours_attended(self) -> Decimal:
        return Decimal(self.attendance.attended) / 60

    @property
    def hours_planned(self) -> Decimal:
        return Decimal(self.attendance.planned) / 60


@dataclass(frozen=True)
class OwnLevel:
    """A confirmed level, without the observations behind it: their text is for trainers."""

    part: str
    level: str | None
    at: datetime | None
    evidence_count: int


@dataclass(frozen=True)
class OwnAttendancePage:
    """A trainee's own attendance: every session, the sum over all of them, hours by delivery form, confirmed levels."""

    cohort: CohortView
    sessions: tuple[OwnSession, ...]
    fact: ParticipationFact
    forms: tuple[FormHours, ...]
    levels: tuple[OwnLevel, ...]

    @property
    def past(self) -> tuple[OwnSession, ...]:
        """Sessions with a mark or already over, the latest first."""
        now = clock.now()
        return tuple(own for own in reversed(self.sessions) if own.status is not None or own.session.ends_at <= now)

    @property
    def coming(self) -> tuple[OwnSession, ...]:
        now = clock.now()
        return tuple(own for own in self.sessions if own.status is None and own.session.ends_at > now)


def own_attendance(enrolment: EnrolmentView) -> OwnAttendancePage:
    marks = latest_marks([enrolment.id])
    rows = tuple(OwnSession(view, *marks.get((enrolment.id, view.id), (None, 0))) for view in sessions_of(enrolment.cohort_id))
    now = clock.now()
    forms = []
    for form in FORMS:
        facts = [SessionFact(own.session.minutes, own.session.ends_at <= now, own.status, own.minutes) for own in rows if own.session.form == form]
        if facts:
            forms.append(FormHours(form, fold(facts)))
    levels = latest_levels([enrolment.id])
    standing = tuple(_own_level(part, levels.get((enrolment.id, part))) for part in PARTS)
    return OwnAttendancePage(courses.get_cohort(enrolment.cohort_id), rows, participation_facts([enrolment.id])[enrolment.id], tuple(forms), standing)


def _own_level(part: str, row: ParticipationLevel | None) -> OwnLevel:
    return OwnLevel(part, level_key(row.fraction), row.at, row.evidence_count) if row else OwnLevel(part, None, None, 0)
