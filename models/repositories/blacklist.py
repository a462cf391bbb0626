"""The card blacklist (社保卡黑名单): entries brought in set by set, and the one look that a door takes at a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models.errors import ModelsError
from models.identifiers import mask_resident_id, parse_social_security_number
from models.identity_check import BlacklistedCard, BlacklistReason
from models.keys import KeyRing
from models.repositories.persons import BlindIndex

# Ten values a row: below the limits of both databases (32,766 and 65,535 parameters).
CHUNK = 1_000


class BlacklistError(ModelsError):
    """A row contradicts itself."""

    code = "blacklist_error"


@dataclass(frozen=True)
class BlacklistRow:
    """One row to bring in. card_number: social-security number of the card. until_on: last day of the entry, None while it lasts.

    Raises BlacklistError when it ends before it begins, or has no source.
    """

    card_number: str
    reason: BlacklistReason
    from_on: date
    until_on: date | None
    source: str

    def __post_init__(self) -> None:
        """Refuse what no table would take."""
        if self.until_on is not None and self.until_on < self.from_on:
            raise BlacklistError("until_on: an entry cannot end before its first day")
        if not 1 <= len(self.source) <= 100:
            raise BlacklistError("source: 1 to 100 characters are needed")


@dataclass(frozen=True)
class PutResult:
    """What came of the rows. A row that comes twice in one call counts once, as its last one says."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class BlacklistEntry:
    """What stands against a card on a day. key: of the table."""

    key: int
    reason: BlacklistReason
    from_on: date
    until_on: date | None
    source: str


def put(session: Session, rows: Sequence[BlacklistRow], *, keyring: KeyRing, batch_id: int | None, by: str, now: datetime) -> PutResult:
    """Add entries, and change those of the same card, source and first day whose reason or last day differs.

    So an entry ends by coming again with a last day, and the same rows again change nothing. Racing writers do no harm: the later one's
    reason and last day count. Raises IdentifierError for a card number that is none.
    """
    index = BlindIndex(keyring)
    wanted: dict[tuple[bytes, str, date], dict[str, object]] = {}
    for row in rows:
        number = parse_social_security_number(row.card_number)
        digest = index.social_security_number(number)
        wanted[digest, row.source, row.from_on] = {
            "card_index": digest,
            "card_masked": mask_resident_id(number),
            "reason": row.reason,
            "from_on": row.from_on,
            "until_on": row.until_on,
            "source": row.source,
            "batch_id": batch_id,
            "recorded_by": by,
            "recorded_at": now,
        }
    added = changed = unchanged = 0
    keys = sorted(wanted)  # one order for all writers, so that none waits for another in a ring
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        there = _there(session, [digest for digest, _, _ in chunk])
        fresh = [key for key in chunk if key not in there]
        differing = [key for key in chunk if key in there and there[key] != (wanted[key]["reason"], wanted[key]["until_on"])]
        _upsert(session, [wanted[key] for key in (*fresh, *differing)])
        added += len(fresh)
        changed += len(differing)
        unchanged += len(chunk) - len(fresh) - len(differing)
    return PutResult(added, changed, unchanged)


def lookup(session: Session, card_number: str, *, keyring: KeyRing, on: date) -> BlacklistEntry | None:
    """What stands against the card on a day, the newest entry of several; None when nothing does. Raises IdentifierError."""
    return lookup_index(session, BlindIndex(keyring).social_security_number(parse_social_security_number(card_number)), on=on)


def lookup_index(session: Session, card_index: bytes, *, on: date) -> BlacklistEntry | None:
    """The same by the blind index of the number, as a person's record holds it."""
    card = BlacklistedCard
    row = session.execute(
        select(card.id, card.reason, card.from_on, card.until_on, card.source)
        .where(
            card.card_index == card_index,
            card.from_on <= on,
            or_(card.until_on.is_(None), card.until_on >= on),
        )
        .order_by(card.from_on.desc(), card.id.desc())
        .limit(1)
    ).first()
    return None if row is None else BlacklistEntry(row.id, row.reason, row.from_on, row.until_on, row.source)


def _there(session: Session, digests: Sequence[bytes]) -> dict[tuple[bytes, str, date], tuple[BlacklistReason, date | None]]:
    card = BlacklistedCard
    found = session.execute(
        select(card.card_index, card.source, card.from_on, card.reason, card.until_on).where(card.card_index.in_(digests))
    )
    return {(bytes(row.card_index), row.source, row.from_on): (row.reason, row.until_on) for row in found}


def _upsert(session: Session, rows: Sequence[dict[str, object]]) -> None:
    if not rows:
        return
    insert = (postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert)(BlacklistedCard)
    names = ("reason", "until_on", "batch_id", "recorded_by", "recorded_at")
    session.execute(
        insert.values(list(rows)).on_conflict_do_update(
            index_elements=["card_index", "source", "from_on"], set_={name: insert.excluded[name] for name in names}
        )
    )
