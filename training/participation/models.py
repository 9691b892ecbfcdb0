"""Sessions, who was there, what was contributed, and the level a trainer stands behind."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Exact, UtcTime


class Session(Base):
    """A meeting of a cohort (lecture, seminar, practical). `minutes` is its planned length, which attendance is out of."""

    __tablename__ = "session"
    id: Mapped[int] = mapped_column(primary_key=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"), index=True)
    unit_key: Mapped[str]
    activity_ref: Mapped[str]
    form: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(UtcTime)
    minutes: Mapped[int]
    place: Mapped[str]
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}
    __table_args__ = (UniqueConstraint("cohort_id", "activity_ref"), CheckConstraint("minutes > 0", name="minutes"))

    @property
    def title(self) -> dict[str, str]:
        return {"zh": self.title_zh, "en": self.title_en}


@append_only
class Attendance(Base):
    """An entry in the register. The latest per person and session stands; a correction is a new row with its reason."""

    __tablename__ = "attendance"
    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("session.id"))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"))
    status: Mapped[str]                         # present | late | excused | absent
    minutes: Mapped[int]                        # attended; counts out of the session's planned minutes
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (
        Index("ix_attendance_session_id_enrolment_id", "session_id", "enrolment_id"),
        Index("ix_attendance_enrolment_id", "enrolment_id"),
        CheckConstraint("status IN ('present','late','excused','absent')", name="status"),
    )


@append_only
class ContributionNote(Base):
    """A trainer's observation of one contribution: which part it counts for, at which level, and what was seen."""

    __tablename__ = "contribution_note"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    session_id: Mapped[int | None] = mapped_column(ForeignKey("session.id"))
    part: Mapped[str]                           # discussion | group_contribution
    fraction: Mapped[Decimal] = mapped_column(Exact)
    note: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class ParticipationLevel(Base):
    """The level of one part that a trainer stands behind. The latest counts; differing from the proposal needs a reason."""

    __tablename__ = "participation_level"
    id: Mapped[int] = mapped_column(primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    part: Mapped[str]                           # discussion | group_contribution
    fraction: Mapped[Decimal] = mapped_column(Exact)
    proposed: Mapped[Decimal | None] = mapped_column(Exact)
    evidence_count: Mapped[int]
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
