"""Fixtures: a database with all content loaded, made once per run and copied for each test; a client per role."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("QIZHOU_ARGON2_KIB", "64")

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app import create_app
from foundation import append_only, content, i18n
from foundation.db import db, transaction
from tests.factories import Factory


def make_schema(app: Flask) -> None:
    """Tables and triggers, as the migrations leave them (a house test compares the two)."""
    with app.app_context():
        db.create_all()
        with db.engine.begin() as connection:
            append_only.install(connection)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QIZHOU_DATA folder whose database has schema and content, and nobody in it."""
    i18n.build()
    data = tmp_path_factory.mktemp("template")
    app = create_app({"DATA": data})
    make_schema(app)
    with app.app_context():
        library = content.read_all()
        assert not library.errors, "\n".join(map(str, library.errors))
        with transaction():
            content.load(library, None)
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return data


@pytest.fixture
def app(template: Path, tmp_path: Path) -> Iterator[Flask]:
    """The application on its own copy of the template, inside an application context."""
    data = tmp_path / "data"
    shutil.copytree(template, data)
    application = create_app({"DATA": data, "TESTING": True, "PROPAGATE_EXCEPTIONS": False})
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def make(app: Flask) -> Factory:
    """Builders for people, cohorts and facts, through the same services as real use."""
    return Factory(app)


class Browserless(FlaskClient):
    """A client that signs in like a person and reads the CSRF token from the page."""

    def sign_in(self, login: str, password: str = "correct-horse-battery") -> Browserless:
        answer = self.post("/login", data={"login": login, "password": password, "csrf_token": self.token("/login")})
        assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
        return self

    def token(self, address: str = "/account") -> str:
        """The CSRF token of a page this client may open."""
        import re

        page = self.get(address).get_data(as_text=True)
        match = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert match, f"{address} shows no form"
        return match.group(1)

    def send(self, address: str, data: dict[str, Any] | None = None, op: str = "", **kwargs: Any) -> Any:
        """POST a form with its CSRF token and an operation id, as a page would."""
        import secrets

        fields = {"csrf_token": self.token(), "op": op or secrets.token_urlsafe(8), **(data or {})}
        return self.post(address, data=fields, **kwargs)


@pytest.fixture
def client_for(app: Flask) -> Callable[[str], Browserless]:
    """client_for(login) → a signed-in client; client_for('') → nobody signed in. English pages unless told."""
    app.test_client_class = Browserless

    def open_client(login: str = "", language: str = "en") -> Browserless:
        client = app.test_client()
        client.set_cookie("qizhou_lang", language)
        if login:
            client.sign_in(login)  # type: ignore[attr-defined]
        return client  # type: ignore[return-value]

    return open_client


@pytest.fixture
def query_count(app: Flask) -> Callable[[], Any]:
    """with query_count() as counted: … ; counted.statements lists what was asked of the database."""

    class Counted:
        def __init__(self) -> None:
            self.statements: list[str] = []

        @property
        def number(self) -> int:
            return len([s for s in self.statements if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE"))])

    @contextmanager
    def count() -> Iterator[Counted]:
        counted = Counted()

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            counted.statements.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield counted
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return count
