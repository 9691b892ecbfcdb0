"""The trainer's cohorts: lists, the roster, one trainee's progress, a gate waived with a reason."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, render_template, url_for
from flask_login import current_user

from courses import queries, rosters, services
from courses.forms import WaiveForm
from courses.routes.base import bp
from foundation.i18n import gettext as _
from foundation.i18n import pick
from foundation.permissions import Permission, requires
from foundation.web import change, see


@bp.app_template_global("cohort_pages")
def cohort_pages(cohort_id: int) -> frozenset[str]:
    """Which pages of a cohort the reader may open, for the links between them."""
    return rosters.cohort_pages(current_user, cohort_id)


@bp.get("/cohorts")
@requires(Permission.TEACH, Permission.REVIEW)
def cohorts() -> Any:
    """The cohorts somebody teaches or reviews: what runs now first."""
    cards = rosters.cohort_cards(current_user, Permission.TEACH, Permission.REVIEW)
    groups = [(phase, [card for card in cards if card.phase == phase]) for phase in ("running", "coming", "over")]
    return render_template("courses/cohorts.html", groups=[group for group in groups if group[1]])


@bp.get("/cohorts/<int:cohort_id>")
@requires(Permission.TEACH, Permission.REVIEW)
def cohort(cohort_id: int) -> Any:
    """The roster: everybody in the cohort, with hours, units, gates."""
    found = queries.cohort_or_404(cohort_id, current_user, Permission.TEACH, Permission.REVIEW)
    return render_template("courses/cohort.html", page=rosters.roster_page(found, current_user))


@bp.get("/trainees/<int:enrolment_id>")
@requires(Permission.TEACH, Permission.REVIEW)
def trainee(enrolment_id: int) -> Any:
    """One trainee's progress, as the trainer sees it."""
    enrolment = queries.enrolment_or_404(enrolment_id, current_user, Permission.TEACH, Permission.REVIEW)
    may_waive = (rosters.may_teach(current_user, enrolment.cohort_id) and enrolment.withdrawn_at is None
                 and enrolment.person_id != current_user.person_id)
    return render_template("courses/mentee.html", page=rosters.trainee_page(enrolment), may_waive=may_waive,
                           back=(url_for("courses.cohort", cohort_id=enrolment.cohort_id), _("Back to the roster")))


@bp.route("/trainees/<int:enrolment_id>/gates/<gate_key>/waive", methods=["GET", "POST"])
@requires(Permission.TEACH)
def waive(enrolment_id: int, gate_key: str) -> Any:
    """Let a trainee pass a gate. The reason is required and goes on record."""
    enrolment = queries.enrolment_or_404(enrolment_id, current_user, Permission.TEACH)
    page = rosters.trainee_page(enrolment)
    view = next((view for view in page.progress.gates if view.gate.key == gate_key), None)
    if view is None:
        abort(404)
    back = url_for("courses.trainee", enrolment_id=enrolment_id)
    form = WaiveForm()
    if view.state != "open" and not form.is_submitted():
        flash(_("This gate does not hold this trainee back any more."), "notice")
        return see(back)
    if not form.is_submitted():
        return render_template("courses/waive.html", page=page, view=view, form=form)
    if form.validate():
        try:
            with change() as done:
                services.waive_gate(enrolment_id, gate_key, form.reason.data or "", current_user.person_id)
                done.answer = back
        except services.AlreadyWaived:
            flash(_("This gate was waived before; the reason given then stands."), "notice")
            return see(back)
        except services.WaiverRefused as refused:
            form.reason.errors = [{
                "reason": _("Write the reason in 5 to 500 characters."),
                "own": _("Nobody waives a gate of their own. Ask another trainer."),
                "withdrawn": _("This person is no longer in the cohort."),
            }[refused.reason]]
            return render_template("courses/waive.html", page=page, view=view, form=form), 422
        flash(_("“%(gate)s” is waived for %(name)s. The reason is on record.", gate=pick(view.gate.title), name=enrolment.name), "ok")
        return see(done.answer)
    return render_template("courses/waive.html", page=page, view=view, form=form), 422
