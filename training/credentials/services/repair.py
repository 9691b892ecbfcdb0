"""What `flask credentials issue-due` does: put right what a crash may have left. Normally it finds nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, select

from foundation.db import db, transaction
from training.assessment.models import ResultDecision
from training.credentials.models import Credential
from training.credentials.queries import unrendered
from training.credentials.rules.paper import UnknownTemplate, UnprintableName
from training.credentials.services.issuing import issue
from training.credentials.services.papers import PaperDiffers, keep_paper


@dataclass
class Repair:
    """What was put right: numbers issued, papers drawn, lost files made again; and what could not be, in words for a log."""

    issued: list[str] = field(default_factory=list)
    drawn: int = 0
    restored: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def found_nothing(self) -> bool:
        return not (self.issued or self.drawn or self.restored or self.problems)


def issue_due(check_files: bool = True) -> Repair:
    """Issue confirmed passes that have no certificate, draw papers that are missing, make lost files again.

    Each step is its own transaction; a certificate that cannot be issued or drawn is reported and the rest goes on.
    """
    done = Repair()
    for enrolment_id, decision_id in _unissued():
        try:
            with transaction():
                known = db.session.execute(select(Credential.id).where(Credential.decision_id == decision_id)).first()
                number = "" if known else issue(enrolment_id, decision_id, None).number
        except UnprintableName as refused:
            done.problems.append(f"decision {decision_id}: {refused}")
            continue
        if number:
            done.issued.append(number)
    for credential_id in _papers(check_files):
        try:
            act = keep_paper(credential_id)
        except (UnprintableName, UnknownTemplate, PaperDiffers, OSError) as refused:
            done.problems.append(f"credential {credential_id}: {type(refused).__name__} {refused}")
            continue
        done.drawn += act == "drawn"
        done.restored += act == "restored"
    return done


def _unissued() -> list[tuple[int, int]]:
    """(enrolment, decision) of decisions that are a pass, the latest of their enrolment, and never had a certificate."""
    latest = select(ResultDecision.enrolment_id, func.max(ResultDecision.number).label("number")).group_by(ResultDecision.enrolment_id).subquery()
    rows = db.session.execute(
        select(ResultDecision.enrolment_id, ResultDecision.id)
        .join(latest, (latest.c.enrolment_id == ResultDecision.enrolment_id) & (latest.c.number == ResultDecision.number))
        .outerjoin(Credential, Credential.decision_id == ResultDecision.id)
        .where(ResultDecision.outcome == "pass", Credential.id.is_(None)).order_by(ResultDecision.id))
    return [(row[0], row[1]) for row in rows]


def _papers(check_files: bool) -> list[int]:
    """Certificates whose paper is looked at: those without one, and with `check_files` all others too."""
    if not check_files:
        return list(unrendered())
    return list(db.session.scalars(select(Credential.id).order_by(Credential.id)))
