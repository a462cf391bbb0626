"""Certification status of a region in SQL: each person is looked up in the indexes, in shards that several connections work on at once.

To pass over the whole ledger is quicker for a province; a city is a small part of it.
"""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Date, Integer, Select, cast, func, select, true, type_coerce
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause

from models.certification_sql import benefits_of_one, derived, evidence_of_one, joint_facts, merged_facts
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_bounds

SHARD_IDS = 256
"""So many ids that follow on each other are in one shard: by single ids, whoever was numbered in turns would all be in the same."""

ABSENT = " " * 10
"""In place of a day in a packed text."""


def in_shard(ids: ColumnElement[int], shard: int, shards: int) -> tuple[ColumnElement[bool], ...]:
    """Whether ids are of this share of them, by stretches of ids."""
    return ((ids // SHARD_IDS) % shards == shard,) if shards > 1 else ()


def region_table(
    policy: CertificationPolicy, on: date, region_code: str, dialect: str, *only: ColumnElement[bool], shard: int = 0, shards: int = 1
) -> FromClause:
    """State and days of everybody in a region and all inside it, with benefits, draws, public_id and region_code.

    only: of which persons. shard, shards: only this share of them, by stretches of ids.
    """
    people: Any = select(Person.id.label("id"), Person.public_id.label("public_id"), Person.region_code.label("region_code")).where(
        Person.region_code.between(*region_bounds(region_code)),
        Person.merged_into_id.is_(None),
        *in_shard(Person.id.expression, shard, shards),
        *only,
    )
    of_merged, merged_benefits = _merged_laterally(policy, on) if dialect == "postgresql" else merged_facts(policy, on, None)
    looked_up = _laterally(policy, on, people) if dialect == "postgresql" else _as_texts(policy, on, people)
    persons, own, benefits = looked_up
    facts = (
        select(
            persons.c.id.label("person_id"),
            persons.c.public_id,
            persons.c.region_code,
            *joint_facts(policy, own, benefits, of_merged, merged_benefits),
        )
        .select_from(persons if dialect != "postgresql" else persons.outerjoin(own.table, true()).outerjoin(benefits.table, true()))
        .outerjoin(of_merged, of_merged.c.person_id == persons.c.id)
        .outerjoin(merged_benefits, merged_benefits.c.person_id == persons.c.id)
        .subquery("certification_facts")
    )
    return derived(facts, policy, on, facts.c.benefits, facts.c.draws, facts.c.public_id, facts.c.region_code)


def _laterally(policy: CertificationPolicy, on: date, people: Select[Any]) -> tuple[FromClause, Any, Any]:
    # The estimates of what is looked up are far off: what is joined in order of ids would have all persons read in that order.
    persons = people.cte("among_once").prefix_with("MATERIALIZED")
    evidence = evidence_of_one(policy, on, persons.c.id).lateral()
    benefits = benefits_of_one(policy, on, persons.c.id).lateral()
    return persons, SimpleNamespace(table=evidence, **dict(evidence.c)), SimpleNamespace(table=benefits, **dict(benefits.c))


def _merged_laterally(policy: CertificationPolicy, on: date) -> tuple[FromClause, FromClause]:
    # by grouping, PostgreSQL would pass over the whole ledger for a few merged records
    merged = aliased(Person)
    root = merged.merged_into_id.label("person_id")
    person_id: ColumnElement[int] = merged.id.expression
    evidence = evidence_of_one(policy, on, person_id).lateral()
    benefits = benefits_of_one(policy, on, person_id).lateral()

    def grouped(*columns: ColumnElement[Any], looked_up: FromClause) -> FromClause:
        query = select(root, *columns).select_from(merged).join(looked_up, true())
        return query.where(merged.merged_into_id.is_not(None)).group_by(root).subquery()

    return (
        grouped(func.max(evidence.c.last).label("last"), func.max(evidence.c.dead).label("dead"), looked_up=evidence),
        grouped(
            func.min(benefits.c.first).label("first"),
            func.max(benefits.c.paused).label("paused"),
            func.min(benefits.c.cycle_months).label("cycle_months"),
            func.sum(benefits.c.benefits).label("benefits"),
            looked_up=benefits,
        ),
    )


def _as_texts(policy: CertificationPolicy, on: date, people: Select[Any]) -> tuple[FromClause, Any, Any]:
    """All that is found in one table as one text of fixed widths: SQLite knows no LATERAL, and each look into an index costs."""
    persons = people.subquery()
    evidence = evidence_of_one(policy, on, persons.c.id)
    benefits = benefits_of_one(policy, on, persons.c.id)
    last, dead = (column.element for column in evidence.selected_columns)
    first, paused, cycle_months, number = (column.element for column in benefits.selected_columns)
    packed_evidence = evidence.with_only_columns(_day(last).op("||")(func.coalesce(dead, 0))).correlate(persons).scalar_subquery()
    months = func.printf("%03d", func.coalesce(cycle_months, 0))
    packed_benefits = (
        benefits.with_only_columns(_day(first).op("||")(_day(paused)).op("||")(months).op("||")(number))
        .correlate(persons)
        .scalar_subquery()
    )
    # LIMIT: else SQLite would look up again wherever a part is used
    packed = select(persons, packed_evidence.label("evidence"), packed_benefits.label("benefits")).limit(-1).offset(0).subquery()
    return (
        packed,
        SimpleNamespace(last=_unpacked_day(packed.c.evidence, 1), dead=cast(func.substr(packed.c.evidence, 11), Integer)),
        SimpleNamespace(
            first=_unpacked_day(packed.c.benefits, 1),
            paused=_unpacked_day(packed.c.benefits, 11),
            cycle_months=func.nullif(cast(func.substr(packed.c.benefits, 21, 3), Integer), 0),
            benefits=cast(func.substr(packed.c.benefits, 24), Integer),
        ),
    )


def _day(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(value, ABSENT)


def _unpacked_day(text: ColumnElement[str], position: int) -> ColumnElement[date]:
    return type_coerce(func.nullif(func.substr(text, position, 10), ABSENT), Date)
