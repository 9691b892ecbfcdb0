"""Facts are added, never edited: the database itself refuses UPDATE and DELETE on the tables named here.

`recursive_triggers` is asserted at connect, because INSERT OR REPLACE deletes without asking a trigger otherwise.
A batch rename in a migration loses triggers, so they are made again after every upgrade and compared by /readyz.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

TABLES: set[str] = set()


def append_only(model: Any) -> Any:
    """Class decorator: rows of this table are only added."""
    TABLES.add(model.__tablename__)
    return model


def _sqlite_triggers(table: str) -> dict[str, str]:
    return {
        f"{table}_no_{verb.lower()}": (
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table} is append-only: add a correcting row'); END"
        )
        for verb in ("UPDATE", "DELETE")
    }


def install(connection: Connection, tables: set[str] | None = None) -> None:
    """Make the triggers of all append-only tables that exist; drop and make again where they differ."""
    names = TABLES if tables is None else tables
    if connection.dialect.name == "sqlite":
        existing = {row[0]: row[1] for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type='trigger'"))}
        present = {row[0] for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))}
        for table in sorted(names & present):
            for name, sql in _sqlite_triggers(table).items():
                if existing.get(name) == sql:
                    continue
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
                connection.exec_driver_sql(sql)
        return
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION qizhou_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: add a correcting row'; END $$"
    )
    present = {row[0] for row in connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))}
    for table in sorted(names & present):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION qizhou_append_only()"
        )
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}")
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION qizhou_append_only()"
        )


def missing(connection: Connection) -> set[str]:
    """Names of triggers that should exist and do not, or that read differently. Empty means the promise holds."""
    if connection.dialect.name == "sqlite":
        existing = {row[0]: row[1] for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type='trigger'"))}
        return {
            name for table in TABLES for name, sql in _sqlite_triggers(table).items() if existing.get(name) != sql
        }
    found = {row[0] for row in connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"))}
    return {f"{table}{end}" for table in TABLES for end in ("_append_only", "_no_truncate")} - found
