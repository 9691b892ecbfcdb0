"""XML of unknown origin as small trees, one question at a time: no document types, no entities, nothing fetched, depth bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from quizzes.exchange.question import MAX_FILE, NotReadable

MAX_DEPTH = 30
MAX_NODES = 250_000
_DECLARED = re.compile(rb'\A\s*<\?xml[^>]*?encoding=["\']([A-Za-z0-9._-]{1,30})["\']')


@dataclass
class Node:
    """An element. `text` is its own text, `comments` what stood in comments inside it, with their lines."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def all(self, name: str) -> Iterator[Node]:
        return (child for child in self.children if child.name == name)

    def find(self, name: str) -> Node | None:
        return next(self.all(name), None)

    def told(self, *path: str) -> str:
        """The text at a path of names, "" where there is none."""
        node: Node | None = self
        for name in path:
            node = node.find(name) if node else None
        return node.text.strip() if node else ""


class _Builder:
    def __init__(self, root: str, piece: str) -> None:
        self.root, self.piece = root, piece
        self.stack: list[Node] = []
        self.done: list[Node] = []
        self.loose: list[tuple[int, str]] = []
        self.odd: list[tuple[int, str]] = []
        self.nodes = 0
        self.parser: Any = None

    @property
    def line(self) -> int:
        return int(self.parser.CurrentLineNumber)

    def doctype(self, *_rest: Any) -> None:
        raise NotReadable("doctype", self.line)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.nodes += 1
        if not self.stack and name != self.root and self.nodes == 1:
            raise NotReadable("not_moodle_xml", self.line, name[:40])
        if len(self.stack) >= MAX_DEPTH:
            raise NotReadable("too_deep", self.line)
        if self.nodes > MAX_NODES:
            raise NotReadable("too_many_parts", self.line)
        node = Node(name, self.line, attributes)
        if len(self.stack) == 1 and name != self.piece:
            self.odd.append((self.line, name[:40]))
        if len(self.stack) >= 2:
            self.stack[-1].children.append(node)
        self.stack.append(node)

    def end(self, _name: str) -> None:
        node = self.stack.pop()
        if len(self.stack) == 1 and node.name == self.piece:
            self.done.append(node)

    def data(self, text: str) -> None:
        if len(self.stack) >= 2:
            self.stack[-1].parts.append(text)

    def comment(self, text: str) -> None:
        if len(self.stack) >= 2:
            self.stack[1].comments.append((self.line, text.strip()))


def pieces(content: bytes, root: str, piece: str) -> tuple[list[Node], list[tuple[int, str]]]:
    """Every `piece` directly under `root`, and what else stands there (line, name). Raises NotReadable for anything unsafe or broken."""
    if len(content) > MAX_FILE:
        raise NotReadable("too_large", 0, f"{MAX_FILE // 1024 // 1024}")
    if not content.strip():
        raise NotReadable("empty")
    encoding = None
    declared = _DECLARED.match(content)
    if declared and declared[1].lower().replace(b"-", b"").replace(b"_", b"") in (b"gb2312", b"gbk", b"gb18030", b"cp936"):
        try:
            content = content.decode("gb18030").encode()
        except UnicodeDecodeError as fault:
            raise NotReadable("encoding", content[:fault.start].count(b"\n") + 1) from None
        encoding = "utf-8"
    builder = _Builder(root, piece)
    parser = builder.parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.EntityDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.CommentHandler = builder.comment
    try:
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        raise NotReadable("xml", fault.lineno, expat.errors.messages.get(fault.code, "") if isinstance(fault.code, int) else "") from None
    except (LookupError, ValueError):
        raise NotReadable("encoding", 1) from None
    return builder.done, builder.odd
