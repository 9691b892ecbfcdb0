"""YAML 1.2 content files read with positions: every complaint says file:line:column, all of them at once.

A small constructor of our own: PyYAML reads `no` as False and swallows duplicate keys, and ruamel's round-trip reader is
slow. Sound files go through libyaml's events, all others through ruamel's composer, whose complaints are the better ones.
Scalars: quoted → text; plain → whole number, true/false, null or text. Decimals and dates stay text here and are read by
the types below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml as libyaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Path_ = tuple[Any, ...]
_LOADER = getattr(libyaml, "CSafeLoader", None)      # None: built without libyaml; then everything is read by the slow reader
_VERSION_MATTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]|^%|^(?:---|\.\.\.)|[|>][-+0-9]*#", re.MULTILINE)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")


@dataclass(frozen=True, order=True)
class Problem:
    """One complaint about a content file. `severity` is 'error' (the file is refused), 'gap' (every file is sound, but the
    whole lacks something: the check fails, a load does not) or 'warning'."""

    path: str
    line: int
    column: int
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column} {'' if self.severity == 'error' else self.severity + ': '}{self.message}"


@dataclass
class Source:
    """A file that was read: its value, and where each part of it stands."""

    path: str
    value: Any = None
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def at(self, where: Sequence[Any]) -> tuple[int, int]:
        """Line and column (from 1) of a path into the value, or of its nearest parent."""
        path = tuple(where)
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, (1, 1))

    def error(self, where: Sequence[Any], message: str) -> None:
        self.problems.append(Problem(self.path, *self.at(where), message))

    def warning(self, where: Sequence[Any], message: str) -> None:
        self.problems.append(Problem(self.path, *self.at(where), message, "warning"))

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)


def read_yaml(file: Path, shown_as: str) -> Source:
    """Read a file; never raises for its content: what is wrong is in `problems`."""
    source = Source(shown_as)
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as fault:
        source.problems.append(Problem(shown_as, 1, 1, f"is not UTF-8 (byte {fault.start})"))
        return source
    return parse_yaml(text, source)


def parse_yaml(text: str, source: Source, first_line: int = 1) -> Source:
    """Fill `source` from YAML text that begins at `first_line` of its file."""
    if "\t" in text:
        line = text[: text.index("\t")].count("\n") + first_line
        source.problems.append(Problem(source.path, line, 1, "has a tab; indent with spaces"))
    elif _fast(text, source, first_line):
        return source
    yaml = YAML(typ="rt", pure=True)
    yaml.version = (1, 2)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark
        line, column = (mark.line + first_line, mark.column + 1) if mark else (1, 1)
        source.problems.append(Problem(source.path, line, column, str(fault.problem or fault)))
        return source
    except ReaderError as fault:
        before = text[: fault.position]
        source.problems.append(Problem(source.path, before.count("\n") + first_line, fault.position - before.rfind("\n"),
                                       f"has a character that no text file should have (U+{ord(text[fault.position]):04X})"))
        return source
    except RecursionError:
        source.problems.append(Problem(source.path, first_line, 1, "is nested too deeply"))
        return source
    seen: set[int] = set()
    source.value = _build(node, (), source, seen, first_line) if node is not None else None
    return source


class _Unusual(Exception):
    """Something that the slow reader words better, or that the two readers might see differently."""


def _fast(text: str, source: Source, first_line: int) -> bool:
    """Read plain, sound YAML with libyaml, some fifteen times faster; leaves everything else, every fault too, to the slow reader.

    libyaml speaks YAML 1.1: of what is left here after the exclusions both versions have the same understanding, because we
    resolve scalars ourselves (a test reads every shipped file and made-up ones with both and compares values and places).
    """
    if _LOADER is None or _VERSION_MATTERS.search(text):
        return False
    events = libyaml.parse(text, Loader=_LOADER)
    marks: dict[Path_, tuple[int, int]] = {}
    doubles: list[Problem] = []
    try:
        value = None
        for event in events:
            if isinstance(event, libyaml.DocumentStartEvent):
                if event.explicit or event.version or event.tags:
                    return False
                value = _take(next(events), events, (), marks, doubles, source.path, first_line)
    except (libyaml.YAMLError, _Unusual, RecursionError):
        return False
    source.value = value
    source.marks.update(marks)
    source.problems += doubles
    return True


def _take(event: Any, events: Any, path: Path_, marks: dict[Path_, tuple[int, int]], doubles: list[Problem], name: str, first_line: int) -> Any:
    """The value that begins with this event, its places noted."""
    mark = event.start_mark
    if isinstance(event, libyaml.AliasEvent) or event.anchor or event.tag or len(path) > 60:
        raise _Unusual
    marks[path] = (mark.line + first_line, mark.column + 1)
    if isinstance(event, libyaml.ScalarEvent):
        return event.value if event.style else _plain(event.value)
    if isinstance(event, libyaml.SequenceStartEvent):
        entries: list[Any] = []
        while not isinstance(following := next(events), libyaml.SequenceEndEvent):
            entries.append(_take(following, events, (*path, len(entries)), marks, doubles, name, first_line))
        return entries
    result: dict[str, Any] = {}
    while not isinstance(key_event := next(events), libyaml.MappingEndEvent):
        if not isinstance(key_event, libyaml.ScalarEvent) or key_event.anchor or key_event.tag:
            raise _Unusual
        key, where = str(key_event.value), (key_event.start_mark.line + first_line, key_event.start_mark.column + 1)
        if key in result:
            doubles.append(Problem(name, *where, f"key {key} stands twice"))
        result[key] = _take(next(events), events, (*path, key), marks, doubles, name, first_line)
        marks[(*path, key)] = where
    return result


def _build(node: Node, path: Path_, source: Source, seen: set[int], first_line: int) -> Any:
    source.marks[path] = (node.start_mark.line + first_line, node.start_mark.column + 1)
    if node.anchor or id(node) in seen:
        source.error(path, "uses an anchor or alias; write the text out")
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [_build(child, (*path, index), source, seen, first_line) for index, child in enumerate(node.value)]
    assert isinstance(node, MappingNode)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key in result:
            source.problems.append(
                Problem(source.path, key_node.start_mark.line + first_line, key_node.start_mark.column + 1, f"key {key} stands twice"))
        result[key] = _build(value_node, (*path, key), source, seen, first_line)
        source.marks[(*path, key)] = (key_node.start_mark.line + first_line, key_node.start_mark.column + 1)
    return result


def _scalar(node: ScalarNode) -> Any:
    if node.style == ">":
        return node.value.replace("\a", "")      # where ruamel notes for a later dump that a line was folded
    return node.value if node.style is not None and node.style != "" else _plain(node.value)


def _plain(text: str) -> Any:
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _INT.fullmatch(text) else text


# ── types that content models are made of ───────────────────────────────────────────────────────────────────────
def _to_decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError("write decimals as quoted text")
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a decimal number") from None


def _to_date(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a date like 2026-11-21") from None


Dec = Annotated[Decimal, BeforeValidator(_to_decimal), PlainSerializer(lambda value: format(value, "f"))]
Day = Annotated[date, BeforeValidator(_to_date), PlainSerializer(lambda value: value.isoformat())]


class Strict(BaseModel):
    """Base of all content types: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bilingual(Strict):
    """A text in both languages; neither may be empty."""

    zh: str
    en: str

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)

    def get(self, language: str) -> str:
        return self.en if language == "en" else self.zh


Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], value: Any, source: Source, where: Sequence[Any] = (), label: str = "") -> Model | None:
    """Turn a plain value into a typed one, or note every complaint with its place and return None."""
    try:
        return model.model_validate(value)
    except ValidationError as fault:
        for error in fault.errors():
            place = place_of(value, error["loc"])
            prefix = f"{label}: " if label else ""
            spot = ".".join(str(part) for part in place)
            source.error((*where, *place), f"{prefix}{spot}: {_say(error)}")
        return None


def place_of(value: Any, loc: Sequence[Any]) -> list[Any]:
    """The path of a complaint as the file has it: without the names that types add (validators, the tag of a kind)."""
    place: list[Any] = []
    for number, part in enumerate(loc):
        if isinstance(part, str) and part.startswith(("function-", "tagged-union")):
            continue
        if isinstance(value, dict) and part not in value and value.get("kind") == part and number + 1 < len(loc):
            continue
        place.append(part)
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
    return place


def _say(error: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def check_bilingual(value: Any, source: Source, where: Path_ = ()) -> None:
    """E: a text with only one of zh/en, an empty one, or Chinese in the English text."""
    if isinstance(value, dict):
        if set(value) & {"zh", "en"} and set(value) <= {"zh", "en"}:
            for language in ("zh", "en"):
                if language not in value or value[language] in ("", None, []):
                    source.error(where, f"{language} is missing")
            english = value.get("en")
            if isinstance(english, str) and re.search(r"[\u4e00-\u9fff]", english):
                source.error((*where, "en"), "Chinese characters in the English text")
            return
        for key, child in value.items():
            check_bilingual(child, source, (*where, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            check_bilingual(child, source, (*where, index))


_ELEVEN = re.compile(r"\d{11}")
_DIGITS = re.compile(r"(?<![\d.])\d{11,}(?![\d.])")


def check_no_personal_numbers(text: str, source: Source) -> None:
    """E: runs of eleven or more digits look like a telephone, identity or card number."""
    for match in _DIGITS.finditer(text) if _ELEVEN.search(text) else ():
        line = text[: match.start()].count("\n") + 1
        source.problems.append(Problem(source.path, line, match.start() - text.rfind("\n", 0, match.start()), "a run of 11 or more digits"))
