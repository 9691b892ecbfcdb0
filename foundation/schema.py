"""Which schema the database has, and how it gets the one this program was written for.

Migrations are numbered files, one head; the name of a file is its revision. An upgrade is one transaction with
everything in it (tables, constraints, append-only triggers, the version mark): a kill at any statement leaves the old
schema or the new one. A program refuses a schema it does not know: when it starts, and at every change it would make
while a newer program has moved the schema on underneath it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from flask import current_app
from sqlalchemy import Connection, inspect, text

from foundation import append_only
from foundation.db import Change, before_commit, db, turn_to_write, writing
from foundation.hotwrite import before_hot_commit

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
KNOWN = tuple(sorted(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))
HEAD = KNOWN[-1] if KNOWN else ""
_VERSION = text("SELECT version_num FROM alembic_version")
_ADVISORY_LOCK = 71601


class UnknownSchema(Exception):
    """The database was made by another version of this program, or by something else. Nothing was changed."""


def found_version(connection: Connection) -> str | None:
    """The revision the database bears, or None for an empty one. Raises UnknownSchema where neither holds."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        versions = list(connection.execute(_VERSION).scalars())
        if len(versions) == 1:
            return str(versions[0])
        if len(versions) > 1:
            raise UnknownSchema(f"the database bears several schema versions ({', '.join(versions)})")
    if tables - {"alembic_version"}:
        raise UnknownSchema("the database has tables but no schema version: it was not made by this program")
    return None


def check_known(connection: Connection) -> str | None:
    """found_version, refused with UnknownSchema where this program has no such migration."""
    found = found_version(connection)
    if found is not None and found not in KNOWN:
        raise UnknownSchema(f"the database has schema {found}, which this program ({HEAD}) does not know: it belongs to a newer version")
    return found


def upgrade(revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database to a revision; returns (before, after). Raises UnknownSchema; does nothing where it is there."""
    with db.engine.connect() as connection:
        before = check_known(connection)
        triggers = append_only.missing(connection) if before == HEAD else set()
    if before == HEAD and revision == "head" and not triggers:
        return before, before
    command.upgrade(_config(), revision)
    with db.engine.connect() as connection:
        return before, found_version(connection)


def downgrade(revision: str) -> None:
    """Walk down to a revision ('base' for an empty database)."""
    command.downgrade(_config(), revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(current_app.extensions["migrate"].directory))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def changing() -> Iterator[Connection]:
    """One transaction for a whole walk up or down, alone among the writers; used by migrations/env.py.

    SQLite rebuilds a table to alter it, which foreign keys would take for a deletion of its rows: they are off during
    the walk and checked before the commit. The append-only triggers, lost in a rebuild, are made again at the end.
    """
    with turn_to_write(), writing(), db.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _pragma(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield connection
                if sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise RuntimeError(f"the migration leaves a row of {broken[0]} without its {broken[2]}")
                append_only.install(connection)
        finally:
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def _pragma(connection: Connection, setting: str) -> None:
    """Set a pragma on the bare connection: inside a transaction SQLite would ignore it without a word."""
    bare = connection.connection.driver_connection
    assert bare is not None
    bare.execute(f"PRAGMA {setting}")


def _is_managed(connection: Connection | None = None) -> bool:
    """Whether migrations made this schema (a test may make it from the models)."""
    managed: bool | None = current_app.extensions.get("qizhou_schema_is_managed")
    if managed is None:
        managed = inspect(connection if connection is not None else db.engine).has_table("alembic_version")
        current_app.extensions["qizhou_schema_is_managed"] = managed
    return managed


def _refuse(found: Any) -> None:
    if found != HEAD:
        raise UnknownSchema(f"the schema was changed to {found} while this program ({HEAD}) was running: restart it")


@before_commit
def _refuse_another_schema(_change: Change) -> None:
    """Runs under the write lock of every change: rows written by old rules never enter a newer schema."""
    connection = db.session.connection()
    if _is_managed(connection):
        _refuse(connection.execute(_VERSION).scalar())


@before_hot_commit
def _refuse_another_schema_hot(connection: sqlite3.Connection) -> None:
    """The same under the lock of a hot transaction."""
    if _is_managed():
        row = connection.execute(_VERSION.text).fetchone()
        _refuse(row[0] if row else None)
