"""Sending webhooks (Standard Webhooks): fan out, sign, post, try again with growing waits, give up in the end.

At least once: a message is claimed, sent, and only then marked. Who dies in between leaves a claim that runs out, and the message goes
again with the same ``webhook-id``. Any number of senders may run; each message is in one hand at a time.
"""

from __future__ import annotations

import json
import random
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
from standardwebhooks import Webhook

from api.log import logger
from api.webhook_targets import GuardedNetwork, TargetError, Targets
from models.database import Database
from models.keys import KeyRing, UnsealError
from models.policy_store import IntegrationPolicy
from models.repositories import webhook_deliveries, webhooks
from models.repositories.changes_feed import AnnouncedChange
from models.repositories.webhook_deliveries import Claimed
from models.repositories.webhooks import Target
from models.webhook import WebhookEndpoint

EVENT = "certification.status_changed"
TEST_EVENT = "webhook.test"
WORKERS = 8
BATCH = 50  # messages that a worker takes at a time
FAILURES_IN_A_ROW = 3  # answers that are errors, from which an address is left alone for a while
JITTER = 0.2  # waits are up to a fifth longer, so that messages that failed together do not come back together
RETRY_AFTER_MAX_S = 24 * 3600
ANSWER_BYTES = 16 * 1024  # read so that the connection can be used again; what is longer is cut off
GONE = 410
TROUBLE = frozenset({429, 502, 503, 504})  # the address as a whole, not this message

log = logger("lifecert.webhooks")


@dataclass(frozen=True)
class Answer:
    """What came of one post. status: HTTP, None when there was no answer. trouble: it is the address, not the message."""

    status: int | None
    error: str = ""
    trouble: bool = False
    retry_after_s: float = 0.0

    @property
    def delivered(self) -> bool:
        """2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Round:
    """What a round did."""

    fanned_out: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0

    def __add__(self, other: Round) -> Round:
        return Round(
            self.fanned_out + other.fanned_out, self.delivered + other.delivered, self.failed + other.failed, self.dead + other.dead
        )


def payload(change: AnnouncedChange) -> dict[str, Any]:
    """The body for a change: public ids, states and days; no name, no number."""
    return {
        "type": EVENT,
        "timestamp": change.announced_at.isoformat(),
        "data": {
            "change": change.change,
            "person_id": change.person_id,
            "region_code": change.region_code,
            "on": change.on.isoformat(),
            "before": None if change.before is None else change.before.value,
            "state": change.state.value,
            "last_certified_on": None if change.last_certified_on is None else change.last_certified_on.isoformat(),
            "due_on": None if change.due_on is None else change.due_on.isoformat(),
        },
    }


def test_message(now: datetime) -> dict[str, Any]:
    """A body that tells of nobody."""
    return {"type": TEST_EVENT, "timestamp": now.isoformat(), "data": {}}


class Poster:
    """Signs and posts. Thread-safe; connections are kept open and used again."""

    def __init__(self, targets: Targets, *, timeout_s: float) -> None:
        self._targets = targets
        self._timeout_s = timeout_s
        self._network = GuardedNetwork(targets)
        # the machine's own certificate authorities, so that a government network can add its own
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=4 * WORKERS,
            max_keepalive_connections=2 * WORKERS,
            keepalive_expiry=30.0,
            network_backend=self._network,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def post(self, target: Target, message_id: str, body: dict[str, Any], *, now: datetime) -> Answer:
        """Send one message. Never raises for what the other side does."""
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        headers: dict[bytes | str, bytes | str] = {
            "content-type": "application/json",
            "user-agent": "Lifecert-Webhooks/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(target.secret).sign(message_id, now, data),
        }
        try:
            self._targets.check_url(target.url)
            self._network.give(self._timeout_s)
            steps = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
            with self._pool.stream("POST", target.url, headers=headers, content=data.encode(), extensions={"timeout": steps}) as response:
                read = 0
                for part in response.iter_stream():
                    read += len(part)
                    if read > ANSWER_BYTES:
                        break
            return _answer(response, now)
        except TargetError as error:
            return Answer(None, f"not allowed ({error.rule})", trouble=True)
        except (httpcore.ConnectTimeout, httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout):
            return Answer(None, f"no answer within {self._timeout_s:g} s", trouble=True)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
            return Answer(None, f"no connection ({type(error).__name__})", trouble=True)


def _answer(response: httpcore.Response, now: datetime) -> Answer:
    headers = {name.lower(): value for name, value in response.headers}
    status = response.status
    if 200 <= status < 300:
        return Answer(status)
    after = _retry_after_s(headers.get(b"retry-after", b"").decode("latin-1"), now)
    note = ": redirects are not followed" if 300 <= status < 400 else ""
    return Answer(status, f"answered {status}{note}", trouble=status in TROUBLE, retry_after_s=after)


def _retry_after_s(text: str, now: datetime) -> float:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), 0 without one that can be read."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), RETRY_AFTER_MAX_S)


class Sender:
    """Rounds of sending. One a process is enough; more do no harm."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        policy: IntegrationPolicy,
        targets: Targets,
        clock: Callable[[], datetime],
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._poster = Poster(targets, timeout_s=policy.webhook_timeout_s)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="webhooks")
        self._busy: dict[int, Future[Round]] = {}
        self._stopping = threading.Event()

    def close(self) -> None:
        """Finish the message in hand of every worker, and stop."""
        self._stopping.set()
        self._pool.shutdown(wait=True)
        self._poster.close()

    def run_once(self) -> Round:
        """Fan out, and send whatever is due now; waits for every worker."""
        done = self.start_round()
        while self._busy:
            for key in list(self._busy):
                done += self._busy.pop(key).result()
        return done

    def start_round(self) -> Round:
        """Fan out, and give a worker to every address with something due that has none yet. What finished workers did is in the answer."""
        done = Round()
        for key in [key for key, future in self._busy.items() if future.done()]:
            done += self._busy.pop(key).result()
        with self._database.read_scope() as session:
            behind = webhook_deliveries.to_fan_out(session)
        for key in behind:
            with self._database.session_scope() as session:
                done += Round(fanned_out=webhook_deliveries.fan_out(session, key, now=self._clock()))
        with self._database.read_scope() as session:
            due = webhook_deliveries.with_due(session, now=self._clock())
        for key in due:
            if key not in self._busy:
                self._busy[key] = self._pool.submit(self._serve, key)
        return done

    def _serve(self, key: int) -> Round:
        """Send what is due at one address, batch after batch, in order, until nothing is due or the address is in trouble."""
        done = Round()
        while not self._stopping.is_set():
            now = self._clock()
            # Time for the whole batch: _send gives back what it has not begun when half of it is over.
            lease_s = 4 * self._policy.webhook_timeout_s + 10
            with self._database.session_scope() as session:
                claimed = webhook_deliveries.claim(session, key, now=now, until=now + timedelta(seconds=lease_s), limit=BATCH)
                endpoint = session.get(WebhookEndpoint, key)
            if not claimed or endpoint is None:
                break
            try:
                target = webhooks.target(endpoint, self._keyring)
            except UnsealError:
                with self._database.session_scope() as session:
                    webhook_deliveries.disable(session, key, reason="the secret cannot be opened: make a new webhook", now=now)
                break
            result, go_on = self._send(target, list(claimed), now + timedelta(seconds=lease_s / 2))
            done += result
            if not go_on:
                break
        return done

    def _send(self, target: Target, claimed: list[Claimed], until: datetime) -> tuple[Round, bool]:
        done, in_a_row = Round(), 0
        for position, message in enumerate(claimed):
            rest = [later.key for later in claimed[position:]]
            if self._stopping.is_set() or self._clock() > until:
                self._give_back(rest)
                return done, not self._stopping.is_set()
            answer = self._poster.post(target, f"msg_{message.public_id}", payload(message.change), now=self._clock())
            in_a_row = 0 if answer.delivered else in_a_row + 1
            done += self._note(target, message, answer)
            if answer.status == GONE:
                return done, False
            if answer.trouble or in_a_row >= FAILURES_IN_A_ROW:
                done += self._leave_alone(target, message, answer, rest[1:])
                return done, False
        return done, True

    def _note(self, target: Target, message: Claimed, answer: Answer) -> Round:
        now = self._clock()
        with self._database.session_scope() as session:
            if answer.delivered and answer.status is not None:
                webhook_deliveries.mark_delivered(session, message.key, status=answer.status, now=now)
                return Round(delivered=1)
            if answer.status == GONE:
                webhook_deliveries.mark_dead(session, message.key, status=GONE, error=answer.error, now=now)
                webhook_deliveries.disable(session, target.key, reason="the address answered 410 Gone", now=now)
                log.warning("webhook_disabled", webhook=target.public_id)
                return Round(dead=1)
            wait_s = self._wait_s(message.attempts, answer)
            if wait_s is None:
                webhook_deliveries.mark_dead(session, message.key, status=answer.status, error=answer.error, now=now)
                log.warning("webhook_given_up", webhook=target.public_id, delivery=message.public_id, attempts=message.attempts)
                return Round(dead=1)
            retry_at = now + timedelta(seconds=wait_s)
            webhook_deliveries.mark_failed(session, message.key, status=answer.status, error=answer.error, retry_at=retry_at)
            return Round(failed=1)

    def _wait_s(self, attempts: int, answer: Answer) -> float | None:
        """Until the next try after so many; None when it was the last."""
        waits = self._policy.webhook_retry_s
        if attempts > len(waits):
            return None
        return max(float(waits[attempts - 1]), answer.retry_after_s) * (1 + JITTER * self._rng.random())

    def _leave_alone(self, target: Target, message: Claimed, answer: Answer, rest: list[int]) -> Round:
        """Nothing goes to this address before the message that failed is tried again: one try tells whether it is back."""
        now = self._clock()
        wait_s = self._wait_s(message.attempts, answer) or float(self._policy.webhook_retry_s[0])
        too_old = now - timedelta(seconds=sum(self._policy.webhook_retry_s) * (1 + JITTER))
        with self._database.session_scope() as session:
            webhook_deliveries.give_back(session, rest, not_before=now)
            given_up = webhook_deliveries.hold_back(
                session, target.key, not_before=now + timedelta(seconds=wait_s), older_than=too_old, error=answer.error, now=now
            )
        log.info("webhook_held_back", webhook=target.public_id, why=answer.error, seconds=round(wait_s))
        return Round(dead=given_up)

    def _give_back(self, keys: list[int]) -> None:
        with self._database.session_scope() as session:
            webhook_deliveries.give_back(session, keys, not_before=self._clock())
