"""People, roster import, audit trail: the administrator's pages."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("people", __name__, url_prefix="/people")
