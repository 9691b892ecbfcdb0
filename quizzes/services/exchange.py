"""Items taken in from a file: as drafts, all of them or none, with one line in the audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from foundation import audit, clock
from foundation.db import canonical_json, db
from foundation.web import StaleVersion
from quizzes.models import ItemDraft, ItemEdit, ItemTag
from quizzes.services.pictures import NewPicture, keep_pictures


@dataclass(frozen=True)
class Incoming:
    """One item of a file. `draft_id` and `row_version`: the untouched draft of an earlier file that it takes the place of.
    `body` None: nothing but tags is new."""

    key: str
    body: Any | None
    base_version_id: int | None
    draft_id: int | None
    row_version: int | None
    tags: tuple[str, ...]


def take_in(items: Sequence[Incoming], pictures: Sequence[NewPicture], batch: str, format_: str, actor_id: int | None) -> None:
    """Store what a file brings; inside a transaction. A file that brings nothing leaves no trace.

    `batch` is the file's SHA-256. Raises StaleVersion where a draft was worked on since it was looked at.
    """
    if not items and not pictures:
        return
    now = clock.now()
    keep_pictures(pictures, actor_id)
    open_ones = {draft.id: draft for draft in db.session.scalars(
        select(ItemDraft).where(ItemDraft.id.in_([item.draft_id for item in items if item.draft_id is not None])))}
    for item in items:
        if item.body is None:
            continue
        draft = open_ones.get(item.draft_id) if item.draft_id is not None else None
        if draft is None:
            db.session.add(ItemDraft(key=item.key, kind=item.body["kind"], content_area=item.body["content_area"], base_version_id=item.base_version_id,
                                     origin="import", batch=batch, state="draft", body=item.body, author_id=actor_id, made_at=now, updated_at=now))
            continue
        if draft.row_version != item.row_version or draft.state != "draft":
            raise StaleVersion(draft.body)
        draft.kind, draft.content_area, draft.body = item.body["kind"], item.body["content_area"], item.body
        draft.batch, draft.base_version_id, draft.updated_at = batch, item.base_version_id, now
        if actor_id is not None and draft.author_id != actor_id:   # who brings the newer file is an author too
            db.session.add(ItemEdit(draft_id=draft.id, by_id=actor_id, at=now, body_hash=hashlib.sha256(canonical_json(item.body).encode()).hexdigest()))
    for item in items:
        db.session.add_all(ItemTag(item_key=item.key, tag=tag, by_id=actor_id, at=now) for tag in item.tags)
    db.session.flush()
    digest = hashlib.sha256(canonical_json([[item.key, item.body, list(item.tags)] for item in items]).encode()).hexdigest()
    audit.record("items:import", f"items:{batch[:16]}", actor_id, file=batch, format=format_, digest=digest,
                 drafts=sum(1 for item in items if item.body is not None), pictures=len(pictures))


def note_export(format_: str, items: int, sha256: str, actor_id: int | None) -> None:
    """Who took which items with their answers out of the house."""
    audit.record("items:export", f"items:{sha256[:16]}", actor_id, format=format_, items=items, file=sha256)
