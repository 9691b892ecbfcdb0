"""The administrator's cohorts: dates, openings, people, mentors, trainers."""

from __future__ import annotations

import secrets
from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_login import current_user

from courses import queries, rosters, services
from courses.forms import CohortForm, EditCohortForm, day_of, ids_of
from courses.queries import CohortView
from courses.routes.base import bp
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import ngettext, pick
from foundation.permissions import EVERYWHERE, Permission, requires
from foundation.web import StaleVersion, change, see

MANAGE = Permission.MANAGE_COHORTS


def _cohort(cohort_id: int) -> CohortView:
    return queries.cohort_or_404(cohort_id, current_user, MANAGE)


@bp.get("/manage/cohorts")
@requires(MANAGE)
def manage() -> Any:
    """All cohorts, the latest first, with seats and trainers."""
    return render_template("courses/manage.html", cards=rosters.cohort_cards(current_user, MANAGE),
                           may_make=EVERYWHERE in current_user.scopes_for(MANAGE))


# ── dates and names ──────────────────────────────────────────────────────────────────────────────────────────
@bp.route("/manage/cohorts/new", methods=["GET", "POST"])
@requires(MANAGE)
def manage_new() -> Any:
    """Make a cohort; its content is pinned at once. Whoever manages single cohorts only makes none."""
    if EVERYWHERE not in current_user.scopes_for(MANAGE):
        abort(403)
    programmes = rosters.programmes()
    lengths = {key: days for key, _title, days in programmes}
    form = CohortForm().offer({
        key: ngettext("%(programme)s · %(num)d day", "%(programme)s · %(num)d days", days + 1, programme=pick(title)) for key, title, days in programmes})
    if form.is_submitted():
        if form.validate():
            try:
                with change() as done:
                    cohort_id = services.create_cohort(
                        form.plan(form.key.data or "", form.programme_key.data, lengths[form.programme_key.data]), current_user.person_id)
                    done.answer = url_for("courses.manage_one", cohort_id=cohort_id)
                flash(_("The cohort is made and its content pinned. Next: people, trainers, sessions."), "ok")
                return see(done.answer)
            except services.CohortRefused as refused:
                form.refuse(refused.reason)
        return render_template("courses/manage_edit.html", form=form, cohort=None, lengths=lengths, theirs=None), 422
    return render_template("courses/manage_edit.html", form=form, cohort=None, lengths=lengths, theirs=None)


@bp.route("/manage/cohorts/<int:cohort_id>/edit", methods=["GET", "POST"])
@requires(MANAGE)
def manage_edit(cohort_id: int) -> Any:
    """Names, dates, seats. Key and programme stay as they were made."""
    cohort = _cohort(cohort_id)
    form = EditCohortForm(data={"name_zh": cohort.name["zh"], "name_en": cohort.name["en"], "starts_on": cohort.starts_on, "ends_on": cohort.ends_on,
                                "zone": cohort.zone, "seats": cohort.seats, "row_version": str(cohort.row_version)})
    form.offer_zones(cohort.zone)
    if not form.is_submitted():
        return render_template("courses/manage_edit.html", form=form, cohort=cohort, lengths={}, theirs=None)
    if form.validate():
        try:
            with change() as done:
                services.change_cohort(cohort_id, form.plan(cohort.key, cohort.programme_key, (cohort.ends_on - cohort.starts_on).days),
                                       _number(form.row_version.data), current_user.person_id)
                done.answer = url_for("courses.manage_one", cohort_id=cohort_id)
            flash(_("The cohort's dates and names are saved."), "ok")
            return see(done.answer)
        except services.CohortRefused as refused:
            form.refuse(refused.reason)
        except StaleVersion:
            theirs = _cohort(cohort_id)
            form.row_version.data = str(theirs.row_version)
            return render_template("courses/manage_edit.html", form=form, cohort=cohort, lengths={}, theirs=theirs), 409
    return render_template("courses/manage_edit.html", form=form, cohort=cohort, lengths={}, theirs=None), 422


def _new_op() -> str:
    """An operation id of its own for each of the several forms of a page."""
    return secrets.token_urlsafe(18)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0


@bp.get("/manage/cohorts/<int:cohort_id>")
@requires(MANAGE)
def manage_one(cohort_id: int) -> Any:
    """Everything that is arranged for one cohort."""
    return _manage_page(_cohort(cohort_id))


def _manage_page(cohort: CohortView, status: int = 200, **more: Any) -> Any:
    """The cohort's page; `more` carries what was ticked or searched, and a refusal beside it."""
    text = request.values.get("q", "").strip()[:80]
    seeks = request.values.get("as", "")
    found = rosters.candidates(cohort.id, text) if text else ()
    values: dict[str, Any] = {"problem": "", "problem_at": "", "ticked": frozenset(), "mentor_id": 0, "stale": None, "days": {}, "day_problems": {}}
    values.update(more)
    return render_template("courses/manage_one.html", page=rosters.admin_page(cohort, current_user), new_op=_new_op, text=text, seeks=seeks,
                           found=found[:rosters.CANDIDATES_SHOWN], more_found=len(found) > rosters.CANDIDATES_SHOWN, **values), status


# ── openings ─────────────────────────────────────────────────────────────────────────────────────────────────
@bp.post("/manage/cohorts/<int:cohort_id>/openings")
@requires(MANAGE)
def manage_openings(cohort_id: int) -> Any:
    """The day each unit opens."""
    cohort = _cohort(cohort_id)
    units = [unit.key for unit in queries.programme_of(cohort).units]
    days = {key: request.form.get(f"opens-{key}", "") for key in units if f"opens-{key}" in request.form}
    wanted = {key: day for key, text in days.items() if (day := day_of(text)) is not None}
    problems = {key: "date" for key in days if key not in wanted}
    seen = {key: day for key in units if (day := day_of(request.form.get(f"seen-{key}", ""))) is not None}
    if not ConfirmForm().validate():
        return _manage_page(cohort, 422, problem=_("The page had been open too long. Please send it again."), problem_at="openings", days=days)
    if problems:
        return _manage_page(cohort, 422, problem=_("Some days need mending."), problem_at="openings", days=days, day_problems=problems)
    try:
        with change() as done:
            moved = services.move_openings(cohort_id, wanted, seen, current_user.person_id)
            done.answer = url_for("courses.manage_one", cohort_id=cohort_id, _anchor="openings")
    except services.OpeningRefused as refused:
        return _manage_page(cohort, 422, problem=_("Some days need mending."), problem_at="openings", days=days, day_problems=refused.problems)
    except StaleVersion as stale:
        return _manage_page(cohort, 409, problem=_("Somebody moved an opening while this page was open. Nothing was overwritten."),
                            problem_at="openings", days=days, stale=stale.theirs)
    flash(ngettext("%(num)d opening moved.", "%(num)d openings moved.", moved) if moved else _("Nothing was different: the openings stay."), "ok")
    return see(done.answer)


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────
@bp.post("/manage/cohorts/<int:cohort_id>/enrol")
@requires(MANAGE)
def manage_enrol(cohort_id: int) -> Any:
    """Enrol everybody who was ticked, or nobody."""
    cohort = _cohort(cohort_id)
    people, mentor_id = ids_of(request.form, "person"), _number(request.form.get("mentor"))
    again = {"problem_at": "people", "ticked": frozenset(people), "mentor_id": mentor_id}
    if not people or not ConfirmForm().validate():
        return _manage_page(cohort, 422, problem=_("Tick at least one person."), **again)
    try:
        with change() as done:
            count = services.enrol_people(cohort_id, people, mentor_id or None, current_user.person_id)
            done.answer = url_for("courses.manage_one", cohort_id=cohort_id, _anchor="people")
    except services.NoSeatLeft as full:
        return _manage_page(cohort, 422, problem=_("%(wanted)d people were ticked, but %(free)d seats are free. Nobody was enrolled.",
                                                   wanted=full.wanted, free=full.free), **again)
    except services.PersonRefused as refused:
        return _manage_page(cohort, 422, problem=_person_refusal(refused), **again)
    flash(ngettext("%(num)d person enrolled.", "%(num)d people enrolled.", count), "ok")
    return see(done.answer)


def _person_refusal(refused: services.PersonRefused) -> str:
    name = queries.people_names([refused.person_id]).get(refused.person_id, "") if refused.reason != "not_member" else ""
    return {
        "unknown": _("One of these people is not known any more. Load the page again."),
        "not_member": _("Somebody who was ticked is not in this cohort any more. Load the page again."),
        "teaches_here": _("%(name)s teaches this cohort and cannot sit in it as well.", name=name),
        "sits_here": _("%(name)s is enrolled in this cohort and cannot teach it as well.", name=name),
        "not_mentor": _("%(name)s has not the mentor's role.", name=name),
        "own_mentor": _("%(name)s cannot be the own mentor.", name=name),
    }[refused.reason]


@bp.post("/manage/cohorts/<int:cohort_id>/members")
@requires(MANAGE)
def manage_members(cohort_id: int) -> Any:
    """Give the ticked trainees a mentor, or withdraw them. What they achieved stays on record."""
    cohort = _cohort(cohort_id)
    members, mentor_id, act = ids_of(request.form, "member"), _number(request.form.get("mentor")), request.form.get("act", "")
    again = {"problem_at": "members", "ticked": frozenset(members), "mentor_id": mentor_id}
    if not members or act not in ("mentor", "withdraw") or not ConfirmForm().validate():
        return _manage_page(cohort, 422, problem=_("Tick at least one trainee."), **again)
    try:
        with change() as done:
            if act == "mentor":
                count = services.assign_mentors(cohort_id, members, mentor_id or None, current_user.person_id)
            else:
                count = services.withdraw_people(cohort_id, members, current_user.person_id)
            done.answer = url_for("courses.manage_one", cohort_id=cohort_id, _anchor="members")
    except services.PersonRefused as refused:
        return _manage_page(cohort, 422, problem=_person_refusal(refused), **again)
    if act == "mentor":
        flash(ngettext("The mentor of %(num)d trainee was changed.", "The mentor of %(num)d trainees was changed.", count), "ok")
    else:
        flash(ngettext("%(num)d trainee was withdrawn. What they achieved stays on record.",
                       "%(num)d trainees were withdrawn. What they achieved stays on record.", count), "ok")
    return see(done.answer)


# ── trainers ─────────────────────────────────────────────────────────────────────────────────────────────────
@bp.post("/manage/cohorts/<int:cohort_id>/trainers")
@requires(MANAGE)
def manage_trainers(cohort_id: int) -> Any:
    """Make somebody a trainer of this cohort, or end it."""
    cohort = _cohort(cohort_id)
    grant, revoke = _number(request.form.get("grant")), _number(request.form.get("revoke"))
    if not (grant or revoke) or not ConfirmForm().validate():
        return _manage_page(cohort, 422, problem=_("Choose a person first."), problem_at="trainers")
    try:
        with change() as done:
            if grant:
                services.grant_trainer(cohort_id, grant, current_user.person_id)
            else:
                services.revoke_trainer(cohort_id, revoke, current_user.person_id)
            done.answer = url_for("courses.manage_one", cohort_id=cohort_id, _anchor="trainers")
    except services.PersonRefused as refused:
        return _manage_page(cohort, 422, problem=_person_refusal(refused), problem_at="trainers")
    name = queries.people_names([grant or revoke]).get(grant or revoke, "")
    flash(_("%(name)s now teaches %(cohort)s.", name=name, cohort=pick(cohort.name)) if grant
          else _("%(name)s no longer teaches %(cohort)s.", name=name, cohort=pick(cohort.name)), "ok")
    return see(done.answer)
