"""From the outbox to subscribers: letters and webhooks, tried again after failures that may pass, given up in words.

At least once: who is killed between handing a message over and noting it sends it once more, with the same ``Message-ID`` or
``webhook-id``.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import notice_texts
from api.context import Context
from api.mail import Letter, Mailer, MailError, parse_sender, parse_server
from api.message_references import reference_of
from api.notice_times import is_quiet, quiet_ends, quiet_of
from api.notices import EMAIL_KIND, WEBHOOK_KIND, may_be_told, owners
from api.webhook_delivery import GONE, JITTER, Poster
from api.webhook_targets import Targets
from models.keys import UnsealError
from models.outbox import OutboxMessage
from models.oversight import AlertSubscription, NoticeChannel
from models.repositories import outbox, subscriptions
from models.repositories.webhooks import Target

REFERENCES = "references of notices"
LEASE = timedelta(minutes=10)  # the messages of a dispatcher that died come again after this
BUDGET_S = 20.0  # for each channel: a run ends well before the next minute's begins
POSTED_AT_ONCE = 8

ENDED = "no longer needed: the subscription has ended"
UNUSABLE = "the payload is not what this kind of message carries"
NO_MAIL = "no mail server is configured: set LIFECERT_SMTP_URL and LIFECERT_MAIL_FROM"
GONE_REASON = "gone"
"""Why a subscription ends by itself: its webhook answered 410."""


@dataclass(frozen=True)
class NoticesSent:
    """What one run did. settled: will never leave. refused: for good, or after the last try. later: tried again, or in quiet hours."""

    sent: int = 0
    settled: int = 0
    refused: int = 0
    later: int = 0


@dataclass(frozen=True)
class Failure:
    """Why a message did not leave. gone: the address says that it never will again."""

    detail: str
    permanent: bool = False
    gone: bool = False
    after_s: float = 0.0


@dataclass(frozen=True)
class _Ready:
    subscription: str
    channel: NoticeChannel
    to: str
    secret: str
    language: str
    payload: dict[str, Any]


def mailer_of(context: Context) -> Mailer | None:
    """What sends letters here; None without a mail server in the settings."""
    settings = context.settings
    if not settings.smtp_url:
        return None
    server, sender = parse_server(settings.smtp_url), parse_sender(settings.mail_from)
    return Mailer(server, sender, timeout_s=context.policy.oversight.notices.timeout_s)


def send_notices(context: Context, *, rng: random.Random | None = None) -> NoticesSent:
    """Send what is waiting: letters one after another over one server, webhooks some at a time."""
    dispatcher = _Dispatcher(context, rng or random.SystemRandom())
    counts = {"sent": 0, "settled": 0, "refused": 0, "later": 0}
    try:
        for outcome in (*dispatcher.letters(), *dispatcher.webhooks()):
            counts[outcome] += 1
    finally:
        dispatcher.close()
    return NoticesSent(**counts)


class _Dispatcher:
    """One run."""

    def __init__(self, context: Context, rng: random.Random) -> None:
        self._context = context
        self._policy = context.policy.oversight.notices
        self._rng = rng
        self._mailer = mailer_of(context)
        self._poster: Poster | None = None

    def close(self) -> None:
        if self._poster is not None:
            self._poster.close()

    def letters(self) -> list[str]:
        outcomes: list[str] = []
        end = time.monotonic() + BUDGET_S
        while time.monotonic() < end and (claimed := self._claim(EMAIL_KIND, 1)):
            outcomes.append(self._send_one(*claimed[0]))
        return outcomes

    def webhooks(self) -> list[str]:
        outcomes: list[str] = []
        end = time.monotonic() + BUDGET_S
        with ThreadPoolExecutor(POSTED_AT_ONCE, thread_name_prefix="notices") as pool:
            while time.monotonic() < end and (claimed := self._claim(WEBHOOK_KIND, POSTED_AT_ONCE)):
                self._poster = self._poster or Poster(Targets(self._context.settings), timeout_s=self._policy.timeout_s)
                outcomes += pool.map(lambda each: self._send_one(*each), claimed)
        return outcomes

    def _claim(self, kind: str, limit: int) -> list[tuple[int, int]]:
        now = self._context.clock()
        with self._context.database.session_scope() as session:
            found = outbox.claim(session, now=now, retry_at=now + LEASE, limit=limit, kinds=(kind,))
            return [(message.id, message.attempts) for message in found]

    def _send_one(self, message_id: int, attempts: int) -> str:
        context, now = self._context, self._context.clock()
        with context.database.read_scope() as session:
            ready = self._prepare(session, session.get_one(OutboxMessage, message_id))
        if isinstance(ready, timedelta):
            with context.database.session_scope() as session:
                outbox.put_off(session, message_id, until=now + ready)
            return "later"
        if isinstance(ready, str):
            with context.database.session_scope() as session:
                outbox.settle(session, message_id, note=ready, now=now)
            return "settled"
        try:
            failure = self._hand_over(ready, reference_of(context, REFERENCES, message_id))
        except (KeyError, IndexError, TypeError, ValueError):
            failure = Failure(UNUSABLE, permanent=True)
        if failure is None:
            now = context.clock()
            with context.database.session_scope() as session:
                outbox.mark_sent(session, message_id, now=now)
                subscriptions.note_sent(session, ready.subscription, now=now)
            return "sent"
        return self._failed(message_id, attempts, ready, failure)

    def _prepare(self, session: Session, message: OutboxMessage) -> _Ready | str | timedelta:
        """What to send, why nothing is to be sent, or how long to wait for the end of quiet hours."""
        context, payload = self._context, message.payload
        wanted = select(AlertSubscription).where(AlertSubscription.public_id == str(payload.get("subscription")))
        row = session.scalar(wanted)
        if row is None or row.ended_at is not None:
            return ENDED
        account = owners(session, {row.owner}).get(row.owner)
        if account is None or not may_be_told(account, row):
            return ENDED
        quiet, now = quiet_of(row), context.clock()
        if quiet is not None and not payload.get("test") and is_quiet(quiet, now, context.policy.certification):
            return quiet_ends(quiet, now, context.policy.certification) - now
        to, secret = account.email, ""
        if row.channel is NoticeChannel.WEBHOOK:
            try:
                to, secret = row.target or "", subscriptions.open_secret(row, context.keyring)
            except (UnsealError, ValueError):
                return "the secret cannot be opened: make a new subscription"
        return _Ready(row.public_id, row.channel, to, secret, row.language, payload)

    def _hand_over(self, ready: _Ready, reference: str) -> Failure | None:
        context, now = self._context, self._context.clock()
        base_url = context.settings.base_url
        if ready.channel is NoticeChannel.WEBHOOK and self._poster is not None:
            body = notice_texts.webhook_body(ready.payload, base_url)
            target = Target(0, ready.subscription, ready.to, ready.secret)
            answer = self._poster.post(target, f"msg_{reference}", body, now=now)
            if answer.delivered:
                return None
            gone = answer.status == GONE
            return Failure(answer.error, permanent=gone, gone=gone, after_s=answer.retry_after_s)
        if self._mailer is None:
            return Failure(NO_MAIL)
        subject = notice_texts.subject_of(ready.payload, ready.language)
        text = notice_texts.text_of(ready.payload, ready.language, base_url)
        try:
            self._mailer.send(Letter(ready.to, subject, text, ready.language, reference), now=now)
        except MailError as error:
            return Failure(str(error), permanent=error.permanent)
        return None

    def _failed(self, message_id: int, attempts: int, ready: _Ready, failure: Failure) -> str:
        now, waits = self._context.clock(), self._policy.retry_s
        with self._context.database.session_scope() as session:
            subscriptions.note_sent(session, ready.subscription, error=failure.detail)
            if not failure.permanent and attempts <= len(waits):
                wait_s = max(float(waits[attempts - 1]), failure.after_s) * (1 + JITTER * self._rng.random())
                outbox.mark_failed(session, message_id, error=failure.detail, retry_at=now + timedelta(seconds=wait_s))
                return "later"
            note = f"refused: {failure.detail}" if failure.permanent else f"given up after {attempts} tries: {failure.detail}"
            outbox.settle(session, message_id, note=note, now=now)
            if failure.gone:
                wanted = select(AlertSubscription.id).where(AlertSubscription.public_id == ready.subscription)
                subscriptions.end(session, session.scalars(wanted).one(), now=now, reason=GONE_REASON)
        return "refused"
