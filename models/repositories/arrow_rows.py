"""Rows of a query as Arrow batches: streamed, so that memory stays bounded. PostgreSQL: by COPY. SQLite: by its cursor."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from sqlalchemy.orm import Session

ROWS_A_BATCH = 50_000
COPY_BLOCK_BYTES = 1 << 22
AnySelect = Any
"""Select of whatever columns: SQLAlchemy types each combination apart."""


def stream(session: Session, query: AnySelect, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query with the columns of the schema, in its transaction. Lists of strings are JSON in the store.

    Raises ValueError: the query has other columns than the schema.
    """
    if (names := [column.name for column in query.selected_columns]) != schema.names:
        raise ValueError(f"the query has the columns {names}, the schema {schema.names}")
    compiled = query.compile(dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True})
    connection = session.connection().connection.driver_connection
    if session.get_bind().dialect.name == "postgresql":
        # the dialect doubles them for a driver that fills in values; there are none
        return _copied(connection, str(compiled).replace("%%", "%"), schema)
    return _fetched(connection, str(compiled), schema)


class _CopyStream(io.RawIOBase):
    """What COPY sends, as a file to be read."""

    def __init__(self, blocks: Iterator[bytes | memoryview]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _copied(connection: Any, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    told = pa.schema([pa.field(field.name, pa.string() if pa.types.is_list(field.type) else field.type) for field in schema])
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
        stream = io.BufferedReader(_CopyStream(iter(copy)), COPY_BLOCK_BYTES)
        try:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(column_names=schema.names, block_size=COPY_BLOCK_BYTES, use_threads=False),
                parse_options=pacsv.ParseOptions(newlines_in_values=any(pa.types.is_string(field.type) for field in schema)),
                convert_options=pacsv.ConvertOptions(
                    column_types=told,
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    true_values=["t"],
                    false_values=["f"],
                ),
            )
        except pa.ArrowInvalid:
            if stream.peek(1) or stream.raw.readinto(bytearray(1)):
                raise
            return  # there are no rows: Arrow calls that an empty file
        for batch in reader:
            yield _with_lists(batch, schema) if told != schema else batch


def _with_lists(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [lists_of(batch.column(place)) if pa.types.is_list(field.type) else batch.column(place) for place, field in enumerate(schema)]
    return pa.record_batch(columns, schema=schema)


def _fetched(connection: Any, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    cursor = connection.execute(query)
    try:
        while rows := cursor.fetchmany(ROWS_A_BATCH):
            columns = zip(*rows, strict=True)
            yield pa.record_batch([_array(values, field.type) for field, values in zip(schema, columns, strict=True)], schema=schema)
    finally:
        cursor.close()


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    # days, moments and lists are text in SQLite, flags are numbers
    if pa.types.is_date(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.string()).cast(pa.timestamp(kind.unit)).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(values, pa.int8()).cast(kind)
    if pa.types.is_list(kind):
        return lists_of(pa.array(values, pa.string()))
    return pa.array(values, kind)


def lists_of(texts: pa.Array) -> pa.Array:
    """Lists of strings from the text of JSON arrays of strings, as both databases write it (``["A", "B"]``); NULL stays NULL."""
    strange = pc.or_(pc.match_substring(texts, "\\"), pc.match_substring(texts, '","'))
    if pc.any(strange).as_py():  # signs that JSON escapes, or another way to write it
        return pa.array([None if text is None else json.loads(text) for text in texts.to_pylist()], pa.list_(pa.string()))
    split = pc.split_pattern(pc.utf8_slice_codeunits(texts, 2, -2), '", "')
    empty = pc.equal(texts, "[]")
    if not pc.any(empty).as_py():
        return split
    # [] was cut to nothing, of which splitting makes one empty string: such lists lose their one value
    lengths = pc.if_else(empty, 0, pc.list_value_length(split)).fill_null(0)
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths.to_numpy(zero_copy_only=False)))), pa.int32())
    owner = pc.list_parent_indices(split)
    values = pc.list_flatten(split).filter(pc.invert(pc.fill_null(empty, fill_value=False).take(owner)))
    return pa.ListArray.from_arrays(offsets, values, mask=pc.is_null(texts))
