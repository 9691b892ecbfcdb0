"""The few reads that every request makes, without a session around them.

On SQLite a compiled statement runs on a reading connection of the thread, in autocommit: it sees what is committed and
holds nothing open. Measured, that takes a third of the time of the same select through a session. Elsewhere (and for
a database in memory) the statement goes through the session as usual. Only for reads outside of a transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from sqlalchemy import Select
from sqlalchemy.exc import OperationalError

from foundation.db import db

_thread = threading.local()
watchers: list[Callable[[str], None]] = []


def _connection(path: str) -> sqlite3.Connection:
    """This thread's connection to one file; another file closes the one before."""
    if getattr(_thread, "path", None) != path:
        old: sqlite3.Connection | None = getattr(_thread, "connection", None)
        if old is not None:
            old.close()
        _thread.connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None, cached_statements=64)
        _thread.connection.execute("PRAGMA busy_timeout=5000")
        _thread.connection.execute("PRAGMA query_only=ON")   # not mode=ro: the first reader of a WAL database has to make its index file
        _thread.path = path
    connection: sqlite3.Connection = _thread.connection
    return connection


def close() -> None:
    """Close this thread's connection (tests do, and whoever replaces the file)."""
    connection: sqlite3.Connection | None = getattr(_thread, "connection", None)
    if connection is not None:
        connection.close()
        _thread.connection = _thread.path = None


class HotRead:
    """A SELECT compiled once. `rows(**parameters)` gives plain tuples with the types of the columns."""

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self._sql = ""
        self._names: tuple[str, ...] = ()
        self._fixed: dict[str, Any] = {}
        self._processors: tuple[tuple[int, Callable[[Any], Any]], ...] = ()

    def _compile(self, dialect: Any) -> None:
        plain: Any = self.statement.compile(dialect=dialect)
        wanted = [name for name, bind in plain.binds.items() if bind.required]
        # values that are rendered into the text (a separator) need a compilation in which every parameter has one
        compiled: Any = self.statement.params(dict.fromkeys(wanted, 0)).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self._fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if name not in wanted}
        self._names = tuple(compiled.positiontup or ())
        made = [(index, column.type.dialect_impl(dialect).result_processor(dialect, None)) for index, column in enumerate(self.statement.selected_columns)]
        self._processors = tuple((index, processor) for index, processor in made if processor is not None)
        self._sql = str(compiled)

    def rows(self, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows for these parameters."""
        engine = db.engine
        path = engine.url.database
        if engine.dialect.name != "sqlite" or not path or path == ":memory:":
            return [tuple(row) for row in db.session.connection().execute(self.statement, parameters)]
        if not self._sql:
            self._compile(engine.dialect)
        for watcher in watchers:
            watcher(self._sql)
        values: Mapping[str, Any] = {**self._fixed, **parameters}
        try:
            found = _connection(path).execute(self._sql, [values[name] for name in self._names]).fetchall()
        except sqlite3.Error as fault:
            raise OperationalError(self._sql, parameters, fault) from fault
        if not self._processors:
            return found
        return [self._typed(row) for row in found]

    def _typed(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        cells = list(row)
        for index, processor in self._processors:
            cells[index] = processor(cells[index])
        return tuple(cells)
