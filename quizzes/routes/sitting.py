"""Pages of this part: a quiz's start page, the attempt, the check before handing in, the result. JSON for autosave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, jsonify, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from foundation import clock
from foundation.db import transaction
from foundation.forms import ConfirmForm
from foundation.hotwrite import Unsuited, hot_transaction
from foundation.i18n import gettext as _
from foundation.i18n import moment as shown_moment
from foundation.permissions import Permission, requires
from foundation.sessions import csrf_token
from foundation.web import OperationConflict, StaleVersion, change, refusal, see, wants_json
from quizzes import queries, services
from quizzes.forms import AnswerForm, JsonAnswer
from quizzes.queries import parts
from quizzes.rules.answer import Answer, BadAnswer, from_form, from_screen, to_screen
from quizzes.rules.assembly import NoPaper

bp = Blueprint("quizzes", __name__)


@bp.app_template_filter("to_second")
def to_second(moment: datetime, zone: str) -> str:
    """The time of day in `zone`, to the second: what a receipt and a deadline show."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


# ── before ───────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/quizzes/<ref>")
@requires(Permission.LEARN)
def start(ref: str) -> Any:
    """What the quiz is, what counts, my attempts so far."""
    return render_template("quizzes/start.html", page=queries.start_page(ref, current_user, clock.now()), form=ConfirmForm(),
                           mirror=parts.mirror_of(ref, current_user))


@bp.post("/quizzes/<ref>/attempts")
@requires(Permission.LEARN)
def begin(ref: str) -> Any:
    """Begin, or return to the attempt that is open."""
    enrolment = courses.own_enrolment_or_404(current_user)
    try:
        with change() as done:
            attempt_id = services.start_attempt(enrolment.id, ref, current_user.person_id)
            done.answer = url_for("quizzes.attempt", attempt_id=attempt_id)
        return see(done.answer)
    except services.QuizNotOpen:
        queries.start_page(ref, current_user, clock.now())
        flash(_("This quiz is not open to you now. Nothing was started."), "error")
    except services.NotNow as refused:
        flash(_not_now(refused.admission, enrolment.cohort_id), "error")
    except services.ExamTaken:
        flash(_("You have sat this exam. There is one sitting; your paper is kept."), "error")
    except NoPaper:
        flash(_("The paper could not be put together from the item bank. Tell the training department; nothing was started."), "error")
    return see(url_for("quizzes.start", ref=ref))


def _not_now(planned: queries.Admission, cohort_id: int) -> str:
    """Why a planned paper cannot be begun at this moment, with the time at which it can."""
    zone = courses.get_cohort(cohort_id).zone
    if planned.state == "early":
        return _("This paper opens on %(time)s. Nothing was started.", time=shown_moment(planned.opens_at, zone))
    if planned.state == "paused":
        return _("The invigilator has paused this sitting. Nobody can begin until it goes on; nothing was started.")
    return _("This paper closed on %(time)s. Nothing was started.", time=shown_moment(planned.closes_at, zone))


# ── during ───────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/attempts/<int:attempt_id>")
@requires(Permission.LEARN)
def attempt(attempt_id: int) -> Any:
    """The paper, one question at a time (`?q=17`). After the end: the result."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    now = clock.now()
    if not found.is_open(now):
        return see(url_for("quizzes.result", attempt_id=attempt_id))
    asked = request.args.get("q", "")
    page = queries.attempt_page(found, now, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 0)
    if page.desk.is_covered:
        return render_template("quizzes/covered.html", page=page, form=ConfirmForm(formdata=None))
    return render_template("quizzes/attempt.html", page=page, form=AnswerForm(formdata=None), confirm=ConfirmForm(formdata=None))


@bp.get("/attempts/<int:attempt_id>/time")
@requires(Permission.LEARN)
def time(attempt_id: int) -> Any:
    """The server's clock for this attempt, and a CSRF token for a page that was signed in again. Writes nothing."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    now = clock.now()
    return jsonify(**queries.told(queries.desk(found, now), now), section=found.section, csrf_token=csrf_token(),
                   result=url_for("quizzes.result", attempt_id=attempt_id))


@bp.post("/attempts/<int:attempt_id>/answers")
@requires(Permission.LEARN)
def answer(attempt_id: int) -> Any:
    """Save one answer: JSON from a page that saves by itself, a form from one that cannot."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    return _answer_json(found) if request.is_json else _answer_form(found)


def _answer_json(found: queries.AttemptView) -> Any:
    sent = JsonAnswer.read(request.get_json(silent=True))
    if sent is None:
        return refusal(422, "shape", _("This answer could not be read. It is still on your page; load the page again before you go on."))
    try:
        saved = _save(found.id, sent)
    except (BadAnswer, services.UnknownSlot):
        return refusal(422, "shape", _("This answer could not be read. It is still on your page; load the page again before you go on."))
    except OperationConflict:
        return refusal(409, "operation-conflict", _("This save was sent before with another answer. The first one stands."))
    except services.TakenOver:
        return refusal(409, "taken-over", _("This paper is open on another device now. Nothing you do here is saved any more."))
    except services.SectionAhead:
        return refusal(409, "section", _("This question stands in a section that is not open yet. Nothing was saved."))
    except StaleVersion as stale:
        slot = queries.one_slot(found.id, sent.position)
        return _stale_json(slot, from_screen(slot.item, slot.order, sent.answer), stale.theirs)
    if saved.is_section:
        return refusal(409, "section", _("This section was closed before. The answer is kept and held for review; it does not count by itself."))
    if saved.late:
        return refusal(409, "late", _late_text(found), result=url_for("quizzes.result", attempt_id=found.id))
    now = clock.now()
    return jsonify(receipt=saved.receipt, saved_at=saved.saved_at.isoformat() if saved.saved_at else None,
                   saved_time=to_second(saved.saved_at, found.zone) if saved.saved_at else "", version=saved.version, position=saved.position,
                   now=now.isoformat(), closes_at=saved.closes_at.isoformat(), seconds_left=found.seconds_left(now))


def _save(attempt_id: int, sent: JsonAnswer) -> services.Saved:
    person_id = current_user.person_id
    try:
        with hot_transaction():
            return services.save_answer(attempt_id, sent.position, sent.answer, sent.op, sent.version, person_id, from_page=True, device=sent.device)
    except Unsuited:
        with transaction():
            return services.save_answer(attempt_id, sent.position, sent.answer, sent.op, sent.version, person_id, from_page=True, device=sent.device)


def _stale_json(slot: queries.SlotView, given: Answer, theirs: services.Theirs) -> Any:
    return refusal(409, "stale", _("This question was answered elsewhere in the meantime. Nothing was overwritten; choose which answer stands."),
                   version=theirs.version, answer=to_screen(slot.item, slot.order, theirs.answer), receipt=theirs.receipt,
                   theirs=_in_words(slot, theirs.answer), yours=_in_words(slot, given))


def _in_words(slot: queries.SlotView, given: Answer) -> str:
    text = queries.described(queries.one_question(slot, given))
    return {"true": _("True"), "false": _("False")}.get(text, text) if slot.item.kind == "true_false" else text


def _late_text(found: queries.AttemptView) -> str:
    closed = queries.get_attempt(found.id)
    ended = closed.ended_at(clock.now()) or closed.closes_at
    if closed.state(clock.now()) == "handed_in":
        return _("This attempt was handed in at %(time)s. The answer came later: it is kept and held for review, it does not count by itself.",
                 time=to_second(ended, found.zone))
    return _("Time was up at %(time)s. The answer came later: it is kept and held for review, it does not count by itself.",
             time=to_second(ended, found.zone))


def _answer_form(found: queries.AttemptView) -> Any:
    """Save and go on without JavaScript. A refused save shows the answer again, with what stands."""
    form = AnswerForm()
    position, version = form.place()
    slots = queries.slots_of([found.id])[found.id]
    if not 1 <= position <= len(slots) or version < 0:
        abort(404)
    slot = slots[position - 1]
    unreadable = _("This answer could not be read. Nothing was saved; look at it and send it again.")
    if not form.validate():
        return _attempt_again(found, position, unreadable)
    given: Answer = {}
    try:
        given = from_form(slot.item, slot.order, {name: request.form.getlist(name) for name in request.form})
        with transaction():
            saved = services.save_answer(found.id, position, given, form.op.data or "", version, current_user.person_id)
    except BadAnswer:
        return _attempt_again(found, position, unreadable)
    except StaleVersion as stale:
        return _conflict(found, slot, given, stale.theirs)
    except OperationConflict:
        return _conflict(found, slot, given, services.Theirs(position, slot.version, slot.answer or {}, slot.saved_at, slot.receipt))
    except services.SectionAhead:
        abort(404)
    if saved.is_section:
        flash(_("This section was closed before. The answer is kept and held for review; it does not count by itself."), "error")
        return see(url_for("quizzes.attempt", attempt_id=found.id))
    if saved.late:
        return render_template("quizzes/late.html", attempt=found, title=found.blueprint.title, text=_late_text(found)), 409
    return see(_onwards(found, form.go.data or "", position, slots))


def _conflict(found: queries.AttemptView, slot: queries.SlotView, given: Answer, theirs: services.Theirs) -> Any:
    """Both versions side by side, to choose from: nothing was overwritten, nothing is lost."""
    return render_template("quizzes/conflict.html", attempt=found, title=found.blueprint.title, zone=found.zone,
                           theirs=theirs, theirs_text=_in_words(slot, theirs.answer), mine_text=_in_words(slot, given),
                           mine=queries.one_question(slot, given), form=AnswerForm(formdata=None)), 409


def _attempt_again(found: queries.AttemptView, position: int, message: str) -> Any:
    page = queries.attempt_page(found, clock.now(), position)
    return render_template("quizzes/attempt.html", page=page, form=AnswerForm(formdata=None), confirm=ConfirmForm(formdata=None), problem=message), 422


def _onwards(found: queries.AttemptView, go: str, position: int, slots: Sequence[queries.SlotView]) -> str:
    """Where the pressed button leads: back, on, to a question, to the check. Past the last open question: to the end of the
    section where another follows, else to the check."""
    one_way = found.blueprint.one_way
    open_now = [slot.position for slot in slots if not one_way or slot.section == found.section]
    if go == "check" or (go == "next" and position == open_now[-1]):
        more = one_way and open_now[-1] < len(slots)
        return url_for("desk.section" if more else "quizzes.check", attempt_id=found.id)
    to = position + 1 if go == "next" else position - 1 if go == "back" else int(go) if go.isascii() and go.isdigit() and len(go) < 5 else position
    return url_for("quizzes.attempt", attempt_id=found.id, q=min(max(to, open_now[0]), open_now[-1]))


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/attempts/<int:attempt_id>/check")
@requires(Permission.LEARN)
def check(attempt_id: int) -> Any:
    """What is still unanswered, before handing in."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    now = clock.now()
    if not found.is_open(now):
        return see(url_for("quizzes.result", attempt_id=attempt_id))
    page = queries.check_page(found, now)
    if page.desk.is_covered:
        return see(url_for("quizzes.attempt", attempt_id=attempt_id))
    return render_template("quizzes/check.html", page=page, form=ConfirmForm())


@bp.post("/attempts/<int:attempt_id>/submit")
@requires(Permission.LEARN)
def submit(attempt_id: int) -> Any:
    """Hand in; once, however often it is sent."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    with change() as done:
        services.submit_attempt(found.id, current_user.person_id)
        done.answer = url_for("quizzes.result", attempt_id=attempt_id)
    return jsonify(ok=True, result=done.answer) if wants_json() else see(done.answer)


@bp.get("/attempts/<int:attempt_id>/result")
@requires(Permission.LEARN)
def result(attempt_id: int) -> Any:
    """After the end: score, keys and feedback where the blueprint opens them, else the receipt of the hand-in. While the trainee
    sits the written exam the score alone."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    now = clock.now()
    if found.is_open(now):
        return see(url_for("quizzes.attempt", attempt_id=attempt_id))
    page = queries.result_page(found, now)
    return render_template("quizzes/result.html", page=page, form=ConfirmForm(),
                           parts=None if page.is_closed_meanwhile else parts.parts_of(found, current_user, now))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
