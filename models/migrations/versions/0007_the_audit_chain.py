"""Hashes that chain the audit entries of each day, and signed points of the chain.

Entries that are there already are chained by the first sealing after the migration. The indexes are those of the auditor's page.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.migrations import append_only, audit_triggers

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("running", "closing", "retired")


def upgrade() -> None:
    op.create_table(
        "audit_link",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "position", name=op.f("pk_audit_link")),
    )
    op.create_index("uq_audit_link_entry_id", "audit_link", ["entry_id"], unique=True)
    op.create_table(
        "audit_seal",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="audit_seal_kind", native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("entries", ID, nullable=False),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.Column("settled_id", ID, nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
    )
    op.create_index("ix_audit_seal_day_position", "audit_seal", ["day", "position"])
    for kind in ("closing", "retired"):
        only = sa.text(f"kind = '{kind}'")
        op.create_index(f"uq_audit_seal_{kind}", "audit_seal", ["day"], unique=True, sqlite_where=only, postgresql_where=only)
    op.drop_index("ix_audit_entry_at", "audit_entry")
    op.create_index("ix_audit_entry_at", "audit_entry", ["at", "id"])
    op.create_index("ix_audit_entry_actor_at", "audit_entry", ["actor", "at", "id"])
    op.create_index("ix_audit_entry_action_at", "audit_entry", ["action", "at", "id"])
    append_only.unprotect("audit_entry")
    audit_triggers.protect("audit_entry")
    audit_triggers.protect("audit_link")
    append_only.protect("audit_seal")


def downgrade() -> None:
    append_only.unprotect("audit_seal")
    audit_triggers.unprotect("audit_link")
    audit_triggers.unprotect("audit_entry")
    append_only.protect("audit_entry")
    op.drop_index("ix_audit_entry_action_at", "audit_entry")
    op.drop_index("ix_audit_entry_actor_at", "audit_entry")
    op.drop_index("ix_audit_entry_at", "audit_entry")
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.drop_table("audit_seal")
    op.drop_table("audit_link")
