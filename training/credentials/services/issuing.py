"""Issuing: a confirmed pass becomes a numbered certificate in the same transaction; anew or ended only with a reason."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import func, select

from courses.queries import EnrolmentView, find_enrolment, get_cohort, programme_of
from foundation import audit, clock, content
from foundation.content import ContentVersion
from foundation.db import current_change, db
from foundation.permissions import Actor
from training.assessment import services as assessment
from training.assessment.queries import DecisionView, decisions_of, standing_of
from training.credentials.models import Credential, LiveCredential, Revocation, SerialCounter
from training.credentials.rules import paper, record
from training.credentials.services.papers import keep_paper


class OwnCredential(Exception):
    """Nobody revokes or issues anew a certificate of their own."""


class AlreadyRevoked(Exception):
    """The certificate was revoked before; the first reason stands."""


class NothingToReplace(Exception):
    """Another certificate is live for this person, programme and cycle, or the result behind this one no longer stands."""


@dataclass(frozen=True)
class Confirmed:
    """What a confirmation led to. `credential_id` is None where the outcome was no pass."""

    decision_id: int
    outcome: str
    credential_id: int | None
    number: str | None


# ── confirming ───────────────────────────────────────────────────────────────────────────────────────────────
def check_name_is_printable(enrolment_id: int) -> None:
    """Raise rules.paper.UnprintableName before any transaction where the paper's font lacks a character of the name.

    A trainee who does not pass needs no paper: nothing is refused then (the outcome is looked at only where it matters).
    """
    enrolment = find_enrolment(enrolment_id)
    if enrolment is None:
        return
    try:
        paper.check_printable(enrolment.name)
    except paper.UnprintableName:
        if standing_of(enrolment_id).verdict.outcome == "pass":
            raise


def confirm_and_issue(enrolment_id: int, actor: Actor, released_at: datetime | None, expected_hash: str) -> Confirmed:
    """Confirm a trainee's result and, where it is a pass, issue the certificate in the same transaction.

    All refusals of `training.assessment.services.confirm` pass through (separation, completeness, stale evidence), and
    UnprintableName. `released_at` (aware; default now) is when trainee and public see it. The PDF follows after commit;
    if the machine dies in between, it is drawn on demand.
    """
    decision = assessment.confirm(enrolment_id, actor, released_at, expected_hash)
    if decision.outcome != "pass":
        return Confirmed(decision.id, decision.outcome, None, None)
    credential = issue(enrolment_id, decision.id, actor.person_id)
    return Confirmed(decision.id, decision.outcome, credential.id, credential.number)


# ── issuing ──────────────────────────────────────────────────────────────────────────────────────────────────
def issue(enrolment_id: int, decision_id: int, actor_id: int | None) -> Credential:
    """Issue the certificate of a pass decision; inside a transaction. Returns the live one it has where it has one.

    Raises UnprintableName, or ValueError for a decision that is no pass.
    """
    decision = _decision(enrolment_id, decision_id)
    if decision.outcome != "pass":
        raise ValueError(f"decision {decision_id} is {decision.outcome}: only a pass earns a certificate")
    known = db.session.execute(
        select(Credential).join(LiveCredential, LiveCredential.credential_id == Credential.id).where(Credential.decision_id == decision_id)
    ).scalar()
    return known or _write(enrolment_id, decision, actor_id, decision.released_at)


def _decision(enrolment_id: int, decision_id: int) -> DecisionView:
    for decision in decisions_of([enrolment_id])[enrolment_id]:
        if decision.id == decision_id:
            return decision
    raise LookupError(f"enrolment {enrolment_id} has no decision {decision_id}")


def _write(enrolment_id: int, decision: DecisionView, actor_id: int | None, released_at: datetime, anew: Credential | None = None,
           reason: str = "") -> Credential:
    """Write certificate, live slot and audit event. `anew`: the one it takes the place of, whose last valid day it keeps."""
    enrolment = find_enrolment(enrolment_id)
    if enrolment is None:
        raise LookupError(f"enrolment {enrolment_id} is gone")
    award = _award(decision, enrolment)
    paper.check_printable(award.name, *award.programme_title.values(), *award.band_title.values())
    now = clock.now()
    issued_on = now.astimezone(ZoneInfo(award.zone)).date()
    number = _next_number(record.series(issued_on.year, award.programme_code))
    code = record.code_of(secrets.token_bytes(record.CODE_BYTES))
    url = f"{current_app.config['BASE_URL'].rstrip('/')}/verify/{code}"
    expires_on = anew.expires_on if anew else record.last_valid_day(issued_on, award.valid_months)
    facts = record.record_of(award, number, issued_on, expires_on, url)
    drawn = paper.versions()
    credential = Credential(
        number=number, code=code, decision_id=decision.id, enrolment_id=enrolment.id, person_id=enrolment.person_id, cohort_id=enrolment.cohort_id,
        programme_key=award.programme_key, cycle=award.cycle, facts=facts, facts_hash=record.digest(facts), name=award.name,
        employee_no=award.employee_no, org_unit=award.org_unit, verification_url=url, issued_at=now, issued_on=issued_on, released_at=released_at,
        expires_on=expires_on, valid_until=clock.end_of_day(expires_on, award.zone) if expires_on else None, issued_by_id=actor_id, reason=reason,
        template_version=drawn.template, engine_version=drawn.engine, font_version=drawn.font)
    db.session.add(credential)
    db.session.flush()
    _make_live(credential)
    audit.record("credential:issue", f"credential:{credential.id}", actor_id, number=number, enrolment=enrolment.id, decision=decision.id,
                 person=enrolment.person_id, cycle=award.cycle, digest=credential.facts_hash, replaces=award.replaces,
                 released_at=released_at.isoformat(), reason=audit.fingerprint(reason) if reason else None)
    current_change().after_commit.append(partial(_draw_after_commit, credential.id))
    return credential


def _make_live(credential: Credential) -> None:
    """Let this be the one live certificate of its person, programme and cycle; the database refuses a second row."""
    slot = db.session.execute(
        select(LiveCredential).where(LiveCredential.person_id == credential.person_id, LiveCredential.programme_key == credential.programme_key,
                                     LiveCredential.cycle == credential.cycle)
    ).scalar()
    if slot is None:
        db.session.add(LiveCredential(person_id=credential.person_id, programme_key=credential.programme_key, cycle=credential.cycle,
                                      credential_id=credential.id))
    else:
        slot.credential_id = credential.id
    db.session.flush()


def _draw_after_commit(credential_id: int) -> None:
    """Draw the paper once the certificate is on record. A failure here costs nothing: it is drawn on demand."""
    try:
        keep_paper(credential_id)
    except Exception:
        db.session.rollback()
        current_app.logger.exception("certificate %s: the paper was not drawn; `flask credentials issue-due` does it again", credential_id)


def _next_number(series: str) -> str:
    counter = db.session.get(SerialCounter, series)
    if counter is None:
        counter = SerialCounter(series=series, last=0)
        db.session.add(counter)
    counter.last += 1
    db.session.flush()
    return record.number(series, counter.last)


def _award(decision: DecisionView, enrolment: EnrolmentView) -> record.Award:
    """Everything the certificate will say, from the decision, its entries, the cohort and the pinned programme."""
    cohort = get_cohort(enrolment.cohort_id)
    programme = programme_of(cohort)
    scheme = content.version(decision.scheme_version_id)
    titles = {component["key"]: component["title"] for component in scheme.body["components"]}
    bands = {band["key"]: band["title"] for band in scheme.body["bands"]}
    performed = [entry.performed_at for entry in decision.entries if entry.performed_at is not None]
    completed_on = max(performed, default=decision.confirmed_at).astimezone(ZoneInfo(cohort.zone)).date()
    cycle, replaces = _cycle(enrolment)
    units = programme.units
    return record.Award(
        person_id=enrolment.person_id, employee_no=enrolment.employee_no, name=enrolment.name, org_unit=enrolment.org_unit,
        position=enrolment.position, programme_key=programme.key, programme_code=programme.code,
        programme_title=programme.title.model_dump(), programme_version=_structure(cohort.programme_version_id),
        scheme_version=f"{scheme.key}@{scheme.number}", cohort=cohort.key, class_hours=programme.hours, units=(units[0].kind, len(units)),
        started_on=cohort.starts_on, ended_on=min(cohort.ends_on, completed_on), zone=cohort.zone,   # the paper must not claim days still to come
        components=tuple(record.Component(entry.component, titles[entry.component], entry.shown, entry.band) for entry in decision.entries),
        total=decision.total_shown, band=decision.band, band_title=bands[decision.band],
        completed_on=completed_on, valid_months=programme.valid_months, cycle=cycle, replaces=replaces)


def _structure(version_id: int) -> int:
    """The structure counter of a content version: rewordings do not count."""
    stored = content.version(version_id)
    hashes = db.session.scalars(
        select(ContentVersion.scoring_hash).where(ContentVersion.kind == stored.kind, ContentVersion.key == stored.key,
                                                  ContentVersion.number <= stored.number).order_by(ContentVersion.number)
    ).all()
    return record.structure_version(hashes)


def _cycle(enrolment: EnrolmentView) -> tuple[int, str | None]:
    """(cycle, number replaced). A later enrolment in the same programme is a renewal while the former certificate is live;
    where it was revoked, and within one enrolment, the new one takes its place in the same cycle."""
    query = (select(Credential.cycle, Credential.number, LiveCredential.id.label("live_id"))
             .outerjoin(LiveCredential, LiveCredential.credential_id == Credential.id).order_by(Credential.id.desc()).limit(1))
    same = db.session.execute(query.where(Credential.enrolment_id == enrolment.id)).first()
    if same is not None:
        return same.cycle, same.number
    programme_key = get_cohort(enrolment.cohort_id).programme_key
    former = db.session.execute(query.where(Credential.person_id == enrolment.person_id, Credential.programme_key == programme_key)).first()
    if former is None:
        return 1, None
    return (former.cycle + 1, None) if former.live_id else (former.cycle, former.number)


# ── ending and issuing anew ──────────────────────────────────────────────────────────────────────────────────
def revoke(credential_id: int, actor: Actor, reason: str) -> None:
    """End a certificate with a reason; the verification page says so at the next request. Raises AlreadyRevoked or OwnCredential."""
    credential = db.session.get_one(Credential, credential_id)
    if credential.person_id == actor.person_id:
        raise OwnCredential
    _end(credential, actor.person_id, reason)


def _end(credential: Credential, actor_id: int, reason: str) -> None:
    if not reason.strip():
        raise ValueError("a revocation needs a reason")
    if db.session.execute(select(Revocation.id).where(Revocation.credential_id == credential.id)).first():
        raise AlreadyRevoked
    db.session.add(Revocation(credential_id=credential.id, reason=reason.strip(), by_id=actor_id, at=clock.now()))
    slot = db.session.execute(select(LiveCredential).where(LiveCredential.credential_id == credential.id)).scalar()
    if slot is not None:
        db.session.delete(slot)
    db.session.flush()
    audit.record("credential:revoke", f"credential:{credential.id}", actor_id, number=credential.number, reason=audit.fingerprint(reason.strip()))


def issue_anew(credential_id: int, actor: Actor, reason: str) -> Credential:
    """Issue a certificate again on the same result with the person's present particulars (a corrected name, say).

    The new one has a new number and code and names the old, which from now on is replaced (or stays revoked). Raises
    NothingToReplace where another certificate took its place or a later decision stands, OwnCredential, UnprintableName.
    """
    if not reason.strip():
        raise ValueError("issuing anew needs a reason")
    old = db.session.get_one(Credential, credential_id)
    if old.person_id == actor.person_id:
        raise OwnCredential
    latest = decisions_of([old.enrolment_id])[old.enrolment_id][-1]
    newest = db.session.execute(select(func.max(Credential.id)).where(Credential.enrolment_id == old.enrolment_id)).scalar()
    if latest.id != old.decision_id or newest != old.id:
        raise NothingToReplace
    return _write(old.enrolment_id, latest, actor.person_id, max(old.released_at, clock.now()), old, reason.strip())
