"""What an import is compared with and an export is made of: the bank's present versions, open drafts, tags and pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from foundation.content import ContentHead, ContentVersion
from foundation.db import db
from quizzes.models import ItemDraft, ItemEdit, ItemPicture, ItemTag

OPEN = ("draft", "handed_in")


@dataclass(frozen=True)
class Stored:
    """The current version of an item."""

    version_id: int
    status: str
    is_retired: bool
    body: Any


@dataclass(frozen=True)
class OpenDraft:
    """A draft somebody has not finished. `is_untouched`: it is as a file brought it, nobody has worked on it."""

    id: int
    row_version: int
    base_version_id: int | None
    origin: str
    state: str
    author_id: int | None
    body: Any
    is_untouched: bool


@dataclass(frozen=True)
class Bank:
    """Everything a file is compared with. `parts`: keys of items inside sets → the set's key."""

    items: dict[str, Stored]
    drafts: dict[str, OpenDraft]
    taken_in: frozenset[str]        # keys that this very file brought before, whatever became of them
    tags: dict[str, frozenset[str]]
    pictures: frozenset[str]
    parts: dict[str, str]

    @property
    def areas(self) -> frozenset[str]:
        return frozenset(str(stored.body.get("content_area", "")) for stored in self.items.values())


def _bodies() -> dict[str, Stored]:
    rows = db.session.execute(
        select(ContentHead.key, ContentHead.version_id, ContentHead.retired_at, ContentVersion.status, ContentVersion.body)
        .join(ContentVersion, ContentVersion.id == ContentHead.version_id).where(ContentHead.kind == "item").order_by(ContentHead.key))
    return {row.key: Stored(row.version_id, row.status, row.retired_at is not None, row.body) for row in rows}


def _open_drafts() -> dict[str, OpenDraft]:
    edited = set(db.session.scalars(select(ItemEdit.draft_id).join(ItemDraft, ItemDraft.id == ItemEdit.draft_id).where(ItemDraft.state.in_(OPEN)).distinct()))
    rows = db.session.execute(
        select(ItemDraft.id, ItemDraft.key, ItemDraft.row_version, ItemDraft.base_version_id, ItemDraft.origin, ItemDraft.state, ItemDraft.author_id,
               ItemDraft.body)
        .where(ItemDraft.state.in_(OPEN)).order_by(ItemDraft.id))
    return {row.key: OpenDraft(row.id, row.row_version, row.base_version_id, row.origin, row.state, row.author_id, row.body,
                               row.origin == "import" and row.state == "draft" and row.id not in edited) for row in rows}


def published(keys: Collection[str]) -> dict[str, Stored]:
    """The current versions of these items, in use or not; one select."""
    rows = db.session.execute(
        select(ContentHead.key, ContentHead.version_id, ContentHead.retired_at, ContentVersion.status, ContentVersion.body)
        .join(ContentVersion, ContentVersion.id == ContentHead.version_id).where(ContentHead.kind == "item", ContentHead.key.in_(keys)))
    return {row.key: Stored(row.version_id, row.status, row.retired_at is not None, row.body) for row in rows}


def tags_by_key() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for key, tag in db.session.execute(select(ItemTag.item_key, ItemTag.tag)):
        found.setdefault(key, set()).add(tag)
    return {key: frozenset(tags) for key, tags in found.items()}


def bank(batch: str, pictures: Collection[str] = ()) -> Bank:
    """The bank as it stands now. `batch`: the SHA-256 of the file that is looked at; `pictures`: those it shows."""
    items = _bodies()
    before = frozenset(db.session.scalars(select(ItemDraft.key).where(ItemDraft.batch == batch))) if batch else frozenset()
    inside = {str(entry.get("key")): key for key, stored in items.items() if stored.body.get("kind") == "set" for entry in stored.body.get("items", ())}
    have = frozenset(db.session.scalars(select(ItemPicture.sha256).where(ItemPicture.sha256.in_(sorted(pictures)[:5000])))) if pictures else frozenset()
    return Bank(items, _open_drafts(), before, tags_by_key(), have, inside)


@dataclass(frozen=True)
class Leaving:
    """An item that goes out, with its tags."""

    key: str
    body: Any
    tags: tuple[str, ...]
    is_draft: bool


def leaving(areas: Collection[str] = (), approved_only: bool = False) -> list[Leaving]:
    """What an export holds: every item in use, and drafts of items that have no version yet; in order of area and key.

    `approved_only` leaves out drafts and versions that are not approved.
    """
    tags, items = tags_by_key(), _bodies()
    found = [Leaving(key, stored.body, tuple(sorted(tags.get(key, ()))), False) for key, stored in items.items()
             if not stored.is_retired and (stored.status == "approved" or not approved_only)]
    if not approved_only:
        found += [Leaving(key, draft.body, tuple(sorted(tags.get(key, ()))), True) for key, draft in _open_drafts().items() if key not in items]
    wanted = set(areas)
    return sorted((item for item in found if not wanted or item.body.get("content_area") in wanted),
                  key=lambda item: (str(item.body.get("content_area", "")), item.key))
