"""Pauses and resumptions of benefits: proposed, signed by a second person, sent to the paying system in numbered lists."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, JsonValue, column, enum_column_type, opaque_id


class PaymentChangeKind(StrEnum):
    """What is to happen to the benefit."""

    PAUSE = "pause"
    RESUME = "resume"


class PaymentChangeState(StrEnum):
    """proposed -> approved | rejected | withdrawn. A resumption is approved as it is made: it follows from a certification."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PaymentChangeReason(StrEnum):
    """Why, as the paying system reads it."""

    OVERDUE = "overdue"
    NEVER_CERTIFIED = "never_certified"
    CERTIFIED = "certified"


class PaymentList(Base):
    """One signed list for the paying system. number counts up without gaps within its kind.

    content_sha256: of the CSV's bytes, which the heading and the lines of ``payment_change`` with this list_id give again at any time, in
    order of list_position. signature: Ed25519 by the key key_id over the bytes.
    """

    __tablename__ = "payment_list"
    __table_args__ = (Index("uq_payment_list_kind_number", "kind", "number", unique=True),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    kind: Mapped[PaymentChangeKind] = column(INTERNAL, enum_column_type(PaymentChangeKind, "kind"))
    number: Mapped[int] = column(INTERNAL)
    region_code: Mapped[str] = column(INTERNAL, String(6), ForeignKey("region.code"))
    row_count: Mapped[int] = column(INTERNAL)
    content_sha256: Mapped[bytes] = column(INTERNAL, LargeBinary(32))
    key_id: Mapped[str] = column(INTERNAL, String(40))
    signature: Mapped[bytes] = column(SECRET, LargeBinary(64))
    made_by: Mapped[str] = column(INTERNAL, String(100))
    made_at: Mapped[datetime] = column(INTERNAL)


class PaymentChange(Base):
    """One pause or resumption of one benefit.

    effective_month: first month that is not paid (pause), or that is paid again (resume). arrears_fen: what is owed for the months of
    the pause, months in custody left out; arrears: month by month why, as [{"month", "fen", "reason"}]. A pause is decided by another
    person than the one who proposed it (CHECK); its proposer may withdraw it. evidence_id: the certification that a resumption follows
    from; of a pause, the one that had run out when it was signed, None when there never was one. list_line: the line of the list, sealed as
    it was written, because a name or a number may be corrected later.
    """

    __tablename__ = "payment_change"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR kind = 'resume' OR state = 'withdrawn' OR decided_by <> proposed_by", name="second_person"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_when_no_longer_proposed"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_someone"),
        CheckConstraint("kind = 'resume' OR outreach_id IS NOT NULL", name="pause_after_outreach"),
        CheckConstraint("(list_id IS NULL) = (list_position IS NULL)", name="placed_in_its_list"),
        CheckConstraint("(list_id IS NULL) = (list_line IS NULL)", name="kept_as_listed"),
        CheckConstraint("list_id IS NULL OR state = 'approved'", name="only_approved_listed"),
        CheckConstraint("arrears_fen IS NULL OR arrears_fen >= 0", name="arrears_fen_not_negative"),
        Index("ix_payment_change_region_code_state", "region_code", "state"),
        Index("ix_payment_change_benefit_id", "benefit_id"),
        Index("ix_payment_change_outreach_id", "outreach_id"),
        Index(
            "ix_payment_change_unlisted",
            "kind",
            "region_code",
            "id",
            sqlite_where=text("list_id IS NULL"),
            postgresql_where=text("list_id IS NULL"),
        ),
        Index("uq_payment_change_list_position", "list_id", "list_position", unique=True),
        Index(
            "uq_payment_change_proposed",
            "benefit_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    benefit_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("benefit.id"))
    person_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("person.id"))
    region_code: Mapped[str] = column(PERSONAL, String(6), ForeignKey("region.code"))
    kind: Mapped[PaymentChangeKind] = column(PERSONAL, enum_column_type(PaymentChangeKind, "kind"))
    state: Mapped[PaymentChangeState] = column(PERSONAL, enum_column_type(PaymentChangeState, "state"))
    effective_month: Mapped[date] = column(PERSONAL, Date)
    reason_code: Mapped[PaymentChangeReason] = column(PERSONAL, enum_column_type(PaymentChangeReason, "reason_code"))
    reason: Mapped[str] = column(PERSONAL, String(500))
    outreach_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("outreach.id"))
    evidence_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    arrears_fen: Mapped[int | None] = column(PERSONAL, BigInteger)
    arrears: Mapped[list[Any] | None] = column(PERSONAL, JsonValue)
    proposed_by: Mapped[str] = column(INTERNAL, String(100))
    proposed_at: Mapped[datetime] = column(INTERNAL)
    decided_by: Mapped[str | None] = column(INTERNAL, String(100))
    decided_at: Mapped[datetime | None] = column(INTERNAL)
    decision_note: Mapped[str | None] = column(PERSONAL, String(500))
    policy_hash: Mapped[str] = column(INTERNAL, String(64))
    list_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("payment_list.id"))
    list_position: Mapped[int | None] = column(INTERNAL)
    list_line: Mapped[Sealed | None] = column(PERSONAL)
