"""Values that may be a few seconds old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """A value that is looked up again once it is older than a few seconds. Thread-safe."""

    def __init__(self, look_up: Callable[[], Value], seconds: float, steady: Callable[[], float] = time.monotonic) -> None:
        self._look_up, self._seconds, self._steady = look_up, seconds, steady
        self._lock = threading.Lock()
        self._kept: tuple[float, Value] | None = None

    def get(self) -> Value:
        """The value. Raises what looking it up raises."""
        with self._lock:
            kept = self._kept
            if kept is None or self._steady() - kept[0] > self._seconds:
                kept = self._kept = (self._steady(), self._look_up())
            return kept[1]

    def forget(self) -> None:
        """Look it up anew the next time."""
        with self._lock:
            self._kept = None
