"""What the store holds about a person is listed completely, so that an export or a deletion forgets no table."""

from __future__ import annotations

from sqlalchemy import select

from models.privacy_holdings import BY_NAME, HOLDINGS, NOT_LINKED, WITHHELD, linked_tables, rows_of, table_of
from models.tables import metadata


def test_every_table_that_refers_to_a_person_is_given_or_withheld_with_a_reason() -> None:
    listed = set(BY_NAME) | set(WITHHELD)
    by_digest = {holding.table for holding in HOLDINGS if holding.digest is not None}
    assert linked_tables() - listed == set(), "list new tables in models/privacy_holdings.py"
    assert listed - linked_tables() - by_digest == set()
    assert set(BY_NAME) & set(WITHHELD) == set()
    assert set(metadata.tables) >= set(NOT_LINKED)
    assert len(BY_NAME) == len(HOLDINGS)


def test_every_reference_to_a_person_finds_its_rows() -> None:
    for holding in HOLDINGS:
        table = table_of(holding.table)
        to_persons = {column.name for column in table.columns for key in column.foreign_keys if key.column.table.name == "person"}
        assert to_persons <= set(holding.columns), f"{holding.table}: {to_persons}"
        assert f"FROM {holding.table}" in str(select(table).where(rows_of(holding, (1,))))
        assert holding.omit <= {column.name for column in table.columns}
