"""Builders for planned sittings: a cohort, its planner and approver, a sitting that is open now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from foundation import clock
from foundation.db import transaction
from quizzes import queries, services
from quizzes.rules.scoring import right_answer
from tests.factories import Factory

EXAM, STAGE, MOCK = "final-exam", "stage-1-test", "mock-exam"


@dataclass
class Scene:
    """A cohort in its seventh week with some trainees, `planner` and `approver` (person ids), logins alike."""

    make: Factory
    people: int = 4
    cohort_id: int = 0
    planner: int = 0
    approver: int = 0
    enrolments: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cohort_id = self.make.cohort("2026-X", weeks_ago=6, seats=max(30, self.people + 10))
        self.planner = self.make.trainer(self.cohort_id, "planner", name="顾文澜")
        self.approver = self.make.trainer(self.cohort_id, "approver", name="何静")
        for number in range(1, self.people + 1):
            self.join(f"learner{number}", f"考生{number}")

    def join(self, login: str, name: str = "") -> int:
        """One more of the cohort, past every gate; the number to `start` with."""
        enrolment = self.make.trainee(self.cohort_id, login, name=name)
        self.make.waive_all_gates(enrolment, self.planner)
        self.enrolments.append(enrolment)
        return len(self.enrolments) - 1

    def wish(self, ref: str = EXAM, **changes: Any) -> services.SittingPlan:
        """A sitting that opened an hour ago and closes in three, two fixed forms."""
        now = clock.now()
        plan: dict[str, Any] = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(hours=3), "place": "302", "mode": "forms", "forms": 2}
        return services.SittingPlan(self.cohort_id, ref, **{**plan, **changes})

    def planned(self, ref: str = EXAM, **changes: Any) -> int:
        with transaction():
            return services.plan_sitting(self.wish(ref, **changes), self.planner)

    def approve(self, sitting_id: int, by: int | None = None) -> None:
        with transaction():
            services.approve_sitting(sitting_id, queries.get_sitting(sitting_id).proof_hash, by or self.approver)

    def approved(self, ref: str = EXAM, **changes: Any) -> int:
        sitting_id = self.planned(ref, **changes)
        self.approve(sitting_id)
        return sitting_id

    def start(self, number: int = 0, ref: str = EXAM) -> int:
        """Trainee `number` begins; the attempt's id."""
        with transaction():
            return services.start_attempt(self.enrolments[number], ref, self.planner)

    def save(self, attempt_id: int, position: int = 1, op: str = "", version: int = 0) -> services.Saved:
        slot = queries.slots_of([attempt_id])[attempt_id][position - 1]
        with transaction():
            return services.save_answer(attempt_id, position, right_answer(slot.item, slot.values), op or f"op-{position}-{version}", version, self.planner)
