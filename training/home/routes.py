"""The start page: each role sees what to do next."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask_login import current_user

from foundation.permissions import requires

bp = Blueprint("home", __name__)


@bp.get("/")
@requires()
def start() -> Any:
    return render_template("home/start.html", name=current_user.name)


BLUEPRINTS = (bp,)
