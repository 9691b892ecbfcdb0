"""Pages of records: certification records for HR with their exports, and the trainee's personal training file."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from foundation.db import transaction
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import change
from training.reporting import queries, services
from training.reporting.rules.selection import Selection, parse_selection

bp = Blueprint("reporting", __name__)


def _selection(source: MultiDict[str, str]) -> tuple[Selection, tuple[str, ...]]:
    return parse_selection(source.to_dict())


def _address(selection: Selection, number: int) -> str:
    """The list with this filter at this page."""
    values: dict[str, Any] = {**selection.as_query(), "page": number}
    return url_for("reporting.certifications", **values)


def field_name(name: str) -> str:
    """A filter's field as readers know it."""
    return {"status": _("Status"), "cohort": _("Cohort"), "issued_from": _("Issued from"), "issued_to": _("Issued to")}[name]


@bp.get("/records/certifications")
@requires(Permission.EXPORT_RECORDS)
def certifications() -> Any:
    """The records with filters in the query string, and a button for each format."""
    selection, problems = _selection(request.args)
    number = request.args.get("page", "1")[:9]
    page = queries.records_page(current_user, selection, int(number) if number.isdecimal() else 1)
    return render_template(
        "reporting/certifications.html", page=page, problems=[field_name(name) for name in problems], formats=services.MIMETYPES,
        forms={name: ConfirmForm(formdata=None) for name in services.MIMETYPES},
        page_address=lambda n: _address(selection, n)), 422 if problems else 200


def _file(export: services.Export, export_id: int) -> Response:
    """The file as a download; headers carry the manifest's figures and addresses for scripts."""
    response = make_response(export.content)
    response.headers["Content-Type"] = services.MIMETYPES[export.format]
    response.headers["Content-Disposition"] = f'attachment; filename="{export.filename}"'
    response.headers["X-Export-Rows"] = str(export.manifest.rows)
    response.headers["X-Export-Sha256"] = export.manifest.sha256
    response.headers["X-Export-Page"] = url_for("reporting.export", export_id=export_id)
    response.headers["Link"] = f'<{url_for("reporting.manifest", export_id=export_id)}>; rel="describedby"'
    return response


@bp.post("/records/certifications/export")
@requires(Permission.EXPORT_RECORDS)
def make_export() -> Any:
    """Make an export and hand it over. The same operation again leads to the manifest of the first, without a second log entry."""
    format_ = request.form.get("format", "")
    selection, problems = _selection(request.form)
    if format_ not in services.MIMETYPES or problems or not ConfirmForm().validate():
        abort(400)
    made = services.build_export(current_user, selection, format_)
    with change() as done:
        export_id = services.log_export(made, current_user.person_id)
        done.answer = url_for("reporting.export", export_id=export_id)
    return _file(made, export_id)


@bp.get("/records/certifications.<format_>")
@requires(Permission.EXPORT_RECORDS)
def certifications_file(format_: str) -> Any:
    """The records as csv, xlsx or jsonl at a plain address, for scripts and saved links (the contract's addresses).

    This is the one GET of the house that writes, on purpose: records must not leave without a log entry, so the entry is
    made in a short transaction of its own after the snapshot was read. It changes no fact about anybody; asking twice
    logs twice, because two copies left. HEAD is answered without making or logging a file.
    """
    if format_ not in services.MIMETYPES:
        abort(404)
    selection, problems = _selection(request.args)
    if problems:
        return redirect(f"{url_for('reporting.certifications')}?{request.query_string.decode()}", 303)
    if request.method == "HEAD":
        response = make_response(b"")
        response.headers["Content-Type"] = services.MIMETYPES[format_]
        return response
    made = services.build_export(current_user, selection, format_)
    with transaction():
        export_id = services.log_export(made, current_user.person_id)
    return _file(made, export_id)


@bp.get("/records/certifications/exports/<int:export_id>")
@requires(Permission.EXPORT_RECORDS)
def export(export_id: int) -> str:
    """What an export's manifest says, for people."""
    found = queries.export_or_404(export_id, current_user)
    return render_template("reporting/export.html", export=found, manifest=services.manifest_of(found))


@bp.get("/records/certifications/exports/<int:export_id>/manifest.json")
@requires(Permission.EXPORT_RECORDS)
def manifest(export_id: int) -> Response:
    """The manifest as a file, to be kept beside the export."""
    found = queries.export_or_404(export_id, current_user)
    response = make_response(services.manifest_of(found).to_json())
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="certifications-export-{export_id}.manifest.json"'
    return response


@bp.get("/my/record")
@requires(Permission.LEARN)
def file() -> str:
    """One's personal training file: enrolments, hours, released results, certificates, honours."""
    return render_template("reporting/file.html", page=queries.file_page(current_user))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
