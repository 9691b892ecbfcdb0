"""Performances, ratings, red lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_grading"
down_revision = "0003_quizzes"


def upgrade() -> None:
    op.create_table(
        "performance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content_key", sa.String(), nullable=False),
        sa.Column("content_version_id", sa.Integer(), nullable=False),
        sa.Column("rubric_version_id", sa.Integer(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("performed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["content_version_id"], ["content_version.id"], name=op.f("fk_performance_content_version_id_content_version")),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_performance_created_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_performance_enrolment_id_enrolment")),
        sa.ForeignKeyConstraint(["rubric_version_id"], ["content_version.id"], name=op.f("fk_performance_rubric_version_id_content_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_performance")),
        sa.UniqueConstraint("enrolment_id", "kind", "content_key", "number", name=op.f("uq_performance_enrolment_id_kind_content_key_number")),
    )
    op.create_index(op.f("ix_performance_enrolment_id"), "performance", ["enrolment_id"], unique=False)
    op.create_table(
        "case_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("performance_id", sa.Integer(), nullable=False),
        sa.Column("question_key", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["performance_id"], ["performance.id"], name=op.f("fk_case_draft_performance_id_performance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_draft")),
        sa.UniqueConstraint("performance_id", "question_key", name=op.f("uq_case_draft_performance_id_question_key")),
    )
    op.create_table(
        "case_response",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("performance_id", sa.Integer(), nullable=False),
        sa.Column("question_key", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["performance_id"], ["performance.id"], name=op.f("fk_case_response_performance_id_performance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_response")),
        sa.UniqueConstraint("performance_id", "question_key", name=op.f("uq_case_response_performance_id_question_key")),
    )
    op.create_table(
        "rating_assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("performance_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assigned_by_id"], ["person.id"], name=op.f("fk_rating_assignment_assigned_by_id_person")),
        sa.ForeignKeyConstraint(["performance_id"], ["performance.id"], name=op.f("fk_rating_assignment_performance_id_performance")),
        sa.ForeignKeyConstraint(["rater_id"], ["person.id"], name=op.f("fk_rating_assignment_rater_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_assignment")),
        sa.UniqueConstraint("performance_id", "place", name=op.f("uq_rating_assignment_performance_id_place")),
        sa.UniqueConstraint("performance_id", "rater_id", name=op.f("uq_rating_assignment_performance_id_rater_id")),
    )
    op.create_index("ix_rating_assignment_performance_id", "rating_assignment", ["performance_id"], unique=False)
    op.create_index(op.f("ix_rating_assignment_rater_id"), "rating_assignment", ["rater_id"], unique=False)
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("performance_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("levels", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("global_judgement", sa.String(), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["rating_assignment.id"], name=op.f("fk_rating_assignment_id_rating_assignment")),
        sa.ForeignKeyConstraint(["performance_id"], ["performance.id"], name=op.f("fk_rating_performance_id_performance")),
        sa.ForeignKeyConstraint(["rater_id"], ["person.id"], name=op.f("fk_rating_rater_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_rating_assignment_id")),
    )
    op.create_index(op.f("ix_rating_performance_id"), "rating", ["performance_id"], unique=False)
    op.create_table(
        "rating_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["rating_assignment.id"], name=op.f("fk_rating_draft_assignment_id_rating_assignment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_draft")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_rating_draft_assignment_id")),
    )
    op.create_table(
        "red_line_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rating_id", sa.Integer(), nullable=False),
        sa.Column("performance_id", sa.Integer(), nullable=False),
        sa.Column("red_line_key", sa.String(), nullable=False),
        sa.Column("quotation", sa.String(), nullable=False),
        sa.Column("happened_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["performance_id"], ["performance.id"], name=op.f("fk_red_line_report_performance_id_performance")),
        sa.ForeignKeyConstraint(["rating_id"], ["rating.id"], name=op.f("fk_red_line_report_rating_id_rating")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_red_line_report")),
        sa.UniqueConstraint("rating_id", "red_line_key", name=op.f("uq_red_line_report_rating_id_red_line_key")),
    )
    op.create_index(op.f("ix_red_line_report_performance_id"), "red_line_report", ["performance_id"], unique=False)
    op.create_index(op.f("ix_red_line_report_rating_id"), "red_line_report", ["rating_id"], unique=False)
    op.create_table(
        "red_line_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_red_line_decision_by_id_person")),
        sa.ForeignKeyConstraint(["report_id"], ["red_line_report.id"], name=op.f("fk_red_line_decision_report_id_red_line_report")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_red_line_decision")),
        sa.UniqueConstraint("report_id", name=op.f("uq_red_line_decision_report_id")),
    )


def downgrade() -> None:
    op.drop_table("red_line_decision")
    op.drop_index(op.f("ix_red_line_report_performance_id"), table_name="red_line_report")
    op.drop_index(op.f("ix_red_line_report_rating_id"), table_name="red_line_report")
    op.drop_table("red_line_report")
    op.drop_table("rating_draft")
    op.drop_index(op.f("ix_rating_performance_id"), table_name="rating")
    op.drop_table("rating")
    op.drop_index("ix_rating_assignment_performance_id", table_name="rating_assignment")
    op.drop_index(op.f("ix_rating_assignment_rater_id"), table_name="rating_assignment")
    op.drop_table("rating_assignment")
    op.drop_table("case_response")
    op.drop_table("case_draft")
    op.drop_index(op.f("ix_performance_enrolment_id"), table_name="performance")
    op.drop_table("performance")
