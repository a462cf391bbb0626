"""Identity checks at treatment, and the blacklist of cards that they look at."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.types import INTERNAL, PERSONAL, SECRET, BigId, JsonValue, column, enum_column_type, opaque_id


class MatchLevel(StrEnum):
    """How well the face fits, as the calibration says. not_compared: no picture, no reference or no consent."""

    MATCH = "match"
    UNCERTAIN = "uncertain"
    NO_MATCH = "no_match"
    NOT_COMPARED = "not_compared"


class CheckWhy(StrEnum):
    """Why the level is what it is."""

    SAME_FACE = "same_face"
    UNSURE = "unsure"
    OTHER_FACE = "other_face"
    NO_PICTURE = "no_picture"
    NO_CONSENT = "no_consent"
    NO_REFERENCE = "no_reference"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    POOR_PICTURE = "poor_picture"
    NAME_DIFFERS = "name_differs"


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
    """One check. reference: the caller's own number of it; the same one again gives the same answer. evidence_id: the trace of life.

    request_digest: keyed, of all that was asked, so that a number used for something else is noticed. answer: what was answered about the
    status and the card, in codes and days.
    """

    __tablename__ = "identity_check"
    __table_args__ = (
        Index("ix_identity_check_person_id", "person_id"),
        Index("ix_identity_check_checked_at", "checked_at"),
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
    request_digest: Mapped[bytes] = column(SECRET, LargeBinary(32))
    answer: Mapped[dict[str, Any]] = column(PERSONAL, JsonValue)
    level: Mapped[MatchLevel] = column(PERSONAL, enum_column_type(MatchLevel, "level"))
    why: Mapped[CheckWhy] = column(PERSONAL, enum_column_type(CheckWhy, "why"))
    similarity: Mapped[float | None] = column(PERSONAL)
    card_hit: Mapped[bool] = column(PERSONAL)
    engine_version: Mapped[str] = column(INTERNAL, String(100))
    calibration: Mapped[str] = column(INTERNAL, String(40))
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    evidence_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    checked_at: Mapped[datetime] = column(INTERNAL)
