"""Everything that is known of one person on one line, in order of time. One query a kind, over every record of the person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.alert import Alert, CaseFile
from models.assistance import AssistanceRequest
from models.benefit import Benefit, BenefitPause, Payment
from models.enrolment import Enrolment
from models.identity_check import IdentityCheck
from models.life_evidence import HomeVisit, LifeEvidence, Strength
from models.outreach import Outreach, OutreachAttempt
from models.payment_change import PaymentChange
from models.person import Person
from models.person_merge import PersonMerge
from models.repositories import persons
from models.verification import Verification

CHECKS_READ = 300  # newest verifications, and as many identity checks; older ones stay in the store
PAYMENTS_READ = 3_000  # newest months: 60 years of four benefits

Today = Callable[[datetime], date]


class Lane(StrEnum):
    """Which part of the line an entry is on."""

    EVIDENCE = "evidence"
    CHECK = "check"
    BENEFIT = "benefit"
    PAUSE = "pause"
    PAYMENT = "payment"
    PAYMENT_CHANGE = "payment_change"
    ENROLMENT = "enrolment"
    OUTREACH = "outreach"
    ASSISTANCE = "assistance"
    ALERT = "alert"
    CASE = "case"
    MERGER = "merger"


@dataclass(frozen=True)
class Entry:
    """One thing that happened or lasted. key: unique on the line. until: last day, None while it lasts or for one day (``lasts`` tells).

    code: what it is, in the words of its table. record: public id of the record that it belongs to. counts: False for a row of the ledger
    that another one corrects, or that takes one away. facts: the further values that words are made of.
    """

    lane: Lane
    key: str
    on: date
    code: str
    record: str
    until: date | None = None
    lasts: bool = False
    counts: bool = True
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordHead:
    """One record of the person. key: of the table."""

    key: int
    public_id: str
    birth_date: date


@dataclass(frozen=True)
class Line:
    """The whole line in order of days. shortened: there is more than was read of checks or payments."""

    records: tuple[RecordHead, ...]
    entries: tuple[Entry, ...]
    shortened: bool


def read(session: Session, person_id: int, today: Today) -> Line:
    """The line of the human being whose record this is. today: the calendar day of a moment (``policy.today``)."""
    members = persons.records_of(session, person_id)
    heads = {row.id: row for row in session.execute(select(Person.id, Person.public_id, Person.birth_date).where(Person.id.in_(members)))}
    names = {key: heads[key].public_id for key in members}
    checks, more_checks = _checks(session, members, names, today)
    payments, more_payments = _payments(session, members, names)
    parts: Iterator[Entry] = iter(
        [
            *_evidence(session, members, names),
            *checks,
            *_benefits(session, members, names),
            *payments,
            *_payment_changes(session, members, names),
            *_enrolments(session, members, names),
            *_outreach(session, members, names, today),
            *_assistance(session, members, names, today),
            *_alerts(session, members, names, today),
            *_mergers(session, members, names, today),
        ]
    )
    records = tuple(RecordHead(key, heads[key].public_id, heads[key].birth_date) for key in members)
    return Line(records, tuple(sorted(parts, key=lambda entry: (entry.on, entry.lane, entry.key))), more_checks or more_payments)


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


def _checks(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> tuple[list[Entry], bool]:
    columns = (Verification.id, Verification.person_id, Verification.started_at, Verification.state, Verification.outcome)
    tries = session.execute(
        select(*columns, Verification.channel, Verification.reasons)
        .where(Verification.person_id.in_(members))
        .order_by(Verification.started_at.desc())
        .limit(CHECKS_READ + 1)
    ).all()
    looks = session.execute(
        select(IdentityCheck.id, IdentityCheck.person_id, IdentityCheck.checked_at, IdentityCheck.institution, IdentityCheck.level)
        .where(IdentityCheck.person_id.in_(members))
        .order_by(IdentityCheck.id.desc())
        .limit(CHECKS_READ + 1)
    ).all()
    entries = [
        Entry(
            Lane.CHECK,
            f"verification-{row.id}",
            today(row.started_at),
            f"verification.{(row.outcome or row.state).value}",
            names[row.person_id],
            facts={"channel": row.channel.value, "reasons": row.reasons},
        )
        for row in tries[:CHECKS_READ]
    ]
    entries += [
        Entry(
            Lane.CHECK,
            f"identity-{row.id}",
            today(row.checked_at),
            f"identity.{row.level.value}",
            names[row.person_id],
            facts={"institution": row.institution},
        )
        for row in looks[:CHECKS_READ]
    ]
    return entries, max(len(tries), len(looks)) > CHECKS_READ


def _benefits(session: Session, members: Sequence[int], names: dict[int, str]) -> Iterator[Entry]:
    rows = session.scalars(select(Benefit).where(Benefit.person_id.in_(members)).order_by(Benefit.id)).all()
    for row in rows:
        facts = {"id": row.id, "scheme": row.scheme, "region": row.region_code, "monthly_fen": row.monthly_fen, "status": row.status.value}
        key, name = f"benefit-{row.id}", names[row.person_id]
        yield Entry(Lane.BENEFIT, key, row.from_month, "benefit", name, row.to_month, row.to_month is None, facts=facts)
        if row.paused_on is not None:
            yield Entry(Lane.PAUSE, f"pause-now-{row.id}", row.paused_on, "pause", name, None, lasts=True, facts=facts)
    ended = (
        select(BenefitPause, Benefit)
        .join(Benefit, Benefit.id == BenefitPause.benefit_id)
        .where(Benefit.person_id.in_(members))
        .order_by(BenefitPause.id)
    )
    for pause, benefit in session.execute(ended):
        facts = {"id": benefit.id, "scheme": benefit.scheme, "region": benefit.region_code, "resumed_on": pause.resumed_on}
        yield Entry(Lane.PAUSE, f"pause-{pause.id}", pause.paused_on, "pause", names[benefit.person_id], pause.resumed_on, facts=facts)


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


def _payment_changes(session: Session, members: Sequence[int], names: dict[int, str]) -> Iterator[Entry]:
    for row in session.scalars(select(PaymentChange).where(PaymentChange.person_id.in_(members)).order_by(PaymentChange.id)):
        facts = {"state": row.state.value, "arrears_fen": row.arrears_fen, "reason": row.reason, "by": row.proposed_by}
        name = names[row.person_id]
        yield Entry(Lane.PAYMENT_CHANGE, f"change-{row.id}", row.effective_month, row.kind.value, name, facts=facts)


def _enrolments(session: Session, members: Sequence[int], names: dict[int, str]) -> Iterator[Entry]:
    for row in session.scalars(select(Enrolment).where(Enrolment.person_id.in_(members)).order_by(Enrolment.id)):
        facts = {"scheme": row.scheme, "region": row.region_code}
        key, name = f"enrolment-{row.id}", names[row.person_id]
        yield Entry(Lane.ENROLMENT, key, row.from_month, "enrolment", name, row.to_month, row.to_month is None, facts=facts)


def _outreach(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> Iterator[Entry]:
    query = select(OutreachAttempt, Outreach.person_id).join(Outreach, Outreach.id == OutreachAttempt.outreach_id)
    for row, person_id in session.execute(query.where(Outreach.person_id.in_(members)).order_by(OutreachAttempt.id)):
        facts = {"outcome": row.outcome.value, "by": row.made_by, "note": row.note}
        yield Entry(Lane.OUTREACH, f"attempt-{row.id}", today(row.made_at), row.channel.value, names[person_id], facts=facts)


def _assistance(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> Iterator[Entry]:
    for row in session.scalars(select(AssistanceRequest).where(AssistanceRequest.person_id.in_(members)).order_by(AssistanceRequest.id)):
        if row.person_id is None:
            continue
        facts = {"from": row.requesting_region, "to": row.performing_region, "reason": row.reason}
        yield Entry(Lane.ASSISTANCE, f"assistance-{row.id}", today(row.requested_at), row.state.value, names[row.person_id], facts=facts)


def _alerts(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> Iterator[Entry]:
    for alert in session.scalars(select(Alert).where(Alert.person_id.in_(members)).order_by(Alert.id)):
        if alert.person_id is None:
            continue
        until = None if alert.closed_at is None else today(alert.closed_at)
        facts = {"public_id": alert.public_id, "state": alert.state.value, "severity": alert.severity.value, "closed": alert.close_reason}
        on, name = today(alert.opened_at), names[alert.person_id]
        yield Entry(Lane.ALERT, f"alert-{alert.id}", on, alert.code, name, until, until is None, facts=facts)
    for case in session.scalars(select(CaseFile).where(CaseFile.person_id.in_(members)).order_by(CaseFile.id)):
        if case.person_id is None:
            continue
        until = None if case.closed_at is None else today(case.closed_at)
        facts = {"owner": case.owner, "outcome": None if case.outcome is None else case.outcome.value, "conclusion": case.conclusion}
        on, name = today(case.opened_at), names[case.person_id]
        yield Entry(Lane.CASE, f"case-{case.id}", on, "case", name, until, until is None, facts=facts)


def _mergers(session: Session, members: Sequence[int], names: dict[int, str], today: Today) -> Iterator[Entry]:
    query = select(PersonMerge).where(or_(PersonMerge.kept_id.in_(members), PersonMerge.merged_id.in_(members))).order_by(PersonMerge.id)
    for row in session.scalars(query):
        mine = row.merged_id if row.merged_id in names else row.kept_id
        facts: dict[str, Any] = {"reason": row.reason, "by": row.merged_by}
        yield Entry(Lane.MERGER, f"merger-{row.id}", today(row.merged_at), "merged", names[mine], facts=facts)
        if row.split_at is not None:
            facts = {"reason": row.split_reason, "by": row.split_by}
            yield Entry(Lane.MERGER, f"split-{row.id}", today(row.split_at), "split", names[mine], facts=facts)
