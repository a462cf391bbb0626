"""What follows from a face that was found to be the person's: the row in the ledger and the certificate, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from models import certificates
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, Strength
from models.policy import CertificationPolicy
from models.repositories import certifications, life_evidence, referred
from models.repositories.life_evidence import NewEvidence
from verify.review_errors import AttemptTooOld
from verify.service_errors import PersonDeceased


@dataclass(frozen=True)
class FaceCertified:
    """What was written. due_on: last day on which the certification counts."""

    evidence_id: int
    certificate_id: str
    due_on: date


def certify_by_face(
    session: Session,
    *,
    person_id: int,
    verification_id: str,
    occurred_on: date,
    source: str,
    by: str,
    keyring: KeyRing,
    policy: CertificationPolicy,
    now: datetime,
) -> FaceCertified:
    """Certify a person by what the camera showed on a day. Alerts of their other referred attempts close, because nothing waits any more.

    Raises:
        PersonDeceased: a death record stands. AttemptTooOld: the day no longer certifies. Write nothing else then.
    """
    new = NewEvidence(person_id, EvidenceKind.FACE, occurred_on, Strength.CONCLUSIVE, source, reference=verification_id)
    evidence = life_evidence.add(session, new, by=by, now=now)
    status = certifications.status_of(session, person_id, policy, policy.today(now))
    if status.due_on is None:  # a death record came in while the person was before the camera
        raise PersonDeceased("a record stands against this person that only people can clear up")
    if status.state not in referred.STANDING and occurred_on < policy.today(now):
        raise AttemptTooOld("the day of this attempt no longer certifies: a pause began after it, or its cycle is over")
    certificate = certificates.issue(
        session, person_id=person_id, evidence_id=evidence.id, due_on=status.due_on, keyring=keyring, policy=policy, now=now
    )
    referred.settle(session, policy, now=now, person_id=person_id)
    return FaceCertified(evidence.id, certificate.id, status.due_on)
