"""The form of a draft as a page prints it: fields with labels, values and complaints, rows with an empty one to grow by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import select

from foundation.content import ContentHead, ContentVersion
from foundation.db import db
from foundation.i18n import gettext as _
from foundation.i18n import pick
from quizzes.models import ItemDraft, ItemEdit, ItemReview
from quizzes.queries.bank_item import Face, names_of, try_faces
from quizzes.queries.bank_registers import Registers, registers, unregistered
from quizzes.queries.bank_words import CHOICES, HINTS, LABELS, ROWS, complaint, label_of
from quizzes.rules.areas import title_of
from quizzes.rules.bank import IN_SETS, IN_TWO, Body, Field, Leaf, Rows, fields_of, nested, to_fields
from quizzes.rules.bank_check import Finding, examine, presentable
from quizzes.rules.bank_diff import Change, difference

PARTS = ("facts", "question", "answer", "feedback", "sources")
HEIGHT = {"text": 3, "accepted": 3, "list": 2}


@dataclass(frozen=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True)
class FieldView:
    """One field; in both languages `values` and `errors` have zh and en, else one under ""."""

    name: str
    label: str
    hint: str
    shape: str
    values: dict[str, str]
    errors: dict[str, tuple[str, ...]]
    choices: tuple[Choice, ...] = ()
    suggestions: str = ""                # id of the datalist that helps with typing
    lines: int = 0                       # of a text area; 0: one line

    @property
    def both(self) -> bool:
        return self.shape in IN_TWO


@dataclass(frozen=True)
class RowView:
    """One of the rows. `fields` are FieldViews and, in a criterion, the RowsView of its levels."""

    prefix: str
    number: int
    title: str
    fields: tuple[Any, ...]
    is_spare: bool
    place: str


@dataclass(frozen=True)
class RowsView:
    name: str
    label: str
    hint: str
    rows: tuple[RowView, ...]
    errors: tuple[str, ...]
    placed: bool
    least: int                           # rows that are always shown


@dataclass(frozen=True)
class PartView:
    """A part of the form under a heading."""

    key: str
    fields: tuple[Any, ...]


@dataclass(frozen=True)
class EntryView:
    """An item inside a set."""

    prefix: str
    number: int
    kind: str
    key: str
    key_errors: tuple[str, ...]
    parts: tuple[PartView, ...]
    is_bad: bool


@dataclass(frozen=True)
class Told:
    """A complaint for the list beside the form: where it leads, what it is about, what it says."""

    anchor: str
    label: str
    text: str
    is_error: bool
    is_missing: bool


@dataclass(frozen=True)
class FormView:
    kind: str
    parts: tuple[PartView, ...]
    entries: tuple[EntryView, ...]
    told: tuple[Told, ...]
    kinds_of_items: tuple[str, ...]
    lists: tuple[tuple[str, tuple[Choice, ...]], ...]    # datalists: id and what is suggested

    @property
    def errors(self) -> tuple[Told, ...]:
        return tuple(one for one in self.told if one.is_error)

    @property
    def advice(self) -> tuple[Told, ...]:
        return tuple(one for one in self.told if not one.is_error)


class _Writer:
    """Builds the views of one form. `at`: field name → complaints; every name that is shown is noted, to lead complaints to it."""

    def __init__(self, known: Registers, fields: Mapping[str, str], at: Mapping[str, Sequence[str]]) -> None:
        self.known, self.fields, self.at = known, fields, at
        self.shown: list[str] = []

    def errors(self, name: str) -> tuple[str, ...]:
        return tuple(self.at.get(name, ()))

    def field(self, leaf: Leaf, prefix: str, pattern: str) -> FieldView:
        name = prefix + leaf.name
        names = {language: f"{name}.{language}" for language in ("zh", "en")} if leaf.shape in IN_TWO else {"": name}
        self.shown += [name, *names.values()]
        label, hint = str(LABELS.get(pattern, LABELS.get(leaf.name, leaf.name))), HINTS.get(pattern, HINTS.get(leaf.name) if leaf.name == "key" else None)
        errors = {language: self.errors(full) for language, full in names.items()}
        if leaf.shape in IN_TWO and (general := self.errors(name)):
            errors["zh"] = (*general, *errors["zh"])
        lines = HEIGHT.get(leaf.shape, 0) + (2 if leaf.name in ("stem", "model_answer") or pattern == "text" else 0)
        return FieldView(name, label, str(hint) if hint else "", leaf.shape, {language: self.fields.get(full, "") for language, full in names.items()}, errors,
                         self.choices(leaf, self.fields.get(name, "")), {"objective": "objectives", "content_area": "areas"}.get(leaf.name, ""), lines)

    def choices(self, leaf: Leaf, typed: str) -> tuple[Choice, ...]:
        if leaf.shape != "pick":
            return ()
        if leaf.name in ("programme", "source"):
            entries = self.known.programmes if leaf.name == "programme" else self.known.sources
            found = [Choice(entry.key, f"{entry.key} · {pick(entry.text)}" if leaf.name == "source" else pick(entry.text)) for entry in entries]
        else:
            names = CHOICES[leaf.name]
            found = [Choice(value, str(names[value])) for value in leaf.choices]
        if typed and typed not in {choice.value for choice in found}:
            found.append(Choice(typed, typed))                     # what was there is never swallowed
        return tuple(found)

    def rows(self, rows: Rows, sent: Mapping[str, Any], prefix: str, pattern: str) -> RowsView:
        name = prefix + rows.name
        self.shown.append(name)
        have: Any = sent
        for part in rows.name.split("."):
            have = have.get(part) if isinstance(have, Mapping) else None
        numbers = sorted(int(number) for number in have if number.isdigit() and len(number) < 3) if isinstance(have, Mapping) else []
        count = min(rows.most, max(rows.least, (max(numbers) + 1 if numbers else 0) + 1))
        made = []
        for number in range(max(count, max(numbers) + 1 if numbers else 0)):
            row = have.get(str(number)) if isinstance(have, Mapping) else None
            inner = f"{name}.{number}."
            self.shown.append(f"{name}.{number}")
            fields = tuple(self.one(field, row if isinstance(row, Mapping) else {}, inner, f"{pattern}.{field.name}") for field in rows.fields)
            place = str(row.get("place") or number + 1) if isinstance(row, Mapping) else str(number + 1)
            made.append(RowView(inner, number + 1, f"{ROWS.get(pattern, '')} {number + 1}", fields, row is None, place if rows.placed else ""))
        own = [*self.errors(name), *(text for number in range(len(made)) for text in self.errors(f"{name}.{number}"))]
        return RowsView(name, str(LABELS.get(pattern, rows.name)), str(HINTS.get(pattern, "")), tuple(made), tuple(dict.fromkeys(own)), rows.placed, rows.least)

    def one(self, field: Field, sent: Mapping[str, Any], prefix: str, pattern: str) -> FieldView | RowsView:
        return self.rows(field, sent, prefix, pattern) if isinstance(field, Rows) else self.field(field, prefix, pattern)

    def parts(self, spec: Iterable[Field], sent: Mapping[str, Any], prefix: str) -> tuple[PartView, ...]:
        by_part: dict[str, list[Any]] = {}
        for field in spec:
            by_part.setdefault(field.part, []).append(self.one(field, sent, prefix, field.name))
        return tuple(PartView(key, tuple(by_part[key])) for key in PARTS if key in by_part)


def _lead(name: str, shown: Sequence[str]) -> str:
    """The name on the page that a complaint leads to: its own, the first of its group, or the nearest around it."""
    if name in shown:
        return name
    inside = next((other for other in shown if other.startswith(f"{name}.")), None)
    if inside is not None or not name:
        return inside or ""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in shown:
            return name
    return ""


def form_view(kind: str, fields: Mapping[str, str], findings: Sequence[Finding], strict: bool = False) -> FormView:
    """The form of a kind with these values. Complaints stand at their fields; "still missing" does only when `strict`."""
    known = registers()
    sent = nested(fields)
    spec = fields_of(kind)
    shown = _names(kind, known, fields, spec, sent)
    at: dict[str, list[str]] = {}
    told = []
    for finding in findings:
        lead, text = _lead(finding.field, shown), complaint(finding)
        missing = finding.code == "missing"
        told.append(Told(f"f-{lead}" if lead else "", label_of(finding.field, from_zero=True) if finding.field else "", text, finding.is_error, missing))
        if lead and finding.is_error and (strict or not missing):
            at.setdefault(lead, []).append(text)
    writer = _Writer(known, fields, {name: tuple(dict.fromkeys(texts)) for name, texts in at.items()})
    lists = (("objectives", tuple(Choice(entry.key, pick(entry.text)) for entry in known.objectives)),
             ("areas", tuple(Choice(area, pick(title_of(area))) for area in known.areas)))
    return FormView(kind, writer.parts(spec, sent, ""), _set_entries(writer, kind, sent), tuple(told), IN_SETS if kind == "set" else (), lists)


def _set_entries(writer: _Writer, kind: str, sent: Mapping[str, Any]) -> tuple[EntryView, ...]:
    if kind != "set":
        return ()
    entries = sent.get("items") if isinstance(sent.get("items"), Mapping) else {}
    found: list[EntryView] = []
    writer.shown.append("items")
    for number in sorted(int(name) for name in entries or {} if name.isdigit() and len(name) < 3):
        entry = (entries or {})[str(number)]
        own = entry.get("kind") if isinstance(entry, Mapping) else None
        if own not in IN_SETS and own not in ("short_answer", "essay"):
            continue
        prefix = f"items.{number}."
        writer.shown += [f"items.{number}", f"{prefix}key"]
        parts = writer.parts(fields_of(own, in_set=True), entry, prefix)
        bad = any(name.startswith(prefix) or name == prefix[:-1] for name in writer.at)
        key_errors = (*writer.errors(f"items.{number}"), *writer.errors(f"{prefix}key"))
        found.append(EntryView(prefix, len(found) + 1, own, str(entry.get("key") or ""), key_errors, parts, bad))
    return tuple(found)


def _names(kind: str, known: Registers, fields: Mapping[str, str], spec: Sequence[Field], sent: Mapping[str, Any]) -> list[str]:
    """Every name the form will show, in its order."""
    writer = _Writer(known, fields, {})
    writer.parts(spec, sent, "")
    _set_entries(writer, kind, sent)
    return writer.shown


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Step:
    """What somebody did with a draft."""

    act: str                             # edit | hand_in | return | approve | discard
    by: str
    at: datetime
    comment: str


@dataclass(frozen=True)
class DraftPage:
    id: int
    key: str
    kind: str
    state: str
    origin: str
    row_version: int
    updated_at: datetime
    is_new: bool
    base_moved: bool
    form: FormView
    faces: tuple[Face, ...]
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    authors: tuple[str, ...]
    is_mine: bool                        # the reader is among its authors
    stem: Any

    @property
    def may_hand_in(self) -> bool:
        return self.state == "draft" and not self.form.errors


def draft_or_404(draft_id: int) -> ItemDraft:
    return db.session.get(ItemDraft, draft_id) or abort(404)


def all_findings(body: Body) -> tuple[Finding, ...]:
    """Everything that stands against handing a body in, errors first."""
    return tuple(sorted((*examine(body)[1], *unregistered(body)), key=lambda finding: not finding.is_error))


def preview(body: Body, seed: str) -> tuple[Face, ...]:
    """What a body looks like to a trainee, its gaps shown as dots; nothing while too little is there."""
    return try_faces(presentable(body), seed)


def draft_page(draft: ItemDraft, reader_id: int, strict: bool = False, fields: Mapping[str, str] | None = None,
               findings: Sequence[Finding] | None = None) -> DraftPage:
    """A draft with its form; `fields` and `findings` show what was typed instead of what is stored."""
    body = draft.body
    edits = db.session.execute(select(ItemEdit.by_id, ItemEdit.at).where(ItemEdit.draft_id == draft.id).order_by(ItemEdit.id.desc()).limit(20)).all()
    reviews = db.session.execute(select(ItemReview.act, ItemReview.by_id, ItemReview.at, ItemReview.comment)
                                 .where(ItemReview.draft_id == draft.id).order_by(ItemReview.id.desc()).limit(20)).all()
    handed = {row.by_id for row in reviews if row.act == "hand_in"}
    writers = set(db.session.scalars(select(ItemEdit.by_id).where(ItemEdit.draft_id == draft.id).distinct())) | handed | ({draft.author_id} - {None})
    names = names_of([*writers, *(row.by_id for row in edits), *(row.by_id for row in reviews)])
    steps = [Step("edit", names.get(row.by_id, ""), row.at, "") for row in edits]
    steps += [Step(row.act, names.get(row.by_id, ""), row.at, row.comment) for row in reviews]
    current = db.session.execute(
        select(ContentVersion.id, ContentVersion.body).join(ContentHead, ContentHead.version_id == ContentVersion.id)
        .where(ContentHead.kind == "item", ContentHead.key == draft.key)).first()
    base = db.session.get(ContentVersion, draft.base_version_id) if draft.base_version_id else None
    found = all_findings(body) if findings is None else findings
    return DraftPage(
        draft.id, draft.key, draft.kind, draft.state, draft.origin, draft.row_version, draft.updated_at, draft.base_version_id is None,
        draft.state in ("draft", "handed_in") and (current.id if current else None) != draft.base_version_id,
        form_view(draft.kind, to_fields(draft.kind, body) if fields is None else fields, found, strict),
        preview(body, f"draft/{draft.id}"), difference(base.body, body) if base else (), tuple(sorted(steps, key=lambda step: step.at, reverse=True)),
        tuple(sorted(names[id_] for id_ in writers if id_ in names)), reader_id in writers, body.get("title") or body.get("stem"))


def part_titles() -> dict[str, str]:
    """Headings of the parts of the form."""
    return {"facts": _("What it tests"), "question": _("The question"), "answer": _("The answer"), "feedback": _("Feedback"),
            "sources": _("Sources and neighbours")}
