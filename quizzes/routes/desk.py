"""What happens at the desk besides answering: closing a section, breaks, and what a page asks and tells of itself."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, flash, jsonify, render_template, request, url_for
from flask_login import current_user

from foundation import clock
from foundation.hotwrite import hot_transaction
from foundation.i18n import gettext as _
from foundation.i18n import ngettext
from foundation.permissions import Permission, requires
from foundation.web import change, refusal, see
from quizzes import queries, services
from quizzes.forms import JsonReport, SectionForm
from quizzes.rules.recovery import DEVICE, device_key

bp = Blueprint("desk", __name__)


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/attempts/<int:attempt_id>/section")
@requires(Permission.LEARN)
def section(attempt_id: int) -> Any:
    """What is unanswered in the open section, before it is closed for good."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    now = clock.now()
    if not found.is_open(now):
        return see(url_for("quizzes.result", attempt_id=attempt_id))
    page = queries.section_page(found, now)
    if page.desk.is_covered:
        return see(url_for("quizzes.attempt", attempt_id=attempt_id))
    return render_template("quizzes/section.html", page=page, form=SectionForm(formdata=None))


@bp.post("/attempts/<int:attempt_id>/section")
@requires(Permission.LEARN)
def close_section(attempt_id: int) -> Any:
    """Close the section that the page showed. Sent twice, it closes one."""
    queries.own_attempt_or_404(attempt_id, current_user)
    form = SectionForm()
    try:
        with change() as done:
            services.close_section(attempt_id, form.number(), current_user.person_id)
            done.answer = url_for("quizzes.attempt", attempt_id=attempt_id)
        return see(done.answer)
    except services.SectionMoved:
        flash(_("This section was closed before. Nothing else was changed."), "notice")
        return see(url_for("quizzes.attempt", attempt_id=attempt_id))
    except services.Ended:
        return see(url_for("quizzes.result", attempt_id=attempt_id))


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.post("/attempts/<int:attempt_id>/break")
@requires(Permission.LEARN)
def start_break(attempt_id: int) -> Any:
    """Begin a break: the clock stands still while the allowance lasts, the paper is covered."""
    queries.own_attempt_or_404(attempt_id, current_user)
    return _rest(attempt_id, services.start_break)


@bp.post("/attempts/<int:attempt_id>/break/end")
@requires(Permission.LEARN)
def end_break(attempt_id: int) -> Any:
    """Come back from a break."""
    queries.own_attempt_or_404(attempt_id, current_user)
    return _rest(attempt_id, services.end_break)


def _rest(attempt_id: int, act: Any) -> Any:
    try:
        with change() as done:
            act(attempt_id, current_user.person_id)
            done.answer = url_for("quizzes.attempt", attempt_id=attempt_id)
        return see(done.answer)
    except services.NoBreakLeft:
        flash(_("There is no break left in this paper. The clock goes on."), "error")
    except services.HallPaused:
        flash(_("The invigilator has paused this sitting. Your clock stands still; wait until it goes on."), "notice")
    except services.Ended:
        return see(url_for("quizzes.result", attempt_id=attempt_id))
    return see(url_for("quizzes.attempt", attempt_id=attempt_id))


# ── the device ───────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/attempts/<int:attempt_id>/key")
@requires(Permission.LEARN)
def key(attempt_id: int) -> Any:
    """The key under which one device keeps what it could not send of one's own attempt; the same again for the same device.
    Also after the end: what was kept then still has to be read. Writes nothing."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    device = request.args.get("device", "")
    if not DEVICE.fullmatch(device):
        return refusal(422, "shape", _("This device did not say its number. Load the page again."))
    made = device_key(current_app.extensions["qizhou_keys"].answers, attempt_id, found.person_id, device)
    return jsonify(key=base64.b64encode(made).decode(), person=found.person_id)


@bp.post("/attempts/<int:attempt_id>/device")
@requires(Permission.LEARN)
def device(attempt_id: int) -> Any:
    """Let this device hold the paper: the first one by itself, a further one because somebody pressed the button (`take`)."""
    queries.own_attempt_or_404(attempt_id, current_user)
    sent = request.get_json(silent=True)
    named, take = (sent.get("device"), sent.get("take")) if isinstance(sent, dict) else (None, None)
    if not isinstance(named, str) or not DEVICE.fullmatch(named) or not isinstance(take, bool):
        return refusal(422, "shape", _("This device did not say its number. Load the page again."))
    try:
        with change():
            services.claim_device(attempt_id, named, take, current_user.person_id)
    except services.HeldElsewhere as held:
        return _elsewhere(held.seen_at)
    except services.Ended:
        return refusal(409, "ended", _("The attempt has ended."), result=url_for("quizzes.result", attempt_id=attempt_id))
    return jsonify(ok=True)


def _elsewhere(seen_at: datetime | None) -> Any:
    if seen_at is None:
        words = _("It has not been heard of since it opened this paper.")
    else:
        seconds = max(0, int((clock.now() - seen_at).total_seconds()))
        words = (ngettext("It was last heard of %(num)d second ago.", "It was last heard of %(num)d seconds ago.", seconds) if seconds < 120
                 else ngettext("It was last heard of %(num)d minute ago.", "It was last heard of %(num)d minutes ago.", seconds // 60))
    return refusal(409, "held-elsewhere", words)


@bp.post("/attempts/<int:attempt_id>/events")
@requires(Permission.LEARN)
def events(attempt_id: int) -> Any:
    """What the page noticed (facts, each with an id of its own) and that it is there. Answers with the clock of the attempt."""
    found = queries.own_attempt_or_404(attempt_id, current_user)
    report = JsonReport.read(request.get_json(silent=True))
    if report is None:
        return refusal(422, "shape", _("This report could not be read. Load the page again."))
    now = clock.now()
    if not found.is_open(now):
        return refusal(409, "ended", _("The attempt has ended."), result=url_for("quizzes.result", attempt_id=attempt_id))
    if report.device and found.device and report.device != found.device:
        return refusal(409, "taken-over", _("This paper is open on another device now. Nothing you do here is saved any more."))
    with hot_transaction():
        services.record_facts(attempt_id, report.device, report.facts, report.unsent, report.is_hidden)
    return jsonify(**queries.told(queries.desk(found, now), now), section=found.section)


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
