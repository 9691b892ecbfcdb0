"""A lesson version as a reader sees it: blocks turned into what the template prints, once per version and language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup

from courses.rules.drawings import draw
from courses.rules.lesson import HEADING
from courses.rules.terms import TermLinker
from foundation import content
from foundation.db import database_key
from foundation.markdown import render, render_inline

NOTHING = Markup("")
_LESSON_LINK = re.compile(r"\]\(lesson:([a-z0-9-]+)(#[a-z0-9-]+)?\)")


@dataclass(frozen=True, eq=False)
class View:
    """One block ready for the template. `kind`: prose, objectives, callout, worked-example, dialogue, self-check, figure, job-task."""

    kind: str
    attrs: dict[str, str]
    html: Markup = NOTHING
    items: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class LessonView:
    """A lesson in one language, one object per version and process, so that it can key what is rendered from it.

    `terms` are (key, term, definition), `claims` (text or '', source), `sources` (key, title).
    """

    key: str
    version_id: int
    number: int
    title: str
    subtitle: str
    minutes: int
    reviewed: str
    views: tuple[View, ...]
    terms: tuple[tuple[str, str, str], ...]
    claims: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]
    check_keys: tuple[str, ...]


TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
HEAD_CELL = re.compile(r"<th(?: [^>]*)?>(.*?)</th>", re.DOTALL)
CELL = re.compile(r"<td([^>]*)>")
TAG = re.compile(r"<[^>]+>")


def _prose(text: str) -> Markup:
    """Markdown with our heading ids, and tables that scroll by themselves on a narrow screen."""
    out: list[str] = []
    waiting: list[str] = []

    def flush() -> None:
        if any(line.strip() for line in waiting):
            out.append(str(render("\n".join(waiting))))
        waiting.clear()

    for line in text.splitlines():
        match = HEADING.match(line)
        if match:
            flush()
            level = len(match.group(1))
            out.append(f'<h{level} id="{match.group(3)}">{render_inline(match.group(2))}</h{level}>\n')
        else:
            waiting.append(line)
    flush()
    return Markup(TABLE.sub(_table, "".join(out)))  # noqa: S704 - made by our renderer, html off


def _table(match: re.Match[str]) -> str:
    """A table in a frame that scrolls by itself. From four columns on each cell also names its column: a phone shows a row as a card."""
    html = match.group(0)
    heads = [TAG.sub("", head) for head in HEAD_CELL.findall(html)]
    kind = "table"
    if len(heads) > 3:
        kind = "table table-cards"
        column = itertools.cycle(heads)
        html = CELL.sub(lambda cell: f'<td{cell.group(1)} data-label="{next(column)}">', html)
    html = html.replace("<table>", f'<table class="{kind}">', 1)
    label = _("Table")
    return f'<div class="table-wrap" tabindex="0" role="region" aria-label="{label}">{html}</div>'


def _to_lessons(html: str) -> Markup:
    return Markup(html.replace('<a href="/lessons/', '<a class="to-lesson" href="/lessons/'))  # noqa: S704 - made by our renderer, html off


def _addressed(text: str) -> str:
    """Links written `lesson:key#heading` as addresses of this site."""
    return _LESSON_LINK.sub(r"](/lessons/\1\2)", text)


def _line(text: str) -> Markup:
    return _to_lessons(render_inline(_addressed(text)))


def _view(block: dict[str, Any], linker: TermLinker, language: str, number: int) -> View:
    name, attrs, text = block["name"], block["attrs"], _addressed(block["text"])
    if name == "prose":
        return View(name, attrs, linker.link(_to_lessons(_prose(text))))
    if name == "figure":
        return View(name, attrs, render(text), (draw(attrs["draw"], language, attrs["title"], f"figure-{number}"),))
    if name == "objectives":
        return View(name, attrs, items=tuple(_line(line[2:]) for line in text.splitlines() if line.startswith("- ")))
    if name == "dialogue":
        return View(name, attrs, items=tuple((speaker, _line(said), _line(note)) for speaker, said, note in block.get("turns", [])))
    if name == "self-check":
        options = tuple((_line(o["text"]), o["right"], _line(o["feedback"])) for o in block["options"])
        return View(name, attrs, _line(text.replace("\n", " ")), options)
    html = _to_lessons(render(text))
    return View(name, attrs, linker.link(html) if name in ("callout", "worked-example") else html)


@lru_cache(maxsize=512)
def _lesson(_database: str, version_id: int, language: str, glossary_id: int, sources_id: int) -> LessonView:
    stored = content.version(version_id)
    body = stored.body
    own = body[language]
    terms = {t["key"]: t for t in content.version(glossary_id).body["terms"]} if glossary_id else {}
    sources = {s["key"]: s for s in content.version(sources_id).body["sources"]} if sources_id else {}
    vocabulary = tuple((k, terms[k]["term"][language], terms[k]["definition"][language]) for k in body["vocabulary"] if k in terms)
    with force_locale(language):        # kept for every reader of this language, whoever asks first
        linker = TermLinker(vocabulary, language)
        views = tuple(_view(block, linker, language, number) for number, block in enumerate(own["blocks"], start=1))
    return LessonView(
        stored.key, version_id, stored.number, own["title"], own["subtitle"], body["minutes"], body["reviewed"], views,
        vocabulary,
        tuple((claim.get("text") or "", claim["source"]) for claim in own["claims"]),
        tuple((key, sources[key]["title"][language]) for key in body["sources"] if key in sources),
        tuple(view.attrs["key"] for view in views if view.kind == "self-check"))


_LINK = re.compile(r'<a class="to-lesson" href="/lessons/([a-z0-9-]+)(?:#[a-z0-9-]+)?">(.*?)</a>', re.DOTALL)


def without_links_beyond(html: str, keys: Collection[str]) -> str:
    """A page in which links from lesson to lesson that lead out of the reader's programme are plain text."""
    return _LINK.sub(lambda match: match.group(0) if match.group(1) in keys else match.group(2), html)


def lesson_view(version_id: int, language: str, glossary_id: int = 0, sources_id: int = 0) -> LessonView:
    """The lesson of a version in 'zh' or 'en', made once per process."""
    return _lesson(database_key(), version_id, language, glossary_id, sources_id)
