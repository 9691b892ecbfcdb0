"""Content files of this part: item files and blueprints → pieces, with every complaint at its place in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from foundation import formula, proofs
from foundation.content import Library, Piece, cross_check, reader, shown, used_in
from foundation.findings import Findings, Waiver
from foundation.yamlsource import Bilingual, Problem, Source, Strict, check_bilingual, check_no_personal_numbers, read_yaml, validate
from quizzes.queries.usage import attempts_on_earlier_versions
from quizzes.rules import assembly, cues, draw, lint, numbers, paper_check
from quizzes.rules import blueprint as blueprints
from quizzes.rules import item as item_rules
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import KINDS, Answerable, Item, ItemSet, Numeric, parse, parts, scoring_of, to_body
from quizzes.rules.lint import Complaint, lint_file, lint_item, similar
from quizzes.rules.paper_check import check_blueprint

CONTENT = Path(__file__).parent / "content"
used_in("item", "attempts", attempts_on_earlier_versions)


class ItemWaiver(Waiver):
    """A warning signed off by a reviewer: the check by number or name, the item ("" for the whole file)."""

    check: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
    where: str = ""


class ItemFile(Strict):
    """The head of an item file; its items are read one by one, so that one bad item does not hide the others."""

    format: Literal["qizhou/items@1"]
    content_area: str
    title: Bilingual
    sources: tuple[str, ...] = Field(default=(), strict=False)
    defaults: dict[str, Any] = Field(default_factory=dict)
    items: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)
    waive: tuple[ItemWaiver, ...] = Field(default=(), strict=False)


class BlueprintFile(Strict):
    format: Literal["qizhou/blueprints@1"]
    blueprints: tuple[dict[str, Any], ...] = Field(min_length=1, strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


class ItemFindings(Findings):
    """The complaints about one item file; a warning names its check by number, as the table of checks does."""

    def note(self, key: str, complaint: Complaint, where: tuple[Any, ...]) -> None:
        message = f"{key}: {complaint.message}" if key else complaint.message
        if complaint.is_error:
            self.error(where, message)
        elif not self.waived(complaint.check, key):
            self.source.warning(where, f"{message} (check {complaint.check})")

    def close(self) -> None:
        for number, waiver in enumerate(self.waivers):
            if (waiver.check, waiver.where) not in self.used:
                self.error(("waive", number), f"waives check {waiver.check} of {waiver.where or 'the file'}, which warns of nothing")


def read_item_file(file: Path) -> tuple[Source, list[tuple[Item, tuple[Any, ...]]]]:
    """One file: its source with all complaints, and the items that could be read with their places."""
    findings, found = survey_item_file(file, {})
    findings.close()
    return findings.source, found


Linted = dict[str, list[list[Any]]]


def _linted(item: Item, linted: Linted) -> list[Complaint]:
    """What the lint says of an item, from `linted` where the same item was looked at before; noted there otherwise."""
    proof = proofs.hash_of(to_body(item))
    if proof not in linted:
        linted[proof] = [[found.check, list(found.where), found.message, found.is_error] for found in lint_item(item)]
    return [Complaint(check, tuple(where), message, is_error) for check, where, message, is_error in linted[proof]]


def survey_item_file(file: Path, linted: Linted) -> tuple[ItemFindings, list[tuple[Item, tuple[Any, ...]]]]:
    """As `read_item_file`, with the waivers still open for what is compared across files."""
    source = read_yaml(file, shown(file))
    if source.value is None:
        if source.ok:
            source.error((), "is empty")
        return ItemFindings(source), []
    check_bilingual(source.value, source)
    check_no_personal_numbers(file.read_text(encoding="utf-8", errors="replace"), source)
    head = validate(ItemFile, source.value, source)
    if head is None:
        return ItemFindings(source), []
    findings = ItemFindings(source, head.waive)
    found: list[tuple[Item, tuple[Any, ...]]] = []
    for number, raw in enumerate(head.items):
        where = ("items", number)
        item = _read_item(raw, {**head.defaults, "content_area": head.content_area}, source, where)
        if item is None:
            continue
        for complaint in _linted(item, linted):
            inside = isinstance(item, ItemSet) and complaint.where[:1] == ("items",) and len(complaint.where) > 1
            key = item.items[int(complaint.where[1])].key if inside and isinstance(item, ItemSet) else item.key
            findings.note(key, complaint, (*where, *complaint.where))
        for entry in (item, *parts(item)):
            if entry.source and entry.source not in head.sources:
                source.error(where, f"{entry.key}: source {entry.source} is not among the file's sources")
        found.append((item, where))
    for complaint in lint_file([entry for item, _where in found for entry in parts(item)]):
        findings.note("", complaint, ("items",))
    return findings, found


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
    everything: list[tuple[Answerable, ItemFindings, tuple[Any, ...]]] = []
    files: list[ItemFindings] = []
    pieces: list[Item] = []
    places: dict[str, str] = {}
    made_by = proofs.program(draw, formula, item_rules, lint, numbers)
    known = proofs.recall("numeric", made_by)
    linted_by = proofs.program(cues, draw, formula, item_rules, lint, numbers)
    before = proofs.recall("items", linted_by)
    linted: Linted = dict(before)
    lint.PROVED.update({proof: tuple(Complaint(told[0], tuple(told[1]), *told[2:]) for told in found) for proof, found in known.items()})
    for file in sorted((CONTENT / "items").glob("*.yaml")):
        findings, found = survey_item_file(file, linted)
        files.append(findings)
        for item, where in found:
            pieces.append(item)
            for entry in parts(item):
                everything.append((entry, findings, where))
            for key in {item.key, *(entry.key for entry in parts(item))}:
                if key in places:
                    findings.error(where, f"{key}: the key is also in {places[key]}")
                places[key] = findings.source.path
            library.add(Piece("item", item.key, to_body(item), scoring_of(item), item.status, findings.source.path, findings.source.at(where)[0]))
    _across_files(library, everything)
    used = {lint.proof_of(entry) for entry, _findings, _where in everything if isinstance(entry, Numeric)} & set(lint.PROVED)
    looked_at = {proofs.hash_of(to_body(item)) for item in pieces}
    proofs.keep("items", linted_by, {proof: found for proof, found in linted.items() if proof in looked_at}, before)
    proofs.keep("numeric", made_by, {proof: [[c.check, list(c.where), c.message, c.is_error] for c in lint.PROVED[proof]] for proof in sorted(used)}, known)
    for findings in files:
        findings.close()
        library.problems += findings.source.problems


def _across_files(library: Library, everything: list[tuple[Answerable, ItemFindings, tuple[Any, ...]]]) -> None:
    """Check 16 over the whole bank, and enemies that do not exist."""
    places = {entry.key: (findings, where) for entry, findings, where in everything}
    known = set(places) | set(library.of("item"))
    for entry, findings, where in everything:
        for enemy in entry.enemy_of:
            if enemy not in known:
                findings.error(where, f"{entry.key}: enemy_of names {enemy}, which does not exist")
    for one, other, share in similar([entry for entry, _findings, _where in everything]):
        findings, where = places[other.key]
        findings.note(other.key, Complaint("16", (), f"its stem shares {share:.2f} of its characters with {one.key}", False), where)


@reader
def read_blueprints(library: Library) -> None:
    file = CONTENT / "blueprints.yaml"
    if not file.exists():
        return
    source = read_yaml(file, shown(file))
    check_bilingual(source.value, source)
    head = validate(BlueprintFile, source.value, source) if source.value is not None else None
    findings = Findings(source, head.waive if head else ())
    for number, raw in enumerate(head.blueprints if head else ()):
        where = ("blueprints", number)
        blueprint = validate(Blueprint, raw, source, where, str(raw.get("key", "")))
        if blueprint is not None:
            body = blueprint.model_dump(mode="json", exclude_none=True)
            library.keep("blueprint", blueprint.key, findings, where)
            library.add(Piece("blueprint", blueprint.key, body, blueprints.scoring_of(blueprint), blueprint.status, source.path, source.at(where)[0]))
    library.problems += source.problems


@cross_check
def blueprints_build(library: Library) -> None:
    """E of FORMATS section 4: every blueprint builds 200 papers from the bank as it stands in the files."""
    made_by = proofs.program(assembly, blueprints, draw, formula, item_rules, numbers, paper_check)
    known = proofs.recall("papers", made_by)
    items = library.of("item")
    parsed = {key: parse(piece.body) for key, piece in items.items()}
    areas: dict[str, list[str]] = {}
    for key, item in parsed.items():
        areas.setdefault(item.content_area, []).append(key)
    looked_at = {area: proofs.hash_of([items[key].body for key in sorted(keys)]) for area, keys in areas.items()}
    found: dict[str, list[list[str]]] = {}
    for piece in library.of("blueprint").values():
        blueprint = Blueprint.model_validate(piece.body)
        reach = sorted({cell.content_area for cell in blueprint.cells})
        proof = proofs.hash_of([piece.body, [looked_at.get(area) for area in reach]])
        if proof in known:
            found[proof] = known[proof]
        else:
            bank = [parsed[key] for area in reach for key in areas.get(area, ())]
            found[proof] = [[finding.message, finding.severity, finding.check] for finding in check_blueprint(blueprint, bank)]
        for message, severity, check in found[proof]:
            if severity == "warning":
                library.warn("blueprint", piece.key, check, message)
            else:
                library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: {message}", severity))
    proofs.keep("papers", made_by, found, known)


@cross_check
def items_name_what_exists(library: Library) -> None:
    """E: an objective or a source that no register holds."""
    for kind, listed, name in (("objectives", "objectives", "objective"), ("sources", "sources", "source")):
        register = library.of(kind).get(kind)
        if register is None:
            continue
        known = {entry["key"] for entry in register.body[listed]}
        for piece in library.of("item").values():
            for entry in piece.body["items"] if piece.body["kind"] == "set" else (piece.body,):
                if (value := entry[name]) not in known:
                    library.problems.append(Problem(piece.path, piece.line, 1, f"{entry['key']}: {name} {value} is not in the register"))
