"""The difference between two bodies of an item, field by field; in texts word by word (Chinese sign by sign)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from quizzes.rules.bank import Body

# who signed a version, and when, is told beside it
UNTOLD = frozenset({"author_role", "reviewer_role", "approver_role", "reviewed", "status"})
_TOKEN = re.compile(r"[A-Za-z0-9]+(?:['’.,-][A-Za-z0-9]+)*|\s+|.", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """A stretch of text: the same in both, taken out, or put in."""

    act: Literal["same", "del", "ins"]
    text: str


@dataclass(frozen=True)
class Change:
    """One field that differs. `field`: its name with rows by their keys ("options.b.text.zh"); `pieces` in reading order."""

    field: str
    pieces: tuple[Piece, ...]

    @property
    def act(self) -> Literal["added", "removed", "changed"]:
        acts = {piece.act for piece in self.pieces}
        return "added" if acts == {"ins"} else "removed" if acts == {"del"} else "changed"


def leaves(body: Any, prefix: str = "") -> dict[str, str]:
    """Every field of a body as text; rows are named by their keys where they have one, so that a moved row is no change."""
    found: dict[str, str] = {}
    if isinstance(body, Mapping):
        for name, child in body.items():
            if not prefix and name in UNTOLD:
                continue
            if prefix.count(".") == 1 and prefix.startswith("items.") and name in UNTOLD:
                continue
            found |= leaves(child, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(body, list | tuple):
        if all(isinstance(child, Mapping) for child in body):
            for number, child in enumerate(body, 1):
                found |= leaves(child, f"{prefix}.{child.get('key') or child.get('name') or number}")
            if len(body) > 1 and all(child.get("key") for child in body):
                found[f"{prefix}.order"] = " · ".join(str(child["key"]) for child in body)
        else:
            found[prefix] = ", ".join(str(child) for child in body)
    elif body is not None and not (body is False and prefix.endswith(".correct")):
        found[prefix] = {True: "✓", False: "✗"}[body] if isinstance(body, bool) else str(body)
    return {name: text for name, text in found.items() if text}


def difference(before: Body | None, after: Body) -> tuple[Change, ...]:
    """What differs, in the order of the newer body, then what is gone. Two equal bodies have no difference."""
    old, new = leaves(before or {}), leaves(after)
    changes = [Change(name, compare(old.get(name, ""), text)) for name, text in new.items() if old.get(name, "") != text]
    changes += [Change(name, compare(text, "")) for name, text in old.items() if name not in new]
    return tuple(changes)


def compare(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as stretches.

    >>> [(piece.act, piece.text) for piece in compare("three days", "five days")]
    [('del', 'three'), ('ins', 'five'), ('same', ' days')]
    """
    one, other = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[Piece] = []
    for act, first, last, start, end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        gone, come = "".join(one[first:last]), "".join(other[start:end])
        if act == "equal":
            pieces.append(Piece("same", gone))
            continue
        pieces += [Piece("del", gone)] if gone else []
        pieces += [Piece("ins", come)] if come else []
    return tuple(pieces)
