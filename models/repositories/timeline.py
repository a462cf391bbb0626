"""Everything that is known of one person on one line, in order of time, over every record of the person; in seven statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.alert import Alert, CaseFile
from models.benefit import Benefit, BenefitPause, Payment
from models.claim import Claim, Institution
from models.life_evidence import HomeVisit, LifeEvidence, Strength
from models.person import Person
from models.repositories.timeline_entries import Entry, Lane
from models.repositories.timeline_small import small_entries

CLAIMS_READ = 1_000  # newest
PAYMENTS_READ = 3_000  # newest months: 60 years of four benefits

Today = Callable[[datetime], date]

__all__ = ["Entry", "Lane", "Line", "RecordHead", "read"]


@dataclass(frozen=True)
class RecordHead:
    """One record of the person. key: of the table."""

    key: int
    public_id: str
    birth_date: date


@dataclass(frozen=True)
class Line:
    """The whole line in order of days. shortened: there is more than was read of checks, payments or claims."""

    records: tuple[RecordHead, ...]
    entries: tuple[Entry, ...]
    shortened: bool


def read(session: Session, person_id: int, today: Today) -> Line:
    """The line of the human being whose record this is. today: the calendar day of a moment (``policy.today``)."""
    root = select(func.coalesce(Person.merged_into_id, Person.id)).where(Person.id == person_id).scalar_subquery()
    of_person = select(Person.id, Person.public_id, Person.birth_date).where(or_(Person.id == root, Person.merged_into_id == root))
    # the record that speaks first
    heads = session.execute(of_person.order_by(Person.merged_into_id.is_not(None), Person.id)).all()
    members = [row.id for row in heads]
    names = {row.id: row.public_id for row in heads}
    payments, more_payments = _payments(session, members, names)
    claims, more_claims = _claims(session, members, names)
    small, more_checks = small_entries(session, members, names, today)
    parts = [
        *_evidence(session, members, names),
        *_benefits(session, members, names),
        *payments,
        *claims,
        *_alerts(session, members, names, today),
        *small,
    ]
    records = tuple(RecordHead(row.id, row.public_id, row.birth_date) for row in heads)
    return Line(
        records, tuple(sorted(parts, key=lambda entry: (entry.on, entry.lane, entry.key))), more_checks or more_payments or more_claims
    )


def _evidence(session: Session, members: Sequence[int], names: dict[int, str]) -> Iterator[Entry]:
    query = select(LifeEvidence, HomeVisit).outerjoin(HomeVisit, HomeVisit.evidence_id == LifeEvidence.id)
    rows = session.execute(query.where(LifeEvidence.person_id.in_(members)).order_by(LifeEvidence.id)).all()
    corrected_by = {row.corrects_id: row.id for row, _ in rows if row.corrects_id is not None}
    for row, visit in rows:
        yield Entry(
            Lane.EVIDENCE,
            f"evidence-{row.id}",
            row.occurred_on,
            row.kind.value,
            names[row.person_id],
            until=row.ends_on,
            lasts=row.kind.value == "custody" and row.ends_on is None,
            counts=row.id not in corrected_by and row.strength is not Strength.VOID,
            facts={
                "id": row.id,
                "strength": row.strength,
                "source": row.source,
                "reference": row.reference,
                "trace": row.trace,
                "silent": row.based_on_id is not None,
                "details": row.details,
                "recorded_by": row.recorded_by,
                "recorded_at": row.recorded_at,
                "corrects": None if row.corrects_id is None else f"evidence-{row.corrects_id}",
                "corrected_by": f"evidence-{corrected_by[row.id]}" if row.id in corrected_by else None,
                "place": None if visit is None else visit.place,
                "staff": None if visit is None else (visit.first_staff, visit.second_staff),
                "position": None if visit is None or visit.latitude_deg is None else (visit.latitude_deg, visit.longitude_deg),
            },
        )


def _benefits(session: Session, members: Sequence[int], names: dict[int, str]) -> Iterator[Entry]:
    """Benefits with their pauses, the present one and those that ended."""
    query = select(Benefit, BenefitPause).outerjoin(BenefitPause, BenefitPause.benefit_id == Benefit.id)
    done: set[int] = set()
    for row, pause in session.execute(query.where(Benefit.person_id.in_(members)).order_by(Benefit.id, BenefitPause.id)):
        name = names[row.person_id]
        if row.id not in done:
            done.add(row.id)
            facts = {"id": row.id, "scheme": row.scheme, "region": row.region_code, "monthly_fen": row.monthly_fen}
            facts["status"] = row.status.value
            yield Entry(Lane.BENEFIT, f"benefit-{row.id}", row.from_month, "benefit", name, row.to_month, row.to_month is None, facts=facts)
            if row.paused_on is not None:
                yield Entry(Lane.PAUSE, f"pause-now-{row.id}", row.paused_on, "pause", name, None, lasts=True, facts=facts)
        if pause is not None:
            facts = {"id": row.id, "scheme": row.scheme, "region": row.region_code, "resumed_on": pause.resumed_on}
            yield Entry(Lane.PAUSE, f"pause-{pause.id}", pause.paused_on, "pause", name, pause.resumed_on, facts=facts)


def _payments(session: Session, members: Sequence[int], names: dict[int, str]) -> tuple[list[Entry], bool]:
    rows = session.execute(
        select(Payment.id, Payment.benefit_id, Payment.month, Payment.amount_fen, Benefit.person_id, Benefit.scheme, Benefit.region_code)
        .join(Benefit, Benefit.id == Payment.benefit_id)
        .where(Benefit.person_id.in_(members))
        .order_by(Payment.month.desc(), Payment.id)
        .limit(PAYMENTS_READ + 1)
    ).all()
    entries = [
        Entry(
            Lane.PAYMENT,
            f"payment-{row.id}",
            row.month,
            "payment",
            names[row.person_id],
            facts={"benefit": row.benefit_id, "fen": row.amount_fen, "scheme": row.scheme, "region": row.region_code},
        )
        for row in rows[:PAYMENTS_READ]
    ]
    return entries, len(rows) > PAYMENTS_READ


def _claims(session: Session, members: Sequence[int], names: dict[int, str]) -> tuple[list[Entry], bool]:
    query = select(Claim, Institution.name, Institution.region_code).join(Institution, Institution.id == Claim.institution_id)
    rows = session.execute(
        query.where(Claim.person_id.in_(members)).order_by(Claim.to_date.desc(), Claim.id.desc()).limit(CLAIMS_READ + 1)
    ).all()
    entries = [
        Entry(
            Lane.CLAIM,
            f"claim-{row.id}",
            row.from_date,
            row.setting.value,
            names[row.person_id],
            row.to_date,
            facts={
                "id": row.id,
                "institution": institution,
                "region": region,
                "diagnosis": row.principal_diagnosis,
                "total_fen": row.total_fen,
                "fund_fen": row.fund_fen,
            },
        )
        for row, institution, region in rows[:CLAIMS_READ]
    ]
    return entries, len(rows) > CLAIMS_READ


def _alerts(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> Iterator[Entry]:
    """Alerts with the cases that were made of them."""
    query = select(Alert, CaseFile).outerjoin(CaseFile, CaseFile.alert_id == Alert.id).where(Alert.person_id.in_(members))
    done: set[int] = set()
    for alert, case in session.execute(query.order_by(Alert.id, CaseFile.id)):
        name = names[alert.person_id] if alert.person_id is not None else ""
        facts: dict[str, Any]
        if alert.id not in done:
            done.add(alert.id)
            until = None if alert.closed_at is None else today(alert.closed_at)
            facts = {"public_id": alert.public_id, "state": alert.state.value, "severity": alert.severity.value}
            facts["closed"] = alert.close_reason
            on = today(alert.opened_at)
            yield Entry(Lane.ALERT, f"alert-{alert.id}", on, alert.code, name, until, until is None, facts=facts)
        if case is not None:
            until = None if case.closed_at is None else today(case.closed_at)
            facts = {"owner": case.closed_by or case.owner, "outcome": None if case.outcome is None else case.outcome.value}
            facts["conclusion"] = case.conclusion if case.outcome is not None else None  # not while it is only proposed
            yield Entry(Lane.CASE, f"case-{case.id}", today(case.opened_at), "case", name, until, until is None, facts=facts)
