"""Reads of certificates: one by id or code, the ledger, a person's own, and the conditions that lists are filtered by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true

from foundation import clock
from foundation.db import db
from foundation.permissions import EVERYWHERE, Actor, Permission
from quizzes.queries.dry_run import Consequence, ExamChange
from training.assessment import queries as assessment
from training.credentials.models import Credential, LiveCredential, RenderedPdf, Revocation
from training.credentials.rules.record import normal_code, normal_number, short_digest
from training.credentials.rules.status import Status, status_of

PER_PAGE = 50


@dataclass(frozen=True)
class CredentialView:
    """A certificate with its state at the moment of reading. `facts` is the record; dates in it are ISO texts."""

    status: Status
    is_released: bool
    id: int
    number: str
    code: str
    decision_id: int
    enrolment_id: int
    person_id: int
    cohort_id: int
    programme_key: str
    cycle: int
    facts: dict[str, Any]
    facts_hash: str
    name: str
    employee_no: str
    org_unit: str
    verification_url: str
    issued_at: datetime
    issued_on: date
    released_at: datetime
    expires_on: date | None
    valid_until: datetime | None
    reason: str
    template_version: str
    engine_version: str
    font_version: str
    revoked_at: datetime | None
    revocation_reason: str | None
    revoked_by_id: int | None
    is_live: bool
    pdf_sha256: str | None

    @property
    def zone(self) -> str:
        return str(self.facts["zone"])

    @property
    def short_digest(self) -> str:
        return short_digest(self.facts_hash)

    @property
    def completed_on(self) -> date:
        """The day the last component was performed."""
        return date.fromisoformat(self.facts["completed_on"])

    @property
    def revoked_on(self) -> date | None:
        """The day of the revocation as the cohort's zone saw it."""
        return self.revoked_at.astimezone(ZoneInfo(self.zone)).date() if self.revoked_at else None


_COLUMNS = (Credential.id, Credential.number, Credential.code, Credential.decision_id, Credential.enrolment_id, Credential.person_id,
            Credential.cohort_id, Credential.programme_key, Credential.cycle, Credential.facts, Credential.facts_hash, Credential.name,
            Credential.employee_no, Credential.org_unit, Credential.verification_url, Credential.issued_at, Credential.issued_on,
            Credential.released_at, Credential.expires_on, Credential.valid_until, Credential.reason, Credential.template_version,
            Credential.engine_version, Credential.font_version, Revocation.at, Revocation.reason, Revocation.by_id, LiveCredential.id,
            RenderedPdf.sha256)


def selection() -> Select[Any]:
    """Certificates with their revocation, whether they are live, and their kept PDF: everything in one statement."""
    return (select(*_COLUMNS).select_from(Credential)
            .outerjoin(Revocation, Revocation.credential_id == Credential.id)
            .outerjoin(LiveCredential, LiveCredential.credential_id == Credential.id)
            .outerjoin(RenderedPdf, RenderedPdf.credential_id == Credential.id))


def counting() -> Select[Any]:
    """How many certificates, with the same joins, for the same conditions."""
    return (select(func.count(Credential.id)).select_from(Credential)
            .outerjoin(Revocation, Revocation.credential_id == Credential.id)
            .outerjoin(LiveCredential, LiveCredential.credential_id == Credential.id))


def view(row: Any, now: datetime) -> CredentialView:
    """A row of `selection()` as a value, its state folded at `now`."""
    values: list[Any] = list(row)
    revoked_at, _reason, _by_id, live_id, _sha256 = values[-5:]
    values[-2] = live_id is not None
    status = status_of(is_revoked=revoked_at is not None, is_live=live_id is not None, valid_until=row.valid_until, now=now)
    return CredentialView(status, row.released_at <= now, *values)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────
def has_status(status: Status, now: datetime) -> ColumnElement[bool]:
    """The condition under which `status_of` says this status; a test compares the two."""
    not_revoked = Revocation.id.is_(None)
    live = LiveCredential.id.is_not(None)
    over = and_(Credential.valid_until.is_not(None), Credential.valid_until <= now)
    if status is Status.REVOKED:
        return Revocation.id.is_not(None)
    if status is Status.REPLACED:
        return and_(not_revoked, LiveCredential.id.is_(None))
    if status is Status.EXPIRED:
        return and_(not_revoked, live, over)
    return and_(not_revoked, live, or_(Credential.valid_until.is_(None), Credential.valid_until > now))


def is_released(now: datetime) -> ColumnElement[bool]:
    return Credential.released_at <= now


def in_scope(actor: Actor, *permissions: Permission) -> ColumnElement[bool]:
    """The condition that a certificate lies within the scope of one of the permissions: everywhere, a cohort, an org unit."""
    conditions: list[ColumnElement[bool]] = []
    for permission in permissions:
        for scope in sorted(actor.scopes_for(permission)):
            kind, _colon, name = scope.partition(":")
            if scope == EVERYWHERE:
                return true()
            if kind == "cohort" and name.isdigit():
                conditions.append(Credential.cohort_id == int(name))
            elif kind == "org":
                conditions.append(Credential.org_unit == name)
    return or_(*conditions) if conditions else Credential.id.is_(None)


def holds(text: str) -> ColumnElement[bool]:
    """The condition that number, name or employee number contains what somebody typed into a search box."""
    pattern = "%" + "".join(f"\\{c}" if c in "\\%_" else c for c in text.strip()) + "%"
    number = "%" + "".join(f"\\{c}" if c in "\\%_" else c for c in normal_number(text)) + "%"
    return or_(Credential.name.ilike(pattern, escape="\\"), Credential.employee_no.ilike(pattern, escape="\\"), Credential.number.ilike(number, escape="\\"))


# ── one certificate ──────────────────────────────────────────────────────────────────────────────────────────
def _one(*conditions: ColumnElement[bool]) -> CredentialView | None:
    row = db.session.execute(selection().where(*conditions)).first()
    return view(row, clock.now()) if row else None


def find_credential(credential_id: int) -> CredentialView | None:
    return _one(Credential.id == credential_id)


def credential_or_404(credential_id: int, actor: Actor, *permissions: Permission) -> CredentialView:
    """The certificate where one of the permissions covers it, released or not; else 404."""
    return _one(Credential.id == credential_id, in_scope(actor, *permissions)) or abort(404)


def find_public(code: str) -> CredentialView | None:
    """The released certificate of a verification code, however it was typed; None for an unknown or unreleased one."""
    return _one(Credential.code == normal_code(code), is_released(clock.now()))


def find_public_by_number(number: str) -> CredentialView | None:
    return _one(Credential.number == normal_number(number), is_released(clock.now()))


def own_credentials(person_id: int) -> tuple[CredentialView, ...]:
    """A person's released certificates, the live ones first, then the latest."""
    now = clock.now()
    rows = db.session.execute(selection().where(Credential.person_id == person_id, is_released(now)).order_by(Credential.id.desc()).limit(100))
    found = [view(row, now) for row in rows]
    return tuple(sorted(found, key=lambda one: (not one.is_live, -one.id)))


def own_credential_or_404(credential_id: int, actor: Actor) -> CredentialView:
    """One's own released certificate, else 404."""
    return _one(Credential.id == credential_id, Credential.person_id == actor.person_id, is_released(clock.now())) or abort(404)


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class LedgerPage:
    """A page of the ledger. `states` counts what the search found by state."""

    rows: tuple[CredentialView, ...]
    total: int
    number: int
    pages: int
    search: str
    state: str


def ledger(actor: Actor, search: str, state: str, number: int) -> LedgerPage:
    """Certificates within the reviewer's scope, the latest first. `state`: a status, 'waiting' (not yet released), or ''."""
    now = clock.now()
    conditions = [in_scope(actor, Permission.REVIEW)]
    if search:
        conditions.append(holds(search))
    if state in tuple(map(str, Status)):
        conditions.append(has_status(Status(state), now))
    elif state == "waiting":
        conditions.append(Credential.released_at > now)
    total = db.session.execute(counting().where(*conditions)).scalar_one()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(1, number), pages)
    rows = db.session.execute(selection().where(*conditions).order_by(Credential.id.desc()).limit(PER_PAGE).offset((number - 1) * PER_PAGE))
    return LedgerPage(tuple(view(row, now) for row in rows), total, number, pages, search, state)


def unrendered(limit: int = 500) -> tuple[int, ...]:
    """Certificates whose first PDF was never kept: normally none."""
    return tuple(db.session.scalars(
        select(Credential.id).outerjoin(RenderedPdf, RenderedPdf.credential_id == Credential.id).where(RenderedPdf.id.is_(None))
        .order_by(Credential.id).limit(limit)))


# ── when an exam is marked anew ──────────────────────────────────────────────────────────────────────────────────
def exam_consequences(changes: Sequence[ExamChange]) -> tuple[Consequence, ...]:
    """What changed exam scores do to results and certificates, of those trainees for whom anything differs.

    A confirmed result is compared as it was confirmed: it stays as it is, and so does its certificate, until a person
    has looked at it.
    """
    ids = sorted({change.enrolment_id for change in changes})
    pairs = assessment.standings_if({change.attempt_id: change.new_score for change in changes}, ids)
    live = _live_of(ids)
    found = []
    for id_ in ids:
        told = _consequence(*pairs[id_], live.get(id_, ()))
        if told is not None:
            found.append(told)
    return tuple(found)


def _live_of(enrolment_ids: Collection[int]) -> dict[int, tuple[tuple[int, str], ...]]:
    """Enrolment id → (id, number) of its live certificates; one select."""
    rows = db.session.execute(
        select(Credential.enrolment_id, Credential.id, Credential.number).join(LiveCredential, LiveCredential.credential_id == Credential.id)
        .outerjoin(Revocation, Revocation.credential_id == Credential.id)
        .where(Credential.enrolment_id.in_(enrolment_ids), Revocation.id.is_(None)).order_by(Credential.id))
    found: dict[int, tuple[tuple[int, str], ...]] = {}
    for enrolment_id, id_, number in rows:
        found[enrolment_id] = (*found.get(enrolment_id, ()), (id_, number))
    return found


def _consequence(before: assessment.Standing, after: assessment.Standing, live: tuple[tuple[int, str], ...]) -> Consequence | None:
    """The difference of two standings in the component that the exam feeds; None where none can be seen."""
    old = next(result for result in before.verdict.results if result.component.evidence.kind == "exam")
    new = after.verdict.result(old.key)
    decided = before.latest
    entry = decided.entry(old.key) if decided else None
    now = (old.shown, old.meets_bar, before.verdict.outcome, before.verdict.total_shown)
    would = (new.shown, new.meets_bar, after.verdict.outcome, after.verdict.total_shown)
    stood = (entry.shown, entry.meets_bar, decided.outcome, decided.total_shown) if decided and entry else now
    if would in (now, stood):
        return None
    touches = (stood[0], stood[2], stood[3]) != (would[0], would[2], would[3])
    return Consequence(before.enrolment_id, {"zh": old.component.title.zh, "en": old.component.title.en}, format(old.bar.normalize(), "f"),
                       (stood[0], would[0]), (stood[1], would[1]), (stood[2], would[2]), (stood[3], would[3]), decided.number if decided else 0,
                       live if touches else ())
