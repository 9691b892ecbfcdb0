"""The schema: migrations equal models, walk up and down on both databases, survive a kill at any statement."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import CheckConstraint, event, inspect, text

from app import create_app
from foundation import append_only, clock, schema
from foundation.db import db, transaction
from foundation.people import Person

BOTH = pytest.mark.parametrize("bare", [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)


@pytest.fixture
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The application on a database without a single table."""
    settings: dict[str, object] = {"DATA": tmp_path / "bare"}
    if request.param == "postgres":
        settings["SQLALCHEMY_DATABASE_URI"] = request.getfixturevalue("empty_postgres")
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def version() -> str | None:
    with db.engine.connect() as connection:
        return schema.found_version(connection)


def test_migrations_are_numbered_and_form_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    line = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(line) == schema.KNOWN, "file names, revisions and their order must agree"
    assert [name[:4] for name in line] == [f"{number:04d}" for number in range(1, len(line) + 1)]
    assert scripts.get_heads() == [schema.HEAD]


@BOTH
def test_the_migrations_make_exactly_what_the_models_say(bare: Flask) -> None:
    assert schema.upgrade() == (None, schema.HEAD)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, db.metadata) == []
        assert append_only.missing(connection) == set()
        checks = {(table.name, constraint.name) for table in db.metadata.sorted_tables for constraint in table.constraints
                  if isinstance(constraint, CheckConstraint)}
        found = {(table, check["name"]) for table in tables() for check in inspect(connection).get_check_constraints(table)}
        assert found == checks, "comparing metadata does not look at check constraints"


@BOTH
def test_every_step_can_be_walked_up_and_down(bare: Flask) -> None:
    seen: dict[str, set[str]] = {}
    for revision in schema.KNOWN:
        schema.upgrade(revision)
        assert version() == revision
        seen[revision] = tables()
    for below, revision in reversed([("base", schema.KNOWN[0]), *zip(schema.KNOWN, schema.KNOWN[1:], strict=False)]):
        assert tables() == seen[revision]
        schema.downgrade(below)
    assert tables() == {"alembic_version"}
    assert schema.upgrade()[1] == schema.HEAD
    assert tables() == seen[schema.HEAD]


@BOTH
def test_a_second_upgrade_touches_nothing(bare: Flask) -> None:
    schema.upgrade()
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert schema.upgrade() == (schema.HEAD, schema.HEAD)
    assert not [statement for statement in asked if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "SHOW", "BEGIN"))]


@BOTH
def test_lost_triggers_are_made_again_at_the_next_start(bare: Flask) -> None:
    schema.upgrade()
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER audit_event_no_update")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_event_append_only ON audit_event")
        assert append_only.missing(connection)
    assert bare.test_client().get("/readyz").status_code == 503
    schema.upgrade()
    assert bare.test_client().get("/readyz").status_code == 200


@BOTH
def test_a_program_refuses_a_schema_it_does_not_know(bare: Flask) -> None:
    schema.upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
    with pytest.raises(schema.UnknownSchema, match="9999_from_the_future"):
        schema.upgrade()
    answer = bare.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "unready", "reason": "schema", "found": "9999_from_the_future"})


@BOTH
def test_tables_of_somebody_else_are_not_touched(bare: Flask) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ledger_of_another_program (id INTEGER)")
    with pytest.raises(schema.UnknownSchema, match="not made by this program"):
        schema.upgrade()
    assert tables() == {"ledger_of_another_program"}


@BOTH
def test_a_running_program_writes_nothing_once_a_newer_one_moved_the_schema_on(bare: Flask) -> None:
    schema.upgrade()

    def add(number: str) -> None:
        with transaction():
            db.session.add(Person(employee_no=number, name="周以宁", created_at=clock.now()))

    add("001")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
    with pytest.raises(schema.UnknownSchema, match="restart"):
        add("002")
    assert db.session.query(Person.employee_no).all() == [("001",)]


# ── kills ────────────────────────────────────────────────────────────────────────────────────────────────────────
def in_a_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; returns the signal that ended it (0 for none). Its exit code must be 0 otherwise."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0
    return 0


def upgrade_and_die(settings: dict[str, object], at: int) -> Callable[[], None]:
    """An upgrade that kills its own process (SIGKILL) before statement number `at`; the COMMIT counts as one."""

    def work() -> None:
        app = create_app(settings)
        with app.app_context():
            left = [at]

            def count(*_told: object) -> None:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(db.engine, "before_cursor_execute", count)
            event.listen(db.engine, "commit", count)
            schema.upgrade()

    return work


def picture(database: Path) -> list[tuple[str, ...]]:
    """Everything the schema holds, and the version mark: what "old" and "new" mean."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_master ORDER BY 1, 2").fetchall()
        if any(row[1] == "alembic_version" for row in rows):
            rows += connection.execute("SELECT version_num, '', '', '' FROM alembic_version").fetchall()
        return rows
    finally:
        connection.close()


@pytest.mark.parametrize("start", ["", schema.KNOWN[-3]])
def test_a_kill_at_any_statement_leaves_the_old_schema_or_the_new_one(tmp_path: Path, start: str) -> None:
    """From an empty file, and from an older schema: after each kill the file is one of the two, and the next start mends it.

    From the older schema every statement is tried; from nothing every fourth, because most of them make an empty table.
    """
    old = tmp_path / "old"
    app = create_app({"DATA": old})
    with app.app_context():
        if start:
            schema.upgrade(start)
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    before = picture(old / "qizhou.db")
    mended = 0
    left_behind: list[list[tuple[str, ...]]] = []
    step = 1 if start else 4
    for at in range(1, 4000, step):
        data = tmp_path / "killed"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(old, data)
        killed = in_a_child(upgrade_and_die({"DATA": data}, at))
        left_behind.append(picture(data / "qizhou.db"))
        if not killed:
            break
        assert killed == signal.SIGKILL
        if len(left_behind) % 40 == 0:
            assert in_a_child(upgrade_and_die({"DATA": data}, 0)) == 0, "the next start must finish the work"
            mended += (schema.HEAD, "", "", "") in picture(data / "qizhou.db")
    new = left_behind.pop()
    assert (schema.HEAD, "", "", "") in new and new != before
    halves = [1 + step * number for number, found in enumerate(left_behind) if found not in (before, new)]
    assert halves == [], "half a schema after a kill before these statements"
    assert left_behind.count(before) > 40 and mended, "the upgrade has more statements than that: the kills did not happen"


@pytest.mark.postgres
def test_a_kill_leaves_postgres_with_the_old_schema_or_the_new_one(tmp_path: Path, empty_postgres: str) -> None:
    settings: dict[str, object] = {"DATA": tmp_path / "data", "SQLALCHEMY_DATABASE_URI": empty_postgres}
    app = create_app(settings)
    for at in (5, 25, 60, 120):
        assert in_a_child(upgrade_and_die(settings, at)) == signal.SIGKILL
        with app.app_context():
            assert tables() == set(), f"half a schema after a kill before statement {at}"
            db.engine.dispose()
    assert in_a_child(upgrade_and_die(settings, 0)) == 0
    with app.app_context():
        assert version() == schema.HEAD
        db.engine.dispose()


def test_two_programs_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    settings: dict[str, object] = {"DATA": tmp_path / "data"}
    create_app(settings)
    children = []
    for _number in range(2):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                upgrade_and_die(settings, 0)()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert (schema.HEAD, "", "", "") in picture(tmp_path / "data" / "qizhou.db")


# ── a migration to come ──────────────────────────────────────────────────────────────────────────────────────────
TO_COME = """
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "9001_to_come"
down_revision = "{head}"


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("nickname", sa.String(), nullable=False, server_default="—"))
        batch.alter_column("position", new_column_name="post", existing_type=sa.String(), existing_nullable=False)
    with op.batch_alter_table("audit_event") as batch:
        batch.alter_column("subject", type_=sa.Text(), existing_type=sa.String(), existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.alter_column("post", new_column_name="position", existing_type=sa.String(), existing_nullable=False)
        batch.drop_column("nickname")
"""


def test_a_rebuilt_table_keeps_its_rows_its_references_and_its_triggers(template: Path, tmp_path: Path) -> None:
    """SQLite alters a table by making it anew, which loses triggers, and would cascade through foreign keys."""
    data, folder = tmp_path / "data", tmp_path / "migrations"
    shutil.copytree(template, data)
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_to_come.py").write_text(dedent(TO_COME.format(head=schema.HEAD)))
    app = create_app({"DATA": data})
    app.extensions["migrate"].directory = str(folder)
    with app.app_context():
        with transaction():
            db.session.add(Person(employee_no="007", name="周以宁", created_at=clock.now()))
        with db.engine.connect() as connection:
            events = connection.execute(text("SELECT count(*) FROM audit_event")).scalar()
        schema.upgrade("9001_to_come")
        with db.engine.connect() as connection:
            assert connection.execute(text("SELECT employee_no, nickname, post FROM person")).all() == [("007", "—", "")]
            assert connection.execute(text("SELECT count(*) FROM audit_event")).scalar() == events and events
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1, "switched on again for the next user of this connection"
            assert append_only.missing(connection) == set()
        schema.downgrade(schema.HEAD)
        with db.engine.connect() as connection:
            assert connection.execute(text("SELECT employee_no, position FROM person")).all() == [("007", "")]
            assert append_only.missing(connection) == set()
        db.engine.dispose()


def test_a_migration_that_would_orphan_rows_is_undone(template: Path, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "migrations"
    shutil.copytree(template, data)
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_bad.py").write_text(dedent(f'''
        from alembic import op

        revision = "9001_bad"
        down_revision = "{schema.HEAD}"


        def upgrade() -> None:
            op.execute("INSERT INTO content_head (kind, key, version_id) VALUES ('lesson', 'orphan', 999999)")


        def downgrade() -> None:
            pass
    '''))
    app = create_app({"DATA": data})
    app.extensions["migrate"].directory = str(folder)
    with app.app_context():
        with pytest.raises(RuntimeError, match="content_head"):
            schema.upgrade("9001_bad")
        assert version() == schema.HEAD
        with db.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM content_head WHERE key = 'orphan'")).scalar() == 0
        db.engine.dispose()
