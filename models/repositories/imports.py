"""Import batches: opened, moved on in the transaction of the rows that they count, finished, listed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.database import Database, parse_url
from models.errors import Conflict, ConflictError, NotFoundError
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.repositories.conflicts import named_conflicts


@dataclass(frozen=True)
class NewBatch:
    """A file that is to be brought in. The digests are SHA-256."""

    kind: ImportKind
    file_name: str
    file_sha256: bytes
    file_bytes: int
    settings_sha256: bytes
    started_by: str


@dataclass(frozen=True)
class Progress:
    """Where a batch stands after a chunk of rows."""

    rows_done: int
    accepted: int
    unchanged: int
    rejected: int
    rejected_bytes: int
    by_rule: Mapping[str, int]
    by_region: Mapping[str, Mapping[str, Any]]
    by_warning: Mapping[str, int]
    warning_bytes: int


def open_batch(session: Session, new: NewBatch, *, now: datetime) -> ImportBatch:
    """The batch of this file that was interrupted, to go on with, or a new one.

    One that was interrupted under other settings is closed as failed: its rows stay, and the new batch finds them unchanged.
    """
    running = session.scalar(
        select(ImportBatch).where(
            ImportBatch.kind == new.kind, ImportBatch.file_sha256 == new.file_sha256, ImportBatch.state == ImportState.RUNNING
        )
    )
    if running is not None:
        if running.settings_sha256 == new.settings_sha256:
            return running
        finish(session, running.id, ImportState.FAILED, now=now, failure="interrupted, then begun again with other settings")
    batch = ImportBatch(
        kind=new.kind,
        state=ImportState.RUNNING,
        file_name=new.file_name[:255],
        file_sha256=new.file_sha256,
        file_bytes=new.file_bytes,
        settings_sha256=new.settings_sha256,
        rows_done=0,
        accepted=0,
        unchanged=0,
        rejected=0,
        rejected_bytes=0,
        by_rule={},
        by_region={},
        by_warning={},
        warning_bytes=0,
        started_by=new.started_by,
        started_at=now,
        updated_at=now,
    )
    taken = (Conflict.RUN_IN_PROGRESS, "this file is being brought in at this moment: wait for it")
    with named_conflicts(session, {"uq_import_batch_running": taken, "import_batch.kind": taken}):
        session.add(batch)
    return batch


def advance(session: Session, batch_id: int, progress: Progress, *, expected_rows: int, now: datetime) -> None:
    """Move a batch on, in the transaction of its rows. Raises ConflictError: RUN_IN_PROGRESS when another process moved it."""
    moved = session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id, ImportBatch.state == ImportState.RUNNING, ImportBatch.rows_done == expected_rows)
        .values(
            rows_done=progress.rows_done,
            accepted=progress.accepted,
            unchanged=progress.unchanged,
            rejected=progress.rejected,
            rejected_bytes=progress.rejected_bytes,
            by_rule=dict(progress.by_rule),
            by_region={city: dict(counts) for city, counts in progress.by_region.items()},
            by_warning=dict(progress.by_warning),
            warning_bytes=progress.warning_bytes,
            updated_at=now,
        )
        .returning(ImportBatch.id)
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        raise ConflictError(Conflict.RUN_IN_PROGRESS, "another process is bringing this file in: wait for it, then run the command again")


def finish(session: Session, batch_id: int, state: ImportState, *, now: datetime, failure: str | None = None) -> None:
    """Close a batch that is running; nothing when it is closed already."""
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id, ImportBatch.state == ImportState.RUNNING)
        .values(state=state, finished_at=now, updated_at=now, failure=None if failure is None else failure[:500])
        .execution_options(synchronize_session=False)
    )


def give_up(session: Session, *, before: datetime, now: datetime, failure: str) -> None:
    """Close what still runs and has not moved since ``before``."""
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.state == ImportState.RUNNING, ImportBatch.updated_at < before)
        .values(state=ImportState.FAILED, finished_at=now, updated_at=now, failure=failure[:500])
        .execution_options(synchronize_session=False)
    )


def find(session: Session, public_id: str) -> ImportBatch | None:
    """The batch with this public id, or None."""
    return session.scalar(select(ImportBatch).where(ImportBatch.public_id == public_id))


def get(session: Session, public_id: str) -> ImportBatch:
    """The batch with this public id. Raises NotFoundError."""
    batch = session.scalar(select(ImportBatch).where(ImportBatch.public_id == public_id))
    if batch is None:
        raise NotFoundError("there is no such import")
    return batch


def listing(session: Session, *, before_id: int | None = None, limit: int = 50) -> Sequence[ImportBatch]:
    """Batches, newest first, from before ``before_id``."""
    query = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(ImportBatch.id < before_id)
    return session.scalars(query).all()


@contextlib.contextmanager
def one_at_a_time(database: Database, kind: ImportKind) -> Iterator[None]:
    """Hold the store's lock for files of this kind; it ends with the process, however that ends.

    PostgreSQL: an advisory lock of a session of its own. SQLite: a lock on a file beside the database file.

    Raises:
        ConflictError: RUN_IN_PROGRESS.
    """
    busy = ConflictError(
        Conflict.RUN_IN_PROGRESS, f"another import of {kind.value} is running on this store: wait for it, then run the command again"
    )
    if database.dialect == "postgresql":
        key = int.from_bytes(hashlib.sha256(f"lifecert import {kind.value}".encode()).digest()[:8], signed=True)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
                raise busy
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
        return
    path = Path(f"{parse_url(database.url).database}.import-{kind.value}.lock")
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        yield
