"""Up to which alert nothing can turn up any more: for readers who go on from the last id that they have seen.

PostgreSQL gives ids out before transactions end, so that an alert with a smaller id may appear after one with a larger. Who remembers the
largest id would never see it. A transaction that writes alerts holds the table's row lock from before it asks for ids until it ends: once
everybody who held it after the newest id was read has let go, no id up to it can appear. SQLite has one writer, and nothing to wait for.
"""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.alert import Alert

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'alert'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') AND granted"
)


def newest_id(session: Session) -> int:
    """Id of the newest alert that can be seen, 0 before the first."""
    return session.scalar(select(func.max(Alert.id))) or 0


def writers(session: Session) -> frozenset[str]:
    """Transactions that may have written alerts and have not ended. Opaque names, not used again."""
    if session.get_bind().dialect.name != "postgresql":
        return frozenset()
    return frozenset(session.scalars(_WRITERS))
