"""Planned sittings: plan, assemble, approve, cancel; who gets which form and how much time; the hall stands still and goes on;
incidents. Callers hold the transaction; refusals are named exceptions."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from courses import queries as courses
from foundation import audit, clock
from foundation.db import db
from foundation.web import StaleVersion
from quizzes import queries
from quizzes.models import Attempt, AttemptEvent, Candidate, Closure, Incident, IncidentText, PaperForm, Sitting
from quizzes.queries import sittings as reads
from quizzes.rules import attempt as rules
from quizzes.rules import room
from quizzes.rules.parallel import parallel_forms

PURPOSES = ("exam", "stage_test", "mock")
LABELS = "ABCDE"
EXTRA_REASONS = ("accommodation", "language", "technical", "disturbance", "other")     # a choice, never words: no illness is written down
INCIDENT_KINDS = ("note", "network", "device", "conduct", "illness", "evacuation")
LONGEST = timedelta(days=60)


class SittingRefused(Exception):
    """The sitting cannot be had so; `reason` is a code that the page words, `field` where it stands."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


class BankTooThin(Exception):
    """Cells of the blueprint lack items; `shortages` says which and how many."""

    def __init__(self, shortages: Collection[reads.Shortage]) -> None:
        super().__init__(", ".join(f"cell {one.cell} lacks {one.lacking}" for one in shortages))
        self.shortages = tuple(shortages)


class OwnPlan(Exception):
    """Who planned a sitting does not approve it."""


class ProofFails(Exception):
    """The papers are not what the blueprint says, or not as hard as each other."""


class ProofChanged(Exception):
    """Between planning and approving the item bank or the list of people changed: assemble again and look again."""


class AlreadyBegun(Exception):
    """Somebody has begun: what was planned stands."""


@dataclass(frozen=True)
class SittingPlan:
    """What a sitting is to be. `forms`: 2 to 5 in mode `forms`, 0 in mode `person`."""

    cohort_id: int
    blueprint_key: str
    opens_at: datetime
    closes_at: datetime
    place: str
    mode: str = "person"
    forms: int = 0
    break_minutes: int = 0


# ── plan and approve ─────────────────────────────────────────────────────────────────────────────────────────────
def plan_sitting(plan: SittingPlan, actor_id: int, seed: str = "") -> int:
    """Plan a sitting and assemble its papers; its id. The seed is secret (the demo gives its own, to be the same every time).

    Raises SittingRefused, BankTooThin, or NoPaper where no draw fits although every cell could be filled.
    """
    now = clock.now()
    stored = courses.pinned(plan.cohort_id, "blueprint", plan.blueprint_key)
    blueprint = queries.blueprint_version(stored.id)
    if blueprint.purpose not in PURPOSES or courses.programme_of(courses.get_cohort(plan.cohort_id)).unit_of("quiz", plan.blueprint_key) is None:
        raise SittingRefused("blueprint", "blueprint")
    _check_window(plan, blueprint.minutes, now)
    if (plan.mode, plan.forms) != ("person", 0) and not (plan.mode == "forms" and 2 <= plan.forms <= len(LABELS)):
        raise SittingRefused("forms", "forms")
    if not plan.place.strip() or len(plan.place) > 120:
        raise SittingRefused("place", "place")
    if not 0 <= plan.break_minutes <= 60:
        raise SittingRefused("breaks", "break_minutes")
    row = Sitting(cohort_id=plan.cohort_id, blueprint_key=plan.blueprint_key, blueprint_version_id=stored.id, place=plan.place.strip(),
                  opens_at=plan.opens_at, closes_at=plan.closes_at, mode=plan.mode, forms=plan.forms, seed=seed or secrets.token_hex(16),
                  break_minutes=plan.break_minutes, planned_by_id=actor_id, planned_at=now)
    db.session.add(row)
    db.session.flush()
    _assemble(row)
    audit.record("sitting:plan", f"sitting:{row.id}", actor_id, cohort=plan.cohort_id, blueprint=plan.blueprint_key, version=stored.number,
                 opens_at=plan.opens_at.isoformat(), closes_at=plan.closes_at.isoformat(), mode=plan.mode, forms=plan.forms, proof=row.proof_hash)
    return row.id


def _check_window(plan: SittingPlan, minutes: int, now: datetime) -> None:
    if plan.closes_at <= plan.opens_at or plan.closes_at - plan.opens_at > LONGEST:
        raise SittingRefused("window", "closes")
    if plan.closes_at - plan.opens_at < timedelta(minutes=minutes):
        raise SittingRefused("short", "closes")
    if plan.closes_at <= now:
        raise SittingRefused("past", "opens")
    rows = db.session.execute(select(Sitting.opens_at, Sitting.closes_at).where(
        Sitting.cohort_id == plan.cohort_id, Sitting.blueprint_key == plan.blueprint_key, Sitting.cancelled_at.is_(None)))
    if any(plan.opens_at < closes_at and opens_at < plan.closes_at for opens_at, closes_at in rows):
        raise SittingRefused("overlap", "opens")


def _assemble(row: Sitting) -> None:
    """Draw the papers of a sitting and reckon their proof. With fixed forms every slot is frozen here."""
    bank = queries.bank(row.cohort_id)
    prepared = queries.pools_of(row.blueprint_version_id, bank)
    if lacking := reads.shortages(prepared):
        raise BankTooThin(lacking)
    if row.mode == "forms":
        labels = LABELS[:row.forms]
        papers = parallel_forms(prepared, {label: room.form_seed(row.seed, label) for label in labels})
        version_ids = {key: id_ for key, (id_, _item) in bank.items()}
        for label, paper in papers.items():
            slots = reads.slots_from(paper, version_ids)
            db.session.add(PaperForm(sitting_id=row.id, label=label, seed=room.form_seed(row.seed, label), paper_hash=reads.digest_of(slots),
                                     slots=[slot.to_json() for slot in slots], made_at=clock.now()))
        db.session.flush()
    proof = reads.make_proof(row.id)
    row.proof = proof.to_json()
    row.proof_hash = reads.proof_hash(row.proof)
    db.session.flush()


def _planned(sitting_id: int) -> Sitting:
    """A sitting that is neither approved nor cancelled. Raises SittingRefused otherwise."""
    row = db.session.get_one(Sitting, sitting_id)
    if row.cancelled_at is not None:
        raise SittingRefused("cancelled")
    if row.approved_at is not None:
        raise SittingRefused("approved")
    return row


def assemble_again(sitting_id: int, actor_id: int) -> None:
    """Draw the papers anew from a new seed, before the approval; by the planner, who alone is bound not to approve them.
    Raises SittingRefused, BankTooThin, NoPaper."""
    row = _planned(sitting_id)
    if row.planned_by_id != actor_id:
        raise SittingRefused("planner")
    row.seed = secrets.token_hex(16)
    row.blueprint_version_id = courses.pinned(row.cohort_id, "blueprint", row.blueprint_key).id
    _assemble(row)
    audit.record("sitting:assemble", f"sitting:{sitting_id}", actor_id, proof=row.proof_hash)


def approve_sitting(sitting_id: int, seen_hash: str, actor_id: int) -> None:
    """Approve the papers whose proof was looked at, and give everybody enrolled their form: seats alternate.

    Raises SittingRefused, OwnPlan, StaleVersion (another proof was seen), ProofChanged, ProofFails.
    """
    row = _planned(sitting_id)
    if row.planned_by_id == actor_id:
        raise OwnPlan
    if clock.now() >= row.closes_at:
        raise SittingRefused("past")
    if seen_hash != row.proof_hash:
        raise StaleVersion(row.proof_hash)
    proof = reads.make_proof(sitting_id)
    if reads.proof_hash(proof.to_json()) != row.proof_hash:
        raise ProofChanged
    if not proof.holds:
        raise ProofFails
    row.approved_by_id, row.approved_at = actor_id, clock.now()
    if row.mode == "forms":
        _seat(row)
    db.session.flush()
    audit.record("sitting:approve", f"sitting:{sitting_id}", actor_id, planner=row.planned_by_id, proof=row.proof_hash)


def _seat(row: Sitting) -> None:
    """Forms by turns along the roster, beginning with one that the seed names."""
    forms = reads.forms_of(row.id)
    first = int(room.form_seed(row.seed, "first seat")[:8], 16)
    known = {candidate.enrolment_id: candidate for candidate in db.session.scalars(select(Candidate).where(Candidate.sitting_id == row.id))}
    for number, enrolment in enumerate(courses.roster(row.cohort_id)):
        form_id = forms[(first + number) % len(forms)].id
        candidate = known.get(enrolment.id)
        if candidate is None:
            db.session.add(Candidate(sitting_id=row.id, enrolment_id=enrolment.id, form_id=form_id))
        else:
            candidate.form_id = form_id


def assign_form(sitting_id: int, enrolment_id: int) -> reads.FormView:
    """The form of somebody who came to the cohort after the approval: the one the fewest hold. Theirs, where they have one."""
    row = db.session.get_one(Sitting, sitting_id)
    candidate = _candidate(sitting_id, enrolment_id)
    if candidate.form_id is None:
        forms = reads.forms_of(sitting_id)
        held = Counter(db.session.scalars(select(Candidate.form_id).where(Candidate.sitting_id == sitting_id, Candidate.form_id.is_not(None))))
        first = int(room.form_seed(row.seed, "first seat")[:8], 16)
        turn = {form.id: (number - first) % len(forms) for number, form in enumerate(forms)}
        chosen = min(forms, key=lambda form: (held[form.id], turn[form.id]))
        candidate.form_id = chosen.id
        db.session.flush()
        audit.record("sitting:form", f"sitting:{sitting_id}", None, enrolment=enrolment_id, form=chosen.label)
    return reads.get_form(candidate.form_id)


def _candidate(sitting_id: int, enrolment_id: int) -> Candidate:
    found = db.session.execute(select(Candidate).where(Candidate.sitting_id == sitting_id, Candidate.enrolment_id == enrolment_id)).scalar_one_or_none()
    if found is None:
        found = Candidate(sitting_id=sitting_id, enrolment_id=enrolment_id, extra_minutes=0, break_minutes=0)
        db.session.add(found)
        db.session.flush()
    return found


def cancel_sitting(sitting_id: int, reason: str, actor_id: int) -> None:
    """Call a sitting off while nobody has begun. Raises AlreadyBegun, SittingRefused."""
    row = db.session.get_one(Sitting, sitting_id)
    if row.cancelled_at is not None:
        raise SittingRefused("cancelled")
    if not reason.strip():
        raise SittingRefused("reason", "reason")
    if db.session.execute(select(Attempt.id).where(Attempt.sitting_id == sitting_id).limit(1)).first() is not None:
        raise AlreadyBegun
    row.cancelled_at = clock.now()
    _note(sitting_id, None, "cancel", reason, actor_id)
    db.session.flush()
    audit.record("sitting:cancel", f"sitting:{sitting_id}", actor_id)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _open_attempts(sitting_id: int, now: datetime, enrolment_ids: Collection[int] | None = None) -> list[Attempt]:
    """Attempts of a sitting whose time is not over: one that ended is never opened again by giving time."""
    query = select(Attempt).outerjoin(Closure, Closure.attempt_id == Attempt.id).where(Attempt.sitting_id == sitting_id, Closure.id.is_(None))
    if enrolment_ids is not None:
        query = query.where(Attempt.enrolment_id.in_(enrolment_ids))
    return [attempt for attempt in db.session.scalars(query.order_by(Attempt.id))
            if rules.state(now, attempt.high_water_at, attempt.closes_at, None, attempt.paused_at) == "open"]


def _running(sitting_id: int) -> Sitting:
    row = db.session.get_one(Sitting, sitting_id)
    if row.cancelled_at is not None:
        raise SittingRefused("cancelled")
    if row.approved_at is None:
        raise SittingRefused("unapproved")
    return row


def _members(row: Sitting, enrolment_ids: Collection[int] | None) -> list[int]:
    there = {enrolment.id for enrolment in courses.roster(row.cohort_id)}
    if enrolment_ids is None:
        return sorted(there)
    if not set(enrolment_ids) <= there:
        raise SittingRefused("stranger")
    return sorted(set(enrolment_ids))


def give_extra_time(sitting_id: int, enrolment_ids: Collection[int] | None, minutes: int, reason: str, actor_id: int) -> int:
    """Give some people (None: everybody) so many minutes more, at once for those who are writing; how many people got them.
    Who has ended gets none. Raises SittingRefused."""
    row = _running(sitting_id)
    if not 1 <= minutes <= 120 or reason not in EXTRA_REASONS:
        raise SittingRefused("extra", "minutes")
    now = clock.now()
    members = _members(row, enrolment_ids)
    writing = {attempt.enrolment_id: attempt for attempt in _open_attempts(sitting_id, now, members)}
    ended = set(db.session.scalars(select(Attempt.enrolment_id).where(Attempt.sitting_id == sitting_id, Attempt.enrolment_id.in_(members)))) - set(writing)
    given = [enrolment_id for enrolment_id in members if enrolment_id not in ended]
    known = {one.enrolment_id: one for one in db.session.scalars(
        select(Candidate).where(Candidate.sitting_id == sitting_id, Candidate.enrolment_id.in_(given)))}
    if any(known[id_].extra_minutes + minutes > room.EXTRA_MAX_MINUTES for id_ in given if id_ in known):
        raise SittingRefused("extra", "minutes")
    for enrolment_id in given:
        candidate = known.get(enrolment_id) or _candidate(sitting_id, enrolment_id)
        candidate.extra_minutes += minutes
        if enrolment_id in writing:
            _prolong(writing[enrolment_id], minutes, reason, now, actor_id)
    db.session.flush()
    audit.record("sitting:extra_time", f"sitting:{sitting_id}", actor_id, enrolments=given if enrolment_ids is not None else "all", people=len(given),
                 minutes=minutes, reason=reason)
    return len(given)


def _prolong(attempt: Attempt, minutes: int, reason: str, now: datetime, actor_id: int) -> None:
    attempt.closes_at += timedelta(minutes=minutes)
    db.session.add(AttemptEvent(attempt_id=attempt.id, kind="extra_time", at=now, by_id=actor_id, detail={"seconds": minutes * 60, "reason": reason}))


def set_allowance(sitting_id: int, enrolment_id: int, extra_minutes: int, break_minutes: int, reason: str, row_version: int, actor_id: int) -> None:
    """Settle somebody's extra time and extra break; who is writing has the extra time at once. Time once given to somebody
    who has begun is not taken back. Raises SittingRefused, AlreadyBegun, StaleVersion (row_version 0: there was no row)."""
    row = db.session.get_one(Sitting, sitting_id)
    if row.cancelled_at is not None:
        raise SittingRefused("cancelled")
    if not 0 <= extra_minutes <= room.EXTRA_MAX_MINUTES or not 0 <= break_minutes <= 60 or reason not in EXTRA_REASONS:
        raise SittingRefused("extra", "extra_minutes")
    _members(row, [enrolment_id])
    now = clock.now()
    known = db.session.execute(select(Candidate).where(Candidate.sitting_id == sitting_id, Candidate.enrolment_id == enrolment_id)).scalar_one_or_none()
    if (known.row_version if known else 0) != row_version:
        raise StaleVersion((known.extra_minutes, known.break_minutes) if known else (0, 0))
    candidate = known or _candidate(sitting_id, enrolment_id)
    before = (candidate.extra_minutes, candidate.break_minutes)
    if before == (extra_minutes, break_minutes):
        return
    begun = db.session.execute(select(Attempt.id).where(Attempt.sitting_id == sitting_id, Attempt.enrolment_id == enrolment_id).limit(1)).first()
    writing = _open_attempts(sitting_id, now, [enrolment_id])
    if begun is not None and (not writing or extra_minutes < before[0] or break_minutes < before[1]):
        raise AlreadyBegun
    candidate.extra_minutes, candidate.break_minutes = extra_minutes, break_minutes
    for attempt in writing:
        if extra_minutes > before[0]:
            _prolong(attempt, extra_minutes - before[0], reason, now, actor_id)
    db.session.flush()
    audit.record("sitting:allowance", f"sitting:{sitting_id}", actor_id, enrolment=enrolment_id, extra_minutes=extra_minutes, break_minutes=break_minutes,
                 extra_before=before[0], break_before=before[1], reason=reason)


def pause_hall(sitting_id: int, reason: str, actor_id: int) -> int:
    """Let every clock of the sitting stand still; how many papers were open. A second pause changes nothing.
    Raises SittingRefused."""
    row = _running(sitting_id)
    if not reason.strip():
        raise SittingRefused("reason", "reason")
    now = clock.now()
    if row.paused_at is not None:
        return 0
    if not row.opens_at <= now:
        raise SittingRefused("early")
    writing = _open_attempts(sitting_id, now)
    if not writing and room.window(now, row.opens_at, room.sitting_end(row.closes_at, 0, reads.halls([sitting_id])[sitting_id].seconds), None) == "over":
        raise SittingRefused("over")
    row.paused_at = now
    if writing:
        db.session.execute(update(Attempt).where(Attempt.id.in_([attempt.id for attempt in writing]))
                           .values(paused_at=now, row_version=Attempt.row_version + 1), execution_options={"synchronize_session": False})
        db.session.execute(insert(AttemptEvent), [
            {"attempt_id": attempt.id, "kind": "pause", "at": now, "device": "", "by_id": actor_id} for attempt in writing])
    _note(sitting_id, None, "pause", reason, actor_id)
    db.session.flush()
    db.session.expire_all()
    audit.record("sitting:pause", f"sitting:{sitting_id}", actor_id, papers=len(writing))
    return len(writing)


def resume_hall(sitting_id: int, actor_id: int) -> int:
    """Let the clocks go on: every open paper gets the time the hall stood still. The seconds it stood; 0 where it did not."""
    row = _running(sitting_id)
    if row.paused_at is None:
        return 0
    now = clock.now()
    stood = room.whole_seconds(now - row.paused_at)
    papers = list(db.session.scalars(select(Attempt).outerjoin(Closure, Closure.attempt_id == Attempt.id).where(
        Attempt.sitting_id == sitting_id, Closure.id.is_(None), Attempt.paused_at.is_not(None))))
    for attempt in papers:
        assert attempt.paused_at is not None
        seconds = room.whole_seconds(now - attempt.paused_at)
        attempt.closes_at += timedelta(seconds=seconds)
        attempt.paused_at = None
        db.session.add(AttemptEvent(attempt_id=attempt.id, kind="resume", at=now, by_id=actor_id, detail={"seconds": seconds}))
    row.paused_at = None
    db.session.add(Incident(sitting_id=sitting_id, kind="resume", at=now, by_id=actor_id))
    db.session.flush()
    audit.record("sitting:resume", f"sitting:{sitting_id}", actor_id, papers=len(papers), seconds=stood)
    return stood


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────────
def note_incident(sitting_id: int, attempt_id: int | None, kind: str, body: str, actor_id: int) -> int:
    """Note something that happened, in the room or to one attempt of the sitting; its id. Raises SittingRefused."""
    if kind not in INCIDENT_KINDS or not body.strip() or len(body) > 2000:
        raise SittingRefused("incident", "body")
    if attempt_id is not None and db.session.execute(select(Attempt.id).where(Attempt.id == attempt_id, Attempt.sitting_id == sitting_id)).first() is None:
        raise SittingRefused("stranger")
    incident_id = _note(sitting_id, attempt_id, kind, body, actor_id)
    audit.record("sitting:incident", f"sitting:{sitting_id}", actor_id, incident=incident_id, kind=kind, attempt=attempt_id)
    return incident_id


def _note(sitting_id: int, attempt_id: int | None, kind: str, body: str, actor_id: int) -> int:
    row = Incident(sitting_id=sitting_id, attempt_id=attempt_id, kind=kind, at=clock.now(), by_id=actor_id)
    db.session.add(row)
    db.session.flush()
    db.session.add(IncidentText(incident_id=row.id, body=body.strip()))
    db.session.flush()
    return row.id


__all__ = ["EXTRA_REASONS", "INCIDENT_KINDS", "LABELS", "PURPOSES", "AlreadyBegun", "BankTooThin", "OwnPlan", "ProofChanged", "ProofFails", "SittingPlan",
           "SittingRefused", "approve_sitting", "assemble_again", "assign_form", "cancel_sitting", "give_extra_time", "note_incident", "pause_hall",
           "plan_sitting", "resume_hall", "set_allowance"]
