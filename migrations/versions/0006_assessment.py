"""Extensions, decisions, entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_assessment"
down_revision = "0005_participation"


def upgrade() -> None:
    op.create_table(
        "extension",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_extension_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_extension_enrolment_id_enrolment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extension")),
    )
    op.create_index(op.f("ix_extension_enrolment_id"), "extension", ["enrolment_id"], unique=False)
    op.create_table(
        "result_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scheme_version_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("total", sa.Text(), nullable=True),
        sa.Column("total_shown", sa.String(), nullable=False),
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("verdict_zh", sa.String(), nullable=False),
        sa.Column("verdict_en", sa.String(), nullable=False),
        sa.Column("evidence_hash", sa.String(), nullable=False),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["confirmed_by_id"], ["person.id"], name=op.f("fk_result_decision_confirmed_by_id_person")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_result_decision_enrolment_id_enrolment")),
        sa.ForeignKeyConstraint(["scheme_version_id"], ["content_version.id"], name=op.f("fk_result_decision_scheme_version_id_content_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_decision")),
        sa.UniqueConstraint("enrolment_id", "number", name=op.f("uq_result_decision_enrolment_id_number")),
    )
    op.create_table(
        "result_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("meets_bar", sa.Boolean(), nullable=False),
        sa.Column("performed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["result_decision.id"], name=op.f("fk_result_entry_decision_id_result_decision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_entry")),
        sa.UniqueConstraint("decision_id", "component", name=op.f("uq_result_entry_decision_id_component")),
    )
    op.create_index("ix_result_entry_decision_id", "result_entry", ["decision_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_result_entry_decision_id", table_name="result_entry")
    op.drop_table("result_entry")
    op.drop_table("result_decision")
    op.drop_index(op.f("ix_extension_enrolment_id"), table_name="extension")
    op.drop_table("extension")
