"""Facts are added, never edited: the database itself refuses, whoever asks and however."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from foundation import append_only, audit
from foundation.append_only import TABLES
from foundation.db import db, transaction
from tests.conftest import ON_BOTH


def insert_anything(table: str) -> str:
    """An INSERT of one row of zeros and empty texts, for a database whose foreign keys are off."""
    columns = db.metadata.tables[table].columns
    plain = {bool: "FALSE", int: "0", str: "'x'", datetime: "'2026-11-21 00:00:00'", date: "'2026-11-21'"}
    values = [plain[getattr(column.type, "impl_instance", column.type).python_type] for column in columns]
    return f"INSERT INTO {table} ({', '.join(column.name for column in columns)}) VALUES ({', '.join(values)})"


def test_something_is_append_only_and_every_table_of_it_exists() -> None:
    assert {"audit_event", "content_version", "completion", "response", "rating", "result_entry", "credential", "revocation"} <= TABLES
    assert set(db.metadata.tables) >= TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_sqlite_refuses_every_way_of_changing_a_fact(app: Flask, table: str) -> None:
    """A row is put in with foreign keys off, so that every table can be tried without building its world first."""
    connection = db.engine.raw_connection()
    try:
        bare = connection.driver_connection
        assert bare is not None
        bare.execute("PRAGMA foreign_keys=OFF")
        bare.execute("PRAGMA ignore_check_constraints=ON")
        bare.execute(insert_anything(table))
        column = next(column.name for column in db.metadata.tables[table].columns if not column.primary_key)
        key = next(iter(db.metadata.tables[table].primary_key.columns)).name
        attempts = {
            "update": f"UPDATE {table} SET {column} = {column}",
            "delete": f"DELETE FROM {table}",
            "replace": insert_anything(table).replace("INSERT INTO", "INSERT OR REPLACE INTO"),
            "upsert": f"{insert_anything(table)} ON CONFLICT ({key}) DO UPDATE SET {column} = {column}",
        }
        for name, statement in attempts.items():
            with pytest.raises(Exception, match=f"{table} is append-only"):
                bare.execute(statement)
            assert name
    finally:
        connection.invalidate()


@pytest.mark.postgres
@pytest.mark.parametrize("statement", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"])
def test_postgres_refuses_update_delete_and_truncate_on_every_table(app: Flask, statement: str) -> None:
    with db.engine.connect() as connection:
        for table in sorted(TABLES):
            with connection.begin() as attempt:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")   # no foreign keys while the row goes in
                for check in inspect(connection).get_check_constraints(table):
                    connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {check['name']}")   # undone with the attempt
                connection.exec_driver_sql(insert_anything(table))
                connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
                column = next(column.name for column in db.metadata.tables[table].columns if not column.primary_key)
                with pytest.raises(DatabaseError, match="is append-only"):
                    connection.exec_driver_sql(statement.format(table=table, column=column))
                attempt.rollback()


@pytest.mark.postgres
def test_on_postgres_a_role_that_does_not_own_the_tables_cannot_take_the_triggers_away(app: Flask) -> None:
    with transaction():
        audit.record("test:act", "test:1", None)
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DO $$ BEGIN CREATE ROLE qizhou_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO qizhou_app")
    refused = {
        "UPDATE audit_event SET action = 'x'": "append-only",
        "DELETE FROM audit_event": "append-only",
        "TRUNCATE audit_event": "append-only",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL": "must be owner",
        "DROP TRIGGER audit_event_append_only ON audit_event": "must be owner",
        "SET LOCAL session_replication_role = replica": "permission denied",
    }
    for statement, reason in refused.items():
        with db.engine.connect() as connection, connection.begin() as attempt:
            connection.exec_driver_sql("SET LOCAL ROLE qizhou_app")
            with pytest.raises(DatabaseError, match=reason):
                connection.exec_driver_sql(statement)
            attempt.rollback()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY qizhou_app")


@ON_BOTH
def test_triggers_stand_after_the_migrations_and_a_missing_one_is_noticed(app: Flask) -> None:
    with db.engine.connect() as connection:
        assert append_only.missing(connection) == set()
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER completion_no_delete")
        else:
            connection.exec_driver_sql("ALTER TABLE completion DISABLE TRIGGER completion_append_only")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["reason"] == "triggers"
    assert len(answer.json["missing"]) == 1


def test_a_trigger_that_reads_differently_counts_as_missing(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER completion_no_delete")
        connection.exec_driver_sql("CREATE TRIGGER completion_no_delete BEFORE DELETE ON completion BEGIN SELECT 1; END")
        assert append_only.missing(connection) == {"completion_no_delete"}
        append_only.install(connection)
        assert append_only.missing(connection) == set()
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'completion_no_delete'")).scalar() == 1
