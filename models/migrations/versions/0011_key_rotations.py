"""Rotations of the sealing key, with how far each one is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "key_rotation",
        sa.Column("id", ID, nullable=False),
        sa.Column("run", sa.String(length=22), nullable=False),
        sa.Column("from_keys", JSON, nullable=False),
        sa.Column("to_key", sa.String(length=50), nullable=False),
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column(
            "state",
            sa.Enum("running", "done", "superseded", name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=True),
        sa.Column("resealed", sa.BigInteger(), nullable=False),
        sa.Column("resealed_in_round", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.BigInteger(), nullable=False),
        sa.Column("unopened", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'running') = (done_at IS NULL)", name=op.f("ck_key_rotation_done_when_not_running")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_rotation")),
    )
    op.create_index("uq_key_rotation_run_table_name", "key_rotation", ["run", "table_name"], unique=True)
    op.create_index("ix_key_rotation_state", "key_rotation", ["state"], unique=False)


def downgrade() -> None:
    op.drop_table("key_rotation")
