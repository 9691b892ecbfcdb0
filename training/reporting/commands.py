"""Commands of records: `flask records export`."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from foundation.db import transaction
from training.reporting import services
from training.reporting.rules.selection import STATUSES, Selection

records_group = AppGroup("records", help="Certification records: export.")


@records_group.command("export")
@click.option("--format", "format_", type=click.Choice(sorted(services.MIMETYPES)), required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file; its manifest is written beside it.")
@click.option("--programme", default="", help="Only this programme (its key).")
@click.option("--status", type=click.Choice(STATUSES), default=None)
@click.option("--issued-from", type=click.DateTime(["%Y-%m-%d"]), default=None)
@click.option("--issued-to", type=click.DateTime(["%Y-%m-%d"]), default=None)
def export(format_: str, out: Path, programme: str, status: str | None, issued_from: object, issued_to: object) -> None:
    """Write the released certification records to FILE and their manifest to FILE.manifest.json; logged in the audit trail."""
    selection = Selection(programme=programme, status=status or "", issued_from=issued_from.date() if issued_from else None,  # type: ignore[attr-defined]
                          issued_to=issued_to.date() if issued_to else None)  # type: ignore[attr-defined]
    made = services.build_export(None, selection, format_)
    with transaction():
        services.log_export(made, None)
    out.write_bytes(made.content)
    beside = out.with_name(out.name + ".manifest.json")
    beside.write_text(made.manifest.to_json())
    click.echo(f"{made.manifest.rows} records written to {out}, manifest to {beside}")


def register(app: Flask) -> None:
    """Add this part's commands."""
    app.cli.add_command(records_group)
