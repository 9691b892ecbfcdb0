"""The short transaction of an autosave keeps every promise of the long one: whole, alone, durable, on the right schema."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from foundation import audit, clock, hotwrite
from foundation import db as database
from foundation.db import WriterBusy, db, transaction
from foundation.hotwrite import Statement, hot_transaction
from foundation.people import Person
from foundation.schema import UnknownSchema
from quizzes import services
from quizzes.models import AnswerSave, Attempt, LateSave, Slot
from quizzes.rules import attempt as sitting
from tests.conftest import ON_BOTH
from tests.factories import Factory

_P: Any = Person.__table__
ADD = Statement(insert(_P))
LATEST = Statement(select(_P.c.employee_no, _P.c.created_at).order_by(_P.c.id.desc()).limit(1))
RENAME = Statement(update(_P).where(_P.c.employee_no == bindparam("number")).values(name=bindparam("fresh")))


def add(number: str) -> None:
    hotwrite.line().run(ADD, employee_no=number, name="周以宁", org_unit="", position="", email="", mobile="", is_demo=False,
                        created_at=clock.now(), row_version=1)


def numbers() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Person.employee_no).where(Person.employee_no.like("H%")).order_by(Person.employee_no)))


@ON_BOTH
def test_values_have_the_types_of_their_columns_and_are_there_for_everybody_afterwards(app: Flask) -> None:
    before = clock.now()
    with hot_transaction():
        add("H1")
        row = hotwrite.line().rows(LATEST)[0]
        assert row.employee_no == "H1" and before <= row.created_at <= clock.now()
        hotwrite.line().run(RENAME, number="H1", fresh="林知远")
    assert numbers() == ["H1"]
    assert db.session.scalars(select(Person.name).where(Person.employee_no == "H1")).one() == "林知远"


@ON_BOTH
def test_a_fault_inside_leaves_no_trace(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), hot_transaction():
        add("H1")
        raise ZeroDivisionError
    with pytest.raises(IntegrityError), hot_transaction():
        add("H1")
        add("H1")
    assert numbers() == []
    with hot_transaction():
        add("H2")
    assert numbers() == ["H2"]


@ON_BOTH
def test_it_does_not_nest_in_either_direction(app: Flask) -> None:
    for outer, inner in ((hot_transaction, transaction), (transaction, hot_transaction), (hot_transaction, hot_transaction)):
        with pytest.raises(RuntimeError, match="nest"), outer(), inner():
            pass
    assert numbers() == []


def test_a_statement_that_leaves_a_default_to_the_library_is_refused(app: Flask) -> None:
    with pytest.raises(TypeError, match="is_demo"), hot_transaction():
        hotwrite.line().run(Statement(insert(_P)), employee_no="H1", name="周以宁", created_at=clock.now())


def test_an_audit_event_in_it_undoes_everything_instead_of_being_lost(app: Flask) -> None:
    events = audit.head()
    with pytest.raises(RuntimeError, match="audit"), hot_transaction():
        add("H1")
        audit.record("test:add", "person:1", None)
    assert (numbers(), audit.head()) == ([], events)


def test_its_connection_is_durable_and_checked(app: Flask) -> None:
    with hot_transaction():
        add("H1")
    connection = hotwrite._thread.connection
    assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in database.PRAGMAS} == database.PRAGMAS
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO answer_save (attempt_id, slot_id, version, op, content_hash, answer, saved_at, receipt, hash) "
                           "VALUES (9999, 9999, 1, 'a', 'a', '{}', '2026-01-01 00:00:00', 'a', 'a')")


def test_a_lock_held_elsewhere_is_said(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
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
        with pytest.raises(WriterBusy), hot_transaction():
            add("H1")
    finally:
        let_go.set()
        thread.join()
    intruder = sqlite3.connect(app.config["DATA"] / "qizhou.db", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with little_patience(app), pytest.raises(OperationalError, match="locked"), hot_transaction():
        add("H1")
    intruder.execute("ROLLBACK")
    intruder.close()
    with hot_transaction():
        add("H2")
    assert numbers() == ["H2"]


@contextmanager
def little_patience(app: Flask) -> Iterator[None]:
    """The thread's writing connection does not wait long for another program."""
    hotwrite._connection(str(app.config["DATA"] / "qizhou.db")).execute("PRAGMA busy_timeout=50")
    yield
    hotwrite.close()


def test_a_newer_schema_underneath_is_refused(app: Flask) -> None:
    app.extensions["qizhou_schema_is_managed"] = True
    with transaction():
        pass
    with sqlite3.connect(app.config["DATA"] / "qizhou.db") as other:
        known = other.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        other.execute("UPDATE alembic_version SET version_num = '9999_later'")
    other.close()
    with pytest.raises(UnknownSchema), hot_transaction():
        add("H1")
    with sqlite3.connect(app.config["DATA"] / "qizhou.db") as other:
        other.execute("UPDATE alembic_version SET version_num = ?", (known,))
    other.close()
    assert numbers() == []


# ── the autosave ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def attempt(make: Factory) -> int:
    enrolment = make.trainee(make.cohort(weeks_ago=6), "learner")
    with transaction():
        return services.start_attempt(enrolment, "week-1-practice", 1, "seed")


def chain_is_whole(attempt_id: int) -> int:
    """How many saves an attempt has; fails where a link of their chain does not fit."""
    db.session.rollback()
    rows = db.session.execute(select(AnswerSave).where(AnswerSave.attempt_id == attempt_id).order_by(AnswerSave.id)).scalars().all()
    positions = dict(db.session.execute(select(Slot.id, Slot.position)).all())
    saves = [sitting.Save(positions[row.slot_id], row.version, row.op, row.answer, row.saved_at.isoformat(timespec="microseconds")) for row in rows]
    assert [sitting.chain_head(attempt_id, saves[:count]) for count in range(1, len(saves) + 1)] == [row.hash for row in rows]
    return len(rows)


@ON_BOTH
def test_saves_of_both_kinds_form_one_chain(app: Flask, attempt: int) -> None:
    for version in range(6):
        with (hot_transaction if version % 2 else transaction)():
            services.save_answer(attempt, 1, {}, f"op-{version}", 0, 1)      # an answer that stands is not saved twice
    assert chain_is_whole(attempt) == 0
    for position in (1, 2, 3):
        slot_answer = _some_answer(attempt, position)
        for version, answer in enumerate((slot_answer, {}, slot_answer)):
            with (hot_transaction if (version + position) % 2 else transaction)():
                saved = services.save_answer(attempt, position, answer, f"s-{position}-{version}", version, 1)
            with hot_transaction():
                again = services.save_answer(attempt, position, answer, f"s-{position}-{version}", version, 1)
            assert (again.receipt, again.version) == (saved.receipt, version + 1)
    assert chain_is_whole(attempt) == 9


def _some_answer(attempt_id: int, position: int) -> Any:
    from quizzes import queries
    from quizzes.rules.scoring import right_answer

    slot = queries.one_slot(attempt_id, position)
    return right_answer(slot.item, slot.values)


def test_what_comes_late_asks_for_the_whole_transaction(app: Flask, attempt: int) -> None:
    with transaction():
        services.submit_attempt(attempt, 1)
    with pytest.raises(hotwrite.Unsuited), hot_transaction():
        services.save_answer(attempt, 1, {}, "late", 0, 1)
    assert db.session.scalar(select(func.count()).select_from(LateSave)) == 0


def test_a_process_killed_while_saving_leaves_every_acknowledged_save(app: Flask, attempt: int) -> None:
    answer = _some_answer(attempt, 1)
    db.session.remove()
    db.engine.dispose()
    hotwrite.close()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:                                      # pragma: no cover - killed
        os.close(reading)
        with app.app_context():
            for version in range(10_000):
                with hot_transaction():
                    services.save_answer(attempt, 1, {} if version % 2 else answer, f"k-{version}", version, 1)
                os.write(writing, b"s")
        os._exit(0)
    os.close(writing)
    told = 0
    while told < 120:
        told += len(os.read(reading, 1))
    os.kill(child, signal.SIGKILL)
    while rest := os.read(reading, 4096):
        told += len(rest)
    os.close(reading)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    kept = chain_is_whole(attempt)
    assert told <= kept <= told + 1, "what was acknowledged stands; one more may have been committed before its word was out"
    assert db.session.get_one(Attempt, attempt).high_water_at >= db.session.scalars(select(func.max(AnswerSave.saved_at))).one()
