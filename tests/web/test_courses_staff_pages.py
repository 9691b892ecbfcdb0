"""Pages of trainers and mentors: cohorts, roster, one trainee, a waiver, mentees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from courses import queries
from courses import services as courses
from courses.models import GateWaiver
from courses.rules.outline import SESSION_KINDS
from courses.titles import activity_titles
from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.participation_scene import scene
from training.participation import services
from training.participation.services import Mark

Open = Callable[..., Any]


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def test_a_trainer_sees_the_own_cohorts_and_no_other(make: Factory, client_for: Open) -> None:
    found = scene(make)
    other = make.cohort("secret-one")
    page = client_for("trainer").get("/cohorts")
    assert page.status_code == 200
    assert "Cohort 2026-A" in text(page) and "secret-one" not in text(page)
    assert f"/cohorts/{found.cohort_id}/participation" in text(page) and f"/cohorts/{found.cohort_id}/register" in text(page)
    for address in (f"/cohorts/{other}", f"/cohorts/{other}/sessions", f"/cohorts/{other}/participation", f"/cohorts/{other}/notes",
                    f"/cohorts/{other}/register", f"/cohorts/{other}/sessions/plan", "/cohorts/999999"):
        assert client_for("trainer").get(address).status_code == 404, address


def test_cohorts_are_told_apart_by_whether_they_run(make: Factory, client_for: Open) -> None:
    today = clock.today("Asia/Shanghai")
    make.person("everywhere", "trainer")
    make.cohort("now", starts_on=today - timedelta(days=10))
    make.cohort("later", starts_on=today + timedelta(days=10))
    make.cohort("past", starts_on=today - timedelta(days=200))
    page = text(client_for("everywhere").get("/cohorts"))
    places = [page.index(words) for words in ("Running now", "Cohort now", "Still to begin", "Cohort later", "Ended", "Cohort past")]
    assert places == sorted(places)
    assert "Week 2 of 7" in page


def test_a_trainer_without_a_cohort_is_told_what_fills_the_page(make: Factory, client_for: Open) -> None:
    make.person("new", "trainer", scope="cohort:77")
    assert "As soon as an administrator makes you a trainer" in text(client_for("new").get("/cohorts"))


def test_a_reviewer_reads_the_roster_but_is_offered_no_register(make: Factory, client_for: Open) -> None:
    found = scene(make)
    make.person("reviewer", "reviewer")
    client = client_for("reviewer")
    page = text(client.get(f"/cohorts/{found.cohort_id}"))
    assert "学员1" in page and f"/cohorts/{found.cohort_id}/register" not in page and f"/cohorts/{found.cohort_id}/sessions" not in page
    assert "Waive with a reason" not in text(client.get(f"/trainees/{found.enrolments[0]}"))
    assert client.get(f"/cohorts/{found.cohort_id}/register").status_code == 403


@pytest.mark.parametrize("address", ["/cohorts", "/cohorts/1", "/trainees/1", "/trainees/1/gates/gate-1/waive", "/mentees", "/mentees/1",
                                     "/manage/cohorts", "/manage/cohorts/new", "/manage/cohorts/1", "/manage/cohorts/1/edit"])
def test_trainees_may_open_none_of_these_pages(make: Factory, client_for: Open, address: str) -> None:
    scene(make)
    assert client_for("t1").get(address).status_code == 403
    assert client_for("").get(address).status_code == 303


def test_the_roster_shows_hours_units_gates_and_the_mentor(make: Factory, client_for: Open) -> None:
    found = scene(make)
    mentor = make.person("mentor", "mentor", name="柳同舟")
    one = found.enrolments[0]
    with transaction():
        courses.assign_mentor(one, mentor, found.trainer_id)
        services.keep_register(found.past, {one: Mark("present", 0)}, found.trainer_id)
        courses.waive_gate(one, "gate-1", "补考已安排", found.trainer_id)
    page = text(client_for("trainer").get(f"/cohorts/{found.cohort_id}"))
    assert "柳同舟" in page and "Hours of 140" in page and "Waived" in page and "Not passed yet" in page
    hours = f"{found.minutes / 60:.1f}".rstrip("0").rstrip(".")
    assert f"{hours} of 140 hours" in page
    assert "n = 3, everybody enrolled" in page


def test_a_withdrawn_trainee_leaves_the_roster_and_keeps_a_page(make: Factory, client_for: Open) -> None:
    found = scene(make)
    with transaction():
        courses.withdraw(found.enrolments[0], found.trainer_id)
    client = client_for("trainer")
    assert "学员1" not in text(client.get(f"/cohorts/{found.cohort_id}"))
    page = client.get(f"/trainees/{found.enrolments[0]}")
    assert page.status_code == 200 and "Withdrawn" in text(page) and "Waive with a reason" not in text(page)


@pytest.mark.parametrize("address", ["/cohorts", "/cohorts/{cohort}", "/mentees", "/manage/cohorts", "/manage/cohorts/{cohort}"])
def test_fifty_trainees_take_as_many_selects_as_five(make: Factory, client_for: Open, query_count: Any, address: str) -> None:
    def world(key: str, count: int, login: str) -> tuple[int, str]:
        cohort_id = make.cohort(key, weeks_ago=3, seats=60)
        person = make.person(login, "trainer", "admin", "mentor", scope=f"cohort:{cohort_id}")
        for number in range(count):
            enrolment = make.trainee(cohort_id, mentor_id=person)
            if number % 2:
                with transaction():
                    courses.record_completion(enrolment, "lesson", "nature-of-financial-service", None, "finished", None)
        return cohort_id, login

    numbers = []
    for key, count in (("small", 5), ("large", 50)):
        cohort_id, login = world(key, count, f"staff-{key}")
        client = client_for(login)
        client.get(address.format(cohort=cohort_id))
        with query_count() as counted:
            assert client.get(address.format(cohort=cohort_id)).status_code == 200
        numbers.append(counted.number)
    assert numbers[0] == numbers[1]
    assert numbers[1] <= 20


# ── waivers ──────────────────────────────────────────────────────────────────────────────────────────────────
def waivers() -> int:
    return db.session.execute(select(func.count()).select_from(GateWaiver)).scalar_one()


def test_a_waiver_needs_a_reason_and_keeps_what_was_written(make: Factory, client_for: Open) -> None:
    found = scene(make)
    client, address = client_for("trainer"), f"/trainees/{found.enrolments[0]}/gates/gate-1/waive"
    assert "Who reads the file later" in text(client.get(address))
    for reason in ("", "   ", "短", "字" * 501):
        answer = client.send(address, {"reason": reason})
        assert answer.status_code == 422 and "Error:" in text(answer)
    assert waivers() == 0
    answer = client.send(address, {"reason": "<b>支行停业</b>，已约定补考"})
    assert answer.status_code == 303
    page = text(client.get(answer.location))
    assert "&lt;b&gt;支行停业&lt;/b&gt;" in page and "<b>支行停业" not in page and waivers() == 1


def test_the_same_waiver_twice_has_one_effect(make: Factory, client_for: Open) -> None:
    found = scene(make)
    client, address = client_for("trainer"), f"/trainees/{found.enrolments[0]}/gates/gate-1/waive"
    first, again = (client.send(address, {"reason": "支行停业三天"}, op="same") for _ in range(2))
    assert (first.status_code, again.status_code, first.location) == (303, 303, again.location)
    assert client.send(address, {"reason": "另一个理由"}, op="same").status_code == 409
    assert client.send(address, {"reason": "第三个理由"}).status_code == 303
    assert waivers() == 1


def test_a_waiver_is_refused_for_other_cohorts_unknown_gates_and_oneself(make: Factory, client_for: Open) -> None:
    found = scene(make)
    client = client_for("trainer")
    stranger = make.trainee(make.cohort("other"))
    assert client.send(f"/trainees/{stranger}/gates/gate-1/waive", {"reason": "支行停业三天"}).status_code == 404
    assert client.send(f"/trainees/{found.enrolments[0]}/gates/nothing/waive", {"reason": "支行停业三天"}).status_code == 404
    own = make.enrol(found.cohort_id, found.trainer_id)
    answer = client.send(f"/trainees/{own}/gates/gate-1/waive", {"reason": "支行停业三天"})
    assert answer.status_code == 422 and "Nobody waives a gate of their own" in text(answer)
    assert waivers() == 0


def test_a_waiver_without_its_token_is_refused(make: Factory, client_for: Open) -> None:
    found = scene(make)
    assert client_for("trainer").post(f"/trainees/{found.enrolments[0]}/gates/gate-1/waive", data={"reason": "支行停业三天"}).status_code == 400
    assert waivers() == 0


# ── mentors ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_mentor_sees_the_own_trainees_of_every_cohort_and_nobody_elses(make: Factory, client_for: Open) -> None:
    mentor = make.person("mentor", "mentor", name="柳同舟")
    make.person("other", "mentor")
    first, second = make.cohort("first"), make.cohort("second")
    one, two = make.trainee(first, name="甲学员", mentor_id=mentor), make.trainee(second, name="乙学员", mentor_id=mentor)
    three = make.trainee(first, name="丙学员")
    client = client_for("mentor")
    page = text(client.get("/mentees"))
    assert "甲学员" in page and "乙学员" in page and "丙学员" not in page and "Cohort second" in page
    assert text(client.get(f"/mentees/{one}")).count("甲学员") >= 1
    assert client.get(f"/mentees/{three}").status_code == 404
    assert client.get(f"/trainees/{two}").status_code == 403
    assert client_for("other").get(f"/mentees/{one}").status_code == 404
    assert "Nobody has been assigned to you yet" in text(client_for("other").get("/mentees"))


def test_the_mentors_page_names_what_comes_next(make: Factory, client_for: Open) -> None:
    mentor = make.person("mentor", "mentor")
    cohort_id = make.cohort()
    make.trainee(cohort_id, mentor_id=mentor)
    first = next(a for a in queries.programme_of(queries.get_cohort(cohort_id)).activities if a.kind not in SESSION_KINDS)
    title = activity_titles([first])[(first.kind, first.ref)]["en"]
    assert title in text(client_for("mentor").get("/mentees"))
