"""Whole tables of the store for detection, as Arrow batches: streamed, so that memory stays bounded whatever the store's size.

No names and no numbers of persons are among the columns. Rows of records that were merged carry the id of the record that speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import and_, case, extract, func, null, or_, select, text, union, union_all
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit, BenefitPause, Payment
from models.certification_sql import status_table
from models.certification_state import CertificationState
from models.enrolment import Enrolment
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outreach import Outreach, OutreachAttempt
from models.person import Person
from models.policy import CertificationPolicy
from models.relation import GrantPayment, PersonRelation
from models.repositories.arrow_rows import AnySelect, stream

NOT_OF_LIFE = (EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY, EvidenceKind.DECLARATION)
PERSON_COLUMNS = ("person_id", "recipient_id", "other_id")


@dataclass(frozen=True)
class ExtractRules:
    """What the extracts go by. as_of: nothing that is dated later is read."""

    certification: CertificationPolicy
    as_of: date


@dataclass(frozen=True)
class Merged:
    """Records that were merged into others, in memory: few, since each was a decision of a person."""

    ids: pa.Array
    speaking: pa.Array

    def speaking_for(self, ids: pa.Array) -> pa.Array:
        """The ids with those of merged records replaced by the ids of the records that speak for them."""
        if len(self.ids) == 0:
            return ids
        places = pc.index_in(ids, value_set=self.ids)
        return pc.if_else(pc.is_null(places), ids, pc.take(self.speaking, places))


def of_one_moment(session: Session) -> None:
    """Let everything that the transaction reads be of one moment; PostgreSQL only, SQLite does it anyway. Before anything is read."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def merged_records(session: Session) -> Merged:
    """Every record that was merged."""
    rows = session.execute(select(Person.id, Person.merged_into_id).where(Person.merged_into_id.is_not(None))).all()
    return Merged(pa.array([row[0] for row in rows], pa.int64()), pa.array([row[1] for row in rows], pa.int64()))


def batches(session: Session, name: str, schema: pa.Schema, rules: ExtractRules, merged: Merged) -> Iterator[pa.RecordBatch]:
    """The rows of one table with the columns of the schema. name: one of ``TABLES``."""
    for batch in stream(session, TABLES[name](session, rules), schema):
        yield spoken(batch, merged)


def spoken(batch: pa.RecordBatch, merged: Merged) -> pa.RecordBatch:
    """The rows with the ids of the records that speak."""
    for name in PERSON_COLUMNS:
        place = batch.schema.get_field_index(name)
        if place >= 0:
            batch = batch.set_column(place, batch.schema.field(place), merged.speaking_for(batch.column(place)))
    if {"person_id", "other_id"} <= set(batch.schema.names):
        batch = batch.filter(pc.not_equal(batch.column("person_id"), batch.column("other_id")))  # a relation to oneself is none
    return batch


# --- one query a table; columns in the order of the schemas in detection.rules.tables


def _hex(session: Session, column: Any) -> Any:
    return func.encode(column, "hex") if session.get_bind().dialect.name == "postgresql" else func.lower(func.hex(column))


def _person(_session: Session, _rules: ExtractRules) -> AnySelect:
    return select(
        Person.id.label("record_id"),
        func.coalesce(Person.merged_into_id, Person.id).label("person_id"),
        Person.birth_date,
        Person.sex,
        Person.region_code,
    )


def _enrolment(_session: Session, rules: ExtractRules) -> AnySelect:
    row = Enrolment
    return select(row.id, row.person_id, row.scheme, row.region_code, row.from_month, row.to_month).where(row.from_month <= rules.as_of)


def _benefit(session: Session, rules: ExtractRules) -> AnySelect:
    row = Benefit
    account = case((row.account_index.is_not(None), _hex(session, row.account_index))).label("account")
    return select(
        row.id,
        row.person_id,
        row.scheme,
        row.region_code,
        row.monthly_fen,
        row.status,
        row.from_month,
        row.to_month,
        account,
        row.approved_birth_date,
        row.retirement_kind,
    ).where(row.from_month <= rules.as_of)


def _pause(_session: Session, rules: ExtractRules) -> AnySelect:
    lasting = select(Benefit.id.label("benefit_id"), Benefit.paused_on, null().label("resumed_on")).where(
        Benefit.paused_on.is_not(None), Benefit.paused_on <= rules.as_of
    )
    over = select(BenefitPause.benefit_id, BenefitPause.paused_on, BenefitPause.resumed_on).where(BenefitPause.paused_on <= rules.as_of)
    both = union_all(lasting, over).subquery()
    return select(both.c.benefit_id, both.c.paused_on, both.c.resumed_on)


def _payment(_session: Session, rules: ExtractRules) -> AnySelect:
    return select(Payment.id, Payment.benefit_id, Payment.month, Payment.amount_fen).where(Payment.month <= rules.as_of)


def _evidence(_session: Session, rules: ExtractRules) -> AnySelect:
    """Deaths and custody of everybody, and life of those with a death record on any of their records."""
    row, correction = LifeEvidence, aliased(LifeEvidence)
    corrected = select(correction.corrects_id).where(correction.corrects_id.is_not(None))
    counts = and_(row.occurred_on <= rules.as_of, row.strength != Strength.VOID, row.id.not_in(corrected))
    dead, member = aliased(Person), aliased(Person)
    death = aliased(LifeEvidence)
    died = select(death.person_id).where(
        death.kind == EvidenceKind.DEATH_RECORD, death.strength != Strength.VOID, death.id.not_in(corrected)
    )
    speaking = select(func.coalesce(dead.merged_into_id, dead.id)).where(dead.id.in_(died))
    members = union(speaking, select(member.id).where(member.merged_into_id.in_(speaking)))
    told = row.kind.in_((EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY))
    lived = and_(row.kind.not_in(NOT_OF_LIFE), row.person_id.in_(members))
    return select(
        row.id, row.person_id, row.kind, row.trace, row.occurred_on, row.ends_on, row.strength, row.source, row.based_on_id
    ).where(counts, or_(told, lived))


def _grant(session: Session, rules: ExtractRules) -> AnySelect:
    row = GrantPayment
    account = case((row.account_index.is_not(None), _hex(session, row.account_index))).label("account")
    return select(
        row.id,
        row.deceased_id.label("person_id"),
        row.recipient_id,
        row.kind,
        row.region_code,
        account,
        row.paid_on,
        row.amount_fen,
    ).where(row.paid_on <= rules.as_of)


def _relation(_session: Session, _rules: ExtractRules) -> AnySelect:
    row = PersonRelation
    return select(row.id, row.person_id, row.other_id, row.kind, row.since, row.until)


def _status(_session: Session, rules: ExtractRules) -> AnySelect:
    status = status_table(rules.certification, rules.as_of, select(Person.id))
    late = (CertificationState.OVERDUE.value, CertificationState.NEVER_CERTIFIED.value)
    return select(status.c.person_id, status.c.state, status.c.due_on).where(
        status.c.state.in_(late), status.c.due_on < rules.as_of, status.c.draws == 1
    )


def _outreach(_session: Session, _rules: ExtractRules) -> AnySelect:
    """Of the open outreach of each person how many attempts there were, and when the last was."""
    made_on = func.date(func.max(OutreachAttempt.made_at))
    return (
        select(Outreach.person_id, func.count(OutreachAttempt.id).label("attempts"), made_on.label("last_attempt_on"))
        .outerjoin(OutreachAttempt, OutreachAttempt.outreach_id == Outreach.id)
        .where(Outreach.closed_at.is_(None))
        .group_by(Outreach.person_id)
    )


def _namesake(_session: Session, rules: ExtractRules) -> AnySelect:
    """Of persons who left a trace of life after a death record: how many others have their name, in the region and of the year."""
    death, life, dead, member = aliased(LifeEvidence), aliased(LifeEvidence), aliased(Person), aliased(Person)
    owner = func.coalesce(dead.merged_into_id, dead.id)
    later = and_(life.person_id == member.id, life.occurred_on > death.occurred_on, life.kind.not_in(NOT_OF_LIFE))
    found = (
        select(owner.label("person_id"))
        .select_from(death)
        .join(dead, dead.id == death.person_id)
        .join(member, or_(member.id == owner, member.merged_into_id == owner))
        .join(life, later)
        .where(death.kind == EvidenceKind.DEATH_RECORD, life.occurred_on <= rules.as_of)
        .distinct()
        .subquery()
    )
    one, other = aliased(Person), aliased(Person)
    same_year = extract("year", other.birth_date) == extract("year", one.birth_date)
    return (
        select(
            one.id.label("person_id"),
            func.count(other.id).label("same_region"),
            func.sum(case((same_year, 1), else_=0)).label("same_birth_year"),
        )
        .select_from(found)
        .join(one, one.id == found.c.person_id)
        .join(other, and_(other.name == one.name, other.region_code == one.region_code, other.id != one.id))
        .where(one.merged_into_id.is_(None), other.merged_into_id.is_(None))
        .group_by(one.id)
    )


TABLES: dict[str, Callable[[Session, ExtractRules], AnySelect]] = {
    "person": _person,
    "enrolment": _enrolment,
    "benefit": _benefit,
    "pause": _pause,
    "payment": _payment,
    "evidence": _evidence,
    "grant": _grant,
    "relation": _relation,
    "status": _status,
    "outreach": _outreach,
    "namesake": _namesake,
}
