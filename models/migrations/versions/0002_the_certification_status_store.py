"""The certification-status store: intake, silent and assisted certification, outreach, payment changes, machine clients, webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations import append_only, touch

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TABLES = (
    "import_batch",
    "peer",
    "silent_run",
    "status_announcer",
    "status_touch",
    "blacklisted_card",
    "client",
    "payment_list",
    "alert",
    "client_rate",
    "client_token",
    "outreach",
    "person_merge",
    "status_announced",
    "status_change",
    "status_code",
    "webhook_endpoint",
    "assistance_request",
    "benefit_pause",
    "case_file",
    "home_visit",
    "identity_check",
    "outreach_attempt",
    "payment_change",
    "webhook_delivery",
    "assistance_event",
)
TRACES = ("medical_visit", "vaccination", "travel", "other")


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "import_batch",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "kind",
            one_of("kind", "persons", "enrolments", "benefits", "payments", "deaths", "custody", "traces", "blacklist"),
            nullable=False,
        ),
        sa.Column("state", one_of("state", "running", "done", "failed"), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("settings_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("rejected_bytes", sa.BigInteger(), nullable=False),
        sa.Column("by_rule", JSON, nullable=False),
        sa.Column("by_region", JSON, nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'running') = (finished_at IS NULL)", name=op.f("ck_import_batch_finished_when_no_longer_running")),
        sa.CheckConstraint("accepted + unchanged + rejected = rows_done", name=op.f("ck_import_batch_every_row_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
        sa.UniqueConstraint("public_id", name=op.f("uq_import_batch_public_id")),
    )
    with op.batch_alter_table("import_batch") as batch_op:
        batch_op.create_index(
            "uq_import_batch_running",
            ["kind", "file_sha256"],
            unique=True,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )

    op.create_table(
        "peer",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("base_url", sa.String(length=500), nullable=False),
        sa.Column("regions", JSON, nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=True),
        sa.Column("our_client_id", sa.String(length=40), nullable=False),
        sa.Column("our_secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer")),
        sa.UniqueConstraint("client_id", name=op.f("uq_peer_client_id")),
        sa.UniqueConstraint("name", name=op.f("uq_peer_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_peer_public_id")),
    )
    op.create_table(
        "silent_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("after_person_id", ID, nullable=False),
        sa.Column("examined", ID, nullable=False),
        sa.Column("certified", ID, nullable=False),
        sa.Column("refused", ID, nullable=False),
        sa.Column("alerts", ID, nullable=False),
        sa.Column("by_trace", JSON, nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("certified + refused <= examined", name=op.f("ck_silent_run_counts_add_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silent_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_silent_run_public_id")),
    )
    with op.batch_alter_table("silent_run") as batch_op:
        batch_op.create_index(
            "uq_silent_run_running",
            ["as_of", "policy_hash", "region_code"],
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "status_announcer",
        sa.Column("id", ID, nullable=False),
        sa.Column("rules_hash", sa.String(length=64), nullable=False),
        sa.Column("in_force_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_announcer")),
    )
    op.create_table(
        "status_touch",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_touch")),
    )
    op.create_table(
        "blacklisted_card",
        sa.Column("id", ID, nullable=False),
        sa.Column("card_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("card_masked", sa.String(length=18), nullable=False),
        sa.Column("reason", one_of("reason", "lost", "stolen", "misused", "suspended", "holder_deceased", "other"), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("batch_id", ID, nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until_on IS NULL OR until_on >= from_on", name=op.f("ck_blacklisted_card_days_in_order")),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batch.id"], name=op.f("fk_blacklisted_card_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blacklisted_card")),
    )
    with op.batch_alter_table("blacklisted_card") as batch_op:
        batch_op.create_index("uq_blacklisted_card_card_source_from", ["card_index", "source", "from_on"], unique=True)

    op.create_table(
        "client",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("certificate_sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("rate_per_minute", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("ck_client_rate_positive")),
        sa.CheckConstraint("secret_digest IS NOT NULL OR certificate_sha256 IS NOT NULL", name=op.f("ck_client_has_credentials")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_client_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
        sa.UniqueConstraint("certificate_sha256", name=op.f("uq_client_certificate_sha256")),
        sa.UniqueConstraint("client_id", name=op.f("uq_client_client_id")),
    )
    op.create_table(
        "payment_list",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("kind", one_of("kind", "pause", "resume"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_payment_list_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_list")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payment_list_public_id")),
    )
    with op.batch_alter_table("payment_list") as batch_op:
        batch_op.create_index("uq_payment_list_kind_number", ["kind", "number"], unique=True)

    op.create_table(
        "alert",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("severity", one_of("severity", "violation", "warning", "suspicion"), nullable=False),
        sa.Column("state", one_of("state", "open", "in_case", "closed"), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.Column("opened_by", sa.String(length=100), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_alert_closed_at_when_closed")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_alert_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_alert_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_public_id")),
    )
    with op.batch_alter_table("alert") as batch_op:
        batch_op.create_index("ix_alert_person_id", ["person_id"], unique=False)
        batch_op.create_index("ix_alert_region_code_state", ["region_code", "state"], unique=False)
        batch_op.create_index(
            "uq_alert_key", ["key"], unique=True, sqlite_where=sa.text("state <> 'closed'"), postgresql_where=sa.text("state <> 'closed'")
        )

    op.create_table(
        "client_rate",
        sa.Column("client_pk", ID, nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["client_pk"], ["client.id"], name=op.f("fk_client_rate_client_pk")),
        sa.PrimaryKeyConstraint("client_pk", name=op.f("pk_client_rate")),
    )
    op.create_table(
        "client_token",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("client_pk", ID, nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["client_pk"], ["client.id"], name=op.f("fk_client_token_client_pk")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_client_token")),
    )
    with op.batch_alter_table("client_token") as batch_op:
        batch_op.create_index("ix_client_token_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "outreach",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", one_of("ended", "certified", "deceased", "not_due"), nullable=True),
        sa.CheckConstraint("(closed_at IS NULL) = (ended IS NULL)", name=op.f("ck_outreach_closed_for_a_reason")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_outreach_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_outreach_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach")),
        sa.UniqueConstraint("public_id", name=op.f("uq_outreach_public_id")),
    )
    with op.batch_alter_table("outreach") as batch_op:
        batch_op.create_index("ix_outreach_region_code_id", ["region_code", "id"], unique=False)
        batch_op.create_index(
            "ix_outreach_open_region_due",
            ["region_code", "due_on", "id"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index(
            "uq_outreach_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "person_merge",
        sa.Column("id", ID, nullable=False),
        sa.Column("kept_id", ID, nullable=False),
        sa.Column("merged_id", ID, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("merged_by", sa.String(length=100), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("split_reason", sa.String(length=500), nullable=True),
        sa.Column("split_by", sa.String(length=100), nullable=True),
        sa.Column("split_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(split_at IS NULL) = (split_by IS NULL)", name=op.f("ck_person_merge_split_by_someone")),
        sa.CheckConstraint("kept_id <> merged_id", name=op.f("ck_person_merge_two_records")),
        sa.ForeignKeyConstraint(["kept_id"], ["person.id"], name=op.f("fk_person_merge_kept_id")),
        sa.ForeignKeyConstraint(["merged_id"], ["person.id"], name=op.f("fk_person_merge_merged_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
    )
    with op.batch_alter_table("person_merge") as batch_op:
        batch_op.create_index("ix_person_merge_kept_id", ["kept_id"], unique=False)
        batch_op.create_index(
            "uq_person_merge_open",
            ["merged_id"],
            unique=True,
            sqlite_where=sa.text("split_at IS NULL"),
            postgresql_where=sa.text("split_at IS NULL"),
        )

    op.create_table(
        "status_announced",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("state", one_of("state", "certified", "due_soon", "overdue", "paused", "deceased", "never_certified"), nullable=False),
        sa.Column("last_certified_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("changes_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_status_announced_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_status_announced")),
    )
    with op.batch_alter_table("status_announced") as batch_op:
        batch_op.create_index("ix_status_announced_changes_on", ["changes_on"], unique=False)
        batch_op.create_index("ix_status_announced_region_state", ["region_code", "state"], unique=False)

    op.create_table(
        "status_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column(
            "state_before", one_of("before", "certified", "due_soon", "overdue", "paused", "deceased", "never_certified"), nullable=True
        ),
        sa.Column("state", one_of("state", "certified", "due_soon", "overdue", "paused", "deceased", "never_certified"), nullable=False),
        sa.Column("last_certified_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_status_change_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_change")),
    )
    with op.batch_alter_table("status_change") as batch_op:
        batch_op.create_index("ix_status_change_person_id", ["person_id"], unique=False)
        batch_op.create_index("ix_status_change_region_code_id", ["region_code", "id"], unique=False)

    op.create_table(
        "status_code",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("channel", one_of("channel", "sms", "counter"), nullable=False),
        sa.Column("issued_by", sa.String(length=100), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_status_code_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_code")),
    )
    with op.batch_alter_table("status_code") as batch_op:
        batch_op.create_index("ix_status_code_person_id", ["person_id"], unique=False)

    op.create_table(
        "webhook_endpoint",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("client_pk", ID, nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("states", JSON, nullable=True),
        sa.Column("after_change_id", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["client_pk"], ["client.id"], name=op.f("fk_webhook_endpoint_client_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_endpoint_public_id")),
    )
    with op.batch_alter_table("webhook_endpoint") as batch_op:
        batch_op.create_index("ix_webhook_endpoint_client_pk", ["client_pk"], unique=False)

    op.create_table(
        "assistance_request",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("requesting_region", sa.String(length=6), nullable=False),
        sa.Column("performing_region", sa.String(length=6), nullable=False),
        sa.Column("asked_here", sa.Boolean(), nullable=False),
        sa.Column("peer_id", ID, nullable=True),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("name_masked", sa.String(length=100), nullable=False),
        sa.Column("resident_id_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("resident_id_masked", sa.String(length=18), nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("state", one_of("state", "requested", "accepted", "carried_out", "returned", "refused", "withdrawn"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("accept_by", sa.Date(), nullable=False),
        sa.Column("carry_out_by", sa.Date(), nullable=False),
        sa.Column("method", one_of("method", "counter", "home_visit", "video_call"), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=True),
        sa.Column("second_staff", sa.String(length=100), nullable=True),
        sa.Column("evidence_id", ID, nullable=True),
        sa.Column("alerted_for", sa.Date(), nullable=True),
        sa.Column("requested_by", sa.String(length=100), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(state = 'carried_out') = (occurred_on IS NOT NULL)", name=op.f("ck_assistance_request_carried_out_on_a_day")),
        sa.CheckConstraint("NOT asked_here OR person_id IS NOT NULL", name=op.f("ck_assistance_request_own_person")),
        sa.CheckConstraint("second_staff IS NULL OR method = 'home_visit'", name=op.f("ck_assistance_request_second_staff_of_home_visit")),
        sa.CheckConstraint(
            "state NOT IN ('requested', 'accepted') OR (name_sealed IS NOT NULL AND resident_id_sealed IS NOT NULL)",
            name=op.f("ck_assistance_request_person_known_while_open"),
        ),
        sa.CheckConstraint("occurred_on IS NULL OR method IS NOT NULL", name=op.f("ck_assistance_request_carried_out_in_a_way")),
        sa.CheckConstraint("requesting_region <> performing_region", name=op.f("ck_assistance_request_two_regions")),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_assistance_request_evidence_id")),
        sa.ForeignKeyConstraint(["peer_id"], ["peer.id"], name=op.f("fk_assistance_request_peer_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_assistance_request_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistance_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_assistance_request_public_id")),
    )
    with op.batch_alter_table("assistance_request") as batch_op:
        batch_op.create_index("ix_assistance_request_performing", ["performing_region", "state"], unique=False)
        batch_op.create_index("ix_assistance_request_person_id", ["person_id"], unique=False)
        batch_op.create_index("ix_assistance_request_requesting", ["requesting_region", "state"], unique=False)
        batch_op.create_index("uq_assistance_request_peer_remote", ["peer_id", "remote_id"], unique=True)
        batch_op.create_index(
            "uq_assistance_request_open",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('requested', 'accepted')"),
            postgresql_where=sa.text("state IN ('requested', 'accepted')"),
        )

    op.create_table(
        "benefit_pause",
        sa.Column("id", ID, nullable=False),
        sa.Column("benefit_id", ID, nullable=False),
        sa.Column("paused_on", sa.Date(), nullable=False),
        sa.Column("resumed_on", sa.Date(), nullable=False),
        sa.CheckConstraint("resumed_on >= paused_on", name=op.f("ck_benefit_pause_days_in_order")),
        sa.ForeignKeyConstraint(["benefit_id"], ["benefit.id"], name=op.f("fk_benefit_pause_benefit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit_pause")),
    )
    with op.batch_alter_table("benefit_pause") as batch_op:
        batch_op.create_index("uq_benefit_pause_benefit_paused_on", ["benefit_id", "paused_on"], unique=True)

    op.create_table(
        "case_file",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("alert_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("opened_by", sa.String(length=100), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", one_of("outcome", "confirmed", "unfounded", "data_error", "referred"), nullable=True),
        sa.Column("conclusion", sa.String(length=1000), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name=op.f("ck_case_file_closed_with_an_outcome")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_case_file_alert_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_case_file_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_case_file_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("public_id", name=op.f("uq_case_file_public_id")),
    )
    with op.batch_alter_table("case_file") as batch_op:
        batch_op.create_index("ix_case_file_person_id", ["person_id"], unique=False)
        batch_op.create_index(
            "uq_case_file_open",
            ["alert_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "home_visit",
        sa.Column("evidence_id", ID, nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=True),
        sa.Column("longitude_deg", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("first_staff", sa.String(length=100), nullable=False),
        sa.Column("second_staff", sa.String(length=100), nullable=False),
        sa.CheckConstraint("(latitude_deg IS NULL) = (longitude_deg IS NULL)", name=op.f("ck_home_visit_whole_position")),
        sa.CheckConstraint("first_staff <> second_staff", name=op.f("ck_home_visit_two_staff")),
        sa.CheckConstraint("latitude_deg IS NULL OR latitude_deg BETWEEN -90 AND 90", name=op.f("ck_home_visit_latitude_in_range")),
        sa.CheckConstraint("longitude_deg IS NULL OR longitude_deg BETWEEN -180 AND 180", name=op.f("ck_home_visit_longitude_in_range")),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_home_visit_evidence_id")),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_home_visit")),
    )
    op.create_table(
        "identity_check",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("client_pk", ID, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("institution", sa.String(length=100), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.Column("level", one_of("level", "match", "uncertain", "no_match", "not_compared"), nullable=False),
        sa.Column(
            "why",
            one_of(
                "why",
                "same_face",
                "unsure",
                "other_face",
                "no_picture",
                "no_consent",
                "no_reference",
                "no_face",
                "several_faces",
                "poor_picture",
                "name_differs",
            ),
            nullable=False,
        ),
        sa.Column("similarity", sa.Double(), nullable=True),
        sa.Column("card_hit", sa.Boolean(), nullable=False),
        sa.Column("engine_version", sa.String(length=100), nullable=False),
        sa.Column("calibration", sa.String(length=40), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("evidence_id", ID, nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_pk"], ["client.id"], name=op.f("fk_identity_check_client_pk")),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_identity_check_evidence_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_check_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_check")),
        sa.UniqueConstraint("public_id", name=op.f("uq_identity_check_public_id")),
    )
    with op.batch_alter_table("identity_check") as batch_op:
        batch_op.create_index("ix_identity_check_checked_at", ["checked_at"], unique=False)
        batch_op.create_index("ix_identity_check_person_id", ["person_id"], unique=False)
        batch_op.create_index(
            "uq_identity_check_client_reference",
            ["client_pk", "reference"],
            unique=True,
            sqlite_where=sa.text("reference IS NOT NULL"),
            postgresql_where=sa.text("reference IS NOT NULL"),
        )

    op.create_table(
        "outreach_attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("outreach_id", ID, nullable=False),
        sa.Column("channel", one_of("channel", "sms", "phone", "visit"), nullable=False),
        sa.Column("outcome", one_of("outcome", "sent", "reached", "not_reached", "wrong_contact", "needs_help", "failed"), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["outreach_id"], ["outreach.id"], name=op.f("fk_outreach_attempt_outreach_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_attempt")),
    )
    with op.batch_alter_table("outreach_attempt") as batch_op:
        batch_op.create_index("ix_outreach_attempt_outreach_id", ["outreach_id"], unique=False)

    op.create_table(
        "payment_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("benefit_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("kind", one_of("kind", "pause", "resume"), nullable=False),
        sa.Column("state", one_of("state", "proposed", "approved", "rejected", "withdrawn"), nullable=False),
        sa.Column("effective_month", sa.Date(), nullable=False),
        sa.Column("reason_code", one_of("reason_code", "overdue", "never_certified", "certified"), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("outreach_id", ID, nullable=True),
        sa.Column("evidence_id", ID, nullable=True),
        sa.Column("arrears_fen", sa.BigInteger(), nullable=True),
        sa.Column("arrears", JSON, nullable=True),
        sa.Column("proposed_by", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(length=500), nullable=True),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("list_id", ID, nullable=True),
        sa.Column("list_position", sa.Integer(), nullable=True),
        sa.Column("list_line", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_payment_change_decided_when_no_longer_proposed")),
        sa.CheckConstraint(
            "decided_by IS NULL OR kind = 'resume' OR state = 'withdrawn' OR decided_by <> proposed_by",
            name=op.f("ck_payment_change_second_person"),
        ),
        sa.CheckConstraint("kind = 'resume' OR outreach_id IS NOT NULL", name=op.f("ck_payment_change_pause_after_outreach")),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_payment_change_decided_by_someone")),
        sa.CheckConstraint("(list_id IS NULL) = (list_position IS NULL)", name=op.f("ck_payment_change_placed_in_its_list")),
        sa.CheckConstraint("(list_id IS NULL) = (list_line IS NULL)", name=op.f("ck_payment_change_kept_as_listed")),
        sa.CheckConstraint("list_id IS NULL OR state = 'approved'", name=op.f("ck_payment_change_only_approved_listed")),
        sa.CheckConstraint("arrears_fen IS NULL OR arrears_fen >= 0", name=op.f("ck_payment_change_arrears_fen_not_negative")),
        sa.ForeignKeyConstraint(["benefit_id"], ["benefit.id"], name=op.f("fk_payment_change_benefit_id")),
        sa.ForeignKeyConstraint(["evidence_id"], ["life_evidence.id"], name=op.f("fk_payment_change_evidence_id")),
        sa.ForeignKeyConstraint(["list_id"], ["payment_list.id"], name=op.f("fk_payment_change_list_id")),
        sa.ForeignKeyConstraint(["outreach_id"], ["outreach.id"], name=op.f("fk_payment_change_outreach_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_payment_change_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_payment_change_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_change")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payment_change_public_id")),
    )
    with op.batch_alter_table("payment_change") as batch_op:
        batch_op.create_index("ix_payment_change_benefit_id", ["benefit_id"], unique=False)
        batch_op.create_index("ix_payment_change_outreach_id", ["outreach_id"], unique=False)
        batch_op.create_index(
            "ix_payment_change_unlisted",
            ["kind", "region_code", "id"],
            unique=False,
            sqlite_where=sa.text("list_id IS NULL"),
            postgresql_where=sa.text("list_id IS NULL"),
        )
        batch_op.create_index("ix_payment_change_region_code_state", ["region_code", "state"], unique=False)
        batch_op.create_index("uq_payment_change_list_position", ["list_id", "list_position"], unique=True)
        batch_op.create_index(
            "uq_payment_change_proposed",
            ["benefit_id"],
            unique=True,
            sqlite_where=sa.text("state = 'proposed'"),
            postgresql_where=sa.text("state = 'proposed'"),
        )

    op.create_table(
        "webhook_delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("change_id", ID, nullable=False),
        sa.Column("state", one_of("state", "pending", "delivered", "dead"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name=op.f("ck_webhook_delivery_finished_when_no_longer_pending")),
        sa.ForeignKeyConstraint(["change_id"], ["status_change.id"], name=op.f("fk_webhook_delivery_change_id")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_delivery_endpoint_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_delivery_public_id")),
    )
    with op.batch_alter_table("webhook_delivery") as batch_op:
        batch_op.create_index(
            "ix_webhook_delivery_pending",
            ["not_before", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index("ix_webhook_delivery_endpoint_state", ["endpoint_id", "state", "id"], unique=False)
        batch_op.create_index("uq_webhook_delivery_endpoint_change", ["endpoint_id", "change_id"], unique=True)

    op.create_table(
        "assistance_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", one_of("state", "requested", "accepted", "carried_out", "returned", "refused", "withdrawn"), nullable=False),
        sa.Column(
            "reason",
            one_of(
                "reason",
                "not_here",
                "no_capacity",
                "data_unclear",
                "moved_away",
                "not_found",
                "ill",
                "died",
                "deadline",
                "other",
            ),
            nullable=True,
        ),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["assistance_request.id"], name=op.f("fk_assistance_event_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistance_event")),
    )
    with op.batch_alter_table("assistance_event") as batch_op:
        batch_op.create_index("uq_assistance_event_request_version", ["request_id", "version"], unique=True)

    append_only.unprotect("life_evidence")
    with op.batch_alter_table("life_evidence") as batch_op:
        batch_op.add_column(sa.Column("trace", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("ends_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("details", JSON, nullable=True))
        batch_op.add_column(sa.Column("based_on_id", ID, nullable=True))
        batch_op.add_column(sa.Column("batch_id", ID, nullable=True))
        traces = ", ".join(f"'{trace}'" for trace in TRACES)
        batch_op.create_check_constraint(op.f("ck_life_evidence_trace"), f"trace IN ({traces})")
        batch_op.create_check_constraint(op.f("ck_life_evidence_trace_of_data_match"), "trace IS NULL OR kind = 'data_match'")
        batch_op.create_check_constraint(
            op.f("ck_life_evidence_custody_ends_after_it_began"), "ends_on IS NULL OR (kind = 'custody' AND ends_on >= occurred_on)"
        )
        batch_op.drop_index("ix_life_evidence_person_kind_occurred")
        batch_op.drop_constraint(op.f("uq_life_evidence_corrects_id"), type_="unique")
        batch_op.create_foreign_key(op.f("fk_life_evidence_based_on_id"), "life_evidence", ["based_on_id"], ["id"])
        batch_op.create_foreign_key(op.f("fk_life_evidence_batch_id"), "import_batch", ["batch_id"], ["id"])
    op.create_index("ix_life_evidence_person_kind_occurred", "life_evidence", ["person_id", "kind", "occurred_on", "strength", "id"])
    for name in ("corrects_id", "based_on_id"):
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"uq_life_evidence_{name}", "life_evidence", [name], unique=True, sqlite_where=given, postgresql_where=given)
    append_only.protect("life_evidence")

    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("merged_into_id", ID, nullable=True))
        batch_op.create_foreign_key(op.f("fk_person_merged_into_id"), "person", ["merged_into_id"], ["id"])
        batch_op.create_check_constraint(op.f("ck_person_not_merged_into_itself"), "merged_into_id IS NULL OR merged_into_id <> id")
    merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index("ix_person_merged_into_id", "person", ["merged_into_id"], sqlite_where=merged, postgresql_where=merged)

    paused = sa.text("paused_on IS NOT NULL")
    op.create_index("ix_benefit_paused", "benefit", ["id"], sqlite_where=paused, postgresql_where=paused)
    unsent = sa.text("sent_at IS NULL")
    op.create_index(
        "ix_outbox_message_unsent_kind", "outbox_message", ["kind", "not_before", "id"], sqlite_where=unsent, postgresql_where=unsent
    )

    touch.create()


def downgrade() -> None:
    touch.drop()

    op.drop_index("ix_outbox_message_unsent_kind", "outbox_message")
    op.drop_index("ix_benefit_paused", "benefit")

    op.drop_index("ix_person_merged_into_id", "person")
    with op.batch_alter_table("person") as batch_op:
        batch_op.drop_constraint(op.f("ck_person_not_merged_into_itself"), type_="check")
        batch_op.drop_constraint(op.f("fk_person_merged_into_id"), type_="foreignkey")
        batch_op.drop_column("merged_into_id")

    append_only.unprotect("life_evidence")
    for name in ("uq_life_evidence_corrects_id", "uq_life_evidence_based_on_id", "ix_life_evidence_person_kind_occurred"):
        op.drop_index(name, "life_evidence")
    with op.batch_alter_table("life_evidence") as batch_op:
        for name in ("trace", "trace_of_data_match", "custody_ends_after_it_began"):
            batch_op.drop_constraint(op.f(f"ck_life_evidence_{name}"), type_="check")
        for name in ("based_on_id", "batch_id"):
            batch_op.drop_constraint(op.f(f"fk_life_evidence_{name}"), type_="foreignkey")
        for name in ("trace", "ends_on", "details", "based_on_id", "batch_id"):
            batch_op.drop_column(name)
        batch_op.create_unique_constraint(op.f("uq_life_evidence_corrects_id"), ["corrects_id"])
    op.create_index("ix_life_evidence_person_kind_occurred", "life_evidence", ["person_id", "kind", "occurred_on"])
    append_only.protect("life_evidence")

    for table in reversed(TABLES):
        op.drop_table(table)
