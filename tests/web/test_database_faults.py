"""A full disk, a locked database: 503 and "not saved", never a false tick; reading goes on; nothing is lost afterwards."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from foundation import audit
from foundation import db as database
from foundation.db import db, transaction
from foundation.people import AuthSession
from tests.factories import Factory


def open_sessions() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AuthSession).where(AuthSession.ended_at.is_(None))) or 0


def test_a_full_disk_is_said_and_reading_goes_on(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client_for("somebody")
    client = client_for("somebody")
    token = client.token()
    with db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    db.session.remove()
    db.engine.dispose()

    def little_room(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")
        connection.execute("PRAGMA cache_size=5")

    event.listen(db.engine, "connect", little_room)
    with pytest.raises(Exception, match="full"), transaction():
        for _number in range(2000):
            audit.record("test:fill", "test:1", None, text="x" * 200)
    for number in range(500):               # free pages in the file are used up first
        answer = client.post("/account/sessions/end", data={"csrf_token": token, "op": f"end-{number}"})
        if answer.status_code != 303:
            break
    page = answer.get_data(as_text=True)
    assert (answer.status_code, "Not saved" in page) == (503, True)
    assert client.get("/account").status_code == 200, "reading goes on"
    event.remove(db.engine, "connect", little_room)
    db.session.remove()
    db.engine.dispose()
    assert audit.verify().bad_seq is None
    answer = client.post("/account/sessions/end", data={"csrf_token": token, "op": f"end-{number}"})
    assert answer.status_code == 303, "with room again the very same form goes through"
    assert open_sessions() == 1


def test_a_database_locked_by_another_program_is_said_and_reading_goes_on(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client_for("somebody")
    client = client_for("somebody")
    token = client.token()
    intruder = sqlite3.connect(app.config["DATA"] / "qizhou.db", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    try:
        answer = client.post("/account/sessions/end", data={"csrf_token": token, "op": "one"})
        assert answer.status_code == 503
        assert "Not saved" in answer.get_data(as_text=True)
        answer = client.post("/account/sessions/end", json={"op": "two"}, headers={"X-CSRFToken": token})
        assert (answer.status_code, answer.json["error"]) == (503, "database")
        assert client.get("/account").status_code == 200
        assert open_sessions() == 2
    finally:
        intruder.execute("ROLLBACK")
        intruder.close()
    assert client.post("/account/sessions/end", data={"csrf_token": token, "op": "one"}).status_code == 303, "the very same form goes through now"
    assert open_sessions() == 1


def test_a_writer_that_is_busy_too_long_is_said(app: Flask, make: Factory, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    make.person("somebody", "trainee")
    client = client_for("somebody")
    token = client.token()
    monkeypatch.setattr(database, "WAIT_FOR_WRITER_S", 0.2)
    holding, let_go = threading.Event(), threading.Event()

    def holder() -> None:
        with app.app_context(), transaction():
            holding.set()
            let_go.wait(20)

    thread = threading.Thread(target=holder)
    thread.start()
    holding.wait(5)
    try:
        answer = client.post("/account/sessions/end", data={"csrf_token": token, "op": "one"})
        assert (answer.status_code, "Not saved" in answer.get_data(as_text=True)) == (503, True)
        answer = client.post("/account/sessions/end", json={"op": "two"}, headers={"X-CSRFToken": token})
        assert (answer.status_code, answer.json["error"]) == (503, "busy")
    finally:
        let_go.set()
        thread.join()
