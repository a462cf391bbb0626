"""What is sealed in the store, by key: probes for a start, counts for people, whatever the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, case, func, literal, select, type_coerce
from sqlalchemy.orm import Session

from models.keys import KeyRing, Sealed, UnsealError
from models.sealed_columns import SealedTable, sealed_tables
from models.types import SealedValue


@dataclass(frozen=True)
class Probe:
    """One sealed value with what it is bound to."""

    table: str
    column: str
    sealed: Sealed
    associated_data: bytes


def probes(session: Session) -> list[Probe]:
    """Sealed values of the first and the last row of each table: two look-ups by primary key a table, however large it is."""
    found: list[Probe] = []
    for table in sealed_tables():
        for order in (table.primary_key.asc(), table.primary_key.desc()):
            edge = select(table.primary_key).order_by(order).limit(1).scalar_subquery()
            columns = [column for column, _, _ in table.columns]
            query = select(*columns, *table.bound).select_from(table.source).where(table.primary_key == edge)
            row = session.execute(query).one_or_none()
            if row is not None:
                found.extend(probes_of(table, row[: len(columns)], row[len(columns) :]))
    return found


def probes_of(table: SealedTable, sealed: Sequence[Any], bound: Sequence[Any]) -> list[Probe]:
    """The sealed values of one row, with what each is bound to."""
    return [
        Probe(table.table.name, column.name, value, context.data(value, *(bound[place] for place in places)))
        for value, (column, context, places) in zip(sealed, table.columns, strict=True)
        if value is not None
    ]


def opens(keyring: KeyRing, probe: Probe) -> bool:
    """True when the key ring opens it. Raises KeyServiceUnavailableError."""
    try:
        keyring.unseal(probe.sealed, probe.associated_data)
    except UnsealError:
        return False
    return True


@dataclass(frozen=True)
class KeyCount:
    """How many values of one column are sealed with one key; key_id None: with a key that was not asked for."""

    table: str
    column: str
    key_id: str | None
    values: int


def count_by_key(session: Session, key_ids: Sequence[str]) -> list[KeyCount]:
    """Counts of every column, without zeros. Reads every table once, as a whole: for people who rotate keys, not for pages."""
    counts: list[KeyCount] = []
    for table in sealed_tables():
        sums: list[ColumnElement[int]] = []
        for column, _, _ in table.columns:
            raw = type_coerce(column, LargeBinary)
            whens = {key_id: starts_with(raw, key_id) for key_id in key_ids}
            sums.extend(func.sum(case((when, 1), else_=0)) for when in whens.values())
            sums.append(func.count(raw))
        row = session.execute(select(*sums).select_from(table.table)).one()
        width = len(key_ids) + 1
        for place, (column, _, _) in enumerate(table.columns):
            *known, every = row[place * width : (place + 1) * width]
            named = [int(value or 0) for value in known]
            counts.extend(
                KeyCount(table.table.name, column.name, key_id, number) for key_id, number in zip(key_ids, named, strict=True) if number
            )
            if every - sum(named):
                counts.append(KeyCount(table.table.name, column.name, None, every - sum(named)))
    return counts


def is_used(session: Session, key_id: str) -> str | None:
    """``table.column`` of a value that is still sealed with the key, None when there is none. Reads tables until it finds one."""
    for table in sealed_tables():
        for column, _, _ in table.columns:
            found = select(literal(1)).select_from(table.table).where(starts_with(type_coerce(column, LargeBinary), key_id)).limit(1)
            if session.execute(found).first() is not None:
                return f"{table.table.name}.{column.name}"
    return None


def starts_with(raw: ColumnElement[bytes], key_id: str) -> ColumnElement[bool]:
    """True for values of a sealed column, taken as bytes, that were sealed with the key."""
    prefix = SealedValue.prefix(key_id)
    return func.substr(raw, 1, len(prefix), type_=LargeBinary) == literal(prefix, LargeBinary)
