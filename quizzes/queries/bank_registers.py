"""The whole bank as one process remembers it, and the registers that items name: objectives, sources, programmes.

Versions never change, so an item is read and parsed once per process; each page asks only which versions are current
(one select) and fetches what it has not met yet (one more).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from foundation import content
from foundation.content import ContentHead, ContentVersion
from foundation.db import database_key, db
from quizzes.rules.bank import Body
from quizzes.rules.bank_check import Finding
from quizzes.rules.blueprint import Blueprint, pool
from quizzes.rules.item import Item, parse, parts

REMEMBERED = 20_000
CHUNK = 500
_memory: OrderedDict[tuple[str, int], tuple[Item, str]] = OrderedDict()


@dataclass(frozen=True)
class Known:
    """The current version of an item. `text`: everything it says in both languages, folded for searching."""

    key: str
    version_id: int
    number: int
    origin: str
    made_at: datetime
    retired_at: datetime | None
    item: Item
    text: str


def words_in(value: Any) -> Iterator[str]:
    """Every text of a body, its keys included."""
    if isinstance(value, Mapping):
        for child in value.values():
            yield from words_in(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from words_in(child)
    elif isinstance(value, str):
        yield value


def _remember(version_ids: Collection[int]) -> None:
    database = database_key()
    missing = [id_ for id_ in version_ids if (database, id_) not in _memory]
    for start in range(0, len(missing), CHUNK):
        rows = db.session.execute(select(ContentVersion.id, ContentVersion.body).where(ContentVersion.id.in_(missing[start:start + CHUNK])))
        for id_, body in rows:
            _memory[(database, id_)] = (parse(body), "\n".join(words_in(body)).casefold())
    while len(_memory) > REMEMBERED:
        _memory.popitem(last=False)


def known_items(keys: Collection[str] | None = None) -> tuple[Known, ...]:
    """Every item of the bank (or those of these keys), the retired too, by key."""
    query = (select(ContentHead.key, ContentHead.version_id, ContentVersion.number, ContentVersion.origin, ContentVersion.made_at, ContentHead.retired_at)
             .join(ContentVersion, ContentVersion.id == ContentHead.version_id).where(ContentHead.kind == "item").order_by(ContentHead.key))
    if keys is not None:
        query = query.where(ContentHead.key.in_(sorted(keys)))
    rows = db.session.execute(query).all()
    _remember([row.version_id for row in rows])
    database = database_key()
    return tuple(Known(*row, *_memory[(database, row.version_id)]) for row in rows)


# ── registers ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Entry:
    key: str
    text: Any                            # {'zh', 'en'}


@dataclass(frozen=True)
class Registers:
    """What an item may name. `item_keys`: every key there is, those of the items of sets too."""

    objectives: tuple[Entry, ...]
    sources: tuple[Entry, ...]
    programmes: tuple[Entry, ...]
    areas: tuple[str, ...]
    item_keys: frozenset[str]


def _listed(kind: str, title: str) -> tuple[Entry, ...]:
    stored = content.find_current(kind, kind)
    return tuple(Entry(entry["key"], entry[title]) for entry in stored.body[kind]) if stored else ()


def registers() -> Registers:
    """The registers as they stand now."""
    bank = known_items()
    programmes = db.session.execute(
        select(ContentVersion.key, ContentVersion.body).join(ContentHead, ContentHead.version_id == ContentVersion.id)
        .where(ContentHead.kind == "programme", ContentHead.retired_at.is_(None)).order_by(ContentVersion.key)).all()
    areas = {known.item.content_area for known in bank} | {cell.content_area for blueprint in blueprints().values() for cell in blueprint.cells}
    keys = frozenset(key for known in bank for key in (known.key, *(part.key for part in parts(known.item))))
    return Registers(_listed("objectives", "text"), _listed("sources", "title"), tuple(Entry(row.key, row.body.get("title")) for row in programmes),
                     tuple(sorted(areas)), keys)


def unregistered(body: Body) -> tuple[Finding, ...]:
    """Objectives, sources and enemies that a draft names and no register holds, and keys in a set that another item has."""
    known = registers()
    objectives, sources = {entry.key for entry in known.objectives}, {entry.key for entry in known.sources}
    found = []
    entries = [("", body)]
    if body.get("kind") == "set":
        entries += [(f"items.{number}.", entry) for number, entry in enumerate(body.get("items") or []) if isinstance(entry, dict)]
    own = _keys_of(str(body.get("key")))
    told: set[str] = set()
    for prefix, entry in entries:
        if (objective := entry.get("objective")) and objective not in objectives:
            found.append(Finding(f"{prefix}objective", "objective", f"objective {objective} is not in the register"))
        if (source := entry.get("source")) and source not in sources:
            found.append(Finding(f"{prefix}source", "source", f"source {source} is not in the register"))
        for enemy in entry.get("enemy_of") or ():
            if enemy not in known.item_keys:
                found.append(Finding(f"{prefix}enemy_of", "enemy", f"enemy_of names {enemy}, which does not exist"))
        if prefix and (key := str(entry.get("key") or "")):
            if key in told or key == body.get("key") or (key in known.item_keys and key not in own):
                found.append(Finding(f"{prefix}key", "taken", f"the key {key} is taken"))
            told.add(key)
    area = body.get("content_area")
    if area and area not in known.areas:
        found.append(Finding("content_area", "area", f"the content area {area} is new", False))
    return tuple(found)


def _keys_of(key: str) -> frozenset[str]:
    """The keys that an item as published holds already."""
    found = known_items({key})
    return frozenset(part.key for known in found for part in parts(known.item))


# ── blueprints ───────────────────────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=16)
def _blueprints(_database: str, version_ids: tuple[int, ...]) -> dict[str, Blueprint]:
    rows = db.session.execute(select(ContentVersion.key, ContentVersion.body).where(ContentVersion.id.in_(version_ids)).order_by(ContentVersion.key))
    return {key: Blueprint.model_validate(body) for key, body in rows}


def blueprints() -> dict[str, Blueprint]:
    """Every current blueprint by key."""
    return _blueprints(database_key(), tuple(sorted(content.current_ids("blueprint").values())))


@dataclass(frozen=True)
class Place:
    """A cell that may draw an item: the blueprint's key and the cell's number, from 0."""

    blueprint: str
    cell: int


def placed() -> dict[str, tuple[Place, ...]]:
    """Item key → the cells of today's blueprints that may draw it; items that none may draw are not in it."""
    live = {known.key: known.version_id for known in known_items() if known.retired_at is None}
    return _placed(database_key(), tuple(sorted(content.current_ids("blueprint").values())), tuple(live.items()))


@lru_cache(maxsize=4)
def _placed(database: str, blueprint_ids: tuple[int, ...], live: tuple[tuple[str, int], ...]) -> dict[str, tuple[Place, ...]]:
    _remember([version_id for _key, version_id in live])
    bank = [_memory[(database, version_id)][0] for _key, version_id in live]
    found: dict[str, list[Place]] = {}
    for key, blueprint in _blueprints(database, blueprint_ids).items():
        for number, cell in enumerate(blueprint.cells):
            for unit in pool(blueprint, cell, bank):
                found.setdefault(unit.piece, []).append(Place(key, number))
    return {key: tuple(places) for key, places in found.items()}
