"""What still works when something does not: the store takes no changes, the disk is full, the clock is in doubt.

Reading goes on as far as it leaves no audit entry: nobody is looked at without a record of it. What would change something is refused as a
whole, in words, before or after its transaction and never in the middle of it, so that the same request can be sent again later.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from flask import request
from sqlalchemy.exc import SQLAlchemyError

from api.clock_guard import read_clock
from api.recent import Recent
from models.clock_watch import ClockInDoubtError, ClockReading
from models.errors import ModelsError

if TYPE_CHECKING:
    from flask import Flask

    from api.context import Context

KEY = "lifecert_clock"
CLOCK_OLD_S = 5.0
RETRY_LATER_S = 60
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# signing in and out, and how pages look: without these nobody could see what is wrong
ALWAYS = frozenset({"security.login", "security.logout", "counter.choose_theme", "pages.choose_language"})

SQLSTATES = {"25006": "read_only", "53100": "full"}
ERRNOS = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full", errno.EROFS: "read_only"}
DEPTH = 6


class Degraded(StrEnum):
    """Why nothing can be changed just now."""

    READ_ONLY = "read_only"
    FULL = "full"
    CLOCK = "clock"


DETAILS = {
    Degraded.READ_ONLY: "The store takes no changes just now: nothing was changed. Send the same request again later.",
    Degraded.FULL: "The disk is full: nothing was changed or half written. Send the same request again later.",
    Degraded.CLOCK: "The machine's clock is in doubt: nothing was changed. Send the same request again later.",
}


def degraded_mode(error: BaseException) -> Degraded | None:
    """The mode that an error tells of, or None: then it is something else."""
    for each in _causes(error):
        if isinstance(each, ClockInDoubtError):
            return Degraded.CLOCK
        if isinstance(each, sqlite3.Error):
            words = str(each)
            if "readonly database" in words:
                return Degraded.READ_ONLY
            if "disk is full" in words:
                return Degraded.FULL
        if isinstance(each, OSError) and each.errno in ERRNOS:
            return Degraded(ERRNOS[each.errno])
        state = getattr(each, "sqlstate", None)
        if state in SQLSTATES:
            return Degraded(SQLSTATES[state])
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it came from."""
    found: BaseException | None = error
    for _ in range(DEPTH):
        if found is None:
            return
        yield found
        original = getattr(found, "orig", None)
        found = original if isinstance(original, BaseException) else found.__cause__


def register(app: Flask) -> None:
    """Refuse what would change something while the clock is in doubt."""
    context: Context = app.extensions["lifecert"]
    recent: Recent[ClockReading | None] = Recent(lambda: _reading(context), CLOCK_OLD_S)

    def guard() -> None:
        if request.method in SAFE or request.endpoint is None or request.endpoint in ALWAYS:
            return
        reading = recent.get()
        if reading is not None and not reading.steady:
            raise ClockInDoubtError(reading)

    app.extensions[KEY] = recent
    app.before_request(guard)


def _reading(context: Context) -> ClockReading | None:
    try:
        return read_clock(context)
    except (ModelsError, SQLAlchemyError, sqlite3.Error):
        return None  # the request itself will say that the store does not answer
