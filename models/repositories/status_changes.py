"""Finding changes of status: what was told of everybody is compared with what is derived, set by set.

A record that was merged into another is told of as long as it was told of before: its status is that of the person it belongs to. So nobody
who holds its public id is left with an old status.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    CursorResult,
    Date,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased
from sqlalchemy.schema import CreateTable, SchemaItem

from models.benefit import Benefit
from models.certification_sql import status_table
from models.certification_turns import changes_on, recorded_days
from models.person import Person
from models.policy import CertificationPolicy
from models.status_change import StatusAnnounced, StatusAnnouncer, StatusChange, StatusTouch
from models.types import BigId, UtcDateTime

# Any number will do as long as nobody else takes the same one in this database.
ADVISORY_LOCK = 0x416E6E6F

EVER = date(1, 1, 1)  # since when the facts hold of somebody of whom nothing is on record up to the day

ANALYSE_FROM = 1_000  # rows of a working table from which PostgreSQL has to be told how many there are

# What makes a change when it differs from what was told last.
TOLD = ("region_code", "state", "last_certified_on", "due_on")

# What it followed from, and when it holds and changes.
FACTS = ("changes_on", "public_id", "first_on", "paused_on", "cycle_months", "benefits", "holds_from", "holds_until")

_working = MetaData()


def _working_table(name: str, *columns: SchemaItem) -> Table:
    """A table of one connection, empty between transactions."""
    return Table(name, _working, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DELETE ROWS")


_taken = _working_table("announce_taken", Column("id", BigId, primary_key=True), Column("person_id", BigId))
_roots = _working_table("announce_root", Column("person_id", BigId, primary_key=True))
_found = _working_table(
    "announce_found",
    Column("person_id", BigId, primary_key=True),
    Column("region_code", String(6)),
    Column("state", String(32)),
    Column("last_certified_on", Date),
    Column("due_on", Date),
    Column("changes_on", Date),
    Column("public_id", String(22)),
    Column("first_on", Date),
    Column("paused_on", Date),
    Column("cycle_months", Integer),
    Column("benefits", Integer),
    Column("holds_from", Date),
    Column("holds_until", Date),
)


@dataclass(frozen=True)
class Chunk:
    """What one transaction of the announcer did. looked_at: touches, and persons whose day came; 0 means that nothing was left."""

    looked_at: int
    changes: int


def take_lock(session: Session) -> bool:
    """Become the one announcer until the end of this transaction; False when another one is at work.

    SQLite has one writer at a time anyway: who has a writing transaction is alone.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK))))


def rules_hash(policy: CertificationPolicy) -> str:
    """SHA-256 of everything in policy that a status follows from."""
    return hashlib.sha256(policy.model_dump_json().encode()).hexdigest()


def touch_all_under_new_rules(session: Session, policy: CertificationPolicy, *, now: datetime, always: bool = False) -> bool:
    """Have everybody looked at again when the rules are others than last time, or this is the first time. Whether it was so.

    always: whatever the rules are.
    """
    current = rules_hash(policy)
    known = session.scalar(select(StatusAnnouncer.rules_hash).where(StatusAnnouncer.id == 1))
    if known == current and not always:
        return False
    if known is None:
        session.execute(insert(StatusAnnouncer).values(id=1, rules_hash=current, in_force_since=now))
    elif known != current:
        session.execute(update(StatusAnnouncer).where(StatusAnnouncer.id == 1).values(rules_hash=current, in_force_since=now))
    everybody = union(select(Benefit.person_id), select(StatusAnnounced.person_id)).subquery()
    session.execute(insert(StatusTouch).from_select(["person_id"], select(everybody.c.person_id)))
    return True


def announce_chunk(session: Session, policy: CertificationPolicy, *, on: date, now: datetime, limit: int) -> Chunk:
    """Look at up to ``limit`` touches and as many persons whose day has come, and tell what changed. The caller holds the lock.

    on: today in policy's time zone. Everything stays in the database; memory does not grow with ``limit``.
    """
    _make_working_tables(session)
    looked_at = _take_touches(session, limit) + _take_due(session, on, limit)
    if looked_at == 0:
        return Chunk(0, 0)
    _analyse(session, _roots, looked_at)
    _analyse(session, _found, _derive(session, policy, on))
    changes = _write_changes(session, on=on, now=now)
    _remember(session)
    return Chunk(looked_at, changes)


def nothing_to_do(session: Session, policy: CertificationPolicy, *, on: date) -> bool:
    """Whether nobody was touched, nobody's day has come and the rules are those of the last time. Takes no lock."""
    if session.scalar(select(StatusAnnouncer.rules_hash).where(StatusAnnouncer.id == 1)) != rules_hash(policy):
        return False
    touched = select(StatusTouch.id).limit(1)
    due = select(StatusAnnounced.person_id).where(StatusAnnounced.changes_on <= on).limit(1)
    return session.scalar(touched) is None and session.scalar(due) is None


def waiting(session: Session, *, up_to: int) -> int:
    """How many touches wait to be looked at; not counted beyond ``up_to``."""
    some = select(StatusTouch.id).limit(up_to).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _make_working_tables(session: Session) -> None:
    for table in _working.sorted_tables:
        session.execute(CreateTable(table, if_not_exists=True))
        session.execute(delete(table))  # SQLite knows no ON COMMIT


def _take_touches(session: Session, limit: int) -> int:
    oldest = select(StatusTouch.id, StatusTouch.person_id).order_by(StatusTouch.id).limit(limit)
    number = _number(session, insert(_taken).from_select(["id", "person_id"], oldest))
    if number == 0:
        return 0
    # Exactly the rows that were read go: one with a smaller id may have been committed meanwhile. The bounds are for the planner.
    low, high = session.execute(select(func.min(_taken.c.id), func.max(_taken.c.id))).one()
    session.execute(delete(StatusTouch).where(StatusTouch.id.between(low, high), StatusTouch.id.in_(select(_taken.c.id))))
    roots = select(_root_id()).join(_taken, _taken.c.person_id == Person.id).distinct()
    session.execute(insert(_roots).from_select(["person_id"], roots))
    return number


def _take_due(session: Session, on: date, limit: int) -> int:
    due = (
        select(StatusAnnounced.person_id)
        .where(StatusAnnounced.changes_on <= on)
        .order_by(StatusAnnounced.changes_on, StatusAnnounced.person_id)
        .limit(limit)
        .subquery()
    )
    there = select(_roots.c.person_id).where(_roots.c.person_id == _root_id())
    roots = select(_root_id()).join(due, due.c.person_id == Person.id).where(~there.exists()).distinct()
    return _number(session, insert(_roots).from_select(["person_id"], roots))


def _root_id() -> ColumnElement[int]:
    return func.coalesce(Person.merged_into_id, Person.id)


def _derive(session: Session, policy: CertificationPolicy, on: date) -> int:
    roots = select(_roots.c.person_id)
    status = status_table(policy, on, roots)
    days = recorded_days(policy, on, roots)
    merged = aliased(Person)
    records = union_all(
        select(_roots.c.person_id, _roots.c.person_id.label("record_id")),
        select(merged.merged_into_id, merged.id).where(merged.merged_into_id.in_(roots)),
    ).cte("records")
    drawing = select(records.c.person_id).join(Benefit, Benefit.person_id == records.c.record_id).distinct().subquery("drawing")
    found = (
        select(
            records.c.record_id,
            Person.region_code,
            status.c.state,
            status.c.last_certified_on,
            status.c.due_on,
            changes_on(policy, on, status, days),
            Person.public_id,
            status.c.first_on,
            status.c.paused_on,
            status.c.cycle_months,
            status.c.benefits,
            case((records.c.record_id == records.c.person_id, func.coalesce(days.c.since, EVER))),
            days.c.turns_on,
        )
        .select_from(status)
        .join(records, records.c.person_id == status.c.person_id)
        .join(Person, Person.id == records.c.record_id)
        .outerjoin(days, days.c.person_id == status.c.person_id)
        .outerjoin(drawing, drawing.c.person_id == status.c.person_id)
        .outerjoin(StatusAnnounced, StatusAnnounced.person_id == records.c.record_id)
        .where(
            or_(
                StatusAnnounced.person_id.is_not(None),
                and_(drawing.c.person_id.is_not(None), records.c.record_id == records.c.person_id),
            )
        )
    )
    return _number(session, insert(_found).from_select([column.name for column in _found.c], found))


def _write_changes(session: Session, *, on: date, now: datetime) -> int:
    differs = or_(
        StatusAnnounced.person_id.is_(None),
        *(_found.c[name].is_distinct_from(getattr(StatusAnnounced, name)) for name in TOLD),
    )
    rows = (
        select(
            _found.c.person_id,
            literal(on, Date),
            StatusAnnounced.state,
            literal(now, UtcDateTime),
            *(_found.c[name] for name in TOLD),
        )
        .outerjoin(StatusAnnounced, StatusAnnounced.person_id == _found.c.person_id)
        .where(differs)
        .order_by(_found.c.person_id)
    )
    columns = (StatusChange.person_id, StatusChange.on, StatusChange.before, StatusChange.announced_at)
    into = [*columns, *(getattr(StatusChange, name) for name in TOLD)]
    return _number(session, insert(StatusChange).from_select(into, rows))


def _remember(session: Session) -> None:
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    names = ["person_id", *TOLD, *FACTS]
    # SQLite takes ON for a join's unless a WHERE stands before it
    statement = upsert(StatusAnnounced).from_select(names, select(*(_found.c[name] for name in names)).where(_found.c.person_id > 0))
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id"],
            set_={name: new[name] for name in names[1:]},
            where=or_(*(new[name].is_distinct_from(getattr(StatusAnnounced, name)) for name in names[1:])),
        )
    )


def _analyse(session: Session, table: Table, rows: int) -> None:
    if rows >= ANALYSE_FROM and session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {table.name}"))  # nobody else looks at temporary tables


def _number(session: Session, statement: Executable) -> int:
    """Run it; how many rows it wrote (which drivers tell of an INSERT only when asked to keep it)."""
    return cast(CursorResult[Any], session.execute(statement, execution_options={"preserve_rowcount": True})).rowcount
