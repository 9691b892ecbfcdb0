"""Changes of this part. Callers hold the transaction; refusals are exceptions named for their reason."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, insert, select

from courses.models import Cohort, CohortPin, Completion, Enrolment, GateWaiver, SelfCheckAnswer, UnitOpening
from courses.queries import programme_version
from courses.rules.calendar import opening_days, openings_out_of_order
from foundation import audit, clock, content
from foundation.db import canonical_json, db
from foundation.people import GrantRow, Person
from foundation.permissions import EVERYWHERE, Role
from foundation.web import StaleVersion


class CohortRefused(Exception):
    """`reason` is one of: key_taken, dates, seats, seats_taken (fewer than people enrolled), zone, programme, scheme."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoSeatLeft(Exception):
    """The cohort has only `free` seats left and `wanted` were asked for."""

    def __init__(self, free: int = 0, wanted: int = 1) -> None:
        super().__init__(free, wanted)
        self.free, self.wanted = free, wanted


class PersonRefused(Exception):
    """`reason` is one of: unknown, not_member, teaches_here (would sit in a cohort they teach), sits_here (the other way
    round), not_mentor, own_mentor. `person_id` names who it is about."""

    def __init__(self, reason: str, person_id: int) -> None:
        super().__init__(reason, person_id)
        self.reason, self.person_id = reason, person_id


class OpeningRefused(Exception):
    """`problems`: unit key → "outside" the cohort's days, or "order"."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class WaiverRefused(Exception):
    """`reason` is one of: reason (none given), own (nobody waives their own gate), withdrawn."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadyWaived(Exception):
    """This gate was waived for this trainee before."""


class UnknownGate(Exception):
    """The programme has no such gate."""


@dataclass(frozen=True)
class CohortPlan:
    """What the cohort form holds."""

    key: str
    name_zh: str
    name_en: str
    programme_key: str
    starts_on: date
    ends_on: date
    seats: int
    zone: str = "Asia/Shanghai"


def _check(plan: CohortPlan) -> None:
    if plan.ends_on < plan.starts_on:
        raise CohortRefused("dates")
    if plan.seats < 1:
        raise CohortRefused("seats")
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CohortRefused("zone") from None


def create_cohort(plan: CohortPlan, actor_id: int | None) -> int:
    """Make a cohort and pin its content; returns its id. Raises CohortRefused."""
    _check(plan)
    if db.session.execute(select(Cohort.id).where(Cohort.key == plan.key)).first():
        raise CohortRefused("key_taken")
    programme = content.find_current("programme", plan.programme_key)
    if programme is None:
        raise CohortRefused("programme")
    scheme = content.find_current("scheme", programme.body["scheme"])
    if scheme is None:
        raise CohortRefused("scheme")
    cohort = Cohort(key=plan.key, name_zh=plan.name_zh, name_en=plan.name_en, programme_key=plan.programme_key, programme_version_id=programme.id,
                    scheme_version_id=scheme.id, starts_on=plan.starts_on, ends_on=plan.ends_on, zone=plan.zone, seats=plan.seats,
                    created_at=clock.now())
    db.session.add(cohort)
    db.session.flush()
    _pin(cohort)
    audit.record("cohort:create", f"cohort:{cohort.id}", actor_id, key=plan.key, programme=plan.programme_key, programme_version=programme.number,
                 scheme_version=scheme.number, starts_on=plan.starts_on.isoformat(), ends_on=plan.ends_on.isoformat())
    return cohort.id


def _pin(cohort: Cohort) -> None:
    """Pin every piece the programme names, and the whole item bank its papers are drawn from (kind, key, scoring), so that
    later scoring changes, and items written later, do not reach this cohort."""
    programme = programme_version(cohort.programme_version_id)
    kinds = {"lesson": "lesson", "quiz": "blueprint", "station": "station", "case": "case"}
    wanted = {(kinds[a.kind], a.ref) for a in programme.activities if a.kind in kinds and not a.planned}
    wanted |= {("station", key) for key in programme.assessment.skill_demonstration.stations}
    wanted |= {("case", key) for key in programme.assessment.case_analysis.cases}
    wanted.add(("blueprint", programme.assessment.written_exam.blueprint))
    wanted |= {("item", key) for key in content.current_ids("item")}
    for kind in sorted({kind for kind, _key in wanted}):
        current = content.current_ids(kind)
        for key in sorted(key for kind_, key in wanted if kind_ == kind):
            if key not in current:
                continue
            version = content.version(current[key])
            db.session.add(CohortPin(cohort_id=cohort.id, kind=kind, key=key, scoring_hash=version.scoring_hash, version_id=version.id))
            if kind == "station":
                rubric = content.find_current("rubric", version.body["rubric"])
                if rubric and not _has_pin(cohort.id, "rubric", rubric.key):
                    db.session.add(CohortPin(cohort_id=cohort.id, kind="rubric", key=rubric.key, scoring_hash=rubric.scoring_hash, version_id=rubric.id))
                    db.session.flush()


def _has_pin(cohort_id: int, kind: str, key: str) -> bool:
    return db.session.execute(select(CohortPin.id).where(CohortPin.cohort_id == cohort_id, CohortPin.kind == kind, CohortPin.key == key)).first() is not None


def change_cohort(cohort_id: int, plan: CohortPlan, row_version: int, actor_id: int) -> None:
    """Change names, dates, seats. The key and the programme stay. Raises CohortRefused or StaleVersion."""
    _check(plan)
    cohort = db.session.get_one(Cohort, cohort_id)
    if cohort.row_version != row_version:
        raise StaleVersion(cohort.row_version)
    if plan.seats < _seats_taken(cohort_id):
        raise CohortRefused("seats_taken")
    before = {"starts_on": cohort.starts_on.isoformat(), "ends_on": cohort.ends_on.isoformat(), "seats": cohort.seats, "zone": cohort.zone}
    cohort.name_zh, cohort.name_en = plan.name_zh, plan.name_en
    cohort.starts_on, cohort.ends_on, cohort.seats, cohort.zone = plan.starts_on, plan.ends_on, plan.seats, plan.zone
    audit.record("cohort:change", f"cohort:{cohort_id}", actor_id, before=before,
                 after={"starts_on": plan.starts_on.isoformat(), "ends_on": plan.ends_on.isoformat(), "seats": plan.seats, "zone": plan.zone})


def _seats_taken(cohort_id: int) -> int:
    return db.session.execute(
        select(func.count()).select_from(Enrolment).where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None))).scalar_one()


def move_opening(cohort_id: int, unit_key: str, opens_on: date, actor_id: int) -> None:
    """Let a unit open on another day for this cohort."""
    row = db.session.execute(select(UnitOpening).where(UnitOpening.cohort_id == cohort_id, UnitOpening.unit_key == unit_key)).scalar()
    before = row.opens_on.isoformat() if row else None
    if row is None:
        db.session.add(UnitOpening(cohort_id=cohort_id, unit_key=unit_key, opens_on=opens_on))
    else:
        row.opens_on = opens_on
    audit.record("cohort:move-opening", f"cohort:{cohort_id}", actor_id, unit=unit_key, before=before, after=opens_on.isoformat())


def move_openings(cohort_id: int, wanted: Mapping[str, date], seen: Mapping[str, date], actor_id: int) -> int:
    """Let units open on other days; returns how many moved. `seen` holds the days the page showed.

    Raises StaleVersion (unit → the day that stands now) where somebody moved one in between, and OpeningRefused where
    the days leave the cohort's dates or the order of the units.
    """
    cohort = db.session.get_one(Cohort, cohort_id)
    programme = programme_version(cohort.programme_version_id)
    moved = dict(db.session.execute(select(UnitOpening.unit_key, UnitOpening.opens_on).where(UnitOpening.cohort_id == cohort_id)).all())
    now = opening_days(programme, cohort.starts_on, moved)
    other = {key: now[key] for key in now if key in seen and seen[key] != now[key]}
    if other:
        raise StaleVersion(other)
    result = {key: wanted.get(key, day) for key, day in now.items()}
    problems = openings_out_of_order(programme, result, cohort.starts_on, cohort.ends_on)
    if problems:
        raise OpeningRefused(problems)
    changed = [key for key in now if result[key] != now[key]]
    for key in changed:
        move_opening(cohort_id, key, result[key], actor_id)
    return len(changed)


def enrol(cohort_id: int, person_id: int, actor_id: int | None, mentor_id: int | None = None) -> int:
    """Enrol a person; returns the enrolment id (the existing one where there is one, its mentor brought up to date).

    Raises NoSeatLeft, also for somebody who was withdrawn and returns.
    """
    existing = db.session.execute(select(Enrolment).where(Enrolment.cohort_id == cohort_id, Enrolment.person_id == person_id)).scalar()
    if existing is not None:
        if existing.withdrawn_at is not None:
            _need_a_seat(cohort_id)
            existing.withdrawn_at = None
            audit.record("enrolment:return", f"enrolment:{existing.id}", actor_id)
        if mentor_id is not None and existing.mentor_id != mentor_id:
            assign_mentor(existing.id, mentor_id, actor_id)
        return existing.id
    _need_a_seat(cohort_id)
    row = Enrolment(cohort_id=cohort_id, person_id=person_id, mentor_id=mentor_id, enrolled_at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("enrolment:enrol", f"enrolment:{row.id}", actor_id, cohort=cohort_id, person=person_id, mentor=mentor_id)
    return row.id


def _need_a_seat(cohort_id: int, wanted: int = 1) -> None:
    free = db.session.get_one(Cohort, cohort_id).seats - _seats_taken(cohort_id)
    if wanted > free:
        raise NoSeatLeft(max(free, 0), wanted)


def enrol_people(cohort_id: int, person_ids: Collection[int], mentor_id: int | None, actor_id: int) -> int:
    """Enrol all of these people or none; returns how many were not in the cohort before.

    Whoever has not the trainee's role yet gets it. Raises NoSeatLeft or PersonRefused (unknown person, somebody who
    teaches this cohort, a mentor without the role, somebody as the own mentor).
    """
    ids = sorted(set(person_ids))
    known = set(db.session.scalars(select(Person.id).where(Person.id.in_(ids))))
    for person_id in ids:
        if person_id not in known:
            raise PersonRefused("unknown", person_id)
    teaching = set(db.session.scalars(_trainer_grants(cohort_id, GrantRow.person_id).where(GrantRow.person_id.in_(ids))))
    if teaching:
        raise PersonRefused("teaches_here", min(teaching))
    _check_mentor(mentor_id, ids)
    inside = set(db.session.scalars(
        select(Enrolment.person_id).where(Enrolment.cohort_id == cohort_id, Enrolment.person_id.in_(ids), Enrolment.withdrawn_at.is_(None))))
    new = [person_id for person_id in ids if person_id not in inside]
    _need_a_seat(cohort_id, len(new))
    trainees = set(db.session.scalars(
        select(GrantRow.person_id).where(GrantRow.person_id.in_(new), GrantRow.role == Role.TRAINEE, GrantRow.revoked_at.is_(None))))
    for person_id in new:
        enrol(cohort_id, person_id, actor_id, mentor_id)
        if person_id not in trainees:
            db.session.add(GrantRow(person_id=person_id, role=Role.TRAINEE.value, scope=EVERYWHERE, granted_at=clock.now(), granted_by_id=actor_id))
            audit.record("grant:give", f"person:{person_id}", actor_id, role="trainee", scope=EVERYWHERE)
    return len(new)


def _check_mentor(mentor_id: int | None, mentees: Collection[int]) -> None:
    if mentor_id is None:
        return
    if mentor_id in mentees:
        raise PersonRefused("own_mentor", mentor_id)
    held = select(GrantRow.id).where(GrantRow.person_id == mentor_id, GrantRow.role == Role.MENTOR, GrantRow.revoked_at.is_(None))
    if db.session.execute(held).first() is None:
        raise PersonRefused("not_mentor", mentor_id)


def _members(cohort_id: int, enrolment_ids: Collection[int]) -> list[Enrolment]:
    """The enrolments of these ids, all of this cohort. Raises PersonRefused("not_member", …) for any other."""
    rows = {row.id: row for row in db.session.scalars(select(Enrolment).where(Enrolment.id.in_(enrolment_ids), Enrolment.cohort_id == cohort_id))}
    for enrolment_id in enrolment_ids:
        if enrolment_id not in rows:
            raise PersonRefused("not_member", enrolment_id)
    return [rows[id_] for id_ in sorted(rows)]


def withdraw_people(cohort_id: int, enrolment_ids: Collection[int], actor_id: int) -> int:
    """End these enrolments of one cohort, all or none; returns how many ended. Raises PersonRefused."""
    active = [row for row in _members(cohort_id, enrolment_ids) if row.withdrawn_at is None]
    for row in active:
        withdraw(row.id, actor_id)
    return len(active)


def assign_mentors(cohort_id: int, enrolment_ids: Collection[int], mentor_id: int | None, actor_id: int) -> int:
    """Give these trainees of one cohort a mentor (None: take it away); returns how many changed. Raises PersonRefused."""
    rows = _members(cohort_id, enrolment_ids)
    _check_mentor(mentor_id, [row.person_id for row in rows])
    changed = [row.id for row in rows if row.mentor_id != mentor_id]
    for enrolment_id in changed:
        assign_mentor(enrolment_id, mentor_id, actor_id)
    return len(changed)


def withdraw(enrolment_id: int, actor_id: int) -> None:
    """End an enrolment; what was achieved stays on record."""
    row = db.session.get_one(Enrolment, enrolment_id)
    if row.withdrawn_at is None:
        row.withdrawn_at = clock.now()
        audit.record("enrolment:withdraw", f"enrolment:{enrolment_id}", actor_id)


def assign_mentor(enrolment_id: int, mentor_id: int | None, actor_id: int | None) -> None:
    row = db.session.get_one(Enrolment, enrolment_id)
    before, row.mentor_id = row.mentor_id, mentor_id
    audit.record("enrolment:mentor", f"enrolment:{enrolment_id}", actor_id, before=before, after=mentor_id)


def grant_trainer(cohort_id: int, person_id: int, actor_id: int | None) -> None:
    """Make a person a trainer of this cohort; nothing happens where they are. Raises PersonRefused (unknown, sits_here)."""
    scope = f"cohort:{cohort_id}"
    if db.session.execute(select(Person.id).where(Person.id == person_id)).first() is None:
        raise PersonRefused("unknown", person_id)
    if db.session.execute(select(Enrolment.id).where(
            Enrolment.cohort_id == cohort_id, Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))).first():
        raise PersonRefused("sits_here", person_id)
    if db.session.execute(_trainer_grants(cohort_id, GrantRow.id).where(GrantRow.person_id == person_id)).first() is None:
        db.session.add(GrantRow(person_id=person_id, role=Role.TRAINER.value, scope=scope, granted_at=clock.now(), granted_by_id=actor_id))
        audit.record("grant:give", f"person:{person_id}", actor_id, role="trainer", scope=scope)


def _trainer_grants(cohort_id: int, what: Any) -> Any:
    return select(what).where(GrantRow.role == Role.TRAINER, GrantRow.scope == f"cohort:{cohort_id}", GrantRow.revoked_at.is_(None))


def revoke_trainer(cohort_id: int, person_id: int, actor_id: int) -> None:
    """End a person's grant as trainer of this cohort; a grant for all cohorts stays."""
    scope = f"cohort:{cohort_id}"
    for grant in db.session.scalars(_trainer_grants(cohort_id, GrantRow).where(GrantRow.person_id == person_id)):
        grant.revoked_at = clock.now()
        audit.record("grant:revoke", f"person:{person_id}", actor_id, role="trainer", scope=scope)


def record_completion(enrolment_id: int, kind: str, ref: str, fraction: Decimal | None, evidence: str, actor_id: int | None) -> bool:
    """Append that an activity was completed, once per piece of evidence. False where it was on record already."""
    known = db.session.execute(
        select(Completion.id).where(Completion.enrolment_id == enrolment_id, Completion.kind == kind, Completion.ref == ref, Completion.evidence == evidence)
    ).first()
    if known:
        return False
    db.session.add(Completion(enrolment_id=enrolment_id, kind=kind, ref=ref, fraction=fraction, evidence=evidence, at=clock.now()))
    audit.record("activity:complete", f"enrolment:{enrolment_id}", actor_id, kind=kind, ref=ref,
                 fraction=None if fraction is None else format(fraction, "f"), evidence=evidence)
    return True


def record_completions(rows: Sequence[tuple[int, str, str, Decimal, str]], cause: str, actor_id: int | None) -> int:
    """Append many judged completions at once, (enrolment, kind, ref, fraction, evidence) each, with one event; how many were new."""
    known = {(row.enrolment_id, row.kind, row.ref, row.evidence) for row in db.session.execute(
        select(Completion.enrolment_id, Completion.kind, Completion.ref, Completion.evidence)
        .where(Completion.enrolment_id.in_({row[0] for row in rows}), Completion.evidence.in_({row[4] for row in rows})))} if rows else set()
    fresh = [row for row in rows if (row[0], row[1], row[2], row[4]) not in known]
    if not fresh:
        return 0
    now = clock.now()
    db.session.execute(insert(Completion), [
        {"enrolment_id": enrolment_id, "kind": kind, "ref": ref, "fraction": fraction, "evidence": evidence, "at": now}
        for enrolment_id, kind, ref, fraction, evidence in fresh])
    digest = hashlib.sha256(canonical_json([[*row[:3], format(row[3], "f"), row[4]] for row in fresh]).encode()).hexdigest()
    audit.record("activity:complete_again", cause, actor_id, completions=len(fresh), digest=digest)
    return len(fresh)


class UnknownCheck(Exception):
    """The lesson has no such self-check, or the chosen options are not of it."""


def answer_self_check(enrolment_id: int, lesson: dict[str, Any], check_key: str, chosen: list[int], actor_id: int) -> bool:
    """Keep an answer to a self-check (`chosen`: option numbers from 0); returns whether it is right."""
    block = next((b for b in lesson["zh"]["blocks"] if b["name"] == "self-check" and b["attrs"].get("key") == check_key), None)
    if block is None or not chosen or any(not 0 <= number < len(block["options"]) for number in chosen):
        raise UnknownCheck
    is_right = set(chosen) == {number for number, option in enumerate(block["options"]) if option["right"]}
    db.session.add(SelfCheckAnswer(enrolment_id=enrolment_id, lesson_key=lesson["key"], check_key=check_key, chosen=sorted(set(chosen)),
                                   is_right=is_right, at=clock.now()))
    audit.record("check:answer", f"enrolment:{enrolment_id}", actor_id, lesson=lesson["key"], check=check_key, chosen=sorted(set(chosen)))
    return is_right


class ChecksOpen(Exception):
    """Some self-checks of the lesson are not answered yet; `keys` names them."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__(keys)
        self.keys = keys


def finish_lesson(enrolment_id: int, lesson: dict[str, Any], actor_id: int) -> None:
    """The trainee says "finished": done once every self-check is answered. Raises ChecksOpen."""
    wanted = [b["attrs"]["key"] for b in lesson["zh"]["blocks"] if b["name"] == "self-check"]
    answered = set(db.session.scalars(
        select(SelfCheckAnswer.check_key).where(SelfCheckAnswer.enrolment_id == enrolment_id, SelfCheckAnswer.lesson_key == lesson["key"]).distinct()))
    still_open = [key for key in wanted if key not in answered]
    if still_open:
        raise ChecksOpen(still_open)
    record_completion(enrolment_id, "lesson", lesson["key"], None, "finished", actor_id)


def waive_gate(enrolment_id: int, gate_key: str, reason: str, actor_id: int) -> None:
    """Let a trainee pass a gate, with a reason. Raises UnknownGate, AlreadyWaived or WaiverRefused."""
    enrolment = db.session.get_one(Enrolment, enrolment_id)
    if not reason.strip():
        raise WaiverRefused("reason")
    if enrolment.person_id == actor_id:
        raise WaiverRefused("own")
    if enrolment.withdrawn_at is not None:
        raise WaiverRefused("withdrawn")
    cohort = db.session.get_one(Cohort, enrolment.cohort_id)
    programme = programme_version(cohort.programme_version_id)
    if gate_key not in {stage.gate.key for stage in programme.stages if stage.gate}:
        raise UnknownGate
    if db.session.execute(select(GateWaiver.id).where(GateWaiver.enrolment_id == enrolment_id, GateWaiver.gate_key == gate_key)).first():
        raise AlreadyWaived
    row = GateWaiver(enrolment_id=enrolment_id, gate_key=gate_key, reason=reason.strip(), by_id=actor_id, at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("gate:waive", f"enrolment:{enrolment_id}", actor_id, gate=gate_key, reason=audit.fingerprint(reason), waiver=row.id)
