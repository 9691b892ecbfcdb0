"""The item bank's form: which fields each kind of item has, and the way between what a form sends and an item's body.

Three shapes of the same thing. *Fields*: a flat mapping of names as the form has them ("options.1.text.zh") to typed
text. *Tree*: the same nested, rows as lists. *Body*: what is stored, as FORMATS has it, where it may still be
incomplete. Nothing that was typed is lost on the way: what is no number stays as text and is complained of later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from quizzes.rules.item import BLANK, KINDS

Shape = Literal["text", "phrase", "cited", "accepted", "line", "pick", "tick", "decimal", "count", "list", "day"]
IN_TWO: frozenset[str] = frozenset({"text", "phrase", "cited", "accepted"})     # shapes with a Chinese and an English field
BLOOMS = ("remember", "understand", "apply", "analyse", "evaluate", "create")
USAGES = ("both", "practice", "exam")
LONGEST = 6000                        # characters of one field
_MARKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffd]")
_WHOLE = re.compile(r"[+-]?\d{1,9}")
Tree = dict[str, Any]
Body = dict[str, Any]


@dataclass(frozen=True)
class Leaf:
    """One field. `name` may lead into the body ("difficulty.basis"); `choices` are the values of a `pick`."""

    name: str
    shape: Shape
    choices: tuple[str, ...] = ()
    part: str = "answer"                 # of the form: facts | question | answer | feedback | sources


@dataclass(frozen=True)
class Rows:
    """Fields that repeat. The form shows at least `least` rows and one empty one, never more than `most`.

    `letter` begins the keys that are given to rows without one; `placed` rows carry a number to be sorted by.
    """

    name: str
    fields: tuple[Leaf | Rows, ...]
    least: int
    most: int
    letter: str = ""
    placed: bool = False
    part: str = "answer"


Field = Leaf | Rows
_COMMON = (
    Leaf("content_area", "line", part="facts"), Leaf("programme", "pick", part="facts"), Leaf("objective", "line", part="facts"),
    Leaf("bloom", "pick", BLOOMS, part="facts"), Leaf("difficulty.expected_fraction", "decimal", part="facts"),
    Leaf("difficulty.basis", "pick", ("panel", "pretest"), part="facts"), Leaf("usage", "pick", USAGES, part="facts"), Leaf("stem", "text", part="question"),
)
_SOURCES = (
    Leaf("source", "pick", part="sources"), Leaf("enemy_of", "list", part="sources"),
    Rows("claims", (Leaf("key", "line"), Leaf("text", "text"), Leaf("source", "cited"), Leaf("reviewed", "day")), 0, 20, "claim-", part="sources"),
)
_SHUFFLE = Leaf("shuffle", "tick")
_FEEDBACK = Leaf("feedback", "text", part="feedback")
_OPTIONS = Rows("options", (Leaf("correct", "tick"), Leaf("key", "line"), Leaf("text", "phrase"), Leaf("feedback", "text"), Leaf("misconception", "text")),
                4, 8, placed=True)
_ENTRY = (Leaf("key", "line"), Leaf("text", "phrase"))
_LENGTH = (Leaf("length.zh_from", "count"), Leaf("length.zh_to", "count"), Leaf("length.en_from", "count"), Leaf("length.en_to", "count"))
_POINT = (Leaf("key", "line"), Leaf("marks", "count"), Leaf("text", "phrase"))
_OWN: dict[str, tuple[Field, ...]] = {
    "single": (_OPTIONS, _SHUFFLE, _FEEDBACK),
    "multiple": (Leaf("choose", "count"), _OPTIONS, _SHUFFLE, Leaf("scoring.rule", "pick", ("per-option", "all-or-nothing")), Leaf("scoring.wrong", "decimal"),
                 Leaf("scoring.floor", "decimal"), _FEEDBACK),
    "true_false": (Leaf("answer", "pick", ("true", "false")), Leaf("feedback.if_true", "text", part="feedback"),
                   Leaf("feedback.if_false", "text", part="feedback")),
    "matching": (Rows("left", (Leaf("key", "line"), Leaf("text", "phrase"), Leaf("partner", "count"), Leaf("feedback", "text")), 3, 10, "l"),
                 Rows("right", _ENTRY, 4, 13, "r"), _SHUFFLE),
    "ordering": (Rows("sequence", _ENTRY, 4, 10, "s", placed=True), Leaf("scoring.rule", "pick", ("adjacent-pairs", "exact")), _FEEDBACK),
    "numeric": (Rows("parameters", (Leaf("name", "line"), Leaf("from", "decimal"), Leaf("to", "decimal"), Leaf("step", "decimal"), Leaf("choice", "list"),
                                    Leaf("example", "decimal")), 1, 8),
                Leaf("constraints", "list"), Leaf("formula", "line"), Leaf("unit", "phrase"), Leaf("rounding.places", "count"),
                Leaf("tolerance.absolute", "decimal"), Leaf("accept_separators", "tick"), Leaf("example.answer", "decimal"),
                Rows("traps", (Leaf("formula", "line"), Leaf("fraction", "decimal"), Leaf("feedback", "text")), 1, 8), _FEEDBACK),
    "cloze": (Leaf("text", "text"), Rows("blanks", (Leaf("key", "line"), Leaf("accept", "accepted"), Leaf("feedback", "text")), 1, 12, "b"), _FEEDBACK),
    "short_answer": (*_LENGTH, Leaf("marking.max", "count"), Rows("marking.points", _POINT, 2, 12, "p"), Rows("marking.deductions", _POINT, 0, 6, "d"),
                     Leaf("model_answer", "text"), Leaf("marked_by", "line"), _FEEDBACK),
    "essay": (*_LENGTH, Rows("criteria", (Leaf("key", "line"), Leaf("title", "phrase"),
                                          Rows("levels", (Leaf("marks", "count"), Leaf("descriptor", "text")), 3, 6)), 1, 10, "c"),
              Leaf("model_answer", "text"), Leaf("marked_by", "line"), _FEEDBACK),
}
_SET = (Leaf("content_area", "line", part="facts"), Leaf("programme", "pick", part="facts"), Leaf("title", "phrase", part="question"),
        Leaf("stem", "text", part="question"), _FEEDBACK)
ANSWER_KINDS = tuple(kind for kind in KINDS if kind != "set")
IN_SETS = tuple(kind for kind in ANSWER_KINDS if kind not in ("short_answer", "essay"))
# What the items of a set take from it: it is drawn, reviewed and approved as a whole.
INHERITED = ("content_area", "programme", "status", "reviewed", "author_role", "reviewer_role", "approver_role")


def fields_of(kind: str, in_set: bool = False) -> tuple[Field, ...]:
    """The fields of a kind in the order of the form. Raises KeyError for an unknown kind."""
    if kind == "set":
        return (*_SET, *_SOURCES)
    common = tuple(leaf for leaf in _COMMON if not (in_set and leaf.name in INHERITED))
    return (*common, *_OWN[kind], *_SOURCES)


# ── fields → tree ────────────────────────────────────────────────────────────────────────────────────────────────
def nested(fields: Mapping[str, str]) -> Tree:
    """Flat names as a nested mapping: {"a.0.b": "x"} → {"a": {"0": {"b": "x"}}}. A name that is both leaf and branch keeps the branch."""
    tree: Tree = {}
    for name, value in fields.items():
        node = tree
        *path, last = name.split(".")
        for part in path:
            below = node.get(part)
            if not isinstance(below, dict):
                below = node[part] = {}
            node = below
        if not isinstance(node.get(last), dict):
            node[last] = value
    return tree


def _at(tree: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(part)
    return tree


def _put(tree: Tree, dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    for part in path:
        below = tree.get(part)
        if not isinstance(below, dict):
            below = tree[part] = {}
        tree = below
    tree[last] = value


def _clean(value: Any) -> str:
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip() if isinstance(value, str) else ""


def _split(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def read_fields(kind: str, fields: Mapping[str, str]) -> Tree:
    """What a form sent, as a tree: rows in the order of their places, emptied and removed rows left out."""
    return _read(fields_of(kind), nested(fields), kind)


def _read(spec: Sequence[Field], sent: Tree, kind: str = "") -> Tree:
    tree: Tree = {}
    for field in spec:
        raw = _at(sent, field.name)
        if isinstance(field, Rows):
            _put(tree, field.name, _rows(field, raw))
        else:
            _put(tree, field.name, _leaf(field.shape, raw))
    if kind == "set":
        tree["items"] = []
        for _number, entry in _numbered(sent.get("items")):
            if entry.get("kind") in ANSWER_KINDS and not entry.get("drop"):
                tree["items"].append({"kind": entry["kind"], "key": _clean(entry.get("key")), **_read(fields_of(entry["kind"], in_set=True), entry)})
    return tree


def _numbered(raw: Any) -> Iterator[tuple[int, Tree]]:
    """Rows that were sent, by their number in the form."""
    if isinstance(raw, Mapping):
        for name in sorted((name for name in raw if re.fullmatch(r"\d{1,2}", name)), key=int):
            if isinstance(raw[name], Mapping):
                yield int(name), raw[name]


def _rows(rows: Rows, raw: Any) -> list[Tree]:
    found: list[tuple[int, int, Tree]] = []
    for number, sent in _numbered(raw):
        row = _read(rows.fields, sent)
        if sent.get("drop") or is_blank(row):
            continue
        place = _clean(sent.get("place"))
        found.append((int(place) if rows.placed and place.isascii() and place.isdigit() and len(place) < 4 else number + 1, number, row | {"row": number + 1}))
    return [row for _place, _number, row in sorted(found, key=lambda entry: entry[:2])][:rows.most]


def _leaf(shape: Shape, raw: Any) -> Any:
    if shape in IN_TWO:
        both = {language: _clean(_at(raw, language)) for language in ("zh", "en")}
        return {language: _split(text) for language, text in both.items()} if shape == "accepted" else both
    if shape == "tick":
        return bool(raw) and isinstance(raw, str)
    text = _clean(raw)
    if shape == "list":
        return [entry.strip() for line in text.split("\n") for entry in re.split("[,，;；]", line) if entry.strip()]
    if shape == "count":
        return int(text) if _WHOLE.fullmatch(text) else text
    return text


def is_blank(value: Any) -> bool:
    """Whether nothing was typed: no text, no number, no tick, however deep. A row's number says nothing."""
    if isinstance(value, Mapping):
        return all(is_blank(child) for name, child in value.items() if name not in ("row", "kind"))
    if isinstance(value, list | tuple):
        return all(is_blank(child) for child in value)
    return value is None or value is False or value == ""


def bare(value: Any) -> Any:
    """A body without what says nothing (empty texts and lists, options that are not right): two with the same bare body are
    the same item, however they were written down."""
    if isinstance(value, Mapping):
        said = {name: bare(child) for name, child in value.items() if not (name == "correct" and child is False)}
        return {name: child for name, child in said.items() if child not in ("", None, [], {})}
    return [bare(child) for child in value] if isinstance(value, list | tuple) else value


def faults(fields: Mapping[str, str]) -> dict[str, str]:
    """Fields that cannot be kept as they are: name → "long" or "marks" (invisible signs: control, direction, broken)."""
    found = {}
    for name, text in fields.items():
        if len(text) > LONGEST:
            found[name] = "long"
        elif _MARKS.search(text.replace("\r", "")):
            found[name] = "marks"
    return found


# ── tree → body ──────────────────────────────────────────────────────────────────────────────────────────────────
def to_draft(kind: str, key: str, tree: Tree, before: Body | None = None) -> Body:
    """The body that a tree says. What no field of the form holds is kept from `before`; empty fields are left out."""
    spec = fields_of(kind)
    covered = {field.name.split(".")[0] for field in spec} | {"items", "answer", "feedback", "example"}
    body = {name: value for name, value in (before or {}).items() if name not in covered}
    body |= _with_rest(spec, _body(kind, key, tree, spec), before or {})
    if kind == "set":
        old = {entry.get("key"): entry for entry in _entries(before or {}, "items")}
        body["items"] = []
        for number, entry in enumerate(tree.get("items", []), 1):
            own = entry.get("key") or _free({part.get("key") for part in tree["items"]} | {part.get("key") for part in body["items"]}, f"{key}-", number)
            spec_ = fields_of(entry["kind"], in_set=True)
            held = {field.name.split(".")[0] for field in spec_} | {"answer", "feedback", "example"}
            kept = {name: value for name, value in old.get(own, {}).items() if name not in held}
            inherited = {name: body[name] for name in INHERITED if name in body}
            body["items"].append(kept | inherited | _with_rest(spec_, _body(entry["kind"], own, entry, spec_), old.get(own, {})))
    return body


def _with_rest(spec: Sequence[Field], body: Body, before: Body) -> Body:
    """A group of fields ("rounding") with what the group held before and no field shows."""
    shown: dict[str, set[str]] = {}
    for field in spec:
        group, dot, name = field.name.partition(".")
        if dot and group not in ("length", "example"):
            shown.setdefault(group, set()).add(name)
    for group, names in shown.items():
        if isinstance(before.get(group), Mapping) and isinstance(body.get(group), dict):
            body[group] = {name: value for name, value in before[group].items() if name not in names} | body[group]
    return body


def _body(kind: str, key: str, tree: Tree, spec: Sequence[Field]) -> Body:
    tree = _with_keys(spec, tree)
    if kind == "cloze":
        _name_blanks(tree)
    if kind == "numeric":
        taken = {row["name"] for row in tree["parameters"]}
        tree["parameters"] = [row if row["name"] else row | {"name": _free(taken, "p", number)} for number, row in enumerate(tree["parameters"], 1)]
    body: Body = {"key": key, "kind": kind}
    for field in spec:
        value = _at(tree, field.name)
        if isinstance(field, Rows):
            value = [_stored(field.fields, row) for row in value or []]
        if value is False or not is_blank(value):
            _put(body, field.name, value)
    if (own := _SPECIAL.get(kind)) is not None:
        own(body, tree)
    return body


def _stored(fields: Sequence[Field], row: Tree) -> Tree:
    """A row as it is stored: empty fields left out, a tick only where it is set."""
    kept: Tree = {}
    for field in fields:
        value = _at(row, field.name)
        if isinstance(field, Rows):
            value = [_stored(field.fields, below) for below in value or []]
        elif field.shape == "cited" and value and value["zh"] == value["en"]:
            value = value["zh"]                       # a key of the register is the same in both languages
        if not is_blank(value):
            _put(kept, field.name, value)
    return kept


def _free(taken: set[Any], letter: str, number: int) -> str:
    while f"{letter}{number}" in taken:
        number += 1
    return f"{letter}{number}"


def _with_keys(spec: Sequence[Field], tree: Tree) -> Tree:
    """The tree with a key for every row that has none: a, b, c … for options, a letter and a number elsewhere."""
    done = dict(tree)
    for rows in (field for field in spec if isinstance(field, Rows)):
        entries = _at(tree, rows.name) or []
        if not any(isinstance(field, Leaf) and field.name == "key" for field in rows.fields):
            continue
        taken = {row.get("key") for row in entries}
        made = []
        for number, row in enumerate(entries, 1):
            key = row.get("key")
            if not key and rows.name != "blanks":
                key = next(letter for letter in "abcdefghijklmnop" if letter not in taken) if not rows.letter else _free(taken, rows.letter, number)
                taken.add(key)
            made.append(row | {"key": key})
        *path, last = rows.name.split(".")
        if path:
            done[path[0]] = {**done.get(path[0], {}), last: made}
        else:
            done[last] = made
    return done


def _name_blanks(tree: Tree) -> None:
    """Blanks without a key take the keys of the text's gaps that nobody else has, in the order of the text."""
    taken = {row.get("key") for row in tree["blanks"]}
    waiting = [key for key in dict.fromkeys(BLANK.findall(tree["text"]["zh"] + tree["text"]["en"])) if key not in taken]
    named = []
    for number, row in enumerate(tree["blanks"], 1):
        key = row.get("key") or (waiting.pop(0) if waiting else _free(taken, "b", number))
        taken.add(key)
        named.append(row | {"key": key})
    tree["blanks"] = named


def _true_false(body: Body, _tree: Tree) -> None:
    if body.get("answer") in ("true", "false"):
        body["answer"] = body["answer"] == "true"


def _matching(body: Body, tree: Tree) -> None:
    right = {row["row"]: row["key"] for row in tree["right"] if "row" in row}
    body["left"] = [{name: value for name, value in row.items() if name in ("key", "text")} for row in body.get("left", [])]
    body["answer"] = {row["key"]: right.get(row["partner"], f"#{row['partner']}") for row in tree["left"] if row["partner"] != ""}
    body["feedback"] = {row["key"]: row["feedback"] for row in tree["left"] if not is_blank(row["feedback"])}


def _numeric(body: Body, tree: Tree) -> None:
    example = {row["name"]: row["example"] for row in tree["parameters"] if row["name"] and row["example"]}
    body["parameters"] = [{name: value for name, value in row.items() if name != "example"} for row in body.get("parameters", [])]
    if example or is_blank(body.get("example")) is False:
        body["example"] = {"values": example, **(body.get("example") or {})}


def _cloze(body: Body, _tree: Tree) -> None:
    body["blanks"] = {row["key"]: {name: value for name, value in row.items() if name != "key"} for row in body.get("blanks", [])}


def _lengths(body: Body, _tree: Tree) -> None:
    length = body.pop("length", None) or {}
    pairs = {"zh_chars": [length.get("zh_from"), length.get("zh_to")], "en_words": [length.get("en_from"), length.get("en_to")]}
    if kept := {name: pair for name, pair in pairs.items() if any(value is not None for value in pair)}:
        body["length"] = kept


_SPECIAL = {"true_false": _true_false, "matching": _matching, "numeric": _numeric, "cloze": _cloze, "short_answer": _lengths, "essay": _lengths}


# ── body → fields ────────────────────────────────────────────────────────────────────────────────────────────────
def _entries(body: Any, name: str) -> list[Body]:
    """The rows of a body that are mappings: what came from elsewhere may hold anything."""
    found = body.get(name) if isinstance(body, Mapping) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list | tuple) else []


def blank_keys(body: Body) -> tuple[str, ...]:
    """The blanks of a cloze in the order of its text, then those that no text shows."""
    text = body.get("text")
    shown = BLANK.findall("".join(str(text.get(language) or "") for language in ("zh", "en"))) if isinstance(text, Mapping) else []
    blanks = body.get("blanks")
    have = blanks if isinstance(blanks, Mapping) else {}
    return tuple(dict.fromkeys([*(key for key in shown if key in have), *have]))


def _unfolded(kind: str, body: Body) -> Body:
    """The body with what is kept apart put where the form shows it."""
    body = dict(body)
    if kind == "true_false" and isinstance(body.get("answer"), bool):
        body["answer"] = "true" if body["answer"] else "false"
    if kind == "matching":
        place = {entry.get("key"): number for number, entry in enumerate(_entries(body, "right"), 1)}
        answer: Any = body["answer"] if isinstance(body.get("answer"), Mapping) else {}
        feedback: Any = body["feedback"] if isinstance(body.get("feedback"), Mapping) else {}
        left = []
        for entry in _entries(body, "left"):
            partner = answer.get(entry.get("key"), "")
            left.append(entry | {"partner": place.get(partner, str(partner).removeprefix("#")), "feedback": feedback.get(entry.get("key"), {})})
        body |= {"left": left, "feedback": {}, "answer": {}}
    if kind == "numeric":
        example = body.get("example") if isinstance(body.get("example"), Mapping) else {}
        values = (example or {}).get("values") or {}
        body["parameters"] = [entry | {"example": values.get(entry.get("name"), "")} for entry in _entries(body, "parameters")]
    if kind == "cloze":
        blanks = body.get("blanks") or {}
        body["blanks"] = [{"key": key, **(blanks[key] if isinstance(blanks[key], Mapping) else {})} for key in blank_keys(body)]
    if kind in ("short_answer", "essay") and isinstance(body.get("length"), Mapping):
        pairs = {name: [*(body["length"].get(name) or []), None, None] for name in ("zh_chars", "en_words")}
        body["length"] = {"zh_from": pairs["zh_chars"][0], "zh_to": pairs["zh_chars"][1],
                          "en_from": pairs["en_words"][0], "en_to": pairs["en_words"][1]}
    return body


def _typed(shape: Shape, value: Any) -> str:
    if value is None or isinstance(value, Mapping):
        return ""
    if shape == "tick":
        return "on" if value is True else ""
    if isinstance(value, list | tuple):
        return "\n".join(str(entry) for entry in value) if shape == "accepted" else ", ".join(str(entry) for entry in value)
    return str(value)


_ON_UNLESS_SAID = ("shuffle", "accept_separators")


def to_fields(kind: str, body: Body) -> dict[str, str]:
    """The form's fields as a body fills them; an empty one is not in the mapping."""
    fields = _fields(fields_of(kind), _unfolded(kind, body), "")
    if kind == "set":
        for number, entry in enumerate(_entries(body, "items")):
            own = entry.get("kind")
            if own in ANSWER_KINDS:
                prefix = f"items.{number}."
                fields |= {f"{prefix}kind": str(own), f"{prefix}key": str(entry.get("key") or ""),
                           **_fields(fields_of(str(own), in_set=True), _unfolded(str(own), entry), prefix)}
    return {name: text for name, text in fields.items() if text}


def _fields(spec: Sequence[Field], body: Body, prefix: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field in spec:
        value = _at(body, field.name)
        name = prefix + field.name
        if isinstance(field, Rows):
            for number, row in enumerate(value if isinstance(value, list | tuple) else ()):
                if isinstance(row, Mapping):
                    fields |= _fields(field.fields, dict(row), f"{name}.{number}.")
        elif field.shape in IN_TWO:
            text = value if isinstance(value, Mapping) else {"zh": value, "en": value if field.shape == "cited" else ""} if isinstance(value, str) else {}
            fields |= {f"{name}.{language}": _typed(field.shape, text.get(language)) for language in ("zh", "en")}
        elif field.name in _ON_UNLESS_SAID and value is None:
            fields[name] = "on"
        elif field.name == "source" and isinstance(value, Mapping):
            fields[name] = str(value.get("zh") or "")
        else:
            fields[name] = _typed(field.shape, value)
    return fields


def field_at(kind: str, body: Body, where: Sequence[str | int]) -> str:
    """The name of the form's field that a place in the body is shown in: ("answer", "l1") → "left.0.partner"."""
    path = list(where)
    if kind == "set" and path[:1] == ["items"] and len(path) > 1:
        entries = _entries(body, "items")
        number = int(path[1])
        if number < len(entries):
            inside = field_at(str(entries[number].get("kind")), entries[number], path[2:])
            return f"items.{number}" + (f".{inside}" if inside else "")
    if kind == "matching" and path[:1] in (["answer"], ["feedback"]):
        keys = [entry.get("key") for entry in _entries(body, "left")]
        if len(path) == 1 or path[1] not in keys:
            return "left"
        path = ["left", keys.index(path[1]), "partner" if path[0] == "answer" else "feedback", *path[2:]]
    elif kind == "cloze" and path[:1] == ["blanks"] and len(path) > 1:
        keys = list(blank_keys(body))
        path = ["blanks", keys.index(path[1]), *path[2:]] if path[1] in keys else ["blanks"]
    elif kind == "numeric" and path[:1] == ["example"]:
        names = [entry.get("name") for entry in _entries(body, "parameters")]
        inside_values = len(path) > 2 and path[1] == "values" and path[2] in names
        path = ["parameters", names.index(path[2]), "example"] if inside_values else ["example", "answer"]
    elif path[:1] == ["length"] and len(path) > 1:
        side = "zh" if path[1] == "zh_chars" else "en"
        path = ["length", f"{side}_{'to' if path[2:] == [1] else 'from'}"]
    return ".".join(str(part) for part in path)
