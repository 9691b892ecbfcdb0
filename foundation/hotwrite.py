"""The one write that comes by the thousand: an autosave, without a session around it.

On a SQLite file a short transaction runs on a writing connection of the thread, with the same turn among the writers, the
same BEGIN IMMEDIATE, the same checked PRAGMAs and the same look at the schema as `foundation.db.transaction`; what is left
out is the unit of work. Measured, that takes a third of the time under the lock. On every other database it IS that
transaction. No audit event can be recorded in it: whatever needs one raises `Unsuited`, and the caller does the
whole again inside `transaction()`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.exc import IntegrityError, OperationalError

from foundation import hotread
from foundation.db import Change, _change, _on_connect, db, transaction, turn_to_write


class Unsuited(Exception):
    """This change needs the whole transaction; nothing was written."""


class Statement:
    """A statement on plain tables, compiled once per process and dialect; parameters and cells have the types of the columns."""

    def __init__(self, statement: Select[Any] | Insert | Update) -> None:
        if isinstance(statement, Delete):
            raise TypeError("nothing is deleted in passing")
        self.whole = statement
        self._names: tuple[str, ...] = ()
        self._fixed: dict[str, Any] = {}
        self._binders: dict[str, Callable[[Any], Any]] = {}
        self._readers: tuple[tuple[int, Callable[[Any], Any]], ...] = ()
        self._row: Any = None
        self.sql = ""

    def compile_for(self, dialect: Any, parameters: dict[str, Any]) -> None:
        plain: Any = self.whole.compile(dialect=dialect, column_keys=list(parameters))
        if forgotten := [column.key for column in getattr(plain, "prefetch", ())]:
            raise TypeError(f"columns with a default are given here like the others: {', '.join(forgotten)}")
        self._fixed = {name: bind.effective_value for name, bind in plain.binds.items() if name not in parameters}
        binders = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in plain.binds.items()}
        self._binders = {name: binder for name, binder in binders.items() if binder is not None}
        self._names = tuple(plain.positiontup or ())
        if isinstance(self.whole, Select):
            columns = list(self.whole.selected_columns)
            readers = [(place, column.type.dialect_impl(dialect).result_processor(dialect, None)) for place, column in enumerate(columns)]
            self._readers = tuple((place, reader) for place, reader in readers if reader is not None)
            row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
            self._row = row._make
        self.sql = str(plain)

    def values(self, parameters: dict[str, Any]) -> list[Any]:
        given = {**self._fixed, **parameters}
        return [self._binders[name](given[name]) if name in self._binders else given[name] for name in self._names]

    def row(self, cells: tuple[Any, ...]) -> Any:
        typed = list(cells)
        for place, reader in self._readers:
            typed[place] = reader(typed[place])
        return self._row(typed)


class Line(Protocol):
    """Where the statements of a change go: the thread's own connection, or the session's."""

    is_hot: bool

    def rows(self, statement: Statement, **parameters: Any) -> list[Any]: ...

    def run(self, statement: Statement, **parameters: Any) -> None: ...


class _SessionLine:
    is_hot = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: Statement, **parameters: Any) -> list[Any]:
        return list(self._connection.execute(statement.whole, parameters))

    def run(self, statement: Statement, **parameters: Any) -> None:
        self._connection.execute(statement.whole, parameters)


class _HotLine:
    is_hot = True

    def __init__(self, connection: sqlite3.Connection, dialect: Any) -> None:
        self.connection = connection
        self._dialect = dialect

    def _execute(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        if not statement.sql:
            statement.compile_for(self._dialect, parameters)
        for watcher in hotread.watchers:
            watcher(statement.sql)
        return self.connection.execute(statement.sql, statement.values(parameters))

    def rows(self, statement: Statement, **parameters: Any) -> list[Any]:
        return [statement.row(cells) for cells in self._execute(statement, parameters)]

    def run(self, statement: Statement, **parameters: Any) -> None:
        self._execute(statement, parameters)


_line: ContextVar[_HotLine | None] = ContextVar("line", default=None)
_before_commit: list[Callable[[sqlite3.Connection], None]] = []
_thread = threading.local()


def before_hot_commit(step: Callable[[sqlite3.Connection], None]) -> Callable[[sqlite3.Connection], None]:
    """Register what every hot transaction runs last, under the write lock."""
    _before_commit.append(step)
    return step


def line() -> Line:
    """The line of the change under way: hot inside `hot_transaction`, else the session's connection."""
    return _line.get() or _SessionLine(db.session.connection())


def _connection(path: str) -> sqlite3.Connection:
    """This thread's writing connection to one file, with our PRAGMAs asserted; another file closes the one before."""
    if getattr(_thread, "path", None) != path:
        close()
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        try:
            _on_connect(connection, None)
        except BaseException:
            connection.close()
            raise
        _thread.connection, _thread.path = connection, path
    found: sqlite3.Connection = _thread.connection
    return found


def close() -> None:
    """Close this thread's connection (tests do, and whoever replaces the file)."""
    connection: sqlite3.Connection | None = getattr(_thread, "connection", None)
    if connection is not None:
        connection.close()
    _thread.connection = _thread.path = None


@contextmanager
def _as_the_library_says(sql: str) -> Iterator[None]:
    """Faults of the driver as SQLAlchemy's, so that a full disk or a lock is answered like everywhere else."""
    try:
        yield
    except sqlite3.IntegrityError as fault:
        raise IntegrityError(sql, None, fault) from fault
    except sqlite3.Error as fault:
        raise OperationalError(sql, None, fault) from fault


@contextmanager
def hot_transaction() -> Iterator[None]:
    """A short change on the thread's own connection; `line()` leads there. Commits, or leaves no trace.

    Raises what `transaction` raises. Services that need the audit trail in here raise Unsuited.
    """
    engine = db.engine
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        with transaction():
            yield
        return
    if _change.get() is not None:
        raise RuntimeError("transactions do not nest; services compose inside one")
    if db.session.registry.has():
        db.session.rollback()
    change = Change()
    token = _change.set(change)
    try:
        with turn_to_write(), _as_the_library_says("hot transaction"):
            connection = _connection(path)
            connection.execute("BEGIN IMMEDIATE")
            mark = _line.set(_HotLine(connection, engine.dialect))
            try:
                yield
                if change.events or change.after_commit:
                    raise RuntimeError("an audit event needs transaction()")
                for step in _before_commit:
                    step(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                _line.reset(mark)
    finally:
        _change.reset(token)
