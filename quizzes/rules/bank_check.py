"""What a draft still lacks before it may be handed in, each complaint at the field of the form it belongs to; and a draft
with its gaps filled, so that it can be looked at before it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from foundation.yamlsource import place_of
from quizzes.rules import lint
from quizzes.rules.bank import Body, field_at
from quizzes.rules.item import KINDS, Item, parse

_HAN = re.compile(r"[\u4e00-\u9fff]")
_PERSONAL = re.compile(r"(?<![\d.])\d{11,}(?![\d.])")
LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Finding:
    """One complaint. `field`: the form's field ("" for the whole); `code`: "missing" for what is not there yet, "lint" for
    an item-writing check (then `check` has its number), else what is wrong; `message`: the rule's own English."""

    field: str
    code: str
    message: str
    is_error: bool = True
    check: str = ""


def for_scoring(body: Body, author_role: str, approver_role: str, reviewed: str) -> Body:
    """The body as it would be published: approved, with the roles of its author and approver and the day it was reviewed."""
    signed = {"status": "approved", "author_role": author_role, "reviewer_role": approver_role, "approver_role": approver_role, "reviewed": reviewed}
    done = body | signed
    if isinstance(done.get("items"), list) and done.get("kind") == "set":
        shared = signed | {name: body[name] for name in ("content_area", "programme") if name in body}
        done["items"] = [entry | shared if isinstance(entry, dict) else entry for entry in done["items"]]
    return done


def examine(body: Body) -> tuple[Item | None, tuple[Finding, ...]]:
    """The item a draft makes, if it makes one, and every complaint about it, errors first. A draft may be handed in when none
    of them is an error."""
    kind = str(body.get("kind"))
    if kind not in KINDS:
        return None, (Finding("", "kind", f"kind {kind!r} is unknown"),)
    body = for_scoring(body, "author", "approver", "2000-01-01")
    found = [Finding(field_at(kind, body, where), code, message) for where, code, message in _texts(body, ())]
    item: Item | None = None
    try:
        item = parse(body)
    except ValidationError as fault:
        half = {finding.field for finding in found}
        for error in fault.errors():
            where = [part for part in place_of(body, error["loc"]) if isinstance(part, str | int)]
            name = field_at(kind, body, where)
            if name not in half:
                found.append(Finding(name, _code(error["type"]), str(error["msg"]).removeprefix("Value error, ")))
    else:
        found += [Finding(field_at(kind, body, complaint.where), "lint", complaint.message, complaint.is_error, complaint.check)
                  for complaint in lint.lint_item(item)]
    unique = dict.fromkeys(found)
    return item, tuple(sorted(unique, key=lambda finding: not finding.is_error))


_CODES = {
    "missing": "missing", "too_short": "few", "too_long": "many", "int_type": "whole", "int_parsing": "whole", "int_from_float": "whole",
    "string_pattern_mismatch": "key", "literal_error": "choice", "bool_type": "choice", "greater_than": "small", "greater_than_equal": "small",
    "less_than": "large", "less_than_equal": "large", "extra_forbidden": "unknown",
}


def _code(kind: str) -> str:
    return _CODES.get(kind, "value")


def _texts(value: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(place, code, message) of texts in one language only, Chinese in the English text, and what looks like a personal number."""
    if isinstance(value, Mapping):
        if value and set(value) <= set(LANGUAGES):
            for language in LANGUAGES:
                if value.get(language) in (None, "", [], ()):
                    yield (*where, language), "missing", f"{language} is missing"
            if isinstance(value.get("en"), str) and _HAN.search(value["en"]):
                yield (*where, "en"), "han", "Chinese characters in the English text"
        for name, child in value.items():
            yield from _texts(child, (*where, str(name)))
    elif isinstance(value, list | tuple):
        for number, child in enumerate(value):
            yield from _texts(child, (*where, number))
    elif isinstance(value, str) and _PERSONAL.search(value):
        yield where, "personal", "a run of 11 or more digits"


# ── looking at what is not finished ──────────────────────────────────────────────────────────────────────────────
GAP = {"zh": "……", "en": "…"}
_FILL: Body = {"content_area": "-", "programme": "-", "objective": "-", "bloom": "apply", "source": "-", "title": GAP, "stem": GAP, "text": GAP,
               "difficulty": {"expected_fraction": "0.6", "basis": "panel"}}


def presentable(body: Body) -> Item | None:
    """The item with its gaps filled by dots, to be looked at; None where too little is there to show anything."""
    kind = str(body.get("kind"))
    if kind not in KINDS:
        return None
    try:
        filled = _filled(kind, for_scoring(body, "author", "approver", "2000-01-01"))
        if kind == "set":
            filled["items"] = [_filled(str(entry.get("kind")), entry) for entry in filled.get("items") or []]
        return parse(filled)
    except (ValidationError, KeyError, TypeError, AttributeError, ValueError):      # imported drafts may hold anything
        return None


def _both(value: Any) -> Any:
    """A text whose missing language shows dots."""
    if isinstance(value, Mapping) and set(value) <= set(LANGUAGES):
        return {language: value.get(language) or GAP[language] for language in LANGUAGES}
    return value


def _everywhere(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _both(value) if value and set(value) <= set(LANGUAGES) else {name: _everywhere(child) for name, child in value.items()}
    return [_everywhere(child) for child in value] if isinstance(value, list | tuple) else value


def _filled(kind: str, body: Body) -> Body:
    done: Body = {**_FILL, **_everywhere(body)}
    done["difficulty"] = {**_FILL["difficulty"], **(done["difficulty"] if isinstance(done["difficulty"], dict) else {})}
    allowed = KINDS[kind].model_fields if kind in KINDS else {}
    done = {name: value for name, value in done.items() if name in allowed}
    for rows, fill in (("options", {"text": GAP, "feedback": GAP}), ("left", {"text": GAP}), ("right", {"text": GAP}), ("sequence", {"text": GAP})):
        if rows in allowed:
            done[rows] = [{**fill, **entry} for entry in done.get(rows) or [] if isinstance(entry, dict)]
    if kind == "multiple":
        done.setdefault("choose", max(1, sum(bool(option.get("correct")) for option in done["options"])))
    if kind == "true_false":
        done["answer"] = done.get("answer") is True
        done["feedback"] = {"if_true": GAP, "if_false": GAP, **(done.get("feedback") or {})}
    elif kind == "matching":
        keys = [entry.get("key") for entry in done["right"]]
        answer = done.get("answer") or {}
        first = (keys or ["-"])[0]
        done["answer"] = {entry.get("key"): answer[entry.get("key")] if answer.get(entry.get("key")) in keys else first for entry in done["left"]}
        done["feedback"] = {entry.get("key"): (done.get("feedback") or {}).get(entry.get("key"), GAP) for entry in done["left"]}
    elif kind == "cloze":
        done["blanks"] = {key: {"accept": {"zh": ["…"], "en": ["…"]}, "feedback": GAP, **(blank if isinstance(blank, dict) else {})}
                          for key, blank in (done.get("blanks") or {}).items()}
    elif kind == "numeric":
        done = {"unit": GAP, "tolerance": {"absolute": "0"}, "rounding": {"places": 2}, **done}
        done["traps"] = [{"feedback": GAP, **trap} for trap in done.get("traps") or [] if isinstance(trap, dict)]
        done["example"] = {"values": {}, "answer": "0"}
    if "feedback" in allowed and kind in ("ordering", "numeric"):
        done.setdefault("feedback", GAP)
    if kind in ("short_answer", "essay"):
        done = {"length": {"zh_chars": [0, 0], "en_words": [0, 0]}, "model_answer": GAP, "marked_by": "-", **done}
    return done
