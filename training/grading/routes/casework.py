"""For trainees: the own work on a case, the candidate's part of a station."""

from __future__ import annotations

from typing import Any

from flask import flash, jsonify, render_template, request, url_for
from flask_login import current_user

from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import AlreadyDone, change, refusal, see
from training.grading import services
from training.grading.forms import CaseForm, HandInForm
from training.grading.queries.casework import CasePage, own_case_page, own_station_page
from training.grading.routes.blueprint import bp, first_answer, kept_answer, receipt_json, sent_json, whole_number
from training.grading.routes.wording import Difference
from training.grading.services.casework import MAX_ANSWER
from training.grading.services.refusals import CaseClosed, EmptyAnswers, NotOpen, OperationReused, StaleDraft, TextTooLong, UnknownQuestion


def _closed_message(reason: str) -> str:
    if reason == "handed_in":
        return _("This case was already handed in. What was handed in stands.")
    return _("The time is up. What was saved in time is your submission.")


def _too_long(refused: TextTooLong) -> str:
    return _("This answer has %(length)d characters; at most %(limit)d can be kept. It was not saved; your text is still here.", length=refused.length,
             limit=refused.limit)


def _show(page: CasePage, form: CaseForm | None = None, texts: dict[str, str] | None = None, status: int = 200) -> Any:
    return render_template("grading/case.html", page=page, form=form or CaseForm(formdata=None), texts=texts, limit=MAX_ANSWER), status


@bp.get("/cases/<ref>")
@requires(Permission.LEARN)
def case(ref: str) -> Any:
    """The case with the own answers: to begin, to write, or to read after the hand-in."""
    return _show(own_case_page(ref, current_user))


@bp.post("/cases/<ref>/open")
@requires(Permission.LEARN)
def open_case(ref: str) -> Any:
    page = own_case_page(ref, current_user)
    if not ConfirmForm().validate():
        return _show(page, status=422)
    try:
        with change() as done:
            services.open_case(page.enrolment.id, ref, page.due, current_user.person_id)
            done.answer = url_for("grading.case", ref=ref)
    except NotOpen:
        flash(_("This case is not open yet."), "error")
    except CaseClosed as refused:
        flash(_closed_message(refused.reason), "error")
    return see(url_for("grading.case", ref=ref))


@bp.post("/cases/<ref>")
@requires(Permission.LEARN)
def case_post(ref: str) -> Any:
    """Save all answers of the page; with `act=check` go on to the check before handing in."""
    page = own_case_page(ref, current_user)
    form = CaseForm()
    texts = {question.key: request.form.get(f"text.{question.key}", page.answers[question.key].text) for question in page.case.questions}
    if not form.validate():
        return _show(page, form, texts, 422)
    if page.performance_id is None:
        return see(url_for("grading.case", ref=ref))
    stale: list[StaleDraft] = []
    try:
        with change() as done:
            for question in page.case.questions:
                if f"text.{question.key}" not in request.form:
                    continue
                try:
                    services.save_case_draft(page.performance_id, question.key, texts[question.key],
                                             whole_number(request.form.get(f"version.{question.key}")), form.op.data or "", page.due)
                except StaleDraft as found:
                    stale.append(found)
            if stale:
                raise stale[0]
            done.answer = url_for("grading.hand_in" if request.form.get("act") == "check" else "grading.case", ref=ref)
    except TextTooLong as refused:
        form.refuse(f"text-{refused.question_key}", _("Not saved"), _too_long(refused))
        return _show(page, form, texts, 422)
    except CaseClosed as refused:
        form.refuse("main", _("Not saved"), _closed_message(refused.reason))
        return _show(own_case_page(ref, current_user), form, texts, 409)
    except OperationReused:
        return _show(page, form, texts, 409)
    except StaleDraft:
        return _stale(page, texts, stale)
    flash(_("Saved on the server."), "ok")
    return see(done.answer)


def _stale(page: CasePage, texts: dict[str, str], stale: list[StaleDraft]) -> Any:
    numbers = {question.key: number for number, question in enumerate(page.case.questions, 1)}
    newer = {found.key: found for found in stale}
    fields = [(f"text.{key}", text) for key, text in texts.items()]
    fields += [(f"version.{key}", str(newer[key].version) if key in newer else request.form.get(f"version.{key}", "0")) for key in texts]
    rows = [Difference(_("Question %(n)d", n=numbers[key]), texts[key] or "—", found.theirs or "—") for key, found in newer.items()]
    address = url_for("grading.case", ref=page.case.key)
    return render_template("grading/stale.html", title=page.case.title, form=ConfirmForm(), fields=fields, action=address, back=address, rows=rows), 409


@bp.post("/cases/<ref>/draft")
@requires(Permission.LEARN)
def case_draft(ref: str) -> Any:
    """Autosave of one answer: {op, question, text, version} → {receipt, saved_at, version}."""
    page = own_case_page(ref, current_user)
    sent, fault = sent_json()
    if fault is not None:
        return fault
    question, text = sent.get("question"), sent.get("text")
    if not isinstance(question, str) or not isinstance(text, str):
        return refusal(400, "bad-request", _("This request could not be read."))
    if page.performance_id is None:
        return refusal(409, "not-open", _("This case is not open yet."))
    try:
        with change() as done:
            saved = services.save_case_draft(page.performance_id, question, text, sent["version"], sent["op"], page.due)
            done.answer = kept_answer(saved)
    except AlreadyDone as earlier:
        return first_answer(earlier.answer)
    except TextTooLong as refused:
        return refusal(422, "too-long", _too_long(refused), limit=refused.limit)
    except UnknownQuestion:
        return refusal(422, "unknown-question", _("The case has no such question."))
    except CaseClosed as refused:
        return refusal(409, "closed", _closed_message(refused.reason))
    except OperationReused:
        return refusal(409, "operation-conflict", _("This form was already sent with other content."))
    except StaleDraft as stale:
        return refusal(409, "stale", _("Another tab or device saved this answer in between. Nothing was overwritten."), version=stale.version,
                       theirs=stale.theirs)
    return jsonify(receipt_json(saved))


def _seen(page: CasePage) -> str:
    return ",".join(f"{key}:{answer.version}" for key, answer in page.answers.items())


def _check_page(page: CasePage, form: HandInForm, status: int = 200) -> Any:
    form.seen.data = _seen(page)
    return render_template("grading/hand_in.html", page=page, form=form), status


@bp.get("/cases/<ref>/hand-in")
@requires(Permission.LEARN)
def hand_in(ref: str) -> Any:
    """What would be handed in, with lengths and receipts."""
    page = own_case_page(ref, current_user)
    if page.state != "writing":
        return see(url_for("grading.case", ref=ref))
    return _check_page(page, HandInForm(formdata=None))


@bp.post("/cases/<ref>/hand-in")
@requires(Permission.LEARN)
def hand_in_post(ref: str) -> Any:
    """Hand in for good. A page that shows older texts than the server holds is shown again first (409)."""
    page = own_case_page(ref, current_user)
    form = HandInForm()
    if not form.validate():
        return _check_page(page, form, 422)
    if page.performance_id is None:
        return see(url_for("grading.case", ref=ref))
    if page.state == "writing" and form.seen.data != _seen(page):
        form.refuse("main", _("Not handed in"),
                    _("Your answers changed after this page was opened, in another tab or on another device. Check them once more."))
        return _check_page(page, form, 409)
    try:
        with change() as done:
            services.hand_in_case(page.performance_id, page.due, current_user.person_id, bool(form.empty_is_meant.data))
            done.answer = url_for("grading.case", ref=ref)
    except EmptyAnswers:
        form.refuse("empty_is_meant", _("Empty answers"), _("Some answers are empty. Write them, or tick that you hand in without them."))
        return _check_page(page, form, 422)
    except CaseClosed as refused:
        flash(_closed_message(refused.reason), "notice")
        return see(url_for("grading.case", ref=ref))
    flash(_("Handed in. Your work is on file and can no longer be changed."), "ok")
    return see(done.answer)


@bp.get("/stations/<ref>")
@requires(Permission.LEARN)
def station_brief(ref: str) -> Any:
    """The candidate's part of a station and the own appointments; the rest of the kit stays closed."""
    return render_template("grading/station.html", page=own_station_page(ref, current_user))
