"""What one step of an assisted certification brings with it: event, life evidence, certificate, messages, alerts, audit entry.

All in the session of the caller, so that a step and what follows from it are one transaction.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from models import certificates
from models.alert import AlertSeverity
from models.assistance import AssistanceReason, AssistanceRequest, AssistanceState
from models.certification_state import CertificationState
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.policy import CertificationPolicy
from models.repositories import alerts, assistance, audit, certifications, life_after_death, life_evidence, outbox, persons, referred
from models.repositories.alerts import NewAlert
from models.repositories.assistance import Step
from models.repositories.life_evidence import NewEvidence
from models.triage import TriageRules

PERSON_ASSISTED = "person.assisted"
PEER_ASSISTANCE = "peer.assistance"
STANDING = frozenset({CertificationState.CERTIFIED, CertificationState.DUE_SOON})
SAYS_DIED = "assistance_says_died"
CONFLICTING = "assistance_conflict"


class Effect(StrEnum):
    """What carrying out came to. nothing: other steps, and requests of another installation."""

    NOTHING = "nothing"
    CERTIFIED = "certified"
    RECORDED = "recorded"  # a newer certification counts already, or this day's is over
    AGAINST_DEATH = "against_death"


class AssistanceEffects:
    """Takes steps with all that follows from them. Thread-safe."""

    def __init__(self, keyring: KeyRing, certification: CertificationPolicy, triage: TriageRules) -> None:
        self._keyring = keyring
        self._certification = certification
        self._triage = triage

    def take(self, session: Session, row: AssistanceRequest, step: Step, *, by: str, now: datetime, tell_peer: bool = True) -> Effect:
        """Take one step that was found to be allowed. tell_peer: False when the other installation told us of it.

        Raises ConflictError: ASSISTANCE_STATE when somebody else was faster; nothing of this must then be kept.
        """
        before = row.state
        assistance.advance(session, row, step, by=by, now=now)
        effect = Effect.NOTHING
        if row.asked_here and step.state is AssistanceState.CARRIED_OUT:
            effect = self._certify(session, row, by=by, now=now)
        if row.asked_here and step.reason is AssistanceReason.DIED:
            self._says_died(session, row, by=by, now=now)
        if tell_peer:
            self.tell(session, row, now=now)
        details = {"from": before.value, "version": row.version, "region": row.performing_region, "effect": effect.value}
        if step.reason is not None:
            details["reason"] = step.reason.value
        action = f"assistance.{step.state.value}"
        audit.record(session, actor=by, action=action, now=now, person_id=row.person_id, object=row.public_id, details=details)
        return effect

    @staticmethod
    def tell(session: Session, row: AssistanceRequest, *, now: datetime) -> None:
        """Leave word for the other installation, where there is one. No personal data: what is sent is read when it is sent."""
        if row.peer_id is not None:
            outbox.put(session, kind=PEER_ASSISTANCE, now=now, payload={"request": row.public_id, "version": row.version})

    @staticmethod
    def conflicting(session: Session, row: AssistanceRequest, *, by: str, now: datetime) -> None:
        """The two installations say things that do not go together: people have to talk."""
        region = row.requesting_region if row.asked_here else row.performing_region
        details = {"request": row.public_id, "state": row.state.value}
        finding = NewAlert(
            CONFLICTING,
            f"{CONFLICTING}:{row.public_id}",
            AlertSeverity.WARNING,
            region,
            row.person_id if row.asked_here else None,
            None,
            details,
        )
        alerts.open_alerts(session, [finding], by=by, now=now)

    def _certify(self, session: Session, row: AssistanceRequest, *, by: str, now: datetime) -> Effect:
        if row.occurred_on is None or row.method is None or row.person_id is None:
            raise ValueError(f"request {row.public_id}: carried out without day, method or person")
        person = persons.speaking(session, session.get_one(Person, row.person_id))
        if person is None:
            raise ValueError(f"request {row.public_id}: its person is gone")
        new = NewEvidence(
            person_id=person.id,
            kind=EvidenceKind.ASSISTED,
            occurred_on=row.occurred_on,
            strength=self._certification.certifying.get(EvidenceKind.ASSISTED, Strength.SUPPORTING),
            source=f"assisted certification by region {row.performing_region}",
            reference=row.public_id,
            details={"method": row.method.value, "region": row.performing_region, "peer": row.peer_id is not None},
        )
        evidence = life_evidence.add(session, new, by=by, now=now)
        row.evidence_id = evidence.id
        session.flush()
        # a death record that is older than the day on which the person was seen: one of the two is wrong, and people find out which
        life_after_death.open_for(session, {person.id: row.occurred_on}, self._triage, by=by, now=now)
        status = certifications.status_of(session, person.id, self._certification, self._certification.today(now))
        if status.state is CertificationState.DECEASED:
            return Effect.AGAINST_DEATH
        newest = status.last_certified_on == row.occurred_on
        if status.state not in STANDING or status.due_on is None or not newest:
            return Effect.RECORDED
        certificates.issue(
            session,
            person_id=person.id,
            evidence_id=evidence.id,
            due_on=status.due_on,
            keyring=self._keyring,
            policy=self._certification,
            now=now,
        )
        payload = {"evidence": evidence.id, "due_on": status.due_on.isoformat()}
        outbox.put(session, kind=PERSON_ASSISTED, person_id=person.id, payload=payload, now=now)
        referred.settle(session, self._certification, now=now, person_id=person.id)
        return Effect.CERTIFIED

    @staticmethod
    def _says_died(session: Session, row: AssistanceRequest, *, by: str, now: datetime) -> None:
        """The other region heard that the person has died: a hint that somebody follows up; it changes no status."""
        key = f"{SAYS_DIED}:{row.public_id}"
        details = {"request": row.public_id, "region": row.performing_region}
        finding = NewAlert(SAYS_DIED, key, AlertSeverity.WARNING, row.requesting_region, row.person_id, details=details)
        alerts.open_alerts(session, [finding], by=by, now=now)
