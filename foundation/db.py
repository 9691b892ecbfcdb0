"""Rows, and the one door through which they change.

SQLite runs in WAL with `synchronous=FULL`: in a simulated power loss NORMAL lost acknowledged rows, FULL none.
Python's own transaction handling is switched off (`isolation_level=None`), because it would leave half a schema
behind a killed migration; every BEGIN is ours. Reads begin deferred. A change begins IMMEDIATE, behind a file lock,
so that writers of several processes take turns instead of starving each other.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, Text, event, text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
WAIT_FOR_WRITER_S = 8.0


class _Declarative(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=_Declarative)

if TYPE_CHECKING:
    Base = _Declarative
else:
    Base = db.Model


# ── column types ─────────────────────────────────────────────────────────────────────────────────────────────
class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. A naive value is refused: it would mean a different moment on another machine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive time refused")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A Decimal kept as text, digit for digit. SQLite would turn NUMERIC into a float."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise ValueError(f"Decimal expected, not {type(value).__name__}")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value)


def canonical_json(value: Any) -> str:
    """One spelling per value: keys sorted, no spaces, Chinese kept; what hashes are taken of."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Json(TypeDecorator[Any]):
    """JSON in one canonical spelling, as text on both databases, so that hashes of it are comparable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else json.loads(value)


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────
_writing: ContextVar[bool] = ContextVar("writing", default=False)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=5000")
    for name, wanted in PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={wanted}")
        found = cursor.execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            raise RuntimeError(f"SQLite keeps {name}={found!r}; {wanted!r} is required for durable, checked rows")
    cursor.close()


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")


def prepare_engine(engine: Engine) -> None:
    """Attach our connection and BEGIN rules to an engine of either database; called once per engine."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)


def database_key() -> str:
    """Names the database of this application: the first part of every key under which something read from it is remembered."""
    key: str = current_app.extensions["qizhou_database"]
    return key


# ── the one door ─────────────────────────────────────────────────────────────────────────────────────────────
class WriterBusy(Exception):
    """Nobody got hurt and nothing was saved: another change held the database longer than we wait."""


@dataclass
class Change:
    """One transaction under way. `answer` is where the person is sent afterwards, kept with the operation id."""

    answer: str = ""
    events: list[Any] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)


_change: ContextVar[Change | None] = ContextVar("change", default=None)
_last_steps: list[Callable[[Change], None]] = []


def before_commit(step: Callable[[Change], None]) -> Callable[[Change], None]:
    """Register a step that every transaction runs last, under the write lock (the audit chain is one)."""
    _last_steps.append(step)
    return step


def current_change() -> Change:
    """The transaction under way. Services call this through `audit.record`; outside of one it is a mistake."""
    change = _change.get()
    if change is None:
        raise RuntimeError("a change of facts needs a transaction()")
    return change


def _lock_path() -> Path | None:
    return current_app.extensions.get("qizhou_write_lock")


def _take(handle: int, deadline: float, pause: float) -> None:
    """Lock an open file, asking again every `pause` seconds. Raises WriterBusy after the deadline."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise WriterBusy from None
            time.sleep(pause)


@contextmanager
def turn_to_write() -> Iterator[None]:
    """Wait for this process's turn among the writers of a SQLite database; no turns are taken on PostgreSQL.

    Two locks: whoever wants to write stands first at the turnstile, and only who stands there waits for the pen. A writer
    that has just put the pen down and wants it again finds the turnstile taken, so nobody writes twice while others wait.
    """
    path = _lock_path()
    if path is None:
        yield
        return
    deadline = time.monotonic() + WAIT_FOR_WRITER_S
    pen = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        turnstile = os.open(f"{path}.next", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(turnstile, deadline, 0.0005)
            _take(pen, deadline, 0.00005)
        finally:
            os.close(turnstile)
        yield
    finally:
        os.close(pen)


@contextmanager
def writing() -> Iterator[None]:
    """Transactions that begin in here begin IMMEDIATE (SQLite): they hold the write lock from their first moment."""
    token = _writing.set(True)
    try:
        yield
    finally:
        _writing.reset(token)


@contextmanager
def transaction() -> Iterator[Change]:
    """The one way to change rows: ends the read, takes the turn, BEGIN IMMEDIATE; commits or leaves no trace.

    What was read before belongs to another moment: services read again what they change. Objects loaded earlier are
    expired. Raises WriterBusy after eight seconds of waiting; any exception inside rolls everything back.
    """
    if _change.get() is not None:
        raise RuntimeError("transactions do not nest; services compose inside one")
    db.session.rollback()
    change = Change()
    change_token = _change.set(change)
    try:
        with turn_to_write(), writing():
            try:
                db.session.connection()
                if db.engine.dialect.name == "postgresql":
                    db.session.execute(text("SELECT pg_advisory_xact_lock(71600)"))
                yield change
                db.session.flush()
                for step in _last_steps:
                    step(change)
                db.session.commit()
            except BaseException:
                db.session.rollback()
                raise
    finally:
        _change.reset(change_token)
    for follow_up in change.after_commit:
        follow_up()
