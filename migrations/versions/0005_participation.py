"""Sessions, attendance, levels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_participation"
down_revision = "0004_grading"


def upgrade() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cohort_id", sa.Integer(), nullable=False),
        sa.Column("unit_key", sa.String(), nullable=False),
        sa.Column("activity_ref", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_session_minutes")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_session_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("cohort_id", "activity_ref", name=op.f("uq_session_cohort_id_activity_ref")),
    )
    op.create_index(op.f("ix_session_cohort_id"), "session", ["cohort_id"], unique=False)
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('present','late','excused','absent')", name=op.f("ck_attendance_status")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_attendance_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_attendance_enrolment_id_enrolment")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_attendance_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
    )
    op.create_index("ix_attendance_enrolment_id", "attendance", ["enrolment_id"], unique=False)
    op.create_index("ix_attendance_session_id_enrolment_id", "attendance", ["session_id", "enrolment_id"], unique=False)
    op.create_table(
        "contribution_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("fraction", sa.Text(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_contribution_note_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_contribution_note_enrolment_id_enrolment")),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_contribution_note_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contribution_note")),
    )
    op.create_index(op.f("ix_contribution_note_enrolment_id"), "contribution_note", ["enrolment_id"], unique=False)
    op.create_table(
        "participation_level",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("fraction", sa.Text(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=True),
        sa.Column("evidence_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_participation_level_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_participation_level_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation_level")),
    )
    op.create_index(op.f("ix_participation_level_enrolment_id"), "participation_level", ["enrolment_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_participation_level_enrolment_id"), table_name="participation_level")
    op.drop_table("participation_level")
    op.drop_index(op.f("ix_contribution_note_enrolment_id"), table_name="contribution_note")
    op.drop_table("contribution_note")
    op.drop_index("ix_attendance_enrolment_id", table_name="attendance")
    op.drop_index("ix_attendance_session_id_enrolment_id", table_name="attendance")
    op.drop_table("attendance")
    op.drop_index(op.f("ix_session_cohort_id"), table_name="session")
    op.drop_table("session")
