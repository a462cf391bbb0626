"""Reading the chain over the audit: its end, its state, the place of one entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.audit_canonical import GENESIS, of_row, seal_bytes
from models.audit_chain import AuditLink, AuditSeal, SealKind
from models.repositories.audit_rows import query

# SQL of the entries that are not in the chain, of those above :settled
UNLINKED = "e.id > :settled AND NOT EXISTS (SELECT 1 FROM audit_link AS l WHERE l.entry_id = e.id)"
COUNT_UP_TO = 100_000


@dataclass(frozen=True)
class ChainState:
    """Where the chain stands. number to settled_id are None before the first seal. unsealed: entries that are not in the chain yet, not
    counted beyond 100,000; unsealed_since: the time of the oldest of them.
    """

    number: int | None
    day: date | None
    position: int | None
    entries: int
    sealed_at: datetime | None
    unsealed: int
    unsealed_since: datetime | None


@dataclass(frozen=True)
class Proof:
    """The place of an entry. before: hash of the link before it. seal: the first one that covers it, None where a running day has none."""

    link: AuditLink
    before: bytes
    seal: AuditSeal | None


def last_seal(session: Session) -> AuditSeal | None:
    """The newest seal of any kind."""
    return session.scalars(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1)).first()


def last_running_or_closing(session: Session) -> AuditSeal | None:
    """The newest seal that says where the chain ends."""
    return session.scalars(select(AuditSeal).where(AuditSeal.kind != SealKind.RETIRED).order_by(AuditSeal.id.desc()).limit(1)).first()


def closing_seal(session: Session, day: date) -> AuditSeal | None:
    """That of one day."""
    return session.scalars(select(AuditSeal).where(AuditSeal.day == day, AuditSeal.kind == SealKind.CLOSING)).first()


def signed_bytes(session: Session, seal: AuditSeal) -> bytes:
    """What was signed of a stored seal."""
    before = session.scalar(select(AuditSeal.signature).where(AuditSeal.id == seal.id - 1))
    return seal_bytes(of_row(seal, b"" if before is None else bytes(before)))


def links_after(session: Session, day: date, position: int, *, same_day: bool = False) -> bool:
    """Whether the chain has links behind this place, on any day or the same one."""
    behind = (AuditLink.day == day) & (AuditLink.position > position)
    if not same_day:
        behind |= AuditLink.day > day
    return session.scalars(select(AuditLink.day).where(behind).limit(1)).first() is not None


def unsealed(session: Session, settled_id: int) -> tuple[int, datetime | None]:
    """(entries above ``settled_id`` without a link, counted up to 100,000, and the time of one of the oldest)."""
    some = f"SELECT e.id AS id FROM audit_entry AS e WHERE {UNLINKED} LIMIT {COUNT_UP_TO}"  # noqa: S608 (a constant)
    waiting, first = query(session, f"SELECT count(*), min(id) FROM ({some}) AS waiting", {"settled": settled_id})[0]  # noqa: S608 (the same)
    if not waiting:
        return 0, None
    return waiting, session.scalar(select(AuditEntry.at).where(AuditEntry.id == first))


def chain_state(session: Session) -> ChainState:
    """Where the chain stands now; cheap while the sealing keeps up."""
    last = last_running_or_closing(session)
    waiting, since = unsealed(session, 0 if last is None else last.settled_id)
    if last is None:
        return ChainState(None, None, None, 0, None, waiting, since)
    return ChainState(last.id, last.day, last.position, last.entries, last.sealed_at, waiting, since)


def place(session: Session, day: date, position: int) -> Proof | None:
    """The link at this place of the chain with what it follows and what it is sealed by; None when there is none."""
    link = session.get(AuditLink, (day, position))
    if link is None:
        return None
    covers = (AuditSeal.day == day) & (AuditSeal.position >= position) & (AuditSeal.kind != SealKind.RETIRED)
    seal = session.scalars(select(AuditSeal).where(covers).order_by(AuditSeal.position, AuditSeal.id).limit(1)).first()
    return Proof(link, hash_before(session, day, position), seal)


def hash_before(session: Session, day: date, position: int) -> bytes:
    """The hash that the link at this place follows: of the link before it, of the day before it, or of nothing."""
    if position > 1:
        before = session.get(AuditLink, (day, position - 1))
        return GENESIS if before is None else bytes(before.hash)
    earlier = select(AuditSeal.head_hash).where(AuditSeal.day < day, AuditSeal.kind == SealKind.CLOSING)
    found = session.scalars(earlier.order_by(AuditSeal.day.desc()).limit(1)).first()
    return GENESIS if found is None else bytes(found)


def unlinked_below(session: Session, settled_id: int) -> list[int]:
    """Ids of entries up to ``settled_id`` that are not in the chain, at most a few thousand: there should be none."""
    some = select(AuditEntry.id).where(
        AuditEntry.id <= settled_id, ~select(AuditLink.day).where(AuditLink.entry_id == AuditEntry.id).exists()
    )
    return list(session.scalars(some.order_by(AuditEntry.id).limit(5_000)))
