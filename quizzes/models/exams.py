"""What stands around a written exam: the planned sitting, its fixed forms, who sits it, what happened in the room, what
people marked, and how a faulty item was heard."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, Json, UtcTime


class Sitting(Base):
    """A cohort sits one blueprint in a window of time. Nobody begins before it was approved by another than its planner.

    An attempt ends `minutes` (and the person's extra time) after its start, and never later than `closes_at` plus that
    extra time and the time the hall was paused.
    """

    __tablename__ = "sitting"
    id: Mapped[int] = mapped_column(primary_key=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"), index=True)
    blueprint_key: Mapped[str]
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    place: Mapped[str]                          # "Training centre, room 302"
    opens_at: Mapped[datetime] = mapped_column(UtcTime)
    closes_at: Mapped[datetime] = mapped_column(UtcTime)
    mode: Mapped[str]                           # person (a paper of one's own) | forms (fixed parallel forms)
    forms: Mapped[int]                          # how many fixed forms; 0 with a paper each
    seed: Mapped[str]                           # secret; papers and forms are derived from it
    break_minutes: Mapped[int] = mapped_column(default=0, server_default="0")   # of break everybody may take; extra ones per candidate
    proof: Mapped[Any | None] = mapped_column(Json)      # the equivalence proof as it was approved
    proof_hash: Mapped[str] = mapped_column(default="", server_default=text("''"))
    planned_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    planned_at: Mapped[datetime] = mapped_column(UtcTime)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)                  # the whole hall stands still since then
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}


@append_only
class PaperForm(Base):
    """A fixed form of a sitting: every slot frozen before anybody sits it."""

    __tablename__ = "paper_form"
    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    label: Mapped[str]                          # A, B, C …
    seed: Mapped[str]
    paper_hash: Mapped[str]
    slots: Mapped[Any] = mapped_column(Json)    # [{position, item_key, item_version_id, marks, frozen, section}]
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (Index("ix_paper_form_sitting_id", "sitting_id"),)


class Candidate(Base):
    """What is special for one person in a sitting: the form, extra time, extra break. Everybody else of the cohort sits as planned."""

    __tablename__ = "candidate"
    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    form_id: Mapped[int | None] = mapped_column(ForeignKey("paper_form.id"))
    extra_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    break_minutes: Mapped[int] = mapped_column(default=0, server_default="0")    # on top of the sitting's
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("sitting_id", "enrolment_id"),)


@append_only
class AttemptEvent(Base):
    """What happened during an attempt, as a fact and never as a verdict.

    Of the invigilator: extra_time {seconds}, pause, resume {seconds}. Of the trainee: break_start, break_end {seconds},
    section {closed}, device {device, previous}, flag/unflag (position), recovery {entries, kept, late}. Of the page:
    focus_lost, focus_back, paste {length}, offline, online, reconnect {queued}. `device_at` is what the device's clock said.
    """

    __tablename__ = "attempt_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcTime)
    device_at: Mapped[datetime | None] = mapped_column(UtcTime)
    device: Mapped[str] = mapped_column(default="", server_default=text("''"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    position: Mapped[int | None]
    detail: Mapped[Any | None] = mapped_column(Json)
    op: Mapped[str | None]
    __table_args__ = (UniqueConstraint("attempt_id", "op"), Index("ix_attempt_event_attempt_id_kind", "attempt_id", "kind"))


class Presence(Base):
    """When the page of an attempt was last heard of: what the invigilator's board lives on. Overwritten, never a fact."""

    __tablename__ = "attempt_presence"
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    unsent: Mapped[int] = mapped_column(default=0, server_default="0")     # answers the page holds that the server does not
    is_hidden: Mapped[bool] = mapped_column(default=False, server_default="0")


@append_only
class Incident(Base):
    """Something an invigilator noted: of the room, or of one attempt. Its words stand beside it, where erasure can reach them."""

    __tablename__ = "exam_incident"
    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("attempt.id"), index=True)
    kind: Mapped[str]                           # note | network | device | conduct | illness | evacuation
    at: Mapped[datetime] = mapped_column(UtcTime)
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class IncidentText(Base):
    """The words of an incident."""

    __tablename__ = "exam_incident_text"
    incident_id: Mapped[int] = mapped_column(ForeignKey("exam_incident.id"), primary_key=True)
    body: Mapped[str]


@append_only
class LateDecision(Base):
    """A reviewer decided on an answer that arrived late. Accepted, it is scored as a further run of the slot's responses."""

    __tablename__ = "late_decision"
    id: Mapped[int] = mapped_column(primary_key=True)
    late_save_id: Mapped[int] = mapped_column(ForeignKey("late_save.id"), unique=True)
    is_accepted: Mapped[bool]
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


# ── marking by people ────────────────────────────────────────────────────────────────────────────────────────────
@append_only
class EssayMark(Base):
    """What one marker gave one answer, final. A correction is a further row of the same marker with a higher number."""

    __tablename__ = "essay_mark"
    id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    marker_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    number: Mapped[int] = mapped_column(default=1)
    points: Mapped[Any] = mapped_column(Json)   # short answer: [point keys]; essay: {criterion key: marks}
    fraction: Mapped[Decimal] = mapped_column(Exact)
    reason: Mapped[str] = mapped_column(default="", server_default=text("''"))   # of a correction
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("slot_id", "marker_id", "number"),)


class EssayDraft(Base):
    """What a marker is working on: points chosen and the comment. The comment of a final mark stays here as its words."""

    __tablename__ = "essay_draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slot.id"))
    marker_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    points: Mapped[Any] = mapped_column(Json)
    comment: Mapped[str] = mapped_column(default="", server_default=text("''"))
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("slot_id", "marker_id"),)


# ── the hearing of a faulty item ─────────────────────────────────────────────────────────────────────────────────
class Hearing(Base):
    """A faulty item on trial: opened by one person, decided by another after the dry run; posted once."""

    __tablename__ = "hearing"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_key: Mapped[str] = mapped_column(index=True)                  # the answerable item's own key
    item_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    remedy: Mapped[str]                         # rekey | accept | give_all | drop
    # rekey: {"item": body}; accept: {"answers": [answers]}; with any remedy "also": [ids of versions with the same fault]
    # and "retire": true (the item is taken out of use); null where there is nothing to say
    change: Mapped[Any | None] = mapped_column(Json)
    complaint: Mapped[str]                      # what is wrong with the item
    minutes: Mapped[str] = mapped_column(default="", server_default=text("''"))   # what was weighed and why it was decided so
    dry_run: Mapped[Any | None] = mapped_column(Json)    # the differences the decision was made on
    dry_run_hash: Mapped[str] = mapped_column(default="", server_default=text("''"))
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    posted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}


@append_only
class ItemRuling(Base):
    """What a posted hearing says about one version of an item from then on: how it is scored and what feedback shows."""

    __tablename__ = "item_ruling"
    id: Mapped[int] = mapped_column(primary_key=True)
    hearing_id: Mapped[int] = mapped_column(ForeignKey("hearing.id"), index=True)
    item_key: Mapped[str]
    item_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"), index=True)
    remedy: Mapped[str]
    change: Mapped[Any | None] = mapped_column(Json)
    posted_at: Mapped[datetime] = mapped_column(UtcTime)


# ── practice ─────────────────────────────────────────────────────────────────────────────────────────────────────
class ReviewCard(Base):
    """An objective in a trainee's spaced review: the state of the memory model, which every answer moves on. Rebuilt from the log."""

    __tablename__ = "review_card"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    objective: Mapped[str]
    state: Mapped[Any] = mapped_column(Json)
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("enrolment_id", "objective"), Index("ix_review_card_enrolment_id_due_at", "enrolment_id", "due_at"))


@append_only
class ReviewAnswer(Base):
    """One answer in the spaced review, with the item as it was asked."""

    __tablename__ = "review_answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    objective: Mapped[str]
    item_key: Mapped[str]
    item_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    frozen: Mapped[Any] = mapped_column(Json)
    answer: Mapped[Any | None] = mapped_column(Json)
    fraction: Mapped[Decimal] = mapped_column(Exact)
    rating: Mapped[int]                         # 1 again … 4 easy, as the memory model counts
    answered_at: Mapped[datetime] = mapped_column(UtcTime)
