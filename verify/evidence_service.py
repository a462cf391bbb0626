"""Recording and correcting life evidence by staff: row, certificate, alert, audit entry and message in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import certificates
from models.account import Account
from models.alert import AlertSeverity
from models.certificate import Certificate
from models.certification import CertificationStatus
from models.certification_state import CertificationState
from models.database import Database
from models.evidence_handles import EvidenceHandles
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, HomeVisit, LifeEvidence, Strength, strengths_from
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import IntakePolicy, RecordingPolicy
from models.repositories import alerts, audit, certifications, life_after_death, life_evidence, outbox, persons, referred
from models.repositories.alerts import NewAlert
from models.repositories.life_evidence import NewEvidence
from models.triage import TriageRules
from verify.evidence_rules import (
    REFERENCE_MAX,
    EvidenceInvalid,
    Field,
    Rule,
    TypedEvidence,
    Visit,
    check,
    check_days,
    source_of,
    strength_of,
)
from verify.people import known_person

CERTIFIED = "person.certified"
DEATH_REPORTED = "death_reported"
STANDING = frozenset({CertificationState.CERTIFIED, CertificationState.DUE_SOON})


class Outcome(StrEnum):
    """What came of a recorded fact."""

    CERTIFIED = "certified"
    RECORDED = "recorded"  # this kind certifies nobody
    NOT_NEWEST = "not_newest"  # a newer certification counts already
    TOO_OLD = "too_old"  # its cycle is over already, or a pause began after it
    AGAINST_DEATH = "against_death"  # a death record stands: people clear it up


class CorrectionReason(StrEnum):
    """Why a row was wrong."""

    WRONG_PERSON = "wrong_person"
    WRONG_DAY = "wrong_day"
    NOT_TRUE = "not_true"
    RECORDED_TWICE = "recorded_twice"
    WRONG_PAPER = "wrong_paper"
    OTHER = "other"


@dataclass(frozen=True)
class Recorded:
    """What was written. evidence_id: handle of the row. certificate_id: of the certificate that it gave, None without one."""

    evidence_id: str
    outcome: Outcome
    status: CertificationStatus
    certificate_id: str | None = None
    alert_opened: bool = False


@dataclass(frozen=True)
class Corrected:
    """What a correction came to. also_void: silent certifications that rested on the row alone. revoked: certificates taken back."""

    evidence_id: str
    status: CertificationStatus
    revoked: int
    also_void: int


class EvidenceService:
    """Use cases of the ledger for staff. Thread-safe."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        certification: CertificationPolicy,
        recording: RecordingPolicy,
        intake: IntakePolicy,
        triage: TriageRules,
        visiting_roles: frozenset[str],
        clock: Callable[[], datetime],
    ) -> None:
        """visiting_roles: names of the roles of which the second member of staff at a home visit must have one."""
        self._database = database
        self._keyring = keyring
        self._certification = certification
        self._recording = recording
        self._intake = intake
        self._triage = triage
        self._visiting_roles = visiting_roles
        self._clock = clock
        self._handles = EvidenceHandles(keyring)

    # record --------------------------------------------------------------------------------------------------------

    def record(self, person_id: str, typed: TypedEvidence, *, actor: str) -> Recorded:
        """Record one fact about a person. actor: who types it in, ``staff:`` and the account's name.

        Raises:
            PersonUnknown; EvidenceInvalid names field and rule, and nothing was written.
        """
        now = self._clock()
        today = self._certification.today(now)
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            check(typed, born_on=person.birth_date, today=today, policy=self._recording)
            if typed.visit is not None:
                typed = replace(typed, visit=self._two_staff(session, typed.visit, actor))
            evidence = self._add(session, person, typed, actor=actor, now=now)
            status = certifications.status_of(session, person.id, self._certification, today)
            outcome = self._outcome(evidence, status)
            certificate_id = self._certify(session, evidence, status, now)
            opened = self._alert(session, person, evidence, actor=actor, now=now)
            details = {"outcome": outcome.value, "on": typed.occurred_on.isoformat(), "alert": opened}
            action, name = f"evidence.{typed.kind}", self._handles.handle(evidence.id)
            audit.record(session, actor=actor, action=action, now=now, person_id=person.id, object=name, details=details)
            return Recorded(name, outcome, status, certificate_id, opened)

    def _add(self, session: Session, person: Person, typed: TypedEvidence, *, actor: str, now: datetime) -> LifeEvidence:
        new = NewEvidence(
            person.id,
            typed.kind,
            typed.occurred_on,
            strength_of(typed, self._intake),
            source_of(typed),
            reference=typed.reference or None,
            ends_on=typed.ends_on,
        )
        evidence = life_evidence.add(session, new, by=actor, now=now)
        if typed.visit is not None:
            place = typed.visit.position
            visit = HomeVisit(
                evidence_id=evidence.id,
                place=typed.visit.place.strip(),
                latitude_deg=None if place is None else place.latitude_deg,
                longitude_deg=None if place is None else place.longitude_deg,
                accuracy_m=None if place is None else place.accuracy_m,
                first_staff=actor,
                second_staff=typed.visit.second_staff,
            )
            session.add(visit)
            session.flush()
        return evidence

    def _two_staff(self, session: Session, visit: Visit, actor: str) -> Visit:
        """The visit with the second account as the ledger names it. Raises EvidenceInvalid."""
        wanted = visit.second_staff.strip().removeprefix("staff:").lower()
        account = session.scalar(select(Account).where(func.lower(Account.username) == wanted))
        if account is None or not account.active or not self._visiting_roles & {role.name for role in account.roles}:
            raise EvidenceInvalid(Field.SECOND_STAFF, Rule.NO_ACTIVE_ACCOUNT, "there is no active account of this name that makes visits")
        second = f"staff:{account.username}"
        if second.lower() == actor.lower():
            raise EvidenceInvalid(Field.SECOND_STAFF, Rule.SAME_PERSON, "the second member of staff must be somebody else")
        return replace(visit, second_staff=second)

    def _outcome(self, evidence: LifeEvidence, status: CertificationStatus) -> Outcome:
        minimum = self._certification.certifying.get(evidence.kind)
        if minimum is None or evidence.strength not in strengths_from(minimum):
            return Outcome.RECORDED
        if status.state is CertificationState.DECEASED:
            return Outcome.AGAINST_DEATH
        if status.last_certified_on is not None and status.last_certified_on > evidence.occurred_on:
            return Outcome.NOT_NEWEST
        return Outcome.CERTIFIED if status.state in STANDING else Outcome.TOO_OLD

    def _certify(self, session: Session, evidence: LifeEvidence, status: CertificationStatus, now: datetime) -> str | None:
        """The certificate that the row gives, None when it certifies nobody."""
        if status.due_on is None or self._outcome(evidence, status) is not Outcome.CERTIFIED:
            return None
        return self._issue(session, evidence, status.due_on, now)

    def _issue(self, session: Session, evidence: LifeEvidence, due_on: date, now: datetime) -> str:
        certificate = certificates.issue(
            session,
            person_id=evidence.person_id,
            evidence_id=evidence.id,
            due_on=due_on,
            keyring=self._keyring,
            policy=self._certification,
            now=now,
        )
        payload = {"evidence": evidence.id, "due_on": due_on.isoformat()}
        outbox.put(session, kind=CERTIFIED, person_id=evidence.person_id, payload=payload, now=now)
        referred.settle(session, self._certification, now=now, person_id=evidence.person_id)
        return certificate.id

    def _alert(self, session: Session, person: Person, evidence: LifeEvidence, *, actor: str, now: datetime) -> bool:
        """Open what somebody has to look at: life after a death, or a death told by somebody who does not decide it."""
        died = evidence.kind is EvidenceKind.DEATH_RECORD
        if not died and evidence.kind not in life_after_death.LIVING:
            return False
        found = life_after_death.find(session, {person.id: None if died else evidence.occurred_on}, self._triage)
        if found:
            return life_after_death.stand(session, found, self._triage, by=actor, now=now) > 0
        if died and evidence.strength not in strengths_from(self._certification.death_strength):
            details = {"deaths": [{"evidence": evidence.id, "on": evidence.occurred_on.isoformat(), "strength": evidence.strength.value}]}
            key = f"{DEATH_REPORTED}:{person.id}"
            finding = NewAlert(DEATH_REPORTED, key, AlertSeverity.SUSPICION, person.region_code, person.id, details=details)
            return alerts.open_alerts(session, [finding], by=actor, now=now) > 0
        return False

    # correct -------------------------------------------------------------------------------------------------------

    def correct(
        self,
        person_id: str,
        evidence_id: str,
        *,
        reason: CorrectionReason,
        actor: str,
        occurred_on: date | None = None,
        ends_on: date | None = None,
        note: str | None = None,
    ) -> Corrected:
        """Correct one row of a person by a further row. occurred_on: the right day; None takes the row away altogether.

        Certificates that rested on the row are revoked; a right day that certifies gives a new one. A silent certification that rested on a
        trace taken away goes with it.

        Raises:
            PersonUnknown; NotFoundError: no such row; EvidenceInvalid;
            ConflictError: EVIDENCE_ALREADY_CORRECTED, somebody else was faster.
        """
        now = self._clock()
        today = self._certification.today(now)
        with self._database.session_scope() as session:
            person = known_person(session, person_id)
            wrong = self._handles.find(session, person.id, evidence_id)
            if note is not None and len(note) > REFERENCE_MAX:
                raise EvidenceInvalid(Field.REFERENCE, Rule.TOO_LONG, f"at most {REFERENCE_MAX} characters")
            if wrong.strength is Strength.VOID:
                raise EvidenceInvalid(Field.KIND, Rule.NOT_OF_THIS_KIND, "a row that takes another away has no day of its own")
            if occurred_on is not None:
                check_days(wrong.kind, occurred_on, ends_on, born_on=person.birth_date, today=today, policy=self._recording, seen=False)
            right = NewEvidence(
                wrong.person_id,
                wrong.kind,
                occurred_on or wrong.occurred_on,
                Strength.VOID if occurred_on is None else wrong.strength,
                wrong.source,
                reference=note or wrong.reference,
                trace=wrong.trace,
                ends_on=wrong.ends_on if occurred_on is None else ends_on,
                details={"reason": reason.value},
            )
            row = life_evidence.correct(session, wrong.id, right, by=actor, now=now)
            void = self._void_resting_on(session, person, wrong, actor=actor, now=now)
            revoked = _revoke_resting_on(session, [wrong.id, *void], now=now)
            status = certifications.status_of(session, person.id, self._certification, today)
            if occurred_on is not None:
                self._certify(session, row, status, now)
                self._alert(session, person, row, actor=actor, now=now)
            details = {"reason": reason.value, "kind": wrong.kind.value, "taken_away": occurred_on is None, "revoked": revoked}
            name = self._handles.handle(row.id)
            audit.record(session, actor=actor, action="evidence.correct", now=now, person_id=person.id, object=name, details=details)
            return Corrected(name, status, revoked, len(void))

    def _void_resting_on(self, session: Session, person: Person, wrong: LifeEvidence, *, actor: str, now: datetime) -> list[int]:
        """Take away the silent certifications that were made from a trace that turned out wrong; their ids."""
        if wrong.trace is None:
            return []
        rows = [row for member in persons.records_of(session, person.id) for row in life_evidence.effective(session, member)]
        resting = [row for row in rows if wrong.id in _traces_of(row)]
        for row in resting:
            void = NewEvidence(
                row.person_id, row.kind, row.occurred_on, Strength.VOID, row.source, details={"reason": "rested_on", "evidence": wrong.id}
            )
            life_evidence.correct(session, row.id, void, by=actor, now=now)
        return [row.id for row in resting]


def _traces_of(row: LifeEvidence) -> set[int]:
    """Ids of the traces that a silent certification was made from."""
    if row.based_on_id is None:
        return set()
    listed = (row.details or {}).get("traces", [])
    ids = {entry.get("id", entry.get("evidence")) if isinstance(entry, dict) else entry for entry in listed}
    return {row.based_on_id, *(value for value in ids if isinstance(value, int))}


def _revoke_resting_on(session: Session, evidence_ids: Sequence[int], *, now: datetime) -> int:
    rows = session.scalars(select(Certificate.id).where(Certificate.evidence_id.in_(evidence_ids), Certificate.revoked_at.is_(None))).all()
    return sum(certificates.revoke(session, row, reason="the life evidence was corrected", now=now) for row in rows)
