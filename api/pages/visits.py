"""A visit at the counter as life evidence: the person was here, with the identity card, and somebody saw both."""

from __future__ import annotations

from sqlalchemy import select

from api.context import Context
from models import certificates
from models.certification import status_query
from models.certification_state import CertificationState
from models.life_evidence import EvidenceKind
from models.repositories import audit, life_evidence, persons
from models.repositories.life_evidence import NewEvidence


def record_visit(context: Context, person_id: str, *, actor: str) -> bool:
    """Record that the person was at the counter today; True when that certifies them, and a certificate was issued.

    Evidence, certificate and audit entry are one transaction. Against a death record a visit certifies nobody: it is recorded, and
    people clear it up. Raises NotFoundError.
    """
    policy = context.policy.certification
    now = context.clock()
    today = policy.today(now)
    strength = policy.certifying[EvidenceKind.COUNTER]
    with context.database.session_scope() as session:
        person = persons.get(session, person_id)
        visit = NewEvidence(person.id, EvidenceKind.COUNTER, today, strength, "counter visit", reference=None)
        evidence = life_evidence.add(session, visit, by=actor, now=now)
        status = status_query(policy, today)
        row = session.execute(select(status).where(status.c.person_id == person.id)).one()
        certified = row.state in {CertificationState.CERTIFIED, CertificationState.DUE_SOON}
        if certified:
            certificates.issue(
                session, person_id=person.id, evidence_id=evidence.id, due_on=row.due_on, keyring=context.keyring, policy=policy, now=now
            )
        audit.record(session, actor=actor, action="evidence.counter_visit", now=now, person_id=person.id, details={"certified": certified})
        return certified
