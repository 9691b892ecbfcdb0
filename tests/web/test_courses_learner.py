"""The trainee's course in the browser's eyes: outline, lesson, self-checks, what is closed, and that no page is another's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from courses.models import Completion, SelfCheckAnswer
from foundation.audit import AuditEvent
from foundation.db import db
from tests.factories import Factory

LESSON = "deposit-products"


@pytest.fixture
def two(make: Factory) -> tuple[int, int, int]:
    """A cohort in its second week with two trainees, 'anna' and 'bert'; (cohort, enrolment, enrolment)."""
    cohort = make.cohort(weeks_ago=1)
    return cohort, make.trainee(cohort, "anna", "安然"), make.trainee(cohort, "bert", "白朗")


def _without_tokens(page: str) -> str:
    page = re.sub(r'name="(csrf_token|op)" value="[^"]*"', r'name="\1"', page)
    return re.sub(r'class="avatar"[^>]*>[^<]*<', 'class="avatar"><', page)


def test_the_page_of_two_readers_differs_only_in_what_is_theirs(two: Any, client_for: Callable[..., Any]) -> None:
    first, second = client_for("anna").get(f"/lessons/{LESSON}"), client_for("bert").get(f"/lessons/{LESSON}")
    assert first.status_code == second.status_code == 200
    one, other = first.get_data(as_text=True), second.get_data(as_text=True)
    assert "安然" in one and "白朗" not in one and "白朗" in other and "安然" not in other
    assert "\x00" not in one
    assert _without_tokens(one) == _without_tokens(other)


def test_answers_and_progress_show_on_the_own_page_alone(two: Any, client_for: Callable[..., Any]) -> None:
    anna, bert = client_for("anna"), client_for("bert")
    key = re.search(rf"/lessons/{LESSON}/checks/([a-z0-9-]+)", anna.get(f"/lessons/{LESSON}").get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    answer = anna.send(f"/lessons/{LESSON}/checks/{key}", {"choice": "0"})
    assert answer.status_code == 303 and answer.headers["Location"].endswith(f"#check-{key}")
    assert anna.get(f"/lessons/{LESSON}").get_data(as_text=True).count("disabled") > 0
    assert "disabled" not in bert.get(f"/lessons/{LESSON}").get_data(as_text=True)
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "check:answer")).all()
    assert [(event.subject, event.facts["check"], event.facts["chosen"]) for event in events] == [(f"enrolment:{two[1]}", key, [0])]


def test_a_script_gets_the_fragment_with_every_feedback(two: Any, client_for: Callable[..., Any]) -> None:
    anna = client_for("anna")
    key = re.search(rf"/lessons/{LESSON}/checks/([a-z0-9-]+)", anna.get(f"/lessons/{LESSON}").get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    fragment = anna.send(f"/lessons/{LESSON}/checks/{key}", {"choice": "1"}, headers={"X-Fragment": "1"}).get_data(as_text=True)
    assert fragment.lstrip().startswith("<form") and fragment.count("option-note") >= 2 and "<html" not in fragment


def test_finishing_needs_every_self_check_and_counts_once(two: Any, client_for: Callable[..., Any]) -> None:
    anna = client_for("anna")
    refused = anna.send(f"/lessons/{LESSON}/finish", follow_redirects=True).get_data(as_text=True)
    assert "still open" in refused
    for key in set(re.findall(rf"/lessons/{LESSON}/checks/([a-z0-9-]+)", anna.get(f"/lessons/{LESSON}").get_data(as_text=True))):
        anna.send(f"/lessons/{LESSON}/checks/{key}", {"choice": "0"})
    assert "Lesson finished" in anna.send(f"/lessons/{LESSON}/finish", follow_redirects=True).get_data(as_text=True)
    anna.send(f"/lessons/{LESSON}/finish")
    done = db.session.execute(select(func.count()).select_from(Completion).where(Completion.enrolment_id == two[1], Completion.ref == LESSON)).scalar()
    assert done == 1


@pytest.mark.parametrize("choice", ["99", "-1", "x", "", "0; DROP TABLE person"])
def test_a_choice_that_is_none_is_refused_and_nothing_is_kept(two: Any, client_for: Callable[..., Any], choice: str) -> None:
    anna = client_for("anna")
    key = re.search(rf"/lessons/{LESSON}/checks/([a-z0-9-]+)", anna.get(f"/lessons/{LESSON}").get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    assert anna.send(f"/lessons/{LESSON}/checks/{key}", {"choice": choice}).status_code == 303
    assert db.session.execute(select(func.count()).select_from(SelfCheckAnswer)).scalar() == 0


def test_a_week_behind_a_gate_says_which_gate_and_takes_no_answers(make: Factory, client_for: Callable[..., Any]) -> None:
    make.trainee(make.cohort(weeks_ago=3), "anna")
    anna = client_for("anna")
    closed = anna.get("/lessons/needs-iceberg")
    assert closed.status_code == 403 and "First the gate" in closed.get_data(as_text=True)
    assert anna.send("/lessons/needs-iceberg/finish").status_code == 404


def test_unknown_lessons_and_lessons_of_nobody_are_not_found(two: Any, make: Factory, client_for: Callable[..., Any]) -> None:
    assert client_for("anna").get("/lessons/no-such-lesson").status_code == 404
    make.person("lonely", "trainee")
    lonely = client_for("lonely")
    assert lonely.get(f"/lessons/{LESSON}").status_code == 404
    assert lonely.get("/course").status_code == 200
    make.person("hr-only", "hr")
    assert client_for("hr-only").get(f"/lessons/{LESSON}").status_code == 403


def test_a_trainer_reads_the_lesson_without_forms(two: Any, make: Factory, client_for: Callable[..., Any]) -> None:
    make.trainer(two[0], "teacher")
    page = client_for("teacher").get(f"/lessons/{LESSON}").get_data(as_text=True)
    assert "self-check" not in page and "Reading copy" in page


def test_the_lesson_asks_the_database_twice_and_the_outline_a_fixed_number(two: Any, client_for: Callable[..., Any], query_count: Any) -> None:
    anna = client_for("anna")
    anna.get(f"/lessons/{LESSON}")
    with query_count() as counted:
        anna.get(f"/lessons/{LESSON}")
    assert counted.number == 2
    anna.get("/course?week=1")
    with query_count() as counted:
        anna.get("/course?week=1")
    assert counted.number <= 16


@pytest.mark.parametrize("week", ["1", "7", "99", "x", "-3", ""])
def test_any_week_in_the_address_gives_a_page(two: Any, client_for: Callable[..., Any], week: str) -> None:
    assert client_for("anna").get("/course", query_string={"week": week}).status_code == 200


def test_a_wide_table_says_its_columns_in_every_cell_for_phones(client_for: Callable[..., Any], make: Factory) -> None:
    enrolment = make.trainee(make.cohort(weeks_ago=6), "learner")
    make.waive_all_gates(enrolment, make.person("waiver", "trainer"))
    page = client_for("learner").get("/lessons/needs-iceberg").get_data(as_text=True)
    table = re.search(r'<table class="table table-cards">.*?</table>', page, re.DOTALL)
    assert table, "this lesson has a table of five columns"
    heads = re.findall(r"<th>(.*?)</th>", table[0])
    labels = re.findall(r'<td data-label="([^"]*)">', table[0])
    assert len(heads) == 5 and labels == heads * (len(labels) // 5) and len(labels) == table[0].count("<td")
