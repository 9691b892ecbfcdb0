"""A trainee's own attendance: facts and confirmed levels, never the observations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from foundation import clock
from foundation.db import transaction
from tests.factories import Factory
from tests.participation_scene import Scene, outline_sessions, plan, scene
from training.participation import queries, services
from training.participation.services import Mark

Open = Callable[..., Any]


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


@pytest.fixture
def found(make: Factory) -> Scene:
    return scene(make)


def test_own_sessions_hours_and_shares_are_shown(found: Scene, client_for: Open) -> None:
    one, two, _three = found.enrolments
    with transaction():
        services.keep_register(found.past, {one: Mark("late", found.minutes - 30), two: Mark("absent", 0)}, found.trainer_id)
    page = text(client_for("t1").get("/my/attendance"))
    sessions = queries.sessions_of(found.cohort_id)
    planned = sum(s.minutes for s in sessions)
    assert f"{found.minutes - 30} of {found.minutes} minutes" in page and "Late" in page
    earned = (found.minutes - 30) * 100 / planned
    assert f"{earned:.1f}".rstrip("0").rstrip(".") + "% earned" in page
    assert "Hours by delivery form" in page and "Coming up" in page and "Held" in page
    assert "0% earned" in text(client_for("t2").get("/my/attendance"))
    assert "0% out of reach" in text(client_for("t3").get("/my/attendance"))


def test_observations_and_proposals_stay_hidden_and_only_the_confirmed_level_shows(found: Scene, client_for: Open) -> None:
    one = found.enrolments[0]
    with transaction():
        for _ in range(2):
            services.note_contribution(one, "discussion", "l5", "私下记录的原话", found.trainer_id, found.past)
    page = text(client_for("t1").get("/my/attendance"))
    assert "Not confirmed yet" in page and "Excellent" not in page and "私下记录的原话" not in page
    with transaction():
        services.set_level(one, "discussion", "l4", "不公开的理由", found.trainer_id)
    page = text(client_for("t1").get("/my/attendance"))
    assert "Good" in page and "Speaks up unasked" in page and "on 2 observations" in page
    assert "私下记录的原话" not in page and "不公开的理由" not in page and "Excellent" not in page


def test_nobody_sees_anybody_elses(found: Scene, client_for: Open) -> None:
    with transaction():
        services.keep_register(found.past, {found.enrolments[1]: Mark("excused", 0, "家事的细节")}, found.trainer_id)
    assert "家事的细节" not in text(client_for("t1").get("/my/attendance"))
    assert client_for("trainer").get("/my/attendance").status_code == 403
    assert client_for("").get("/my/attendance").status_code == 303


def test_a_trainee_without_a_cohort_or_sessions_is_told_what_will_come(make: Factory, client_for: Open) -> None:
    make.person("alone", "trainee")
    make.trainee(make.cohort(), "early")
    assert "No cohort yet" in text(client_for("alone").get("/my/attendance"))
    assert "No session has a time yet" in text(client_for("early").get("/my/attendance"))


def test_a_forgotten_register_counts_as_still_possible(found: Scene, client_for: Open) -> None:
    page = text(client_for("t1").get("/my/attendance"))
    assert "not in the register yet; it counts as still possible" in page or "to come" in page
    fact = queries.participation_facts([found.enrolments[0]])[found.enrolments[0]]
    assert fact.attendance.lost == 0


def test_every_session_takes_no_select_of_its_own(make: Factory, found: Scene, client_for: Open, query_count: Any) -> None:
    client = client_for("t1")
    client.get("/my/attendance")
    with query_count() as few:
        client.get("/my/attendance")
    for number, activity in enumerate(outline_sessions(found.cohort_id)[2:14]):
        plan(found.cohort_id, activity.ref, clock.now() + timedelta(days=number))
    with query_count() as many:
        client.get("/my/attendance")
    assert few.number == many.number <= 14
