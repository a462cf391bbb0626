"""How often somebody may come: one limiter for all doors and pages, over all workers, that survives restarts.

Whoever comes too often gets 429 with Retry-After. Nobody's address or number is kept: the store knows keyed digests (HMAC-SHA256,
RFC 2104). When the store cannot be written, each worker counts by itself meanwhile: a limit takes no door down.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import threading
from collections import OrderedDict
from enum import StrEnum
from typing import TYPE_CHECKING

from flask import current_app, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import TooManyRequests

from api.context import Context
from api.log import logger
from models.errors import DatabaseUnreachableError
from models.policy_limits import RateLimit
from models.repositories import rate_limits
from models.repositories.rate_limits import SECOND_US, microseconds

if TYPE_CHECKING:
    from flask import Flask

KEY = "lifecert_limits"
DIGEST_BYTES = 16
REMEMBERED = 20_000  # the oldest go first, so that trying many keys cannot fill the memory
IPV6_NETWORK_BITS = 64  # what one household or office is given (RFC 6177): whoever has it has all addresses in it

log = logger("lifecert.limits")


class Limited(StrEnum):
    """What is limited, as the policy's section [limits] names it."""

    VERIFICATIONS_OF_PERSON = "verifications_of_person"
    VERIFICATIONS_FROM_ADDRESS = "verifications_from_address"
    FRAMES_OF_VERIFICATION = "frames_of_verification"
    IDENTIFYING_FROM_ADDRESS = "identifying_from_address"
    IDENTIFYING_OF_NUMBER = "identifying_of_number"
    STATUS_CODES_FROM_ADDRESS = "status_codes_from_address"
    SIGN_INS_FROM_ADDRESS = "sign_ins_from_address"
    SIGN_INS_OF_ACCOUNT = "sign_ins_of_account"
    TOKENS_FROM_ADDRESS = "tokens_from_address"
    UPLOADS_OF_ACCOUNT = "uploads_of_account"
    CERTIFICATE_CHECKS_FROM_ADDRESS = "certificate_checks_from_address"


Place = tuple[str, bytes]


class RateLimits:
    """Counts, and refuses. Thread-safe; one an application."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._secret = context.keyring.derive("rate limits")
        self._lock = threading.Lock()
        self._held: OrderedDict[Place, int] = OrderedDict()  # taken in advance and not used yet
        self._refused: OrderedDict[Place, int] = OrderedDict()  # until when, so that whoever hammers asks the store once
        self._alone: OrderedDict[Place, int] = OrderedDict()  # what this worker counts while the store cannot be written

    def digest(self, *parts: str) -> bytes:
        """What the store knows a key by."""
        told = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, told, hashlib.sha256)[:DIGEST_BYTES]

    def wait_s(self, limit: Limited, *key: str, share: int = 1) -> int:
        """Take one: 0, or the whole seconds until one can be had.

        share: taken from the store together and counted down by this worker, where asking each time would cost too much. A worker may then
        let up to a share less one more through than the limit has at that moment.
        """
        allowed: RateLimit = getattr(self._context.policy.limits, limit.value)
        place = (limit.value, self.digest(*key))
        at = microseconds(self._context.clock())
        with self._lock:
            if self._held.get(place, 0) > 0:
                self._held[place] -= 1
                return 0
            until = self._refused.get(place, 0)
            if at < until <= at + allowed.per_s * SECOND_US:
                return -(-(until - at) // SECOND_US)
        taken = self._take(place, allowed, min(share, allowed.most))
        with self._lock:
            if taken.granted:
                self._refused.pop(place, None)
                if taken.granted > 1:
                    _remember(self._held, place, self._held.get(place, 0) + taken.granted - 1)
            else:
                _remember(self._refused, place, at + taken.wait_s * SECOND_US)
        return taken.wait_s

    def check(self, limit: Limited, *key: str, share: int = 1) -> None:
        """Take one. Raises TooManyRequests (429, for pages and doors alike) with the seconds to wait."""
        wait = self.wait_s(limit, *key, share=share)
        if wait:
            log.info("too_often", limit=limit.value, wait_s=wait)
            raise TooManyRequests(retry_after=wait)

    def _take(self, place: Place, allowed: RateLimit, cost: int) -> rate_limits.Taken:
        now = self._context.clock()
        try:
            with self._context.database.session_scope() as session:
                return rate_limits.take(session, *place, allowed, now=now, cost=cost)
        except (DatabaseUnreachableError, DBAPIError) as error:
            log.warning("limit_counted_by_this_worker_alone", limit=place[0], kind=type(error).__name__)
        at, ahead = microseconds(now), microseconds(now) + allowed.most * allowed.each_us
        with self._lock:
            free_at = min(max(self._alone.get(place, 0), at), ahead) + cost * allowed.each_us
            if free_at > ahead:
                return rate_limits.Taken(0, -(-(free_at - ahead) // SECOND_US))
            _remember(self._alone, place, free_at)
        return rate_limits.Taken(cost, 0)


def _remember(kept: OrderedDict[Place, int], place: Place, value: int) -> None:
    kept[place] = value
    kept.move_to_end(place)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def limits_of(app: Flask) -> RateLimits:
    """The limiter of an application, made when it is first asked for."""
    if KEY not in app.extensions:
        app.extensions[KEY] = RateLimits(app.extensions["lifecert"])
    found: RateLimits = app.extensions[KEY]
    return found


def check(limit: Limited, *key: str, share: int = 1) -> None:
    """Take one for the present request. Raises TooManyRequests (429)."""
    limits_of(current_app).check(limit, *key, share=share)


def client_address() -> str:
    """Where the present request comes from: an IPv4 address, or the /64 network of an IPv6 one.

    Behind proxies it is what the last trusted one says (LIFECERT_TRUSTED_PROXIES); "" where there is no address (a local socket).
    """
    return network_of(request.remote_addr or "")


def network_of(address: str) -> str:
    """The address as limits count it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, IPV6_NETWORK_BITS), strict=False))
