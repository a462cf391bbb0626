"""Putting audit entries into the chain, just behind those who write them: they wait neither for each other nor for this.

Entries go into the chain in the order in which this finds them, not in that of their ids: on PostgreSQL an entry with a smaller id may be
committed after one with a greater id. None is missed, because everything above ``settled_id`` that has no link yet is looked at in every
round, and that number goes up only when no transaction is left that may still hold an id below it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from models.audit_canonical import GENESIS, Seal, link_hash, seal_bytes
from models.audit_chain import AuditSeal, SealKind
from models.database import Database
from models.errors import Conflict, ConflictError, ModelsError
from models.keys import KeyRing
from models.repositories import audit_chain
from models.repositories.audit_rows import any_text, dialect_of, entry_columns, entry_of, query
from models.run_lock import only_one

WORK = "audit-seal"
CHUNK = 5_000
WAIT_FOR_WRITERS_S = 0.5
LOOK_AGAIN_S = 0.02

Report = Callable[[int], None]


class AuditChainError(ModelsError):
    """The chain cannot go on: its end is not what was signed."""

    code = "audit_chain_broken"


@dataclass(frozen=True)
class Sealed:
    """What one round did. entries: put into the chain. seals: made, in order."""

    entries: int
    seals: tuple[AuditSeal, ...]


@dataclass
class _Head:
    """Where the chain ends. number and previous (its signature) are of the last seal of any kind, the rest of the last that is not a
    retirement."""

    number: int
    previous: bytes
    kind: SealKind
    day: date
    position: int
    entries: int
    hash: bytes
    settled_id: int


def seal_waiting(database: Database, keyring: KeyRing, *, now: datetime, report: Report | None = None) -> Sealed | None:
    """Put every entry that is there into the chain; None when another process is at it.

    An entry belongs to the UTC day of ``now``, or to the last day of the chain where the clock was set back. Each transaction takes a few
    thousand entries and ends with a seal.

    Raises:
        AuditChainError: the end of the chain does not fit its last seal.
        DatabaseUnreachableError: the store does not answer.
    """
    with database.read_scope() as session:
        if not _something_to_do(session, now):
            return Sealed(0, ())
    try:
        with only_one(database, WORK):
            return _seal(database, keyring, now, report)
    except ConflictError as error:
        if error.conflict is Conflict.RUN_IN_PROGRESS:
            return None
        raise


def _something_to_do(session: Session, now: datetime) -> bool:
    last = audit_chain.last_running_or_closing(session)
    settled = 0 if last is None else last.settled_id
    if last is not None and last.kind is SealKind.RUNNING and last.day < now.astimezone(UTC).date():
        return True
    waiting = f"SELECT 1 FROM audit_entry AS e WHERE {audit_chain.UNLINKED} LIMIT 1"  # noqa: S608 (a constant)
    return bool(query(session, waiting, {"settled": settled}))


def _seal(database: Database, keyring: KeyRing, now: datetime, report: Report | None) -> Sealed:
    made: list[AuditSeal] = []
    with database.session_scope() as session:
        head = _head(session, keyring)
        if head is not None and head.kind is SealKind.RUNNING and head.day < now.astimezone(UTC).date():
            made.append(_add_seal(session, keyring, head, SealKind.CLOSING, now))
    done = 0
    with database.read_scope() as reading:
        settled = 0 if head is None else head.settled_id
        top, settled_now = _settled(reading, settled)
        for chunk in _waiting(reading, settled, top):
            head = _begin(head, now)
            links = []
            for values in chunk:
                entry = entry_of(values)
                head.hash = link_hash(head.hash, entry)
                head.position += 1
                links.append((head.position, entry.id, head.hash))
            head.entries += len(links)
            if len(chunk) < CHUNK:
                head.settled_id = settled_now
            with database.session_scope() as session:
                _add_links(session, head.day, links)
                made.append(_add_seal(session, keyring, head, SealKind.RUNNING, now))
            done += len(links)
            if report is not None:
                report(done)
    return Sealed(done, tuple(made))


def _head(session: Session, keyring: KeyRing) -> _Head | None:
    last = audit_chain.last_seal(session)
    if last is None:
        return None
    if not keyring.verify_signature(last.key_id, audit_chain.signed_bytes(session, last), bytes(last.signature)):
        raise AuditChainError(
            f"the last seal of the audit ({last.id}, of {last.day}) is not signed by a key of this installation: "
            "run `lifecert audit verify`, and put back the key file if it was changed"
        )
    end = audit_chain.last_running_or_closing(session)
    if end is None:
        raise AuditChainError("the audit has a retired day and no closed one: run `lifecert audit verify`")
    if audit_chain.links_after(session, end.day, end.position):
        raise AuditChainError(f"the audit has links after its last seal, of {end.day}: nobody signed for them; run `lifecert audit verify`")
    return _Head(
        last.id,
        bytes(last.signature),
        end.kind,
        end.day,
        end.position,
        end.entries,
        bytes(end.head_hash),
        end.settled_id,
    )


def _begin(head: _Head | None, now: datetime) -> _Head:
    """The head for links of today. A day that is closed gets none any more: should the clock go back, the next day takes them."""
    today = now.astimezone(UTC).date()
    if head is None:
        return _Head(0, b"", SealKind.RUNNING, today, 0, 0, GENESIS, 0)
    if head.kind is SealKind.CLOSING:
        head.kind, head.position = SealKind.RUNNING, 0
        head.day = max(today, date.fromordinal(head.day.toordinal() + 1))
    return head


def _settled(session: Session, settled: int) -> tuple[int, int]:
    """(greatest id to take now, id up to which nobody can add any more).

    PostgreSQL: whoever may still commit a smaller id holds the lock of its INSERT on the table, so those who hold it now are waited for,
    as CREATE INDEX CONCURRENTLY does; when they take too long, the number stays as it is and the next round looks from there again.
    """
    top = int(query(session, "SELECT coalesce(max(id), 0) FROM audit_entry", {})[0][0])
    if dialect_of(session) == "sqlite":
        return top, top
    deadline = time.monotonic() + WAIT_FOR_WRITERS_S
    writers = _writers(session)
    while writers:
        if time.monotonic() > deadline:
            return top, settled
        time.sleep(LOOK_AGAIN_S)
        writers &= _writers(session)
    return top, max(top, settled)


def _writers(session: Session) -> set[str]:
    held = text(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND relation = 'audit_entry'::regclass"
    )
    return set(session.scalars(held))


def _waiting(session: Session, settled: int, top: int) -> Iterator[list[tuple[object, ...]]]:
    """Entries without a link in chunks, in the order of their ids; the last chunk is shorter than CHUNK, and may be empty."""
    waiting = f"SELECT {entry_columns(session, 'e')} FROM audit_entry AS e WHERE {audit_chain.UNLINKED}"  # noqa: S608 (names and numbers)
    sql = f"{waiting} AND e.id <= :top ORDER BY e.id LIMIT {CHUNK}"
    after = settled
    while True:
        with any_text(session):
            rows = query(session, sql, {"settled": after, "top": top})
        if rows:
            yield rows
            after = rows[-1][0]
        if len(rows) < CHUNK:
            return


def _add_links(session: Session, day: date, links: list[tuple[int, int, bytes]]) -> None:
    connection = session.connection()
    if dialect_of(session) == "sqlite":
        rows = [(day.isoformat(), *link) for link in links]
        connection.exec_driver_sql("INSERT INTO audit_link (day, position, entry_id, hash) VALUES (?, ?, ?, ?)", rows)
        return
    positions, entries, hashes = zip(*links, strict=True)
    connection.exec_driver_sql(
        "INSERT INTO audit_link (day, position, entry_id, hash) "
        "SELECT %s, position, entry_id, hash FROM unnest(%s::integer[], %s::bigint[], %s::bytea[]) AS link (position, entry_id, hash)",
        (day, list(positions), list(entries), list(hashes)),
    )


def _add_seal(session: Session, keyring: KeyRing, head: _Head, kind: SealKind, now: datetime) -> AuditSeal:
    head.kind = kind
    head.number += 1
    content = Seal(head.number, kind, head.day, head.position, head.entries, head.hash, head.settled_id, now, head.previous)
    made = add_seal(session, keyring, content)
    head.previous = made.signature
    return made


def add_seal(session: Session, keyring: KeyRing, seal: Seal) -> AuditSeal:
    """Sign a seal and store it. The caller holds the lock of this work."""
    key_id, signature = keyring.sign(seal_bytes(seal))
    values = {
        "id": seal.number,
        "kind": seal.kind,
        "day": seal.day,
        "position": seal.position,
        "entries": seal.entries,
        "head_hash": seal.head_hash,
        "settled_id": seal.settled_id,
        "key_id": key_id,
        "signature": signature,
        "sealed_at": seal.sealed_at,
    }
    session.execute(insert(AuditSeal).values(**values))
    return AuditSeal(**values)
