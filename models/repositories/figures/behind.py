"""By which codes alerts came to be: those of the signals behind them, as triage kept them in the alert.

A closed alert keeps what stood when people decided it, also after its signals have changed or gone to a later alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Subquery, case, func, select, true
from sqlalchemy.orm import Session

from models.alert import Alert


def codes_of(session: Session, query: Select[*tuple[Any, ...]]) -> tuple[Select[*tuple[Any, ...]], Any]:
    """The query over alerts with one row for each code behind an alert, and the column of that code; an alert without signals has its own.

    query: selects from ``alert``, or joins it last.
    """
    if session.get_bind().dialect.name == "postgresql":
        codes = func.jsonb_each(Alert.details.op("->")("signals")).table_valued("key", "value", name="behind")
    else:
        codes = func.json_each(Alert.details, "$.signals").table_valued("key", name="behind")
    return query.join_from(Alert, codes, true(), isouter=True), func.coalesce(codes.c.key, Alert.code)


def shared_behind(
    session: Session, query: Select[*tuple[Any, ...]], *, row: Any, kept: Sequence[Any], wholes: Mapping[str, Any]
) -> Subquery:
    """One row for each row of the query and code behind its alert: the kept columns, ``code``, and the wholes shared equally.

    What cannot be divided goes to the first codes by name, so that nothing is lost. query: joins ``alert`` last; row: key of its rows;
    wholes: name -> integer, not negative.
    """
    query, code = codes_of(session, query)
    columns = (*kept, *(whole.label(name) for name, whole in wholes.items()))
    each = query.with_only_columns(row.label("row"), code.label("code"), *columns, maintain_column_froms=True).subquery("each_code")
    counted = select(
        each,
        func.count().over(partition_by=each.c.row).label("codes"),
        func.row_number().over(partition_by=each.c.row, order_by=each.c.code).label("place"),
    ).subquery("counted")
    c = counted.c

    def share(whole: Any) -> Any:
        left = whole % c.codes
        return (whole - left) // c.codes + case((c.place <= left, 1), else_=0)

    shares = (share(c[name]).label(name) for name in wholes)
    return select(c.code, *(c[column.key] for column in kept), *shares).subquery("shared")
