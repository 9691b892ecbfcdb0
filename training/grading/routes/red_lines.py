"""Reported red lines: a second person, who did not rate, confirms or rejects."""

from __future__ import annotations

import secrets
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user

from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import change, see
from training.grading import services
from training.grading.forms import DecideForm
from training.grading.queries.red_lines import red_lines_page, report_or_404
from training.grading.routes.blueprint import bp, whole_number
from training.grading.services.refusals import AlreadyDecided, JudgeIsInvolved


def _show(form: DecideForm, bad: int | None = None, number: int = 1, status: int = 200) -> Any:
    form.op.data = secrets.token_urlsafe(18)      # nothing was carried out: each form on the page begins a fresh operation
    return render_template("grading/red_lines.html", page=red_lines_page(current_user, number), form=form, bad=bad,
                           page_address=lambda n: url_for("grading.red_lines", page=n)), status


@bp.get("/red-lines")
@requires(Permission.JUDGE_RED_LINES)
def red_lines() -> Any:
    """What awaits a decision within my scope, with the evidence."""
    return _show(DecideForm(formdata=None), number=whole_number(request.args.get("page", "1")))


@bp.post("/red-lines/<int:report_id>")
@requires(Permission.JUDGE_RED_LINES)
def decide(report_id: int) -> Any:
    """Confirm or reject, with a reason."""
    report_or_404(report_id, current_user)
    form = DecideForm()
    if not form.validate():
        return _show(form, report_id, whole_number(request.form.get("page")), 422)
    confirmed = form.decision.data == "confirm"
    try:
        with change() as done:
            services.decide_red_line(report_id, confirmed, (form.reason.data or "").strip(), current_user.person_id)
            done.answer = url_for("grading.red_lines")
    except AlreadyDecided:
        flash(_("This red line was decided before. The first decision stands."), "notice")
        return see(url_for("grading.red_lines"))
    except JudgeIsInvolved:
        flash(_("You rate this performance, or it is your own. Somebody else decides."), "error")
        return see(url_for("grading.red_lines"))
    flash(_("Red line confirmed. The component is below its bar; the marks are kept.") if confirmed
          else _("Red line rejected. The rating stands as it is."), "ok")
    return see(done.answer)
