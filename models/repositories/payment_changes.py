"""Pauses and resumptions in the database: proposed, decided once, carried out on the benefit in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, update
from sqlalchemy.orm import Session

from models.benefit import Benefit, BenefitPause, BenefitStatus, Payment
from models.certification_sql import counts_on, drawn_on, status_table
from models.certification_state import CertificationState
from models.errors import Conflict, ConflictError, NotFoundError
from models.life_evidence import EvidenceKind, LifeEvidence, strengths_from
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_prefix
from models.repositories.conflicts import named_conflicts


@dataclass(frozen=True)
class NewPause:
    """A pause as it is proposed. evidence_id: the certification that ran out."""

    benefit: Benefit
    outreach_id: int
    effective_month: date
    reason_code: PaymentChangeReason
    reason: str
    evidence_id: int | None
    policy_hash: str


@dataclass(frozen=True)
class NewResumption:
    """A resumption as it is made. arrears: month by month, as JSON."""

    benefit: Benefit
    effective_month: date
    reason: str
    evidence_id: int
    arrears_fen: int
    arrears: list[dict[str, Any]]
    policy_hash: str


def drawn_active(session: Session, person_ids: Collection[int], on: date) -> Sequence[Benefit]:
    """Benefits of these records that are drawn on the day and not paused."""
    return session.scalars(
        select(Benefit)
        .where(
            Benefit.person_id.in_(person_ids),
            Benefit.status == BenefitStatus.ACTIVE,
            drawn_on(on),
        )
        .order_by(Benefit.id)
    ).all()


def newest_certification(session: Session, person_ids: Collection[int], policy: CertificationPolicy, on: date) -> LifeEvidence | None:
    """The newest certifying evidence of these records that counts, up to the day."""
    kinds = [(LifeEvidence.kind == kind) & LifeEvidence.strength.in_(strengths_from(least)) for kind, least in policy.certifying.items()]
    return session.scalar(
        select(LifeEvidence)
        .where(LifeEvidence.person_id.in_(person_ids), or_(*kinds), counts_on(LifeEvidence, on))
        .order_by(LifeEvidence.occurred_on.desc(), LifeEvidence.id.desc())
        .limit(1)
    )


def custody_of(session: Session, person_ids: Collection[int], on: date) -> list[tuple[date, date | None]]:
    """(first day, last day) of each stay in custody that counts and began by the day; None while it lasts."""
    query = select(LifeEvidence.occurred_on, LifeEvidence.ends_on).where(
        LifeEvidence.person_id.in_(person_ids), LifeEvidence.kind == EvidenceKind.CUSTODY, counts_on(LifeEvidence, on)
    )
    return [(first, last) for first, last in session.execute(query)]


def paid_between(session: Session, benefit_id: int, first: date, end: date) -> dict[date, int]:
    """What was paid of a benefit for each month from ``first`` to before ``end``, in fen."""
    query = select(Payment.month, Payment.amount_fen).where(Payment.benefit_id == benefit_id, Payment.month >= first, Payment.month < end)
    return {row.month: row.amount_fen for row in session.execute(query)}


def propose(session: Session, new: NewPause, *, by: str, now: datetime) -> PaymentChange:
    """Propose a pause. Raises ConflictError: PAYMENT_CHANGE_STATE when one is proposed for the benefit already."""
    change = PaymentChange(
        benefit_id=new.benefit.id,
        person_id=new.benefit.person_id,
        region_code=new.benefit.region_code,
        kind=PaymentChangeKind.PAUSE,
        state=PaymentChangeState.PROPOSED,
        effective_month=new.effective_month,
        reason_code=new.reason_code,
        reason=new.reason,
        outreach_id=new.outreach_id,
        evidence_id=new.evidence_id,
        proposed_by=by,
        proposed_at=now,
        policy_hash=new.policy_hash,
    )
    there = (Conflict.PAYMENT_CHANGE_STATE, "a pause of this benefit is proposed already: it waits for a signature")
    with named_conflicts(session, {"uq_payment_change_proposed": there, "payment_change.benefit_id": there}):
        session.add(change)
    return change


def get(session: Session, public_id: str) -> PaymentChange:
    """The change with this public id. Raises NotFoundError."""
    change = session.scalar(select(PaymentChange).where(PaymentChange.public_id == public_id))
    if change is None:
        raise NotFoundError("there is no such pause or resumption")
    return change


def decide(
    session: Session, change_id: int, state: PaymentChangeState, *, by: str, note: str | None, now: datetime, **values: Any
) -> PaymentChange:
    """Take a proposed pause to its end. Raises ConflictError: PAYMENT_CHANGE_STATE when somebody else was faster."""
    change = session.scalar(
        update(PaymentChange)
        .where(PaymentChange.id == change_id, PaymentChange.state == PaymentChangeState.PROPOSED)
        .values(state=state, decided_by=by, decided_at=now, decision_note=note, **values)
        .returning(PaymentChange)
        .execution_options(populate_existing=True)
    )
    if change is None:
        raise ConflictError(Conflict.PAYMENT_CHANGE_STATE, "the pause was decided or withdrawn meanwhile: read its present state")
    return change


def withdraw_of_outreach(session: Session, outreach_ids: Collection[int], *, by: str, note: str, now: datetime) -> int:
    """Withdraw the proposals that rest on these rows of the outreach list; how many."""
    if not outreach_ids:
        return 0
    withdrawn = session.scalars(
        update(PaymentChange)
        .where(PaymentChange.outreach_id.in_(outreach_ids), PaymentChange.state == PaymentChangeState.PROPOSED)
        .values(state=PaymentChangeState.WITHDRAWN, decided_by=by, decided_at=now, decision_note=note)
        .returning(PaymentChange.id)
        .execution_options(synchronize_session=False)
    )
    return len(withdrawn.all())


def pause(session: Session, benefit_id: int, paused_on: date) -> bool:
    """Pause a benefit from the day. False when it is not active."""
    changed = session.scalar(
        update(Benefit)
        .where(Benefit.id == benefit_id, Benefit.status == BenefitStatus.ACTIVE)
        .values(status=BenefitStatus.PAUSED, paused_on=paused_on)
        .returning(Benefit.id)
    )
    return changed is not None


def resume(session: Session, new: NewResumption, *, by: str, now: datetime) -> PaymentChange | None:
    """Carry out a resumption: the benefit is active again, the pause goes into its history. None when somebody else was faster."""
    benefit, paused_on = new.benefit, new.benefit.paused_on
    resumed = session.scalar(
        update(Benefit)
        .where(Benefit.id == benefit.id, Benefit.status == BenefitStatus.PAUSED, Benefit.paused_on == paused_on)
        .values(status=BenefitStatus.ACTIVE, paused_on=None)
        .returning(Benefit.id)
        .execution_options(synchronize_session=False)
    )
    if resumed is None or paused_on is None:
        return None
    if new.effective_month > paused_on:  # a pause that was lifted before its first day never was
        session.add(BenefitPause(benefit_id=benefit.id, paused_on=paused_on, resumed_on=new.effective_month))
    change = PaymentChange(
        benefit_id=benefit.id,
        person_id=benefit.person_id,
        region_code=benefit.region_code,
        kind=PaymentChangeKind.RESUME,
        state=PaymentChangeState.APPROVED,
        effective_month=new.effective_month,
        reason_code=PaymentChangeReason.CERTIFIED,
        reason=new.reason,
        evidence_id=new.evidence_id,
        arrears_fen=new.arrears_fen,
        arrears=new.arrears,
        proposed_by=by,
        proposed_at=now,
        decided_by=by,
        decided_at=now,
        policy_hash=new.policy_hash,
    )
    session.add(change)
    session.flush()
    return change


def signed_pause(session: Session, benefit_id: int, effective_month: date) -> PaymentChange | None:
    """The signed pause that took effect in the month, None for a pause that came with imported records."""
    return session.scalar(
        select(PaymentChange)
        .where(
            PaymentChange.benefit_id == benefit_id,
            PaymentChange.kind == PaymentChangeKind.PAUSE,
            PaymentChange.state == PaymentChangeState.APPROVED,
            PaymentChange.effective_month == effective_month,
        )
        .order_by(PaymentChange.id.desc())
        .limit(1)
    )


def paused_after(session: Session, after_id: int, limit: int) -> Sequence[int]:
    """Ids of the next paused benefits after ``after_id``."""
    return session.scalars(
        select(Benefit.id).where(Benefit.paused_on.is_not(None), Benefit.id > after_id).order_by(Benefit.id).limit(limit)
    ).all()


def paused_of(session: Session, person_ids: Collection[int]) -> Sequence[int]:
    """Ids of the paused benefits of these records."""
    return session.scalars(select(Benefit.id).where(Benefit.paused_on.is_not(None), Benefit.person_id.in_(person_ids))).all()


def resumable(session: Session, policy: CertificationPolicy, on: date, benefit_ids: Collection[int]) -> Sequence[int]:
    """Which of these paused benefits may have to be resumed, in one query.

    Of a person who is not dead, and who was certified on or after the day of the pause, or whose certification counts on the day.
    """
    root = func.coalesce(Person.merged_into_id, Person.id)

    def paused(*columns: Any) -> Select[Any]:
        return (
            select(*columns).join(Person, Person.id == Benefit.person_id).where(Benefit.id.in_(benefit_ids), Benefit.paused_on.is_not(None))
        )

    status = status_table(policy, on, paused(root.label("person_id")).select_from(Benefit).distinct())
    certified = or_(status.c.last_certified_on >= Benefit.paused_on, status.c.due_on >= on)
    query = (
        paused(Benefit.id)
        .join(status, status.c.person_id == root)
        .where(status.c.state != CertificationState.DECEASED.value, status.c.last_certified_on.is_not(None), certified)
    )
    return session.scalars(query.order_by(Benefit.id)).all()


def listing(
    session: Session,
    *,
    region_code: str,
    states: Collection[PaymentChangeState],
    kind: PaymentChangeKind | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Sequence[Row[PaymentChange, Person]]:
    """Changes of a region and all inside it with the person of the benefit, newest first.

    before: public id of the last one of the page before.
    """
    query = (
        select(PaymentChange, Person)
        .join(Person, Person.id == PaymentChange.person_id)
        .where(PaymentChange.state.in_(states), PaymentChange.region_code.startswith(region_prefix(region_code), autoescape=True))
        .order_by(PaymentChange.id.desc())
        .limit(limit)
    )
    if kind is not None:
        query = query.where(PaymentChange.kind == kind)
    if before is not None:
        last = select(PaymentChange.id).where(PaymentChange.public_id == before).scalar_subquery()
        query = query.where(PaymentChange.id < last)
    return session.execute(query).all()


def of_person(session: Session, person_ids: Collection[int]) -> Sequence[PaymentChange]:
    """Every change of these records, newest first."""
    return session.scalars(select(PaymentChange).where(PaymentChange.person_id.in_(person_ids)).order_by(PaymentChange.id.desc())).all()
