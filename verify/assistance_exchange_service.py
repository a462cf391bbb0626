"""Assisted certification between two installations: what we tell the other, and what becomes of what it tells us.

Documents tell the whole present state, so they may come twice, late or not at all for some steps: ``verify.assistance.merge`` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import AlertSeverity
from models.assistance import AssistanceRequest, AssistanceState, Peer
from models.database import Database
from models.errors import NotFoundError
from models.identifiers import mask_name, mask_resident_id, parse_resident_id
from models.keys import KeyRing
from models.policy import CertificationPolicy
from models.region import Region
from models.repositories import alerts, assistance, audit, outbox, peers
from models.repositories.alerts import NewAlert
from models.repositories.assistance import Step
from models.triage import TriageRules
from models.types import opaque_id
from verify.assistance import CLOSED_STATES, REASONS, Action, Merge, Side, Standing, Told, merge, merged_version, missed_versions
from verify.assistance_effects import PEER_ASSISTANCE, AssistanceEffects
from verify.assistance_service import check_day, opened_person
from verify.assistance_views import AssistanceInvalid, Document, Field, OpenedPerson, Outgoing, Received, Rule

SILENT = "assistance_peer_silent"


@dataclass(frozen=True)
class Waiting:
    """A message to another installation that was claimed. attempts: this one included."""

    message_id: int
    request_id: str
    version: int
    attempts: int


class AssistanceExchangeService:
    """Both ends of the exchange. Thread-safe."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        certification: CertificationPolicy,
        triage: TriageRules,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._certification = certification
        self._clock = clock
        self._effects = AssistanceEffects(keyring, certification, triage)

    # what we are told ----------------------------------------------------------------------------------------------

    def receive(self, peer_id: int, shared_id: str, document: Document, *, actor: str) -> Received:
        """Take in what an installation tells of one request; the same document again changes nothing.

        peer_id: row of the installation that calls. shared_id: public id of the request on the side that asks.

        Raises:
            NotFoundError: no such request between us and this installation; AssistanceInvalid, IdentifierError: the document breaks a
            rule; ConflictError: ASSISTANCE_STATE, another call was at it in the same moment: the caller tries again.
        """
        now = self._clock()
        with self._database.session_scope() as session:
            peer = session.get_one(Peer, peer_id)
            row = assistance.shared_with(session, peer_id, shared_id)
            if row is None:
                if document.state is not AssistanceState.REQUESTED or document.person is None:
                    raise NotFoundError("there is no such request between us and you")
                row = self._take_in(session, peer, shared_id, document, document.person, actor=actor, now=now)
                return Received(Merge.APPLIED, row.public_id, row.state, row.version)
            teller = Side.PERFORMING if row.asked_here else Side.ASKING
            ours = Standing(row.state, row.version, self._closed_on(row))
            told = Told(document.state, document.version, document.occurred_on)
            outcome = merge(ours, told, teller=teller)
            missed: tuple[int, ...] = ()
            self._confirm(session, row, document.own_id, by=actor, now=now)
            if outcome is Merge.APPLIED:
                missed = missed_versions(ours, told)
                self._take_over(session, row, document, teller, merged_version(ours, told), by=f"peer:{peer.name}", now=now)
            elif outcome is Merge.CONFLICT:
                self._effects.conflicting(session, row, by=actor, now=now)
            details = {"outcome": outcome.value, "state": document.state.value, "version": document.version, "missed": list(missed)}
            audit.record(
                session, actor=actor, action="assistance.received", now=now, person_id=row.person_id, object=row.public_id, details=details
            )
            return Received(outcome, row.public_id, row.state, row.version, missed)

    def _take_in(
        self, session: Session, peer: Peer, shared_id: str, document: Document, person: OpenedPerson, *, actor: str, now: datetime
    ) -> AssistanceRequest:
        if not any(document.requesting_region.startswith(prefix) for prefix in peer.regions):
            raise AssistanceInvalid(Field.REGION, Rule.NOT_SERVED, f"{document.requesting_region} is not a region of yours here")
        if session.get(Region, document.performing_region) is None or peers.serving(session, document.performing_region) is not None:
            raise AssistanceInvalid(Field.REGION, Rule.NOT_SERVED, f"{document.performing_region} is not served here")
        if not document.requested_on <= document.accept_by <= document.carry_out_by:
            raise AssistanceInvalid(Field.DEADLINES, Rule.NOT_IN_ORDER, "requested_on, accept_by and carry_out_by must be in this order")
        name = person.full_name.strip()
        if not name:
            raise AssistanceInvalid(Field.PERSON, Rule.MISSING, "a request needs the person's name")
        number = parse_resident_id(person.resident_id).number
        public_id = opaque_id()
        row = AssistanceRequest(
            public_id=public_id,
            requesting_region=document.requesting_region,
            performing_region=document.performing_region,
            asked_here=False,
            peer_id=peer.id,
            remote_id=shared_id,
            name_sealed=assistance.seal(self._keyring, public_id, "name", name),
            name_masked=mask_name(name),
            resident_id_sealed=assistance.seal(self._keyring, public_id, "resident_id", number),
            resident_id_masked=mask_resident_id(number),
            contact_sealed=None if not person.contact else assistance.seal(self._keyring, public_id, "contact", person.contact),
            reason=document.reason,
            state=AssistanceState.REQUESTED,
            version=document.version,
            accept_by=document.accept_by,
            carry_out_by=document.carry_out_by,
            requested_by=f"peer:{peer.name}",
            requested_at=now,
            updated_at=now,
        )
        assistance.add(session, row, by=f"peer:{peer.name}", note=document.note)
        details = {
            "outcome": Merge.APPLIED.value,
            "state": document.state.value,
            "version": document.version,
            "region": row.requesting_region,
        }
        audit.record(session, actor=actor, action="assistance.received", now=now, object=public_id, details=details)
        return row

    def _take_over(
        self, session: Session, row: AssistanceRequest, document: Document, teller: Side, version: int, *, by: str, now: datetime
    ) -> None:
        step = Step(document.state, reason=document.why, note=document.note, version=version)
        if document.state is AssistanceState.CARRIED_OUT:
            if document.method is None:
                raise AssistanceInvalid(Field.METHOD, Rule.MISSING, "say how the person was seen")
            check_day(document.occurred_on, asked_on=self._certification.today(row.requested_at), today=self._certification.today(now))
            step = Step(document.state, note=document.note, method=document.method, occurred_on=document.occurred_on, version=version)
        elif document.state is AssistanceState.RETURNED:
            allowed = REASONS[Action.EXPIRE if teller is Side.ASKING else Action.RETURN]
            if document.why not in allowed:
                raise AssistanceInvalid(Field.WHY, Rule.NOT_A_REASON, f"one of {', '.join(allowed)}")
        elif document.state is AssistanceState.REFUSED and document.why not in REASONS[Action.REFUSE]:
            raise AssistanceInvalid(Field.WHY, Rule.NOT_A_REASON, f"one of {', '.join(REASONS[Action.REFUSE])}")
        self._effects.take(session, row, step, by=by, now=now, tell_peer=False)

    def _confirm(self, session: Session, row: AssistanceRequest, own_id: str, *, by: str, now: datetime) -> None:
        """Keep the other's id of our request: it has it, so the person is not sent again. An id that it gave twice is a conflict."""
        if not row.asked_here or row.remote_id is not None:
            return
        taken = select(AssistanceRequest.id).where(AssistanceRequest.peer_id == row.peer_id, AssistanceRequest.remote_id == own_id)
        if session.scalar(taken.limit(1)) is not None:
            self._effects.conflicting(session, row, by=by, now=now)
            return
        row.remote_id = own_id
        session.flush()

    def _closed_on(self, row: AssistanceRequest) -> date | None:
        return self._certification.today(row.updated_at) if row.state in CLOSED_STATES else None

    # what we tell --------------------------------------------------------------------------------------------------

    def claim(self, *, retry_at: datetime, limit: int = 50) -> list[Waiting]:
        """Messages that are due. They come again at ``retry_at`` unless they are settled."""
        with self._database.session_scope() as session:
            claimed = outbox.claim(session, now=self._clock(), retry_at=retry_at, limit=limit, kinds=(PEER_ASSISTANCE,))
            return [
                Waiting(message.id, str(message.payload["request"]), int(message.payload["version"]), message.attempts)
                for message in claimed
            ]

    def outgoing(self, waiting: Waiting) -> Outgoing | None:
        """What is to be sent; None when nothing is left to tell: a later step has its own message, or the other told us that one.

        Name, number and contact go along until the other installation has confirmed the request, and never afterwards.
        """
        with self._database.read_scope() as session:
            try:
                row = assistance.get(session, waiting.request_id)
            except NotFoundError:
                return None
            if row.peer_id is None or row.version != waiting.version:
                return None
            peer = session.get_one(Peer, row.peer_id)
            last = assistance.events(session, row.id)[-1]
            unconfirmed = row.asked_here and row.remote_id is None and row.state is AssistanceState.REQUESTED
            document = Document(
                version=row.version,
                state=row.state,
                own_id=row.public_id,
                requesting_region=row.requesting_region,
                performing_region=row.performing_region,
                reason=row.reason,
                requested_on=self._certification.today(row.requested_at),
                accept_by=row.accept_by,
                carry_out_by=row.carry_out_by,
                why=last.reason,
                note=last.note,
                method=row.method,
                occurred_on=row.occurred_on,
                person=opened_person(self._keyring, row) if unconfirmed else None,
            )
            shared_id = row.public_id if row.asked_here else row.remote_id
            if shared_id is None:
                return None
            secret = peers.open_secret(peer, self._keyring)
            may_be_unknown = row.asked_here and row.state in CLOSED_STATES
            return Outgoing(peer.name, peer.base_url, peer.our_client_id, secret, shared_id, document, may_be_unknown)

    def settled(self, waiting: Waiting, received: Received | None) -> None:
        """The message needs no more sending. received: what the other said; None when there was nothing to tell or nobody to tell."""
        now = self._clock()
        with self._database.session_scope() as session:
            outbox.mark_sent(session, waiting.message_id, now=now)
            if received is None:
                return
            row = assistance.get(session, waiting.request_id)
            self._confirm(session, row, received.own_id, by="job:relay", now=now)
            if received.outcome is Merge.CONFLICT:
                self._effects.conflicting(session, row, by="job:relay", now=now)
            details = {"version": waiting.version, "outcome": received.outcome.value, "missed": list(received.missed)}
            audit.record(
                session,
                actor="job:relay",
                action="assistance.sent",
                now=now,
                person_id=row.person_id,
                object=row.public_id,
                details=details,
            )

    def rejected(self, waiting: Waiting, *, why: str) -> None:
        """The other installation says that the document breaks a rule: sending it again cannot help, so people are told."""
        now = self._clock()
        with self._database.session_scope() as session:
            row = assistance.get(session, waiting.request_id)
            self._effects.conflicting(session, row, by="job:relay", now=now)
            outbox.mark_sent(session, waiting.message_id, now=now)
            details = {"version": waiting.version, "outcome": "rejected", "why": why}
            audit.record(
                session,
                actor="job:relay",
                action="assistance.sent",
                now=now,
                person_id=row.person_id,
                object=row.public_id,
                details=details,
            )

    def failed(self, waiting: Waiting, *, why: str, retry_at: datetime, long_silent: bool) -> None:
        """The call did not come through; it is tried again. long_silent: it has failed so often that people are told."""
        now = self._clock()
        with self._database.session_scope() as session:
            outbox.mark_failed(session, waiting.message_id, error=why, retry_at=retry_at)
            if not long_silent:
                return
            row = assistance.get(session, waiting.request_id)
            region = row.requesting_region if row.asked_here else row.performing_region
            key = f"{SILENT}:{row.public_id}"
            details = {"request": row.public_id, "version": waiting.version, "attempts": waiting.attempts, "why": why}
            finding = NewAlert(SILENT, key, AlertSeverity.WARNING, region, row.person_id if row.asked_here else None, details=details)
            alerts.open_alerts(session, [finding], by="job:relay", now=now)
