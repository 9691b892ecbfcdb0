"""A question as other programs know it: between our item bodies and the files. And what there is to say about one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Text = dict[str, str]   # language ("zh", "en", or "" where the file does not say) → Markdown
Kind = Literal["multichoice", "truefalse", "matching", "numerical", "cloze", "essay", "ordering", "description"]
Severity = Literal["error", "warning", "note"]

MAX_TEXT = 20_000           # characters of one text of an item
MAX_QUESTIONS = 5_000
MAX_FILE = 24 * 1024 * 1024
ONE = Decimal(1)
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")   # signs no text of ours may hold


def is_clean(value: Any) -> bool:
    """Whether a text, or every text in a plain value, is free of control characters and halves of signs."""
    if isinstance(value, str):
        return not FORBIDDEN.search(value)
    if isinstance(value, Mapping):
        return all(is_clean(name) and is_clean(child) for name, child in value.items())
    return all(map(is_clean, value)) if isinstance(value, list | tuple) else True


@dataclass(frozen=True)
class Remark:
    """Something to say about a file: where, about which item, and in which words (`quizzes.exchange.words`).

    error: nothing of the file is taken in; warning: this will not come along; note: worth knowing.
    """

    line: int
    item: str
    code: str
    values: tuple[str, ...] = ()
    severity: Severity = "error"

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


class NotReadable(Exception):
    """The file as a whole cannot be read; holds the one remark that says why."""

    def __init__(self, code: str, line: int = 0, *values: str) -> None:
        super().__init__(code)
        self.remark = Remark(line, "", code, values)


@dataclass
class Answer:
    """Something to choose or to write. `fraction`: the share of the mark it earns, −1…1; `tolerance`: of a number."""

    text: Text
    fraction: Decimal = ONE
    feedback: Text = field(default_factory=dict)
    line: int = 0
    tolerance: str = "0"


@dataclass
class Gap:
    """A gap of a cloze: what is accepted, by language ("" where the file does not say)."""

    accept: dict[str, list[str]]
    feedback: Text = field(default_factory=dict)


@dataclass
class Question:
    """One question. `answers`: options, true and false (in this order), numbers, entries in their right order. `pairs`: left and
    right; an empty left is a spare. `gaps`: by the keys of `[[key]]` in `text`. `tags` are people's; `meta` is what is ours."""

    kind: Kind
    line: int = 0
    name: str = ""
    idnumber: str = ""
    category: str = ""
    stem: Text = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    pairs: list[tuple[Text, Text]] = field(default_factory=list)
    text: Text = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    case_matters: bool = False
    general: Text = field(default_factory=dict)
    is_single: bool = True
    shuffle: bool = True
    exact_order: bool = False
    units: list[str] = field(default_factory=list)
    grader_info: Text = field(default_factory=dict)
    marks: str = "1"
    tags: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def say(self, code: str, *values: str, severity: Severity = "warning", line: int = 0) -> None:
        remark = Remark(line or self.line, self.idnumber or self.name[:60], code, values, severity)
        if remark not in self.remarks:
            self.remarks.append(remark)

    def texts(self) -> list[Text]:
        """Every text of the question, to be looked at or changed in place."""
        found = [self.stem, self.text, self.general, self.grader_info]
        for answer in self.answers:
            found += [answer.text, answer.feedback]
        for left, right in self.pairs:
            found += [left, right]
        for gap in self.gaps.values():
            found.append(gap.feedback)
        return [text for text in found if text]


# ── what is ours ─────────────────────────────────────────────────────────────────────────────────────────────────
LONGEST_TAG = 50    # Moodle cuts longer tags
_TAG = re.compile(r"qz:([a-z_]+)=(.*)\Z", re.S)


def meta_line(meta: Mapping[str, Any]) -> str:
    """`meta` as one line of JSON that may stand in an XML comment: without two hyphens in a row."""
    return json.dumps(meta, ensure_ascii=False, sort_keys=True).replace("--", "-\\u002d").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def split_meta(meta: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """`meta` as tags (short plain texts, which other programs keep) and the rest."""
    tags, rest = [], {}
    for name, value in sorted(meta.items()):
        tag = f"qz:{name}={value}"
        if isinstance(value, str) and len(tag) <= LONGEST_TAG and value == value.strip() and not set(value) & set(",\n"):
            tags.append(tag)
        else:
            rest[name] = value
    return tags, rest


def take_meta(question: Question, told: str, line: int) -> None:
    """Read one line of JSON into the question's meta; what is no JSON object is named."""
    try:
        value = json.loads(told)
        if not isinstance(value, dict):
            raise ValueError("an object is expected")
        if not is_clean(value):
            raise ValueError("control characters")
    except (ValueError, RecursionError):
        question.say("meta_unreadable", severity="error", line=line)
        return
    question.meta |= value


def take_tag(question: Question, tag: str) -> None:
    """A tag of ours goes into meta, anybody else's stays a tag."""
    ours = _TAG.match(tag)
    if ours:
        question.meta[ours[1]] = ours[2]
    elif (told := " ".join(tag.split())[:LONGEST_TAG]) and told not in question.tags:
        question.tags.append(told)
