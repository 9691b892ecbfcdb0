"""Items as item files of our own (`qizhou/items@1`): what the browser changed, on its way back into the content files.

Every item holds all that is its own and leans on no defaults, so that it may be put into a file whose defaults say otherwise
and still reads as the same body. Keys stand in the order of the format's description; texts are quoted, names are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from quizzes.rules.areas import title_of
from quizzes.rules.item import Item, parts, to_body

ORDER = (
    "key", "kind", "title", "objective", "bloom", "difficulty", "source", "reviewed", "status", "programme", "author_role", "reviewer_role",
    "approver_role", "stem", "choose", "options", "left", "right", "answer", "sequence", "parameters", "constraints", "formula", "unit", "rounding",
    "tolerance", "accept_separators", "example", "traps", "text", "blanks", "matching", "length", "marking", "criteria", "model_answer", "marked_by",
    "items", "feedback", "claims", "scoring", "shuffle", "enemy_of", "usage",
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._@/-][A-Za-z0-9]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})     # names that some reader of YAML takes for something else


class _Writer(yaml.SafeDumper):
    """Block style, no anchors, texts in double quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    if _NAME.fullmatch(value) and len(value) <= 60 and value.lower() not in _WORDS:
        return writer.represent_scalar("tag:yaml.org,2002:str", value)
    lines = value.removesuffix("\n").split("\n")
    if len(lines) > 1 and all(line.isprintable() and line == line.rstrip() for line in lines) and lines[0].strip() == lines[0] != "" and lines[-1]:
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    rare = any(ord(character) > 0xFFFF for character in value)     # double quotes would write these as escapes
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style="'" if rare else '"')


_Writer.add_representer(str, _text)


def _written(body: Mapping[str, Any]) -> dict[str, Any]:
    """A stored body as a file has it: without what belongs to the file or says nothing, parameters by name, keys in order.

    Raises ValueError for a field without a place in ORDER.
    """
    said = {name: value for name, value in body.items() if name != "content_area" and value not in ([], ())}
    if strangers := sorted(set(said) - set(ORDER)):
        raise ValueError(f"{body['key']}: no place for {', '.join(strangers)}")
    if "parameters" in said:
        said["parameters"] = {spec["name"]: {name: value for name, value in spec.items() if name != "name"} for spec in said["parameters"]}
    if "options" in said:
        said["options"] = [{name: value for name, value in option.items() if not (name == "correct" and value is False)} for option in said["options"]]
    if body["kind"] == "set":
        said["items"] = [_written(entry) for entry in said["items"]]
    return {name: said[name] for name in ORDER if name in said}


def write(area: str, items: Iterable[Item]) -> str:
    """One item file with the items of one content area, in the order given."""
    found = list(items)
    sources = sorted({entry.source for item in found for entry in (item, *parts(item)) if entry.source})
    file = {"format": "qizhou/items@1", "content_area": area, "title": title_of(area), "sources": sources,
            "items": [_written(to_body(item)) for item in found]}
    return yaml.dump(file, Dumper=_Writer, allow_unicode=True, sort_keys=False, default_flow_style=False, width=1_000_000)
