"""Detection: runs, signals, relations, grants, legal bases; accounts of benefits, addresses of persons, priorities of alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TABLES = ("detection_run", "legal_basis", "grant_payment", "person_relation", "signal")
IMPORTED = ("persons", "enrolments", "benefits", "payments", "deaths", "custody", "traces", "blacklist")
DRAWN = ("person_id", "status", "from_month", "to_month", "paused_on", "scheme", "region_code", "id")
FIRST_IMPORTED_HERE = ("relations", "grants")


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _bound_imports(*kinds: str) -> None:
    name = op.f("ck_import_batch_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("import_batch") as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"kind IN ({listed})")


def upgrade() -> None:
    op.create_table(
        "detection_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("kind", one_of("kind", "duplicates", "benefits", "payments", "faces", "claims"), nullable=False),
        sa.Column("state", one_of("state", "running", "done", "failed"), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("engine", sa.String(length=20), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("finished_stages", JSON, nullable=False),
        sa.Column("found", ID, nullable=False),
        sa.Column("opened", ID, nullable=False),
        sa.Column("updated", ID, nullable=False),
        sa.Column("closed", ID, nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'running') = (finished_at IS NULL)", name=op.f("ck_detection_run_finished_when_no_longer_running")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_detection_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_detection_run_public_id")),
    )
    op.create_index(
        "uq_detection_run_running",
        "detection_run",
        ["kind", "as_of", "policy_hash", "region_code"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "legal_basis",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("purpose", one_of("purpose", "face_search"), nullable=False),
        sa.Column("basis", sa.String(length=1000), nullable=False),
        sa.Column("document", sa.String(length=200), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=100), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_legal_basis_approved_by_someone")),
        sa.CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name=op.f("ck_legal_basis_withdrawn_by_someone")),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> recorded_by", name=op.f("ck_legal_basis_approved_by_a_second_person")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_legal_basis_days_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_basis")),
        sa.UniqueConstraint("public_id", name=op.f("uq_legal_basis_public_id")),
    )
    op.create_table(
        "grant_payment",
        sa.Column("id", ID, nullable=False),
        sa.Column("deceased_id", ID, nullable=False),
        sa.Column("recipient_id", ID, nullable=True),
        sa.Column("kind", one_of("kind", "funeral", "survivor"), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("account_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("account_masked", sa.String(length=30), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_grant_payment_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["deceased_id"], ["person.id"], name=op.f("fk_grant_payment_deceased_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["person.id"], name=op.f("fk_grant_payment_recipient_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_grant_payment_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_payment")),
    )
    op.create_index("ix_grant_payment_deceased_id", "grant_payment", ["deceased_id", "kind"], unique=False)
    op.create_index("uq_grant_payment_reference", "grant_payment", ["region_code", "reference"], unique=True)
    op.create_table(
        "person_relation",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("kind", one_of("kind", "spouse", "guardian", "parent", "sibling", "twin"), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.CheckConstraint("person_id <> other_id", name=op.f("ck_person_relation_of_two_persons")),
        sa.CheckConstraint("until IS NULL OR since IS NULL OR until >= since", name=op.f("ck_person_relation_days_in_order")),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name=op.f("fk_person_relation_other_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_relation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_relation")),
    )
    op.create_index("ix_person_relation_other_id", "person_relation", ["other_id"], unique=False)
    op.create_index("uq_person_relation_person_other_kind", "person_relation", ["person_id", "other_id", "kind"], unique=True)
    op.create_table(
        "signal",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("alert_id", ID, nullable=True),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("subject_kind", one_of("subject_kind", "person", "hospital", "doctor", "group"), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("subject_ref", sa.String(length=100), nullable=True),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("severity", one_of("severity", "violation", "warning", "suspicion"), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=True),
        sa.Column("to_month", sa.Date(), nullable=True),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("records", JSON, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("triage_due", sa.Boolean(), nullable=False),
        sa.Column("vanished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("vanished_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("(subject_kind = 'person') = (person_id IS NOT NULL)", name=op.f("ck_signal_person_of_a_person")),
        sa.CheckConstraint("(vanished_at IS NULL) = (vanished_reason IS NULL)", name=op.f("ck_signal_vanished_for_a_reason")),
        sa.CheckConstraint("confidence >= 0 AND confidence <= 1", name=op.f("ck_signal_confidence_is_a_share")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_signal_alert_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_signal_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_signal_region_code")),
        sa.ForeignKeyConstraint(["run_id"], ["detection_run.id"], name=op.f("fk_signal_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_signal_public_id")),
    )
    for name, column, where in (("key_vanished", "key", "vanished_at IS NOT NULL"), ("triage_due", "person_id", "triage_due")):
        op.create_index(f"ix_signal_{name}", "signal", [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_index("ix_signal_alert_id", "signal", ["alert_id"], unique=False)
    op.create_index("ix_signal_code_run_id", "signal", ["code", "run_id"], unique=False)
    op.create_index("ix_signal_person_id", "signal", ["person_id"], unique=False)
    op.create_index(
        "uq_signal_key",
        "signal",
        ["key"],
        unique=True,
        sqlite_where=sa.text("vanished_at IS NULL"),
        postgresql_where=sa.text("vanished_at IS NULL"),
    )
    op.add_column("alert", sa.Column("priority", sa.Float(), nullable=True))
    op.add_column("alert", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_alert_state_priority", "alert", ["state", "priority", "id"], unique=False)
    op.add_column("benefit", sa.Column("account_index", sa.LargeBinary(length=32), nullable=True))
    op.add_column("benefit", sa.Column("account_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("benefit", sa.Column("account_masked", sa.String(length=30), nullable=True))
    op.add_column("benefit", sa.Column("approved_birth_date", sa.Date(), nullable=True))
    op.add_column("benefit", sa.Column("retirement_kind", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_benefit_account_index",
        "benefit",
        ["account_index"],
        unique=False,
        sqlite_where=sa.text("account_index IS NOT NULL"),
        postgresql_where=sa.text("account_index IS NOT NULL"),
    )
    op.add_column("person", sa.Column("address_sealed", sa.LargeBinary(), nullable=True))

    op.create_index("ix_benefit_person_drawn", "benefit", list(DRAWN))
    op.drop_index("ix_person_region_code_id", "person")
    op.create_index("ix_person_region_code_id", "person", ["region_code", "id", "merged_into_id", "public_id"])
    _bound_imports(*IMPORTED, *FIRST_IMPORTED_HERE)
    op.add_column("import_batch", sa.Column("by_warning", JSON, nullable=False, server_default="{}"))
    op.add_column("import_batch", sa.Column("warning_bytes", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.execute(f"DELETE FROM import_batch WHERE kind IN {FIRST_IMPORTED_HERE}")
    _bound_imports(*IMPORTED)
    op.drop_column("import_batch", "warning_bytes")
    op.drop_column("import_batch", "by_warning")
    op.drop_index("ix_person_region_code_id", "person")
    op.create_index("ix_person_region_code_id", "person", ["region_code", "id"])
    op.drop_index("ix_benefit_person_drawn", "benefit")
    op.drop_column("person", "address_sealed")
    op.drop_index("ix_benefit_account_index", "benefit")
    for name in ("retirement_kind", "approved_birth_date", "account_masked", "account_sealed", "account_index"):
        op.drop_column("benefit", name)
    op.drop_index("ix_alert_state_priority", "alert")
    for name in ("updated_at", "priority"):
        op.drop_column("alert", name)
    for table in reversed(TABLES):
        op.drop_table(table)
