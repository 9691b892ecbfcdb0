"""Vocabulary linked in a lesson: the first time a term stands in the running text it leads to the glossary.

Works on rendered HTML (our own, well-formed): tags are stepped over, and nothing is linked inside a link, a heading, a
table's head, code or a drawing. One linker serves one lesson, so a term is linked once in the whole of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_TAG = re.compile(r"(<[^>]*>)")
_NAME = re.compile(r"</?([a-z0-9]+)")
_SHUT = frozenset({"a", "h1", "h2", "h3", "h4", "th", "code", "pre", "svg"})
_ASIDE = re.compile(r"\s*[（(][^）)]*[）)]")


def _spellings(term: str, language: str) -> Iterable[str]:
    """A term as it may stand in a text: as it is, without what it has in brackets."""
    short = _ASIDE.sub("", term).strip()
    for text in dict.fromkeys((term, short)):
        if text:
            yield text if language == "zh" else text.replace("'", "’")


def _pattern(text: str, language: str) -> str:
    quoted = re.escape(str(escape(text)))
    return quoted if language == "zh" else rf"\b{quoted}(?:s|es)?\b"


class TermLinker:
    """Links each of `terms` (key, term, definition) once, in the order in which the texts are handed to `link`."""

    def __init__(self, terms: Iterable[tuple[str, str, str]], language: str) -> None:
        self._language = language
        self._titles: dict[str, str] = {}
        spelled: list[tuple[str, str]] = []
        for key, term, definition in terms:
            self._titles[key] = definition
            spelled += [(text, key) for text in _spellings(term, language)]
        self._spelled = sorted(spelled, key=lambda pair: -len(pair[0]))
        self._open = set(self._titles)
        self._make()

    def _make(self) -> None:
        still = [(text, key) for text, key in self._spelled if key in self._open]
        flags = 0 if self._language == "zh" else re.IGNORECASE
        self._keys = [key for _text, key in still]
        self._find = re.compile("|".join(f"({_pattern(text, self._language)})" for text, _key in still), flags) if still else None

    def link(self, html: str) -> Markup:
        """The same HTML with links at the first places of the terms not linked so far."""
        if self._find is None:
            return Markup(html)  # noqa: S704 - what was handed over
        out: list[str] = []
        shut: list[str] = []
        for part in _TAG.split(html):
            if part.startswith("<"):
                name = _NAME.match(part)
                if name and name.group(1) in _SHUT and not part.endswith("/>"):
                    if part.startswith("</"):
                        if shut:
                            shut.pop()
                    else:
                        shut.append(name.group(1))
                out.append(part)
            else:
                out.append(part if shut else self._text(part))
        return Markup("".join(out))  # noqa: S704 - the tags are those handed over and our own

    def _text(self, text: str) -> str:
        out: list[str] = []
        at = 0
        while self._find is not None and (match := self._find.search(text, at)):
            key = self._keys[(match.lastindex or 1) - 1]
            out += [text[at:match.start()], f'<a class="term" href="/glossary#{key}" title="{escape(self._titles[key])}">{match.group(0)}</a>']
            at = match.end()
            self._open.discard(key)
            self._make()
        out.append(text[at:])
        return "".join(out)
