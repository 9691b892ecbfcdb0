"""Run by Alembic for every walk over the migrations; the transaction it runs in is foundation.schema's.

A new one: `.venv/bin/flask db migrate --rev-id 0009_what_it_brings -m "What it brings."`, then read what it wrote. A merged
one is never edited. Migrations name plain types, so that they read the same when the program's own types have moved on.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from foundation import schema
from foundation.db import Exact, Json, UtcTime, db


def plain_type(kind: str, thing: Any, _context: Any) -> str | bool:
    """How a new migration writes our column types; False leaves everything else to Alembic."""
    if kind == "type" and isinstance(thing, UtcTime):
        return "sa.DateTime(timezone=True)"
    return "sa.Text()" if kind == "type" and isinstance(thing, Exact | Json) else False


SETTINGS: dict[str, Any] = {
    "target_metadata": db.metadata,
    "render_as_batch": True,      # SQLite alters a table by making it anew
    "transactional_ddl": True,    # true for SQLite too: our BEGIN holds, Python's sqlite3 adds none of its own
    "compare_type": True,
    "compare_server_default": True,
    "render_item": plain_type,
}


def run_offline() -> None:
    """Print the statements instead of running them (`flask db upgrade --sql`)."""
    context.configure(url=current_app.config["SQLALCHEMY_DATABASE_URI"], literal_binds=True, **SETTINGS)
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    with schema.changing() as connection:
        context.configure(connection=connection, **SETTINGS)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run()
