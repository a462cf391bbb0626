"""Cases are found by their alert, closed ones too: a rule's decided cases, and what became of a closed alert.

PostgreSQL holds back changes of cases, not reading, while the index is made: some two seconds for 800,000 of them.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_case_file_alert_id", "case_file", ["alert_id"])


def downgrade() -> None:
    op.drop_index("ix_case_file_alert_id", "case_file")
