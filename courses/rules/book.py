"""The course book of a unit as plain data: lessons, answers, glossary, sources, ready for the press.

The tree holds words and numbers only. Markdown is taken apart here into paragraphs, lists, tables and runs of text, so
that the press never reads a lesson as markup: a word is a word whatever characters it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token

from courses.rules.drawings import draw_for_paper, labels
from courses.rules.lesson import HEADING
from foundation.markdown import parse

Node = dict[str, Any]
FIGURE_FONT = "Noto Sans SC"
LETTERS = "ABCDEFGH"
_LESSON_LINK = re.compile(r"\[([^\]]*)\]\(lesson:[^)]*\)")


@dataclass(frozen=True)
class BookLesson:
    """A lesson that goes into a book: its key and the body of its version."""

    key: str
    body: Mapping[str, Any]


def inline(tokens: Sequence[Token] | None) -> list[Node]:
    """Runs of text: {t: text|code, v} · {t: strong|em, c: […]} · {t: link, href, c} · {t: br}."""
    root: list[Node] = []
    stack: list[list[Node]] = [root]
    for token in tokens or ():
        if token.type == "text":
            if token.content:
                stack[-1].append({"t": "text", "v": token.content})
        elif token.type == "code_inline":
            stack[-1].append({"t": "code", "v": token.content})
        elif token.type in ("softbreak", "hardbreak"):
            stack[-1].append({"t": "text", "v": " "} if token.type == "softbreak" else {"t": "br"})
        elif token.type in ("strong_open", "em_open", "link_open"):
            node: Node = {"t": token.type.removesuffix("_open"), "c": []}
            if token.type == "link_open":
                node["href"] = str(token.attrGet("href") or "")
            stack[-1].append(node)
            stack.append(node["c"])
        elif token.type.endswith("_close") and len(stack) > 1:
            stack.pop()
    return root


def words(text: str) -> list[Node]:
    """One line of Markdown as runs of text."""
    tokens = parse(text)
    return [node for token in tokens if token.type == "inline" for node in inline(token.children)]


def blocks(markdown: str) -> list[Node]:
    """Blocks: {t: h, level, c} · {t: p, c} · {t: ul|ol, items: [[block]]} · {t: quote, blocks} · {t: table, head, rows, widths}."""
    out: list[Node] = []
    waiting: list[str] = []

    def flush() -> None:
        if any(line.strip() for line in waiting):
            out.extend(_tree(parse("\n".join(waiting))))
        waiting.clear()

    for line in _LESSON_LINK.sub(r"\1", markdown).splitlines():
        match = HEADING.match(line)
        if match:
            flush()
            out.append({"t": "h", "level": len(match.group(1)), "c": words(match.group(2))})
        else:
            waiting.append(line)
    flush()
    return out


def _tree(tokens: Sequence[Token]) -> list[Node]:
    root: list[Node] = []
    stack: list[list[Node]] = [root]
    table: Node | None = None
    for token in tokens:
        kind = token.type
        if kind == "inline":
            if table is not None:
                table["rows"][-1].append(inline(token.children))
            else:
                stack[-1].append({"t": "p", "c": inline(token.children)})
        elif kind in ("bullet_list_open", "ordered_list_open"):
            node: Node = {"t": "ul" if kind.startswith("b") else "ol", "items": []}
            stack[-1].append(node)
            stack.append(node["items"])
        elif kind == "list_item_open":
            item: list[Node] = []
            stack[-1].append(item)  # type: ignore[arg-type]
            stack.append(item)
        elif kind == "blockquote_open":
            node = {"t": "quote", "blocks": []}
            stack[-1].append(node)
            stack.append(node["blocks"])
        elif kind in ("bullet_list_close", "ordered_list_close", "list_item_close", "blockquote_close"):
            stack.pop()
        elif kind == "table_open":
            table = {"t": "table", "rows": []}
        elif kind == "tr_open" and table is not None:
            table["rows"].append([])
        elif kind == "table_close" and table is not None:
            head, *rows = table["rows"]
            stack[-1].append({"t": "table", "head": head, "rows": rows, "widths": _widths([head, *rows])})
            table = None
    return root


def _size(nodes: Sequence[Node]) -> int:
    """How wide a run is, in half-width characters."""
    return sum(sum(2 if c > "\u2e7f" else 1 for c in node["v"]) if "v" in node else _size(node.get("c", ())) for node in nodes)


def _widths(rows: Sequence[Sequence[Sequence[Node]]]) -> list[int]:
    """Shares of the width for the columns of a table: by what they hold, never less than the longest English word."""
    sums = [sum(_size(cell) for cell in column) for column in zip(*rows, strict=False)]
    longest = [max(_size(cell) for cell in column) for column in zip(*rows, strict=False)]
    word = [max((len(part) for cell in column for part in re.findall(r"[A-Za-z’'-]+", _said(cell))), default=0) for column in zip(*rows, strict=False)]
    shares = [max(8, word[i] + 5, min(longest[i], 4 + sums[i] // max(len(rows), 1))) for i in range(len(sums))]
    least = max(max(shares) // 5, 1)
    return [max(share, least) for share in shares]


def _said(nodes: Sequence[Node]) -> str:
    """The words of a run, nothing else."""
    return "".join(node["v"] if "v" in node else _said(node.get("c", ())) for node in nodes)


def _lesson(number: int, lesson: BookLesson, language: str) -> tuple[Node, list[Node]]:
    own = lesson.body[language]
    out: list[Node] = []
    answers: list[Node] = []
    for block in own["blocks"]:
        name, attrs, text = block["name"], block["attrs"], block["text"]
        if name == "prose":
            out += blocks(text)
        elif name == "objectives":
            out.append({"t": "objectives", "items": [words(line[2:]) for line in text.splitlines() if line.startswith("- ")]})
        elif name in ("callout", "worked-example"):
            kind = attrs.get("kind", "key") if name == "callout" else ""
            out.append({"t": "callout" if name == "callout" else "example", "kind": kind, "title": attrs.get("title", ""), "blocks": blocks(text)})
        elif name == "dialogue":
            turns = [{"who": who, "said": words(said), "note": words(note)} for who, said, note in block.get("turns", ())]
            out.append({"t": "dialogue", "title": attrs.get("title", ""), "turns": turns})
        elif name == "figure":
            drawn = draw_for_paper(attrs["draw"], language, FIGURE_FONT)
            alternative = ("；" if language == "zh" else "; ").join(labels(attrs["draw"], language))
            out.append({"t": "figure", "svg": drawn, "alt": f"{attrs['title']}: {alternative}", "title": attrs["title"], "blocks": blocks(text)})
        elif name == "self-check":
            mark = f"{number}.{len(answers) + 1}"
            options = block["options"]
            out.append({"t": "check", "number": mark, "many": attrs.get("kind") == "multiple", "question": words(text.replace("\n", " ")),
                        "options": [words(option["text"]) for option in options]})
            answers.append({"number": mark, "right": [LETTERS[i] for i, option in enumerate(options) if option["right"]],
                            "feedback": [words(option["feedback"]) for option in options]})
        elif name == "job-task":
            out.append({"t": "task", "days": int(attrs["days"]) if attrs.get("days", "").isdigit() else 0, "blocks": blocks(text)})
    head = {"number": number, "key": lesson.key, "title": own["title"], "subtitle": own["subtitle"], "minutes": lesson.body["minutes"], "blocks": out}
    return head, answers


def book(head: Mapping[str, Any], lessons: Sequence[BookLesson], glossary: Sequence[Mapping[str, Any]], sources: Sequence[Mapping[str, Any]],
         language: str) -> Node:
    """The whole book. `head` (titles, version, texts of the book itself) is passed on; `glossary` and `sources` are the registers, of which
    the entries that these lessons name are taken. The review date is the oldest of its lessons: all of it was reviewed since then."""
    made = [_lesson(number, lesson, language) for number, lesson in enumerate(lessons, start=1)]
    vocabulary = {key for lesson in lessons for key in lesson.body["vocabulary"]}
    named = {key for lesson in lessons for key in lesson.body["sources"]}
    other = "en" if language == "zh" else "zh"
    claims: dict[str, str] = {}
    for lesson in lessons:
        for claim in lesson.body[language]["claims"]:
            claims.setdefault(claim["source"], claim["reviewed"])
    return {
        **head,
        "language": language,
        "reviewed": min((lesson.body["reviewed"] for lesson in lessons), default=""),
        "lessons": [lesson for lesson, _answers in made],
        "answers": [{"title": lesson["title"], "items": answers} for lesson, answers in made if answers],
        "glossary": [{"term": e["term"][language], "other": e["term"][other], "definition": e["definition"][language]} for e in glossary
                     if e["key"] in vocabulary],
        "sources": [{"key": e["key"], "title": e["title"][language]} for e in sources if e["key"] in named],
        "claims": [{"source": source, "reviewed": reviewed} for source, reviewed in claims.items() if source not in named],
    }
