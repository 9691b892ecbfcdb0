"""The start page of each role: what comes next, computed from facts, at a fixed cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import Factory


def test_a_trainee_sees_the_first_open_activity_and_the_seven_weeks(make: Factory, client_for: Callable[..., Any]) -> None:
    make.trainee(make.cohort(weeks_ago=0), "anna", "安然")
    page = client_for("anna").get("/").get_data(as_text=True)
    assert "one thing comes first today" in page and "/quizzes/pre-test" in page
    assert page.count('class="leg') >= 7 and "0 of 140 class hours" in page


def test_somebody_not_enrolled_is_told_what_will_fill_the_page(make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("new", "trainee")
    assert "No course yet" in client_for("new").get("/").get_data(as_text=True)


@pytest.mark.parametrize("role", ["trainer", "mentor", "reviewer", "hr", "admin"])
def test_every_role_has_a_start_page_in_both_languages(make: Factory, client_for: Callable[..., Any], role: str) -> None:
    make.trainee(make.cohort())
    make.person("somebody", role)
    for language in ("en", "zh"):
        assert client_for("somebody", language).get("/").status_code == 200


def test_somebody_with_every_role_sees_every_section(make: Factory, client_for: Callable[..., Any]) -> None:
    cohort = make.cohort(weeks_ago=0)
    person = make.person("all", "trainee", "trainer", "mentor", "reviewer", "hr", "admin")
    make.enrol(cohort, person)
    page = client_for("all").get("/").get_data(as_text=True)
    for text in ("one thing comes first", "Your cohorts", "My trainees", "Results to confirm", "Certification records", "Administration"):
        assert text in page


def test_the_start_page_costs_the_same_however_many_people_there_are(make: Factory, client_for: Callable[..., Any], query_count: Any) -> None:
    cohort = make.cohort(weeks_ago=0)
    mentor = make.person("mentor", "mentor", "trainer", "reviewer", "hr", "admin")
    make.trainee(cohort, "anna", mentor_id=mentor)
    clients = [client_for("anna"), client_for("mentor")]
    counts = []
    for _round in range(2):
        for client in clients:
            client.get("/")
            with query_count() as counted:
                client.get("/")
            counts.append(counted.number)
        for _person in range(8):
            make.trainee(cohort, mentor_id=mentor)
    assert counts[0] == counts[2] <= 30
    assert counts[1] == counts[3] <= 40
