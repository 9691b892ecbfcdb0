"""Commands of the ground storey: content, people, ledger, translations."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from foundation import audit, clock, content, i18n
from foundation.db import transaction
from foundation.people_commands import people_group

content_group = AppGroup("content", help="The content files: check, plan, load.")
ledger_group = AppGroup("ledger", help="The audit chain: verify, checkpoint.")


def _checked() -> content.Library:
    library = content.read_all()
    for problem in library.errors:
        click.echo(str(problem), err=True)
    return library


@content_group.command("check")
@click.option("--warnings/--no-warnings", default=True, help="Show warnings too.")
def check(warnings: bool) -> None:
    """Parse and check every content file; exit 1 on any error and on any gap in the whole."""
    library = _checked()
    for problem in library.gaps:
        click.echo(str(problem), err=True)
    if warnings:
        for problem in library.warnings:
            click.echo(str(problem), err=True)
    click.echo(f"{len(library.pieces)} pieces, {len(library.errors)} errors, {len(library.gaps)} gaps, {len(library.warnings)} warnings")
    if library.errors or library.gaps:
        sys.exit(1)


def _tell_kept(library: content.Library) -> None:
    for step in content.kept_from(library):
        click.echo(f"{step.act:10} {step.kind} {step.key}: edited in the browser; export it first")


@content_group.command("plan")
def plan() -> None:
    """What a load would change."""
    library = _checked()
    if library.errors:
        sys.exit(1)
    steps = content.plan_against_store(library)
    for step in steps:
        click.echo(f"{step.act:10} {step.kind} {step.key}")
    _tell_kept(library)
    click.echo(f"{len(steps)} changes")


@content_group.command("load")
def load() -> None:
    """Bring the database to the state of the files, in one transaction."""
    library = _checked()
    if library.errors:
        sys.exit(1)
    with transaction():
        steps = content.load(library, None)
        notices = content.notices(steps)
    for notice in notices:
        click.echo(notice)
    _tell_kept(library)
    click.echo(f"{len(steps)} changes loaded")


@ledger_group.command("verify")
@click.option("--checkpoint", type=click.Path(exists=True, path_type=Path), help="A checkpoint kept elsewhere.")
def verify(checkpoint: Path | None) -> None:
    """Walk the audit chain; exit 1 and the first bad entry where it fails."""
    kept = None
    if checkpoint is not None:
        try:
            kept = audit.read_checkpoint(checkpoint.read_text())
        except audit.BadCheckpoint as fault:
            click.echo(f"checkpoint: {fault}", err=True)
            sys.exit(1)
    verdict = audit.verify(kept)
    if verdict.bad_seq is not None:
        click.echo(f"event {verdict.bad_seq}: {verdict.reason}", err=True)
        sys.exit(1)
    click.echo(f"{verdict.events} events, chain intact, head {verdict.head}")


@ledger_group.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def checkpoint(out: Path) -> None:
    """Write a signed checkpoint of the chain, to be kept outside this machine."""
    seq, head = audit.head()
    out.write_text(audit.make_checkpoint(seq, head, clock.now()))
    click.echo(f"checkpoint of event {seq} written to {out}")


@click.command("translations")
def translations() -> None:
    """Merge the catalogues of all parts (set-up does this)."""
    click.echo(f"{i18n.build()} texts")


def register(app: Flask) -> None:
    app.cli.add_command(content_group)
    app.cli.add_command(ledger_group)
    app.cli.add_command(translations)
    app.cli.add_command(people_group)


