"""What a worker remembers of the open sessions that it serves, so that a frame costs one short transaction.

Nothing here is the truth: the store is. What was remembered can be forgotten at any time, and another worker's frames are taken in
with the next answer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from verify.observation import Observation
from verify.pad.challenge import Challenge

REMEMBERED = 64  # sessions a worker; a session of 300 frames takes about half a megabyte


@dataclass
class LiveSession:
    """The unchanging facts of one session, and its frames so far without their sealed part, by seq."""

    token_hash: bytes
    challenge: Challenge
    started_at: datetime
    last_row: int = 0
    _seen: dict[int, Observation] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, rows: Iterable[tuple[int, Observation]]) -> None:
        """Take in rows of the store: (row id, observation). Rows of one session are written one after the other, so none is missed."""
        with self._lock:
            for row, observation in rows:
                self._seen[observation.seq] = observation
                self.last_row = max(self.last_row, row)

    @property
    def frames(self) -> int:
        """How many frames are known here."""
        return len(self._seen)

    def observations(self) -> list[Observation]:
        """All frames known, in order of seq."""
        with self._lock:
            return [self._seen[seq] for seq in sorted(self._seen)]


class LiveSessions:
    """The sessions last used, each read from the store once. Thread-safe."""

    def __init__(self, read: Callable[[str], LiveSession]) -> None:
        self._read = read
        self._sessions: OrderedDict[str, LiveSession] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, verification_id: str) -> LiveSession:
        """The session, from memory or from the store. Raises what ``read`` raises."""
        with self._lock:
            known = self._sessions.get(verification_id)
            if known is not None:
                self._sessions.move_to_end(verification_id)
                return known
        fresh = self._read(verification_id)
        with self._lock:
            kept = self._sessions.setdefault(verification_id, fresh)
            while len(self._sessions) > REMEMBERED:
                self._sessions.popitem(last=False)
            return kept

    def forget(self, verification_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._sessions.pop(verification_id, None)
