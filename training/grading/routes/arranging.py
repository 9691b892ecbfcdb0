"""For trainers of a cohort: arrange role-plays, give raters to written work, ask a third rater."""

from __future__ import annotations

import secrets
from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_login import current_user

from courses.queries import CohortView, cohort_or_404
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import ngettext
from foundation.permissions import Permission, requires
from foundation.web import change, see
from training.grading import services
from training.grading.forms import ArrangeForm, MarkersForm
from training.grading.queries.arrange import ArrangePage, arrange_page, cohort_of
from training.grading.queries.queue import code_of
from training.grading.routes.blueprint import bp
from training.grading.routes.wording import names_of, rater_refused
from training.grading.rules.pairing import TooFewRaters
from training.grading.services.refusals import AlreadyArranged, AlreadyAssigned, NotHeld, RaterRefused


def _arrange_form(page: ArrangePage) -> ArrangeForm:
    form = ArrangeForm()
    form.station.known = {station.key for station in page.stations}
    form.raters.known = dict(page.raters)
    form.trainees.known = {row.enrolment.id for row in page.trainees}
    return form


def _markers_form(page: ArrangePage) -> MarkersForm:
    form = MarkersForm()
    form.case.known = {batch.key for batch in page.cases}
    form.raters.known = dict(page.raters)
    return form


def _show(page: ArrangePage, form: ArrangeForm | None = None, markers: MarkersForm | None = None, status: int = 200) -> Any:
    for shown in (form, markers):
        if shown is not None:       # refused: nothing was carried out, so what is sent next is a fresh operation
            shown.op.data = secrets.token_urlsafe(18)
    return render_template("grading/arrange.html", page=page, form=form or ArrangeForm(formdata=None), markers=markers or MarkersForm(formdata=None),
                           third=ConfirmForm(formdata=None)), status


@bp.get("/rating/arrange/<int:cohort_id>")
@requires(Permission.TEACH)
def arrange(cohort_id: int) -> Any:
    """Who is arranged, what waits for raters, what is held."""
    return _show(arrange_page(cohort_or_404(cohort_id, current_user, Permission.TEACH)))


def _chosen(page: ArrangePage, form: ArrangeForm) -> list[int]:
    """The trainees meant: those ticked, or everyone without this station."""
    if form.everyone.data:
        return [row.enrolment.id for row in page.trainees if row.states.get(form.station.data) == "none"]
    return list(form.trainees.data or ())


@bp.post("/rating/arrange/<int:cohort_id>")
@requires(Permission.TEACH)
def arrange_post(cohort_id: int) -> Any:
    """Arrange a station for the trainees chosen; all or nothing."""
    page = arrange_page(cohort_or_404(cohort_id, current_user, Permission.TEACH))
    form = _arrange_form(page)
    valid = form.validate()
    chosen = _chosen(page, form) if valid else []
    if valid and not chosen:
        form.refuse("trainees", _("Trainees to arrange"), _("Choose at least one trainee who has not been arranged at this station."))
    if not valid or form.found:
        return _show(page, form, status=422)
    names = {row.enrolment.id: row.enrolment.name for row in page.trainees}
    try:
        with change() as done:
            made = services.arrange_role_plays(form.station.data or "", chosen, form.raters.data or [], current_user.person_id)
            done.answer = url_for("grading.arrange", cohort_id=cohort_id)
    except TooFewRaters as refused:
        form.refuse("raters", _("Raters"), _("Too few of these raters may rate: %(names)s. A mentor never rates the own trainee.",
                                             names=names_of(refused.keys, names)))
    except AlreadyArranged as refused:
        form.refuse("trainees", _("Trainees to arrange"), _("Already arranged at this station: %(names)s.", names=names_of(refused.enrolment_ids, names)))
    except RaterRefused as refused:
        form.refuse("raters", _("Raters"), rater_refused(refused.reason))
    if form.found:
        return _show(page, form, status=422)
    flash(ngettext("%(num)d role-play arranged.", "%(num)d role-plays arranged.", len(made)), "ok")
    return see(done.answer)


@bp.post("/rating/arrange/<int:cohort_id>/markers")
@requires(Permission.TEACH)
def markers(cohort_id: int) -> Any:
    """Give raters to all work on a case that was handed in, what time has closed included."""
    cohort: CohortView = cohort_or_404(cohort_id, current_user, Permission.TEACH)
    page = arrange_page(cohort)
    form = _markers_form(page)
    if not form.validate():
        return _show(page, markers=form, status=422)
    try:
        with change() as done:
            services.close_due_cases([cohort_id])
            number = services.assign_markers(cohort_id, form.case.data or "", form.raters.data or [], current_user.person_id)
            done.answer = url_for("grading.arrange", cohort_id=cohort_id)
    except TooFewRaters as refused:
        form.refuse("m-raters", _("Raters"), _("Too few of these raters may rate work number %(numbers)s. A mentor never rates the own trainee.",
                                               numbers=names_of(refused.keys, {key: code_of(key) for key in refused.keys})))
        return _show(page, markers=form, status=422)
    except RaterRefused as refused:
        form.refuse("m-raters", _("Raters"), rater_refused(refused.reason))
        return _show(page, markers=form, status=422)
    flash(ngettext("%(num)d piece of work has its raters.", "%(num)d pieces of work have their raters.", number), "ok")
    return see(done.answer)


@bp.post("/rating/third/<int:performance_id>")
@requires(Permission.TEACH)
def third(performance_id: int) -> Any:
    """Ask a third rater to settle a gap."""
    cohort_id = cohort_of(performance_id)
    if cohort_id is None:
        abort(404)
    cohort_or_404(cohort_id, current_user, Permission.TEACH)
    rater = request.form.get("rater", "")
    try:
        with change() as done:
            services.assign_third(performance_id, int(rater) if rater.isdigit() and len(rater) < 10 else 0, current_user.person_id)
            done.answer = url_for("grading.arrange", cohort_id=cohort_id)
    except (NotHeld, AlreadyAssigned):
        flash(_("Nothing to settle: a third rater was asked already, or the gap is settled."), "notice")
    except RaterRefused as refused:
        flash(rater_refused(refused.reason), "error")
    else:
        flash(_("A third rater is asked. Nobody sees the other ratings before the own is final."), "ok")
    return see(url_for("grading.arrange", cohort_id=cohort_id))
