"""Pages of this part: the results board of the training department, the trainee's own standing, the rule in words."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from courses.queries import CohortView
from foundation.forms import ConfirmForm
from foundation.i18n import day
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import change, see
from training.assessment import queries, services
from training.assessment.forms import ExtensionForm
from training.assessment.rules import deadlines

bp = Blueprint("assessment", __name__)


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else None


# ── the training department ──────────────────────────────────────────────────────────────────────────────────────
@bp.get("/results")
@requires(Permission.REVIEW)
def boards() -> str:
    """The cohorts whose results this person reviews."""
    return render_template("assessment/boards.html", boards=queries.boards(current_user))


def _board(cohort: CohortView, person: int | None, form: ExtensionForm | None = None, status: int = 200) -> Any:
    page = queries.board(cohort, current_user.person_id, request.args.get("show", "all"), request.args.get("q", "")[:60], _number("page") or 1, person)
    extension = (form or ExtensionForm(formdata=None)).offer(page.scheme)
    return render_template("assessment/board.html", page=page, form=ConfirmForm(formdata=None), extension_form=extension), status


@bp.get("/results/<int:cohort_id>")
@requires(Permission.REVIEW)
def board(cohort_id: int) -> Any:
    """All trainees of a cohort by components; `?person=` opens one trainee's verdict and evidence."""
    return _board(courses.cohort_or_404(cohort_id, current_user, Permission.REVIEW), _number("person"))


@bp.get("/results/<int:cohort_id>/rule")
@requires(Permission.REVIEW, Permission.TEACH)
def board_rule(cohort_id: int) -> str:
    """The assessment rule of a cohort, for staff."""
    return render_template("assessment/rule.html", page=queries.rule_page(courses.cohort_or_404(cohort_id, current_user, Permission.REVIEW, Permission.TEACH)))


def _why_not_extended(refused: services.ExtensionRefused, cohort: CohortView, standing: queries.Standing, component: str) -> tuple[str, str]:
    """(field, message) of a refused extension."""
    if refused.reason == "too_late":
        last = services.latest_moment(standing, component)
        return "until", _("The scheme allows at most %(days)d days: the last possible day is %(day)s.",
                          days=standing.scheme.deadline.extension.max_days, day=day(deadlines.last_day(last, cohort.zone)))
    return {
        "not_later": ("until", _("This is not later than the present last day.")),
        "past_deadline": ("until", _("The scheme grants extensions only before the deadline.")),
        "component": ("component", _("Choose one of the components.")),
        "reason": ("reason", _("Say in a few words why; it stays on record.")),
        "own": ("component", _("Nobody extends a deadline of their own.")),
        "settled": ("component", _("This result is confirmed as a pass; there is nothing to extend.")),
        "withdrawn": ("component", _("This trainee has left the cohort.")),
    }[refused.reason]


@bp.post("/results/<int:cohort_id>/extensions/<int:enrolment_id>")
@requires(Permission.REVIEW)
def extend(cohort_id: int, enrolment_id: int) -> Any:
    """Grant a later last day for one component of one trainee, with a reason."""
    cohort = courses.cohort_or_404(cohort_id, current_user, Permission.REVIEW)
    enrolment = courses.enrolment_or_404(enrolment_id, current_user, Permission.REVIEW)
    if enrolment.cohort_id != cohort.id:
        abort(404)
    form = ExtensionForm().offer(queries.scheme_version(cohort.scheme_version_id)[0])
    if not form.validate():
        return _board(cohort, enrolment_id, form, 422)
    try:
        with change() as done:
            services.grant_extension(enrolment_id, form.component.data, form.ends_at(cohort.zone), form.reason.data or "", current_user)
            done.answer = url_for("assessment.board", cohort_id=cohort_id, person=enrolment_id, _anchor="verdict")
    except services.ExtensionRefused as refused:
        name, message = _why_not_extended(refused, cohort, queries.standing_of(enrolment_id), form.component.data)
        form[name].errors = [*form[name].errors, message]
        return _board(cohort, enrolment_id, form, 422)
    flash(_("The extension is on record."), "ok")
    return see(done.answer)


# ── the trainee ──────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/assessment")
@requires(Permission.LEARN)
def own() -> str:
    """One's own standing, limits and released results."""
    enrolment = courses.own_enrolment(current_user.person_id)
    if enrolment is None:
        return render_template("assessment/not_enrolled.html")
    return render_template("assessment/own.html", page=queries.own_page(enrolment))


@bp.get("/assessment/rule")
@requires(Permission.LEARN)
def own_rule() -> str:
    """How the figures are computed: the scheme of one's own cohort in words."""
    enrolment = courses.own_enrolment(current_user.person_id)
    if enrolment is None:
        return render_template("assessment/not_enrolled.html")
    return render_template("assessment/rule.html", page=queries.rule_page(courses.get_cohort(enrolment.cohort_id)))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
