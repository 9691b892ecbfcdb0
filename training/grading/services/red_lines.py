"""A reported red line takes effect only when a second person, who did not rate, confirms it."""

from __future__ import annotations

from sqlalchemy import select

from courses.models import Enrolment
from foundation import audit, clock
from foundation.db import db
from training.grading.models import Assignment, Performance, RedLineDecision, RedLineReport
from training.grading.services.rating import complete_practice
from training.grading.services.refusals import AlreadyDecided, JudgeIsInvolved


def decide_red_line(report_id: int, is_confirmed: bool, reason: str, actor_id: int) -> int:
    """Confirm or reject a report, with a reason; returns the decision's id. Marks are kept either way.

    Raises JudgeIsInvolved where the decider is asked to rate this performance, or is its trainee; AlreadyDecided.
    """
    report = db.session.get_one(RedLineReport, report_id)
    performance = db.session.get_one(Performance, report.performance_id)
    trainee_id = db.session.execute(select(Enrolment.person_id).where(Enrolment.id == performance.enrolment_id)).scalar_one()
    raters = set(db.session.scalars(select(Assignment.rater_id).where(Assignment.performance_id == performance.id)))
    if actor_id == trainee_id or actor_id in raters:
        raise JudgeIsInvolved
    if db.session.execute(select(RedLineDecision.id).where(RedLineDecision.report_id == report_id)).first():
        raise AlreadyDecided
    decision = RedLineDecision(report_id=report_id, is_confirmed=is_confirmed, reason=reason, by_id=actor_id, at=clock.now())
    db.session.add(decision)
    db.session.flush()
    audit.record("red_line:decide", f"performance:{performance.id}", actor_id, report=report_id, red_line=report.red_line_key, confirmed=is_confirmed,
                 reason=audit.fingerprint(reason))
    complete_practice(performance.id, actor_id)
    return decision.id
