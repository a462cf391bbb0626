"""The use case of an identity check at treatment: find, compare outside every transaction, then write everything in one.

Hospitals treat people of every region, so that a check reaches any person of the store; status doors keep to the client's region.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models.consent import ConsentPurpose
from models.database import Database
from models.errors import Conflict, ConflictError
from models.identifiers import IdentifierError, IdentifierProblem, parse_social_security_number
from models.identity_check import CheckWhy, IdentityCheck
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Trace
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import IdentityCheckPolicy, SilentPolicy
from models.repositories import (
    alerts,
    audit,
    blacklist,
    calibrations,
    certifications,
    consents,
    identity_checks,
    life_after_death,
    life_evidence,
    persons,
)
from models.repositories.blacklist import BlacklistEntry
from models.repositories.identity_checks import NewCheck
from models.repositories.life_evidence import NewEvidence
from models.repositories.persons import BlindIndex
from models.triage import TriageRules
from models.types import opaque_id
from verify.calibration import Calibration
from verify.calibration_service import load_calibration
from verify.capture import decode, inspect
from verify.engines.protocol import Engine
from verify.identity_check import (
    CardView,
    CertificationView,
    CheckRequest,
    Compared,
    IdentityCheckView,
    compare_still,
    findings_of,
    leaves_trace,
    not_compared,
)
from verify.policy import VerificationPolicy
from verify.reference_service import ReferenceService
from verify.service_errors import PersonUnknown, ReferenceMissing, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVISIONAL = "provisional"
SOURCE = "identity check"


class CheckerBusy(ServiceError):
    """As many pictures as policy allows are being compared; try again in a moment."""

    code = "unavailable"


@dataclass(frozen=True)
class CheckClient:
    """Who asks. key: row of the machine client; actor: as the audit trail names it; door: what its entries note beside the check."""

    key: int
    actor: str
    door: dict[str, Any]


@dataclass(frozen=True)
class _Found:
    person_key: int
    public_id: str
    name_fits: bool
    consent: bool
    calibration_id: str
    calibration: Calibration | None


class IdentityCheckService:
    """Identity checks of one worker. Thread-safe; one a process, because it bounds what the process compares at once."""

    def __init__(
        self,
        *,
        database: Database,
        keyring: KeyRing,
        engine: Engine,
        references: ReferenceService,
        policy: IdentityCheckPolicy,
        silent: SilentPolicy,
        verification: VerificationPolicy,
        certification: CertificationPolicy,
        triage: TriageRules,
        policy_hash: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._engine = engine
        self._references = references
        self._policy = policy
        self._silent = silent
        self._verification = verification
        self._certification = certification
        self._triage = triage
        self._policy_hash = policy_hash
        self._clock = clock
        self._at_once = threading.BoundedSemaphore(policy.at_once)
        self._opened: tuple[int, Calibration] | None = None

    def check(self, request: CheckRequest, client: CheckClient) -> IdentityCheckView:
        """Answer one check, and write what follows from it. The same reference of a client again gives the same answer.

        Raises:
            IdentifierError, CaptureError: a number or the picture cannot be right; nothing was written.
            PersonUnknown: nobody has this number (the look is audited).
            ConflictError: CHECK_REFERENCE_REUSED, the reference was used for another request.
            CheckerBusy: too many comparisons at once; EngineError: the engine does not work.
        """
        if request.picture is not None:
            inspect(request.picture, self._verification.capture.still)  # a broken picture is said to be so whoever it is of
        digest = request.digest(self._keyring.derive("identity checks"))
        card_index = self._card_index(request)
        if (earlier := self._answered(request, client, digest)) is not None:
            return earlier
        found = self._find(request, client)
        compared = self._compare(request, found)
        try:
            return self._write(request, client, found, compared, card_index, digest)
        except ConflictError as error:
            if error.conflict is not Conflict.CHECK_REFERENCE_REUSED:
                raise
            earlier = self._answered(request, client, digest)  # the same request came twice at the same moment: the other one counts
            if earlier is None:
                raise
            return earlier

    def delete_old(self) -> int:
        """Delete checks that are older than policy keeps them; how many went. Harmless at any time and from several processes."""
        with self._database.session_scope() as session:
            return identity_checks.delete_older_than(session, self._clock() - timedelta(days=self._policy.days_kept))

    # parts ---------------------------------------------------------------------------------------------------------

    def _card_index(self, request: CheckRequest) -> bytes | None:
        """Blind index of the card shown: its number as given, else the number by which the person is asked for."""
        try:
            number = request.card_number or request.social_security_number
            return None if number is None else BlindIndex(self._keyring).social_security_number(parse_social_security_number(number))
        except IdentifierError as error:
            field = "card_number" if request.card_number else "social_security_number"
            raise IdentifierError(field, error.problem, str(error).partition(": ")[2]) from None

    def _answered(self, request: CheckRequest, client: CheckClient, digest: bytes) -> IdentityCheckView | None:
        if request.reference is None:
            return None
        with self._database.read_scope() as session:
            row = identity_checks.by_reference(session, client.key, request.reference)
            if row is None:
                return None
            if not hmac.compare_digest(bytes(row.request_digest), digest):
                raise ConflictError(
                    Conflict.CHECK_REFERENCE_REUSED, "this reference was used for another check: give each check a number of its own"
                )
            view = _view(row)
        with self._database.session_scope() as session:
            audit.record(
                session,
                actor=client.actor,
                action="identity_check_read",
                now=self._clock(),
                person_id=row.person_id,
                object=row.public_id,
                details=client.door,
            )
        return view

    def _find(self, request: CheckRequest, client: CheckClient) -> _Found:
        with self._database.read_scope() as session:
            record, person = self._person(session, request)
            if person is not None:
                names = {person.name} if record is None else {person.name, record.name}
                consent = consents.in_force(session, person.id, ConsentPurpose.FACE_VERIFICATION) is not None
                fits = request.name is None or request.name.strip() in names
                return _Found(person.id, person.public_id, fits, consent, *self._calibration(session))
        with self._database.session_scope() as session:
            audit.record(session, actor=client.actor, action="identity_check_of_nobody", now=self._clock(), details=client.door)
        raise PersonUnknown("nobody in this store has this number")

    def _person(self, session: Session, request: CheckRequest) -> tuple[Person | None, Person | None]:
        """(the record with the number, the one that speaks for it)."""
        if request.resident_id is not None:
            record = persons.record_of_resident_id(session, request.resident_id, keyring=self._keyring)
            return record, persons.speaking(session, record)
        if request.social_security_number is None:
            raise IdentifierError("resident_id", IdentifierProblem.LENGTH, "is missing: give it, or the social-security number")
        return None, persons.find_by_social_security_number(session, request.social_security_number, keyring=self._keyring)

    def _calibration(self, session: Session) -> tuple[str, Calibration | None]:
        row = calibrations.in_effect(session, self._engine.name, self._engine.version)
        if row is None:
            return PROVISIONAL, None
        opened = self._opened
        if opened is None or opened[0] != row.id:  # opening takes longer than comparing: kept until another is in force
            opened = (row.id, load_calibration(self._keyring, self._engine, row))
            self._opened = opened
        return str(row.id), opened[1]

    def _compare(self, request: CheckRequest, found: _Found) -> Compared:
        if not found.name_fits:
            return not_compared(CheckWhy.NAME_DIFFERS)
        if request.picture is None:
            return not_compared(CheckWhy.NO_PICTURE)
        if not found.consent:
            return not_compared(CheckWhy.NO_CONSENT)
        with self._engine_time():
            try:
                reference = self._references.template(found.public_id)
            except ReferenceMissing:
                return not_compared(CheckWhy.NO_REFERENCE)
            image = decode(request.picture, self._verification.capture.still, exif_orientation=True)
            return compare_still(self._engine, image, reference, found.calibration, found.calibration_id, self._verification)

    @contextmanager
    def _engine_time(self) -> Iterator[None]:
        if not self._at_once.acquire(timeout=self._policy.wait_s):
            raise CheckerBusy("as many faces as this worker takes at once are being compared: try again in a moment")
        try:
            yield
        finally:
            self._at_once.release()

    def _write(
        self, request: CheckRequest, client: CheckClient, found: _Found, compared: Compared, card_index: bytes | None, digest: bytes
    ) -> IdentityCheckView:
        now = self._clock()
        today = self._certification.today(now)
        with self._database.session_scope() as session:
            person = session.get_one(Person, found.person_key)
            records = identity_checks.members(session, person)
            card, entry = _card(session, records, card_index, today)
            status = certifications.status_of(session, person.id, self._certification, today)
            view = IdentityCheckView(
                check=opaque_id(),
                person_id=person.public_id,
                match=compared.level,
                why=compared.why,
                reasons=compared.reasons,
                certification=CertificationView(status.state, status.due_on),
                card=card,
                trace_recorded=leaves_trace(compared, self._policy),
            )
            evidence = self._trace(session, person, request, client, view, now) if view.trace_recorded else None
            new = NewCheck(
                public_id=view.check,
                client_pk=client.key,
                person_id=person.id,
                institution=request.institution,
                reference=request.reference,
                request_digest=digest,
                answer=view.to_json() | {"department": request.department},
                level=compared.level,
                why=compared.why,
                similarity=compared.similarity,
                card_hit=card.blacklisted,
                engine_version=f"{self._engine.name} {self._engine.version}"[:100],
                calibration=compared.calibration,
                policy_hash=self._policy_hash,
                evidence_id=None if evidence is None else evidence.id,
            )
            identity_checks.add(session, new, now=now)
            deaths = identity_checks.death_records(session, [record.id for record in records])
            findings = findings_of(
                view,
                entry,
                person_key=person.id,
                region_code=person.region_code,
                death_record=deaths[0].id if deaths else None,
                trace=None if evidence is None else evidence.id,
            )
            alerts.open_alerts(session, findings, by=client.actor, now=now)
            if evidence is not None:
                life_after_death.open_for(session, {person.id: evidence.occurred_on}, self._triage, by=client.actor, now=now)
            audit.record(
                session,
                actor=client.actor,
                action="identity_check",
                now=now,
                person_id=person.id,
                object=view.check,
                details=client.door
                | {"level": view.match.value, "why": view.why.value, "card_hit": card.blacklisted, "trace": view.trace_recorded},
            )
        return view

    def _trace(
        self, session: Session, person: Person, request: CheckRequest, client: CheckClient, view: IdentityCheckView, now: datetime
    ) -> LifeEvidence:
        new = NewEvidence(
            person_id=person.id,
            kind=EvidenceKind.DATA_MATCH,
            trace=Trace.MEDICAL_VISIT,
            occurred_on=self._certification.today(now),
            strength=self._silent.traces[Trace.MEDICAL_VISIT].strength,
            source=f"{SOURCE}/{request.institution}",
            reference=view.check,
            details={"level": view.match.value, "policy": self._policy_hash},
        )
        return life_evidence.add(session, new, by=client.actor, now=now)


def _card(session: Session, records: Sequence[Person], card_index: bytes | None, today: date) -> tuple[CardView, BlacklistEntry | None]:
    """What stands against the card shown; where none was, against the person's own."""
    own = [bytes(r.social_security_number_index) for r in records if r.social_security_number_index is not None]
    looked_at = own if card_index is None else [card_index]
    entries = [entry for index in looked_at if (entry := blacklist.lookup_index(session, index, on=today)) is not None]
    entry = max(entries, key=lambda found: found.from_on, default=None)
    of_person = None if card_index is None or not own else card_index in own
    if entry is None:
        return CardView(blacklisted=False, of_person=of_person), None
    return CardView(True, entry.reason, entry.from_on, of_person), entry


def _view(row: IdentityCheck) -> IdentityCheckView:
    return IdentityCheckView.from_json(
        row.answer,
        check=row.public_id,
        level=row.level,
        why=row.why,
        card_hit=row.card_hit,
        trace_recorded=row.evidence_id is not None,
    )
