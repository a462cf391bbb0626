"""Sums of a few persons' records are what counting them one by one gives, also over merged records."""

from __future__ import annotations

from datetime import UTC, date, datetime

from models.benefit import Benefit, BenefitStatus, Payment
from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.policy import RecordsPolicy
from models.repositories import certifications, life_evidence, mergers, record_sums
from models.repositories.life_evidence import NewEvidence
from tests.models.people import REGION, add_person

NOW = datetime(2026, 3, 15, 2, tzinfo=UTC)
TODAY = date(2026, 3, 15)


def test_sums_are_of_all_records_of_a_person(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy) -> None:
    policy = records_policy.certification
    with database.session_scope() as session:
        kept, merged, other, bare = (add_person(session, keyring, sequence=sequence).id for sequence in (1, 3, 5, 7))
        for person, day in ((kept, 1), (merged, 9), (merged, 4), (other, 2)):
            seen = NewEvidence(person, EvidenceKind.COUNTER, date(2026, 3, day), Strength.CONCLUSIVE, "test")
            life_evidence.add(session, seen, by="test", now=NOW)
        for year, (person, paid) in enumerate(((kept, (100, 200)), (merged, (30,)), (merged, ()), (other, (5,))), 2018):
            benefit = Benefit(person_id=person, scheme=Scheme.EMPLOYEE_PENSION, region_code=REGION, monthly_fen=1)
            benefit.from_month = date(year, 1, 1)
            benefit.status = BenefitStatus.ACTIVE
            session.add(benefit)
            session.flush()
            session.add_all(Payment(benefit_id=benefit.id, month=date(2026, month, 1), amount_fen=fen) for month, fen in enumerate(paid, 1))
        mergers.merge(session, kept, merged, reason="test", by="test", now=NOW)
    with database.read_scope() as session:
        found = record_sums.sums(session, (kept, merged, other, bare), policy, TODAY)
        statuses = {key: certifications.status_of(session, key, policy, TODAY) for key in (kept, other, bare)}
    assert set(found) == {kept, other, bare}  # a merged record speaks for nobody
    figures = {key: (one.records, one.evidence, one.last_evidence_on, one.benefits, one.paid_fen) for key, one in found.items()}
    assert figures == {
        kept: (1, 3, date(2026, 3, 9), 3, 330),
        other: (0, 1, date(2026, 3, 2), 1, 5),
        bare: (0, 0, None, 0, 0),
    }
    assert {key: one.status for key, one in found.items()} == statuses
    assert found[bare].status.state is CertificationState.NEVER_CERTIFIED
