"""`flask demo load`: the demo data, only into an empty database."""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from training.demo.build import NotEmpty, build_demo

group = AppGroup("demo", help="The demo data.")


@group.command("load")
def load() -> None:
    """Make the demo cohorts; refused on a database that holds people."""
    try:
        build_demo()
    except NotEmpty:
        click.echo("There are people in this database: the demo data goes only into an empty one.", err=True)
        sys.exit(1)
    click.echo("Demo data loaded: two cohorts of 24.")


def register(app: Flask) -> None:
    """Add this part's commands."""
    app.cli.add_command(group)
