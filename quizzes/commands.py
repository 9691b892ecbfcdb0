"""`flask items import FILE` and `flask items export`: the item bank's traffic with other programs, as its pages do it; and
`flask items export-file KEY …`: items on their way back into the content files."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from flask_babel import force_locale

from foundation.db import transaction
from quizzes.exchange import itemfile, leaving, survey
from quizzes.exchange.question import Remark
from quizzes.exchange.words import message
from quizzes.queries.exchange import bank, published
from quizzes.rules.item import parse
from quizzes.services.exchange import note_export

items_group = AppGroup("items", help="The item bank: take items in from other programs, hand them out.")


def _said(file: str, remark: Remark) -> str:
    kind = "" if remark.is_error else f"{remark.severity}: "
    return f"{file}:{remark.line}: {remark.item or '-'}: {kind}{message(remark)}"


@items_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(survey.FORMATS), required=True, help="csv reads XLSX as well.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
@click.option("--area", default="", help="Content area of everything in the file; what the file says where left out.")
@click.option("--leave-out-unknown", is_flag=True, help="Pass over questions of kinds that cannot be taken in, instead of refusing the file.")
@with_appcontext
def import_items(file: Path, format_: str, dry_run: bool, area: str, leave_out_unknown: bool) -> None:
    """Items from GIFT, Moodle XML or a table, as drafts for people to finish and approve. All of the file or nothing.

    What is wrong, and what will not come along, goes to standard error as FILE:LINE: item: message. Exit 1 on any error.
    """
    with force_locale("en"):
        found = survey.survey(file, survey.Options(format_, area, leave_out_unknown))
        preview = found.preview
        for remark in preview.remarks:
            click.echo(_said(file.name, remark), err=True)
        if preview.errors:
            click.echo(f"{len(preview.errors)} errors: nothing was imported", err=True)
            sys.exit(1)
        if preview.does_something and not dry_run:
            try:
                with transaction():
                    survey.apply(found, preview.plan, None)
            except survey.PlanChanged:
                click.echo("the bank was changed meanwhile: nothing was imported, run the command again", err=True)
                sys.exit(1)
    count = preview.count
    for row in preview.rows:
        if row.missing and row.act in ("new", "changed"):
            click.echo(f"  {row.key}: to be completed: {', '.join(row.missing)}")
    click.echo(f"{len(preview.rows)} items: {count.get('new', 0)} new, {count.get('changed', 0)} changed, {count.get('same', 0)} unchanged; "
               f"{preview.incomplete} to be completed; {preview.pictures} pictures" + (" (dry run: nothing was changed)" if dry_run else ""))


@items_group.command("export")
@click.option("--format", "format_", type=click.Choice([*survey.FORMATS, "xlsx"]), required=True)
@click.option("--out", "out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--area", "areas", multiple=True, help="Only this content area; may be given several times.")
@click.option("--approved-only", is_flag=True,
              help="Leave out drafts of items that have no published version yet (imported or begun in the browser), and versions that are not approved.")
@with_appcontext
def export_items(format_: str, out: Path, areas: tuple[str, ...], approved_only: bool) -> None:
    """The item bank as a file: every published item in use, and drafts that have no published version yet.

    What the format cannot hold goes to standard error, item by item.
    """
    with force_locale("en"):
        found = leaving.export(format_, areas, approved_only)
        for remark in found.losses:
            click.echo(f"{out.name}: {remark.item}: {remark.severity}: {message(remark)}", err=True)
    out.write_bytes(found.content)
    with transaction():
        note_export(format_, found.items, hashlib.sha256(found.content).hexdigest(), None)
    told = Counter(remark.code for remark in found.losses)
    click.echo(f"{found.items} items ({found.drafts} of them drafts) → {out}; {sum(told.values())} remarks")


def _refusals(keys: tuple[str, ...]) -> list[str]:
    """Why these keys cannot be written into an item file, a line each; none where they can."""
    found = published(keys)
    if not (missing := [key for key in keys if key not in found]):
        return [f"{key}: is out of use; take it out of its content file instead" for key in keys if found[key].is_retired]
    whole = bank("")
    told = {key: f"is inside the set {whole.parts[key]}; export that one" for key in missing if key in whole.parts}
    told |= {key: "has no published version yet" for key in missing if key in whole.drafts and key not in told}
    return [f"{key}: {told.get(key, 'the item bank has no such item')}" for key in missing]


@items_group.command("export-file")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--out", "out", type=click.Path(path_type=Path),
              help="A new file, or a folder for one file of each content area. Left out: standard output.")
@with_appcontext
def export_file(keys: tuple[str, ...], out: Path | None) -> None:
    """Published items as an item file (qizhou/items@1), to be put back into the content files.

    Each item stands complete, without the file's defaults: put it in the place of the one in its file. The next content load then
    finds the same and gives the item back to the files. An existing file is not overwritten. Exit 1 on any error.
    """
    keys = tuple(dict.fromkeys(keys))
    if refusals := _refusals(keys):
        click.echo("\n".join(refusals), err=True)
        sys.exit(1)
    found = published(keys)
    areas: dict[str, list[str]] = {}
    for key in keys:
        areas.setdefault(str(found[key].body["content_area"]), []).append(key)
    into_folder = out is not None and out.is_dir()
    if len(areas) > 1 and not into_folder:
        click.echo(f"a file holds one content area, these items are of {len(areas)} ({', '.join(sorted(areas))}): give --out an existing folder", err=True)
        sys.exit(1)
    files = {area: out / f"{area}.yaml" if out is not None and into_folder else out for area in areas}
    if there := [str(file) for file in files.values() if file is not None and file.exists()]:
        click.echo(f"{', '.join(there)}: is there already and is not overwritten", err=True)
        sys.exit(1)
    for area, members in areas.items():
        written = itemfile.write(area, [parse(found[key].body) for key in members]).encode()
        file = files[area]
        try:
            if file is not None:
                file.write_bytes(written)
        except OSError as fault:
            click.echo(f"{file}: {fault.strerror}", err=True)
            sys.exit(1)
        with transaction():
            note_export("qizhou", len(members), hashlib.sha256(written).hexdigest(), None)
        if file is None:
            click.echo(written.decode(), nl=False)
        else:
            click.echo(f"{len(members)} {'item' if len(members) == 1 else 'items'} → {file}")


def register(app: Flask) -> None:
    app.cli.add_command(items_group)
