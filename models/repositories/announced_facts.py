"""Certification status from the facts that the announcer wrote down: of everybody whose facts hold on the day, without the ledger.

The state is derived here as everywhere, by ``certification_sql.stated``. Whoever was touched since, and everybody for whose facts the day
is too early or too late, is left to the ledger.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.certification_sql import stated
from models.certification_state import CertificationState
from models.person import Person
from models.policy import CertificationPolicy
from models.region import region_bounds
from models.repositories.status_changes import rules_hash
from models.status_change import StatusAnnounced, StatusAnnouncer, StatusTouch

TOUCHED_MAX = 100_000
"""With more persons touched, such as after an import, the facts say so little that asking for them is not worth while."""


def facts_stand(session: Session, policy: CertificationPolicy) -> bool:
    """Whether facts were written down under these rules, of everybody who draws a benefit, but for a few who were touched since."""
    if session.scalar(select(StatusAnnouncer.rules_hash).where(StatusAnnouncer.id == 1)) != rules_hash(policy):
        return False
    some = select(StatusTouch.id).limit(TOUCHED_MAX + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) <= TOUCHED_MAX


def status_from_facts(policy: CertificationPolicy, on: date, region_code: str, *in_shard: ColumnElement[bool]) -> FromClause:
    """The columns of ``certification_region_sql.region_table`` of those in the region whose facts hold. in_shard: of status_announced."""
    told = StatusAnnounced
    facts = (
        select(
            told.person_id,
            told.public_id,
            told.region_code,
            case((told.state == CertificationState.DECEASED, 1), else_=0).label("dead"),
            told.last_certified_on.label("last"),
            told.first_on.label("first"),
            told.paused_on.label("paused"),
            told.cycle_months,
            told.due_on.label("due"),  # the same for all these days, as it follows from the rest
            told.benefits,
            case((told.first_on.is_not(None), 1), else_=0).label("draws"),
        )
        .where(told.region_code.between(*region_bounds(region_code)), _holds(on), told.person_id.not_in(_touched()), *in_shard)
        .subquery("told_facts")
    )
    return stated(facts, policy, on, facts.c.benefits, facts.c.draws, facts.c.public_id, facts.c.region_code)


def without_facts(on: date, region_code: str, *, pensioners_only: bool) -> ColumnElement[bool]:
    """Of whom in the region, among persons, ``status_from_facts`` says nothing. pensioners_only: leaving out who never drew a benefit."""
    told = StatusAnnounced
    inside = told.region_code.between(*region_bounds(region_code))
    touched = Person.id.in_(_touched())
    if pensioners_only:  # everybody who has a benefit was announced, or was touched since
        return or_(touched, Person.id.in_(select(told.person_id).where(inside, ~_holds(on))))
    return or_(touched, Person.id.not_in(select(told.person_id).where(inside, _holds(on))))


def _holds(on: date) -> ColumnElement[bool]:
    told = StatusAnnounced
    return and_(told.holds_from.is_not(None), told.holds_from <= on, or_(told.holds_until.is_(None), told.holds_until > on))


def _touched() -> Select[Any]:
    of_records = select(StatusTouch.person_id)
    merged = select(Person.merged_into_id).join(StatusTouch, StatusTouch.person_id == Person.id).where(Person.merged_into_id.is_not(None))
    return of_records.union(merged)  # type: ignore[return-value]
