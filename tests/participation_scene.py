"""A cohort in its second week with a trainer, trainees and sessions: what the participation and staff tests begin with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from courses import queries as courses
from courses.rules.outline import SESSION_KINDS, Activity
from foundation import clock
from foundation.db import transaction
from tests.factories import Factory
from training.participation import services


@dataclass(frozen=True)
class Scene:
    """`past`, `future`: ids of a session two hours ago and of one in two days; `minutes`: length of the past one."""

    cohort_id: int
    trainer_id: int
    enrolments: tuple[int, ...]
    past: int
    future: int
    minutes: int


def outline_sessions(cohort_id: int) -> list[Activity]:
    """The sessions of the cohort's programme, in order."""
    return [a for a in courses.programme_of(courses.get_cohort(cohort_id)).activities if a.kind in SESSION_KINDS and a.title is not None]


def plan(cohort_id: int, ref: str, starts_at: datetime, actor_id: int | None = None) -> int:
    with transaction():
        return services.plan_session(cohort_id, ref, starts_at, "培训中心 301", actor_id)


def scene(make: Factory, trainees: int = 3, login: str = "trainer") -> Scene:
    """Trainees sign in as t1, t2, …; the trainer as `login`."""
    cohort_id = make.cohort(weeks_ago=1, seats=max(trainees, 30))
    trainer_id = make.trainer(cohort_id, login, name="顾文澜")
    enrolments = tuple(make.trainee(cohort_id, f"t{n}", name=f"学员{n}") for n in range(1, trainees + 1))
    first, second = outline_sessions(cohort_id)[:2]
    now = clock.now()
    past, future = plan(cohort_id, first.ref, now - timedelta(hours=2)), plan(cohort_id, second.ref, now + timedelta(days=2))
    return Scene(cohort_id, trainer_id, enrolments, past, future, first.minutes)
