"""Exports of certification records: one snapshot, a file, its manifest, and the log that says who took what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundation import audit, clock, exports
from foundation.db import db
from foundation.exports import Column, Manifest
from foundation.i18n import gettext as _
from foundation.i18n import language
from foundation.permissions import Actor
from training.reporting import queries
from training.reporting.models import ExportRow
from training.reporting.queries import ExportView
from training.reporting.rules.columns import KEYS, row_of
from training.reporting.rules.selection import Selection

MIMETYPES = {
    "csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "jsonl": "application/x-ndjson",
}
KIND = "certifications"


@dataclass(frozen=True)
class Export:
    """A file that is ready to leave the house."""

    format: str
    content: bytes
    manifest: Manifest

    @property
    def filename(self) -> str:
        """Named by the moment of the snapshot in UTC, so that files sort and nothing is overwritten by chance."""
        stamp = self.manifest.snapshot_at[:19].replace("-", "").replace(":", "").replace("T", "-")
        return f"certifications-{stamp}Z.{self.format}"


def columns() -> tuple[Column, ...]:
    """The contract's columns in order; headings in the reader's language (XLSX shows them, CSV and JSON keep the keys)."""
    headings = {
        "certificate_number": (_("Certificate number"), 22), "person_id": (_("Person id"), 10), "employee_no": (_("Employee number"), 14),
        "name": (_("Name"), 14), "org_unit": (_("Org unit"), 18), "position": (_("Position"), 18), "programme_key": (_("Programme key"), 18),
        "programme_title": (_("Programme"), 30), "programme_version": (_("Programme version"), 10), "cohort": (_("Cohort"), 16),
        "scheme_version": (_("Scheme version"), 14), "class_hours": (_("Class hours"), 10), "written_exam": (_("Written exam"), 10),
        "skill_demonstration": (_("Skill demonstration"), 10), "case_analysis": (_("Case analysis"), 10), "participation": (_("Participation"), 10),
        "total": (_("Weighted total"), 10), "band": (_("Band"), 12), "honour": (_("Honour"), 14), "completed_on": (_("Completed on"), 12),
        "issued_on": (_("Issued on"), 12), "expires_on": (_("Valid until"), 12), "status": (_("Status"), 10), "revoked_on": (_("Revoked on"), 12),
        "revocation_reason": (_("Reason for revoking"), 24), "replaces": (_("Replaces"), 22), "verification_url": (_("Verification address"), 48),
    }
    return tuple(Column(key, *headings[key]) for key in KEYS)


class _Counted:
    """Passes rows on and remembers how many there were."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self.rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self.rows:
            self.number += 1
            yield row


def build_export(actor: Actor | None, selection: Selection, format_: str) -> Export:
    """Read one snapshot and make the file and its manifest; takes no lock and changes nothing. Raises KeyError on a format.

    Audit head and rows are read in one transaction, which in SQLite's WAL is one snapshot and on PostgreSQL is asked for
    (REPEATABLE READ); what others write meanwhile is not in the file. `actor` None: the command line, all records.
    """
    if format_ not in MIMETYPES:
        raise KeyError(format_)
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    now = clock.now()
    head = audit.head()
    rows = _Counted(row_of(one.facts, one.status.value, one.revoked_on, one.revocation_reason, language())
                    for one in queries.certification_rows(actor, selection, now))
    if format_ == "csv":
        content = exports.to_csv(columns(), rows)
    elif format_ == "jsonl":
        content = exports.to_jsonl(columns(), rows)
    else:
        content = exports.to_xlsx(columns(), rows, _("Certification records"))
    made = exports.manifest(content, rows.number, now, selection.as_text(), head)
    db.session.rollback()
    return Export(format_, content, made)


def log_export(export: Export, actor_id: int | None) -> int:
    """Write down that the file left; inside a transaction. Returns the id under which its manifest can be had again."""
    says = export.manifest
    row = ExportRow(kind=KIND, format=export.format, filter=says.filter, rows=says.rows, sha256=says.sha256,
                    snapshot_at=datetime.fromisoformat(says.snapshot_at), audit_seq=says.audit_seq, audit_head=says.audit_head, by_id=actor_id,
                    at=clock.now())
    db.session.add(row)
    db.session.flush()
    audit.record("records:export", f"export:{row.id}", actor_id, format=export.format, rows=says.rows, sha256=says.sha256,
                 filter=audit.fingerprint(says.filter) if says.filter else "")
    return row.id


def manifest_of(export: ExportView) -> Manifest:
    """The manifest of an export that was logged, the same as stood beside the file."""
    return Manifest(export.rows, export.sha256, export.snapshot_at.isoformat(timespec="seconds"), export.filter, export.audit_seq, export.audit_head)
