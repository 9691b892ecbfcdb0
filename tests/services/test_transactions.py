"""The one door through which rows change: alone, whole, durable, and never waiting for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, func, select, text
from sqlalchemy.exc import IntegrityError

from app import create_app
from foundation import audit, clock
from foundation import db as database
from foundation.audit import AuditEvent
from foundation.db import Change, WriterBusy, db, prepare_engine, transaction
from foundation.people import Person
from tests.conftest import ON_BOTH


def add(number: str) -> None:
    db.session.add(Person(employee_no=number, name="周以宁", created_at=clock.now()))
    db.session.flush()


def numbers() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Person.employee_no).order_by(Person.employee_no)))


def statements(work: Callable[[], None]) -> list[str]:
    """What `work` asks of the database."""
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return asked


@ON_BOTH
def test_a_fault_inside_leaves_no_trace(app: Flask) -> None:
    events = audit.head()
    with pytest.raises(ZeroDivisionError), transaction():
        add("001")
        audit.record("test:add", "person:1", None)
        raise ZeroDivisionError
    assert numbers() == []
    assert audit.head() == events
    with pytest.raises(IntegrityError), transaction():
        add("001")
        add("001")
    assert numbers() == []
    with transaction():
        add("001")
    assert numbers() == ["001"]


@ON_BOTH
def test_transactions_do_not_nest_and_the_outer_one_is_undone(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="do not nest"), transaction():
        add("001")
        with transaction():
            add("002")
    assert numbers() == []


@ON_BOTH
def test_what_is_to_follow_a_commit_happens_after_it_and_only_then(app: Flask) -> None:
    seen: list[list[str]] = []
    with pytest.raises(ZeroDivisionError), transaction() as change:
        change.after_commit.append(lambda: seen.append(["never"]))
        raise ZeroDivisionError
    with transaction() as change:
        add("001")
        change.after_commit.append(lambda: seen.append(numbers()))
    assert seen == [["001"]]


def test_a_change_takes_the_write_lock_with_its_first_word_and_a_read_never_does(app: Flask) -> None:
    def write() -> None:
        with transaction():
            add("001")

    assert statements(write)[0] == "BEGIN IMMEDIATE"
    assert statements(numbers)[0] == "BEGIN"


def test_reading_first_does_not_spoil_a_change_that_somebody_else_overtook(app: Flask) -> None:
    """SQLite answers a write after an outdated read with SQLITE_BUSY_SNAPSHOT at once; transaction() ends the read first."""
    assert db.session.scalars(select(Person.employee_no)).all() == []

    def somebody_else() -> None:
        with app.app_context(), transaction():
            add("001")

    other = threading.Thread(target=somebody_else)
    other.start()
    other.join()
    with transaction():
        assert db.session.scalar(select(func.count()).select_from(Person)) == 1, "the change sees what the other one wrote"
        add("002")
    assert numbers() == ["001", "002"]


def test_a_writer_that_waited_too_long_is_told_so_and_nothing_is_written(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_FOR_WRITER_S", 0.2)
    holding, let_go = threading.Event(), threading.Event()

    def holder() -> None:
        with app.app_context(), transaction():
            add("001")
            holding.set()
            let_go.wait(10)

    thread = threading.Thread(target=holder)
    thread.start()
    holding.wait(5)
    began = time.monotonic()
    with pytest.raises(WriterBusy), transaction():
        add("002")
    assert time.monotonic() - began < 2
    assert numbers() == [], "reading goes on meanwhile, and sees nothing unfinished"
    let_go.set()
    thread.join()
    assert numbers() == ["001"]


# ── what SQLite is asked to promise ──────────────────────────────────────────────────────────────────────────────
def test_every_connection_is_durable_and_checked(app: Flask) -> None:
    with db.engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                 for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "busy_timeout")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1, "busy_timeout": 5000}


def test_a_database_that_cannot_promise_it_is_refused_at_connect() -> None:
    engine = create_engine("sqlite://")     # in memory there is no write-ahead log
    prepare_engine(engine)
    with pytest.raises(RuntimeError, match="journal_mode"):
        engine.connect()


@ON_BOTH
def test_foreign_keys_hold(app: Flask) -> None:
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(text("INSERT INTO content_head (kind, key, version_id) VALUES ('x', 'x', 987654)"))


# ── several processes ────────────────────────────────────────────────────────────────────────────────────────────
def forked(work: Callable[[Flask], None], settings: dict[str, object]) -> int:
    """Start `work(app)` in a process of its own with its own connections; returns its pid."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            own = create_app(settings)
            with own.app_context():
                work(own)
            code = 0
        finally:
            os._exit(code)
    return child


def test_a_kill_keeps_what_was_committed_and_drops_what_was_not(app: Flask) -> None:
    def work(_app: Flask) -> None:
        for number in range(5):
            with transaction():
                add(f"{number:03d}")
                audit.record("test:add", f"person:{number}", None)
        with transaction():
            add("never")
            os.kill(os.getpid(), signal.SIGKILL)

    before = audit.head()[0]
    db.session.rollback()
    status = os.waitpid(forked(work, {"DATA": app.config["DATA"]}), 0)[1]
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert numbers() == [f"{number:03d}" for number in range(5)]
    assert audit.head()[0] == before + 5
    assert audit.verify().bad_seq is None


@ON_BOTH
def test_eight_processes_write_and_none_starves(app: Flask, tmp_path: Path) -> None:
    """For two seconds eight processes write as fast as they can. Everyone gets turns, no turn takes long, the chain holds."""
    settings = {"DATA": app.config["DATA"], "SQLALCHEMY_DATABASE_URI": app.config["SQLALCHEMY_DATABASE_URI"]}
    begin = time.monotonic() + 1.5

    def writer(name: int) -> Callable[[Flask], None]:
        def work(_app: Flask) -> None:
            with db.engine.connect():
                pass
            time.sleep(max(0.0, begin - time.monotonic()))
            longest, written = 0.0, 0
            while time.monotonic() < begin + 2:
                asked = time.monotonic()
                with transaction():
                    add(f"{name}-{written}")
                    audit.record("test:add", f"person:{name}", None, n=written)
                longest, written = max(longest, time.monotonic() - asked), written + 1
            (tmp_path / f"writer-{name}").write_text(f"{written} {longest}")

        return work

    before = audit.head()[0]
    db.session.rollback()
    children = [forked(writer(name), settings) for name in range(8)]
    assert [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    reports = [(tmp_path / f"writer-{name}").read_text().split() for name in range(8)]
    written, longest = [int(report[0]) for report in reports], max(float(report[1]) for report in reports)
    assert sum(written) == len(numbers())
    assert min(written) >= max(1, sum(written) // 8 // 3), f"somebody starved: {written}"
    assert longest < 1.5, f"a turn took {longest:.2f} s"
    verdict = audit.verify()
    assert (verdict.bad_seq, verdict.events) == (None, before + sum(written))


def test_a_step_before_the_commit_sees_all_that_was_written(app: Flask) -> None:
    """The audit chain is such a step: it runs last, inside, under the lock."""
    with transaction() as change:
        assert isinstance(change, Change)
        audit.record("test:one", "test:1", None)
        audit.record("test:two", "test:1", None)
        assert db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.subject == "test:1")) == 0
    assert list(db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == "test:1").order_by(AuditEvent.seq))) == ["test:one", "test:two"]
