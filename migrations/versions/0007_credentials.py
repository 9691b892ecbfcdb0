"""Certificates and their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_credentials"
down_revision = "0006_assessment"


def upgrade() -> None:
    op.create_table(
        "serial_counter",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_serial_counter")),
    )
    op.create_table(
        "verification_tally",
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_verification_tally")),
    )
    op.create_index(op.f("ix_verification_tally_since"), "verification_tally", ["since"], unique=False)
    op.create_table(
        "credential",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("cohort_id", sa.Integer(), nullable=False),
        sa.Column("programme_key", sa.String(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("facts_hash", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("employee_no", sa.String(), nullable=False),
        sa.Column("org_unit", sa.String(), nullable=False),
        sa.Column("verification_url", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("template_version", sa.String(), nullable=False),
        sa.Column("engine_version", sa.String(), nullable=False),
        sa.Column("font_version", sa.String(), nullable=False),
        sa.CheckConstraint("cycle >= 1", name=op.f("ck_credential_cycle")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_credential_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["decision_id"], ["result_decision.id"], name=op.f("fk_credential_decision_id_result_decision")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_credential_enrolment_id_enrolment")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["person.id"], name=op.f("fk_credential_issued_by_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credential_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.UniqueConstraint("code", name=op.f("uq_credential_code")),
        sa.UniqueConstraint("number", name=op.f("uq_credential_number")),
    )
    op.create_index(op.f("ix_credential_cohort_id"), "credential", ["cohort_id"], unique=False)
    op.create_index(op.f("ix_credential_decision_id"), "credential", ["decision_id"], unique=False)
    op.create_index("ix_credential_employee_no", "credential", ["employee_no"], unique=False)
    op.create_index(op.f("ix_credential_enrolment_id"), "credential", ["enrolment_id"], unique=False)
    op.create_index("ix_credential_issued_on", "credential", ["issued_on"], unique=False)
    op.create_index("ix_credential_org_unit", "credential", ["org_unit"], unique=False)
    op.create_index(op.f("ix_credential_person_id"), "credential", ["person_id"], unique=False)
    op.create_index(op.f("ix_credential_programme_key"), "credential", ["programme_key"], unique=False)
    op.create_table(
        "live_credential",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("programme_key", sa.String(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_live_credential_credential_id_credential")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_live_credential_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_credential")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_live_credential_credential_id")),
        sa.UniqueConstraint("person_id", "programme_key", "cycle", name=op.f("uq_live_credential_person_id_programme_key_cycle")),
    )
    op.create_table(
        "rendered_pdf",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_rendered_pdf_credential_id_credential")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendered_pdf")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_rendered_pdf_credential_id")),
    )
    op.create_table(
        "revocation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_revocation_by_id_person")),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_revocation_credential_id_credential")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocation")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_revocation_credential_id")),
    )


def downgrade() -> None:
    op.drop_table("revocation")
    op.drop_table("rendered_pdf")
    op.drop_table("live_credential")
    op.drop_index(op.f("ix_credential_cohort_id"), table_name="credential")
    op.drop_index(op.f("ix_credential_decision_id"), table_name="credential")
    op.drop_index("ix_credential_employee_no", table_name="credential")
    op.drop_index(op.f("ix_credential_enrolment_id"), table_name="credential")
    op.drop_index("ix_credential_issued_on", table_name="credential")
    op.drop_index("ix_credential_org_unit", table_name="credential")
    op.drop_index(op.f("ix_credential_person_id"), table_name="credential")
    op.drop_index(op.f("ix_credential_programme_key"), table_name="credential")
    op.drop_table("credential")
    op.drop_index(op.f("ix_verification_tally_since"), table_name="verification_tally")
    op.drop_table("verification_tally")
    op.drop_table("serial_counter")
