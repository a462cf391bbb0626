"""What people asked for about their own data, and what was deleted when due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)
WAITING = "done_at IS NULL"


def one_of(name: str, *values: str) -> sa.Enum:
    """Text that a named CHECK constraint bounds to the values."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "privacy_request",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("region_code", sa.String(length=6), nullable=False),
        sa.Column("kind", one_of("kind", "export", "correction", "deletion"), nullable=False),
        sa.Column("state", one_of("state", "open", "prepared", "done", "refused", "withdrawn"), nullable=False),
        sa.Column("wish", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("carry_out", sa.Boolean(), nullable=True),
        sa.Column("prepared_note", sa.String(length=500), nullable=True),
        sa.Column("prepared_by", sa.String(length=100), nullable=True),
        sa.Column("prepared_at", MOMENT, nullable=True),
        sa.Column("signed_by", sa.String(length=100), nullable=True),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("deleted", JSON, nullable=False),
        sa.Column("what_is_kept", JSON, nullable=False),
        sa.CheckConstraint(
            "(state IN ('done', 'refused', 'withdrawn')) = (done_at IS NOT NULL)", name=op.f("ck_privacy_request_done_when_over")
        ),
        sa.CheckConstraint("(prepared_by IS NULL) = (prepared_at IS NULL)", name=op.f("ck_privacy_request_prepared_at_by")),
        sa.CheckConstraint("(prepared_by IS NULL) = (carry_out IS NULL)", name=op.f("ck_privacy_request_prepared_says_what")),
        sa.CheckConstraint("state <> 'prepared' OR prepared_by IS NOT NULL", name=op.f("ck_privacy_request_prepared_by_somebody")),
        sa.CheckConstraint("signed_by IS NULL OR signed_by <> prepared_by", name=op.f("ck_privacy_request_signed_by_another")),
        sa.CheckConstraint(
            "kind <> 'deletion' OR state NOT IN ('done', 'refused') OR signed_by IS NOT NULL",
            name=op.f("ck_privacy_request_deletion_signed"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_privacy_request_person_id")),
        sa.ForeignKeyConstraint(["region_code"], ["region.code"], name=op.f("fk_privacy_request_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_privacy_request_public_id")),
    )
    op.create_index(
        "uq_privacy_request_waiting",
        "privacy_request",
        ["person_id", "kind"],
        unique=True,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )
    op.create_index("ix_privacy_request_person_id", "privacy_request", ["person_id"])
    op.create_index("ix_privacy_request_due", "privacy_request", ["done_at", "due_on", "id"])
    op.create_table(
        "retention_run",
        sa.Column("id", ID, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("refused", sa.String(length=50), nullable=True),
        sa.Column("deleted", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("people_with_faces", sa.Integer(), nullable=True),
        sa.Column("filing_since", sa.Date(), nullable=True),
        sa.Column("lines", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_retention_run_public_id")),
    )
    op.create_index("ix_retention_run_started_at", "retention_run", ["started_at"])


def downgrade() -> None:
    op.drop_table("retention_run")
    op.drop_table("privacy_request")
