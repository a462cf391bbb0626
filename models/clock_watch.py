"""Whether the machine's clock can be believed: it is compared with the last time that the store has seen.

A clock that jumps makes the service delete what is not due, end what is not over, and date what it signs wrongly. So the background jobs
note the time every few seconds, and whoever acts by the clock asks here first. Where nothing was noted yet there is nothing to compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from models.errors import ModelsError
from models.operations import Heartbeat
from models.policy_operations import OperationsPolicy
from models.repositories import heartbeats

CLOCK = "clock"


class ClockDoubt(StrEnum):
    """Why the clock is not believed."""

    BACKWARD = "backward"
    FORWARD = "forward"
    DRIFTED = "drifted"


@dataclass(frozen=True)
class ClockReading:
    """The clock and what it was compared with. doubt: None when it can be believed. last_seen: None when nothing was noted yet."""

    now: datetime
    last_seen: datetime | None
    doubt: ClockDoubt | None

    @property
    def steady(self) -> bool:
        """True when the clock can be believed."""
        return self.doubt is None


class ClockInDoubtError(ModelsError):
    """The clock jumped: nothing that goes by it is done until it is right again or a person says that it is."""

    code = "clock_in_doubt"

    def __init__(self, reading: ClockReading) -> None:
        seen = "" if reading.last_seen is None else f", the service last saw {reading.last_seen:%Y-%m-%d %H:%M} UTC"
        super().__init__(
            f"the machine's clock says {reading.now:%Y-%m-%d %H:%M} UTC{seen} ({reading.doubt}): nothing that goes by the clock was done. "
            "Set the clock right; if it is right, say so with lifecert health --accept-clock"
        )
        self.reading = reading


def read(session: Session, now: datetime, policy: OperationsPolicy) -> ClockReading:
    """Compare ``now`` with what the store saw last. One statement."""
    return compare(session.get(Heartbeat, CLOCK, populate_existing=True), now, policy)


def compare(seen: Heartbeat | None, now: datetime, policy: OperationsPolicy) -> ClockReading:
    """Compare ``now`` with the row of the clock."""
    if seen is None:
        return ClockReading(now, None, None)
    last_seen, note = seen.heard_at, seen.note
    doubt = None
    if now < last_seen - timedelta(minutes=policy.clock_back_minutes):
        doubt = ClockDoubt.BACKWARD
    elif now > last_seen + timedelta(days=policy.clock_forward_days):
        doubt = ClockDoubt.FORWARD
    elif note is not None:
        doubt = ClockDoubt(note)
    return ClockReading(now, last_seen, doubt)


def require_steady(session: Session, now: datetime, policy: OperationsPolicy) -> None:
    """Return when the clock can be believed. Raises ClockInDoubtError."""
    reading = read(session, now, policy)
    if not reading.steady:
        raise ClockInDoubtError(reading)


def note(session: Session, now: datetime, policy: OperationsPolicy, *, drifted: bool = False) -> ClockReading:
    """Note the time as seen, unless it is in doubt: then what was seen before stays. drifted: the steady clock contradicts this one."""
    reading = read(session, now, policy)
    if not reading.steady:
        return reading
    if drifted:
        # the last time that was believed stays, so that everybody compares with that
        last_seen = reading.last_seen or now
        heartbeats.hear(session, CLOCK, last_seen, note=ClockDoubt.DRIFTED)
        return ClockReading(now, last_seen, ClockDoubt.DRIFTED)
    heartbeats.hear(session, CLOCK, now)
    return reading


def accept(session: Session, now: datetime) -> None:
    """A person says that the clock is right: the time counts as seen. The caller writes the audit entry."""
    heartbeats.hear(session, CLOCK, now)
