"""Exports that left the house: who took what, when, with count and hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, UtcTime


@append_only
class ExportRow(Base):
    """One export of records, with everything its manifest says. `snapshot_at` and the audit head are those of the reading."""

    __tablename__ = "export"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    format: Mapped[str]
    filter: Mapped[str]
    rows: Mapped[int]
    sha256: Mapped[str]
    snapshot_at: Mapped[datetime] = mapped_column(UtcTime)
    audit_seq: Mapped[int]
    audit_head: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
