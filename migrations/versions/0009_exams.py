"""Planned sittings, the item bank at work, marking by people, hearings, spaced review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_exams"
down_revision = "0008_reporting"


def upgrade() -> None:
    op.create_table("hearing",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("item_key", sa.String(), nullable=False),
    sa.Column("item_version_id", sa.Integer(), nullable=False),
    sa.Column("remedy", sa.String(), nullable=False),
    sa.Column("change", sa.Text(), nullable=True),
    sa.Column("complaint", sa.String(), nullable=False),
    sa.Column("minutes", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("dry_run", sa.Text(), nullable=True),
    sa.Column("dry_run_hash", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("opened_by_id", sa.Integer(), nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("decided_by_id", sa.Integer(), nullable=True),
    sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_hearing_decided_by_id_person")),
    sa.ForeignKeyConstraint(["item_version_id"], ["content_version.id"], name=op.f("fk_hearing_item_version_id_content_version")),
    sa.ForeignKeyConstraint(["opened_by_id"], ["person.id"], name=op.f("fk_hearing_opened_by_id_person")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_hearing"))
    )
    op.create_index("ix_hearing_item_key", "hearing", ["item_key"], unique=False)
    op.create_table("item_draft",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("content_area", sa.String(), nullable=False),
    sa.Column("base_version_id", sa.Integer(), nullable=True),
    sa.Column("origin", sa.String(), nullable=False),
    sa.Column("batch", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("body", sa.Text(), nullable=False),
    sa.Column("author_id", sa.Integer(), nullable=True),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_item_draft_author_id_person")),
    sa.ForeignKeyConstraint(["base_version_id"], ["content_version.id"], name=op.f("fk_item_draft_base_version_id_content_version")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_item_draft"))
    )
    op.create_index("ix_item_draft_key", "item_draft", ["key"], unique=False)
    op.create_index("ix_item_draft_state", "item_draft", ["state"], unique=False)
    op.create_table("item_picture",
    sa.Column("sha256", sa.String(), nullable=False),
    sa.Column("media_type", sa.String(), nullable=False),
    sa.Column("size", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_item_picture_by_id_person")),
    sa.PrimaryKeyConstraint("sha256", name=op.f("pk_item_picture"))
    )
    op.create_table("item_tag",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("item_key", sa.String(), nullable=False),
    sa.Column("tag", sa.String(), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_item_tag_by_id_person")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_item_tag")),
    sa.UniqueConstraint("item_key", "tag", name=op.f("uq_item_tag_item_key_tag"))
    )
    op.create_index("ix_item_tag_tag", "item_tag", ["tag"], unique=False)
    op.create_table("item_edit",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("draft_id", sa.Integer(), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("body_hash", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_item_edit_by_id_person")),
    sa.ForeignKeyConstraint(["draft_id"], ["item_draft.id"], name=op.f("fk_item_edit_draft_id_item_draft")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_item_edit"))
    )
    op.create_index("ix_item_edit_draft_id", "item_edit", ["draft_id"], unique=False)
    op.create_table("item_review",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("draft_id", sa.Integer(), nullable=False),
    sa.Column("act", sa.String(), nullable=False),
    sa.Column("body_hash", sa.String(), nullable=False),
    sa.Column("comment", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("version_id", sa.Integer(), nullable=True),
    sa.Column("by_id", sa.Integer(), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_item_review_by_id_person")),
    sa.ForeignKeyConstraint(["draft_id"], ["item_draft.id"], name=op.f("fk_item_review_draft_id_item_draft")),
    sa.ForeignKeyConstraint(["version_id"], ["content_version.id"], name=op.f("fk_item_review_version_id_content_version")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_item_review"))
    )
    op.create_index("ix_item_review_draft_id", "item_review", ["draft_id"], unique=False)
    op.create_table("item_ruling",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("hearing_id", sa.Integer(), nullable=False),
    sa.Column("item_key", sa.String(), nullable=False),
    sa.Column("item_version_id", sa.Integer(), nullable=False),
    sa.Column("remedy", sa.String(), nullable=False),
    sa.Column("change", sa.Text(), nullable=True),
    sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["hearing_id"], ["hearing.id"], name=op.f("fk_item_ruling_hearing_id_hearing")),
    sa.ForeignKeyConstraint(["item_version_id"], ["content_version.id"], name=op.f("fk_item_ruling_item_version_id_content_version")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_item_ruling"))
    )
    op.create_index("ix_item_ruling_hearing_id", "item_ruling", ["hearing_id"], unique=False)
    op.create_index("ix_item_ruling_item_version_id", "item_ruling", ["item_version_id"], unique=False)
    op.create_table("sitting",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("cohort_id", sa.Integer(), nullable=False),
    sa.Column("blueprint_key", sa.String(), nullable=False),
    sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
    sa.Column("place", sa.String(), nullable=False),
    sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("mode", sa.String(), nullable=False),
    sa.Column("forms", sa.Integer(), nullable=False),
    sa.Column("seed", sa.String(), nullable=False),
    sa.Column("break_minutes", sa.Integer(), server_default="0", nullable=False),
    sa.Column("proof", sa.Text(), nullable=True),
    sa.Column("proof_hash", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("planned_by_id", sa.Integer(), nullable=False),
    sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by_id", sa.Integer(), nullable=True),
    sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["approved_by_id"], ["person.id"], name=op.f("fk_sitting_approved_by_id_person")),
    sa.ForeignKeyConstraint(["blueprint_version_id"], ["content_version.id"], name=op.f("fk_sitting_blueprint_version_id_content_version")),
    sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_sitting_cohort_id_cohort")),
    sa.ForeignKeyConstraint(["planned_by_id"], ["person.id"], name=op.f("fk_sitting_planned_by_id_person")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting"))
    )
    op.create_index("ix_sitting_cohort_id", "sitting", ["cohort_id"], unique=False)
    op.create_table("paper_form",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("sitting_id", sa.Integer(), nullable=False),
    sa.Column("label", sa.String(), nullable=False),
    sa.Column("seed", sa.String(), nullable=False),
    sa.Column("paper_hash", sa.String(), nullable=False),
    sa.Column("slots", sa.Text(), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_paper_form_sitting_id_sitting")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_form"))
    )
    op.create_index("ix_paper_form_sitting_id", "paper_form", ["sitting_id"], unique=False)
    op.create_table("review_answer",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("enrolment_id", sa.Integer(), nullable=False),
    sa.Column("objective", sa.String(), nullable=False),
    sa.Column("item_key", sa.String(), nullable=False),
    sa.Column("item_version_id", sa.Integer(), nullable=False),
    sa.Column("frozen", sa.Text(), nullable=False),
    sa.Column("answer", sa.Text(), nullable=True),
    sa.Column("fraction", sa.Text(), nullable=False),
    sa.Column("rating", sa.Integer(), nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_review_answer_enrolment_id_enrolment")),
    sa.ForeignKeyConstraint(["item_version_id"], ["content_version.id"], name=op.f("fk_review_answer_item_version_id_content_version")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_review_answer"))
    )
    op.create_index("ix_review_answer_enrolment_id", "review_answer", ["enrolment_id"], unique=False)
    op.create_table("review_card",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("enrolment_id", sa.Integer(), nullable=False),
    sa.Column("objective", sa.String(), nullable=False),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_review_card_enrolment_id_enrolment")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_review_card")),
    sa.UniqueConstraint("enrolment_id", "objective", name=op.f("uq_review_card_enrolment_id_objective"))
    )
    op.create_index("ix_review_card_enrolment_id_due_at", "review_card", ["enrolment_id", "due_at"], unique=False)
    op.create_table("candidate",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("sitting_id", sa.Integer(), nullable=False),
    sa.Column("enrolment_id", sa.Integer(), nullable=False),
    sa.Column("form_id", sa.Integer(), nullable=True),
    sa.Column("extra_minutes", sa.Integer(), server_default="0", nullable=False),
    sa.Column("break_minutes", sa.Integer(), server_default="0", nullable=False),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_candidate_enrolment_id_enrolment")),
    sa.ForeignKeyConstraint(["form_id"], ["paper_form.id"], name=op.f("fk_candidate_form_id_paper_form")),
    sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_candidate_sitting_id_sitting")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
    sa.UniqueConstraint("sitting_id", "enrolment_id", name=op.f("uq_candidate_sitting_id_enrolment_id"))
    )
    op.create_index("ix_candidate_enrolment_id", "candidate", ["enrolment_id"], unique=False)
    op.create_table("attempt_event",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("attempt_id", sa.Integer(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("device_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("device", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=True),
    sa.Column("position", sa.Integer(), nullable=True),
    sa.Column("detail", sa.Text(), nullable=True),
    sa.Column("op", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_event_attempt_id_attempt")),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_attempt_event_by_id_person")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_event")),
    sa.UniqueConstraint("attempt_id", "op", name=op.f("uq_attempt_event_attempt_id_op"))
    )
    op.create_index("ix_attempt_event_attempt_id_kind", "attempt_event", ["attempt_id", "kind"], unique=False)
    op.create_table("attempt_presence",
    sa.Column("attempt_id", sa.Integer(), nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("unsent", sa.Integer(), server_default="0", nullable=False),
    sa.Column("is_hidden", sa.Boolean(), server_default="0", nullable=False),
    sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_attempt_presence_attempt_id_attempt")),
    sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempt_presence"))
    )
    op.create_table("exam_incident",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("sitting_id", sa.Integer(), nullable=False),
    sa.Column("attempt_id", sa.Integer(), nullable=True),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_exam_incident_attempt_id_attempt")),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_exam_incident_by_id_person")),
    sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_exam_incident_sitting_id_sitting")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_exam_incident"))
    )
    op.create_index("ix_exam_incident_attempt_id", "exam_incident", ["attempt_id"], unique=False)
    op.create_index("ix_exam_incident_sitting_id", "exam_incident", ["sitting_id"], unique=False)
    op.create_table("essay_draft",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("slot_id", sa.Integer(), nullable=False),
    sa.Column("marker_id", sa.Integer(), nullable=False),
    sa.Column("points", sa.Text(), nullable=False),
    sa.Column("comment", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("row_version", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["marker_id"], ["person.id"], name=op.f("fk_essay_draft_marker_id_person")),
    sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_essay_draft_slot_id_slot")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_essay_draft")),
    sa.UniqueConstraint("slot_id", "marker_id", name=op.f("uq_essay_draft_slot_id_marker_id"))
    )
    op.create_index("ix_essay_draft_marker_id", "essay_draft", ["marker_id"], unique=False)
    op.create_table("essay_mark",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("slot_id", sa.Integer(), nullable=False),
    sa.Column("marker_id", sa.Integer(), nullable=False),
    sa.Column("number", sa.Integer(), nullable=False),
    sa.Column("points", sa.Text(), nullable=False),
    sa.Column("fraction", sa.Text(), nullable=False),
    sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["marker_id"], ["person.id"], name=op.f("fk_essay_mark_marker_id_person")),
    sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_essay_mark_slot_id_slot")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_essay_mark")),
    sa.UniqueConstraint("slot_id", "marker_id", "number", name=op.f("uq_essay_mark_slot_id_marker_id_number"))
    )
    op.create_index("ix_essay_mark_marker_id", "essay_mark", ["marker_id"], unique=False)
    op.create_table("exam_incident_text",
    sa.Column("incident_id", sa.Integer(), nullable=False),
    sa.Column("body", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["incident_id"], ["exam_incident.id"], name=op.f("fk_exam_incident_text_incident_id_exam_incident")),
    sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_exam_incident_text"))
    )
    op.create_table("late_decision",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("late_save_id", sa.Integer(), nullable=False),
    sa.Column("is_accepted", sa.Boolean(), nullable=False),
    sa.Column("reason", sa.String(), nullable=False),
    sa.Column("by_id", sa.Integer(), nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_late_decision_by_id_person")),
    sa.ForeignKeyConstraint(["late_save_id"], ["late_save.id"], name=op.f("fk_late_decision_late_save_id_late_save")),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_late_decision")),
    sa.UniqueConstraint("late_save_id", name=op.f("uq_late_decision_late_save_id"))
    )
    # Columns are added one by one: a rebuilt table would list its constraints in another order each time, and the same
    # words serve both databases.
    op.execute("ALTER TABLE attempt ADD COLUMN sitting_id INTEGER CONSTRAINT fk_attempt_sitting_id_sitting REFERENCES sitting (id)")
    op.execute("ALTER TABLE attempt ADD COLUMN form_id INTEGER CONSTRAINT fk_attempt_form_id_paper_form REFERENCES paper_form (id)")
    op.add_column("attempt", sa.Column("section", sa.Integer(), server_default="0", nullable=False))
    op.add_column("attempt", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempt", sa.Column("device", sa.String(), server_default=sa.text("''"), nullable=False))
    op.create_index("ix_attempt_sitting_id", "attempt", ["sitting_id"], unique=False)
    op.add_column("response", sa.Column("possible", sa.Text(), nullable=True))
    op.add_column("response", sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("slot", sa.Column("section", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_column("section")

    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.drop_column("cause")
        batch_op.drop_column("possible")

    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_sitting_id")
        batch_op.drop_column("device")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("section")
        batch_op.drop_column("form_id")
        batch_op.drop_column("sitting_id")
    op.drop_table("late_decision")
    op.drop_table("exam_incident_text")
    op.drop_index("ix_essay_mark_marker_id", "essay_mark")
    op.drop_table("essay_mark")
    op.drop_index("ix_essay_draft_marker_id", "essay_draft")
    op.drop_table("essay_draft")
    op.drop_index("ix_exam_incident_sitting_id", "exam_incident")
    op.drop_index("ix_exam_incident_attempt_id", "exam_incident")
    op.drop_table("exam_incident")
    op.drop_table("attempt_presence")
    op.drop_index("ix_attempt_event_attempt_id_kind", "attempt_event")
    op.drop_table("attempt_event")
    op.drop_index("ix_candidate_enrolment_id", "candidate")
    op.drop_table("candidate")
    op.drop_index("ix_review_card_enrolment_id_due_at", "review_card")
    op.drop_table("review_card")
    op.drop_index("ix_review_answer_enrolment_id", "review_answer")
    op.drop_table("review_answer")
    op.drop_index("ix_paper_form_sitting_id", "paper_form")
    op.drop_table("paper_form")
    op.drop_index("ix_sitting_cohort_id", "sitting")
    op.drop_table("sitting")
    op.drop_index("ix_item_ruling_item_version_id", "item_ruling")
    op.drop_index("ix_item_ruling_hearing_id", "item_ruling")
    op.drop_table("item_ruling")
    op.drop_index("ix_item_review_draft_id", "item_review")
    op.drop_table("item_review")
    op.drop_index("ix_item_edit_draft_id", "item_edit")
    op.drop_table("item_edit")
    op.drop_index("ix_item_tag_tag", "item_tag")
    op.drop_table("item_tag")
    op.drop_table("item_picture")
    op.drop_index("ix_item_draft_state", "item_draft")
    op.drop_index("ix_item_draft_key", "item_draft")
    op.drop_table("item_draft")
    op.drop_index("ix_hearing_item_key", "hearing")
    op.drop_table("hearing")
