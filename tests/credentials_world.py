"""Builders for tests of certificates and records: a confirmed result as the assessment part writes it, and its certificate."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from courses import queries as courses
from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from training.assessment.models import ResultDecision, ResultEntry
from training.credentials import services
from training.credentials.models import Credential

SCORES = {"written_exam": "86.0", "skill_demonstration": "84.0", "case_analysis": "78.0", "participation": "88.0"}


def decide(enrolment_id: int, by_id: int, outcome: str = "pass", released_at: datetime | None = None, scores: dict[str, str] | None = None,
           performed_at: datetime | None = None, total: str = "83.8", band: str = "good") -> int:
    """A confirmed decision with its entries; inside a transaction. Returns its id."""
    enrolment = courses.find_enrolment(enrolment_id)
    assert enrolment is not None
    now = clock.now()
    number = (db.session.execute(select(func.max(ResultDecision.number)).where(ResultDecision.enrolment_id == enrolment_id)).scalar() or 0) + 1
    decision = ResultDecision(
        enrolment_id=enrolment_id, number=number, scheme_version_id=courses.get_cohort(enrolment.cohort_id).scheme_version_id, outcome=outcome,
        total=Decimal(total), total_shown=total, band=band, verdict_zh="四项各自达标", verdict_en="All four components at their bars",
        evidence_hash="0" * 64, confirmed_by_id=by_id, confirmed_at=now, released_at=released_at or now)
    db.session.add(decision)
    db.session.flush()
    for place, (key, shown) in enumerate((scores or SCORES).items()):
        db.session.add(ResultEntry(decision_id=decision.id, component=key, score=Decimal(shown), shown=shown, band=band, meets_bar=outcome == "pass",
                                   performed_at=(performed_at or now) - timedelta(days=place + 1),
                                   evidence={"rests_on": [], "standing": "met", "attempt": 1, "red_line": False}))
    db.session.flush()
    return decision.id


def copies_that_differ(credential: Credential) -> dict[str, Any]:
    """Columns beside the record that differ from it: empty, or a list would be filtered by what the paper does not say."""
    facts = credential.facts
    beside = {"number": credential.number, "name": credential.name, "employee_no": credential.employee_no, "org_unit": credential.org_unit,
              "issued_on": credential.issued_on.isoformat(), "programme_key": credential.programme_key, "cycle": credential.cycle,
              "expires_on": credential.expires_on.isoformat() if credential.expires_on else None, "verification_url": credential.verification_url,
              "person_id": credential.person_id}
    return {key: (value, facts[key]) for key, value in beside.items() if facts[key] != value}


class World:
    """A cohort near its end, a reviewer, and certificates by the dozen."""

    def __init__(self, make: Factory) -> None:
        self.make = make
        self.cohort_id = make.cohort("2026-A", weeks_ago=7, seats=500)
        self.reviewer_id = make.person("reviewer", "reviewer", name="何静")
        self.reviewer = make.actor(self.reviewer_id)

    def trainee(self, login: str = "", name: str = "陆知行", org_unit: str = "城东支行") -> int:
        """A trainee of the cohort; returns the enrolment id."""
        return self.make.enrol(self.cohort_id, self.make.person(login, "trainee", name=name, org_unit=org_unit))

    def certify(self, enrolment_id: int, released_at: datetime | None = None, **decision: object) -> Credential:
        """A certificate on a fresh pass decision, its paper drawn after commit as in real use."""
        with transaction():
            decision_id = decide(enrolment_id, self.reviewer_id, released_at=released_at, **decision)  # type: ignore[arg-type]
            credential_id = services.issue(enrolment_id, decision_id, self.reviewer_id).id
        return db.session.get_one(Credential, credential_id)

    def many(self, count: int, name: str = "学员") -> list[Credential]:
        """Certificates of `count` trainees of four org units, issued without waiting for their papers."""
        units = ("城东支行", "老城支行", "滨江支行", "高新支行")
        enrolments = [self.trainee(name=f"{name}{n:03d}", org_unit=units[n % 4]) for n in range(count)]
        ids = []
        with transaction() as change:
            for enrolment_id in enrolments:
                ids.append(services.issue(enrolment_id, decide(enrolment_id, self.reviewer_id), self.reviewer_id).id)
            change.after_commit.clear()
        return [db.session.get_one(Credential, id_) for id_ in ids]
