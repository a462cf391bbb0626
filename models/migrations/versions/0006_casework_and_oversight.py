"""Casework: steps, papers, suppressions, modes of rules, saved views, reviews of verifications; figures and subscriptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
OUTCOMES = ("confirmed", "unfounded", "data_error", "referred")
OPEN_CASES = "closed_at IS NULL"
PROPOSED = "proposed_by IS NOT NULL"
OPEN_ALERTS = "state <> 'closed'"
RARE_STEPS = "step IN ('reopened', 'recovered')"
CASE_COLUMNS = (
    ("held_until", sa.DateTime(timezone=True)),
    ("due_on", sa.Date()),
    ("diary_on", sa.Date()),
    ("worked_at", sa.DateTime(timezone=True)),
    ("proposed_by", sa.String(length=100)),
    ("proposed_at", sa.DateTime(timezone=True)),
    ("found_fen", sa.BigInteger()),
    ("signed_by", sa.String(length=100)),
    ("signed_at", sa.DateTime(timezone=True)),
)
TABLES = (
    "figures_run",
    "rule_mode_change",
    "saved_view",
    "alert_subscription",
    "oversight_figure",
    "notice",
    "case_attachment",
    "case_event",
    "suppression",
    "verification_review",
)


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    with op.batch_alter_table("case_file") as batch_op:
        for name, type_ in CASE_COLUMNS:
            batch_op.add_column(sa.Column(name, type_, nullable=True))
        batch_op.add_column(sa.Column("worked_s", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("recovered_fen", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("proposed_outcome", one_of("proposed_outcome", *OUTCOMES), nullable=True))
        batch_op.add_column(sa.Column("referred_to", one_of("referred_to", "police", "medical_insurance", "region"), nullable=True))
        batch_op.alter_column("owner", existing_type=sa.String(length=100), nullable=True)
        batch_op.create_check_constraint("proposed_by_somebody", "(proposed_outcome IS NULL) = (proposed_by IS NULL)")
        batch_op.create_check_constraint("signed_by_another", "signed_by IS NULL OR signed_by <> closed_by")
    with op.batch_alter_table("case_file") as batch_op:
        batch_op.alter_column("worked_s", existing_type=sa.Integer(), server_default=None)
        batch_op.alter_column("recovered_fen", existing_type=sa.BigInteger(), server_default=None)
        batch_op.create_index("ix_case_file_closed_at", ["closed_at"])
        batch_op.create_index(
            "ix_case_file_region_closed",
            ["region_code", "closed_at"],
            sqlite_where=sa.text("closed_at IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_case_file_waiting",
            ["region_code", "due_on"],
            sqlite_where=sa.text(OPEN_CASES),
            postgresql_where=sa.text(OPEN_CASES),
        )
        batch_op.create_index(
            "ix_case_file_proposed_by", ["proposed_by"], sqlite_where=sa.text(PROPOSED), postgresql_where=sa.text(PROPOSED)
        )
        batch_op.create_index("ix_case_file_owner", ["owner"], sqlite_where=sa.text(OPEN_CASES), postgresql_where=sa.text(OPEN_CASES))
    standing = sa.text("vanished_at IS NULL")
    op.create_index("ix_signal_code_alert_id", "signal", ["code", "alert_id"], sqlite_where=standing, postgresql_where=standing)
    op.execute("UPDATE alert SET priority = 0 WHERE priority IS NULL")
    with op.batch_alter_table("alert") as batch_op:
        batch_op.alter_column("priority", existing_type=sa.Float(), nullable=False)
        batch_op.create_index(
            "ix_alert_queue",
            ["priority", "id", "region_code"],
            sqlite_where=sa.text(OPEN_ALERTS),
            postgresql_where=sa.text(OPEN_ALERTS),
        )
        batch_op.create_index(
            "ix_alert_closed",
            ["priority", "id", "region_code", "code", "severity", "amount_fen"],
            sqlite_where=sa.text("state = 'closed'"),
            postgresql_where=sa.text("state = 'closed'"),
        )
        batch_op.create_index(
            "ix_alert_code_amount",
            ["code", "amount_fen", "id"],
            sqlite_where=sa.text(OPEN_ALERTS),
            postgresql_where=sa.text(OPEN_ALERTS),
        )
        batch_op.create_index(
            "ix_alert_no_person",
            ["region_code", "amount_fen"],
            sqlite_where=sa.text(f"person_id IS NULL AND {OPEN_ALERTS}"),
            postgresql_where=sa.text(f"person_id IS NULL AND {OPEN_ALERTS}"),
        )
        batch_op.create_index(
            "ix_alert_key_closed",
            ["key"],
            sqlite_where=sa.text("person_id IS NULL AND state = 'closed'"),
            postgresql_where=sa.text("person_id IS NULL AND state = 'closed'"),
        )
    op.create_index("ix_alert_opened_at", "alert", ["opened_at"])
    op.create_index("ix_alert_closed_at", "alert", ["closed_at"])
    op.create_index("ix_verification_started_at", "verification", ["started_at"])
    op.create_index("ix_claim_institution_id_to_date", "claim", ["institution_id", "to_date", "fund_fen"])
    op.create_table(
        "figures_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figures_run")),
    )
    op.create_table(
        "rule_mode_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("mode", one_of("mode", "live", "shadow", "retired"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_mode_change")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("public_id", name=op.f("uq_saved_view_public_id")),
    )
    op.create_table(
        "alert_subscription",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("codes", JSON, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("amount_fen_min", sa.BigInteger(), nullable=False),
        sa.Column("channel", one_of("channel", "in_app", "email", "webhook"), nullable=False),
        sa.Column("target", sa.String(length=500), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("cadence", one_of("cadence", "at_once", "daily", "weekly"), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("told_to", ID, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_alert_subscription_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_subscription")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_subscription_public_id")),
    )
    op.create_table(
        "oversight_figure",
        sa.Column("period", one_of("period", "day", "month"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_oversight_figure_region_code")),
        sa.PrimaryKeyConstraint("period", "day", "region_code", "kind", "code", name=op.f("pk_oversight_figure")),
    )
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("subscription_id", ID, nullable=False),
        sa.Column("alerts", JSON, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["subscription_id"], ["alert_subscription.id"], name=op.f("fk_notice_subscription_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("public_id", name=op.f("uq_notice_public_id")),
    )
    op.create_table(
        "case_attachment",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("added_by", sa.String(length=100), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_by", sa.String(length=100), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(removed_at IS NULL) = (content IS NOT NULL)", name=op.f("ck_case_attachment_content_until_removed")),
        sa.CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name=op.f("ck_case_attachment_removed_by_somebody")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_attachment_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_attachment")),
        sa.UniqueConstraint("public_id", name=op.f("uq_case_attachment_public_id")),
    )
    op.create_table(
        "case_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column(
            "step",
            one_of(
                "step",
                "taken",
                "kept",
                "assigned",
                "handed_over",
                "given_back",
                "note",
                "diary",
                "attached",
                "attachment_removed",
                "proposed",
                "withdrawn",
                "signed",
                "sent_back",
                "closed",
                "reopened",
                "recovered",
                "suppressed",
                "suppression_ended",
            ),
            nullable=False,
        ),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_event_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    op.create_table(
        "suppression",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("case_id", ID, nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_suppression_ended_by_somebody")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_suppression_case_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_suppression_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("public_id", name=op.f("uq_suppression_public_id")),
    )
    op.create_table(
        "verification_review",
        sa.Column("id", ID, nullable=False),
        sa.Column("verification_id", sa.String(length=22), nullable=False),
        sa.Column("decision", one_of("decision", "certified", "try_again", "suspected"), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_id", ID, nullable=True),
        sa.CheckConstraint(
            "(decision = 'certified') = (evidence_id IS NOT NULL)", name=op.f("ck_verification_review_evidence_when_certified")
        ),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_verification_review_evidence_id")),
        sa.ForeignKeyConstraint(
            ["verification_id"], ["verification.id"], name=op.f("fk_verification_review_verification_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_review")),
    )
    op.create_index("ix_rule_mode_change_code", "rule_mode_change", ["code", "id"], unique=False)
    op.create_index("uq_saved_view_owner_name", "saved_view", ["owner", "name"], unique=True)
    op.create_index("ix_alert_subscription_owner", "alert_subscription", ["owner"], unique=False)
    op.create_index("ix_oversight_figure_code", "oversight_figure", ["period", "day", "code", "kind"], unique=False)
    op.create_index(
        "ix_notice_unread",
        "notice",
        ["owner"],
        unique=False,
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("ix_notice_owner", "notice", ["owner", "id"], unique=False)
    op.create_index("ix_notice_read_at", "notice", ["read_at"], unique=False)
    op.create_index("ix_case_attachment_case_id", "case_attachment", ["case_id"], unique=False)
    op.create_index("ix_case_event_case_id", "case_event", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_case_event_step_at",
        "case_event",
        ["step", "at"],
        sqlite_where=sa.text(RARE_STEPS),
        postgresql_where=sa.text(RARE_STEPS),
    )
    op.create_index("ix_suppression_key", "suppression", ["key"], unique=False)
    op.create_index("uq_verification_review_verification_id", "verification_review", ["verification_id"], unique=True)
    append_only.protect("case_event")
    append_only.protect("rule_mode_change")


def downgrade() -> None:
    append_only.unprotect("case_event")
    append_only.unprotect("rule_mode_change")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("UPDATE case_file SET owner = opened_by WHERE owner IS NULL")
    op.drop_index("ix_claim_institution_id_to_date", "claim")
    op.drop_index("ix_verification_started_at", "verification")
    op.drop_index("ix_alert_closed_at", "alert")
    op.drop_index("ix_alert_opened_at", "alert")
    op.drop_index("ix_signal_code_alert_id", "signal")
    with op.batch_alter_table("alert") as batch_op:
        batch_op.drop_index("ix_alert_key_closed")
        batch_op.drop_index("ix_alert_no_person")
        batch_op.drop_index("ix_alert_code_amount")
        batch_op.drop_index("ix_alert_closed")
        batch_op.drop_index("ix_alert_queue")
        batch_op.alter_column("priority", existing_type=sa.Float(), nullable=True)
    with op.batch_alter_table("case_file") as batch_op:
        batch_op.drop_index("ix_case_file_owner")
        batch_op.drop_index("ix_case_file_proposed_by")
        batch_op.drop_index("ix_case_file_waiting")
        batch_op.drop_index("ix_case_file_region_closed")
        batch_op.drop_index("ix_case_file_closed_at")
        for check in ("proposed_by_somebody", "signed_by_another", "proposed_outcome", "referred_to"):
            batch_op.drop_constraint(op.f(f"ck_case_file_{check}"), type_="check")
        batch_op.alter_column("owner", existing_type=sa.String(length=100), nullable=False)
        for name in ("referred_to", "proposed_outcome", "recovered_fen", "worked_s", *(name for name, _ in reversed(CASE_COLUMNS))):
            batch_op.drop_column(name)
