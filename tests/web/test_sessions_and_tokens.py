"""What a process remembers about cookies and tokens never outlives what the libraries would allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session
from itsdangerous import TimestampSigner

from foundation.sessions import Sessions
from tests.factories import Factory


def cookie_of(client: Any) -> str:
    found = client.get_cookie("qizhou")
    assert found is not None
    return str(found.value)


def name_in(app: Flask, cookie: str) -> Any:
    """What a request with this cookie finds in its session."""
    with app.test_request_context("/", headers={"Cookie": f"qizhou={cookie}"}):
        return session.get("_user_id")


def test_a_remembered_cookie_grows_old_all_the_same(app: Flask, make: Factory, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    make.person("somebody", "trainee")
    cookie = cookie_of(client_for("somebody"))
    assert name_in(app, cookie) and name_in(app, cookie)
    limit = int(app.permanent_session_lifetime.total_seconds())
    import time
    real = time.time
    for later, known in ((limit - 60, True), (limit + 60, False)):
        monkeypatch.setattr(time, "time", lambda later=later: real() + later)
        assert bool(name_in(app, cookie)) is known
        app.session_interface = Sessions()          # and what nobody remembers is judged the same
        assert bool(name_in(app, cookie)) is known


def test_a_forged_cookie_is_nobody(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    cookie = cookie_of(client_for("somebody"))
    assert name_in(app, cookie)
    middle = len(cookie) // 2
    for forged in (cookie[:middle] + ("A" if cookie[middle] != "A" else "B") + cookie[middle + 1:], cookie[:-1], cookie + "x",
                   TimestampSigner("another key").sign(cookie.rsplit(".", 2)[0]).decode()):
        assert name_in(app, forged) is None


def test_what_one_request_puts_into_its_session_is_not_in_the_next_one_with_the_same_cookie(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    cookie = cookie_of(client_for("somebody"))
    for _round in range(2):
        with app.test_request_context("/", headers={"Cookie": f"qizhou={cookie}"}):
            assert "extra" not in session
            session["extra"] = "mine"


def test_a_token_found_valid_for_one_session_opens_no_other(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("one", "trainee")
    make.person("two", "trainee")
    one, two = client_for("one"), client_for("two")
    token = one.token()
    for _twice in range(2):
        assert one.post("/account/sessions/end", json={"op": "x"}, headers={"X-CSRFToken": token}).status_code in (200, 303)
    assert two.post("/account/sessions/end", json={"op": "y"}, headers={"X-CSRFToken": token}).status_code == 400
    assert one.post("/account/sessions/end", json={"op": "z"}, headers={"X-CSRFToken": token[:-2] + "xx"}).status_code == 400
    assert one.post("/account/sessions/end", json={"op": "z"}).status_code == 400


def test_two_pages_of_one_session_carry_the_same_token(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    assert client.token() == client.token()


def test_every_answer_carries_the_headers_and_only_files_are_kept_by_browsers(app: Flask, client_for: Callable[..., Any]) -> None:
    client = app.test_client()
    for address, kept in (("/login", False), ("/nowhere", False), ("/static/css/qizhou.css", True)):
        answer = client.get(address, buffered=True)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(answer.headers.getlist("Content-Security-Policy")) == 1
        assert ("no-store" in answer.headers.get("Cache-Control", "")) is not kept
