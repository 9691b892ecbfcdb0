"""The blueprint of this part, and what its values are called."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from flask import Blueprint
from jinja2 import pass_context

from foundation.i18n import gettext as _
from foundation.i18n import pick
from training.participation.rules.levels import LEVEL_TEXTS

bp = Blueprint("participation", __name__)


def status_name(status: str | None) -> str:
    """A mark of the register as readers call it; None is "not marked yet"."""
    return {"present": _("Present"), "late": _("Late"), "excused": _("Excused"), "absent": _("Absent"), "": _("Not marked")}[status or ""]


def part_name(part: str) -> str:
    return {"discussion": _("Discussion"), "group_contribution": _("Group contribution")}[part]


def form_name(form: str) -> str:
    return {"lecture": _("Lecture"), "seminar": _("Seminar"), "practical": _("Practical"), "self_study": _("Self-study")}[form]


def level_title(level: str) -> str:
    return pick(LEVEL_TEXTS[level].title)


def level_anchor(level: str, part: str) -> str:
    """The behaviour by which a level of a part is known."""
    return pick(LEVEL_TEXTS[level].anchors[part])


def _offer(name: str, function: Callable[..., str]) -> None:
    """Make a function a template filter. It takes the context, so that the template compiler does not work it out once
    for a constant and keep the first reader's language for everybody."""
    bp.add_app_template_filter(pass_context(lambda _context, *values: function(*values)), name)


for _name, _function in (("attendance_status", status_name), ("participation_part", part_name), ("delivery_form", form_name), ("level_title", level_title),
                         ("level_anchor", level_anchor)):
    _offer(_name, _function)


def new_op() -> str:
    """An operation id for one form of a page that has several."""
    return secrets.token_urlsafe(18)
