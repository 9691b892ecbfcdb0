"""The mentor's page: the own trainees, and one of them at a time."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for
from flask_login import current_user

from courses import queries, rosters
from courses.routes.base import bp
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires


@bp.get("/mentees")
@requires(Permission.MENTOR)
def mentees() -> Any:
    """The mentor's own trainees: hours, units, gates, what comes next."""
    members = queries.enrolments_with_mentor(current_user.person_id)
    progress = rosters.progress_of(members)
    return render_template("courses/mentees.html", rows=[progress[member.id] for member in members],
                           cohorts=rosters.cohorts_by_id({member.cohort_id for member in members}))


@bp.get("/mentees/<int:enrolment_id>")
@requires(Permission.MENTOR)
def mentee(enrolment_id: int) -> Any:
    """One of the mentor's own trainees; anybody else's is a 404."""
    enrolment = queries.enrolment_or_404(enrolment_id, current_user, Permission.MENTOR)
    return render_template("courses/mentee.html", page=rosters.trainee_page(enrolment), may_waive=False,
                           back=(url_for("courses.mentees"), _("Back to my trainees")))
