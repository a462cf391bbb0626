"""What stands on the records of a few persons, added up: in a handful of statements, however many persons are asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.benefit import Benefit, Payment
from models.certification import CertificationStatus
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.life_evidence import LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy


@dataclass(frozen=True)
class RecordSums:
    """Of one person. records: merged into it. evidence, benefits: how many rows. paid_fen: all that was ever paid on the benefits."""

    records: int
    evidence: int
    last_evidence_on: date | None
    benefits: int
    paid_fen: int
    status: CertificationStatus


def sums(session: Session, persons: Collection[int], policy: CertificationPolicy, on: date) -> dict[int, RecordSums]:
    """Of each of these persons, by the id of the record that speaks; a record that was merged meanwhile is left out."""
    members = select(Person.id, Person.merged_into_id).where(or_(Person.id.in_(persons), Person.merged_into_id.in_(persons)))
    roots = {row.id: row.merged_into_id or row.id for row in session.execute(members)}
    records = Counter(root for key, root in roots.items() if key != root)
    evidence: dict[int, tuple[int, date | None]] = {}
    kept = select(LifeEvidence.person_id, func.count(), func.max(LifeEvidence.occurred_on)).where(LifeEvidence.person_id.in_(roots))
    for person_id, rows, last in session.execute(kept.group_by(LifeEvidence.person_id)):
        before, earlier = evidence.get(roots[person_id], (0, None))
        evidence[roots[person_id]] = (before + rows, max(filter(None, (last, earlier)), default=None))
    benefits, paid = Counter[int](), Counter[int]()
    drawn = (
        select(Benefit.person_id, func.count(Benefit.id.distinct()), func.coalesce(func.sum(Payment.amount_fen), 0))
        .outerjoin(Payment, Payment.benefit_id == Benefit.id)
        .where(Benefit.person_id.in_(roots))
    )
    for person_id, rows, fen in session.execute(drawn.group_by(Benefit.person_id)):
        benefits[roots[person_id]] += rows
        paid[roots[person_id]] += int(fen)
    table = status_table(policy, on, select(Person.id).where(Person.id.in_(persons)))
    return {
        row.person_id: RecordSums(
            records[row.person_id],
            *evidence.get(row.person_id, (0, None)),
            benefits[row.person_id],
            paid[row.person_id],
            CertificationStatus(CertificationState(row.state), on, row.last_certified_on, row.due_on, row.cycle_months),
        )
        for row in session.execute(select(table))
    }
