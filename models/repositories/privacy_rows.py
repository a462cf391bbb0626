"""Every row about a person, table by table, with its sealed values opened: for the person's own copy. The caller writes the audit entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, and_, select
from sqlalchemy.orm import Session

from models.keys import KeyRing, Sealed, UnsealError
from models.privacy_holdings import Holding, rows_of, table_of
from models.sealed_columns import SealedTable, sealed_tables
from models.types import BIOMETRIC, SECRET

READ_AT_ONCE = 500
PICTURES = frozenset({("face_reference", "image"), ("verification_frame", "picture")})
"""Sealed columns that are pictures; other biometric ones are values of a model that only the service can read."""

INSPECTING = ("case", "alert", "signal", "claim_seen", "face_pair", "face_search", "suppress", "detect")
"""Beginnings of actions of an inspection: the audit entries about an open one would tell of it."""


@dataclass(frozen=True)
class Picture:
    """Bytes of a picture, as it was taken."""

    data: bytes


@dataclass(frozen=True)
class NotReadable:
    """A sealed value that is held and not given. size: bytes; broken: it should have opened and did not."""

    size: int
    broken: bool = False


def given_columns(holding: Holding) -> tuple[Column[Any], ...]:
    """Columns that the person is given: no secrets, no numbers by which rows refer to each other, nothing that tells of others."""
    table = table_of(holding.table)
    return tuple(
        column
        for column in table.columns
        if column.name not in holding.omit and column.info["sensitivity"] is not SECRET and not _is_row_number(column)
    )


def _is_row_number(column: Column[Any]) -> bool:
    return (column.primary_key or bool(column.foreign_keys)) and column.type.python_type is int


def rows(session: Session, holding: Holding, members: Sequence[int], keyring: KeyRing) -> Iterator[dict[str, Any]]:
    """The rows of one table, in the order in which they were written: column -> value, Picture or NotReadable."""
    table, given = table_of(holding.table), given_columns(holding)
    sealed = next((found for found in sealed_tables() if found.table is table), None)
    wanted = rows_of(holding, members)
    if holding.closed is not None:
        wanted = and_(wanted, table.c[holding.closed].is_not(None))
    if holding.table == "audit_entry":
        wanted = and_(wanted, *(~table.c.action.startswith(word) for word in INSPECTING))
    bound = () if sealed is None else sealed.bound
    query = select(*given, *bound).select_from(table if sealed is None else sealed.source).where(wanted)
    query = query.order_by(*table.primary_key.columns)
    for row in session.execute(query.execution_options(yield_per=READ_AT_ONCE)):
        values = dict(zip((column.name for column in given), row[: len(given)], strict=True))
        if sealed is not None:
            _open(values, sealed, tuple(row[len(given) :]), keyring)
        yield values


def _open(values: dict[str, Any], sealed: SealedTable, bound: tuple[Any, ...], keyring: KeyRing) -> None:
    for column, context, places in sealed.columns:
        value = values.get(column.name)
        if not isinstance(value, Sealed):
            continue
        picture = (sealed.table.name, column.name) in PICTURES
        if column.info["sensitivity"] is BIOMETRIC and not picture:
            values[column.name] = NotReadable(len(value.blob))
            continue
        try:
            plain = keyring.unseal(value, context.data(value, *(bound[place] for place in places)))
        except UnsealError:
            values[column.name] = NotReadable(len(value.blob), broken=True)
        else:
            values[column.name] = Picture(plain) if picture else plain.decode("utf-8")
