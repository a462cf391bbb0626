"""Counters of the rate limits and of failures in a row, shared by all workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_limit_state",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("free_at_us", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key_digest", name=op.f("pk_rate_limit_state")),
    )
    op.create_index("ix_rate_limit_state_free_at_us", "rate_limit_state", ["free_at_us"], unique=False)
    op.create_table(
        "failure_count",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("wait_until_us", sa.BigInteger(), nullable=False),
        sa.Column("let_in", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key_digest", name=op.f("pk_failure_count")),
    )
    op.create_index("ix_failure_count_last_us", "failure_count", ["last_us"], unique=False)


def downgrade() -> None:
    op.drop_table("failure_count")
    op.drop_table("rate_limit_state")
