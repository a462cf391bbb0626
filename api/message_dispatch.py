"""From the outbox to phones: each message at least once, tried again after failures that may pass, given up in words.

A dispatcher that is killed between handing a message over and noting it sends it once more; the sender gets the same reference both times.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from api.context import Context
from api.message_references import reference_of
from api.message_texts import DATED, TEXTS, text_of
from api.messages import SmsError, SmsSender, sms_sender
from models.certificate import Certificate
from models.errors import NotFoundError
from models.keys import UnsealError
from models.outbox import OutboxMessage
from models.outreach import Outreach, OutreachChannel, OutreachOutcome
from models.person import Person
from models.repositories import certifications, consents, outbox, outreach, persons
from models.repositories.outreach import REMINDER
from verify.resumption_service import RESUMED

ACTOR = "job:messages"
KINDS = tuple(TEXTS)
CLAIMED_AT_ONCE = 50
REFERENCES = "references of messages"
LEASE = timedelta(minutes=10)  # the messages of a dispatcher that died come again after this
BUDGET_S = 45.0  # a run ends before the next minute's begins

NO_PERSON = "no person"
UNUSABLE = "the payload is not what this kind of message carries"
NO_PHONE = "no phone number is recorded"
NOT_NEEDED = "no longer needed: the person has left the outreach list"


@dataclass(frozen=True)
class Dispatched:
    """What one run did. settled: will never leave (no phone, no longer needed). refused: for good, or after the last try."""

    sent: int = 0
    settled: int = 0
    refused: int = 0
    later: int = 0


@dataclass(frozen=True)
class _Ready:
    phone: str
    text: str


def send_messages(context: Context, *, sender: SmsSender | None = None) -> Dispatched:
    """Send what is waiting, within policy's hours of the day; kinds without a text are left to others."""
    sender = sender or sms_sender(context)
    counts = {"sent": 0, "settled": 0, "refused": 0, "later": 0}
    end = time.monotonic() + BUDGET_S
    while within_hours(context) and time.monotonic() < end:
        now = context.clock()
        with context.database.session_scope() as session:
            claimed = [
                (message.id, message.attempts)
                for message in outbox.claim(session, now=now, retry_at=now + LEASE, limit=CLAIMED_AT_ONCE, kinds=KINDS)
            ]
        if not claimed:
            break
        for message_id, attempts in claimed:
            counts[_send_one(context, sender, message_id, attempts)] += 1
    return Dispatched(**counts)


def within_hours(context: Context) -> bool:
    """True in the hours of the day in which messages may reach people."""
    hour = context.clock().astimezone(ZoneInfo(context.policy.certification.time_zone)).hour
    first, end = context.policy.outreach.sms_hours
    return first <= hour < end


def _send_one(context: Context, sender: SmsSender, message_id: int, attempts: int) -> str:
    ready: _Ready | str
    with context.database.read_scope() as session:
        message = session.get_one(OutboxMessage, message_id)
        try:
            ready = _prepare(context, session, message)
        except (KeyError, ValueError):
            ready = UNUSABLE
    if isinstance(ready, str):
        with context.database.session_scope() as session:
            outbox.settle(session, message_id, note=ready, now=context.clock())
        return "settled"
    try:
        sender.send(ready.phone, ready.text, reference_of(context, REFERENCES, message_id))
    except SmsError as error:
        return _failed(context, message, attempts, error)
    now = context.clock()
    with context.database.session_scope() as session:
        if outbox.mark_sent(session, message_id, now=now):
            _note_attempt(session, message, OutreachOutcome.SENT, now)
    return "sent"


def _failed(context: Context, message: OutboxMessage, attempts: int, error: SmsError) -> str:
    now = context.clock()
    waits = context.policy.outreach.sms_retry_s
    with context.database.session_scope() as session:
        if not error.permanent and attempts <= len(waits):
            outbox.mark_failed(session, message.id, error=str(error), retry_at=now + timedelta(seconds=waits[attempts - 1]))
            return "later"
        note = f"refused: {error}" if error.permanent else f"given up after {attempts} tries: {error}"
        if outbox.settle(session, message.id, note=note, now=now):
            _note_attempt(session, message, OutreachOutcome.FAILED, now)
    return "refused"


def _note_attempt(session: Session, message: OutboxMessage, outcome: OutreachOutcome, now: datetime) -> None:
    row = _outreach_row(session, message)
    if row is not None and row.closed_at is None:
        outreach.add_attempt(session, row.id, channel=OutreachChannel.SMS, outcome=outcome, note=None, by=ACTOR, now=now)


def _outreach_row(session: Session, message: OutboxMessage) -> Outreach | None:
    if message.kind != REMINDER:
        return None
    try:
        return outreach.get(session, str(message.payload.get("outreach")))
    except NotFoundError:
        return None


def _prepare(context: Context, session: Session, message: OutboxMessage) -> _Ready | str:
    """What to send, or why nothing is to be sent."""
    record = None if message.person_id is None else session.get(Person, message.person_id)
    person = persons.speaking(session, record)
    if record is None or person is None:
        return NO_PERSON
    if message.kind == REMINDER:
        row = _outreach_row(session, message)
        if row is None or row.closed_at is not None:
            return NOT_NEEDED
    try:
        phone = persons.open_phone(person, context.keyring) or persons.open_phone(record, context.keyring)
    except UnsealError:
        return "the phone number does not open: it was altered, or the key is missing"
    if phone is None:
        return NO_PHONE
    language = next((consent.language for consent in consents.history(session, person.id)), "zh")
    values = _values(context, session, message, person, language)
    if values is None:
        return "the certification no longer counts"
    return _Ready(phone, text_of(message.kind, language, values))


def _values(context: Context, session: Session, message: OutboxMessage, person: Person, language: str) -> dict[str, str] | None:
    if message.kind == RESUMED:
        month = date.fromisoformat(str(message.payload["month"]))
        return {"month": f"{month.year}年{month.month}月" if language != "en" else f"{month:%B %Y}"}
    if message.kind not in DATED:
        return {}
    due_on = _due_on(context, session, message, person)
    if due_on is None:
        return None
    return {"due_on": f"{due_on.year}年{due_on.month}月{due_on.day}日" if language != "en" else f"{due_on.day} {due_on:%B %Y}"}


def _due_on(context: Context, session: Session, message: OutboxMessage, person: Person) -> date | None:
    """Last day of the certification that the message tells of: its own word, its certificate's, or the status of today."""
    said = message.payload.get("due_on")
    if isinstance(said, str):
        return date.fromisoformat(said)
    certificate_id = message.payload.get("certificate")
    certificate = session.get(Certificate, certificate_id) if isinstance(certificate_id, str) else None
    if certificate is not None:
        return certificate.valid_until
    policy = context.policy.certification
    return certifications.status_of(session, person.id, policy, policy.today(context.clock())).due_on
