"""Hospital claims and their lines, the national rule base and its knowledge points, anomaly models and their scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TABLES = (
    "anomaly_model",
    "claim_month",
    "knowledge_file",
    "institution",
    "knowledge_point",
    "knowledge_rule",
    "model_score",
    "claim",
    "claim_line",
)
IMPORTED = (
    "persons",
    "enrolments",
    "benefits",
    "payments",
    "deaths",
    "custody",
    "traces",
    "blacklist",
    "relations",
    "grants",
)
FIRST_IMPORTED_HERE = ("institutions", "claims", "claim_lines")


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
        "anomaly_model",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("entity", one_of("entity", "person", "doctor", "department", "hospital"), nullable=False),
        sa.Column("kind", one_of("kind", "unsupervised", "supervised"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", one_of("state", "shadow", "live", "retired"), nullable=False),
        sa.Column("card", JSON, nullable=False),
        sa.Column("artefact", sa.LargeBinary(), nullable=False),
        sa.Column("artefact_sha256", sa.String(length=64), nullable=False),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("trained_from", sa.Date(), nullable=False),
        sa.Column("trained_to", sa.Date(), nullable=False),
        sa.Column("trained_by", sa.String(length=100), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted_by", sa.String(length=100), nullable=True),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comparison", JSON, nullable=True),
        sa.Column("drift", JSON, nullable=True),
        sa.CheckConstraint("promoted_by IS NULL OR promoted_by <> trained_by", name=op.f("ck_anomaly_model_promoted_by_a_second_person")),
        sa.CheckConstraint("trained_to >= trained_from", name=op.f("ck_anomaly_model_months_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anomaly_model")),
        sa.UniqueConstraint("public_id", name=op.f("uq_anomaly_model_public_id")),
    )
    op.create_index("uq_anomaly_model_entity_kind_version", "anomaly_model", ["entity", "kind", "version"], unique=True)
    op.create_index(
        "uq_anomaly_model_live",
        "anomaly_model",
        ["entity", "kind"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "claim_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("archived_revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_claim_month")),
    )
    op.create_index(
        "ix_claim_month_due",
        "claim_month",
        ["month"],
        unique=False,
        sqlite_where=sa.text("archived_revision < revision"),
        postgresql_where=sa.text("archived_revision < revision"),
    )
    op.create_table(
        "knowledge_file",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("kind", one_of("kind", "rules", "points"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("edition", sa.String(length=200), nullable=True),
        sa.Column("loaded", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("rejections", JSON, nullable=False),
        sa.Column("imported_by", sa.String(length=100), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_file")),
        sa.UniqueConstraint("public_id", name=op.f("uq_knowledge_file_public_id")),
    )
    op.create_index("ix_knowledge_file_sha256", "knowledge_file", ["sha256"], unique=False)
    op.create_table(
        "institution",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("level", one_of("level", "ungraded", "primary", "secondary", "tertiary"), nullable=False),
        sa.Column("kind", one_of("kind", "hospital", "community", "clinic", "pharmacy", "internet", "other"), nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.CheckConstraint("beds IS NULL OR beds >= 0", name=op.f("ck_institution_beds_not_negative")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_institution_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institution")),
        sa.UniqueConstraint("code", name=op.f("uq_institution_code")),
        sa.UniqueConstraint("public_id", name=op.f("uq_institution_public_id")),
    )
    op.create_index("ix_institution_region_code", "institution", ["region_code"], unique=False)
    op.create_table(
        "knowledge_point",
        sa.Column("id", ID, nullable=False),
        sa.Column("point_id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule_code", sa.String(length=20), nullable=False),
        sa.Column("item_name", sa.String(length=500), nullable=False),
        sa.Column("item_codes", JSON, nullable=False),
        sa.Column("limit_text", sa.Text(), nullable=False),
        sa.Column("check_text", sa.Text(), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("supersedes", JSON, nullable=False),
        sa.Column("source", JSON, nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_until", sa.Date(), nullable=True),
        sa.Column("file_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["knowledge_file.id"], name=op.f("fk_knowledge_point_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_point")),
    )
    op.create_index("ix_knowledge_point_rule_code", "knowledge_point", ["rule_code"], unique=False)
    op.create_index("uq_knowledge_point_point_version", "knowledge_point", ["point_id", "version"], unique=True)
    op.create_table(
        "knowledge_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("tier1", sa.String(length=60), nullable=False),
        sa.Column("tier2", sa.String(length=60), nullable=False),
        sa.Column("definition", sa.Text(), nullable=True),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_until", sa.Date(), nullable=True),
        sa.Column("file_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["knowledge_file.id"], name=op.f("fk_knowledge_rule_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_rule")),
    )
    op.create_index("uq_knowledge_rule_code_version", "knowledge_rule", ["code", "version"], unique=True)
    op.create_table(
        "model_score",
        sa.Column("id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("entity_ref", sa.String(length=120), nullable=False),
        sa.Column("percentile", sa.Float(), nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.CheckConstraint("percentile >= 0 AND percentile <= 1", name=op.f("ck_model_score_percentile_is_a_share")),
        sa.ForeignKeyConstraint(["model_id"], ["anomaly_model.id"], name=op.f("fk_model_score_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_score")),
    )
    op.create_index("uq_model_score_model_month_entity", "model_score", ["model_id", "month", "entity_ref"], unique=True)
    op.create_table(
        "claim",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("institution_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column(
            "setting",
            one_of("setting", "outpatient", "emergency", "chronic", "inpatient", "day_case", "home", "pharmacy", "internet"),
            nullable=False,
        ),
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
        sa.Column("department", sa.String(length=60), nullable=True),
        sa.Column("doctor", sa.String(length=60), nullable=True),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("principal_diagnosis", sa.String(length=20), nullable=True),
        sa.Column("diagnoses", JSON, nullable=False),
        sa.Column("procedures", JSON, nullable=False),
        sa.Column("hospital_acquired", JSON, nullable=False),
        sa.Column("drg", sa.String(length=20), nullable=True),
        sa.Column("transferred_in", sa.Boolean(), nullable=True),
        sa.Column(
            "discharge_way", one_of("discharge_way", "home", "transfer", "community", "against_advice", "died", "other"), nullable=True
        ),
        sa.Column("identity_check", one_of("identity_check", "passed", "failed", "skipped"), nullable=True),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund_fen", sa.BigInteger(), nullable=False),
        sa.Column("own_fen", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", ID, nullable=True),
        sa.CheckConstraint("to_date >= from_date", name=op.f("ck_claim_days_in_order")),
        sa.CheckConstraint("total_fen >= 0 AND fund_fen >= 0", name=op.f("ck_claim_amounts_not_negative")),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batch.id"], name=op.f("fk_claim_batch_id")),
        sa.ForeignKeyConstraint(["institution_id"], ["institution.id"], name=op.f("fk_claim_institution_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_claim_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("public_id", name=op.f("uq_claim_public_id")),
    )
    op.create_index("ix_claim_person_id_to_date", "claim", ["person_id", "to_date"], unique=False)
    op.create_index("ix_claim_to_date", "claim", ["to_date"], unique=False)
    op.create_index("uq_claim_institution_reference", "claim", ["institution_id", "reference"], unique=True)
    op.create_table(
        "claim_line",
        sa.Column("id", ID, nullable=False),
        sa.Column("claim_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("item_code", sa.String(length=40), nullable=False),
        sa.Column("item_name", sa.String(length=200), nullable=False),
        sa.Column(
            "category",
            one_of(
                "category",
                "bed",
                "consultation",
                "examination",
                "laboratory",
                "treatment",
                "surgery",
                "nursing",
                "material",
                "western_drug",
                "herb",
                "patent_drug",
                "general_consultation",
                "registration",
                "other",
            ),
            nullable=False,
        ),
        sa.Column("quantity", sa.Float(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("unit_price_fen", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fund_fen", sa.BigInteger(), nullable=True),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("executed_quantity", sa.Float(), nullable=True),
        sa.Column("doctor", sa.String(length=60), nullable=True),
        sa.Column("department", sa.String(length=60), nullable=True),
        sa.Column("prescription", sa.String(length=60), nullable=True),
        sa.CheckConstraint("days IS NULL OR days >= 0", name=op.f("ck_claim_line_days_not_negative")),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.id"], name=op.f("fk_claim_line_claim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_line")),
    )
    op.create_index("uq_claim_line_claim_number", "claim_line", ["claim_id", "number"], unique=True)
    op.add_column("detection_run", sa.Column("from_date", sa.Date(), nullable=True))
    op.add_column("detection_run", sa.Column("to_date", sa.Date(), nullable=True))
    op.add_column("signal", sa.Column("completed_on", sa.Date(), nullable=True))
    _bound_imports(*IMPORTED, *FIRST_IMPORTED_HERE)


def downgrade() -> None:
    op.drop_column("signal", "completed_on")
    op.drop_column("detection_run", "to_date")
    op.drop_column("detection_run", "from_date")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute(f"DELETE FROM import_batch WHERE kind IN {FIRST_IMPORTED_HERE}")
    _bound_imports(*IMPORTED)
