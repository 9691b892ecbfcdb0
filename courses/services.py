"""Changes of this part. Callers hold the transaction; refusals are exceptions named for their reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select

from courses.models import Cohort, CohortPin, Completion, Enrolment, GateWaiver, SelfCheckAnswer, UnitOpening
from courses.queries import programme_version
from foundation import audit, clock, content
from foundation.db import db
from foundation.people import GrantRow
from foundation.permissions import Role
from foundation.web import StaleVersion


class CohortRefused(Exception):
    """`reason` is one of: key_taken, dates, seats, zone, programme, scheme."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoSeatLeft(Exception):
    """The cohort is full."""


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
    """Pin every piece the programme names (kind, key, scoring), so that later scoring changes do not reach this cohort."""
    programme = programme_version(cohort.programme_version_id)
    kinds = {"lesson": "lesson", "quiz": "blueprint", "station": "station", "case": "case"}
    wanted = {(kinds[a.kind], a.ref) for a in programme.activities if a.kind in kinds and not a.planned}
    wanted |= {("station", key) for key in programme.assessment.skill_demonstration.stations}
    wanted |= {("case", key) for key in programme.assessment.case_analysis.cases}
    wanted.add(("blueprint", programme.assessment.written_exam.blueprint))
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
    before = {"starts_on": cohort.starts_on.isoformat(), "ends_on": cohort.ends_on.isoformat(), "seats": cohort.seats}
    cohort.name_zh, cohort.name_en = plan.name_zh, plan.name_en
    cohort.starts_on, cohort.ends_on, cohort.seats, cohort.zone = plan.starts_on, plan.ends_on, plan.seats, plan.zone
    audit.record("cohort:change", f"cohort:{cohort_id}", actor_id, before=before,
                 after={"starts_on": plan.starts_on.isoformat(), "ends_on": plan.ends_on.isoformat(), "seats": plan.seats})


def move_opening(cohort_id: int, unit_key: str, opens_on: date, actor_id: int) -> None:
    """Let a unit open on another day for this cohort."""
    row = db.session.execute(select(UnitOpening).where(UnitOpening.cohort_id == cohort_id, UnitOpening.unit_key == unit_key)).scalar()
    before = row.opens_on.isoformat() if row else None
    if row is None:
        db.session.add(UnitOpening(cohort_id=cohort_id, unit_key=unit_key, opens_on=opens_on))
    else:
        row.opens_on = opens_on
    audit.record("cohort:move-opening", f"cohort:{cohort_id}", actor_id, unit=unit_key, before=before, after=opens_on.isoformat())


def enrol(cohort_id: int, person_id: int, actor_id: int | None, mentor_id: int | None = None) -> int:
    """Enrol a person; returns the enrolment id (the existing one where there is one, its mentor brought up to date)."""
    existing = db.session.execute(select(Enrolment).where(Enrolment.cohort_id == cohort_id, Enrolment.person_id == person_id)).scalar()
    if existing is not None:
        if existing.withdrawn_at is not None:
            existing.withdrawn_at = None
            audit.record("enrolment:return", f"enrolment:{existing.id}", actor_id)
        if mentor_id is not None and existing.mentor_id != mentor_id:
            assign_mentor(existing.id, mentor_id, actor_id)
        return existing.id
    cohort = db.session.get_one(Cohort, cohort_id)
    taken = db.session.execute(select(Enrolment.id).where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None))).all()
    if len(taken) >= cohort.seats:
        raise NoSeatLeft
    row = Enrolment(cohort_id=cohort_id, person_id=person_id, mentor_id=mentor_id, enrolled_at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("enrolment:enrol", f"enrolment:{row.id}", actor_id, cohort=cohort_id, person=person_id, mentor=mentor_id)
    return row.id


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
    """Make a person a trainer of this cohort; nothing happens where they are."""
    scope = f"cohort:{cohort_id}"
    held = db.session.execute(
        select(GrantRow.id).where(GrantRow.person_id == person_id, GrantRow.role == Role.TRAINER, GrantRow.scope == scope, GrantRow.revoked_at.is_(None))
    ).first()
    if held is None:
        db.session.add(GrantRow(person_id=person_id, role=Role.TRAINER.value, scope=scope, granted_at=clock.now(), granted_by_id=actor_id))
        audit.record("grant:give", f"person:{person_id}", actor_id, role="trainer", scope=scope)


def revoke_trainer(cohort_id: int, person_id: int, actor_id: int) -> None:
    scope = f"cohort:{cohort_id}"
    for grant in db.session.scalars(
            select(GrantRow).where(GrantRow.person_id == person_id, GrantRow.role == Role.TRAINER, GrantRow.scope == scope, GrantRow.revoked_at.is_(None))):
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


class UnknownCheck(Exception):
    """The lesson has no such self-check, or the chosen options are not of it."""


def answer_self_check(enrolment_id: int, lesson: dict[str, Any], check_key: str, chosen: list[int]) -> bool:
    """Keep an answer to a self-check (`chosen`: option numbers from 0); returns whether it is right."""
    block = next((b for b in lesson["zh"]["blocks"] if b["name"] == "self-check" and b["attrs"].get("key") == check_key), None)
    if block is None or not chosen or any(not 0 <= number < len(block["options"]) for number in chosen):
        raise UnknownCheck
    is_right = set(chosen) == {number for number, option in enumerate(block["options"]) if option["right"]}
    db.session.add(SelfCheckAnswer(enrolment_id=enrolment_id, lesson_key=lesson["key"], check_key=check_key, chosen=sorted(set(chosen)),
                                   is_right=is_right, at=clock.now()))
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
    """Let a trainee pass a gate, with a reason. Raises UnknownGate or AlreadyWaived."""
    enrolment = db.session.get_one(Enrolment, enrolment_id)
    cohort = db.session.get_one(Cohort, enrolment.cohort_id)
    programme = programme_version(cohort.programme_version_id)
    if gate_key not in {stage.gate.key for stage in programme.stages if stage.gate}:
        raise UnknownGate
    if db.session.execute(select(GateWaiver.id).where(GateWaiver.enrolment_id == enrolment_id, GateWaiver.gate_key == gate_key)).first():
        raise AlreadyWaived
    row = GateWaiver(enrolment_id=enrolment_id, gate_key=gate_key, reason=reason, by_id=actor_id, at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("gate:waive", f"enrolment:{enrolment_id}", actor_id, gate=gate_key, reason=audit.fingerprint(reason), waiver=row.id)
