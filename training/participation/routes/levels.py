"""Participation of a cohort: attendance, proposals, levels confirmed or overridden; observations and evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from wtforms.fields import SelectChoice

from courses import queries as courses
from courses.queries import EnrolmentView
from courses.rosters import may_teach
from foundation import clock
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import ngettext, pick
from foundation.permissions import Permission, requires
from foundation.web import StaleVersion, change, see
from training.participation import queries, services
from training.participation.forms import LevelForm, NoteForm
from training.participation.routes.base import bp, level_title, part_name
from training.participation.rules.levels import LEAST_NOTES, LEVELS, PARTS, level_key

READERS = (Permission.TEACH, Permission.REVIEW)


# ── everybody ────────────────────────────────────────────────────────────────────────────────────────────────
def _levels_page(cohort_id: int, status: int = 200, problem: str = "", ticked: frozenset[str] = frozenset()) -> Any:
    rows = queries.levels_rows(cohort_id)
    waiting = sum(1 for row in rows for part in row.parts if part.is_confirmable)
    return render_template("participation/levels.html", cohort=courses.get_cohort(cohort_id), rows=rows, waiting=waiting, ticked=ticked, problem=problem,
                           least=LEAST_NOTES, form=ConfirmForm(), may_set=may_teach(current_user, cohort_id), parts=PARTS,
                           complete=sum(1 for row in rows if all(part.level for part in row.parts))), status


@bp.get("/cohorts/<int:cohort_id>/participation")
@requires(*READERS)
def levels(cohort_id: int) -> Any:
    """All trainees with attendance, the proposal for each part and what stands."""
    courses.cohort_or_404(cohort_id, current_user, *READERS)
    return _levels_page(cohort_id)


@bp.post("/cohorts/<int:cohort_id>/participation")
@requires(Permission.TEACH)
def confirm(cohort_id: int) -> Any:
    """Confirm the ticked proposals as the page showed them, all or none."""
    courses.cohort_or_404(cohort_id, current_user, Permission.TEACH)
    ticks = request.form.getlist("confirm")[:2000]
    wanted = [tick for text in ticks if (tick := _tick(text)) is not None]
    if not wanted or not ConfirmForm().validate():
        return _levels_page(cohort_id, 422, _("Tick at least one proposal."))
    try:
        with change() as done:
            count = services.confirm_levels(cohort_id, wanted, current_user.person_id)
            done.answer = url_for("participation.levels", cohort_id=cohort_id)
    except services.LevelRefused as refused:
        text = {"own": _("Nobody sets a level of their own. Ask another trainer.")}.get(
            refused.reason, _("Somebody who was ticked is not in this cohort any more. Load the page again."))
        return _levels_page(cohort_id, 422, text, frozenset(ticks))
    except StaleVersion:
        return _levels_page(cohort_id, 409, _("New observations or levels came in while this page was open. Nothing was saved; the table shows what "
                                              "stands now. Ticks on unchanged proposals are kept."), frozenset(ticks))
    flash(ngettext("%(num)d level confirmed.", "%(num)d levels confirmed.", count), "ok")
    return see(done.answer)


def _tick(text: str) -> services.Tick | None:
    """enrolment:part:level:observations:row, as the page wrote it; None for anything else."""
    words = text.split(":")
    if len(words) != 5 or words[1] not in PARTS or words[2] not in LEVELS or not all(w.isdecimal() and len(w) < 12 for w in (words[0], *words[3:])):
        return None
    return services.Tick(int(words[0]), words[1], words[2], int(words[3]), int(words[4]))


# ── an observation ───────────────────────────────────────────────────────────────────────────────────────────
@bp.route("/cohorts/<int:cohort_id>/notes", methods=["GET", "POST"])
@requires(Permission.TEACH)
def notes(cohort_id: int) -> Any:
    """Keep an observation: who, which part, which level, one sentence. The form stays for the next one."""
    cohort = courses.cohort_or_404(cohort_id, current_user, Permission.TEACH)
    members, recent = courses.roster(cohort_id), queries.recent_sessions(cohort_id)
    form = NoteForm(data=_carried(recent))
    form.trainee.choices = [SelectChoice("0", _("Choose a trainee")),
                            *(SelectChoice(str(m.id), f"{m.name} · {m.employee_no} · {m.org_unit}") for m in members)]
    form.session.choices = [SelectChoice("0", _("Outside a session")),
                            *(SelectChoice(str(view.id), pick(view.title)) for view in recent)]
    status = 200
    if form.is_submitted():
        if form.validate() and form.trainee.data:
            try:
                with change() as done:
                    services.note_contribution(form.trainee.data, form.part.data, form.level.data, form.note.data or "", current_user.person_id,
                                               form.session.data or None)
                    done.answer = url_for("participation.notes", cohort_id=cohort_id, part=form.part.data, session=form.session.data or None)
                name = next(m.name for m in members if m.id == form.trainee.data)
                flash(_("Kept: %(name)s, %(part)s, %(level)s.", name=name, part=part_name(form.part.data), level=level_title(form.level.data)), "ok")
                return see(done.answer)
            except services.LevelRefused as refused:
                _word(form, refused.reason)
        elif not form.trainee.data:
            form.trainee.errors = [_("Choose a trainee.")]
        status = 422
    since: datetime = clock.now() - timedelta(hours=16)
    return render_template("participation/notes.html", cohort=cohort, form=form, members=members, levels=LEVELS, parts=PARTS,
                           made=queries.notes_made_today(cohort_id, current_user.person_id, since)), status


def _carried(recent: Any) -> dict[str, Any]:
    """What the address carries over from the last observation or from where the form was opened."""
    values: dict[str, Any] = {}
    for name in ("trainee", "session"):
        text = request.args.get(name, "")
        if text.isdecimal() and len(text) < 12:
            values[name] = int(text)
    if "session" not in values and recent and recent[0].ends_at > clock.now() - timedelta(hours=1):
        values["session"] = recent[0].id
    if request.args.get("part") in PARTS:
        values["part"] = request.args["part"]
    return values


def _word(form: NoteForm, reason: str) -> None:
    field, message = {
        "person": (form.trainee, _("This person is no longer in the cohort.")),
        "own": (form.trainee, _("Nobody notes a contribution of their own. Ask another trainer.")),
        "session": (form.session, _("Choose a session of this cohort that has begun.")),
        "reason": (form.note, _("Write one sentence: what was said or done.")),
        "long": (form.note, _("Keep it to 1,000 characters.")),
        "part": (form.part, _("Choose one of the two.")),
        "level": (form.level, _("Choose a level.")),
    }[reason]
    field.errors = [message]


# ── one trainee ──────────────────────────────────────────────────────────────────────────────────────────────
def _evidence_page(enrolment: EnrolmentView, status: int = 200, form: LevelForm | None = None, stale: str = "", problem: str = "") -> Any:
    page = queries.evidence_page(enrolment)
    may_set = (may_teach(current_user, enrolment.cohort_id) and enrolment.withdrawn_at is None and enrolment.person_id != current_user.person_id)
    forms = {}
    for part in page.row.parts:
        if form is not None and form.part.data == part.part:
            form.seen.data = str(part.row_id)
            forms[part.part] = form
        else:
            forms[part.part] = LevelForm(formdata=None, data={"part": part.part, "level": part.proposed_level or part.level, "seen": str(part.row_id)})
    return render_template("participation/evidence.html", page=page, forms=forms, may_set=may_set, levels=LEVELS, least=LEAST_NOTES, stale=stale,
                           problem=problem, sent=form.part.data if form is not None else ""), status


@bp.get("/participation/<int:enrolment_id>")
@requires(*READERS)
def evidence(enrolment_id: int) -> Any:
    """Everything one trainee's participation rests on: observations, register entries, levels and who set them."""
    return _evidence_page(courses.enrolment_or_404(enrolment_id, current_user, *READERS))


@bp.post("/participation/<int:enrolment_id>/level")
@requires(Permission.TEACH)
def set_level(enrolment_id: int) -> Any:
    """Confirm the proposal, or set another level with a reason."""
    enrolment = courses.enrolment_or_404(enrolment_id, current_user, Permission.TEACH)
    form = LevelForm()
    if not form.validate():
        return _evidence_page(enrolment, 422, form)
    seen = form.seen.data or ""
    try:
        with change() as done:
            services.set_level(enrolment_id, form.part.data, form.level.data, form.reason.data or "", current_user.person_id,
                               int(seen) if seen.isdecimal() and len(seen) < 12 else 0)
            done.answer = url_for("participation.evidence", enrolment_id=enrolment_id)
    except services.LevelRefused as refused:
        if refused.reason != "reason":
            return _evidence_page(enrolment, 422, problem=_("Nobody sets a level of their own. Ask another trainer.") if refused.reason == "own"
                                  else _("This person is no longer in the cohort."))
        form.reason.errors = [_("This differs from the proposal, or there is none yet: write the reason.")]
        return _evidence_page(enrolment, 422, form)
    except StaleVersion as stale:
        return _evidence_page(enrolment, 409, form, level_title(level_key(stale.theirs)))
    flash(_("%(part)s: %(level)s stands for %(name)s.", part=part_name(form.part.data), level=level_title(form.level.data), name=enrolment.name), "ok")
    return see(done.answer)
