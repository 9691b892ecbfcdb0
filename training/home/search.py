"""One search over everything a person may read: lessons, the glossary, and for staff the stations and practice cases.

Nothing here decides on its own what may be read: lessons come from the person's shelf (courses.library). Questions,
keys, model answers and the role player's part are in no document, so no query can find them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from courses import library
from courses.rules.outline import Gate
from courses.rules.search import Document, Hit, Query, Section, near, parse, search, show
from foundation import content
from foundation.content import ContentVersion
from foundation.db import database_key, db
from foundation.permissions import Actor, Permission

PER_PAGE = 20


@dataclass(frozen=True)
class Found:
    """One line of the list. `anchor` is the place on its page; `opens_on` and `gate` tell why a lesson is still closed."""

    hit: Hit
    is_open: bool = True
    opens_on: date | None = None
    gate: Gate | None = None


@dataclass(frozen=True)
class SearchPage:
    """What was asked (`question`) and found; `suggestions` are glossary terms near a query that found nothing, `is_partial` where what
    was found has only a part of what was asked."""

    question: Query
    found: tuple[Found, ...]
    total: int
    number: int
    pages: int
    suggestions: tuple[library.TermEntry, ...] = ()
    is_partial: bool = False


def search_page(actor: Actor, asked: str, number: int, language: str) -> SearchPage:
    """The page `number` (from 1, brought into range) of what a person finds."""
    query = parse(asked)
    if not query.terms:
        return SearchPage(query, (), 0, 1, 1)
    shelf = library.shelf_of(actor)
    documents: list[Document] = []
    for place, readable in zip(shelf.lessons.values(), _readable(shelf), strict=True):
        documents += readable.documents if place.is_open else readable.titles
    documents += library.term_documents(shelf.glossary_id)
    if not shelf.is_trainee and (actor.may(Permission.TEACH) or actor.may(Permission.RATE)):
        documents += _instruments()
    ranked, is_partial = search(query, documents, language)
    pages = max(1, -(-len(ranked) // PER_PAGE))
    number = min(max(number, 1), pages)
    found = tuple(_found(show(document, query), shelf) for document in ranked[(number - 1) * PER_PAGE: number * PER_PAGE])
    suggestions: tuple[library.TermEntry, ...] = ()
    if not ranked:
        entries = {entry.key: entry for entry in library.terms(shelf.glossary_id, language)}
        suggestions = tuple(entries[key] for key in near(query, {key: tuple(entry.term.values()) for key, entry in entries.items()}))
    return SearchPage(query, found, len(ranked), number, pages, suggestions, is_partial)


def _readable(shelf: library.Shelf) -> list[library.Readable]:
    ids = [place.version_id for place in shelf.lessons.values()]
    kept = library.readable(ids)
    return [kept[id_] for id_ in ids]


def _found(hit: Hit, shelf: library.Shelf) -> Found:
    place = shelf.lessons.get(hit.document.key) if hit.document.kind == "lesson" else None
    if place is None or place.is_open or place.state is None:
        return Found(hit)
    return Found(hit, False, place.opens_on, place.state.blocked_by)


# ── stations and cases, for staff ────────────────────────────────────────────────────────────────────────────
_KEPT: dict[tuple[str, int], tuple[Document, ...]] = {}


def _instruments() -> list[Document]:
    """Stations as a candidate is told them, and cases for practice; final cases stay out, they are exam papers."""
    database = database_key()
    ids = [*content.current_ids("station").values(), *content.current_ids("case").values()]
    missing = [id_ for id_ in ids if (database, id_) not in _KEPT]
    if missing:
        _read(database, missing)
    return [document for id_ in ids for document in _KEPT[(database, id_)]]


def _read(database: str, ids: Collection[int]) -> None:
    rows = db.session.execute(select(ContentVersion.id, ContentVersion.kind, ContentVersion.key, ContentVersion.body).where(ContentVersion.id.in_(ids)))
    for id_, kind, key, body in rows:
        languages = () if kind == "case" and body["use"] != "practice" else ("zh", "en")
        _KEPT[(database, id_)] = tuple(_instrument(kind, key, body, language) for language in languages)


def _instrument(kind: str, key: str, body: Mapping[str, Any], language: str) -> Document:
    if kind == "station":
        texts = [body["candidate"]["brief"][language], body["candidate"]["told"][language]]
        return Document(kind, key, language, body["title"][language], (Section("", "", " ".join(texts)),))
    sections = tuple(Section("", paper["title"][language], " ".join(_words(paper, language))) for paper in body["dossier"])
    return Document(kind, key, language, body["title"][language], sections)


def _words(value: Any, language: str) -> list[str]:
    """Every text of one language in a document of a dossier, in its order."""
    if isinstance(value, Mapping):
        if language in value and isinstance(value[language], str):
            return [value[language]]
        return [word for part in value.values() for word in _words(part, language)]
    if isinstance(value, list):
        return [word for part in value for word in _words(part, language)]
    return []
