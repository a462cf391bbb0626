"""Certification status in SQL: ``status_query`` for lists that stop early, ``status_table`` for many at once.

``models.certification.derive`` says the same rules for one person in Python, and states them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    Date,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    join,
    literal,
    null,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.benefit import Benefit, BenefitPause, BenefitStatus
from models.certification_state import CertificationState
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, strengths_from
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_prefix


class plus_months(GenericFunction[date]):  # noqa: N801 - the name of an SQL function
    """add_months in SQL."""

    type = Date()
    inherit_cache = True


@compiles(plus_months, "postgresql")
def _plus_months_postgresql(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    day, months = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST({day} + make_interval(months => {months}) AS DATE)"


@compiles(plus_months, "sqlite")
def _plus_months_sqlite(element: Any, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite runs over the end of a short month (29 February + 12 months is 1 March): the earlier of that day and the month's last.
    day, months = (compiler.process(clause, **options) for clause in element.clauses)
    return f"min(date({day}, '+' || {months} || ' months'), date({day}, 'start of month', '+' || ({months} + 1) || ' months', '-1 day'))"


def status_query(policy: CertificationPolicy, on: date) -> FromClause:
    """A subquery with one row a person (not for records merged into another): person_id, state, last_certified_on, due_on, cycle_months.

    Its inner parts are computed for each person that the outer query asks for: for single persons and for lists that stop early.
    """
    last = _of_person(select(func.max(LifeEvidence.occurred_on)).where(counts_on(LifeEvidence, on), certifying(policy)), LifeEvidence)
    dead = _of_person(select(func.max(LifeEvidence.id)).where(counts_on(LifeEvidence, on), death(policy)), LifeEvidence)

    def of_benefits(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return _of_person(select(value).where(drawn_on(on)), Benefit)

    facts = (
        select(
            Person.id.label("person_id"),
            case((dead.is_not(None), 1), else_=0).label("dead"),
            type_coerce(last, Date).label("last"),
            type_coerce(of_benefits(func.min(Benefit.from_month)), Date).label("first"),
            type_coerce(of_benefits(func.max(_paused_since(on))), Date).label("paused"),
            func.coalesce(of_benefits(func.min(_cycle_months(policy))), policy.default_cycle_months).label("cycle_months"),
        )
        .where(Person.merged_into_id.is_(None))
        .subquery("certification_facts")
    )
    return derived(facts, policy, on)


def status_table(policy: CertificationPolicy, on: date, among: Select[int], *, one_by_one: bool = False) -> FromClause:
    """The same rows for the persons whose ids ``among`` selects, by grouping: for very many at once. Merged records have no row.

    More columns: benefits, how many there are, also ended ones; draws, 1 when any of them is drawn on the day; first_on and paused_on, when
    the first of those drawn began and since when one of them is paused. One pass over the
    index of the ledger and one over the benefits of those persons. ``among`` stands in it several times, since a CTE would keep
    PostgreSQL from working in parallel: let it be simple.

    one_by_one: look each person up in the indexes instead of passing over all of them: for many who are yet a small part of the store,
    such as a city. PostgreSQL only (LATERAL).
    """
    persons: FromClause = among.subquery()
    if one_by_one:
        # The estimates of what is looked up are far off: what is joined in order of ids would have all persons read in that order.
        persons = among.cte("among_once").prefix_with("MATERIALIZED")
    (person_id,) = persons.c
    if one_by_one:
        own: FromClause = evidence_of_one(policy, on, person_id).lateral()
        benefits: FromClause = benefits_of_one(policy, on, person_id).lateral()
    else:
        theirs = LifeEvidence.person_id.in_(select(*among.subquery().c))
        drawn = Benefit.person_id.in_(select(*among.subquery().c))
        own = evidence_facts(policy, on, LifeEvidence, theirs, LifeEvidence.person_id)
        benefits = benefit_facts(policy, on, Benefit, drawn, Benefit.person_id)
    of_merged, merged_benefits = merged_facts(policy, on, among)
    gone = aliased(Person)
    facts = (
        select(person_id.label("person_id"), *joint_facts(policy, own.c, benefits.c, of_merged, merged_benefits))
        .select_from(persons)
        .outerjoin(own, true() if one_by_one else own.c.person_id == person_id)
        .outerjoin(benefits, true() if one_by_one else benefits.c.person_id == person_id)
        .outerjoin(of_merged, of_merged.c.person_id == person_id)
        .outerjoin(merged_benefits, merged_benefits.c.person_id == person_id)
        .where(~select(gone.id).where(gone.id == person_id, gone.merged_into_id.is_not(None)).correlate(persons).exists())
        .subquery("certification_facts")
    )
    more = (facts.c.benefits, facts.c.draws, facts.c.first.label("first_on"), facts.c.paused.label("paused_on"))
    return derived(facts, policy, on, *more)


def merged_facts(policy: CertificationPolicy, on: date, among: Select[int] | None) -> tuple[FromClause, FromClause]:
    """evidence_facts and benefit_facts of the records that were merged into the persons among, or into anybody: hardly any rows."""
    merged = aliased(Person)
    # IS NOT NULL: only then PostgreSQL takes the small partial index
    met: ColumnElement[bool] = merged.merged_into_id.is_not(None)
    if among is not None:
        met = and_(met, merged.merged_into_id.in_(select(*among.subquery().c)))
    root = merged.merged_into_id
    evidence = evidence_facts(policy, on, join(LifeEvidence, merged, merged.id == LifeEvidence.person_id), met, root)
    return evidence, benefit_facts(policy, on, join(Benefit, merged, merged.id == Benefit.person_id), met, root)


def joint_facts(policy: CertificationPolicy, own: Any, benefits: Any, of_merged: FromClause, merged_benefits: FromClause) -> list[Any]:
    """Columns dead, last, first, paused, cycle_months, benefits and draws: of the person's own record and of the merged ones."""
    return [
        case((or_(own.dead == 1, of_merged.c.dead == 1), 1), else_=0).label("dead"),
        _greater(own.last, of_merged.c.last).label("last"),
        _less(benefits.first, merged_benefits.c.first).label("first"),
        _greater(benefits.paused, merged_benefits.c.paused).label("paused"),
        func.coalesce(_less(benefits.cycle_months, merged_benefits.c.cycle_months), policy.default_cycle_months).label("cycle_months"),
        (func.coalesce(benefits.benefits, 0) + func.coalesce(merged_benefits.c.benefits, 0)).label("benefits"),
        case((func.coalesce(benefits.first, merged_benefits.c.first).is_not(None), 1), else_=0).label("draws"),
    ]


def evidence_facts(policy: CertificationPolicy, on: date, rows: Any, belongs: ColumnElement[bool], person_id: Any) -> FromClause:
    """last and dead of each person_id, by grouping."""
    met = and_(belongs, or_(certifying(policy), death(policy)))
    query = select(person_id.label("person_id"), *_evidence_columns(policy)).select_from(rows).where(met, counts_on(LifeEvidence, on))
    return query.group_by(person_id).subquery()


def evidence_of_one(policy: CertificationPolicy, on: date, person_id: ColumnElement[int]) -> Select[Any]:
    """last and dead of one person, looked up for each row of an outer query."""
    # asked row by row, the corrections are better kept in memory as one set than looked up each time
    correction = aliased(LifeEvidence)
    corrected = select(correction.corrects_id).where(correction.corrects_id.is_not(None))
    counts = and_(LifeEvidence.occurred_on <= on, LifeEvidence.strength != Strength.VOID, LifeEvidence.id.not_in(corrected))
    met = and_(LifeEvidence.person_id == person_id, or_(certifying(policy), death(policy)))
    return select(*_evidence_columns(policy)).where(met, counts)


def _evidence_columns(policy: CertificationPolicy) -> tuple[ColumnElement[Any], ...]:
    last = type_coerce(func.max(case((certifying(policy), LifeEvidence.occurred_on))), Date).label("last")
    return last, func.max(case((death(policy), 1), else_=0)).label("dead")


def benefit_facts(policy: CertificationPolicy, on: date, rows: Any, belongs: ColumnElement[bool], person_id: Any) -> FromClause:
    """first, paused, cycle_months and benefits of each person_id, by grouping."""
    ended = (
        select(BenefitPause.benefit_id, func.max(BenefitPause.paused_on).label("paused_on"))
        .where(BenefitPause.paused_on <= on, BenefitPause.resumed_on > on)
        .group_by(BenefitPause.benefit_id)
        .subquery()
    )
    paused = func.coalesce(_lasting_pause(on), ended.c.paused_on)
    query = select(person_id.label("person_id"), *_benefit_columns(policy, on, paused)).select_from(rows)
    return query.outerjoin(ended, ended.c.benefit_id == Benefit.id).where(belongs).group_by(person_id).subquery()


def benefits_of_one(policy: CertificationPolicy, on: date, person_id: ColumnElement[int]) -> Select[Any]:
    """first, paused, cycle_months and benefits of one person, looked up for each row of an outer query."""
    over = select(BenefitPause.benefit_id).where(BenefitPause.paused_on <= on, BenefitPause.resumed_on > on)
    paused = func.coalesce(_lasting_pause(on), case((Benefit.id.in_(over), _paused_since(on))))  # most benefits were never paused
    return select(*_benefit_columns(policy, on, paused)).where(Benefit.person_id == person_id)


def _benefit_columns(policy: CertificationPolicy, on: date, paused: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    def drawn(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((drawn_on(on), value))

    return (
        type_coerce(func.min(drawn(Benefit.from_month.expression)), Date).label("first"),
        type_coerce(func.max(drawn(paused)), Date).label("paused"),
        func.min(drawn(_cycle_months(policy))).label("cycle_months"),
        func.count(Benefit.id).label("benefits"),
    )


def _greater(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The greater of two values that may be NULL; the one that is not."""
    return case((or_(other.is_(None), one > other), one), else_=other)


def _less(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((or_(other.is_(None), one < other), one), else_=other)


def derived(facts: FromClause, policy: CertificationPolicy, on: date, *more: ColumnElement[Any]) -> FromClause:
    """State and days from the facts of each person; more: columns of facts that go along."""
    since = func.coalesce(facts.c.last, facts.c.first)
    dated = select(
        facts.c.person_id,
        facts.c.dead,
        facts.c.last,
        facts.c.paused,
        facts.c.cycle_months,
        case((since.is_not(None), plus_months(since, cast(facts.c.cycle_months, Integer)))).label("due"),
        *more,
    ).subquery("certification_dates")
    return stated(dated, policy, on, *(dated.c[column.key] for column in more if column.key is not None))


def stated(dated: FromClause, policy: CertificationPolicy, on: date, *more: ColumnElement[Any]) -> FromClause:
    """State on the day from person_id, dead, last, paused, cycle_months and due; more: columns of dated that go along."""
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
        *more,
    ).subquery("certification_status")


def _of_person(query: Select[Any], table: type[LifeEvidence] | type[Benefit]) -> ColumnElement[Any]:
    """The query over the rows of a person and of the records merged into that person."""
    member = aliased(Person)
    members = select(member.id).where(or_(member.id == Person.id, member.merged_into_id == Person.id)).correlate(Person)
    return query.where(table.person_id.in_(members)).correlate(Person).scalar_subquery()


def death(policy: CertificationPolicy) -> ColumnElement[bool]:
    """Whether a row of the ledger is a death record that policy goes by."""
    return and_(LifeEvidence.kind == EvidenceKind.DEATH_RECORD, _at_least(policy.death_strength))


def drawn_on(on: date) -> ColumnElement[bool]:
    """Whether a benefit is drawn in the month of the day: begun, and not ended."""
    return and_(
        Benefit.status != BenefitStatus.ENDED,
        Benefit.from_month <= on,
        or_(Benefit.to_month.is_(None), Benefit.to_month >= on.replace(day=1)),
    )


def _lasting_pause(on: date) -> ColumnElement[date | None]:
    return case((Benefit.paused_on <= on, Benefit.paused_on))


def _paused_since(on: date) -> ColumnElement[date | None]:
    ended = (
        select(func.max(BenefitPause.paused_on))
        .where(BenefitPause.benefit_id == Benefit.id, BenefitPause.paused_on <= on, BenefitPause.resumed_on > on)
        .correlate(Benefit)
        .scalar_subquery()
    )
    return func.coalesce(_lasting_pause(on), ended)


def counts_on(table: type[LifeEvidence], on: date) -> ColumnElement[bool]:
    """Whether a row of the ledger counts on the day: neither void nor corrected by another one."""
    correction = aliased(LifeEvidence)
    return and_(
        table.occurred_on <= on,
        table.strength != Strength.VOID,
        # IS NOT NULL follows from the equality, but without it PostgreSQL does not see that the small partial index holds all it needs
        ~select(correction.id).where(correction.corrects_id == table.id, correction.corrects_id.is_not(None)).correlate(table).exists(),
    )


def certifying(policy: CertificationPolicy) -> ColumnElement[bool]:
    """Whether a row of the ledger is strong enough to certify."""
    # kinds of one strength together: millions of rows are asked this, and each comparison of texts counts
    kinds: dict[Strength, list[EvidenceKind]] = {}
    for kind, minimum in policy.certifying.items():
        kinds.setdefault(minimum, []).append(kind)
    return or_(literal(False), *(and_(LifeEvidence.kind.in_(some), _at_least(minimum)) for minimum, some in kinds.items()))


def _at_least(minimum: Strength) -> ColumnElement[bool]:
    strengths = strengths_from(minimum)
    return LifeEvidence.strength == strengths[0] if len(strengths) == 1 else LifeEvidence.strength.in_(strengths)


def _cycle_months(policy: CertificationPolicy) -> ColumnElement[int]:
    cases = []
    for cycle in policy.cycles_by_precedence():
        fits = Benefit.scheme == cycle.scheme
        if cycle.region is not None:
            fits = and_(fits, Benefit.region_code.startswith(region_prefix(cycle.region), autoescape=True))
        cases.append((fits, cycle.months))
    return case(*cases, else_=policy.default_cycle_months) if cases else literal(policy.default_cycle_months)
