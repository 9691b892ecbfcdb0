"""Performances (a station or a case), the people assigned to judge them, their ratings, and what settles a gap.

A performance never changes what it was; ratings are only added. Drafts are the one mutable thing, versioned.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, Json, UtcTime


class Performance(Base):
    """One trainee at one station, or one trainee's work on one case. `performed_at` is set once, when it happened."""

    __tablename__ = "performance"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    kind: Mapped[str]                           # station | case
    content_key: Mapped[str]
    content_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    rubric_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))   # for a case with an inline rubric: the case's own
    use: Mapped[str]                            # final | practice
    number: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    performed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("enrolment_id", "kind", "content_key", "number"),)


class CaseDraft(Base):
    """The text under way for one question of a case: mutable, versioned; becomes a CaseResponse at hand-in or close."""

    __tablename__ = "case_draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"))
    question_key: Mapped[str]
    text: Mapped[str]
    version: Mapped[int]
    op: Mapped[str]
    content_hash: Mapped[str]
    receipt: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("performance_id", "question_key"),)


@append_only
class CaseResponse(Base):
    """What was handed in for one question; text and time stand for good."""

    __tablename__ = "case_response"
    id: Mapped[int] = mapped_column(primary_key=True)
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"))
    question_key: Mapped[str]
    text: Mapped[str]
    handed_in_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("performance_id", "question_key"),)


class Assignment(Base):
    """A rater is asked to judge a performance. `place` 1 and 2 are the two raters, 3 settles a gap."""

    __tablename__ = "rating_assignment"
    id: Mapped[int] = mapped_column(primary_key=True)
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"))
    rater_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    place: Mapped[int]
    assigned_at: Mapped[datetime] = mapped_column(UtcTime)
    assigned_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    __table_args__ = (UniqueConstraint("performance_id", "rater_id"), UniqueConstraint("performance_id", "place"))


class RatingDraft(Base):
    """A rating under way: mutable, versioned, its author's alone; gone from view once the rating is final."""

    __tablename__ = "rating_draft"
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("rating_assignment.id"), unique=True)
    body: Mapped[Any] = mapped_column(Json)
    version: Mapped[int]
    op: Mapped[str]
    content_hash: Mapped[str]
    receipt: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class Rating(Base):
    """A final judgement by one rater. `mark` (0-100) is sum of weight x fraction; the global judgement never enters it."""

    __tablename__ = "rating"
    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("rating_assignment.id"), unique=True)
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"), index=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    levels: Mapped[Any] = mapped_column(Json)         # {criterion: level key | "not_observed"}
    evidence: Mapped[Any] = mapped_column(Json)       # {criterion: text}
    global_judgement: Mapped[str | None]
    comment: Mapped[str]
    mark: Mapped[Decimal] = mapped_column(Exact)
    device_at: Mapped[datetime | None] = mapped_column(UtcTime)
    final_at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class RedLineReport(Base):
    """A rater says a red line was crossed, with a time and a quotation. Counts only once somebody else confirms it."""

    __tablename__ = "red_line_report"
    id: Mapped[int] = mapped_column(primary_key=True)
    rating_id: Mapped[int] = mapped_column(ForeignKey("rating.id"), index=True)
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"), index=True)
    red_line_key: Mapped[str]
    quotation: Mapped[str]
    happened_at: Mapped[str]                    # as the rater wrote it: minute of the performance or line of the text
    __table_args__ = (UniqueConstraint("rating_id", "red_line_key"),)


@append_only
class RedLineDecision(Base):
    """A second person, who did not rate this performance, confirmed or rejected a reported red line."""

    __tablename__ = "red_line_decision"
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("red_line_report.id"), unique=True)
    is_confirmed: Mapped[bool]
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


Index("ix_rating_assignment_performance_id", Assignment.performance_id)
