"""`flask people import FILE`: the roster from a file, as the page does it. `flask content coverage`: what the curriculum holds."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext
from flask_babel import force_locale

from courses.exchange import roster
from courses.rules import coverage
from foundation import content
from foundation.commands import content_group
from foundation.db import transaction
from foundation.people_commands import people_group
from foundation.roster import Problem, column_name


def _where(problem: Problem, letters: dict[str, str]) -> str:
    parts = [f"row {problem.row}"] if problem.row else []
    if problem.column:
        letter = letters.get(problem.column)
        parts.append(f"column {letter} {column_name(problem.column)}" if letter else column_name(problem.column))
    return ", ".join(parts) or "file"


def _own_language() -> str:
    told = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if told.startswith("zh") else "en"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change, change nothing.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default=_own_language, help="Language of the messages.")
@with_appcontext
def import_roster(file: Path, dry_run: bool, lang: str) -> None:
    """People from a roster: CSV (UTF-8 or GB18030) or XLSX, headings in Chinese or English. All of it or nothing."""
    with force_locale(lang):
        survey = roster.survey(file)
        try:
            found = survey.preview
            for problem in found.problems:
                kind = "" if problem.is_error else "warning: "
                click.echo(f"{file.name}: {_where(problem, found.letters)}: {kind}{problem.message()}", err=True)
            hidden = found.errors + found.warnings - len(found.problems)
            if hidden:
                click.echo(f"… and {hidden} more", err=True)
            if found.errors:
                click.echo(f"{found.errors} errors, {found.warnings} warnings: nothing was imported", err=True)
                sys.exit(1)
            for shown in found.changed:
                for column, before, after in shown.changes:
                    click.echo(f"  {shown.employee_no} {shown.name}: {column_name(column)}: {before or '—'} → {after}")
            tally = found.tally
            if not dry_run and tally.does_something:
                with file.open("rb") as content:
                    sha256 = hashlib.file_digest(content, "sha256").hexdigest()
                try:
                    with transaction():
                        tally = roster.apply(survey, sha256, found.plan, None)
                except roster.PlanChanged:
                    click.echo("people or cohorts were changed meanwhile: nothing was imported, run the command again", err=True)
                    sys.exit(1)
        finally:
            survey.close()
    roles = ", ".join(f"{role} {number}" for role, number in sorted(tally.roles.items())) or "none"
    click.echo(f"{tally.rows} rows: {tally.new} new, {tally.changed} changed, {tally.unchanged} unchanged, {tally.enrolled} enrolled; roles given: {roles}"
               + (" (dry run: nothing was changed)" if dry_run else ""))


COVERAGE = content.ROOT / "docs" / "curriculum-coverage.md"


def coverage_report(library: content.Library) -> str:
    """docs/curriculum-coverage.md as the content files have it now."""
    return coverage.report(coverage.gather({kind: {key: piece.body for key, piece in library.of(kind).items()} for kind in coverage.KINDS}))


@content_group.command("coverage")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the file is not up to date.")
def content_coverage(check: bool) -> None:
    """Write docs/curriculum-coverage.md: programme, unit, objective, lessons, items, stations, cases; holes first."""
    text = coverage_report(content.read_all())
    name = COVERAGE.relative_to(content.ROOT)
    if COVERAGE.exists() and COVERAGE.read_text(encoding="utf-8") == text:
        click.echo(f"{name} is up to date")
    elif check:
        click.echo(f"{name} is not up to date: run flask content coverage", err=True)
        sys.exit(1)
    else:
        COVERAGE.write_text(text, encoding="utf-8")
        click.echo(f"{name} written, {len(text.splitlines())} lines")


def register(_app: Flask) -> None:
    people_group.add_command(import_roster)
