"""Signals in the order in which they were found, changed or vanished: read page after page with a cursor, so that nothing is missed."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.alert import Alert
from models.detection import DetectionRun, RunState, Signal
from models.person import Person

CURSOR_MARK = b"\x4c\x04"  # kind and version, so that other texts are recognised
_CURSOR = struct.Struct(">qq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SETTLED_AFTER = timedelta(seconds=60)  # what is written outside of runs is committed by then
RUN_LASTS_AT_MOST = timedelta(hours=24)  # a run that was killed holds nothing back for longer


@dataclass(frozen=True)
class Position:
    """A place in the order: moment, then id of the signal."""

    moment: datetime
    signal_id: int

    @property
    def cursor(self) -> str:
        """As text."""
        raw = CURSOR_MARK + _CURSOR.pack((self.moment - _EPOCH) // _MICROSECOND, self.signal_id)
        return base64.b32hexencode(raw).decode("ascii").rstrip("=")


@dataclass(frozen=True)
class ToldSignal:
    """One signal with the public ids of its person and alert."""

    signal: Signal
    person_id: str | None
    alert_id: str | None
    at: Position


@dataclass(frozen=True)
class Page:
    """Signals in order. following: where to go on reading. more: whether there is more just now."""

    signals: tuple[ToldSignal, ...]
    following: Position
    more: bool


START = Position(_EPOCH, 0)


def position_of(cursor: str) -> Position:
    """What a cursor stands for. Raises ValueError for a text that is no cursor of ours."""
    try:
        raw = base64.b32hexdecode(cursor + "=" * (-len(cursor) % 8))
        if not raw.startswith(CURSOR_MARK):
            raise ValueError("another kind of cursor")
        micros, signal_id = _CURSOR.unpack(raw[len(CURSOR_MARK) :])
        return Position(_EPOCH + micros * _MICROSECOND, signal_id)
    except (binascii.Error, struct.error, OverflowError, ValueError) as error:
        raise ValueError("not a cursor of this service") from error


def settled_until(session: Session, now: datetime) -> datetime:
    """Everything up to this moment is committed: a run writes with the time at which it is, and commits later."""
    since = now - RUN_LASTS_AT_MOST
    running = session.scalar(
        select(func.min(DetectionRun.started_at)).where(DetectionRun.state == RunState.RUNNING, DetectionRun.started_at >= since)
    )
    settled = now - SETTLED_AFTER
    return settled if running is None else min(settled, running - _MICROSECOND)


def page(session: Session, *, region: str, after: Position, now: datetime, code: str | None = None, limit: int = 1000) -> Page:
    """Signals after a position, of the region whose codes begin with ``region``; as each is now, at the place of its last change."""
    until = settled_until(session, now)
    # a finding that people have dismissed may come back with the time of its first change
    found_or_changed = case((Signal.first_seen_at > Signal.changed_at, Signal.first_seen_at), else_=Signal.changed_at)
    moment = func.coalesce(Signal.vanished_at, found_or_changed)
    query = (
        select(Signal, Person.public_id, Alert.public_id, moment)
        .outerjoin(Person, Person.id == Signal.person_id)
        .outerjoin(Alert, Alert.id == Signal.alert_id)
        .where(
            Signal.region_code.between(region.ljust(6, "0"), region.ljust(6, "9")),
            moment <= until,
            or_(moment > after.moment, and_(moment == after.moment, Signal.id > after.signal_id)),
        )
        .order_by(moment, Signal.id)
        .limit(limit + 1)
    )
    if code is not None:
        query = query.where(Signal.code == code)
    rows = session.execute(query).all()
    told = tuple(ToldSignal(signal, person, alert, Position(at, signal.id)) for signal, person, alert, at in rows[:limit])
    return Page(told, told[-1].at if told else after, len(rows) > limit)
