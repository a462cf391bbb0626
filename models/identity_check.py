"""Identity checks at treatment, and the blacklist of cards that they look at."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type, opaque_id


class MatchLevel(StrEnum):
    """How well the face fits, as the calibration says. not_compared: no picture, no reference or no consent."""

    MATCH = "match"
    UNCERTAIN = "uncertain"
    NO_MATCH = "no_match"
    NOT_COMPARED = "not_compared"


class BlacklistReason(StrEnum):
    """Why a card must not be used."""

    LOST = "lost"
    STOLEN = "stolen"
    MISUSED = "misused"
    SUSPENDED = "suspended"
    HOLDER_DECEASED = "holder_deceased"
    OTHER = "other"


class BlacklistedCard(Base):
    """One entry of the blacklist. card_index: keyed digest of the card's social-security number, which itself is not stored.

    until_on: last day of the entry, None while it lasts. Of one card, source and first day there is one entry.
    """

    __tablename__ = "blacklisted_card"
    __table_args__ = (
        CheckConstraint("until_on IS NULL OR until_on >= from_on", name="days_in_order"),
        Index("uq_blacklisted_card_card_source_from", "card_index", "source", "from_on", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    card_index: Mapped[bytes] = column(SECRET, LargeBinary(32))
    card_masked: Mapped[str] = column(PERSONAL, String(18))
    reason: Mapped[BlacklistReason] = column(PERSONAL, enum_column_type(BlacklistReason, "reason"))
    from_on: Mapped[date] = column(PERSONAL, Date)
    until_on: Mapped[date | None] = column(PERSONAL, Date)
    source: Mapped[str] = column(INTERNAL, String(100))
    batch_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("import_batch.id"))
    recorded_by: Mapped[str] = column(INTERNAL, String(100))
    recorded_at: Mapped[datetime] = column(INTERNAL)


class IdentityCheck(Base):
    """One check. reference: the caller's own number of it; the same one again gives the same answer. evidence_id: the trace of life."""

    __tablename__ = "identity_check"
    __table_args__ = (
        Index("ix_identity_check_person_id", "person_id"),
        Index(
            "uq_identity_check_client_reference",
            "client_pk",
            "reference",
            unique=True,
            sqlite_where=text("reference IS NOT NULL"),
            postgresql_where=text("reference IS NOT NULL"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    client_pk: Mapped[int] = column(INTERNAL, BigId, ForeignKey("client.id"))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    institution: Mapped[str] = column(PERSONAL, String(100))
    reference: Mapped[str | None] = column(PERSONAL, String(100))
    level: Mapped[MatchLevel] = column(PERSONAL, enum_column_type(MatchLevel, "level"))
    similarity: Mapped[float | None] = column(PERSONAL)
    card_hit: Mapped[bool] = column(PERSONAL)
    engine_version: Mapped[str] = column(INTERNAL, String(100))
    calibration: Mapped[str] = column(INTERNAL, String(40))
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    evidence_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    checked_at: Mapped[datetime] = column(INTERNAL)
