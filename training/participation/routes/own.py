"""A trainee's own attendance."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_login import current_user

from courses import queries as courses
from foundation.permissions import Permission, requires
from training.participation import queries
from training.participation.routes.base import bp


@bp.get("/my/attendance")
@requires(Permission.LEARN)
def own() -> Any:
    """Own sessions, hours by delivery form, what is earned and still possible, confirmed levels. Never the observations."""
    enrolment = courses.own_enrolment(current_user.person_id)
    if enrolment is None:
        return render_template("participation/own.html", page=None)
    return render_template("participation/own.html", page=queries.own_attendance(enrolment))
