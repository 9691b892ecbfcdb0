"""Roster import: choose a file, look at what it would do, confirm exactly that. And the sheets of first codes per cohort."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, flash, make_response, render_template, request, url_for
from flask_login import current_user
from flask_wtf.file import FileField
from wtforms import HiddenField
from wtforms.validators import Length, Regexp

from courses import queries
from courses.exchange import roster
from courses.exchange.roster_plan import cohorts_waiting_for_codes
from foundation import intake, uploads
from foundation.forms import BaseForm, ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import language, lazy_gettext, pick
from foundation.permissions import Permission, requires
from foundation.roster import blank_roster, column_name
from foundation.web import change, see

bp = Blueprint("roster", __name__, url_prefix="/people")


class UploadForm(BaseForm):
    file = FileField(lazy_gettext("Roster file (CSV or XLSX)"), render_kw={"accept": ".csv,.txt,.xlsx"})


class ApplyForm(BaseForm):
    plan = HiddenField(validators=[Length(max=64), Regexp(r"[0-9a-f]{64}\Z")])


@bp.get("/import")
@requires(Permission.MANAGE_PEOPLE)
def choose() -> str:
    return render_template("people/import.html", form=UploadForm())


@bp.post("/import")
@requires(Permission.MANAGE_PEOPLE)
def upload() -> Any:
    """Keep the file for a day; nothing else changes until somebody has looked and confirmed."""
    form = UploadForm()
    sent = request.files.get("file")
    if form.validate() and sent and sent.filename:
        return see(url_for("roster.preview", sha256=uploads.keep(sent.stream, sent.filename)))
    if not (sent and sent.filename):
        form.file.errors = [_("Choose a file first.")]
    return render_template("people/import.html", form=form), 422


def _surveyed(sha256: str) -> roster.Survey:
    path = uploads.find(sha256)
    if path is None:
        abort(404)
    return roster.survey(path)


def _preview_page(sha256: str, found: roster.Preview, status: int = 200, is_stale: bool = False) -> Any:
    form = ApplyForm(formdata=None, plan=found.plan)
    return render_template("people/preview.html", preview=found, form=form, sha256=sha256, file_name=uploads.name_of(sha256), is_stale=is_stale,
                           column_name=column_name), status


@bp.get("/import/<sha256>")
@requires(Permission.MANAGE_PEOPLE)
def preview(sha256: str) -> Any:
    """What the file would do: new people, changes before → after, problems by row and column."""
    survey = _surveyed(sha256)
    survey.close()
    return _preview_page(sha256, survey.preview)


@bp.post("/import/<sha256>")
@requires(Permission.MANAGE_PEOPLE)
def confirm(sha256: str) -> Any:
    """Carry out what was previewed, or, where that has changed meanwhile, show the new plan (409) and do nothing."""
    form = ApplyForm()
    if not form.validate():
        return see(url_for("roster.preview", sha256=sha256))
    path = uploads.find(sha256)
    survey = roster.survey(path) if path else None
    try:
        with change() as done:   # a repeated click is answered here, before the missing file matters
            if survey is None:
                abort(404)
            tally = roster.apply(survey, sha256, form.plan.data or "", current_user.person_id)
            done.answer = url_for("people.listing")
            done.after_commit.append(lambda: uploads.discard(sha256))
    except (roster.PlanChanged, roster.RosterHasErrors):
        again = _surveyed(sha256)
        again.close()
        return _preview_page(sha256, again.preview, 409, is_stale=True)
    finally:
        if survey:
            survey.close()
    flash(_("The roster is in: %(new)s new, %(changed)s changed, %(same)s unchanged, %(enrolled)s enrolled.", new=tally.new, changed=tally.changed,
            same=tally.unchanged, enrolled=tally.enrolled), "ok")
    return see(done.answer)


@bp.post("/import/<sha256>/discard")
@requires(Permission.MANAGE_PEOPLE)
def discard(sha256: str) -> Any:
    """Throw the waiting file away."""
    if ConfirmForm().validate():
        uploads.discard(sha256)
        flash(_("The file was thrown away. Nothing was changed."), "ok")
    return see(url_for("roster.choose"))


@bp.get("/import/template.xlsx")
@requires(Permission.MANAGE_PEOPLE)
def template() -> Response:
    """An empty roster with the headings in the reader's language."""
    answer = make_response(blank_roster(language()))
    answer.headers["Content-Type"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    answer.headers["Content-Disposition"] = "attachment; filename=roster.xlsx"
    return answer


# ── first codes ──────────────────────────────────────────────────────────────────────────────────────────────
def _cohort() -> queries.CohortView:
    told = request.values.get("cohort", "")
    if not told.isdigit() or len(told) > 12:
        abort(404)
    return queries.cohort_or_404(int(told), current_user, Permission.MANAGE_PEOPLE)


@bp.get("/codes")
@requires(Permission.MANAGE_PEOPLE)
def codes() -> str:
    """Which cohorts have people without a password, and, for one of them, the button that makes their sheet."""
    form = ConfirmForm()
    if not request.args.get("cohort"):
        return render_template("people/codes.html", cohorts=cohorts_waiting_for_codes(), form=form)
    cohort = _cohort()
    people = intake.people_without_password([member.person_id for member in queries.roster(cohort.id)])
    return render_template("people/codes_cohort.html", cohort=cohort, people=people, form=form)


@bp.post("/codes")
@requires(Permission.MANAGE_PEOPLE)
def make_codes() -> Any:
    """Make the codes and show them, once: they are kept as hashes only. Earlier unused codes stop working."""
    cohort = _cohort()
    if not ConfirmForm().validate():
        return see(url_for("roster.codes", cohort=cohort.id))
    with change() as done:
        members = queries.roster(cohort.id)
        slips = intake.make_code_sheet([member.person_id for member in members], f"cohort:{cohort.id}", current_user.person_id)
        done.answer = url_for("roster.codes", cohort=cohort.id)
    if not slips:
        flash(_("Everybody in %(cohort)s has chosen a password already.", cohort=pick(cohort.name)), "ok")
        return see(done.answer)
    until = slips[0].expires_at.astimezone(ZoneInfo(cohort.zone)).date().isoformat()
    return render_template("people/codes_sheet.html", cohort=cohort, slips=slips, until=until)
