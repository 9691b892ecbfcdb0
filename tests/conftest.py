"""Fixtures: a database with all content loaded, made once per run and copied for each test; a client per role."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("QIZHOU_ARGON2_KIB", "64")

import hypothesis
import pytest
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import NullPool, create_engine, event

from app import create_app
from foundation import content, hotread, i18n, schema
from foundation.db import db, transaction
from tests import postgres
from tests.factories import Factory

# a busy machine is no reason to fail: what a property says about the program does not depend on how long it takes
hypothesis.settings.register_profile("qizhou", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("qizhou")


def _shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder that all processes of this run share, and the pid of the run itself (under pytest-xdist the parent's)."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent, os.getppid()) if os.environ.get("PYTEST_XDIST_WORKER") else (base, os.getpid())


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fill(app: Flask) -> None:
    """Schema by the migrations and all content by its loader: what the launcher does with an empty database."""
    with app.app_context():
        schema.upgrade()
        library = content.read_all()
        assert not library.errors, "\n".join(map(str, library.errors))
        with transaction():
            content.load(library, None)
        db.session.remove()
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QIZHOU_DATA folder whose database has schema and content, and nobody in it."""
    shared, _run = _shared(tmp_path_factory)
    data = shared / "template"
    with _alone(shared / "template.lock"):
        if not data.exists():
            i18n.build()
            unfinished = shared / "template.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            fill(create_app({"DATA": unfinished}))
            unfinished.rename(data)
    return data


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of this run's PostgreSQL (its database `postgres`); fails, never skips, where the programs are missing."""
    shared, run = _shared(tmp_path_factory)
    return postgres.cluster(shared / "postgres", run)


@pytest.fixture
def empty_postgres(postgres_server: str) -> Iterator[str]:
    """Address of a new empty database; dropped afterwards."""
    yield from _postgres_database(postgres_server)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a PostgreSQL database with schema and content, to be copied for each test."""
    shared, _run = _shared(tmp_path_factory)
    with _alone(shared / "postgres-template.lock"):
        done = shared / "postgres-template.done"
        if not done.exists():
            i18n.build()
            _on_server(postgres_server, "DROP DATABASE IF EXISTS template_qizhou", "CREATE DATABASE template_qizhou")
            fill(create_app({"DATA": shared / "postgres-template", "SQLALCHEMY_DATABASE_URI": _database(postgres_server, "template_qizhou")}))
            done.touch()
    return "template_qizhou"


def _on_server(server: str, *statements: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _database(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


def _postgres_database(server: str, template_name: str = "template0") -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {template_name}")
    yield _database(server, name)
    _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


ON_BOTH = pytest.mark.parametrize("app", [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The application on its own copy of the template, inside an application context.

    On SQLite; on PostgreSQL in tests marked `postgres`; on both, one after the other, in tests decorated with ON_BOTH.
    """
    data = tmp_path / "data"
    settings = {"DATA": data, "TESTING": True, "PROPAGATE_EXCEPTIONS": False}
    database: Iterator[str] = iter(())
    if request.node.get_closest_marker("postgres"):
        database = _postgres_database(request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_template"))
        settings["SQLALCHEMY_DATABASE_URI"] = next(database)
    else:
        shutil.copytree(request.getfixturevalue("template"), data)
    application = create_app(settings)
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()
    next(database, None)


@pytest.fixture
def make(app: Flask) -> Factory:
    """Builders for people, cohorts and facts, through the same services as real use."""
    return Factory(app)


class Browserless(FlaskClient):
    """A client that signs in like a person and reads the CSRF token from the page."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Each request begins with an empty `g`, as on the server: the test's own application context would keep the signed-in
        person, the language and the form token of the request before, also of another client."""
        for name in list(g) if has_app_context() else ():
            g.pop(name)
        return super().open(*args, **kwargs)

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
        hotread.watchers.append(counted.statements.append)
        try:
            yield counted
        finally:
            hotread.watchers.remove(counted.statements.append)
            event.remove(db.engine, "before_cursor_execute", note)

    return count


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The one real browser of a test process; tests open contexts of their own in it."""
    path = shutil.which("chromium")
    assert path, "Debian's package chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The report of the long fault tests: what each of them went through."""
    lines = [f"{report.nodeid.rsplit('::', 1)[1]}: " + ", ".join(f"{name} {value}" for name, value in report.user_properties)
             for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])
             if "soak" in report.keywords and report.when == "call" and report.user_properties]
    if lines:
        terminalreporter.section("what the long tests went through")
        for line in lines:
            terminalreporter.write_line(line)
