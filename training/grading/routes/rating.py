"""The rater's list and console. A rater sees the own ratings alone, and never a sum."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, jsonify, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from courses.queries import visible_cohorts
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import AlreadyDone, change, refusal, see
from training.grading import services
from training.grading.forms import RateForm
from training.grading.queries.console import RatePage, own_assignment_row, rate_page
from training.grading.queries.instruments import instrument
from training.grading.queries.queue import queue_page
from training.grading.routes.blueprint import bp, first_answer, kept_answer, receipt_json, sent_json, whole_number
from training.grading.routes.wording import differences, lack_label, lack_message, lack_place, level_name, refused_message
from training.grading.rules.judgement import Judgement, JudgementRefused, read_judgement
from training.grading.rules.rubric import Instrument
from training.grading.services.refusals import OperationReused, RatingIncomplete, RatingIsFinal, StaleDraft


@bp.get("/rating")
@requires(Permission.RATE)
def queue() -> Any:
    """What is assigned to me."""
    page = queue_page(current_user, whole_number(request.args.get("page", "1")))
    cohorts = visible_cohorts(current_user, Permission.TEACH)[:20] if current_user.may(Permission.TEACH) else ()
    return render_template("grading/queue.html", page=page, cohorts=cohorts, page_address=lambda number: url_for("grading.queue", page=number))


def sent_judgement(fields: MultiDict[str, str], rubric: Instrument) -> dict[str, Any]:
    """The judgement a console form carries, as the JSON a device would send; nothing is checked yet."""
    red_lines = {}
    for line in rubric.red_lines:
        if fields.get(f"red.{line.key}"):
            red_lines[line.key] = {"quotation": fields.get(f"red_quotation.{line.key}", ""), "happened_at": fields.get(f"red_when.{line.key}", "")}
    return {
        "levels": {key.removeprefix("level."): value for key, value in fields.items() if key.startswith("level.")},
        "evidence": {key.removeprefix("evidence."): value for key, value in fields.items() if key.startswith("evidence.")},
        "red_lines": red_lines, "global_judgement": fields.get("global_judgement", ""), "comment": fields.get("comment", ""),
    }


def _console(page: RatePage, form: RateForm, shown: dict[str, Any], status: int = 200) -> Any:
    needed = _(", ").join(level_name(page.rubric, key) for key in page.rubric.evidence_required_at)
    return render_template("grading/rate.html", page=page, form=form, begin=ConfirmForm(), shown=shown, evidence_levels=needed), status


@bp.get("/rating/<int:assignment_id>")
@requires(Permission.RATE)
def rate(assignment_id: int) -> Any:
    """The console of one assignment; read-only once the rating is final."""
    page = rate_page(assignment_id, current_user)
    return _console(page, RateForm(version=page.draft.version), page.draft.judgement.to_json())


def _device_time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


@bp.post("/rating/<int:assignment_id>")
@requires(Permission.RATE)
def rate_post(assignment_id: int) -> Any:
    """Save the draft, or make the rating final: the whole console as one plain form."""
    page = rate_page(assignment_id, current_user)
    form, sent = RateForm(), sent_judgement(request.form, page.rubric)
    finish = request.form.get("act") == "finish"
    if not form.validate():
        return _console(page, form, sent, 422)
    if finish and not form.sure.data:
        form.refuse("sure", _("Make it final"), _("Tick that you have looked through your rating."))
        return _console(page, form, sent, 422)
    try:
        with change() as done:
            if finish:
                services.finalise_rating(assignment_id, sent, form.version.data, current_user.person_id, _device_time(form.device_at.data))
                done.answer = url_for("grading.queue")
            else:
                services.save_rating_draft(assignment_id, sent, form.version.data or 0, form.op.data or "", current_user.person_id)
                done.answer = url_for("grading.rate", assignment_id=assignment_id)
    except RatingIncomplete as refused:
        for lack in refused.lacks:
            form.refuse(lack_place(lack), lack_label(lack, page.rubric), lack_message(lack))
        return _console(page, form, sent, 422)
    except JudgementRefused as refused:
        form.refuse(_place_of(refused), _("Not saved"), refused_message(refused))
        return _console(page, form, sent, 422)
    except RatingIsFinal:
        flash(_("This rating was already final. It stands as it was."), "notice")
        return see(url_for("grading.rate", assignment_id=assignment_id))
    except services.NotPerformed:
        flash(_("This work is not handed in yet."), "error")
        return see(url_for("grading.queue"))
    except StaleDraft as stale:
        return _stale(page, sent, stale)
    flash(_("Your rating is final.") if finish else _("Draft saved on the server."), "ok")
    return see(done.answer)


def _place_of(refused: JudgementRefused) -> str:
    kind, _dot, rest = refused.where.partition(".")
    if kind == "evidence":
        return f"evidence-{rest}"
    if kind == "red_lines":
        key, _dot, field = rest.partition(".")
        return f"{'quotation' if field == 'quotation' else 'when'}-{key}"
    return "comment" if kind == "comment" else "main"


def _stale(page: RatePage, sent: dict[str, Any], stale: StaleDraft) -> Any:
    """409: both versions beside each other; keeping mine sends the same form again on top of the saved version."""
    try:
        mine = read_judgement(sent, page.rubric)
    except JudgementRefused:
        mine = Judgement()
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "op", "version")]
    return render_template(
        "grading/stale.html", title=page.title, form=ConfirmForm(), fields=[*fields, ("version", str(stale.version))],
        action=url_for("grading.rate_post", assignment_id=page.assignment_id), back=url_for("grading.rate", assignment_id=page.assignment_id),
        rows=differences(page.rubric, mine, read_judgement(stale.theirs, page.rubric))), 409


@bp.post("/rating/<int:assignment_id>/draft")
@requires(Permission.RATE)
def rate_draft(assignment_id: int) -> Any:
    """Autosave of the console: {op, version, body} → {receipt, saved_at, version}."""
    row = own_assignment_row(assignment_id, current_user)
    sent, fault = sent_json()
    if fault is not None:
        return fault
    rubric = instrument(row.rubric_version_id)
    try:
        with change() as done:
            saved = services.save_rating_draft(assignment_id, sent.get("body") or {}, sent["version"], sent["op"], current_user.person_id)
            done.answer = kept_answer(saved)
    except AlreadyDone as earlier:
        return first_answer(earlier.answer)
    except JudgementRefused as refused:
        return refusal(422, refused.reason.replace("_", "-"), refused_message(refused), where=_place_of(refused))
    except RatingIsFinal:
        return refusal(409, "final", _("This rating was already final. It stands as it was."))
    except OperationReused:
        return refusal(409, "operation-conflict", _("This form was already sent with other content."))
    except StaleDraft as stale:
        rows = differences(rubric, read_judgement(sent.get("body") or {}, rubric), read_judgement(stale.theirs, rubric))
        return refusal(409, "stale", _("Another tab or device saved this rating in between. Nothing was overwritten."), version=stale.version,
                       theirs=stale.theirs, differences=[{"label": row.label, "yours": row.yours, "saved": row.saved} for row in rows])
    return jsonify(receipt_json(saved))


@bp.post("/rating/<int:assignment_id>/begin")
@requires(Permission.RATE)
def begin(assignment_id: int) -> Any:
    """The role-play begins now: set once, for both raters."""
    row = own_assignment_row(assignment_id, current_user)
    form = ConfirmForm()
    if row.kind != "station" or not form.validate():
        return see(url_for("grading.rate", assignment_id=assignment_id))
    with change() as done:
        services.mark_performed(row.performance_id, current_user.person_id)
        done.answer = url_for("grading.rate", assignment_id=assignment_id)
    return see(done.answer)
