"""Certification status (认证状态): derived from evidence, benefits, policy and a date; stored nowhere.

``derive`` does it for one person in Python, ``status_query`` for a list in SQL; a property test holds the two equal.

The rules, first that applies:

1. A death record of policy's strength that counts, up to the day: deceased. A later trace of life changes nothing by itself; only
   correcting the death record does.
2. A paused benefit, and no certifying evidence on or after the day of the pause: paused.
3. No certifying evidence: never certified. Due one cycle after the first benefit began.
4. Due is the last certifying evidence plus the shortest cycle of the benefits that have not ended (policy's usual cycle without any):
   after that day overdue, within policy's due-soon window due soon, otherwise certified.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Date,
    Integer,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.benefit import Benefit, BenefitStatus
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, strengths_from
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_prefix


class CertificationState(StrEnum):
    """Where a person stands."""

    CERTIFIED = "certified"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    PAUSED = "paused"
    DECEASED = "deceased"
    NEVER_CERTIFIED = "never_certified"


@dataclass(frozen=True)
class EvidenceFact:
    """What the derivation needs of one row of the ledger. id and corrects_id: as in the ledger."""

    id: int
    kind: EvidenceKind
    occurred_on: date
    strength: Strength
    corrects_id: int | None = None


@dataclass(frozen=True)
class BenefitFact:
    """What the derivation needs of one benefit."""

    scheme: Scheme
    region_code: str
    status: BenefitStatus
    from_month: date
    to_month: date | None = None
    paused_on: date | None = None


@dataclass(frozen=True)
class CertificationStatus:
    """Status of one person on a day.

    last_certified_on: day of the newest certifying evidence. due_on: last day on which the certification still counts; None for the
    deceased, and for people who never certified and draw nothing. cycle_months: the cycle that was used.
    """

    state: CertificationState
    on: date
    last_certified_on: date | None
    due_on: date | None
    cycle_months: int


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or that month's last day: 29 February + 12 months is 28 February."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    month += 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def derive(evidence: Iterable[EvidenceFact], benefits: Iterable[BenefitFact], policy: CertificationPolicy, on: date) -> CertificationStatus:
    """Status of one person on a day (of the policy's time zone) from every row of the ledger and every benefit."""
    rows = tuple(evidence)
    corrected = {row.corrects_id for row in rows}
    counting = [row for row in rows if row.id not in corrected and row.strength is not Strength.VOID and row.occurred_on <= on]
    drawn = [benefit for benefit in benefits if _drawn(benefit, on)]
    cycle = min((policy.cycle_months(benefit.scheme, benefit.region_code) for benefit in drawn), default=policy.default_cycle_months)
    last = max((row.occurred_on for row in counting if _certifies(row, policy)), default=None)

    def status(state: CertificationState, due_on: date | None) -> CertificationStatus:
        return CertificationStatus(state, on, last, due_on, cycle)

    deadly = strengths_from(policy.death_strength)
    if any(row.kind is EvidenceKind.DEATH_RECORD and row.strength in deadly for row in counting):
        return status(CertificationState.DECEASED, None)
    first = min((benefit.from_month for benefit in drawn), default=None)
    since = last or first
    due_on = add_months(since, cycle) if since is not None else None
    pauses = [benefit.paused_on for benefit in drawn if benefit.paused_on is not None and benefit.paused_on <= on]
    if pauses and (last is None or last < max(pauses)):
        return status(CertificationState.PAUSED, due_on)
    if last is None or due_on is None:
        return status(CertificationState.NEVER_CERTIFIED, due_on)
    if due_on < on:
        return status(CertificationState.OVERDUE, due_on)
    if due_on <= on + timedelta(days=policy.due_soon_days):
        return status(CertificationState.DUE_SOON, due_on)
    return status(CertificationState.CERTIFIED, due_on)


def _drawn(benefit: BenefitFact, on: date) -> bool:
    if benefit.status is BenefitStatus.ENDED or benefit.from_month > on:
        return False
    return benefit.to_month is None or benefit.to_month >= on.replace(day=1)


def _certifies(row: EvidenceFact, policy: CertificationPolicy) -> bool:
    minimum = policy.certifying.get(row.kind)
    return minimum is not None and row.strength in strengths_from(minimum)


class _plus_months(GenericFunction[date]):  # noqa: N801 - the name of an SQL function
    """add_months in SQL."""

    type = Date()
    inherit_cache = True


@compiles(_plus_months, "postgresql")
def _plus_months_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    day, months = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST({day} + make_interval(months => {months}) AS DATE)"


@compiles(_plus_months, "sqlite")
def _plus_months_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite runs over the end of a short month (29 February + 12 months is 1 March): the earlier of that day and the month's last.
    day, months = (compiler.process(clause, **options) for clause in element.clauses)
    return f"min(date({day}, '+' || {months} || ' months'), date({day}, 'start of month', '+' || ({months} + 1) || ' months', '-1 day'))"


def status_query(policy: CertificationPolicy, on: date) -> FromClause:
    """A subquery with one row a person: person_id, state, last_certified_on, due_on, cycle_months.

    Its inner parts are computed for each person that the outer query asks for; bound it by region or ids where the table is large.
    """
    counts = _counting(LifeEvidence, on)
    last = (
        select(func.max(LifeEvidence.occurred_on))
        .where(LifeEvidence.person_id == Person.id, counts, _certifying(policy))
        .correlate(Person)
        .scalar_subquery()
    )
    dead = (
        select(LifeEvidence.id)
        .where(
            LifeEvidence.person_id == Person.id,
            counts,
            LifeEvidence.kind == EvidenceKind.DEATH_RECORD,
            LifeEvidence.strength.in_(strengths_from(policy.death_strength)),
        )
        .correlate(Person)
        .exists()
    )
    month = on.replace(day=1)
    drawn = and_(
        Benefit.person_id == Person.id,
        Benefit.status != BenefitStatus.ENDED,
        Benefit.from_month <= on,
        or_(Benefit.to_month.is_(None), Benefit.to_month >= month),
    )

    def of_benefits(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return select(value).where(drawn).correlate(Person).scalar_subquery()

    facts = select(
        Person.id.label("person_id"),
        case((dead, 1), else_=0).label("dead"),
        type_coerce(last, Date).label("last"),
        type_coerce(of_benefits(func.min(Benefit.from_month)), Date).label("first"),
        type_coerce(of_benefits(func.max(case((Benefit.paused_on <= on, Benefit.paused_on)))), Date).label("paused"),
        func.coalesce(of_benefits(func.min(_cycle_months(policy))), policy.default_cycle_months).label("cycle_months"),
    ).subquery("certification_facts")
    since = func.coalesce(facts.c.last, facts.c.first)
    dated = select(
        facts.c.person_id,
        facts.c.dead,
        facts.c.last,
        facts.c.paused,
        facts.c.cycle_months,
        case((since.is_not(None), _plus_months(since, cast(facts.c.cycle_months, Integer)))).label("due"),
    ).subquery("certification_dates")
    state = case(
        (dated.c.dead == 1, CertificationState.DECEASED.value),
        (
            and_(dated.c.paused.is_not(None), or_(dated.c.last.is_(None), dated.c.last < dated.c.paused)),
            CertificationState.PAUSED.value,
        ),
        (dated.c.last.is_(None), CertificationState.NEVER_CERTIFIED.value),
        (dated.c.due < on, CertificationState.OVERDUE.value),
        (dated.c.due <= on + timedelta(days=policy.due_soon_days), CertificationState.DUE_SOON.value),
        else_=CertificationState.CERTIFIED.value,
    )
    return select(
        dated.c.person_id,
        cast(state, String).label("state"),
        dated.c.last.label("last_certified_on"),
        case((dated.c.dead == 1, null()), else_=dated.c.due).label("due_on"),
        dated.c.cycle_months,
    ).subquery("certification_status")


def _counting(table: type[LifeEvidence], on: date) -> ColumnElement[bool]:
    correction = aliased(LifeEvidence)
    return and_(
        table.occurred_on <= on,
        table.strength != Strength.VOID,
        ~select(correction.id).where(correction.corrects_id == table.id).correlate(table).exists(),
    )


def _certifying(policy: CertificationPolicy) -> ColumnElement[bool]:
    kinds = [
        and_(LifeEvidence.kind == kind, LifeEvidence.strength.in_(strengths_from(minimum))) for kind, minimum in policy.certifying.items()
    ]
    return or_(literal(False), *kinds)


def _cycle_months(policy: CertificationPolicy) -> ColumnElement[int]:
    cases = []
    for cycle in policy.cycles_by_precedence():
        fits = Benefit.scheme == cycle.scheme
        if cycle.region is not None:
            fits = and_(fits, Benefit.region_code.startswith(region_prefix(cycle.region), autoescape=True))
        cases.append((fits, cycle.months))
    return case(*cases, else_=policy.default_cycle_months) if cases else literal(policy.default_cycle_months)
