"""Changes of this part: confirming results and granting extensions. Callers hold the transaction; refusals are exceptions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from courses import queries as courses
from courses.queries import EnrolmentView
from foundation import audit, clock
from foundation.db import db
from foundation.permissions import Actor
from training.assessment.models import Extension, ResultDecision, ResultEntry
from training.assessment.queries.standings import Standing, scheme_version, standing_of
from training.assessment.rules import deadlines


class ConfirmRefused(Exception):
    """A result is not confirmed. The subclass says why; nothing was written."""


class UnknownEnrolment(ConfirmRefused):
    """There is no such enrolment."""


class Withdrawn(ConfirmRefused):
    """The trainee left the cohort; what was achieved stays on record, but nothing is confirmed any more."""


class OwnResult(ConfirmRefused):
    """Nobody confirms a result of their own."""


class HasRated(ConfirmRefused):
    """The actor rated this trainee, is asked to, or set a participation level: another person confirms."""


class AlreadyConfirmed(ConfirmRefused):
    """The result was confirmed and its facts have not moved since, or a pass stands."""


class StaleEvidence(ConfirmRefused):
    """Facts changed since the reviewer's page was made. `standing` is how things are now; nothing was confirmed."""

    def __init__(self, standing: Standing) -> None:
        super().__init__("stale evidence")
        self.standing = standing


class NotComplete(ConfirmRefused):
    """A component still lacks its performance or its mark: the outcome is pending."""


class ExtensionRefused(Exception):
    """`reason` is one of: component, reason, own, past_deadline, not_later, too_late, settled, withdrawn, unknown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def why_not(standing: Standing, person_id: int) -> str:
    """Why this person may not confirm this trainee's result: 'own', 'rated' or '' (may)."""
    if standing.person_id == person_id:
        return "own"
    return "rated" if person_id in standing.judges else ""


def confirm(enrolment_id: int, actor: Actor, released_at: datetime | None, expected_hash: str) -> ResultDecision:
    """Confirm a trainee's outcome as the facts give it now; returns the decision with its entries written.

    `expected_hash` is the evidence hash of the page the reviewer decided on. `released_at` (aware) is when the trainee sees
    it, at the earliest now, which is the default. Raises a ConfirmRefused, of which StaleEvidence carries both sides' state.
    """
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None:
        raise UnknownEnrolment
    if enrolment.withdrawn_at is not None:
        raise Withdrawn
    standing = standing_of(enrolment_id)
    refusal = why_not(standing, actor.person_id)
    if refusal:
        raise OwnResult if refusal == "own" else HasRated
    if standing.is_settled:
        raise AlreadyConfirmed
    if standing.evidence_hash != expected_hash:
        raise StaleEvidence(standing)
    if standing.verdict.outcome == "pending":
        raise NotComplete
    return _write(enrolment, standing, actor, released_at)


def _write(enrolment: EnrolmentView, standing: Standing, actor: Actor, released_at: datetime | None) -> ResultDecision:
    now, verdict = clock.now(), standing.verdict
    release = now if released_at is None else max(now, released_at)
    last = db.session.execute(select(func.max(ResultDecision.number)).where(ResultDecision.enrolment_id == enrolment.id)).scalar()
    decision = ResultDecision(
        enrolment_id=enrolment.id, number=(last or 0) + 1, scheme_version_id=courses.get_cohort(enrolment.cohort_id).scheme_version_id,
        outcome=verdict.outcome, total=verdict.total, total_shown=verdict.total_shown, band=verdict.band, verdict_zh=verdict.zh, verdict_en=verdict.en,
        evidence_hash=standing.evidence_hash, confirmed_by_id=actor.person_id, confirmed_at=now, released_at=release)
    db.session.add(decision)
    db.session.flush()
    rests_on = {component["key"]: component for component in standing.evidence["components"]}
    for result in verdict.results:
        db.session.add(ResultEntry(
            decision_id=decision.id, component=result.key, score=result.score, shown=result.shown, band=result.band, meets_bar=result.meets_bar,
            performed_at=result.fact.performed_at, evidence={name: rests_on[result.key][name] for name in ("rests_on", "standing", "attempt", "red_line")}))
    db.session.flush()
    audit.record("result:confirm", f"enrolment:{enrolment.id}", actor.person_id, decision=decision.id, number=decision.number, outcome=decision.outcome,
                 total=None if verdict.total is None else format(verdict.total, "f"), band=decision.band, scheme=standing.scheme.key,
                 scheme_version=standing.scheme_version, evidence=standing.evidence_hash, released_at=release.isoformat())
    return decision


def grant_extension(enrolment_id: int, component: str, until: datetime, reason: str, actor: Actor) -> Extension:
    """Give one component of one trainee a later last moment (`until`, aware: strictly before it), with a reason.

    At most the scheme's days after the cohort's deadline, or after the end of an open resit window. Also after the deadline
    has passed, unless the scheme forbids it. Raises ExtensionRefused.
    """
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None:
        raise ExtensionRefused("unknown")
    if enrolment.withdrawn_at is not None:
        raise ExtensionRefused("withdrawn")
    if enrolment.person_id == actor.person_id:
        raise ExtensionRefused("own")
    if not reason.strip():
        raise ExtensionRefused("reason")
    cohort = courses.get_cohort(enrolment.cohort_id)
    scheme, _number = scheme_version(cohort.scheme_version_id)
    standing = standing_of(enrolment_id)
    if component not in {known.key for known in scheme.components}:
        raise ExtensionRefused("component")
    if standing.latest is not None and standing.latest.outcome == "pass":
        raise ExtensionRefused("settled")
    terms = standing.verdict.result(component).terms
    present = max(terms.deadline, terms.resit_until) if terms.resit_until else terms.deadline
    rule = scheme.deadline.extension
    if rule.before_deadline_only and clock.now() >= present:
        raise ExtensionRefused("past_deadline")
    if until <= present:
        raise ExtensionRefused("not_later")
    if until > latest_moment(standing, component):
        raise ExtensionRefused("too_late")
    row = Extension(enrolment_id=enrolment_id, component=component, until=until, reason=reason.strip(), by_id=actor.person_id, at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("result:extend", f"enrolment:{enrolment_id}", actor.person_id, extension=row.id, component=component, until=until.isoformat(),
                 before=present.isoformat(), reason=audit.fingerprint(reason.strip()))
    return row


def latest_moment(standing: Standing, component: str) -> datetime:
    """The latest moment an extension of this component may name."""
    cohort = courses.get_cohort(standing.cohort_id)
    latest = deadlines.latest_extension(standing.scheme, cohort.ends_on, cohort.zone)
    window = standing.verdict.result(component).terms.resit_until
    return latest if window is None else max(latest, deadlines.days_later(window, standing.scheme.deadline.extension.max_days, cohort.zone))
