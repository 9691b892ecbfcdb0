"""Content files of this part: item files and blueprints → pieces, with every complaint at its place in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from foundation.content import Library, Piece, cross_check, reader, shown
from foundation.yamlsource import Bilingual, Problem, Source, Strict, check_bilingual, check_no_personal_numbers, read_yaml, validate
from quizzes.rules import blueprint as blueprints
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import KINDS, Answerable, Item, ItemSet, parse, parts, scoring_of, to_body
from quizzes.rules.lint import Complaint, lint_file, lint_item, similar
from quizzes.rules.paper_check import check_blueprint

CONTENT = Path(__file__).parent / "content"


class Waiver(Strict):
    """A warning signed off by a reviewer, by name of the check and the item ("" for the whole file)."""

    check: str | int
    where: str = ""
    reason: str
    by_role: str


class ItemFile(Strict):
    """The head of an item file; its items are read one by one, so that one bad item does not hide the others."""

    format: Literal["qizhou/items@1"]
    content_area: str
    title: Bilingual
    sources: tuple[str, ...] = Field(default=(), strict=False)
    defaults: dict[str, Any] = Field(default_factory=dict)
    items: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


class BlueprintFile(Strict):
    format: Literal["qizhou/blueprints@1"]
    blueprints: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)


class _Waivers:
    """The waivers of one file: each silences its warning, and one that silences nothing is an error."""

    def __init__(self, source: Source, given: tuple[Waiver, ...]) -> None:
        self.source = source
        self.open = {(str(waiver.check), waiver.where): number for number, waiver in enumerate(given)}
        self.used: set[tuple[str, str]] = set()

    def note(self, key: str, complaint: Complaint, where: tuple[Any, ...]) -> None:
        message = f"{key}: {complaint.message}" if key else complaint.message
        if complaint.is_error:
            self.source.error(where, message)
        elif (complaint.check, key) in self.open:
            self.used.add((complaint.check, key))
        else:
            self.source.warning(where, f"{message} (check {complaint.check})")

    def close(self) -> None:
        for (check, where), number in self.open.items():
            if (check, where) not in self.used:
                self.source.error(("waive", number), f"waives check {check} of {where or 'the file'}, which warns of nothing")


def read_item_file(file: Path) -> tuple[Source, list[tuple[Item, tuple[Any, ...]]]]:
    """One file: its source with all complaints, and the items that could be read with their places."""
    source = read_yaml(file, shown(file))
    if source.value is None:
        if source.ok:
            source.error((), "is empty")
        return source, []
    check_bilingual(source.value, source)
    check_no_personal_numbers(file.read_text(encoding="utf-8", errors="replace"), source)
    head = validate(ItemFile, source.value, source)
    if head is None:
        return source, []
    waivers = _Waivers(source, head.waive)
    found: list[tuple[Item, tuple[Any, ...]]] = []
    for number, raw in enumerate(head.items):
        where = ("items", number)
        item = _read_item(raw, {**head.defaults, "content_area": head.content_area}, source, where)
        if item is None:
            continue
        for complaint in lint_item(item):
            inside = isinstance(item, ItemSet) and complaint.where[:1] == ("items",) and len(complaint.where) > 1
            key = item.items[int(complaint.where[1])].key if inside and isinstance(item, ItemSet) else item.key
            waivers.note(key, complaint, (*where, *complaint.where))
        for entry in (item, *parts(item)):
            if entry.source and entry.source not in head.sources:
                source.error(where, f"{entry.key}: source {entry.source} is not among the file's sources")
        found.append((item, where))
    for complaint in lint_file([entry for item, _where in found for entry in parts(item)]):
        waivers.note("", complaint, ("items",))
    waivers.close()
    return source, found


def _read_item(raw: dict[str, Any], defaults: dict[str, Any], source: Source, where: tuple[Any, ...]) -> Item | None:
    """An item with the file's defaults merged in; a set passes them on to its items. Complaints are noted."""
    key = str(raw.get("key", ""))
    model = KINDS.get(str(raw.get("kind")))
    if model is None:
        source.error((*where, "kind"), f"{key}: kind {raw.get('kind')!r} is unknown")
        return None
    if "content_area" in raw:
        source.error((*where, "content_area"), f"{key}: content_area belongs to the file")
    merged = {**defaults, **raw}
    if model is ItemSet:
        entries = raw.get("items")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            source.error((*where, "items"), f"{key}: a set holds a list of items")
            return None
        read = [_read_item(entry, defaults, source, (*where, "items", number)) for number, entry in enumerate(entries)]
        if any(entry is None or isinstance(entry, ItemSet) for entry in read):
            return None
        merged = {name: value for name, value in merged.items() if name in ItemSet.model_fields}
        merged["items"] = [{**defaults, **entry} for entry in entries]
        if unknown := set(raw) - set(ItemSet.model_fields):
            for name in sorted(unknown):
                source.error((*where, name), f"{key}: {name}: unknown key")
            return None
    return validate(model, merged, source, where, key)  # type: ignore[return-value]


@reader
def read_items(library: Library) -> None:
    everything: list[tuple[Answerable, Source, tuple[Any, ...]]] = []
    places: dict[str, str] = {}
    for file in sorted((CONTENT / "items").glob("*.yaml")):
        source, found = read_item_file(file)
        for item, where in found:
            for entry in parts(item):
                everything.append((entry, source, where))
            for key in {item.key, *(entry.key for entry in parts(item))}:
                if key in places:
                    source.error(where, f"{key}: the key is also in {places[key]}")
                places[key] = source.path
            library.add(Piece("item", item.key, to_body(item), scoring_of(item), item.status, source.path, source.at(where)[0]))
        library.problems += source.problems
    _across_files(library, everything)


def _across_files(library: Library, everything: list[tuple[Answerable, Source, tuple[Any, ...]]]) -> None:
    """Check 16 over the whole bank, and enemies that do not exist."""
    places = {entry.key: (source, where) for entry, source, where in everything}
    known = set(places) | set(library.of("item"))
    for entry, source, where in everything:
        for enemy in entry.enemy_of:
            if enemy not in known:
                library.problems.append(Problem(source.path, *source.at(where), f"{entry.key}: enemy_of names {enemy}, which does not exist"))
    for one, other, share in similar([entry for entry, _source, _where in everything]):
        source, where = places[other.key]
        message = f"{other.key}: its stem shares {share:.2f} of its characters with {one.key} (check 16)"
        library.problems.append(Problem(source.path, *source.at(where), message, "warning"))


@reader
def read_blueprints(library: Library) -> None:
    file = CONTENT / "blueprints.yaml"
    if not file.exists():
        return
    source = read_yaml(file, shown(file))
    check_bilingual(source.value, source)
    head = validate(BlueprintFile, source.value, source) if source.value is not None else None
    for number, raw in enumerate(head.blueprints if head else ()):
        where = ("blueprints", number)
        blueprint = validate(Blueprint, raw, source, where, str(raw.get("key", "")))
        if blueprint is not None:
            body = blueprint.model_dump(mode="json", exclude_none=True)
            library.add(Piece("blueprint", blueprint.key, body, blueprints.scoring_of(blueprint), blueprint.status, source.path, source.at(where)[0]))
    library.problems += source.problems


@cross_check
def blueprints_build(library: Library) -> None:
    """E of FORMATS section 4: every blueprint builds 200 papers from the bank as it stands in the files."""
    items = [parse(piece.body) for piece in library.of("item").values()]
    for piece in library.of("blueprint").values():
        for finding in check_blueprint(Blueprint.model_validate(piece.body), items):
            severity = "error" if finding.is_error else "warning"
            library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: {finding.message}", severity))


@cross_check
def items_name_what_exists(library: Library) -> None:
    """E: an objective or a source that no register holds."""
    for kind, listed, name in (("objectives", "objectives", "objective"), ("sources", "sources", "source")):
        register = library.of(kind).get(kind)
        if register is None:
            continue
        known = {entry["key"] for entry in register.body[listed]}
        for piece in library.of("item").values():
            for entry in parts(parse(piece.body)):
                if (value := getattr(entry, name)) not in known:
                    library.problems.append(Problem(piece.path, piece.line, 1, f"{entry.key}: {name} {value} is not in the register"))
