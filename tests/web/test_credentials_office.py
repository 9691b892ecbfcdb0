"""The training department's pages: confirming from the board, the ledger, one certificate, revoking, issuing anew."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation import clock
from foundation.db import db, transaction
from foundation.people import GrantRow, Person
from tests.credentials_world import World
from tests.factories import Factory
from tests.services.assessment_facts import Facts
from training.assessment.models import ResultDecision
from training.assessment.queries.standings import standing_of
from training.credentials import queries
from training.credentials.models import Credential, Revocation


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


@pytest.fixture
def facts(world: World) -> Facts:
    return Facts(world.make, world.cohort_id)


def complete(world: World, facts: Facts, name: str = "陆知行", exam: str = "86") -> int:
    enrolment_id = world.trainee(name=name)
    facts.all_four(enrolment_id, exam, "84", "78", "88")
    return enrolment_id


def how_many(model: Any) -> int:
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def board_form(client: Any, world: World, enrolment_id: int) -> dict[str, str]:
    """The confirm form of the board's drawer as the browser would send it."""
    page = client.get(f"/results/{world.cohort_id}?person={enrolment_id}")
    text = page.get_data(as_text=True)
    form = re.search(rf'<form[^>]*action="/results/enrolments/{enrolment_id}/confirm".*?</form>', text, re.S)
    assert form, text[:500]
    fields = dict(re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', form.group(0)))
    return {**{key: unescape(value) for key, value in fields.items()}, "release_at": ""}


def board_of(answer: Any) -> str:
    return answer.headers["Location"]


def test_confirming_from_the_board_issues_the_certificate(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts)
    client = client_for("reviewer")
    answer = client.post(f"/results/enrolments/{enrolment_id}/confirm", data=board_form(client, world, enrolment_id), follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and re.search(r"Certificate QZ-\d{4}-SM-000001 is issued", page)
    assert how_many(Credential) == 1
    ledger = client.get("/certificates").get_data(as_text=True)
    assert "陆知行" in ledger and "SM-000001" in ledger


def test_the_same_form_twice_confirms_once(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts)
    client = client_for("reviewer")
    form = board_form(client, world, enrolment_id)
    first, second = (client.post(f"/results/enrolments/{enrolment_id}/confirm", data=form) for _ in range(2))
    assert first.status_code == second.status_code == 303 and board_of(first) == board_of(second)
    assert how_many(ResultDecision) == how_many(Credential) == 1
    other = client.post(f"/results/enrolments/{enrolment_id}/confirm", data={**form, "release_at": "2030-01-01T09:00"})
    assert other.status_code == 409 and how_many(Credential) == 1


def test_a_release_in_the_cohort_s_own_time(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts)
    client = client_for("reviewer")
    day = clock.today("Asia/Shanghai") + timedelta(days=3)
    client.post(f"/results/enrolments/{enrolment_id}/confirm", data={**board_form(client, world, enrolment_id), "release_at": f"{day}T09:00"})
    made = db.session.execute(select(Credential)).scalar_one()
    assert made.released_at == clock.start_of_day(day, "Asia/Shanghai") + timedelta(hours=9)
    page = client.get(f"/certificates/{made.id}").get_data(as_text=True)
    assert "Not released yet" in page and "09:00" in page and "/verify/" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)


@pytest.mark.parametrize(("change", "told"), [({"checked": ""}, "Tick that you have checked"), ({"release_at": "tomorrow"}, "date and a time"),
                                              ({"expected_hash": ""}, "")])
def test_an_incomplete_confirmation_goes_back_to_the_board(world: World, facts: Facts, client_for: Callable[..., Any], change: dict[str, str],
                                                           told: str) -> None:
    enrolment_id = complete(world, facts)
    client = client_for("reviewer")
    form = {**board_form(client, world, enrolment_id), **change}
    answer = client.post(f"/results/enrolments/{enrolment_id}/confirm", data={k: v for k, v in form.items() if k != "checked" or v}, follow_redirects=True)
    assert answer.status_code == 200 and told in answer.get_data(as_text=True)
    assert how_many(ResultDecision) == 0


def test_a_stale_board_is_answered_with_both_versions(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts)
    client = client_for("reviewer")
    form = board_form(client, world, enrolment_id)
    facts.levels(enrolment_id, "0.45", "0.45")        # a trainer corrected the levels meanwhile
    answer = client.post(f"/results/enrolments/{enrolment_id}/confirm", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and how_many(ResultDecision) == 0
    now = standing_of(enrolment_id).verdict
    assert "Your page showed" in page and "88.0" in page and now.result("participation").shown in page and now.en in unescape(page)
    lying = client.post(f"/results/enrolments/{enrolment_id}/confirm", data={**form, "op": "other", "seen": '{"components": [], "total": "99"}'})
    assert lying.status_code == 409 and "Your page showed" not in lying.get_data(as_text=True)


def test_a_rater_is_told_why_not(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts)
    with transaction():
        db.session.add(GrantRow(person_id=facts.raters[0], role="reviewer", scope="*", granted_at=clock.now()))
    client = client_for("rater1")
    answer = client.send(f"/results/enrolments/{enrolment_id}/confirm", {"expected_hash": standing_of(enrolment_id).evidence_hash, "checked": "y"},
                         follow_redirects=True)
    assert "another person has to confirm" in answer.get_data(as_text=True) and how_many(ResultDecision) == 0


def test_a_name_that_cannot_be_printed_is_refused_with_the_character_named(world: World, facts: Facts, client_for: Callable[..., Any]) -> None:
    enrolment_id = complete(world, facts, name="陆\U0002b7f7行")
    client = client_for("reviewer")
    answer = client.post(f"/results/enrolments/{enrolment_id}/confirm", data=board_form(client, world, enrolment_id), follow_redirects=True)
    assert "U+2B7F7" in answer.get_data(as_text=True) and how_many(ResultDecision) == 0


@pytest.mark.parametrize("login", ["", "hr", "trainer", "learner", "elsewhere"])
def test_only_reviewers_of_the_cohort_confirm(world: World, facts: Facts, client_for: Callable[..., Any], login: str) -> None:
    enrolment_id = complete(world, facts)
    world.make.person("hr", "hr")
    world.make.person("learner", "trainee")
    world.make.person("trainer", "trainer")
    world.make.person("elsewhere", "reviewer", scope="cohort:999")
    client = client_for(login)
    token = client.token("/account" if login else "/login")
    answer = client.post(f"/results/enrolments/{enrolment_id}/confirm",
                         data={"csrf_token": token, "checked": "y", "expected_hash": standing_of(enrolment_id).evidence_hash})
    assert answer.status_code == {"": 303, "elsewhere": 404}.get(login, 403)
    assert how_many(ResultDecision) == 0
    unknown = client_for("reviewer").send("/results/enrolments/9999/confirm", {"checked": "y", "expected_hash": "x"})
    assert unknown.status_code == 404


@pytest.mark.parametrize("address", ["/results/enrolments/1/confirm", "/certificates/1/revoke", "/certificates/1/anew"])
def test_every_change_needs_its_token(world: World, client_for: Callable[..., Any], address: str) -> None:
    world.certify(world.trainee())
    assert client_for("reviewer").post(address, data={"reason": "aaaa", "anew_reason": "aaaa", "checked": "y", "expected_hash": "x"}).status_code == 400
    assert how_many(Revocation) == 0 and how_many(Credential) == 1


# ── the ledger and one certificate ───────────────────────────────────────────────────────────────────────────
def test_the_ledger_finds_by_name_number_and_state(world: World, client_for: Callable[..., Any]) -> None:
    world.certify(world.trainee(name="陆知行"))
    hidden = world.certify(world.trainee(name="顾清妍"), released_at=clock.now() + timedelta(days=1))
    client = client_for("reviewer")

    def names(query: str) -> set[str]:
        page = client.get(f"/certificates{query}").get_data(as_text=True)
        return {name for name in ("陆知行", "顾清妍") if f">{name} " in page}

    assert names("") == {"陆知行", "顾清妍"}
    assert names("?q=陆知") == {"陆知行"} and names(f"?q={hidden.number.lower()}") == {"顾清妍"} and names("?q=%25") == set()
    assert names("?state=waiting") == {"顾清妍"} and names("?state=valid") == {"陆知行", "顾清妍"} and names("?state=revoked") == set()
    assert client.get("/certificates?state=nonsense&page=99999999999").status_code == 200
    for page in ("-3", "9" * 5000, "²", "１"):
        assert client.get("/certificates", query_string={"page": page}).status_code == 200


def test_a_long_ledger_is_paged_with_a_fixed_number_of_statements(world: World, client_for: Callable[..., Any], query_count: Any) -> None:
    world.many(3)
    client = client_for("reviewer")
    client.get("/certificates")
    with query_count() as few:
        client.get("/certificates")
    world.many(57, name="另员")
    with query_count() as many:
        page = client.get("/certificates").get_data(as_text=True)
    assert few.number == many.number <= 6
    assert page.count("<tr>") == 51 and "Page 1 of 2" in page
    assert client.get("/certificates?page=2").get_data(as_text=True).count("<tr>") == 11


def test_one_certificate_shows_record_paper_and_result(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    client = client_for("reviewer")
    page = client.get(f"/certificates/{made.id}").get_data(as_text=True)
    for told in (made.number, "陆知行", made.facts_hash, "84.0", "83.8", made.code, made.template_version, "Revoke"):
        assert told in page
    pdf = client.get(f"/certificates/{made.id}/certificate.pdf")
    view = queries.find_credential(made.id)
    assert pdf.mimetype == "application/pdf" and view is not None and hashlib.sha256(pdf.data).hexdigest() == view.pdf_sha256
    assert pdf.headers["Content-Disposition"] == f'inline; filename="{made.number}.pdf"'


def test_hr_reads_released_certificates_but_changes_none(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee())
    hidden = world.certify(world.trainee(name="金丝雀"), released_at=clock.now() + timedelta(days=1))
    world.make.person("hr", "hr")
    client = client_for("hr")
    page = client.get(f"/certificates/{made.id}")
    assert page.status_code == 200 and "/revoke" not in page.get_data(as_text=True)
    assert client.get(f"/certificates/{made.id}/certificate.pdf").status_code == 200
    assert client.get(f"/certificates/{hidden.id}").status_code == client.get(f"/certificates/{hidden.id}/certificate.pdf").status_code == 404
    assert client.send(f"/certificates/{made.id}/revoke", {"reason": "aaaa"}).status_code == 403
    assert client.get("/certificates").status_code == 403


def test_a_certificate_outside_the_scope_is_as_unknown(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee())
    world.make.person("elsewhere", "reviewer", scope="cohort:999")
    client = client_for("elsewhere")
    theirs, unknown = client.get(f"/certificates/{made.id}"), client.get("/certificates/4711")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.get_data(as_text=True).replace(f"/certificates/{made.id}", "") == unknown.get_data(as_text=True).replace("/certificates/4711", "")
    assert client.send(f"/certificates/{made.id}/revoke", {"reason": "because"}).status_code == 404


def test_revoking_needs_a_reason_and_happens_once(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee())
    client = client_for("reviewer")
    empty = client.send(f"/certificates/{made.id}/revoke", {"reason": "  x "})
    assert empty.status_code == 422 and "error-summary" in empty.get_data(as_text=True) and how_many(Revocation) == 0
    done = client.send(f"/certificates/{made.id}/revoke", {"reason": "身份不符"}, op="same")
    again = client.send(f"/certificates/{made.id}/revoke", {"reason": "身份不符"}, op="same")
    assert done.status_code == again.status_code == 303
    other = client.send(f"/certificates/{made.id}/revoke", {"reason": "第二个理由"}, follow_redirects=True).get_data(as_text=True)
    assert "the first reason stands" in other and "身份不符" in other and "第二个理由" not in other
    assert how_many(Revocation) == 1


def test_issuing_anew_from_the_page_takes_the_corrected_name(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知形"))
    with transaction():
        db.session.get_one(Person, made.person_id).name = "陆知行"
    client = client_for("reviewer")
    answer = client.send(f"/certificates/{made.id}/anew", {"anew_reason": "姓名更正"}, follow_redirects=True)
    page = answer.get_data(as_text=True)
    assert "SM-000002" in page and "陆知行" in page and made.number in page and "姓名更正" in page
    again = client.send(f"/certificates/{made.id}/anew", {"anew_reason": "再来一次"}, follow_redirects=True).get_data(as_text=True)
    assert "Nothing was issued" in again and how_many(Credential) == 2
