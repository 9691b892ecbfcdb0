"""Answers that came late: an invigilator brings in a recovery file, a reviewer decides what is held."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, render_template, request, url_for
from flask_login import current_user

from foundation import clock
from foundation.i18n import gettext as _
from foundation.i18n import ngettext
from foundation.permissions import Permission, requires
from foundation.web import change, see
from quizzes import queries, services
from quizzes.forms import LateForm, RecoveryForm
from quizzes.rules.recovery import MOST_BYTES, BadRecovery, device_key

bp = Blueprint("sitting", __name__)


@bp.route("/attempts/<int:attempt_id>/recovery", methods=["GET", "POST"])
@requires(Permission.INVIGILATE)
def recovery(attempt_id: int) -> Any:
    """Bring in the file that a trainee's device wrote because it could not send its answers."""
    attempt = queries.watched_attempt_or_404(attempt_id, current_user)
    form = RecoveryForm()
    problem = ""
    if request.method == "POST":
        if form.validate():
            problem, answer = _take_in(attempt_id, form)
            if answer is not None:
                return answer
            form.file.errors = [problem]
        return render_template("quizzes/recovery.html", attempt=attempt, form=form, now=clock.now()), 422
    return render_template("quizzes/recovery.html", attempt=attempt, form=form, now=clock.now())


def _take_in(attempt_id: int, form: RecoveryForm) -> tuple[str, Any]:
    """("", where to go), or (why the file is refused, None)."""
    sent = form.file.data
    raw = sent.stream.read(MOST_BYTES + 1) if sent else b""
    if not raw:
        return _("Choose the file that the trainee’s page saved."), None
    if len(raw) > MOST_BYTES:
        return _("This file is larger than any recovery file. Nothing was saved."), None
    sent.stream.seek(0)
    secret: bytes = current_app.extensions["qizhou_keys"].answers
    try:
        with change() as done:
            found = services.recover(attempt_id, raw, lambda attempt, person, device: device_key(secret, attempt, person, device), current_user.person_id)
            done.answer = url_for("sitting.recovery", attempt_id=attempt_id)
    except BadRecovery as refused:
        return _why(refused), None
    told = [ngettext("%(num)d answer is saved as the trainee’s own.", "%(num)d answers are saved as the trainee’s own.", found.saved)]
    if found.held:
        told.append(ngettext("%(num)d answer is held for a reviewer.", "%(num)d answers are held for a reviewer.", found.held))
    if found.refused:
        told.append(ngettext("%(num)d entry is no answer to this paper.", "%(num)d entries are no answers to this paper.", found.refused))
    flash(" ".join(told), "ok" if not found.refused else "notice")
    return "", see(done.answer)


def _why(refused: BadRecovery) -> str:
    if refused.reason == "attempt":
        return _("This file belongs to another attempt. Nothing was saved; open that attempt and bring it in there.")
    if refused.reason == "forged":
        return _("Entry %(n)d does not open with this attempt’s key: the file was changed, cut off, or comes from another person. Nothing was saved.",
                 n=refused.entry)
    if refused.reason == "too-many":
        return _("The file holds more entries than a paper can have. Nothing was saved.")
    return _("This is no recovery file. Nothing was saved.")


@bp.get("/late")
@requires(Permission.REVIEW)
def late() -> Any:
    """Attempts with answers that came late, those that wait first."""
    return _list(None)


@bp.get("/sittings/<int:sitting_id>/late")
@requires(Permission.REVIEW)
def late_of(sitting_id: int) -> Any:
    """The late answers of one sitting."""
    return _list(queries.sitting_in_review_or_404(sitting_id, current_user))


def _list(sitting_id: int | None) -> Any:
    asked = request.args.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 5 else 1
    return render_template("quizzes/late_list.html", found=queries.late_list(current_user, sitting_id, max(1, number)), sitting_id=sitting_id)


@bp.get("/attempts/<int:attempt_id>/late")
@requires(Permission.REVIEW)
def held(attempt_id: int) -> Any:
    """The held answers of one attempt, each beside what stands in its question."""
    return render_template("quizzes/held.html", page=queries.late_page(attempt_id, current_user, clock.now()), form=LateForm(formdata=None), wrong=0)


@bp.post("/late/<int:late_id>")
@requires(Permission.REVIEW)
def decide(late_id: int) -> Any:
    """Accept or refuse one held answer, with the reason."""
    attempt_id = queries.late_attempt(late_id)
    page = queries.late_page(attempt_id, current_user, clock.now())
    form = LateForm()
    if not form.validate():
        return render_template("quizzes/held.html", page=page, form=form, wrong=late_id), 422
    try:
        with change() as done:
            services.decide_late(late_id, form.decision.data == "accept", form.reason.data or "", current_user.person_id)
            done.answer = url_for("sitting.held", attempt_id=attempt_id)
        return see(done.answer)
    except services.AlreadyDecided:
        flash(_("This answer was decided before. The first decision stands."), "error")
    except services.StillOpen:
        flash(_("This attempt is still open. Decide when it has ended."), "error")
    except services.OwnMatter:
        flash(_("You sat this paper or watched over it. Somebody else has to decide."), "error")
    return see(url_for("sitting.held", attempt_id=attempt_id))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
