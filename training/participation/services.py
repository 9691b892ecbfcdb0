"""Changes: sessions planned, the register kept, contributions noted, levels confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from courses.rules.outline import SESSION_KINDS
from foundation import audit, clock
from foundation.db import db
from foundation.web import StaleVersion
from training.participation.models import Attendance, ContributionNote, ParticipationLevel, Session
from training.participation.rules.attendance import STATUSES, mark_problem, may_be_held_on, minutes_of, register_opens_at
from training.participation.rules.levels import LEVELS, PARTS, propose

LONGEST_NOTE = 1000


class UnknownSession(Exception):
    """The activity is not a session of this cohort's programme."""


class SessionRefused(Exception):
    """`reason`: outside (the cohort's dates and the week after), marked (the register has entries: it was held).
    `ref` names the session."""

    def __init__(self, reason: str, ref: str) -> None:
        super().__init__(reason, ref)
        self.reason, self.ref = reason, ref


class RegisterRefused(Exception):
    """`reason`: status, minutes, reason, person (not of the cohort), own, or future for the whole register.

    `problems` holds enrolment → reason for every row that was refused; `enrolment_id` and `reason` are the first of them.
    """

    def __init__(self, reason: str, problems: Mapping[int, str] | None = None) -> None:
        super().__init__(reason, problems)
        self.reason = reason
        self.problems = dict(problems or {})
        self.enrolment_id = next(iter(self.problems), None)


class LevelRefused(Exception):
    """`reason`: part, level, reason (an override needs one), person (unknown, withdrawn, not of the cohort), own, session (of
    another cohort, or still to come), long."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────
def plan_session(cohort_id: int, activity_ref: str, starts_at: datetime, place: str, actor_id: int | None) -> int:
    """Give a session of the outline its time and place; changes them where it has them. Returns the session id."""
    cohort = courses.get_cohort(cohort_id)
    programme = courses.programme_of(cohort)
    found = next(((unit, a) for unit in programme.units for a in unit.activities if a.kind in SESSION_KINDS and a.ref == activity_ref), None)
    if found is None or found[1].title is None:
        raise UnknownSession
    unit, activity = found
    title = activity.title
    assert title is not None
    row = db.session.execute(select(Session).where(Session.cohort_id == cohort_id, Session.activity_ref == activity_ref)).scalar()
    if row is None:
        row = Session(cohort_id=cohort_id, unit_key=unit.key, activity_ref=activity_ref, form=activity.form, title_zh=title.zh, title_en=title.en,
                      starts_at=starts_at, minutes=activity.minutes, place=place)
        db.session.add(row)
    else:
        row.starts_at, row.place = starts_at, place
    db.session.flush()
    audit.record("session:plan", f"session:{row.id}", actor_id, cohort=cohort_id, ref=activity_ref, starts_at=starts_at.isoformat())
    return row.id


def plan_sessions(cohort_id: int, wanted: Mapping[str, tuple[datetime, str]], actor_id: int) -> int:
    """Plan many sessions of the outline at once (ref → start, place), all or none; returns how many.

    Raises SessionRefused (outside the cohort's dates), UnknownSession, or StaleVersion (ref → start) where somebody
    planned one of them in between: what stands is never changed from here.
    """
    cohort = courses.get_cohort(cohort_id)
    standing = dict(db.session.execute(
        select(Session.activity_ref, Session.starts_at).where(Session.cohort_id == cohort_id, Session.activity_ref.in_(wanted))).all())
    if standing:
        raise StaleVersion(standing)
    for ref, (starts_at, _place) in wanted.items():
        _check_day(cohort, ref, starts_at)
    for ref, (starts_at, place) in wanted.items():
        plan_session(cohort_id, ref, starts_at, place, actor_id)
    return len(wanted)


def _check_day(cohort: CohortView, ref: str, starts_at: datetime) -> None:
    if not may_be_held_on(starts_at.astimezone(ZoneInfo(cohort.zone)).date(), cohort.starts_on, cohort.ends_on):
        raise SessionRefused("outside", ref)


def move_session(session_id: int, starts_at: datetime, place: str, row_version: int, actor_id: int) -> None:
    """Another time or place. Raises StaleVersion or SessionRefused: what was marked cannot lie in the future."""
    row = db.session.get_one(Session, session_id)
    if row.row_version != row_version:
        raise StaleVersion(row.row_version)
    before = row.starts_at
    if starts_at != before:
        _check_day(courses.get_cohort(row.cohort_id), row.activity_ref, starts_at)
        marked = db.session.execute(select(Attendance.id).where(Attendance.session_id == session_id).limit(1)).first()
        if marked and register_opens_at(starts_at) > clock.now():
            raise SessionRefused("marked", row.activity_ref)
    if (starts_at, place) == (before, row.place):
        return
    row.starts_at, row.place = starts_at, place
    audit.record("session:move", f"session:{session_id}", actor_id, before=before.isoformat(), after=starts_at.isoformat())


# ── the register ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Mark:
    """What the register says of one trainee. `minutes`: attended, where late."""

    status: str
    minutes: int
    reason: str = ""


def keep_register(session_id: int, marks: Mapping[int, Mark], actor_id: int, seen: Mapping[int, int] | None = None) -> int:
    """Add entries for the trainees whose mark differs from the latest, all or none; returns how many were added.

    `seen` maps enrolment → id of the latest entry the page showed (0 for none): where somebody else wrote something
    different in between, StaleVersion (enrolment → status) is raised. A correction of an earlier mark, and "excused",
    need a reason. Raises RegisterRefused.
    """
    session = db.session.get_one(Session, session_id)
    if register_opens_at(session.starts_at) > clock.now():
        raise RegisterRefused("future")
    members = {person.id: person.person_id for person in courses.roster(session.cohort_id)}
    latest: dict[int, Attendance] = {}
    for row in db.session.scalars(select(Attendance).where(Attendance.session_id == session_id).order_by(Attendance.id)):
        latest[row.enrolment_id] = row
    standing = {enrolment_id: (row.status, row.minutes) for enrolment_id, row in latest.items()}
    if seen is not None:
        moved = {id_: latest[id_].status for id_, mark in marks.items() if id_ in latest and latest[id_].id != seen.get(id_, 0)
                 and standing[id_] != (mark.status, minutes_of(mark.status, mark.minutes, session.minutes))}
        if moved:
            raise StaleVersion(moved)
    problems = {id_: problem for id_, mark in marks.items()
                if (problem := _refusal(mark, session.minutes, standing.get(id_), members.get(id_), actor_id))}
    if problems:
        raise RegisterRefused(next(iter(problems.values())), problems)
    added = [(id_, mark) for id_, mark in marks.items() if standing.get(id_) != (mark.status, minutes_of(mark.status, mark.minutes, session.minutes))]
    for enrolment_id, mark in added:
        db.session.add(Attendance(session_id=session_id, enrolment_id=enrolment_id, status=mark.status,
                                  minutes=minutes_of(mark.status, mark.minutes, session.minutes), reason=mark.reason.strip(), by_id=actor_id,
                                  at=clock.now()))
    if added:
        counts = {status: sum(1 for _id, mark in added if mark.status == status) for status in STATUSES}
        corrected = sum(1 for id_, _mark in added if id_ in standing)
        audit.record("attendance:mark", f"session:{session_id}", actor_id, added=len(added), corrected=corrected, **counts)
    return len(added)


def _refusal(mark: Mark, planned: int, before: tuple[str, int] | None, person_id: int | None, actor_id: int) -> str:
    if person_id is None:
        return "person"
    if person_id == actor_id:
        return "own"
    return mark_problem(mark.status, mark.minutes, mark.reason, planned, before)


# ── contributions and levels ─────────────────────────────────────────────────────────────────────────────────
def note_contribution(enrolment_id: int, part: str, level: str, note: str, actor_id: int, session_id: int | None = None) -> int:
    """Keep one observation of a contribution; returns its id. Raises LevelRefused."""
    if part not in PARTS:
        raise LevelRefused("part")
    if level not in LEVELS:
        raise LevelRefused("level")
    if not note.strip():
        raise LevelRefused("reason")
    if len(note.strip()) > LONGEST_NOTE:
        raise LevelRefused("long")
    enrolment = _taking_part(enrolment_id, actor_id)
    if session_id is not None:
        session = db.session.get(Session, session_id)
        if session is None or session.cohort_id != enrolment.cohort_id or register_opens_at(session.starts_at) > clock.now():
            raise LevelRefused("session")
    row = ContributionNote(enrolment_id=enrolment_id, session_id=session_id, part=part, fraction=LEVELS[level], note=note.strip(), by_id=actor_id,
                           at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("participation:note", f"enrolment:{enrolment_id}", actor_id, part=part, level=level, note=row.id)
    return row.id


def _taking_part(enrolment_id: int, actor_id: int) -> EnrolmentView:
    """The enrolment somebody judges: in its cohort now, and not the own one. Raises LevelRefused."""
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None or enrolment.withdrawn_at is not None:
        raise LevelRefused("person")
    if enrolment.person_id == actor_id:
        raise LevelRefused("own")
    return enrolment


def set_level(enrolment_id: int, part: str, level: str, reason: str, actor_id: int, seen: int | None = None) -> int:
    """Confirm the proposed level, or set another with a reason (also where there is no proposal); returns the row's id.

    `seen` is the id of the level the page showed (0 for none); where another one stands by now, StaleVersion is raised
    with its key. Saying again what stands, on the same evidence and without a reason, adds nothing. Raises LevelRefused.
    """
    if part not in PARTS:
        raise LevelRefused("part")
    if level not in LEVELS:
        raise LevelRefused("level")
    _taking_part(enrolment_id, actor_id)
    latest = db.session.execute(
        select(ParticipationLevel).where(ParticipationLevel.enrolment_id == enrolment_id, ParticipationLevel.part == part)
        .order_by(ParticipationLevel.id.desc()).limit(1)).scalar()
    fraction = LEVELS[level]
    if seen is not None and latest is not None and latest.id != seen and latest.fraction != fraction:
        raise StaleVersion(latest.fraction)
    observed = db.session.scalars(
        select(ContributionNote.fraction).where(ContributionNote.enrolment_id == enrolment_id, ContributionNote.part == part)).all()
    proposal = propose(list(observed))
    if latest is not None and (latest.fraction, latest.evidence_count) == (fraction, proposal.notes) and not reason.strip():
        return latest.id
    if fraction != proposal.fraction and not reason.strip():
        raise LevelRefused("reason")
    row = ParticipationLevel(enrolment_id=enrolment_id, part=part, fraction=fraction, proposed=proposal.fraction, evidence_count=proposal.notes,
                             reason=reason.strip(), by_id=actor_id, at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("participation:level", f"enrolment:{enrolment_id}", actor_id, part=part, fraction=format(fraction, "f"),
                 proposed=None if proposal.fraction is None else format(Decimal(proposal.fraction), "f"), notes=proposal.notes, row=row.id)
    return row.id


@dataclass(frozen=True)
class Tick:
    """A proposal somebody ticked: the level, the number of observations it came from, the level that stood (0: none)."""

    enrolment_id: int
    part: str
    level: str
    observations: int
    seen: int


def confirm_levels(cohort_id: int, ticks: Sequence[Tick], actor_id: int) -> int:
    """Confirm these proposals of one cohort, all or none; returns how many levels were added.

    Raises StaleVersion where a proposal is no longer what was ticked (another observation, another level), LevelRefused
    ("person": not in the cohort; "own").
    """
    members = {member.id: member.person_id for member in courses.roster(cohort_id)}
    for tick in ticks:
        if tick.enrolment_id not in members:
            raise LevelRefused("person")
        if members[tick.enrolment_id] == actor_id:
            raise LevelRefused("own")
    ids = {tick.enrolment_id for tick in ticks}
    observed: dict[tuple[int, str], list[Decimal]] = {}
    for enrolment_id, part, fraction in db.session.execute(
            select(ContributionNote.enrolment_id, ContributionNote.part, ContributionNote.fraction).where(ContributionNote.enrolment_id.in_(ids))):
        observed.setdefault((enrolment_id, part), []).append(fraction)
    standing = {(row.enrolment_id, row.part): row.latest for row in db.session.execute(
        select(ParticipationLevel.enrolment_id, ParticipationLevel.part, func.max(ParticipationLevel.id).label("latest"))
        .where(ParticipationLevel.enrolment_id.in_(ids)).group_by(ParticipationLevel.enrolment_id, ParticipationLevel.part))}
    for tick in ticks:
        proposal = propose(observed.get((tick.enrolment_id, tick.part), []))
        if proposal.fraction != LEVELS[tick.level] or proposal.notes != tick.observations or standing.get((tick.enrolment_id, tick.part), 0) != tick.seen:
            raise StaleVersion(tick)
    return sum(set_level(tick.enrolment_id, tick.part, tick.level, "", actor_id) != tick.seen for tick in dict.fromkeys(ticks))
