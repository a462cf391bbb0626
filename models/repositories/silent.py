"""Silent certification in SQL: the runs, and what each statement of a chunk of persons does.

``verify.silent.judge`` says the same rules for one person in Python; a property test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, AlertState, CaseFile
from models.casework import VERIFICATION_REFERRED
from models.certification_sql import counts_on, plus_months, status_table
from models.certification_state import CertificationState
from models.detection import Signal
from models.json_in_sql import json_array_of, json_object
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outbox import OutboxMessage
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_store import SilentPolicy
from models.region import region_bounds
from models.repositories.silent_scratch import COUNT_ROWS, COUNTED, DEATHS, JUDGED, MEMBERS, OWNERS, PEOPLE, TRACES, fill, row_count
from models.silent_run import Contradiction

SOURCE = "silent certification"
MESSAGE = "person.certified_silently"
# Alerts that silent certification opened itself: they do not stand in its own way when it runs again.
OWN_ALERTS = "silent:"


@dataclass(frozen=True)
class Rules:
    """What a run goes by."""

    silent: SilentPolicy
    certification: CertificationPolicy
    as_of: date
    region_code: str = ""


@dataclass(frozen=True)
class Contradicted:
    """Somebody with traces of life and something that speaks against them. by_id: the row of the ledger, case or alert."""

    person_id: int
    region_code: str
    contradiction: Contradiction
    by_id: int
    newest_id: int
    newest_on: date
    points: int


def greatest_person_id(session: Session) -> int:
    """0 when there is nobody."""
    return session.scalar(select(func.max(Person.id))) or 0


def examined(session: Session, rules: Rules, after: int, until: int) -> int:
    """How many persons with an id in (after, until] there are in the region, records merged into another not counted."""
    query = select(func.count()).select_from(Person).where(Person.id > after, Person.id <= until, _of_region(Person, rules))
    merged = select(func.count()).select_from(Person).where(Person.id > after, Person.id <= until, Person.merged_into_id.is_not(None))
    return session.execute(query).scalar_one() - session.execute(merged.where(_of_region(Person, rules))).scalar_one()


def collect_traces(session: Session, rules: Rules, after: int, until: int) -> int:
    """Fresh traces of the persons with an id in (after, until], and of records merged into them; how many there are."""
    row = LifeEvidence
    worth = {trace: how for trace, how in rules.silent.traces.items() if how.points}
    fresh = [and_(row.trace == trace, row.occurred_on > rules.as_of - timedelta(days=how.fresh_days)) for trace, how in worth.items()]
    widest = max((how.fresh_days for how in worth.values()), default=0)
    found = and_(
        row.kind == EvidenceKind.DATA_MATCH,
        row.occurred_on > rules.as_of - timedelta(days=widest),
        counts_on(row, rules.as_of),
        or_(literal(False), *fresh),
    )
    points = case(*((row.trace == trace, how.points) for trace, how in worth.items()), else_=0)
    rest = (row.id, row.trace, row.source, row.occurred_on, points)
    merged, owner = aliased(Person), aliased(Person)
    own = select(row.person_id, *rest).where(row.person_id > after, row.person_id <= until, found)
    own = own.where(row.person_id.not_in(select(merged.id).where(merged.merged_into_id.is_not(None))))
    if rules.region_code:
        own = own.join(owner, owner.id == row.person_id).where(_of_region(owner, rules))
    others = (
        select(merged.merged_into_id, *rest)
        .join(merged, merged.id == row.person_id)
        .join(owner, owner.id == merged.merged_into_id)
        .where(merged.merged_into_id > after, merged.merged_into_id <= until, found, _of_region(owner, rules))
    )
    return fill(session, TRACES, union_all(own, others))


def collect_people(session: Session, rules: Rules) -> None:
    """Those who could be certified by their traces, or have a death record: their records, deaths, state and bound."""
    t = TRACES.c
    once = select(t.owner_id, t.points).group_by(t.owner_id, t.trace, t.source, t.points).subquery()
    enough = select(once.c.owner_id).group_by(once.c.owner_id).having(func.sum(once.c.points) >= rules.silent.needed_points)
    merged = aliased(Person)
    owners = select(t.owner_id).distinct().subquery()
    others = select(merged.merged_into_id, merged.id).join(owners, owners.c.owner_id == merged.merged_into_id)
    fill(session, MEMBERS, union_all(select(owners.c.owner_id, owners.c.owner_id), others))
    row = LifeEvidence
    death = (
        select(MEMBERS.c.owner_id, func.min(row.occurred_on), func.min(row.id))
        .join(row, row.person_id == MEMBERS.c.person_id)
        .where(row.kind == EvidenceKind.DEATH_RECORD, counts_on(row, date.max))
        .group_by(MEMBERS.c.owner_id)
    )
    fill(session, DEATHS, death)
    fill(session, OWNERS, union(enough, select(DEATHS.c.owner_id)))
    postgresql = session.get_bind().dialect.name == "postgresql"
    # one by one: they are a small part of the store, and grouping would pass over the whole ledger for each chunk
    status = status_table(rules.certification, rules.as_of, select(OWNERS.c.owner_id), one_by_one=postgresql)
    # What a human took back is not made again from the same traces or older ones: the day of a corrected silent certification bounds too.
    # Asked for each person: any other way PostgreSQL goes through all silent certifications there are, whose number it learns too late.
    # coalesce keeps it from the partial index of them.
    made_on = (
        select(func.max(row.occurred_on))
        .join(MEMBERS, MEMBERS.c.person_id == row.person_id)
        .where(MEMBERS.c.owner_id == status.c.person_id, row.kind == EvidenceKind.DATA_MATCH, func.coalesce(row.based_on_id, 0) > 0)
        .correlate(status)
        .scalar_subquery()
    )
    last = status.c.last_certified_on
    looked_up = select(
        status.c.person_id, status.c.state, status.c.cycle_months, last.label("last"), made_on.label("made_on"), status.c.draws
    )
    wanted = [state.value for state in rules.silent.states]
    found = looked_up.where(
        or_(status.c.state == CertificationState.DECEASED.value, and_(status.c.state.in_(wanted), status.c.draws == 1))
    ).subquery()
    bound = case((or_(found.c.made_on.is_(None), found.c.last > found.c.made_on), found.c.last), else_=found.c.made_on)
    people = select(found.c.person_id, found.c.state, found.c.cycle_months, bound)
    fill(session, PEOPLE, people)


def judge(session: Session, rules: Rules) -> None:
    """Count each kind and source once, the newest row; of those with enough points say what contradicts them, if anything does."""
    t, p, d = TRACES.c, PEOPLE.c, DEATHS.c
    deceased = p.state == CertificationState.DECEASED.value
    newest_first = func.row_number().over(
        partition_by=(t.owner_id, t.trace, t.source), order_by=(t.occurred_on.desc(), t.evidence_id.desc())
    )
    ranked = (
        select(TRACES, newest_first.label("rank"))
        .join(PEOPLE, p.owner_id == t.owner_id)
        .outerjoin(DEATHS, d.owner_id == t.owner_id)
        # of the deceased, every trace after the death: something to look at, whatever it is worth
        .where(or_(and_(deceased, t.occurred_on > d.died_on), and_(~deceased, or_(p.bound.is_(None), t.occurred_on > p.bound))))
        .subquery()
    )
    fill(session, COUNTED, select(*(ranked.c[column.name] for column in TRACES.columns)).where(ranked.c.rank == 1))
    c = COUNTED.c
    sums = (
        select(c.owner_id, func.sum(c.points).label("points"), func.max(c.occurred_on).label("newest_on")).group_by(c.owner_id).subquery()
    )
    newest = select(func.max(c.evidence_id)).where(c.owner_id == sums.c.owner_id, c.occurred_on == sums.c.newest_on).scalar_subquery()
    custody, opened = _custody(rules), _opened()
    contradiction = case(
        (d.died_on < sums.c.newest_on, Contradiction.TRACE_AFTER_DEATH.value),
        (d.died_on.is_not(None), Contradiction.DEATH_RECORD.value),
        (custody.c.evidence_id.is_not(None), Contradiction.CUSTODY.value),
        (opened.c.opened_id.is_not(None), Contradiction.OPEN_CASE.value),
        else_=null(),
    )
    due_on = plus_months(sums.c.newest_on, p.cycle_months)
    judged = (
        select(
            sums.c.owner_id,
            sums.c.points,
            sums.c.newest_on,
            newest,
            due_on,
            contradiction,
            func.coalesce(d.evidence_id, custody.c.evidence_id, opened.c.opened_id),
        )
        .join(PEOPLE, p.owner_id == sums.c.owner_id)
        .outerjoin(DEATHS, d.owner_id == sums.c.owner_id)
        .outerjoin(custody, custody.c.owner_id == sums.c.owner_id)
        .outerjoin(opened, opened.c.owner_id == sums.c.owner_id)
        .where(or_(deceased, sums.c.points >= rules.silent.needed_points))
    )
    fill(session, JUDGED, judged)


def certify(session: Session, rules: Rules, *, run: str, policy_hash: str, by: str, now: datetime) -> int:
    """Write the certifications and the messages about them; how many there are."""
    j, c, trace = JUDGED.c, COUNTED.c, aliased(LifeEvidence)
    one = json_object(id=c.evidence_id, trace=c.trace, source=c.source, on=c.occurred_on, points=c.points)
    traces = select(json_array_of(one)).where(c.owner_id == j.owner_id).correlate(JUDGED).scalar_subquery()
    details = json_object(
        as_of=literal(rules.as_of, Date),
        run=literal(run),
        policy=literal(policy_hash),
        needed=literal(rules.silent.needed_points),
        points=j.points,
        traces=traces,
    )
    # On the record that left the trace: should the records be split again, the certification stays with it.
    values = {
        "person_id": trace.person_id,
        "kind": literal(EvidenceKind.DATA_MATCH, LifeEvidence.kind.type),
        "occurred_on": j.newest_on,
        "strength": literal(Strength.CONCLUSIVE, LifeEvidence.strength.type),
        "source": literal(SOURCE),
        "details": details,
        "recorded_by": literal(by),
        "recorded_at": literal(now, LifeEvidence.recorded_at.type),
        "based_on_id": trace.id,
    }
    rows = select(*values.values()).join(trace, trace.id == j.newest_id).where(j.contradiction.is_(None)).order_by(j.owner_id)
    done = session.execute(insert(LifeEvidence).from_select(list(values), rows, include_defaults=False), execution_options=COUNT_ROWS)
    made = aliased(LifeEvidence)
    message = {
        "kind": literal(MESSAGE),
        "person_id": j.owner_id,
        "payload": json_object(evidence=type_coerce(made.id, BigInteger), due_on=j.due_on),
        "created_at": literal(now, OutboxMessage.created_at.type),
        "not_before": literal(now, OutboxMessage.not_before.type),
        "attempts": literal(0),
    }
    told = select(*message.values()).join(made, made.based_on_id == j.newest_id).where(j.contradiction.is_(None)).order_by(j.owner_id)
    session.execute(insert(OutboxMessage).from_select(list(message), told, include_defaults=False))
    return row_count(done)


def certified_by_trace(session: Session) -> dict[str, int]:
    """Kind of trace -> certifications in which it counted."""
    query = (
        select(COUNTED.c.trace, func.count(COUNTED.c.owner_id.distinct()))
        .join(JUDGED, JUDGED.c.owner_id == COUNTED.c.owner_id)
        .where(JUDGED.c.contradiction.is_(None))
        .group_by(COUNTED.c.trace)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def certifiable(session: Session) -> int:
    """How many ``certify`` would certify."""
    return session.execute(select(func.count()).select_from(JUDGED).where(JUDGED.c.contradiction.is_(None))).scalar_one()


def contradicted(session: Session) -> Sequence[Contradicted]:
    """Those whom something speaks against and about whom nobody said so yet since the newest of their traces was recorded."""
    j, newest, region, said = JUDGED.c, aliased(LifeEvidence), aliased(Person), aliased(Alert)
    stands = select(Signal.id).where(Signal.person_id == j.owner_id, Signal.code == Contradiction.TRACE_AFTER_DEATH.value)
    stands = stands.where(Signal.vanished_at.is_(None), Signal.changed_at >= newest.recorded_at)
    answered = select(said.id).where(
        said.person_id == j.owner_id,
        said.key == literal(OWN_ALERTS) + j.contradiction + ":" + cast(j.contradicted_by, String),
        or_(said.closed_at.is_(None), said.closed_at >= newest.recorded_at),
    )
    query = (
        select(j.owner_id, region.region_code, j.contradiction, j.contradicted_by, j.newest_id, j.newest_on, j.points)
        .join(newest, newest.id == j.newest_id)
        .join(region, region.id == j.owner_id)
        .where(j.contradiction.is_not(None), ~answered.exists())
        .where(or_(j.contradiction != Contradiction.TRACE_AFTER_DEATH.value, ~stands.exists()))
        .order_by(j.owner_id)
    )
    return [Contradicted(row[0], row[1], Contradiction(row[2]), *row[3:]) for row in session.execute(query)]


def refused(session: Session) -> int:
    """How many were judged and are contradicted."""
    return session.execute(select(func.count()).select_from(JUDGED).where(JUDGED.c.contradiction.is_not(None))).scalar_one()


def contradiction_alert_key(found: Contradicted) -> str:
    """The same for the same thing that speaks against the same person: an id names its row once and for all."""
    return f"{OWN_ALERTS}{found.contradiction.value}:{found.by_id}"


def _custody(rules: Rules) -> Subquery:
    """Owners with a custody that covers a counted trace or the day of the run."""
    row, c = aliased(LifeEvidence), COUNTED.c

    def covers(day: ColumnElement[date]) -> ColumnElement[bool]:
        return and_(row.occurred_on <= day, or_(row.ends_on.is_(None), row.ends_on >= day))

    return (
        select(c.owner_id, func.min(row.id).label("evidence_id"))
        .join(MEMBERS, MEMBERS.c.owner_id == c.owner_id)
        .join(row, row.person_id == MEMBERS.c.person_id)
        .where(
            row.kind == EvidenceKind.CUSTODY,
            counts_on(row, date.max),
            or_(covers(c.occurred_on), covers(literal(rules.as_of, Date))),
        )
        .group_by(c.owner_id)
        .subquery()
    )


def _opened() -> Subquery:
    """Owners about whom there is an open case, or an alert that silent certification did not open itself.

    A camera check that a person still has to look at speaks against nobody; what was proposed after the look does.
    """
    foreign = ~Alert.key.startswith(OWN_ALERTS, autoescape=True)
    doubts = Alert.code != VERIFICATION_REFERRED
    alerts = select(Alert.person_id, Alert.id.label("opened_id")).where(
        Alert.state != AlertState.CLOSED, Alert.person_id.is_not(None), or_(foreign, Alert.state == AlertState.IN_CASE), doubts
    )
    cases = (
        select(CaseFile.person_id, CaseFile.alert_id)
        .join(Alert, Alert.id == CaseFile.alert_id)
        .where(CaseFile.closed_at.is_(None), CaseFile.person_id.is_not(None), or_(doubts, CaseFile.proposed_outcome.is_not(None)))
    )
    both = union_all(alerts, cases).subquery()
    return (
        select(MEMBERS.c.owner_id, func.min(both.c.opened_id).label("opened_id"))
        .join(both, both.c.person_id == MEMBERS.c.person_id)
        .group_by(MEMBERS.c.owner_id)
        .subquery()
    )


def _of_region(table: type[Person], rules: Rules) -> ColumnElement[bool]:
    return table.region_code.between(*region_bounds(rules.region_code)) if rules.region_code else true()
