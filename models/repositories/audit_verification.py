"""Checking the audit from its first entry to its last: nothing altered, missing, added or moved since it was sealed.

It streams: links with their entries in chunks, and the seals beside them. Memory does not grow with the number of entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit_canonical import GENESIS, of_row, seal_bytes
from models.audit_chain import AuditLink, AuditSeal, SealKind
from models.database import Database
from models.keys import KeyRing
from models.repositories import audit_chain
from models.repositories.audit_findings import FindingKind, Verification
from models.repositories.audit_link_check import LinkWalk
from models.repositories.audit_retention import LEAST_DAYS
from models.repositories.audit_rows import any_text, dialect_of, entry_columns, entry_of, query

CHUNK = 5_000

_LINKS = """
SELECT l.position, l.entry_id, l.hash, {columns}
FROM (SELECT position, entry_id, hash FROM audit_link WHERE day = :day AND position > :after ORDER BY position LIMIT {chunk}) AS l
LEFT JOIN audit_entry AS e ON e.id = l.entry_id ORDER BY l.position
"""

Report = Callable[[int, int], None]


def verify(
    database: Database, keyring: KeyRing, *, start: date | None = None, end: date | None = None, report: Report | None = None
) -> Verification:
    """Check the days of the chain from ``start`` to ``end`` (both included; all without). report: (entries read, entries there are).

    Everything is read as it was at one moment, so sealing may go on.

    Raises:
        DatabaseUnreachableError: the store does not answer.
    """
    with database.same_snapshot(1) as connections, Session(connections[0]) as session:
        return verify_in(session, keyring, start=start, end=end, report=report)


def verify_in(
    session: Session, keyring: KeyRing, *, start: date | None = None, end: date | None = None, report: Report | None = None
) -> Verification:
    """The same within a transaction that sees one moment."""
    with any_text(session):
        check = _Check(session, keyring, start or date.min, end or date.max, report)
        check.seals()
        check.links()
        check.entries_outside()
        return check.found


class _Check:
    def __init__(self, session: Session, keyring: KeyRing, start: date, end: date, report: Report | None) -> None:
        self._session, self._keyring, self._report = session, keyring, report
        self._start, self._end = start, end
        self._last = audit_chain.last_running_or_closing(session)
        self.found = Verification(sealed_at=None if self._last is None else self._last.sealed_at)

    def seals(self) -> None:
        """Signatures, numbers without gaps, one closing seal for each day that is over."""
        before: AuditSeal | None = None
        for seal in self._seals_in_order():
            after = 0 if before is None else before.id
            if after != seal.id - 1:
                before = self._session.get(AuditSeal, seal.id - 1)  # of a day outside those that are checked
                if before is None:
                    said = f"seal {seal.id - 1} is gone" + (f", and maybe others since {after + 1}" if after + 1 < seal.id - 1 else "")
                    self.found.add(FindingKind.SEAL_MISSING, said, day=seal.day)
            content = seal_bytes(of_row(seal, b"" if before is None else bytes(before.signature)))
            gone = before is None and seal.id > 1
            if not gone and not self._keyring.verify_signature(seal.key_id, content, bytes(seal.signature)):
                said = f"seal {seal.id} is not signed by a key of this installation, or was changed"
                self.found.add(FindingKind.SEAL_FORGED, said, day=seal.day, position=seal.position)
            if seal.kind is SealKind.RETIRED:
                self._retired(seal)
            before = seal

    def _seals_in_order(self) -> Iterator[AuditSeal]:
        after = 0
        while True:
            some = select(AuditSeal).where(AuditSeal.id > after, AuditSeal.day >= self._start, AuditSeal.day <= self._end)
            rows = self._session.scalars(some.order_by(AuditSeal.id).limit(CHUNK)).all()
            yield from rows
            if len(rows) < CHUNK:
                return
            after = rows[-1].id
            self._session.expunge_all()

    def _retired(self, seal: AuditSeal) -> None:
        closing = audit_chain.closing_seal(self._session, seal.day)
        if closing is None or (closing.head_hash, closing.position) != (seal.head_hash, seal.position):
            self.found.add(FindingKind.RETIRED_WRONGLY, f"{seal.day} was retired without being closed as it was", day=seal.day)
        if (seal.sealed_at.date() - seal.day).days < LEAST_DAYS:
            self.found.add(FindingKind.RETIRED_WRONGLY, f"{seal.day} was retired before its {LEAST_DAYS} days were over", day=seal.day)

    def links(self) -> None:
        """Every link of every day that is not retired."""
        retired = set(self._session.scalars(select(AuditSeal.day).where(AuditSeal.kind == SealKind.RETIRED)))
        walk: LinkWalk | None = None
        for day in self._days():
            if day in retired:
                if self._session.scalar(select(AuditLink.day).where(AuditLink.day == day).limit(1)):
                    self.found.add(FindingKind.LINK_ADDED, f"{day} is retired and has links", day=day)
                continue
            if walk is None:
                walk = self._begin(day)
            self._walk_day(walk, day)
            self.found.days += 1
        if walk is not None:
            walk.finish()

    def _begin(self, day: date) -> LinkWalk:
        closed = select(AuditSeal).where(AuditSeal.kind == SealKind.CLOSING, AuditSeal.day < day).order_by(AuditSeal.day.desc()).limit(1)
        earlier = self._session.scalars(closed).first()
        return LinkWalk(self.found, GENESIS, 0) if earlier is None else LinkWalk(self.found, bytes(earlier.head_hash), earlier.entries)

    def _days(self) -> Iterator[date]:
        """Days that have links or seals, found one after the other by the indexes."""
        after = self._start - timedelta(days=1) if self._start > date.min else date.min
        while True:
            in_links = self._session.scalar(select(func.min(AuditLink.day)).where(AuditLink.day > after))
            in_seals = self._session.scalar(select(func.min(AuditSeal.day)).where(AuditSeal.day > after))
            days = [day for day in (in_links, in_seals) if day is not None]
            if not days or min(days) > self._end:
                return
            after = min(days)
            yield after

    def _walk_day(self, walk: LinkWalk, day: date) -> None:
        counting = AuditSeal.day == day, AuditSeal.kind != SealKind.RETIRED
        walk.begin_day(day, self._session.scalars(select(AuditSeal).where(*counting).order_by(AuditSeal.id).limit(1)).first())
        sealed = 0
        for rows in self._links_of(day):
            span = AuditSeal.position.between(rows[0][0], rows[-1][0])
            seals: dict[int, list[AuditSeal]] = {}
            for seal in self._session.scalars(select(AuditSeal).where(*counting, span).order_by(AuditSeal.id)):
                seals.setdefault(seal.position, []).append(seal)
                sealed = max(sealed, seal.position)
            for position, entry_id, stored, *values in rows:
                hashed = bytes(stored)
                walk.step(position, entry_id, hashed, None if values[0] is None else entry_of(values))
                for seal in seals.get(position, ()):
                    walk.check_seal(seal, hashed)
            self._session.expunge_all()
            if self._report is not None and self._last is not None:
                self._report(self.found.entries, max(self._last.entries, self.found.entries))
        last = self._session.scalar(select(func.max(AuditSeal.position)).where(*counting)) or 0
        if last > walk.position:
            said = f"the end of the day is cut off: its seals reach place {last}, its links place {walk.position}"
            self.found.add(FindingKind.LINK_MISSING, said, day=day, position=walk.position + 1)
            walk.total += last - walk.position
            walk.before = None
        elif walk.position > sealed:
            said = f"no seal covers the links from place {sealed + 1} to {walk.position}"
            self.found.add(FindingKind.LINK_ADDED, said, day=day, position=sealed + 1)
        closed = self._session.scalar(select(func.count()).select_from(AuditSeal).where(*counting, AuditSeal.kind == SealKind.CLOSING)) or 0
        if not closed and self._last is not None and self._last.day > day:
            self.found.add(FindingKind.SEAL_MISSING, f"{day} is over and has no closing seal", day=day)

    def _links_of(self, day: date) -> Iterator[list[Any]]:
        sql = _LINKS.format(columns=entry_columns(self._session, "e"), chunk=CHUNK)
        stored = day.isoformat() if dialect_of(self._session) == "sqlite" else day
        after = -(2**31)
        while True:
            rows = query(self._session, sql, {"day": stored, "after": after})
            if rows:
                yield rows
                after = rows[-1][0]
            if len(rows) < CHUNK:
                return

    def entries_outside(self) -> None:
        """Entries that are not in the chain: waiting for it, or put behind it."""
        settled = 0 if self._last is None else self._last.settled_id
        self.found.unsealed, self.found.unsealed_since = audit_chain.unsealed(self._session, settled)
        for entry_id in audit_chain.unlinked_below(self._session, settled):
            said = f"entry {entry_id} is in no place of the chain: it was put there behind it, or its link was taken away"
            self.found.add(FindingKind.ENTRY_ADDED, said, entry_id=entry_id)
