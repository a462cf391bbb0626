"""Taking the audit journal of a machine into the store: every line once, whoever does it and whenever they are killed."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditJournalPosition
from models.audit_journal import delete_if_left, files_in, is_left, whole_lines
from models.database import Database
from models.repositories import audit

CHUNK_BYTES = 256 * 1024
"""Taken in by one transaction: some 1,500 entries."""

# The lines are JSON already: the database takes them apart, and Python does not look at them.
POSTGRESQL = text(
    "INSERT INTO audit_entry (actor, action, person_id, object, reason, at, details) "
    "SELECT entry ->> 0, entry ->> 1, CAST(entry ->> 2 AS bigint), entry ->> 3, NULL, "
    "CAST(entry ->> 4 AS timestamp) AT TIME ZONE 'UTC', entry -> 5 "
    "FROM jsonb_array_elements(CAST(:lines AS jsonb)) AS entry"
)
SQLITE = text(
    "INSERT INTO audit_entry (actor, action, person_id, object, reason, at, details) "
    "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), NULL, "
    "json_extract(value, '$[4]'), json_extract(value, '$[5]') FROM json_each(:lines)"
)


def take_in(database: Database, folder: Path, *, of: Path | None = None) -> int:
    """Bring every whole line of the folder's files into the store, and delete the files that no process adds to; how many bytes.

    of: the file of the process that asks. What other processes are adding to is left to them: each of many that took in all of them would
    make for a transaction of each for each.

    The position in a file is kept in the transaction that brings its lines in. Two at once wait for each other, file by file.

    Raises:
        DatabaseUnreachableError, SQLAlchemyError: the store takes none; what is not in stays in its file.
        OSError: a file cannot be read or deleted.
    """
    taken = 0
    for path in files_in(folder):
        try:
            left = is_left(path)
            if of is not None and path != of and not left:
                continue
            position = before = _position(database, path)
            read = CHUNK_BYTES
            # not until nothing more comes: a writer may be busy
            while read > CHUNK_BYTES // 2 and whole_lines(path, position, CHUNK_BYTES, left=left):
                start, position = position, _take_chunk(database, path, left=left)
                read = position - start
            taken += max(position - before, 0)
            if delete_if_left(path, position):
                with database.session_scope() as session:
                    session.execute(delete(AuditJournalPosition).where(AuditJournalPosition.name == path.stem))
        except FileNotFoundError:  # another took the rest in and deleted it
            continue
    return taken


def waiting_bytes(database: Database, folder: Path) -> int:
    """How many bytes of whole lines are in the folder's files and not in the store. Raises OSError, DatabaseUnreachableError."""
    waiting = 0
    for path in files_in(folder):
        with suppress(FileNotFoundError):  # taken in meanwhile
            waiting += len(whole_lines(path, _position(database, path), path.stat().st_size, left=False))
    return waiting


def _position(database: Database, path: Path) -> int:
    with database.read_scope() as session:
        return session.scalar(select(AuditJournalPosition.position).where(AuditJournalPosition.name == path.stem)) or 0


def _take_chunk(database: Database, path: Path, *, left: bool) -> int:
    """The position behind what was taken in, by this process or by another before it."""
    with database.session_scope() as session:
        position = _locked(session, path.stem)
        # only now: whoever held the lock may have come to the end of the file and deleted it, and the row as well
        lines = whole_lines(path, position, CHUNK_BYTES, left=left)
        if lines:
            _insert(session, lines, path.stem, position)
            row = AuditJournalPosition
            session.execute(update(row).where(row.name == path.stem).values(position=position + len(lines)))
    return position + len(lines)


def _locked(session: Session, name: str) -> int:
    row = AuditJournalPosition
    insert = (postgresql if _on_postgresql(session) else sqlite).insert(row).values(name=name, position=0)
    # an update that changes nothing locks the row, and makes it where another has just deleted it
    locking = insert.on_conflict_do_update(index_elements=["name"], set_={"position": row.position})
    return session.scalars(locking.returning(row.position)).one()


def _insert(session: Session, lines: bytes, name: str, position: int) -> None:
    try:
        _insert_lines(session, lines)
    except (DBAPIError, UnicodeDecodeError) as error:
        if _store_refuses_all(error):
            raise
        for line in lines.splitlines(keepends=True):
            try:
                _insert_lines(session, line)
            except (DBAPIError, UnicodeDecodeError) as of_line:
                if _store_refuses_all(of_line):
                    raise
                # stands for a line of a damaged file, or about a person whom a restored store does not know
                details = {"file": name, "position": position, "bytes": len(line)}
                audit.record(session, actor="system", action="audit.journal_unreadable", now=datetime.now(UTC), details=details)
            position += len(line)


def _insert_lines(session: Session, lines: bytes) -> None:
    told = f"[{lines.decode().rstrip().replace(chr(10), ',')}]"
    with session.begin_nested():
        session.execute(POSTGRESQL if _on_postgresql(session) else SQLITE, {"lines": told})


def _store_refuses_all(error: DBAPIError | UnicodeDecodeError) -> bool:
    """Whether the store takes nothing just now, for a reason that is not of these lines."""
    if isinstance(error, UnicodeDecodeError | IntegrityError | DataError):
        return False
    return "malformed JSON" not in str(error.orig)  # what SQLite says of it, as of a disk that is full, with one kind of error


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
