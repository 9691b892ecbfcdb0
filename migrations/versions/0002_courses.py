"""Cohorts, enrolments, completions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_courses"
down_revision = "0001_people"


def upgrade() -> None:
    op.create_table(
        "cohort",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("programme_key", sa.String(), nullable=False),
        sa.Column("programme_version_id", sa.Integer(), nullable=False),
        sa.Column("scheme_version_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_cohort_dates")),
        sa.CheckConstraint("seats > 0", name=op.f("ck_cohort_seats")),
        sa.ForeignKeyConstraint(["programme_version_id"], ["content_version.id"], name=op.f("fk_cohort_programme_version_id_content_version")),
        sa.ForeignKeyConstraint(["scheme_version_id"], ["content_version.id"], name=op.f("fk_cohort_scheme_version_id_content_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort")),
        sa.UniqueConstraint("key", name=op.f("uq_cohort_key")),
    )
    op.create_table(
        "cohort_pin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cohort_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("scoring_hash", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_cohort_pin_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["version_id"], ["content_version.id"], name=op.f("fk_cohort_pin_version_id_content_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort_pin")),
        sa.UniqueConstraint("cohort_id", "kind", "key", name=op.f("uq_cohort_pin_cohort_id_kind_key")),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cohort_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("mentor_id", sa.Integer(), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_enrolment_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["mentor_id"], ["person.id"], name=op.f("fk_enrolment_mentor_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_enrolment_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint("cohort_id", "person_id", name=op.f("uq_enrolment_cohort_id_person_id")),
    )
    op.create_index(op.f("ix_enrolment_mentor_id"), "enrolment", ["mentor_id"], unique=False)
    op.create_index(op.f("ix_enrolment_person_id"), "enrolment", ["person_id"], unique=False)
    op.create_table(
        "unit_opening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cohort_id", sa.Integer(), nullable=False),
        sa.Column("unit_key", sa.String(), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_unit_opening_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_opening")),
        sa.UniqueConstraint("cohort_id", "unit_key", name=op.f("uq_unit_opening_cohort_id_unit_key")),
    )
    op.create_table(
        "completion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("fraction", sa.Text(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_completion_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion")),
        sa.UniqueConstraint("enrolment_id", "kind", "ref", "evidence", name=op.f("uq_completion_enrolment_id_kind_ref_evidence")),
    )
    op.create_index("ix_completion_enrolment_id", "completion", ["enrolment_id"], unique=False)
    op.create_table(
        "gate_waiver",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("gate_key", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_gate_waiver_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_gate_waiver_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_waiver")),
        sa.UniqueConstraint("enrolment_id", "gate_key", name=op.f("uq_gate_waiver_enrolment_id_gate_key")),
    )
    op.create_table(
        "self_check_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("lesson_key", sa.String(), nullable=False),
        sa.Column("check_key", sa.String(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_self_check_answer_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_check_answer")),
    )
    op.create_index("ix_self_check_answer_enrolment_id_lesson_key", "self_check_answer", ["enrolment_id", "lesson_key"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_self_check_answer_enrolment_id_lesson_key", table_name="self_check_answer")
    op.drop_table("self_check_answer")
    op.drop_table("gate_waiver")
    op.drop_index("ix_completion_enrolment_id", table_name="completion")
    op.drop_table("completion")
    op.drop_table("unit_opening")
    op.drop_index(op.f("ix_enrolment_mentor_id"), table_name="enrolment")
    op.drop_index(op.f("ix_enrolment_person_id"), table_name="enrolment")
    op.drop_table("enrolment")
    op.drop_table("cohort_pin")
    op.drop_table("cohort")
