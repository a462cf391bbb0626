"""The tables of certification by camera."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
APPEND_ONLY = ("life_evidence", "audit_entry")
TABLES = (
    "calibration",
    "idempotency_key",
    "region",
    "role",
    "account",
    "person",
    "account_role",
    "audit_entry",
    "benefit",
    "consent",
    "enrolment",
    "face_reference",
    "life_evidence",
    "outbox_message",
    "try_counter",
    "certificate",
    "payment",
    "verification",
    "verification_frame",
)


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "calibration",
        sa.Column("id", ID, nullable=False),
        sa.Column("engine_name", sa.String(length=50), nullable=False),
        sa.Column("engine_version", sa.String(length=100), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("references_count", sa.Integer(), nullable=False),
        sa.Column("pair_count", ID, nullable=False),
        sa.Column("thresholds", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promoted_by", sa.String(length=100), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(promoted_at IS NULL) = (promoted_by IS NULL)", name=op.f("ck_calibration_promoted_by_someone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
    )
    with op.batch_alter_table("calibration") as batch_op:
        batch_op.create_index(
            "uq_calibration_in_effect",
            ["engine_name", "engine_version"],
            unique=True,
            sqlite_where=sa.text("promoted_at IS NOT NULL AND retired_at IS NULL"),
            postgresql_where=sa.text("promoted_at IS NOT NULL AND retired_at IS NULL"),
        )

    op.create_table(
        "idempotency_key",
        sa.Column("id", ID, nullable=False),
        sa.Column("client", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("response_headers", JSON, nullable=True),
        sa.Column("response_body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_key")),
    )
    with op.batch_alter_table("idempotency_key") as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_key_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("uq_idempotency_key_client_key", ["client", "key"], unique=True)

    op.create_table(
        "region",
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("level", one_of("level", "province", "city", "county"), nullable=False),
        sa.Column("parent_code", sa.String(length=6), nullable=True),
        sa.ForeignKeyConstraint(["parent_code"], ["region.code"], name=op.f("fk_region_parent_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_region")),
    )
    with op.batch_alter_table("region") as batch_op:
        batch_op.create_index(batch_op.f("ix_region_parent_code"), ["parent_code"], unique=False)

    op.create_table(
        "role",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("permissions", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
        sa.UniqueConstraint("name", name=op.f("uq_role_name")),
    )
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=True),
        sa.Column("display_name", sa.String(length=100), nullable=True),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_login_ip", sa.String(length=64), nullable=True),
        sa.Column("current_login_ip", sa.String(length=64), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=True),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.String(length=255), nullable=True),
        sa.Column("tf_phone_number", sa.String(length=128), nullable=True),
        sa.Column("mf_recovery_codes", JSON, nullable=True),
        sa.Column("create_datetime", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_account_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_account_fs_uniquifier")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "person",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("resident_id_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("resident_id_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("resident_id_masked", sa.String(length=18), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", one_of("sex", "male", "female"), nullable=False),
        sa.Column("social_security_number_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("social_security_number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_masked", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_person_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("public_id", name=op.f("uq_person_public_id")),
        sa.UniqueConstraint("resident_id_index", name=op.f("uq_person_resident_id_index")),
        sa.UniqueConstraint("social_security_number_index", name=op.f("uq_person_social_security_number_index")),
    )
    with op.batch_alter_table("person") as batch_op:
        batch_op.create_index(batch_op.f("ix_person_name"), ["name"], unique=False)
        batch_op.create_index("ix_person_region_code_id", ["region_code", "id"], unique=False)

    op.create_table(
        "account_role",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_role_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name=op.f("fk_account_role_role_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "role_id", name=op.f("pk_account_role")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", ID, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("object", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_audit_entry_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_at"), ["at"], unique=False)
        batch_op.create_index("ix_audit_entry_person_at", ["person_id", "at"], unique=False)

    op.create_table(
        "benefit",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column(
            "scheme",
            one_of(
                "scheme",
                "employee_pension",
                "resident_pension",
                "employee_medical",
                "resident_medical",
                "unemployment",
                "work_injury",
                "maternity",
            ),
            nullable=False,
        ),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("monthly_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", one_of("status", "active", "paused", "ended"), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("to_month", sa.Date(), nullable=True),
        sa.Column("paused_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(status = 'paused') = (paused_on IS NOT NULL)", name=op.f("ck_benefit_paused_on_while_paused")),
        sa.CheckConstraint("monthly_fen >= 0", name=op.f("ck_benefit_monthly_fen_not_negative")),
        sa.CheckConstraint("to_month IS NULL OR to_month >= from_month", name=op.f("ck_benefit_months_in_order")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_benefit_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_benefit_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit")),
    )
    with op.batch_alter_table("benefit") as batch_op:
        batch_op.create_index("uq_benefit_person_scheme_region_from", ["person_id", "scheme", "region_code", "from_month"], unique=True)

    op.create_table(
        "consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("purpose", one_of("purpose", "face_verification", "reference_image"), nullable=False),
        sa.Column("text_version", sa.String(length=50), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent") as batch_op:
        batch_op.create_index(
            "uq_consent_in_force",
            ["person_id", "purpose"],
            unique=True,
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        )

    op.create_table(
        "enrolment",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column(
            "scheme",
            one_of(
                "scheme",
                "employee_pension",
                "resident_pension",
                "employee_medical",
                "resident_medical",
                "unemployment",
                "work_injury",
                "maternity",
            ),
            nullable=False,
        ),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("to_month", sa.Date(), nullable=True),
        sa.CheckConstraint("to_month IS NULL OR to_month >= from_month", name=op.f("ck_enrolment_months_in_order")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_enrolment_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_enrolment_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
    )
    with op.batch_alter_table("enrolment") as batch_op:
        batch_op.create_index("uq_enrolment_person_scheme_region_from", ["person_id", "scheme", "region_code", "from_month"], unique=True)

    op.create_table(
        "face_reference",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("engine_name", sa.String(length=50), nullable=False),
        sa.Column("engine_version", sa.String(length=100), nullable=False),
        sa.Column("key_id", sa.String(length=50), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=True),
        sa.Column("source", one_of("source", "counter", "camera", "file", "import"), nullable=False),
        sa.Column("quality", JSON, nullable=False),
        sa.Column("enrolled_by", sa.String(length=100), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=100), nullable=True),
        sa.Column("revoked_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_face_reference_revoked_by_someone")),
        sa.CheckConstraint("(revoked_at IS NULL) = (template IS NOT NULL)", name=op.f("ck_face_reference_template_while_active")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_face_reference_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_reference")),
        sa.UniqueConstraint("public_id", name=op.f("uq_face_reference_public_id")),
    )
    with op.batch_alter_table("face_reference") as batch_op:
        batch_op.create_index("ix_face_reference_engine", ["engine_name", "engine_version", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_face_reference_key_id"), ["key_id"], unique=False)
        batch_op.create_index(
            "uq_face_reference_active",
            ["person_id", "engine_name", "engine_version"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "life_evidence",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column(
            "kind",
            one_of(
                "kind", "face", "counter", "home_visit", "video_call", "assisted", "data_match", "death_record", "custody", "declaration"
            ),
            nullable=False,
        ),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("strength", one_of("strength", "void", "indicative", "supporting", "conclusive"), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrects_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["corrects_id"], ["life_evidence.id"], name=op.f("fk_life_evidence_corrects_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_life_evidence_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_life_evidence")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_life_evidence_corrects_id")),
    )
    with op.batch_alter_table("life_evidence") as batch_op:
        batch_op.create_index("ix_life_evidence_person_kind_occurred", ["person_id", "kind", "occurred_on"], unique=False)

    op.create_table(
        "outbox_message",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_outbox_message_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
    )
    with op.batch_alter_table("outbox_message") as batch_op:
        batch_op.create_index(
            "ix_outbox_message_unsent",
            ["not_before", "id"],
            unique=False,
            sqlite_where=sa.text("sent_at IS NULL"),
            postgresql_where=sa.text("sent_at IS NULL"),
        )

    op.create_table(
        "try_counter",
        sa.Column("person_id", ID, autoincrement=False, nullable=False),
        sa.Column("failed_attempts", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_try_counter_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_try_counter")),
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("evidence_id", ID, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("key_id", sa.String(length=50), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name=op.f("ck_certificate_revoked_with_reason")),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_certificate_evidence_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_certificate_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("evidence_id", name=op.f("uq_certificate_evidence_id")),
    )
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.create_index(batch_op.f("ix_certificate_person_id"), ["person_id"], unique=False)

    op.create_table(
        "payment",
        sa.Column("id", ID, nullable=False),
        sa.Column("benefit_id", ID, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_payment_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["benefit_id"], ["benefit.id"], name=op.f("fk_payment_benefit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
    )
    with op.batch_alter_table("payment") as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_month"), ["month"], unique=False)
        batch_op.create_index("uq_payment_benefit_month", ["benefit_id", "month"], unique=True)

    op.create_table(
        "verification",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("state", one_of("state", "open", "deciding", "decided", "expired", "abandoned"), nullable=False),
        sa.Column("kind", one_of("kind", "standard", "gentle"), nullable=False),
        sa.Column("channel", one_of("channel", "self", "helper", "counter"), nullable=False),
        sa.Column("challenge", JSON, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("camera_label", sa.String(length=200), nullable=True),
        sa.Column("client", JSON, nullable=False),
        sa.Column("foreign_frames", sa.Integer(), nullable=False),
        sa.Column("deciding_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", one_of("outcome", "certified", "refer", "retry", "refused"), nullable=True),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("engine_name", sa.String(length=50), nullable=True),
        sa.Column("engine_version", sa.String(length=100), nullable=True),
        sa.Column("calibration", sa.String(length=50), nullable=True),
        sa.Column("policy_hash", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate_id", sa.String(length=22), nullable=True),
        sa.CheckConstraint("(state = 'decided') = (decided_at IS NOT NULL)", name=op.f("ck_verification_decided_at_when_decided")),
        sa.CheckConstraint("(state = 'decided') = (outcome IS NOT NULL)", name=op.f("ck_verification_outcome_when_decided")),
        sa.ForeignKeyConstraint(["certificate_id"], ["certificate.id"], name=op.f("fk_verification_certificate_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_verification_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )
    with op.batch_alter_table("verification") as batch_op:
        batch_op.create_index("ix_verification_person_started", ["person_id", "started_at"], unique=False)
        batch_op.create_index("ix_verification_state_expires", ["state", "expires_at"], unique=False)
        batch_op.create_index(
            "uq_verification_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "verification_frame",
        sa.Column("id", ID, nullable=False),
        sa.Column("verification_id", sa.String(length=22), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("measures", JSON, nullable=False),
        sa.Column("observation", sa.LargeBinary(), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("purge_after", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_verification_frame_seq_not_negative")),
        sa.ForeignKeyConstraint(
            ["verification_id"], ["verification.id"], name=op.f("fk_verification_frame_verification_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_frame")),
    )
    with op.batch_alter_table("verification_frame") as batch_op:
        batch_op.create_index(
            "ix_verification_frame_purge_after",
            ["purge_after"],
            unique=False,
            sqlite_where=sa.text("observation IS NOT NULL OR picture IS NOT NULL"),
            postgresql_where=sa.text("observation IS NOT NULL OR picture IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_verification_frame_sha256"), ["sha256"], unique=False)
        batch_op.create_index("uq_verification_frame_seq", ["verification_id", "seq"], unique=True)

    append_only.create_function()
    for table in APPEND_ONLY:
        append_only.protect(table)


def downgrade() -> None:
    for table in APPEND_ONLY:
        append_only.unprotect(table)
    append_only.drop_function()
    for table in reversed(TABLES):
        op.drop_table(table)
