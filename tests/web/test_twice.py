"""The same request twice, or twenty times at once: one effect, one answer."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, jsonify, request
from sqlalchemy import func, select

from foundation import audit
from foundation.audit import AuditEvent
from foundation.db import db
from foundation.permissions import requires
from foundation.web import change, see
from tests.conftest import ON_BOTH
from tests.factories import Factory


@pytest.fixture
def probe(app: Flask) -> Iterator[Flask]:
    """Two routes whose effect can be counted, written as every route of ours is."""
    bp = Blueprint("probe", __name__, url_prefix="/probe")

    @bp.post("/form")
    @requires()
    def form() -> Response:
        with change() as done:
            audit.record("probe:form", f"probe:{request.form.get('what', '')}", None)
            done.answer = f"/probe/seen/{db.session.scalar(select(func.count()).select_from(AuditEvent))}"
        return see(done.answer)

    @bp.post("/json")
    @requires()
    def device() -> Response:
        with change() as done:
            audit.record("probe:json", "probe:1", None)
            done.answer = "saved"
        return jsonify(ok=True)

    app.register_blueprint(bp)
    yield app


def effects(action: str = "probe:form") -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.action == action)) or 0


@ON_BOTH
def test_the_same_form_again_gets_the_first_answer_and_has_no_second_effect(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    first = client.send("/probe/form", {"what": "a"}, op="one-operation")
    again = client.send("/probe/form", {"what": "a"}, op="one-operation")
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["Location"] == again.headers["Location"]
    assert effects() == 1


def test_the_same_operation_with_other_content_is_refused(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    assert client.send("/probe/form", {"what": "a"}, op="one-operation").status_code == 303
    answer = client.send("/probe/form", {"what": "b"}, op="one-operation")
    assert answer.status_code == 409
    assert "first version stands" in answer.get_data(as_text=True)
    assert effects() == 1


def test_two_people_may_use_the_same_operation_id(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    for login in ("somebody", "another"):
        make.person(login, "trainee")
        assert client_for(login).send("/probe/form", {"what": "a"}, op="one-operation").status_code == 303
    assert effects() == 2


def test_without_an_operation_id_each_request_counts(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    for _time in range(2):
        assert client.post("/probe/form", data={"what": "a", "csrf_token": client.token()}).status_code == 303
    assert effects() == 2


def test_a_device_gets_json_for_the_same_operation(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    headers = {"X-CSRFToken": client.token()}
    answers = [client.post("/probe/json", json={"op": "dev-1", "text": text}, headers=headers) for text in ("好", "好", "不好")]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert answers[1].json == {"ok": True, "already": True}
    assert answers[2].json["error"] == "operation-conflict"
    assert effects("probe:json") == 1


@ON_BOTH
def test_twenty_parallel_copies_from_two_processes_have_one_effect(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    page = client.get("/account").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    cookie = client.get_cookie("qizhou")
    assert cookie is not None
    fields = {"csrf_token": token.group(1), "op": "pressed-many-times", "what": "a"}
    db.session.rollback()

    def ten_at_once() -> list[str]:
        together = threading.Barrier(10)
        places: list[str] = []

        def press() -> None:
            one = probe.test_client()
            one.set_cookie("qizhou", cookie.value)
            together.wait(10)
            answer = one.post("/probe/form", data=fields)
            places.append(f"{answer.status_code} {answer.headers.get('Location')}")

        threads = [threading.Thread(target=press) for _number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return places

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            db.engine.dispose(close=False)        # our own connections, not the parent's
            os.write(writing, "\n".join(ten_at_once()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    places = ten_at_once()
    with os.fdopen(reading) as theirs:
        places += theirs.read().splitlines()
    os.waitpid(child, 0)
    assert len(places) == 20
    assert len(set(places)) == 1, set(places)
    assert places[0].startswith("303 /probe/seen/")
    assert effects() == 1


def test_a_refused_change_does_not_use_up_its_operation(probe: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    """A person whose first try failed may send the very same form again."""
    make.person("somebody", "trainee")
    client = client_for("somebody")
    token = client.token()
    assert client.post("/probe/form", data={"op": "retry", "what": "a"}).status_code == 400, "without its token"
    assert effects() == 0
    assert client.post("/probe/form", data={"op": "retry", "what": "a", "csrf_token": token}).status_code == 303
    assert effects() == 1
