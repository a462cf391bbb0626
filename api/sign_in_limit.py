"""How often one account, or one identity card number, may be tried from one address: the retry rules of the policy, over all workers."""

from __future__ import annotations

from api.context import Context
from api.limits import RateLimits, network_of
from models.repositories import failure_counts


class SignInLimit:
    """Counts failures in a row. One an application; what it counts is in the store, under keyed digests.

    scope: what is tried; the same name under two scopes are two.
    """

    def __init__(self, context: Context, limits: RateLimits, scope: str) -> None:
        self._context = context
        self._limits = limits
        self._scope = scope

    def begin(self, name: str, address: str) -> int:
        """Count a try as failed before it is looked at: 0 when it may be, else whole seconds to wait. Call ``succeeded`` when it fits."""
        with self._context.database.session_scope() as session:
            return failure_counts.begin_try(
                session, self._scope, self._digest(name, address), self._context.policy.retry, now=self._context.clock()
            )

    def wait_s(self, name: str, address: str) -> int:
        """Whole seconds until the next try is looked at; 0: now. Counts nothing."""
        with self._context.database.read_scope() as session:
            return failure_counts.wait_s(session, self._scope, self._digest(name, address), now=self._context.clock())

    def succeeded(self, name: str, address: str) -> None:
        """Start from nothing again."""
        with self._context.database.session_scope() as session:
            failure_counts.clear(session, self._scope, self._digest(name, address))

    def _digest(self, name: str, address: str) -> bytes:
        return self._limits.digest(name.lower(), network_of(address))
