"""Extensions, confirmed results and the entries they rest on. Schemes are content versions, pinned to the cohort."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, Json, UtcTime


@append_only
class Extension(Base):
    """A later last moment for one component of one trainee, with a reason. The latest counts."""

    __tablename__ = "extension"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    component: Mapped[str]
    until: Mapped[datetime] = mapped_column(UtcTime)
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class ResultDecision(Base):
    """The training department confirmed an outcome. `number` counts from 1; a resit or an appeal adds the next one.

    Rows are only added: HR may ask later what a trainee saw on a given day. `released_at` is when the trainee sees it.
    """

    __tablename__ = "result_decision"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    number: Mapped[int]
    scheme_version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    outcome: Mapped[str]                        # pass | resit | fail
    total: Mapped[Decimal | None] = mapped_column(Exact)     # unrounded
    total_shown: Mapped[str]
    band: Mapped[str]
    verdict_zh: Mapped[str]
    verdict_en: Mapped[str]
    evidence_hash: Mapped[str]                  # over the entries, so that a later look can tell whether facts moved
    confirmed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    confirmed_at: Mapped[datetime] = mapped_column(UtcTime)
    released_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("enrolment_id", "number"),)


@append_only
class ResultEntry(Base):
    """One component within a decision. There is no total column here; rules fold the entries."""

    __tablename__ = "result_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("result_decision.id"))
    component: Mapped[str]
    score: Mapped[Decimal | None] = mapped_column(Exact)     # 0-100, unrounded
    shown: Mapped[str]
    band: Mapped[str]
    meets_bar: Mapped[bool]
    performed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    evidence: Mapped[Any] = mapped_column(Json)              # what it rests on: ids of attempts, ratings, levels
    __table_args__ = (UniqueConstraint("decision_id", "component"), Index("ix_result_entry_decision_id", "decision_id"))
