"""Cohorts, enrolments and what was completed. Programmes and lessons themselves are content versions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, Json, UtcTime


class Cohort(Base):
    """A group that takes a programme together. Dates are days in `zone`; content is pinned when it opens."""

    __tablename__ = "cohort"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    programme_key: Mapped[str]
    programme_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    scheme_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    zone: Mapped[str] = mapped_column(default="Asia/Shanghai")
    seats: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="dates"), CheckConstraint("seats > 0", name="seats"))

    @property
    def name(self) -> dict[str, str]:
        return {"zh": self.name_zh, "en": self.name_en}


class CohortPin(Base):
    """The version of a piece of content that this cohort works with; another scoring enters only by an audited adoption."""

    __tablename__ = "cohort_pin"
    id: Mapped[int] = mapped_column(primary_key=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"))
    kind: Mapped[str]
    key: Mapped[str]
    scoring_hash: Mapped[str]
    version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    __table_args__ = (UniqueConstraint("cohort_id", "kind", "key"),)


class UnitOpening(Base):
    """The day a unit (a week) opens to a cohort, where it differs from the plan."""

    __tablename__ = "unit_opening"
    id: Mapped[int] = mapped_column(primary_key=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"))
    unit_key: Mapped[str]
    opens_on: Mapped[date]
    __table_args__ = (UniqueConstraint("cohort_id", "unit_key"),)


class Enrolment(Base):
    """A person in a cohort. Everything a trainee achieves belongs to the enrolment."""

    __tablename__ = "enrolment"
    id: Mapped[int] = mapped_column(primary_key=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    mentor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    enrolled_at: Mapped[datetime] = mapped_column(UtcTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("cohort_id", "person_id"),)


@append_only
class SelfCheckAnswer(Base):
    """An answer to a lesson's self-check: ungraded, kept so that "done" can be derived. The latest one shows."""

    __tablename__ = "self_check_answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    lesson_key: Mapped[str]
    check_key: Mapped[str]
    chosen: Mapped[Any] = mapped_column(Json)
    is_right: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (Index("ix_self_check_answer_enrolment_id_lesson_key", "enrolment_id", "lesson_key"),)


@append_only
class Completion(Base):
    """An activity was completed, with its evidence. "Done", hours and gates are folds over these rows.

    `kind`/`ref` name the activity (lesson, quiz, station, case …); `fraction` 0..1 where it was judged; `evidence`
    points at the row that shows it. Several rows per activity are normal (a repeated stage test): the best counts.
    """

    __tablename__ = "completion"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    kind: Mapped[str]
    ref: Mapped[str]
    fraction: Mapped[Decimal | None] = mapped_column(Exact)
    evidence: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (Index("ix_completion_enrolment_id", "enrolment_id"), UniqueConstraint("enrolment_id", "kind", "ref", "evidence"))


@append_only
class GateWaiver(Base):
    """A trainer let a trainee pass a gate, with a reason."""

    __tablename__ = "gate_waiver"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    gate_key: Mapped[str]
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("enrolment_id", "gate_key"),)
