"""What an announced status followed from stands beside it, with the days for which it holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FACTS = (
    ("public_id", sa.String(length=22)),
    ("first_on", sa.Date()),
    ("paused_on", sa.Date()),
    ("cycle_months", sa.Integer()),
    ("benefits", sa.Integer()),
    ("holds_from", sa.Date()),
    ("holds_until", sa.Date()),
)
INDEX = "ix_status_announced_facts"
INDEXED = ["region_code", "person_id", "holds_from", "holds_until", "state", "last_certified_on", "due_on"]
INDEXED += ["first_on", "paused_on", "cycle_months", "benefits", "public_id"]


def upgrade() -> None:
    for name, type_ in FACTS:
        op.add_column("status_announced", sa.Column(name, type_, nullable=True))
    op.create_index(INDEX, "status_announced", INDEXED)
    # as under new rules: everybody is looked at once more, which writes the facts down
    op.execute("UPDATE status_announcer SET rules_hash = ''")


def downgrade() -> None:
    op.drop_index(INDEX, "status_announced")
    for name, _ in reversed(FACTS):
        op.drop_column("status_announced", name)
