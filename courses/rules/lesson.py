"""A lesson as frozen blocks, read from its two Markdown files; the two languages must hold the same blocks.

Blocks open with `::: name attr=value title="…"` and close with `:::`; they do not nest. Everything between is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from courses.rules.drawings import DRAWINGS
from foundation.findings import Waiver
from foundation.yamlsource import Day, Problem, Source, Strict, parse_yaml, validate

HEADING = re.compile(r"^(#{2,4}) (.+?) \{#([a-z0-9-]+)\}\s*$")
OPEN = re.compile(r"^::: ?([a-z-]+)(.*)$")
ATTR = re.compile(r'([a-z]+)=(?:"([^"]*)"|“([^”]*)”|(\S+))')
OPTION = re.compile(r"^- \[([ x])\] (.+?) :: (.+)$")
NAMES = ("objectives", "callout", "worked-example", "dialogue", "self-check", "figure", "job-task")


class Claim(Strict):
    key: str
    source: str
    reviewed: Day
    text: str | None = None


class FrontMatter(Strict):
    format: Literal["qizhou/lesson@1"]
    key: str
    language: Literal["zh", "en"]
    title: str
    subtitle: str
    delivery: str
    minutes: int
    status: Literal["draft", "reviewed", "approved", "retired"]
    reviewed: Day
    author_role: str = ""
    reviewer_role: str = ""
    sources: tuple[str, ...] = Field(strict=False)
    objectives: tuple[str, ...] = Field(strict=False)
    prerequisites: tuple[str, ...] = Field(default=(), strict=False)
    vocabulary: tuple[str, ...] = Field(default=(), strict=False)
    claims: tuple[Claim, ...] = Field(default=(), strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Option:
    text: str
    is_right: bool
    feedback: str


@dataclass(frozen=True)
class Block:
    """One block. `text` is Markdown; dialogue turns and options are lists; `line` is where it begins in the file."""

    name: str
    line: int
    attrs: dict[str, str] = field(default_factory=dict)
    text: str = ""
    turns: tuple[tuple[str, str, str], ...] = ()         # speaker, line, annotation
    options: tuple[Option, ...] = ()

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name, "attrs": self.attrs, "text": self.text}
        if self.turns:
            body["turns"] = [list(turn) for turn in self.turns]
        if self.options:
            body["options"] = [{"text": o.text, "right": o.is_right, "feedback": o.feedback} for o in self.options]
        return body


@dataclass(frozen=True)
class LessonText:
    """One language of a lesson."""

    front: FrontMatter
    blocks: tuple[Block, ...]

    def shape(self) -> list[Any]:
        """What must be the same in both languages: blocks, keys, heading ids, table widths, which option is right."""
        shape: list[Any] = []
        for block in self.blocks:
            if block.name == "prose":
                shape += [("heading", m.group(3)) for line in block.text.splitlines() if (m := HEADING.match(line))]
                shape += [("row", len(line.strip().strip("|").split("|"))) for line in block.text.splitlines() if line.startswith("|")]
            else:
                shape.append((block.name, block.attrs.get("key"), block.attrs.get("kind"), tuple(o.is_right for o in block.options)))
        return shape


def parse_lesson(text: str, source: Source) -> LessonText | None:
    """Read one file; complaints go to `source.problems`. Returns None where the front matter cannot be read."""
    parts = text.split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        source.problems.append(Problem(source.path, 1, 1, "must begin with a front matter between --- lines"))
        return None
    parse_yaml(parts[1], source, first_line=2)
    front = validate(FrontMatter, source.value, source) if source.value is not None else None
    if front is None:
        return None
    first_line = parts[1].count("\n") + 3
    blocks = _blocks(parts[2].splitlines(), first_line, source)
    lesson = LessonText(front, tuple(blocks))
    _check(lesson, source)
    return lesson


def _blocks(lines: list[str], first_line: int, source: Source) -> list[Block]:
    blocks: list[Block] = []
    prose: list[str] = []
    prose_line = first_line
    inside: tuple[str, dict[str, str], int] | None = None
    body: list[str] = []

    def flush() -> None:
        if any(line.strip() for line in prose):
            blank = next(offset for offset, line in enumerate(prose) if line)
            blocks.append(Block("prose", prose_line + blank, {}, "\n".join(prose).strip("\n")))
        prose.clear()

    for number, line in enumerate(lines, start=first_line):
        if line.strip() == ":::":
            if inside is None:
                source.problems.append(Problem(source.path, number, 1, "closes a block that is not open"))
                continue
            blocks.append(_block(*inside, body, source))
            inside, body, prose_line = None, [], number + 1
        elif match := OPEN.match(line):
            if inside is not None:
                source.problems.append(Problem(source.path, number, 1, f"opens {match.group(1)} inside {inside[0]}: blocks do not nest"))
                continue
            flush()
            attrs = {m.group(1): m.group(2) or m.group(3) or m.group(4) or "" for m in ATTR.finditer(match.group(2))}
            if match.group(1) not in NAMES:
                source.problems.append(Problem(source.path, number, 5, f"unknown block {match.group(1)}"))
            inside = (match.group(1), attrs, number)
        elif inside is not None:
            body.append(line)
        else:
            if not prose:
                prose_line = number
            prose.append(line)
    if inside is not None:
        source.problems.append(Problem(source.path, inside[2], 1, f"block {inside[0]} is never closed"))
    flush()
    return blocks


def _block(name: str, attrs: dict[str, str], line: int, body: list[str], source: Source) -> Block:
    if name == "dialogue":
        return Block(name, line, attrs, turns=_turns(body, line, source))
    if name == "self-check":
        question = [text for text in body if not text.startswith("- [")]
        options = []
        for offset, text in enumerate(body, start=1):
            if text.startswith("- ["):
                match = OPTION.match(text)
                if match is None:
                    source.problems.append(Problem(source.path, line + offset, 1, "an option reads “- [x] text :: feedback”"))
                    continue
                options.append(Option(match.group(2).strip(), match.group(1) == "x", match.group(3).strip()))
        return Block(name, line, attrs, "\n".join(question).strip(), options=tuple(options))
    return Block(name, line, attrs, "\n".join(body).strip("\n"))


def _turns(body: list[str], line: int, source: Source) -> tuple[tuple[str, str, str], ...]:
    turns: list[tuple[str, str, str]] = []
    for offset, text in enumerate(body, start=1):
        if not text.strip():
            continue
        if text.startswith("> "):
            if not turns:
                source.problems.append(Problem(source.path, line + offset, 1, "an annotation needs a line above it"))
                continue
            speaker, said, note = turns[-1]
            turns[-1] = (speaker, said, f"{note} {text[2:].strip()}".strip())
            continue
        speaker, separator, said = text.partition(": ")
        if not separator:
            speaker, separator, said = text.partition("：")
        if not separator:
            source.problems.append(Problem(source.path, line + offset, 1, "a line of dialogue reads “Speaker: text”"))
            continue
        turns.append((speaker.strip(), said.strip(), ""))
    return tuple(turns)


def _check(lesson: LessonText, source: Source) -> None:
    def error(line: int, message: str) -> None:
        source.problems.append(Problem(source.path, line, 1, message))

    names = [block.name for block in lesson.blocks]
    if names.count("objectives") != 1 or not names or names[0] != "objectives":
        error(1, "needs exactly one objectives block, first")
    if names.count("job-task") != 1 or names[-1:] != ["job-task"]:
        error(1, "needs exactly one job-task block, last")
    keys = [block.attrs.get("key") for block in lesson.blocks if block.name == "self-check"]
    for block in lesson.blocks:
        if block.name == "objectives":
            entries = sum(1 for text in block.text.splitlines() if text.startswith("- "))
            if entries != len(lesson.front.objectives):
                error(block.line, f"lists {entries} objectives, the front matter names {len(lesson.front.objectives)}")
        if block.name == "dialogue" and sum(1 for turn in block.turns if turn[2]) < 3:
            error(block.line, "a dialogue needs three annotations or more")
        if block.name == "self-check":
            right = sum(option.is_right for option in block.options)
            if not block.attrs.get("key") or keys.count(block.attrs.get("key")) > 1:
                error(block.line, "a self-check needs a key of its own")
            if block.attrs.get("kind") not in ("single", "multiple", "true_false"):
                error(block.line, "kind is single, multiple or true_false")
            if right < 1 or (block.attrs.get("kind") != "multiple" and right != 1):
                error(block.line, f"{right} options are marked right")
        if block.name == "callout" and block.attrs.get("kind") not in ("key", "tip", "warning", "law"):
            error(block.line, "a callout's kind is key, tip, warning or law")
        if block.name == "figure":
            if block.attrs.get("draw") not in DRAWINGS:
                error(block.line, f"a figure's draw is one of {', '.join(DRAWINGS)}")
            if not block.attrs.get("title") or not block.text.strip():
                error(block.line, "a figure needs a title and a text that says what it shows")
        if block.name == "prose":
            _check_tables(block, error)


def _check_tables(block: Block, error: Any) -> None:
    width = 0
    for offset, text in enumerate(block.text.splitlines()):
        if not text.startswith("|"):
            width = 0
            continue
        cells = len(text.strip().strip("|").split("|"))
        if width and cells != width:
            error(block.line + offset, f"this row has {cells} cells, the header {width}")
        width = width or cells
        if cells > 6:
            error(block.line + offset, "a table has six columns at most")


def plain_text(lesson: LessonText) -> str:
    """The words a reader sees, for counting and searching."""
    parts = []
    for block in lesson.blocks:
        parts.append(block.attrs.get("title", ""))
        parts.append(re.sub(r"\{#[\w-]+\}", "", block.text))
        parts += [f"{speaker} {said} {note}" for speaker, said, note in block.turns]
        parts += [f"{option.text} {option.feedback}" for option in block.options]
    return "\n".join(parts)


def check_pair(zh: LessonText, en: LessonText, source: Source) -> None:
    """E: both languages hold the same blocks, keys, heading ids, table shapes, right options and front matter."""
    if zh.shape() != en.shape():
        first = next((pair for pair in zip(zh.shape(), en.shape(), strict=False) if pair[0] != pair[1]), None)
        detail = f": zh has {first[0]}, en has {first[1]}" if first else ": one has more blocks"
        source.problems.append(Problem(source.path, 1, 1, f"the two languages differ in structure{detail}"))
    for name in ("key", "delivery", "minutes", "status", "reviewed", "sources", "objectives", "prerequisites", "vocabulary"):
        if getattr(zh.front, name) != getattr(en.front, name):
            source.problems.append(Problem(source.path, 1, 1, f"{name} differs between zh and en"))
    if [claim.key for claim in zh.front.claims] != [claim.key for claim in en.front.claims]:
        source.problems.append(Problem(source.path, 1, 1, "claims differ between zh and en"))
