"""Assisted certification (协助认证): one region certifies for another, inside one installation or between two."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped

from models.base import Base
from models.keys import Sealed
from models.types import INTERNAL, PERSONAL, SECRET, BigId, column, enum_column_type, opaque_id


class AssistanceState(StrEnum):
    """requested -> accepted | refused | withdrawn | returned; accepted -> carried_out | returned | withdrawn. Nothing leaves the others
    by somebody's step; ``verify.assistance`` has the table.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CARRIED_OUT = "carried_out"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class AssistanceMethod(StrEnum):
    """How the assisting region saw the person."""

    COUNTER = "counter"
    HOME_VISIT = "home_visit"
    VIDEO_CALL = "video_call"


class AssistanceReason(StrEnum):
    """Why a request was refused or came back. deadline: nobody did anything in time."""

    NOT_HERE = "not_here"
    NO_CAPACITY = "no_capacity"
    DATA_UNCLEAR = "data_unclear"
    MOVED_AWAY = "moved_away"
    NOT_FOUND = "not_found"
    ILL = "ill"
    DIED = "died"
    DEADLINE = "deadline"
    OTHER = "other"


class Peer(Base):
    """Another installation. base_url: of its API. our_client_id and our_secret_sealed: what it knows us by.

    client_id: what we know it by (``client.client_id``); its calls may touch only requests between us and it. regions: prefixes of the
    division codes that it serves.
    """

    __tablename__ = "peer"

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    name: Mapped[str] = column(INTERNAL, String(100), unique=True)
    base_url: Mapped[str] = column(INTERNAL, String(500))
    regions: Mapped[list[str]] = column(INTERNAL)
    client_id: Mapped[str | None] = column(INTERNAL, String(40), unique=True)
    our_client_id: Mapped[str] = column(INTERNAL, String(40))
    our_secret_sealed: Mapped[Sealed] = column(SECRET)
    active: Mapped[bool] = column(INTERNAL, default=True)
    created_at: Mapped[datetime] = column(INTERNAL)


class AssistanceRequest(Base):
    """One request. Between two installations each keeps its own row, joined by remote_id (the other's public_id).

    person_id: in the installation that asks; the other may not know the person, and works with the sealed name and number. peer_id: the
    other installation, None when both regions are served here. asked_here: this installation serves the region that asks. The sealed
    columns are emptied some time after the request is closed. alerted_for: the deadline whose passing an alert was opened for.
    second_staff: who went along on a home visit.
    """

    __tablename__ = "assistance_request"
    __table_args__ = (
        CheckConstraint("requesting_region <> performing_region", name="two_regions"),
        CheckConstraint("(state = 'carried_out') = (occurred_on IS NOT NULL)", name="carried_out_on_a_day"),
        CheckConstraint("occurred_on IS NULL OR method IS NOT NULL", name="carried_out_in_a_way"),
        CheckConstraint("NOT asked_here OR person_id IS NOT NULL", name="own_person"),
        CheckConstraint("second_staff IS NULL OR method = 'home_visit'", name="second_staff_of_home_visit"),
        CheckConstraint(
            "state NOT IN ('requested', 'accepted') OR (name_sealed IS NOT NULL AND resident_id_sealed IS NOT NULL)",
            name="person_known_while_open",
        ),
        Index(
            "uq_assistance_request_open",
            "person_id",
            unique=True,
            sqlite_where=text("state IN ('requested', 'accepted')"),
            postgresql_where=text("state IN ('requested', 'accepted')"),
        ),
        Index("ix_assistance_request_requesting", "requesting_region", "state"),
        Index("ix_assistance_request_performing", "performing_region", "state"),
        Index("ix_assistance_request_person_id", "person_id"),
        Index("uq_assistance_request_peer_remote", "peer_id", "remote_id", unique=True),
    )

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    public_id: Mapped[str] = column(INTERNAL, String(22), default=opaque_id, unique=True)
    requesting_region: Mapped[str] = column(PERSONAL, String(6))
    performing_region: Mapped[str] = column(PERSONAL, String(6))
    asked_here: Mapped[bool] = column(INTERNAL)
    peer_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("peer.id"))
    remote_id: Mapped[str | None] = column(INTERNAL, String(64))
    person_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("person.id"))
    name_sealed: Mapped[Sealed | None] = column(PERSONAL)
    name_masked: Mapped[str] = column(PERSONAL, String(100))
    resident_id_sealed: Mapped[Sealed | None] = column(PERSONAL)
    resident_id_masked: Mapped[str] = column(PERSONAL, String(18))
    contact_sealed: Mapped[Sealed | None] = column(PERSONAL)
    reason: Mapped[str] = column(PERSONAL, String(500))
    state: Mapped[AssistanceState] = column(PERSONAL, enum_column_type(AssistanceState, "state"))
    version: Mapped[int] = column(INTERNAL, default=1)
    accept_by: Mapped[date] = column(INTERNAL, Date)
    carry_out_by: Mapped[date] = column(INTERNAL, Date)
    method: Mapped[AssistanceMethod | None] = column(PERSONAL, enum_column_type(AssistanceMethod, "method"))
    occurred_on: Mapped[date | None] = column(PERSONAL, Date)
    second_staff: Mapped[str | None] = column(PERSONAL, String(100))
    evidence_id: Mapped[int | None] = column(INTERNAL, BigId, ForeignKey("life_evidence.id"))
    alerted_for: Mapped[date | None] = column(INTERNAL, Date)
    requested_by: Mapped[str] = column(INTERNAL, String(100))
    requested_at: Mapped[datetime] = column(INTERNAL)
    updated_at: Mapped[datetime] = column(INTERNAL)


class AssistanceEvent(Base):
    """One step of a request: who did what, when, and what they said. version: of the request after it, 1 being the request itself."""

    __tablename__ = "assistance_event"
    __table_args__ = (Index("uq_assistance_event_request_version", "request_id", "version", unique=True),)

    id: Mapped[int] = column(INTERNAL, BigId, primary_key=True)
    request_id: Mapped[int] = column(INTERNAL, BigId, ForeignKey("assistance_request.id"))
    version: Mapped[int] = column(INTERNAL)
    state: Mapped[AssistanceState] = column(PERSONAL, enum_column_type(AssistanceState, "state"))
    reason: Mapped[AssistanceReason | None] = column(PERSONAL, enum_column_type(AssistanceReason, "reason"))
    note: Mapped[str | None] = column(PERSONAL, String(500))
    made_by: Mapped[str] = column(PERSONAL, String(100))
    made_at: Mapped[datetime] = column(INTERNAL)
