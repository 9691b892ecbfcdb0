"""Alive, and ready: for whoever watches the machine."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from foundation import append_only, schema
from foundation.db import db
from foundation.permissions import public

bp = Blueprint("foundation", __name__)


@bp.get("/healthz")
@public
def healthz() -> Response:
    return jsonify(status="alive")


@bp.get("/readyz")
@public
def readyz() -> tuple[Response, int]:
    """200 once the database answers, its schema is this program's, and the append-only triggers stand; else 503."""
    try:
        with db.engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            missing = append_only.missing(connection)
    except SQLAlchemyError:
        return jsonify(status="unready", reason="database"), 503
    if found != schema.HEAD:
        return jsonify(status="unready", reason="schema", found=found), 503
    if missing:
        return jsonify(status="unready", reason="triggers", missing=sorted(missing)), 503
    return jsonify(status="ready"), 200
