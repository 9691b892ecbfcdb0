"""Sessions of a cohort: the list by unit, all of them planned in one go, one of them moved."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from courses.queries import CohortView
from courses.rosters import may_teach
from foundation.forms import ConfirmForm, local_moment
from foundation.i18n import gettext as _
from foundation.i18n import moment, ngettext
from foundation.permissions import Permission, requires
from foundation.web import StaleVersion, change, see
from training.participation import queries, services
from training.participation.forms import LONGEST_PLACE, SessionForm
from training.participation.routes.base import bp

PLANNERS = (Permission.TEACH, Permission.MANAGE_COHORTS)


def _cohort(cohort_id: int) -> CohortView:
    return courses.cohort_or_404(cohort_id, current_user, *PLANNERS)


@bp.get("/cohorts/<int:cohort_id>/sessions")
@requires(*PLANNERS)
def sessions(cohort_id: int) -> Any:
    """The sessions by unit, with time, place, form and how far each register is."""
    cohort = _cohort(cohort_id)
    return render_template("participation/sessions.html", page=queries.sessions_page(cohort), may_mark=may_teach(current_user, cohort_id))


def _outside(cohort: CohortView) -> str:
    return _("Outside the cohort's dates: a session lies between the first day and seven days after the last.")


@bp.route("/cohorts/<int:cohort_id>/sessions/plan", methods=["GET", "POST"])
@requires(*PLANNERS)
def plan(cohort_id: int) -> Any:
    """Every session of the outline that has no time yet, with a default to keep or change; all are saved together."""
    cohort = _cohort(cohort_id)
    proposed = queries.proposed_times(cohort)
    if request.method == "GET":
        return _plan_page(cohort, proposed, {}, {})
    common = request.form.get("place", "").strip()[:LONGEST_PLACE]
    refs = [name.removeprefix("starts-") for name in request.form if name.startswith("starts-")]
    values = {ref: (request.form.get(f"starts-{ref}", "").strip(), request.form.get(f"place-{ref}", "").strip()[:LONGEST_PLACE]) for ref in refs}
    wanted: dict[str, tuple[datetime, str]] = {}
    problems: dict[str, str] = {}
    for ref, (text, place) in values.items():
        starts_at = local_moment(text, cohort.zone) if text else None
        if text and starts_at is None:
            problems[ref] = _("This is no date and time.")
        elif starts_at is not None:
            wanted[ref] = (starts_at, place or common)
    if not wanted and not problems:
        return _plan_page(cohort, proposed, values, {}, 422, _("Give at least one session a time."), common)
    if problems or not ConfirmForm().validate():
        return _plan_page(cohort, proposed, values, problems, 422, _("Some sessions need mending. Nothing was saved."), common)
    try:
        with change() as done:
            count = services.plan_sessions(cohort_id, wanted, current_user.person_id)
            done.answer = url_for("participation.sessions", cohort_id=cohort_id)
    except services.SessionRefused as refused:
        return _plan_page(cohort, proposed, values, {refused.ref: _outside(cohort)}, 422, _("Some sessions need mending. Nothing was saved."), common)
    except (StaleVersion, services.UnknownSession):
        return _plan_page(cohort, queries.proposed_times(cohort), values, {}, 409,
                          _("Somebody planned sessions while this page was open; those are no longer listed here. Nothing was overwritten."), common)
    flash(ngettext("%(num)d session planned.", "%(num)d sessions planned.", count), "ok")
    return see(done.answer)


def _plan_page(cohort: CohortView, proposed: Any, values: dict[str, tuple[str, str]], problems: dict[str, str], status: int = 200, problem: str = "",
               place: str = "") -> Any:
    return render_template("participation/plan.html", cohort=cohort, proposed=proposed, values=values, problems=problems, problem=problem, place=place,
                           form=ConfirmForm(), count=sum(len(entries) for _unit, entries in proposed)), status


@bp.route("/sessions/<int:session_id>/edit", methods=["GET", "POST"])
@requires(*PLANNERS)
def edit(session_id: int) -> Any:
    """Another time or place for one session."""
    session = queries.session_or_404(session_id, current_user, *PLANNERS)
    cohort = courses.get_cohort(session.cohort_id)
    local = session.starts_at.astimezone(ZoneInfo(cohort.zone)).replace(tzinfo=None)
    form = SessionForm(data={"starts": local, "place": session.place, "row_version": str(session.row_version)})
    page = {"cohort": cohort, "session": session, "form": form}
    if not form.is_submitted():
        return render_template("participation/session.html", **page, theirs=None)
    if form.validate():
        starts_at = local_moment(form.starts.data.isoformat(), cohort.zone)
        try:
            if starts_at is None:
                raise services.SessionRefused("outside", session.activity_ref)
            with change() as done:
                version = form.row_version.data or ""
                services.move_session(session_id, starts_at, form.place.data or "", int(version) if version.isdigit() else 0, current_user.person_id)
                done.answer = url_for("participation.sessions", cohort_id=cohort.id, _anchor=f"s{session_id}")
            flash(_("Saved: %(time)s.", time=moment(starts_at, cohort.zone)), "ok")
            return see(done.answer)
        except services.SessionRefused as refused:
            form.starts.errors = [_outside(cohort) if refused.reason == "outside" else _("The register has entries: the session cannot lie in the future.")]
        except StaleVersion:
            theirs = queries.session_or_404(session_id, current_user, *PLANNERS)
            form.row_version.data = str(theirs.row_version)
            return render_template("participation/session.html", **page, theirs=theirs), 409
    return render_template("participation/session.html", **page, theirs=None), 422
