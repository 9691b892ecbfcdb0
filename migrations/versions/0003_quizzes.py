"""Attempts, saves, responses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_quizzes"
down_revision = "0002_courses"


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_key", sa.String(), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("high_water_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["blueprint_version_id"], ["content_version.id"], name=op.f("fk_attempt_blueprint_version_id_content_version")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_attempt_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("enrolment_id", "blueprint_key", "number", name=op.f("uq_attempt_enrolment_id_blueprint_key_number")),
    )
    op.create_index(op.f("ix_attempt_enrolment_id"), "attempt", ["enrolment_id"], unique=False)
    op.create_table(
        "attempt_closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("head_hash", sa.String(), nullable=False),
        sa.Column("saves", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_closure_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_closure")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_attempt_closure_attempt_id")),
    )
    op.create_table(
        "slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item_key", sa.String(), nullable=False),
        sa.Column("item_version_id", sa.Integer(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("frozen", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_slot_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["item_version_id"], ["content_version.id"], name=op.f("fk_slot_item_version_id_content_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("attempt_id", "position", name=op.f("uq_slot_attempt_id_position")),
    )
    op.create_table(
        "answer_save",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_answer_save_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_answer_save_slot_id_slot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_save")),
        sa.UniqueConstraint("attempt_id", "op", name=op.f("uq_answer_save_attempt_id_op")),
        sa.UniqueConstraint("slot_id", "version", name=op.f("uq_answer_save_slot_id_version")),
    )
    op.create_index("ix_answer_save_attempt_id", "answer_save", ["attempt_id"], unique=False)
    op.create_table(
        "late_save",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_late_save_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_late_save_slot_id_slot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_save")),
        sa.UniqueConstraint("attempt_id", "op", name=op.f("uq_late_save_attempt_id_op")),
    )
    op.create_index(op.f("ix_late_save_attempt_id"), "late_save", ["attempt_id"], unique=False)
    op.create_table(
        "response",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("fraction", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("scoring_hash", sa.String(), nullable=False),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_response_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_response_slot_id_slot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
        sa.UniqueConstraint("slot_id", "run", name=op.f("uq_response_slot_id_run")),
    )
    op.create_index(op.f("ix_response_attempt_id"), "response", ["attempt_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_response_attempt_id"), table_name="response")
    op.drop_table("response")
    op.drop_index(op.f("ix_late_save_attempt_id"), table_name="late_save")
    op.drop_table("late_save")
    op.drop_index("ix_answer_save_attempt_id", table_name="answer_save")
    op.drop_table("answer_save")
    op.drop_table("slot")
    op.drop_table("attempt_closure")
    op.drop_index(op.f("ix_attempt_enrolment_id"), table_name="attempt")
    op.drop_table("attempt")
