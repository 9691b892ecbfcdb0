"""The item bank as people work on it: drafts, their review by a second person, tags, pictures. What is published is a
content version of kind `item`, with the origin studio or import."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Json, UtcTime


class ItemDraft(Base):
    """A version in the making, one at a time for each key. It may be incomplete; only a complete one can be handed in."""

    __tablename__ = "item_draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    content_area: Mapped[str]
    base_version_id: Mapped[int | None] = mapped_column(ForeignKey("content_version.id"))   # None: a new item
    origin: Mapped[str]                         # studio | import
    batch: Mapped[str] = mapped_column(default="", server_default=text("''"))    # of an import: the file's SHA-256
    state: Mapped[str]                          # draft | handed_in | published | discarded
    body: Mapped[Any] = mapped_column(Json)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))   # None: imported from the command line
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (Index("ix_item_draft_state", "state"),)


@append_only
class ItemReview(Base):
    """A decision on a draft: handed in, returned, approved. Who approves is never among its authors."""

    __tablename__ = "item_review"
    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("item_draft.id"), index=True)
    act: Mapped[str]                            # hand_in | return | approve | discard
    body_hash: Mapped[str]
    comment: Mapped[str] = mapped_column(default="", server_default=text("''"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("content_version.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class ItemEdit(Base):
    """Somebody changed a draft: whoever did is an author of it. The text before and after is in the bodies' difference."""

    __tablename__ = "item_edit"
    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("item_draft.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    body_hash: Mapped[str]


class ItemTag(Base):
    """A word that people find items by."""

    __tablename__ = "item_tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_key: Mapped[str]
    tag: Mapped[str] = mapped_column(index=True)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("item_key", "tag"),)


@append_only
class ItemPicture(Base):
    """A picture that items show, by the SHA-256 of its bytes; the bytes lie in QIZHOU_DATA/pictures."""

    __tablename__ = "item_picture"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]                     # image/png | image/jpeg | image/gif | image/webp
    size: Mapped[int]
    name: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
