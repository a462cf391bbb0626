"""A citizen's own status by name, resident ID and a one-time code: who asks is never told whether name and number fit anybody."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.certification_state import CertificationState
from models.database import Database
from models.errors import NotFoundError
from models.identifiers import IdentifierError, mask_name
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, strengths_from
from models.outbox import OutboxMessage
from models.outreach import Outreach, OutreachAttempt, OutreachChannel
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import StatusPagePolicy
from models.repositories import audit, certifications, life_evidence, persons, status_codes
from models.status_code import CodeChannel
from models.types import opaque_id
from verify.people import known_person

MESSAGES_SHOWN = 20
OUTREACH_MESSAGE = "outreach.sms"


@dataclass(frozen=True)
class CodeToSend:
    """A code and the phone on record that it goes to. reference: the same for every try of sending it."""

    phone: str
    code: str
    reference: str


@dataclass(frozen=True)
class Asked:
    """Somebody asked. who: public id of the person, or a random one of nobody: they look the same. to_send: None to send nothing."""

    who: str
    to_send: CodeToSend | None


@dataclass(frozen=True)
class SentMessage:
    """A message that went to the person. kind: as in the outbox, or ``outreach.sms``."""

    kind: str
    on: date


@dataclass(frozen=True)
class OwnStatus:
    """What the person sees. last_kind: how the last certification was made, None without one; silent: from other records."""

    masked_name: str
    masked_resident_id: str
    masked_phone: str | None
    state: CertificationState
    last_on: date | None
    valid_until: date | None
    last_kind: EvidenceKind | None
    silent: bool
    messages: tuple[SentMessage, ...]


class StatusCodeService:
    """Use cases of the status page. Thread-safe."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        certification: CertificationPolicy,
        status_page: StatusPagePolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._certification = certification
        self._policy = status_page
        self._clock = clock
        self._digests = status_codes.CodeDigests(keyring)

    # codes ---------------------------------------------------------------------------------------------------------

    def ask(self, name: str, resident_id: str, *, by_message: bool) -> Asked:
        """Look for the person, and make a code for the phone on record when one may be sent. Writes as much for nobody as for somebody."""
        now = self._clock()
        with self._database.session_scope() as session:
            person = self._find(session, name, resident_id)
            to_send = self._code_for(session, person, now) if person is not None and by_message else None
            details = {"by_message": by_message, "sent": to_send is not None}
            key = None if person is None else person.id
            audit.record(session, actor="person", action="status_page.asked", now=now, person_id=key, details=details)
            return Asked(opaque_id() if person is None else person.public_id, to_send)

    def _find(self, session: Session, name: str, resident_id: str) -> Person | None:
        try:
            return persons.find_by_name_and_resident_id(session, name, resident_id, keyring=self._keyring)
        except IdentifierError:
            return None

    def _code_for(self, session: Session, person: Person, now: datetime) -> CodeToSend | None:
        phone = persons.open_phone(person, self._keyring)
        sent = status_codes.issued_since(session, person.id, CodeChannel.SMS, now - timedelta(days=1))
        if phone is None or sent >= self._policy.messages_per_day:
            return None
        code = self._new_code(session, person, CodeChannel.SMS, "person", timedelta(minutes=self._policy.code_minutes), now)
        return CodeToSend(phone, code, opaque_id())

    def issue_at_counter(self, person_id: str, *, actor: str) -> tuple[str, date]:
        """A code for the person at the counter, and its last day. It is shown once and stored nowhere. Raises PersonUnknown."""
        now = self._clock()
        lasts = timedelta(days=self._policy.counter_code_days)
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            code = self._new_code(session, person, CodeChannel.COUNTER, actor, lasts, now)
            audit.record(session, actor=actor, action="status_page.code_issued", now=now, person_id=person.id)
        return code, self._certification.today(now + lasts)

    def _new_code(self, session: Session, person: Person, channel: CodeChannel, by: str, lasts: timedelta, now: datetime) -> str:
        code = "".join(secrets.choice("0123456789") for _ in range(self._policy.code_digits))
        digest = self._digests.digest(person.public_id, code)
        status_codes.add(session, person.id, digest, channel=channel, by=by, now=now, expires_at=now + lasts)
        return code

    def open(self, who: str, code: str) -> bool:
        """Use up a code; True when it was the right one, and held. The same work is done for nobody."""
        now = self._clock()
        with self._database.session_scope() as session:
            try:
                person: Person | None = persons.get(session, who)
            except NotFoundError:
                person = None
            members = () if person is None else persons.records_of(session, person.id)
            # a code made before a merger was made for the other record
            names = list(session.scalars(select(Person.public_id).where(Person.id.in_(members)))) or [who]
            digests = [self._digests.digest(name, code) for name in names]
            channel = status_codes.use(session, members, digests, tries=self._policy.tries, now=now)
            action = "status_page.code_wrong" if channel is None else "status_page.opened"
            key = None if person is None else person.id
            audit.record(session, actor="person", action=action, now=now, person_id=key)
            return channel is not None

    # the page ------------------------------------------------------------------------------------------------------

    def status(self, who: str) -> OwnStatus:
        """What the person sees of themselves. Raises PersonUnknown."""
        now = self._clock()
        today = self._certification.today(now)
        with self._database.read_scope() as session:
            person = known_person(session, who)
            members = persons.records_of(session, person.id)
            status = certifications.status_of(session, person.id, self._certification, today)
            rows = [row for member in members for row in life_evidence.effective(session, member)]
            last = max((row for row in rows if self._certifies(row, today)), key=lambda row: (row.occurred_on, row.id), default=None)
            alive = status.state is not CertificationState.DECEASED
            return OwnStatus(
                masked_name=mask_name(person.name),
                masked_resident_id=person.resident_id_masked,
                masked_phone=person.phone_masked,
                state=status.state,
                last_on=status.last_certified_on if alive else None,
                valid_until=status.due_on if alive and status.last_certified_on is not None else None,
                last_kind=last.kind if alive and last is not None else None,
                silent=last is not None and last.based_on_id is not None,
                messages=self._messages(session, members),
            )

    def _certifies(self, row: LifeEvidence, today: date) -> bool:
        minimum = self._certification.certifying.get(row.kind)
        return minimum is not None and row.strength in strengths_from(minimum) and row.occurred_on <= today

    def _messages(self, session: Session, members: tuple[int, ...]) -> tuple[SentMessage, ...]:
        today = self._certification.today
        outgoing = session.execute(
            select(OutboxMessage.kind, OutboxMessage.sent_at)
            .where(OutboxMessage.person_id.in_(members), OutboxMessage.sent_at.is_not(None))
            .order_by(OutboxMessage.id.desc())
            .limit(MESSAGES_SHOWN)
        )
        sent = [SentMessage(kind, today(at)) for kind, at in outgoing if at is not None]
        attempts = session.scalars(
            select(OutreachAttempt.made_at)
            .join(Outreach, Outreach.id == OutreachAttempt.outreach_id)
            .where(Outreach.person_id.in_(members), OutreachAttempt.channel == OutreachChannel.SMS)
            .order_by(OutreachAttempt.id.desc())
            .limit(MESSAGES_SHOWN)
        )
        sent += [SentMessage(OUTREACH_MESSAGE, today(at)) for at in attempts]
        return tuple(sorted(sent, key=lambda message: message.on, reverse=True)[:MESSAGES_SHOWN])

    def housekeeping(self) -> int:
        """Delete codes that ended longer ago than policy keeps them; how many there were."""
        with self._database.session_scope() as session:
            return status_codes.purge(session, before=self._clock() - timedelta(days=self._policy.code_days_kept))
