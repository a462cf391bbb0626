"""Certification status read from the database: of one person, in lists, in counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit, BenefitPause
from models.certification import BenefitFact, CertificationStatus, EvidenceFact, derive
from models.certification_sql import status_query, status_table
from models.certification_state import CertificationState
from models.life_evidence import LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_bounds


@dataclass(frozen=True)
class ListedPerson:
    """One line of a list: masked where it has to be."""

    person_id: int
    public_id: str
    name: str
    resident_id_masked: str
    region_code: str
    status: CertificationStatus


def status_of(session: Session, person_id: int, policy: CertificationPolicy, on: date) -> CertificationStatus:
    """Status of one person on a day of the policy's time zone (``policy.today(now)``).

    Of a record that was merged into another, the status of the person that it belongs to.
    """
    root = select(func.coalesce(Person.merged_into_id, Person.id)).where(Person.id == person_id).scalar_subquery()
    members = session.scalars(select(Person.id).where(or_(Person.id == root, Person.merged_into_id == root))).all()
    evidence = session.execute(
        select(LifeEvidence.id, LifeEvidence.kind, LifeEvidence.occurred_on, LifeEvidence.strength, LifeEvidence.corrects_id).where(
            LifeEvidence.person_id.in_(members)
        )
    ).all()
    benefits = session.execute(
        select(
            Benefit.id, Benefit.scheme, Benefit.region_code, Benefit.status, Benefit.from_month, Benefit.to_month, Benefit.paused_on
        ).where(Benefit.person_id.in_(members))
    ).all()
    pauses: dict[int, list[tuple[date, date]]] = {}
    if benefits:
        ended = select(BenefitPause.benefit_id, BenefitPause.paused_on, BenefitPause.resumed_on).where(
            BenefitPause.benefit_id.in_([row.id for row in benefits])
        )
        for benefit_id, paused_on, resumed_on in session.execute(ended):
            pauses.setdefault(benefit_id, []).append((paused_on, resumed_on))
    drawn = [BenefitFact(*row[1:], tuple(pauses.get(row.id, ()))) for row in benefits]
    return derive([EvidenceFact(*row) for row in evidence], drawn, policy, on)


def statuses_of(session: Session, person_ids: Collection[int], policy: CertificationPolicy, on: date) -> dict[int, CertificationStatus]:
    """Status of each of these persons, in one query; records that were merged into another are left out."""
    status = status_query(policy, on)
    rows = session.execute(select(status).where(status.c.person_id.in_(list(person_ids)))).all()
    return {row.person_id: _status(row, on) for row in rows}


def listing(
    session: Session,
    policy: CertificationPolicy,
    on: date,
    *,
    states: Collection[CertificationState] | None = None,
    region_code: str | None = None,
    pensioners_only: bool = True,
    after_id: int = 0,
    limit: int = 100,
) -> Sequence[ListedPerson]:
    """Persons with their status in order of id, from the first after ``after_id``.

    states: these only. region_code: that region and all inside it. pensioners_only: those with a benefit, also an ended one (the deceased).
    """
    status = status_query(policy, on)
    query = (
        select(Person.public_id, Person.name, Person.resident_id_masked, Person.region_code, status)
        .join(status, status.c.person_id == Person.id)
        .where(Person.id > after_id)
        .order_by(Person.id)
        .limit(limit)
    )
    if pensioners_only:
        query = query.where(_draws_benefit())
    if states is not None:
        query = query.where(status.c.state.in_([state.value for state in states]))
    if region_code is not None:
        query = query.where(Person.region_code.between(*region_bounds(region_code)))
    return [
        ListedPerson(row.person_id, row.public_id, row.name, row.resident_id_masked, row.region_code, _status(row, on))
        for row in session.execute(query)
    ]


def counts(
    session: Session, policy: CertificationPolicy, on: date, *, region_code: str | None = None, pensioners_only: bool = True
) -> dict[CertificationState, int]:
    """How many persons are in each state; every state is there, with 0 when nobody is in it. ``region_statuses.counts`` for a city."""
    _room_for_grouping(session)
    status = status_table(policy, on, in_region(region_code))
    query = select(status.c.state, func.count()).group_by(status.c.state)
    if pensioners_only:
        query = query.where(status.c.benefits > 0)
    found = {CertificationState(state): number for state, number in session.execute(query)}
    return {state: found.get(state, 0) for state in CertificationState}


def among(*, region_code: str | None = None, pensioners_only: bool = True) -> Select[int]:
    """Ids of the persons of a region and all inside it: merged records left out, only those with a benefit unless told otherwise."""
    query = in_region(region_code).where(Person.merged_into_id.is_(None))
    return query.where(_draws_benefit()) if pensioners_only else query


def in_region(region_code: str | None) -> Select[int]:
    """Ids of the records of a region and all inside it, or of all, for ``status_table``; merged ones it leaves out by itself."""
    query = select(Person.id)
    return query if region_code is None else query.where(Person.region_code.between(*region_bounds(region_code)))


def _room_for_grouping(session: Session) -> None:
    """Memory for the groups of a city on PostgreSQL, in this transaction only: its usual 4 MB would make it sort on disk."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL work_mem = '128MB'"))


def _draws_benefit() -> ColumnElement[bool]:
    # two questions, each by one index: asked as one over both (IN), PostgreSQL went through all benefits for every person
    own = select(Benefit.id).where(Benefit.person_id == Person.id).correlate(Person).exists()
    merged = aliased(Person)
    met = and_(merged.merged_into_id.is_not(None), merged.merged_into_id == Person.id)
    return or_(own, select(Benefit.id).join(merged, merged.id == Benefit.person_id).where(met).correlate(Person).exists())


def _status(row: Row[Any], on: date) -> CertificationStatus:
    return CertificationStatus(CertificationState(row.state), on, row.last_certified_on, row.due_on, row.cycle_months)
