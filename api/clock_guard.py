"""The clock of this installation, asked before anything is done that goes by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from api.context import Context
from models import clock_watch
from models.clock_watch import ClockInDoubtError, ClockReading


def read_clock(context: Context) -> ClockReading:
    """The clock compared with what the store saw last."""
    with context.database.read_scope() as session:
        return clock_watch.read(session, context.clock(), context.policy.operations)


def require_steady_clock(context: Context) -> None:
    """Return when the clock can be believed; jobs that delete or end something ask this first. Raises ClockInDoubtError."""
    reading = read_clock(context)
    if not reading.steady:
        raise ClockInDoubtError(reading)


def steady_seconds() -> float:
    """Seconds of the machine's steady clock, which nobody can set; it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockNotes:
    """Notes the time as seen, again and again, and sees when the clock was set in between. One a process of background jobs."""

    def __init__(self, context: Context, steady: Callable[[], float] = steady_seconds) -> None:
        self._context = context
        self._steady = steady
        self._before: tuple[datetime, float] | None = None

    def note(self) -> ClockReading:
        """Note the time, unless it is in doubt."""
        now, steady = self._context.clock(), self._steady()
        policy = self._context.policy.operations
        drifted = False
        if self._before is not None:
            expected = self._before[0] + timedelta(seconds=steady - self._before[1])
            drifted = abs(now - expected) > timedelta(minutes=policy.clock_drift_minutes)
        self._before = (now, steady)
        with self._context.database.session_scope() as session:
            return clock_watch.note(session, now, policy, drifted=drifted)
