"""How often one account may be tried from one address: the retry rules of the policy, held in each worker's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.policy import RetryPolicy

REMEMBERED = 10_000  # the oldest go first, so that trying many names cannot fill the memory


@dataclass(frozen=True)
class _Failures:
    count: int
    last: datetime


class SignInLimit:
    """Counts failures in a row. Thread-safe. Several workers count each for themselves, so a limit of n is at most n a worker."""

    def __init__(self, policy: RetryPolicy, clock: Callable[[], datetime]) -> None:
        self._policy = policy
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, account: str, address: str) -> int:
        """Whole seconds until the next try is looked at; 0: now."""
        with self._lock:
            known = self._failures.get((account.lower(), address))
        if known is None:
            return 0
        until = known.last + timedelta(seconds=self._policy.wait_s(known.count, pad=False))
        return max(0, -int((self._clock() - until).total_seconds() // 1))

    def failed(self, account: str, address: str) -> None:
        """Note one more failure. Failures of long ago (policy's forget_after_hours) no longer count."""
        key, now = (account.lower(), address), self._clock()
        with self._lock:
            known = self._failures.pop(key, None)
            forgotten = known is None or now - known.last > timedelta(hours=self._policy.forget_after_hours)
            self._failures[key] = _Failures(1 if known is None or forgotten else known.count + 1, now)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Start from nothing again."""
        with self._lock:
            self._failures.pop((account.lower(), address), None)
