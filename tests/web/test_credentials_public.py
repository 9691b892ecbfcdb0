"""Verification by anybody: what is told, what is not, and how guessing is braked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from tests.credentials_world import World
from tests.factories import Factory
from training.credentials import services

JSON = {"Accept": "application/json"}


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


def ask(client: Any, number: str, name: str) -> Any:
    return client.post("/verify", data={"number": number, "name": name, "csrf_token": client.token("/verify")})


def test_a_stranger_reads_what_is_printed_and_its_state(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    answer = client_for("", "zh").get(f"/verify/{made.code}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    for told in ("陆知行", "客户服务经理专业培训", "140 学时", "良好", made.number, "有效", made.facts_hash, "没有撤销，没有被替换"):
        assert told in page
    english = client_for("").get(f"/verify/{made.code}").get_data(as_text=True)
    assert "Valid" in english and "140 class hours" in english and "Good" in english


def test_no_other_personal_data_is_told(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行", org_unit="保密支行"), scores={"written_exam": "86.7", "skill_demonstration": "84.7",
                                                                                   "case_analysis": "78.7", "participation": "88.7"}, total="84.2")
    facts = made.facts
    client = client_for("")
    for text in (client.get(f"/verify/{made.code}").get_data(as_text=True), client.get(f"/verify/{made.code}", headers=JSON).get_data(as_text=True)):
        for private in (facts["employee_no"], "保密支行", "86.7", "84.7", "78.7", "88.7", "84.2", facts["cohort"]):
            assert private not in text


def test_a_script_gets_json_in_the_form_scripts_rely_on(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    answer = client_for("").get(f"/verify/{made.code}", headers=JSON)
    told = answer.get_json()
    assert answer.mimetype == "application/json" and "Accept" in answer.headers["Vary"]
    assert told["status"] == "valid" and told["name"] == "陆知行" and told["number"] == made.number and told["sha256"] == made.facts_hash
    assert told["programme"] == {"key": "service-manager", "class_hours": 140,
                                 "title": {"zh": "客户服务经理专业培训", "en": made.facts["programme_title"]["en"]}}
    assert told["band"]["key"] == "good" and told["issued_on"] == made.facts["issued_on"] and told["revoked_on"] is None
    assert set(told) == {"number", "status", "name", "programme", "band", "issuer", "started_on", "ended_on", "completed_on", "issued_on", "expires_on",
                         "revoked_on", "sha256", "verification_url", "checked_at"}


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html;q=0.9,application/json;q=0.1"])
def test_a_browser_gets_the_page(world: World, client_for: Callable[..., Any], accept: str) -> None:
    made = world.certify(world.trainee())
    assert client_for("").get(f"/verify/{made.code}", headers={"Accept": accept}).mimetype == "text/html"


def test_a_code_typed_by_hand_is_understood(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee())
    typed = made.code.lower().replace("-", "").replace("o", "0")
    assert client_for("").get(f"/verify/{typed}").status_code == 200


def test_unknown_and_unreleased_are_the_same_answer(world: World, client_for: Callable[..., Any]) -> None:
    soon = clock.now() + timedelta(days=2)
    hidden = world.certify(world.trainee(name="陆知行"), released_at=soon)
    client = client_for("")
    for headers in ({}, JSON):
        unknown, unreleased = (client.get(f"/verify/{code}", headers=headers) for code in ("AAAA-BBBB-CCCC-DDDD", hidden.code))
        assert unknown.status_code == unreleased.status_code == 404
        assert unknown.get_data(as_text=True).replace("AAAA-BBBB-CCCC-DDDD", "") == unreleased.get_data(as_text=True).replace(hidden.code, "")
        assert unknown.headers.to_wsgi_list() == unreleased.headers.to_wsgi_list() or headers == {}
    assert ask(client, hidden.number, "陆知行").status_code == 404
    with clock.standing_at(soon):
        assert client.get(f"/verify/{hidden.code}").status_code == 200
        assert ask(client, hidden.number, "陆知行").status_code == 200


@pytest.mark.parametrize("code", ["%00", "a" * 5000, "../../etc/passwd", "' OR 1=1 --", "启舟", "%F0%9F%98%80", "-" * 50])
def test_hostile_codes_are_only_unknown(world: World, client_for: Callable[..., Any], code: str) -> None:
    assert client_for("").get(f"/verify/{code}").status_code == 404


def test_a_revocation_shows_at_the_next_request_without_its_reason(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee())
    client = client_for("")
    assert "verify-bad" not in client.get(f"/verify/{made.code}").get_data(as_text=True)
    with transaction():
        services.revoke(made.id, world.reviewer, "canary-reason")
    page = client.get(f"/verify/{made.code}").get_data(as_text=True)
    told = client.get(f"/verify/{made.code}", headers=JSON).get_json()
    assert "verify-bad" in page and "Revoked" in page and "Valid ·" not in page
    assert told["status"] == "revoked" and told["revoked_on"] == clock.today("Asia/Shanghai").isoformat()
    assert "canary-reason" not in page and "canary-reason" not in json.dumps(told)


def test_replaced_and_expired_are_told_apart(world: World, client_for: Callable[..., Any]) -> None:
    old = world.certify(world.trainee())
    with transaction():
        new = services.issue_anew(old.id, world.reviewer, "姓名更正")
        new_code = new.code
    client = client_for("")
    assert client.get(f"/verify/{old.code}", headers=JSON).get_json()["status"] == "replaced"
    assert "Replaced" in client.get(f"/verify/{old.code}").get_data(as_text=True)
    assert old.valid_until is not None
    with clock.standing_at(old.valid_until - timedelta(seconds=1)):
        assert client.get(f"/verify/{new_code}", headers=JSON).get_json()["status"] == "valid"
    with clock.standing_at(old.valid_until):
        assert client.get(f"/verify/{new_code}", headers=JSON).get_json()["status"] == "expired"
        assert "Expired" in client.get(f"/verify/{new_code}").get_data(as_text=True)


def test_number_and_name_together_find_the_certificate(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="买买提·艾力"))
    answer = ask(client_for(""), f" {made.number.lower()} ", "买买提 ·艾力")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and made.facts_hash in page
    assert made.code not in page                    # who has no code is not given it


def test_a_wrong_number_and_a_wrong_name_get_the_same_answer(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    client = client_for("")

    def plain(number: str, name: str) -> str:
        import re

        answer = ask(client, number, name)
        assert answer.status_code == 404
        return re.sub(r'value="[^"]*"', "", answer.get_data(as_text=True))

    assert plain(made.number, "陆知") == plain("QZ-2020-SM-000001", "陆知行") == plain("'; --", "<b>")


def test_the_eleventh_try_within_ten_minutes_waits(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    client = client_for("")
    token = client.token("/verify")
    for _ in range(10):
        assert client.post("/verify", data={"number": "QZ-2026-SM-999999", "name": "x", "csrf_token": token}).status_code == 404
    braked = client.post("/verify", data={"number": made.number, "name": "陆知行", "csrf_token": token})
    assert braked.status_code == 429 and made.facts_hash not in braked.get_data(as_text=True)
    assert client.get(f"/verify/{made.code}").status_code == 200       # the code itself is never braked
    with clock.standing_at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert client.post("/verify", data={"number": made.number, "name": "陆知行", "csrf_token": token}).status_code == 200


@pytest.mark.parametrize("fields", [{}, {"number": "QZ"}, {"name": "x"}, {"number": "x" * 41, "name": "x"}, {"number": "x", "name": "y" * 101}])
def test_an_incomplete_form_is_mended_and_not_counted(world: World, client_for: Callable[..., Any], fields: dict[str, str]) -> None:
    from training.credentials.models import VerificationTally

    client = client_for("")
    answer = client.post("/verify", data={**fields, "csrf_token": client.token("/verify")})
    assert answer.status_code == 422 and "error-summary" in answer.get_data(as_text=True)
    assert db.session.execute(select(VerificationTally)).first() is None


def test_the_form_needs_its_token(client_for: Callable[..., Any]) -> None:
    assert client_for("").post("/verify", data={"number": "QZ-2026-SM-000001", "name": "x"}).status_code == 400


def test_hostile_names_are_shown_as_text(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="<script>alert(1)</script>"))
    page = client_for("").get(f"/verify/{made.code}").get_data(as_text=True)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_looking_changes_nothing(app: Flask, world: World, client_for: Callable[..., Any], query_count: Any) -> None:
    made = world.certify(world.trainee())
    client = client_for("")
    before = db.session.execute(select(AuditEvent.seq)).all()
    with query_count() as counted:
        client.get(f"/verify/{made.code}")
    assert counted.number <= 1
    assert not [s for s in counted.statements if s.startswith(("INSERT", "UPDATE", "DELETE"))]
    db.session.rollback()
    assert db.session.execute(select(AuditEvent.seq)).all() == before
