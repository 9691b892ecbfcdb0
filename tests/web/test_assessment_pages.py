"""The results board, the trainee's own standing and the rule: who sees what, and what a form may do."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from foundation import clock
from foundation.db import db, transaction
from foundation.i18n import day
from tests.factories import Factory
from tests.services.assessment_facts import Facts
from training.assessment import queries, services
from training.assessment.models import Extension, ResultDecision

GOOD = ("84", "82", "70", "90")


@pytest.fixture
def facts(make: Factory) -> Facts:
    return Facts(make, make.cohort(weeks_ago=7))


@pytest.fixture
def reviewer(make: Factory, client_for: Callable[..., Any]) -> Any:
    make.person("reviewer", "reviewer", name="何静")
    return client_for("reviewer")


def text_of(answer: Any) -> str:
    """What a reader reads: tags out, entities and blanks folded."""
    body = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", answer.get_data(as_text=True), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def confirm(make: Factory, enrolment_id: int, by: int, released_at: Any = None) -> None:
    actor, expected = make.actor(by), queries.standing_of(enrolment_id).evidence_hash
    with transaction():
        services.confirm(enrolment_id, actor, released_at, expected)


# ── who may open what ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("address", ["/results", "/results/1", "/results/1/rule", "/assessment", "/assessment/rule"])
def test_nobody_signed_out_sees_a_result_page(facts: Facts, client_for: Callable[..., Any], address: str) -> None:
    answer = client_for("").get(address)
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/login")


@pytest.mark.parametrize("role", ["trainee", "trainer", "mentor", "hr", "admin"])
def test_only_the_training_department_opens_the_board(make: Factory, facts: Facts, client_for: Callable[..., Any], role: str) -> None:
    make.person(role, role)
    client = client_for(role)
    assert client.get("/results").status_code == 403
    assert client.get(f"/results/{facts.cohort_id}").status_code == 403
    assert client.send(f"/results/{facts.cohort_id}/extensions/1", {"component": "case_analysis"}).status_code == 403


def test_a_cohort_outside_the_scope_looks_like_an_unknown_one(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    other = make.cohort("2026-B")
    enrolment = make.trainee(facts.cohort_id)
    make.person("scoped", "reviewer", scope=f"cohort:{other}")
    client = client_for("scoped")
    foreign, unknown = client.get(f"/results/{facts.cohort_id}"), client.get("/results/99999")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert text_of(foreign) == text_of(unknown)
    assert client.get(f"/results/{other}").status_code == 200
    assert client.send(f"/results/{facts.cohort_id}/extensions/{enrolment}", {"component": "case_analysis"}).status_code == 404
    assert client.send(f"/results/{other}/extensions/{enrolment}", {"component": "case_analysis"}).status_code == 404
    listed = text_of(client.get("/results"))
    assert "Cohort 2026-B" in listed and "Cohort 2026-A" not in listed


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_board_shows_figures_verdict_evidence_and_a_confirm_form(make: Factory, facts: Facts, reviewer: Any) -> None:
    enrolment = make.trainee(facts.cohort_id, name="周以宁")
    facts.all_four(enrolment, "76", "79.96", "82", "91")
    answer = reviewer.get(f"/results/{facts.cohort_id}?person={enrolment}")
    page, body = text_of(answer), answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "80.3 in total, but the written exam is 76 and needs 80; the skill demonstration is 79.96 and needs 80 (good); no award yet, " in page
    assert "Rule: Final assessment scheme (default), version 1." in page
    assert "79.96" in body and "80.0<" not in body
    assert "顾文澜 79.96 · 贺知秋 79.96" in page
    assert f'action="/results/enrolments/{enrolment}/confirm"' in body
    assert f'name="expected_hash" value="{queries.standing_of(enrolment).evidence_hash}"' in body
    assert re.search(r'type="checkbox" name="checked" value="y" required', body)


def test_the_board_reads_in_chinese(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    make.person("zh", "reviewer")
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    page = text_of(client_for("zh", "zh").get(f"/results/{facts.cohort_id}"))
    assert "加权总分 81，等级为良好；" in page
    assert not re.findall(r"(?<![A-Za-z])(?:Trainee|Outcome|Confirm|Evidence|Legend|points|Results)(?![A-Za-z])", page)


def test_hostile_text_in_names_and_reasons_is_shown_as_text(make: Factory, facts: Facts, reviewer: Any) -> None:
    enrolment = make.trainee(facts.cohort_id, name="<script>alert(1)</script>")
    other = make.actor(make.person("r", "reviewer"))
    with transaction():
        services.grant_extension(enrolment, "case_analysis", clock.now() + timedelta(days=20), "<img src=x onerror=alert(2)>", other)
    body = reviewer.get(f"/results/{facts.cohort_id}?q=%3Cscript%3E").get_data(as_text=True)
    assert "<script>alert" not in body and "<img src=x" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body and "&lt;img src=x" in body


@pytest.mark.parametrize("query", ["?show=nonsense", "?page=-3", "?page=99999999999999999999", "?person=abc", "?person=0", "?q=%25%25",
                                   "?show=ready&q=%E4%B8%8D&page=2"])
def test_odd_addresses_still_give_a_board(make: Factory, facts: Facts, reviewer: Any, query: str) -> None:
    make.trainee(facts.cohort_id)
    assert reviewer.get(f"/results/{facts.cohort_id}{query}").status_code == 200


def test_a_rater_and_the_trainee_see_why_they_may_not_confirm(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    both = make.person("both", "reviewer", "trainer", "trainee")
    rated, own = make.trainee(facts.cohort_id), make.enrol(facts.cohort_id, both)
    facts.all_four(rated, *GOOD)
    facts.all_four(own, *GOOD)
    facts.performance(rated, "station", facts.assessment.skill_demonstration.stations[0], ("90", "90"), number=2, raters=(both, facts.raters[0]))
    client = client_for("both")
    answers = [client.get(f"/results/{facts.cohort_id}?person={id_}").get_data(as_text=True) for id_ in (rated, own)]
    assert "You have rated this trainee or are asked to." in answers[0]
    assert "This is your own result." in answers[1]
    assert all("/confirm" not in body for body in answers)


def test_an_incomplete_result_offers_no_confirmation_and_a_confirmed_one_says_so(make: Factory, facts: Facts, reviewer: Any) -> None:
    fresh, done = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(done, *GOOD)
    confirm(make, done, make.person("r2", "reviewer", name="沈怀远"))
    body = reviewer.get(f"/results/{facts.cohort_id}?person={fresh}").get_data(as_text=True)
    assert "There is nothing to confirm yet" in body and "/confirm" not in body
    body = reviewer.get(f"/results/{facts.cohort_id}?person={done}").get_data(as_text=True)
    assert "Confirmed and on file." in body and "Decision 1 confirmed by 沈怀远" in body and "/confirm" not in body


def test_a_board_page_asks_a_bounded_number_of_questions(make: Factory, facts: Facts, reviewer: Any, query_count: Callable[[], Any]) -> None:
    for _number in range(6):
        facts.all_four(make.trainee(facts.cohort_id), *GOOD)
    reviewer.get(f"/results/{facts.cohort_id}")
    with query_count() as counted:
        assert reviewer.get(f"/results/{facts.cohort_id}").status_code == 200
    assert counted.number < 28, counted.number


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────────────────
def fields(days: int = 10, **changes: str) -> dict[str, str]:
    until = clock.today("Asia/Shanghai") + timedelta(days=days)
    return {"component": "case_analysis", "until": until.isoformat(), "reason": "住院，已交证明", **changes}


def test_an_extension_is_granted_once_and_shown_to_the_trainee(make: Factory, facts: Facts, reviewer: Any, client_for: Callable[..., Any]) -> None:
    enrolment = make.trainee(facts.cohort_id, "t1")
    address = f"/results/{facts.cohort_id}/extensions/{enrolment}"
    data = fields()
    answers = [reviewer.send(address, data, op="the-same") for _twice in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == f"/results/{facts.cohort_id}?person={enrolment}#verdict"
    row = db.session.execute(select(Extension)).scalar_one()
    assert row.until == clock.end_of_day(clock.today("Asia/Shanghai") + timedelta(days=10), "Asia/Shanghai")
    page = text_of(client_for("t1").get("/assessment"))
    assert "Extended to the end of" in page and "reason: 住院，已交证明" in page
    assert reviewer.send(address, fields(12), op="the-same").status_code == 409


@pytest.mark.parametrize(("changes", "said"), [
    ({"reason": " "}, "Say in a few words why"), ({"reason": ""}, "This field is required"), ({"reason": "x"}, "Say in a few words why"),
    ({"component": "looks"}, "Not a valid choice"), ({"until": "soon"}, "Not a valid date"), ({"until": "0001-01-01"}, "Choose a day on the calendar"),
    ({"until": "2020-01-01"}, "not later than the present"), ({"until": ""}, "required"),
])
def test_a_bad_extension_says_what_to_mend_and_keeps_the_input(make: Factory, facts: Facts, reviewer: Any, changes: dict[str, str], said: str) -> None:
    enrolment = make.trainee(facts.cohort_id)
    answer = reviewer.send(f"/results/{facts.cohort_id}/extensions/{enrolment}", fields(**changes))
    assert answer.status_code == 422
    assert said in text_of(answer)
    if "reason" not in changes:
        assert "住院，已交证明" in answer.get_data(as_text=True)
    assert db.session.execute(select(Extension.id)).all() == []


def test_a_day_beyond_the_schemes_limit_names_the_last_possible_one(make: Factory, facts: Facts, reviewer: Any) -> None:
    enrolment = make.trainee(facts.cohort_id)
    answer = reviewer.send(f"/results/{facts.cohort_id}/extensions/{enrolment}", fields(60))
    last = facts.cohort.ends_on + timedelta(days=37)
    assert answer.status_code == 422
    assert f"the last possible day is {last.day} {last:%B %Y}." in text_of(answer)
    assert reviewer.send(f"/results/{facts.cohort_id}/extensions/{enrolment}", fields(until=last.isoformat())).status_code == 303


def test_an_extension_without_a_csrf_token_changes_nothing(make: Factory, facts: Facts, reviewer: Any) -> None:
    enrolment = make.trainee(facts.cohort_id)
    assert reviewer.post(f"/results/{facts.cohort_id}/extensions/{enrolment}", data=fields()).status_code == 400
    assert db.session.execute(select(Extension.id)).all() == []


# ── the trainee ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_trainee_sees_no_mark_before_the_release_and_the_verdict_after_it(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment = make.trainee(facts.cohort_id, "t1")
    facts.all_four(enrolment, "31.7", "32.6", "33.5", "90")
    confirm(make, enrolment, make.person("r2", "reviewer"), clock.now() + timedelta(days=1))
    client = client_for("t1")
    answer = client.get("/assessment")
    page, body = text_of(answer), answer.get_data(as_text=True)
    for hidden in ("31.7", "32.6", "33.5", "9.5", "13.0", "6.7", "Your result", "in total", "顾文澜"):
        assert hidden not in page
    for width in ("31.7", "32.6", "33.5", "68.3"):
        assert f'width="{width}"' not in body
    assert page.count("Being marked") == 3
    with clock.standing_at(clock.now() + timedelta(days=1)):
        page = text_of(client_for("t1").get("/assessment"))
    assert "Your result" in page and "the written exam is 31.7 and needs 80" in page
    assert "A resit is open from" in page and "顾文澜" not in page


def test_a_released_pass_leads_to_the_certificate(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment = make.trainee(facts.cohort_id, "t1")
    facts.all_four(enrolment, *GOOD)
    confirm(make, enrolment, make.person("r2", "reviewer"))
    page = client_for("t1", "zh").get("/assessment")
    assert "准予结业。" in text_of(page) and "4 道门槛全部达到" in text_of(page)
    assert 'href="/my/certificate"' in page.get_data(as_text=True)


def test_a_result_of_one_trainee_never_shows_on_anothers_page(make: Factory, facts: Facts, client_for: Callable[..., Any]) -> None:
    one, _two = make.trainee(facts.cohort_id, "t1"), make.trainee(facts.cohort_id, "t2")
    facts.all_four(one, "84.4", "82", "70", "90")
    confirm(make, one, make.person("r2", "reviewer"))
    page = text_of(client_for("t2").get("/assessment?person=1&enrolment_id=1"))
    assert "84.4" not in page and "Your result" not in page


def test_somebody_in_no_cohort_is_told_what_will_fill_the_page(make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("t1", "trainee")
    client = client_for("t1")
    for address in ("/assessment", "/assessment/rule"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "You are in no cohort yet" in text_of(answer)


def test_the_rule_page_is_made_from_the_scheme(make: Factory, facts: Facts, client_for: Callable[..., Any], reviewer: Any) -> None:
    make.trainee(facts.cohort_id, "t1")
    page = text_of(client_for("t1").get("/assessment/rule"))
    for said in ("Written exam 30% 80 points 2", "Skill demonstration 40% Good ≥ 80 1", "At least 2 different stations, each rated by 2 different raters",
                 "Attendance 40%, Discussion 30%, Group contribution 30%.", "Final assessment scheme (default), version 1"):
        assert said in page
    assert text_of(reviewer.get(f"/results/{facts.cohort_id}/rule")).count("Excellent ≥ 90") == 1
    due = facts.cohort.ends_on + timedelta(days=7)
    assert f"by the end of {due.day} {due:%B %Y}" in page


def test_reading_pages_writes_nothing(make: Factory, facts: Facts, reviewer: Any, client_for: Callable[..., Any], query_count: Callable[[], Any]) -> None:
    enrolment = make.trainee(facts.cohort_id, "t1")
    facts.all_four(enrolment, *GOOD)
    trainee = client_for("t1")
    with query_count() as counted:
        for client, address in ((reviewer, "/results"), (reviewer, f"/results/{facts.cohort_id}"), (trainee, "/assessment"), (trainee, "/assessment/rule")):
            assert client.get(address).status_code == 200
    assert not [s for s in counted.statements if s.startswith(("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE"))]
    assert db.session.execute(select(ResultDecision.id)).all() == []


def test_the_day_of_a_limit_is_the_day_in_the_cohorts_zone(make: Factory, client_for: Callable[..., Any]) -> None:
    cohort_id = make.cohort("2026-Z", weeks_ago=7, zone="America/New_York")
    make.trainee(cohort_id, "t1")
    from courses import queries as courses

    due = courses.get_cohort(cohort_id).ends_on + timedelta(days=7)
    assert f"{due.day} {due:%B %Y} 24:00" in text_of(client_for("t1").get("/assessment"))
    assert str(due.year) in day(due)
