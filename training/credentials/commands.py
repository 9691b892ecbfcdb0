"""Commands of certificates: `flask credentials issue-due`."""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from training.credentials import services

credentials_group = AppGroup("credentials", help="Certificates: issue what is due.")


@credentials_group.command("issue-due")
@click.option("--files/--no-files", default=True, help="Also look whether every kept PDF is still there and unchanged.")
def issue_due(files: bool) -> None:
    """Issue confirmed passes without a certificate and draw missing papers. Normally finds nothing; exit 1 on problems."""
    done = services.issue_due(check_files=files)
    for number in done.issued:
        click.echo(f"issued {number}")
    click.echo(f"{len(done.issued)} issued, {done.drawn} papers drawn, {done.restored} restored")
    for problem in done.problems:
        click.echo(problem, err=True)
    if done.problems:
        sys.exit(1)


def register(app: Flask) -> None:
    """Add this part's commands."""
    app.cli.add_command(credentials_group)
