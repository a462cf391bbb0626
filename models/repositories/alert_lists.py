"""Lists of alerts: filtered, what to look at first, in pages; how many there are and how much money is at risk."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState
from models.detection import Signal
from models.person import Person
from models.region import Region, RegionLevel, region_bounds
from models.repositories.cases import OPEN_ALERT
from models.repositories.signal_reads import codes_behind

Narrowed = Select[*tuple[Any, ...]]

CURSOR_MARK = b"\x4c\x03"  # kind and version, so that other texts are recognised
_CURSOR = struct.Struct(">dq")
OPEN_STATES = (AlertState.OPEN, AlertState.IN_CASE)
REGIONS_LISTED = 400
CLOSED_ALERT = text("alert.state = 'closed'")
"""In words that the partial index knows."""


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts. region: first digits of the codes that the reader may see. inside: code of a region among them.

    code: of the alert or of a standing signal behind it; of closed ones alone, that of the alert.
    """

    region: str
    states: tuple[AlertState, ...] = OPEN_STATES
    code: str | None = None
    severity: AlertSeverity | None = None
    inside: str | None = None
    amount_fen_min: int = 0


@dataclass(frozen=True)
class ListedAlert:
    """One alert as lists show it. person_id: public; name: whole, to be masked. signals: codes of the standing signals, sorted."""

    id: int
    public_id: str
    code: str
    severity: AlertSeverity
    state: AlertState
    person_id: str | None
    name: str | None
    region_code: str
    amount_fen: int | None
    priority: float | None
    opened_at: datetime
    updated_at: datetime | None
    signals: tuple[str, ...] = ()

    @property
    def cursor(self) -> str:
        """Where the list goes on after this one."""
        raw = CURSOR_MARK + _CURSOR.pack(self.priority or 0.0, self.id)
        return base64.b32hexencode(raw).decode("ascii").rstrip("=")


@dataclass(frozen=True)
class CodeTotal:
    """Alerts of one code. amount_fen: money at risk in all of them."""

    code: str
    alerts: int
    amount_fen: int


def position_of(cursor: str) -> tuple[float, int]:
    """Priority and id that a cursor stands for. Raises ValueError for a text that is no cursor of ours."""
    try:
        raw = base64.b32hexdecode(cursor + "=" * (-len(cursor) % 8))
        if not raw.startswith(CURSOR_MARK):
            raise ValueError("another kind of cursor")
        priority, alert_id = _CURSOR.unpack(raw[len(CURSOR_MARK) :])
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError("not a cursor of this service") from error
    if not priority == priority or abs(priority) == float("inf"):
        raise ValueError("not a cursor of this service")
    return priority, alert_id


def page(session: Session, chosen: AlertFilter, *, after: str | None = None, limit: int = 50) -> list[ListedAlert]:
    """Alerts with the highest priority first, the newer first of two alike, from after a cursor. Raises ValueError for a wrong cursor."""
    columns: tuple[Any, ...] = (
        Alert.id,
        Alert.public_id,
        Alert.code,
        Alert.severity,
        Alert.state,
        Person.public_id,
        Person.name,
        Alert.region_code,
        Alert.amount_fen,
        Alert.priority,
        Alert.opened_at,
        Alert.updated_at,
    )
    query = narrowed(select(*columns).outerjoin(Person, Person.id == Alert.person_id), chosen)
    if after is not None:
        priority, alert_id = position_of(after)
        query = query.where(Alert.priority <= priority, or_(Alert.priority < priority, Alert.id < alert_id))
    rows = [ListedAlert(*row) for row in session.execute(query.order_by(Alert.priority.desc(), Alert.id.desc()).limit(limit))]
    behind = codes_behind(session, [row.id for row in rows])
    return [_with_signals(row, behind.get(row.id, ())) for row in rows]


def totals(session: Session, chosen: AlertFilter) -> list[CodeTotal]:
    """Number and money by the code of the alert, most money first."""
    amount = func.coalesce(func.sum(Alert.amount_fen), 0)
    query = narrowed(select(Alert.code, func.count(), amount), chosen).group_by(Alert.code)
    found = [CodeTotal(code, count, int(fen)) for code, count, fen in session.execute(query)]
    return sorted(found, key=lambda total: (-total.amount_fen, -total.alerts, total.code))


def open_codes(session: Session, region: str) -> list[str]:
    """Every code that an alert of the region has that is not closed; closed ones cost nothing."""
    low, high = region.ljust(6, "0"), region.ljust(6, "9")
    query = select(Alert.code).where(Alert.region_code.between(low, high), OPEN_ALERT).distinct()
    return sorted(session.scalars(query))


def regions(session: Session, region: str) -> list[Region]:
    """The regions inside the reader's own, by code; without the counties where there are too many to choose from."""
    low, high = region.ljust(6, "0"), region.ljust(6, "9")
    query = select(Region).where(Region.code.between(low, high)).order_by(Region.code).limit(REGIONS_LISTED + 1)
    found = list(session.scalars(query))
    if len(found) > REGIONS_LISTED:
        found = list(session.scalars(query.where(Region.level != RegionLevel.COUNTY)))
    return found


def narrowed(query: Narrowed, chosen: AlertFilter) -> Narrowed:
    """The query over alerts with the filter on it."""
    low, high = chosen.region.ljust(6, "0"), chosen.region.ljust(6, "9")
    query = query.where(Alert.region_code.between(low, high))
    if AlertState.CLOSED not in chosen.states:
        query = query.where(OPEN_ALERT)
    only_closed = set(chosen.states) == {AlertState.CLOSED}
    if only_closed:
        query = query.where(CLOSED_ALERT)
    elif set(chosen.states) != set(OPEN_STATES):
        query = query.where(Alert.state.in_(chosen.states))
    if chosen.inside is not None:
        query = query.where(Alert.region_code.between(*region_bounds(chosen.inside)))
    if chosen.severity is not None:
        query = query.where(Alert.severity == chosen.severity)
    if chosen.code is not None and only_closed:
        query = query.where(Alert.code == chosen.code)
    elif chosen.code is not None:
        behind = select(Signal.id).where(Signal.alert_id == Alert.id, Signal.code == chosen.code, Signal.vanished_at.is_(None)).exists()
        query = query.where(or_(Alert.code == chosen.code, behind))
    if chosen.amount_fen_min > 0:
        query = query.where(Alert.amount_fen >= chosen.amount_fen_min)
    return query


def _with_signals(row: ListedAlert, signals: tuple[str, ...]) -> ListedAlert:
    return ListedAlert(**{**row.__dict__, "signals": signals})
