"""The item bank's traffic in the browser: choose a file, look at what it would do, confirm exactly that; hand the bank out; pictures."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, abort, flash, make_response, render_template, request, url_for
from flask_login import current_user
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, SelectField
from wtforms.validators import AnyOf, Length, Optional, Regexp

from foundation import clock, uploads
from foundation.forms import BaseForm, ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import language, lazy_gettext
from foundation.permissions import Permission, requires
from foundation.web import change, see
from quizzes.exchange import leaving, survey
from quizzes.exchange import template as blank_table
from quizzes.exchange.table import heading
from quizzes.exchange.words import message
from quizzes.queries.exchange import bank
from quizzes.queries.pictures import BY_OFFICE, picture_or_404
from quizzes.services.exchange import note_export

bp = Blueprint("exchange", __name__)
SHOWN_ROWS = 200
SHOWN_REMARKS = 300
PICTURE_KEPT_S = 24 * 3600


def format_name(format_: str) -> str:
    return {"gift": "GIFT", "moodlexml": "Moodle XML", "csv": "CSV / XLSX", "xlsx": "XLSX", "": "—"}.get(format_, format_)


class UploadForm(BaseForm):
    file = FileField(lazy_gettext("File (GIFT, Moodle XML, CSV or XLSX)"), render_kw={"accept": ".txt,.gift,.xml,.csv,.xlsx"})
    format = SelectField(lazy_gettext("Format"), default="")
    area = SelectField(lazy_gettext("Content area"), default="")
    leave_out = BooleanField(lazy_gettext("Leave out questions of kinds that cannot be taken in, instead of refusing the file"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format.choices = [("", _("Find out from the file"))] + [(name, format_name(name)) for name in survey.FORMATS]
        self.area.choices = [("", _("As the file says"))] + [(area, area) for area in sorted(bank("").areas)]


class ApplyForm(BaseForm):
    plan = HiddenField(validators=[Length(max=64), Regexp(r"[0-9a-f]{64}\Z")])
    format = HiddenField(validators=[Optional(), AnyOf(survey.FORMATS)])
    area = HiddenField(validators=[Length(max=60)])
    leave_out = HiddenField(validators=[Length(max=1)])


class ExportForm(BaseForm):
    format = SelectField(lazy_gettext("Format"), default="moodlexml")
    area = SelectField(lazy_gettext("Content area"), default="")
    approved_only = BooleanField(lazy_gettext("Approved items only (no drafts)"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format.choices = [(name, format_name(name)) for name in ("gift", "moodlexml")] + [("csv", "CSV"), ("xlsx", "XLSX")]
        self.area.choices = [("", _("The whole bank"))] + [(area, area) for area in sorted(bank("").areas)]


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/items/import")
@requires(Permission.EDIT_ITEMS)
def import_page() -> str:
    """Choose a file."""
    return render_template("quizzes/exchange/import.html", form=UploadForm(formdata=None), columns=blank_table.explanations(), heading=heading)


@bp.post("/items/import")
@requires(Permission.EDIT_ITEMS)
def upload() -> Any:
    """Keep the file for a day; nothing else changes until somebody has looked and confirmed."""
    form = UploadForm()
    sent = request.files.get("file")
    if form.validate() and sent and sent.filename:
        return see(url_for("exchange.preview", sha256=uploads.keep(sent.stream, sent.filename), format=form.format.data or None,
                           area=form.area.data or None, leave_out="1" if form.leave_out.data else None))
    if not (sent and sent.filename):
        form.file.errors = [_("Choose a file first.")]
    return render_template("quizzes/exchange/import.html", form=form, columns=blank_table.explanations(), heading=heading), 422


def _options(told: Any) -> survey.Options:
    format_, area = str(told.get("format") or ""), str(told.get("area") or "")
    return survey.Options(format_ if format_ in survey.FORMATS else "", area if area in bank("").areas else "", told.get("leave_out") == "1")


def _surveyed(sha256: str, options: survey.Options) -> survey.Survey:
    path = uploads.find(sha256)
    if path is None:
        abort(404)
    return survey.survey(path, options, sha256)


def _preview_page(sha256: str, found: survey.Survey, options: survey.Options, status: int = 200, is_stale: bool = False) -> Any:
    form = ApplyForm(formdata=None, plan=found.preview.plan, format=options.format, area=options.area, leave_out="1" if options.leave_out else "")
    preview = found.preview
    warnings = [remark for remark in preview.remarks if not remark.is_error]
    order = {"refused": 0, "new": 1, "changed": 2, "same": 3}
    rows = sorted((row for row in preview.rows if row.act != "same"), key=lambda row: (order[row.act], row.line))
    could_leave_out = not options.leave_out and bool(preview.errors) and all(remark.code in ("unsupported", "unsupported_gap") for remark in preview.errors)
    return render_template("quizzes/exchange/preview.html", preview=preview, form=form, sha256=sha256, file_name=uploads.name_of(sha256), is_stale=is_stale,
                           message=message, format_name=format_name(preview.format), rows=rows[:SHOWN_ROWS], all_rows=len(rows),
                           errors=preview.errors[:SHOWN_REMARKS], warnings=warnings[:SHOWN_REMARKS], all_warnings=len(warnings), options=options,
                           could_leave_out=could_leave_out), status


@bp.get("/items/import/<sha256>")
@requires(Permission.EDIT_ITEMS)
def preview(sha256: str) -> Any:
    """What the file would do: new items, changes, what is missing, and what will not come along, by line."""
    options = _options(request.args)
    return _preview_page(sha256, _surveyed(sha256, options), options)


@bp.post("/items/import/<sha256>")
@requires(Permission.EDIT_ITEMS)
def confirm(sha256: str) -> Any:
    """Do what was previewed, or, where that has changed meanwhile, show the new plan (409) and do nothing."""
    form = ApplyForm()
    options = _options({"format": form.format.data, "area": form.area.data, "leave_out": form.leave_out.data})
    if not form.validate():
        return see(url_for("exchange.preview", sha256=sha256))
    path = uploads.find(sha256)
    found = survey.survey(path, options, sha256) if path else None
    try:
        with change() as done:   # a repeated click is answered here, before the missing file matters
            if found is None:
                abort(404)
            taken = survey.apply(found, form.plan.data or "", current_user.person_id)
            done.answer = url_for("bank.listing", state="draft")
            done.after_commit.append(lambda: uploads.discard(sha256))
    except (survey.PlanChanged, survey.FileHasErrors):
        return _preview_page(sha256, _surveyed(sha256, options), options, 409, is_stale=True)
    flash(_("The items are in as drafts: %(new)s new, %(changed)s changed, %(same)s unchanged. They count in no exam before a second person has approved them.",
            new=taken.count.get("new", 0), changed=taken.count.get("changed", 0), same=taken.count.get("same", 0)), "ok")
    return see(done.answer)


@bp.post("/items/import/<sha256>/discard")
@requires(Permission.EDIT_ITEMS)
def discard(sha256: str) -> Any:
    """Throw the waiting file away."""
    if ConfirmForm().validate():
        uploads.discard(sha256)
        flash(_("The file was thrown away. Nothing was changed."), "ok")
    return see(url_for("exchange.import_page"))


@bp.get("/items/import/template.xlsx")
@requires(Permission.EDIT_ITEMS)
def template() -> Response:
    """An empty table with the headings in the reader's language, two examples, and what the columns mean."""
    return _file(blank_table.blank(language()), leaving.MEDIA["xlsx"], "items.xlsx")


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/items/export")
@requires(Permission.EDIT_ITEMS)
def export() -> str:
    """Choose a format, and read what each of them holds."""
    return render_template("quizzes/exchange/export.html", form=ExportForm(formdata=None))


@bp.post("/items/export")
@requires(Permission.EDIT_ITEMS)
def download() -> Any:
    """The file. Who took it is told in the audit trail, because it holds the answers."""
    form = ExportForm()
    if not form.validate():
        return render_template("quizzes/exchange/export.html", form=form), 422
    format_ = str(form.format.data)
    found = leaving.export(format_, [form.area.data] if form.area.data else [], bool(form.approved_only.data), language())
    with change() as done:
        note_export(format_, found.items, hashlib.sha256(found.content).hexdigest(), current_user.person_id)
        done.answer = url_for("exchange.export")
    name = f"items-{form.area.data or 'all'}-{clock.today('Asia/Shanghai').isoformat()}.{leaving.ENDINGS[format_]}"
    return _file(found.content, leaving.MEDIA[format_], name)


def _file(content: bytes, media_type: str, name: str) -> Response:
    answer = make_response(content)
    answer.headers["Content-Type"] = media_type
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    return answer


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/pictures/<sha256>")
@requires(Permission.LEARN, *BY_OFFICE)
def picture(sha256: str) -> Response:
    """A picture of an item, with the type its bytes have. Kept by the browser for a day: it stays visible when the network goes."""
    found = picture_or_404(sha256, current_user)
    answer = make_response(found.path.read_bytes())
    answer.headers["Content-Type"] = found.media_type
    answer.headers["Cache-Control"] = f"private, max-age={PICTURE_KEPT_S}, immutable"
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["ETag"] = f'"{sha256}"'
    return answer


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
