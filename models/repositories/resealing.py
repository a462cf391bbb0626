"""Sealing values again under the current key, batch by batch beside everybody else's work.

A batch is read, sealed outside any transaction, and written only where the old value still stands: a newer write is never overwritten.
Rows that somebody else is changing are passed by and come in the next round, so that nobody ever waits for a rotation's locks in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, LargeBinary, and_, bindparam, func, literal, or_, select, type_coerce, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from models.key_rotation import KeyRotation, RotationState
from models.keys import KeyRing, Sealed, UnsealError
from models.repositories.sealed_values import probes_of, starts_with
from models.sealed_columns import FOLLOWING, SealedTable, sealed_tables
from models.types import opaque_id


@dataclass(frozen=True)
class Row:
    """A row with values that are not sealed with the current key. values: of every sealed column, in the table's order."""

    key: int
    values: tuple[Sealed | None, ...]
    bound: tuple[Any, ...]


@dataclass(frozen=True)
class Resealed:
    """A row with its new values, by column: (old, new). unopened: columns whose value no key opens."""

    key: int
    changed: dict[str, tuple[Sealed, Sealed]]
    unopened: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """What became of one batch. rows: how many were read; waiting: passed by because somebody else was at them."""

    rows: int
    resealed: int
    waiting: int
    unopened: int


def running(session: Session) -> Sequence[KeyRotation]:
    """Tables of the run that is not through, in order; empty when there is none."""
    return session.scalars(select(KeyRotation).where(KeyRotation.state == RotationState.RUNNING).order_by(KeyRotation.id)).all()


def latest(session: Session) -> Sequence[KeyRotation]:
    """Tables of the run that was started last."""
    newest = select(KeyRotation.run).order_by(KeyRotation.id.desc()).limit(1).scalar_subquery()
    return session.scalars(select(KeyRotation).where(KeyRotation.run == newest).order_by(KeyRotation.id)).all()


def begin(session: Session, to_key: str, from_keys: Sequence[str], *, by: str, now: datetime) -> tuple[str, bool]:
    """(run, whether it is new) of the run to this key: the one that was interrupted, or a new one. Runs to other keys are superseded."""
    open_rows = running(session)
    wanted = {table.table.name for table in sealed_tables()}
    same = [row for row in open_rows if row.to_key == to_key]
    if same:
        return same[0].run, False
    for row in open_rows:
        row.state, row.done_at, row.changed_at = RotationState.SUPERSEDED, now, now
    run = opaque_id()
    session.add_all(
        KeyRotation(
            run=run,
            from_keys=list(from_keys),
            to_key=to_key,
            table_name=name,
            state=RotationState.RUNNING,
            round=1,
            last_id=None,
            resealed=0,
            resealed_in_round=0,
            waiting=0,
            unopened=0,
            started_by=by,
            started_at=now,
            changed_at=now,
        )
        for name in sorted(wanted)
    )
    session.flush()
    return run, True


def _not_current(table: SealedTable, key_id: str) -> ColumnElement[bool]:
    raws = [type_coerce(column, LargeBinary) for column, _, _ in table.columns]
    return or_(*(and_(raw.is_not(None), ~starts_with(raw, key_id)) for raw in raws))


def count(session: Session, table: SealedTable, key_id: str, after: int | None) -> int:
    """Rows of the table after this primary key with a value that is not sealed with the key. Reads the whole table."""
    query = select(func.count()).select_from(table.table).where(_not_current(table, key_id))
    return session.scalar(query if after is None else query.where(table.primary_key > literal(after))) or 0


def read(session: Session, table: SealedTable, key_id: str, after: int | None, limit: int) -> list[Row]:
    """The next rows in order of primary key with a value that is not sealed with the key."""
    columns = [column for column, _, _ in table.columns]
    query = (
        select(table.primary_key, *columns, *table.bound)
        .select_from(table.source)
        .where(_not_current(table, key_id))
        .order_by(table.primary_key)
        .limit(limit)
    )
    if after is not None:
        query = query.where(table.primary_key > literal(after))
    width = 1 + len(columns)
    return [
        Row(cast("int", row[0]), cast("tuple[Sealed | None, ...]", tuple(row[1:width])), tuple(row[width:]))
        for row in session.execute(query)
    ]


def seal_again(keyring: KeyRing, table: SealedTable, rows: Sequence[Row], key_id: str) -> list[Resealed]:
    """Open each value and seal it with the current key. Raises KeyServiceUnavailableError."""
    done = []
    for row in rows:
        changed: dict[str, tuple[Sealed, Sealed]] = {}
        unopened = []
        for probe in probes_of(table, row.values, row.bound):
            if probe.sealed.key_id == key_id:
                continue
            try:
                plain = keyring.unseal(probe.sealed, probe.associated_data)
            except UnsealError:
                unopened.append(probe.column)
                continue
            changed[probe.column] = (probe.sealed, keyring.seal(plain, probe.associated_data))
        done.append(Resealed(row.key, changed, tuple(unopened)))
    return done


def write(session: Session, table: SealedTable, rows: Sequence[Resealed]) -> Batch:
    """Put the new values where the old ones still stand."""
    wanted = [row for row in rows if row.changed]
    free = _lock(session, table, [row.key for row in wanted])
    alike: defaultdict[tuple[str, ...], list[Resealed]] = defaultdict(list)
    for row in wanted:
        if row.key in free:
            alike[tuple(row.changed)].append(row)
    resealed = sum(_update(session, table, columns, group) for columns, group in alike.items())
    return Batch(len(rows), resealed, len(wanted) - resealed, sum(bool(row.unopened) for row in rows))


def _lock(session: Session, table: SealedTable, keys: Sequence[int]) -> set[int]:
    """Those rows that nobody else holds: a rotation that waited for locks, holding its own, could end up in a deadlock. SQLite has none."""
    if not keys:
        return set()
    query = select(table.primary_key).where(table.primary_key.in_(keys)).order_by(table.primary_key)
    return set(cast("Sequence[int]", session.scalars(query.with_for_update(skip_locked=True, key_share=True)).all()))


def _update(session: Session, table: SealedTable, columns: tuple[str, ...], rows: Sequence[Resealed]) -> int:
    values: dict[str, Any] = {}
    conditions: list[ColumnElement[bool]] = [table.primary_key == bindparam("row_key")]
    for name in columns:
        column = table.table.c[name]
        values[name] = bindparam(f"new_{name}", type_=column.type)
        conditions.append(column == bindparam(f"old_{name}", type_=column.type))
        if (table.table.name, name) in FOLLOWING:
            values[FOLLOWING[table.table.name, name]] = bindparam(f"key_of_{name}")
    parameters = [
        {"row_key": row.key}
        | {f"old_{name}": old for name, (old, _) in row.changed.items()}
        | {f"new_{name}": new for name, (_, new) in row.changed.items()}
        | {f"key_of_{name}": new.key_id for name, (_, new) in row.changed.items() if (table.table.name, name) in FOLLOWING}
        for row in rows
    ]
    result = session.connection().execute(update(table.table).where(*conditions).values(values), parameters)
    return cast("CursorResult[Any]", result).rowcount


def note(session: Session, rotation_id: int, last_id: int, batch: Batch, *, now: datetime) -> None:
    """Write down how far the round has come, in the transaction of the batch itself."""
    session.execute(
        update(KeyRotation)
        .where(KeyRotation.id == rotation_id)
        .values(
            last_id=last_id,
            resealed=KeyRotation.resealed + batch.resealed,
            resealed_in_round=KeyRotation.resealed_in_round + batch.resealed,
            waiting=KeyRotation.waiting + batch.waiting,
            unopened=KeyRotation.unopened + batch.unopened,
            changed_at=now,
        )
    )


def end_round(session: Session, rotation_id: int, *, now: datetime) -> bool:
    """The table was gone through once. True when nothing was to be done in this round, so that the table is finished."""
    row = session.get_one(KeyRotation, rotation_id, populate_existing=True)
    row.changed_at = now
    if row.resealed_in_round == 0 and row.waiting == 0:
        row.state, row.done_at = RotationState.DONE, now
        return True
    row.round, row.last_id, row.resealed_in_round, row.waiting, row.unopened = row.round + 1, None, 0, 0, 0
    return False
