"""A lesson version as a reader sees it: blocks turned into what the template prints, once per version and language."""

from __future__ import annotations

import re
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
    html = "".join(out)
    label = _("Table")
    html = html.replace("<table>", f'<div class="table-wrap" tabindex="0" role="region" aria-label="{label}"><table class="table">')
    return Markup(html.replace("</table>", "</table></div>"))  # noqa: S704 - made by our renderer, html off


def _view(block: dict[str, Any], linker: TermLinker, language: str, number: int) -> View:
    name, attrs, text = block["name"], block["attrs"], _LESSON_LINK.sub(r"](/lessons/\1\2)", block["text"])
    if name == "prose":
        return View(name, attrs, linker.link(_prose(text)))
    if name == "figure":
        return View(name, attrs, render(text), (draw(attrs["draw"], language, attrs["title"], f"figure-{number}"),))
    if name == "objectives":
        return View(name, attrs, items=tuple(render_inline(line[2:]) for line in text.splitlines() if line.startswith("- ")))
    if name == "dialogue":
        return View(name, attrs, items=tuple((speaker, render_inline(said), render_inline(note)) for speaker, said, note in block.get("turns", [])))
    if name == "self-check":
        options = tuple((render_inline(o["text"]), o["right"], render_inline(o["feedback"])) for o in block["options"])
        return View(name, attrs, render_inline(text.replace("\n", " ")), options)
    html = render(text)
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


def lesson_view(version_id: int, language: str, glossary_id: int = 0, sources_id: int = 0) -> LessonView:
    """The lesson of a version in 'zh' or 'en', made once per process."""
    return _lesson(database_key(), version_id, language, glossary_id, sources_id)
