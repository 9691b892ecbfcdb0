"""The blueprint of this part, and what its values are called."""

from __future__ import annotations

import secrets

from flask import Blueprint

from foundation.i18n import gettext as _
from foundation.i18n import pick
from training.participation.rules.levels import LEVEL_TEXTS

bp = Blueprint("participation", __name__)


@bp.app_template_filter("attendance_status")
def status_name(status: str | None) -> str:
    """A mark of the register as readers call it; None is "not marked yet"."""
    return {"present": _("Present"), "late": _("Late"), "excused": _("Excused"), "absent": _("Absent"), "": _("Not marked")}[status or ""]


@bp.app_template_filter("participation_part")
def part_name(part: str) -> str:
    return {"discussion": _("Discussion"), "group_contribution": _("Group contribution")}[part]


@bp.app_template_filter("delivery_form")
def form_name(form: str) -> str:
    return {"lecture": _("Lecture"), "seminar": _("Seminar"), "practical": _("Practical"), "self_study": _("Self-study")}[form]


@bp.app_template_filter("level_title")
def level_title(level: str) -> str:
    return pick(LEVEL_TEXTS[level].title)


@bp.app_template_filter("level_anchor")
def level_anchor(level: str, part: str) -> str:
    """The behaviour by which a level of a part is known."""
    return pick(LEVEL_TEXTS[level].anchors[part])


def new_op() -> str:
    """An operation id for one form of a page that has several."""
    return secrets.token_urlsafe(18)
