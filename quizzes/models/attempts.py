"""Attempts, the saves made during them, and the responses they ended with. Items and blueprints are content versions;
what is planned around a paper (sittings, forms, hearings) stands in `exams`, what people work on in the bank in `bank`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, Json, UtcTime


class Attempt(Base):
    """One sitting. The slots are frozen at the start; server time decides; `high_water_at` never runs backwards."""

    __tablename__ = "attempt"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    blueprint_key: Mapped[str]
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    purpose: Mapped[str]                       # pre_test | practice | stage_test | mock | exam
    number: Mapped[int]
    seed: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    closes_at: Mapped[datetime] = mapped_column(UtcTime)
    high_water_at: Mapped[datetime] = mapped_column(UtcTime)
    sitting_id: Mapped[int | None] = mapped_column(ForeignKey("sitting.id"), index=True)   # the planned sitting it belongs to, if any
    form_id: Mapped[int | None] = mapped_column(ForeignKey("paper_form.id"))               # the fixed form it was given, if any
    section: Mapped[int] = mapped_column(default=0, server_default="0")  # the one-way section now open, from 0: those below it are closed
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)          # the clock stands still since then; a fold of attempt_event
    device: Mapped[str] = mapped_column(default="", server_default=text("''"))   # the device that holds the paper now; "": none said which
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("enrolment_id", "blueprint_key", "number"),)


@append_only
class Slot(Base):
    """A place in an attempt: which item version, how many marks, the drawn parameters and the order of options."""

    __tablename__ = "slot"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    position: Mapped[int]                      # from 1
    item_key: Mapped[str]
    item_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    marks: Mapped[Decimal] = mapped_column(Exact)
    frozen: Mapped[Any] = mapped_column(Json)  # {"order": [option keys], "values": {name: "text"}}
    section: Mapped[int] = mapped_column(default=0, server_default="0")
    __table_args__ = (UniqueConstraint("attempt_id", "position"),)


@append_only
class AnswerSave(Base):
    """One autosave with its receipt. The saves of an attempt form a chain of their own; the latest per slot stands."""

    __tablename__ = "answer_save"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    version: Mapped[int]                       # from 1, per slot
    op: Mapped[str]                            # made by the client; the same again returns the same receipt
    content_hash: Mapped[str]
    answer: Mapped[Any] = mapped_column(Json)
    saved_at: Mapped[datetime] = mapped_column(UtcTime)
    receipt: Mapped[str]
    hash: Mapped[str]                          # over the save before it and this one
    __table_args__ = (UniqueConstraint("attempt_id", "op"), UniqueConstraint("slot_id", "version"), Index("ix_answer_save_attempt_id", "attempt_id"))


@append_only
class LateSave(Base):
    """What arrived after the attempt had closed: kept, held for review, never counted by itself."""

    __tablename__ = "late_save"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    op: Mapped[str]
    answer: Mapped[Any] = mapped_column(Json)
    arrived_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("attempt_id", "op"),)


@append_only
class Closure(Base):
    """An attempt ended: handed in, or closed by time with what was saved. Exactly one per attempt."""

    __tablename__ = "attempt_closure"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), unique=True)
    closed_at: Mapped[datetime] = mapped_column(UtcTime)
    how: Mapped[str]                           # handed_in | time
    head_hash: Mapped[str]
    saves: Mapped[int]


@append_only
class Response(Base):
    """The answer an attempt ended with in one slot, and what it earned. A re-mark adds a row with a higher `run`."""

    __tablename__ = "response"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    run: Mapped[int] = mapped_column(default=1)
    answer: Mapped[Any | None] = mapped_column(Json)
    fraction: Mapped[Decimal] = mapped_column(Exact)
    mark: Mapped[Decimal] = mapped_column(Exact)
    possible: Mapped[Decimal | None] = mapped_column(Exact)   # marks that could be earned; None: the slot's; 0: the item was dropped
    scoring_hash: Mapped[str]
    scored_at: Mapped[datetime] = mapped_column(UtcTime)
    cause: Mapped[str] = mapped_column(default="", server_default=text("''"))   # "" the end of the attempt | hearing:7 | late:3 | marks
    __table_args__ = (UniqueConstraint("slot_id", "run"),)
