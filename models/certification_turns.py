"""The next day on which time alone can change a certification status: what the derivation in ``models.certification`` compares days with.

A day that is named here without need costs one look on that day; a day that is missing would leave a change unseen. So whatever compares a
date with ``on`` there has its line here. A property test holds the two together.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Date, Select, and_, case, func, or_, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.benefit import Benefit, BenefitPause, BenefitStatus
from models.certification_sql import certifying, death, plus_months
from models.certification_state import CertificationState
from models.life_evidence import LifeEvidence, Strength
from models.person import Person
from models.policy import CertificationPolicy

NEVER = "9999-12-31"


class earliest(GenericFunction[date]):  # noqa: N801 - the name of an SQL function
    """The earliest of some days, leaving out those that are NULL; NULL when all are."""

    type = Date()
    inherit_cache = True


@compiles(earliest, "postgresql")
def _earliest_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    return f"LEAST({', '.join(compiler.process(clause, **options) for clause in element.clauses)})"


@compiles(earliest, "sqlite")
def _earliest_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite's min() of several values is NULL as soon as one of them is
    days = ", ".join(f"coalesce({compiler.process(clause, **options)}, '{NEVER}')" for clause in element.clauses)
    return f"nullif(min({days}), '{NEVER}')"


class plus_days(GenericFunction[date]):  # noqa: N801 - the name of an SQL function
    """A day so many days later, or earlier for a negative number."""

    type = Date()
    inherit_cache = True


@compiles(plus_days, "postgresql")
def _plus_days_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({day} + CAST({days} AS INTEGER))"


@compiles(plus_days, "sqlite")
def _plus_days_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    day, days = (compiler.process(clause, **options) for clause in element.clauses)
    return f"date({day}, {days} || ' days')"


def recorded_days(policy: CertificationPolicy, on: date, among: Select[int]) -> FromClause:
    """Subquery of person_id, turns_on and since: the first day after ``on`` that a benefit, a pause or a row of the ledger names, and the
    last one up to ``on`` that a fact of the status follows from. From since to the day before turns_on the facts are the same.

    ``among`` selects persons, not records merged into others; the rows of all their records count.
    """
    persons = among.cte("turning")
    (person_id,) = persons.c
    merged = aliased(Person)
    members = union_all(
        select(person_id.label("person_id"), person_id.label("member_id")),
        select(merged.merged_into_id, merged.id).where(merged.merged_into_id.in_(select(person_id))),
    ).cte("turning_members")
    of_benefits = members.join(Benefit, and_(Benefit.person_id == members.c.member_id, Benefit.status != BenefitStatus.ENDED))
    of_pauses = of_benefits.join(BenefitPause, BenefitPause.benefit_id == Benefit.id)
    follows = or_(LifeEvidence.occurred_on > on, certifying(policy), death(policy))
    days = union_all(
        *(select(members.c.person_id, day.label("day")).select_from(of_benefits) for day in _days_of_benefit()),
        *(select(members.c.person_id, day).select_from(of_pauses) for day in (BenefitPause.paused_on, BenefitPause.resumed_on)),
        select(members.c.person_id, LifeEvidence.occurred_on)
        .join(LifeEvidence, LifeEvidence.person_id == members.c.member_id)
        .where(LifeEvidence.strength != Strength.VOID, follows),
    ).subquery("days")
    return (
        select(
            days.c.person_id,
            func.min(case((days.c.day > on, days.c.day)), type_=Date).label("turns_on"),
            func.max(case((days.c.day <= on, days.c.day)), type_=Date).label("since"),
        )
        .group_by(days.c.person_id)
        .subquery("recorded_days")
    )


def _days_of_benefit() -> tuple[Any, ...]:
    return Benefit.from_month, plus_months(Benefit.to_month, 1), Benefit.paused_on


def changes_on(policy: CertificationPolicy, on: date, status: FromClause, turns: FromClause) -> ColumnElement[Any]:
    """First day after ``on`` on which time alone can change a status: the recorded turns, and the days that follow from the due date.

    status: of ``status_table``; turns: of ``recorded_days``, joined from outside. NULL for the dead: only a correction changes that.
    """
    first_due_soon = plus_days(status.c.due_on, -policy.due_soon_days)
    first_overdue = plus_days(status.c.due_on, 1)
    return case(
        (
            status.c.state != CertificationState.DECEASED.value,
            earliest(
                turns.c.turns_on,
                case((and_(status.c.due_on.is_not(None), first_due_soon > on), first_due_soon)),
                case((and_(status.c.due_on.is_not(None), first_overdue > on), first_overdue)),
            ),
        )
    )
