"""Pages of markers: what waits, question by question, and one answer with what it is marked by. No page says who wrote it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, abort, flash, jsonify, render_template, request, url_for
from flask_login import current_user

from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import ngettext
from foundation.permissions import Permission, requires
from foundation.web import AlreadyDone, OperationConflict, StaleVersion, change, refusal, see
from quizzes import services
from quizzes.forms import MarkForm
from quizzes.queries import marking as reads
from quizzes.rules.item import Essay
from quizzes.rules.marking import MAX_COMMENT, MAX_REASON, BadJudgement, Incomplete, Judgement, PersonMarked, empty, read, read_text

bp = Blueprint("marking", __name__)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else otherwise


@bp.get("/marking")
@requires(Permission.RATE)
def queue() -> Any:
    """What waits for me, question by question; `?question=` lists what I have made final on one of them."""
    chosen = request.args.get("question", "")
    page = reads.queue_page(current_user, chosen, _number(request.args.get("page"), 1))
    return render_template("quizzes/marking/queue.html", page=page, page_address=lambda number: url_for("marking.queue", question=chosen, page=number))


@bp.get("/marking/<int:slot_id>")
@requires(Permission.RATE)
def mark(slot_id: int) -> Any:
    """One answer, to be marked or as I marked it."""
    page = reads.mark_page(slot_id, current_user)
    if page.state == "gone":
        flash(_("Other markers have finished this answer in the meantime. It needs no further mark."), "notice")
        return see(url_for("marking.queue"))
    return _show(page, MarkForm(formdata=None, version=page.draft.version, comment=page.draft.comment))


def _show(page: reads.MarkPage, form: MarkForm, status: int = 200) -> Any:
    return render_template("quizzes/marking/mark.html", page=page, form=form, max_comment=MAX_COMMENT, max_reason=MAX_REASON), status


def _sent(item: PersonMarked) -> Any:
    """The judgement a plain form carries: `c.<criterion>` with marks, or `p` for each point; nothing is checked yet."""
    if isinstance(item, Essay):
        return {name[2:]: int(value) if value.isascii() and value.isdigit() and len(value) < 4 else value
                for name, value in request.form.items() if name.startswith("c.")}
    return request.form.getlist("p")


def _readable(item: PersonMarked, sent: Any) -> Judgement:
    """What of a refused form can be shown again."""
    try:
        return read(item, sent)
    except BadJudgement:
        return empty(item)


@bp.post("/marking/<int:slot_id>")
@requires(Permission.RATE)
def mark_post(slot_id: int) -> Any:
    """Keep the draft (`act=save`), make the mark final (`act=final`), or correct it with a reason (`act=correct`)."""
    work = reads.visible_work(slot_id, current_user)
    if work is None:
        abort(404)
    form, sent, act = MarkForm(), _sent(work.item), request.form.get("act", "save")
    if not form.validate():
        return _show(reads.mark_page(slot_id, current_user, _readable(work.item, sent)), form, 422)
    comment, me = form.comment.data or "", current_user.person_id
    try:
        with change() as done:
            if act == "final":
                decided = services.finalise(slot_id, sent, comment, form.version.data, me)
            elif act == "correct":
                decided = services.correct(slot_id, sent, comment, form.reason.data or "", me)
            else:
                services.save_draft(slot_id, sent, comment, form.version.data or 0, me)
            done.answer = _onwards(slot_id) if act == "final" else url_for("marking.mark", slot_id=slot_id)
    except services.NothingToMark:
        abort(404)
    except Incomplete as refused:
        for key in refused.criteria:
            form.refuse(f"c-{key}", _criterion(work.item, key), _("Choose a level."))
        return _show(reads.mark_page(slot_id, current_user, _readable(work.item, sent)), form, 422)
    except services.NoReason:
        form.refuse("reason", _("Reason of the correction"), _("Write why the mark changes: it stays on record with it."))
        return _show(reads.mark_page(slot_id, current_user, _readable(work.item, sent)), form, 422)
    except BadJudgement:
        form.refuse("main", _("Not saved"), _("Part of what was sent does not belong to this question, or holds signs that cannot be kept. Choose again."))
        return _show(reads.mark_page(slot_id, current_user, _readable(work.item, sent)), form, 422)
    except (services.AlreadyFinal, services.NotFinal):
        flash(_("Your mark of this answer was final before. It stands as it was; a correction needs a reason."), "notice")
        return see(url_for("marking.mark", slot_id=slot_id))
    except services.SettledByOthers:
        flash(_("Other markers have finished this answer in the meantime. Your mark was not needed and does not count."), "notice")
        return see(url_for("marking.queue"))
    except StaleVersion as stale:
        return _stale(work, sent, comment, stale.theirs, act)
    if act == "final":
        is_last = done.answer == url_for("marking.queue")
        flash(_("Final. Nothing more to this question waits for you.") if is_last else _("Final. The next answer to the same question follows."), "ok")
    elif act == "correct":
        flash(_("Corrected. Two marks lie too far apart now: a third person marks this answer.") if decided.settlement.state == "held"
              else _("Corrected. The earlier mark stays on record with your reason."), "ok")
    else:
        flash(_("Draft saved on the server."), "ok")
    return see(done.answer)


def _onwards(slot_id: int) -> str:
    """The next answer of the same question in my order, else the queue."""
    following = reads.mark_page(slot_id, current_user).next_slot_id
    return url_for("marking.mark", slot_id=following) if following else url_for("marking.queue")


def _criterion(item: PersonMarked, key: str) -> str:
    return next((view.title for view in reads.criteria_of(item, empty(item)) if view.key == key), key)


# ── both versions of a draft ─────────────────────────────────────────────────────────────────────────────────────
def _in_words(item: PersonMarked, judgement: Judgement) -> list[tuple[str, str]]:
    """(what is judged, what was chosen) in the reader's language."""
    if isinstance(item, Essay):
        return [(view.title, ngettext("%(num)d mark", "%(num)d marks", view.given.marks) if view.given else _("nothing chosen"))
                for view in reads.criteria_of(item, judgement)]
    points, deductions = reads.points_of(item, judgement)
    return [(choice.text, _("ticked") if choice.is_chosen else _("not ticked")) for choice in (*points, *deductions)]


def _differences(work: reads.Work, sent: Any, comment: str, theirs: reads.Draft) -> list[dict[str, str]]:
    """What differs between a page and the server: {label, yours, saved}."""
    mine = _in_words(work.item, _readable(work.item, sent))
    rows = [{"label": label, "yours": yours, "saved": saved}
            for (label, yours), (_label, saved) in zip(mine, _in_words(work.item, theirs.judgement), strict=True) if yours != saved]
    if comment.strip() != theirs.comment:
        rows.append({"label": _("Your comment"), "yours": comment.strip() or "—", "saved": theirs.comment or "—"})
    return rows


def _stale(work: reads.Work, sent: Any, comment: str, theirs: reads.Draft, act: str) -> Any:
    """409: both drafts beside each other; keeping mine sends the same again on top of the one that stands."""
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "op", "version")]
    address = url_for("marking.mark", slot_id=work.slot_id)
    return render_template("quizzes/marking/stale.html", form=ConfirmForm(formdata=None), rows=_differences(work, sent, comment, theirs), action=address,
                           back=address, fields=[*fields, ("version", str(theirs.version))], act=act), 409


def _sent_draft(sent: Any) -> tuple[int, dict[str, Any]] | None:
    """(version, {points, comment}) of an autosave, None where it has another shape."""
    if not isinstance(sent, dict) or set(sent) != {"op", "version", "body"} or not isinstance(sent["body"], dict) or set(sent["body"]) != {"points", "comment"}:
        return None
    version, op = sent["version"], sent["op"]
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version < 10**7:
        return None
    return (version, sent["body"]) if isinstance(op, str) and op.isascii() and 0 < len(op) <= 64 else None


@bp.post("/marking/<int:slot_id>/draft")
@requires(Permission.RATE)
def draft(slot_id: int) -> Any:
    """Autosave: {op, version, body: {points, comment}} → {version, saved_at}."""
    work = reads.visible_work(slot_id, current_user)
    if work is None:
        abort(404)
    sent = _sent_draft(request.get_json(silent=True))
    if sent is None:
        return refusal(400, "bad-request", _("This request could not be read."))
    version, body = sent
    try:
        read(work.item, body["points"])          # before the operation is noted: what cannot be kept cannot be noted either
        read_text(body["comment"], MAX_COMMENT)
        with change() as done:
            saved = services.save_draft(slot_id, body["points"], body["comment"], version, current_user.person_id)
            done.answer = json.dumps({"version": saved.version, "saved_at": saved.saved_at.isoformat()})
    except AlreadyDone as earlier:
        return jsonify(json.loads(earlier.answer))
    except services.NothingToMark:
        abort(404)
    except BadJudgement:
        return refusal(422, "shape", _("Part of what was sent does not belong to this question, or holds signs that cannot be kept. Choose again."))
    except services.AlreadyFinal:
        return refusal(409, "final", _("Your mark of this answer was final before. It stands as it was; a correction needs a reason."))
    except services.SettledByOthers:
        return refusal(409, "closed", _("Other markers have finished this answer in the meantime. Your mark was not needed and does not count."))
    except OperationConflict:
        return refusal(409, "operation-conflict", _("This form was already sent with other content."))
    except StaleVersion as stale:
        theirs = stale.theirs
        comment = body["comment"] if isinstance(body["comment"], str) else ""
        return refusal(409, "stale", _("Another tab or device saved this mark in between. Nothing was overwritten."), version=theirs.version,
                       theirs={"points": theirs.judgement, "comment": theirs.comment}, differences=_differences(work, body["points"], comment, theirs))
    return jsonify(version=saved.version, saved_at=saved.saved_at.isoformat())


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
