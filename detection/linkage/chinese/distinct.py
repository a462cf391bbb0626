"""Work on a column once for each distinct value: names and dates come again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

BATCH = 131_072
"""Distinct values worked on at a time, so that what is needed in between stays small."""


def text_column(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column of any type as one array of text; null where it is null or blank."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # what pyarrow gives when there is no chunk at all
        array = pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type) and pc.all(pc.equal(pc.floor(array), array), min_count=0).as_py():
        array = array.cast(pa.decimal128(38, 0))  # whole numbers that a missing value made floating: 13800000000.0
    text = array.cast(pa.string())
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def for_distinct(column: pa.Array, work: Callable[[pa.Array], Sequence[pa.Array]]) -> list[pa.Array]:
    """The arrays that ``work`` makes of the distinct values (none of them null), spread over the rows again; null where the row is null."""
    encoded = column.dictionary_encode()
    distinct = encoded.dictionary
    batches = [work(distinct.slice(start, BATCH)) for start in range(0, max(len(distinct), 1), BATCH)]
    return [pc.take(pa.concat_arrays(list(made)), encoded.indices) for made in zip(*batches, strict=True)]


def or_null(values: pa.Array, where: pa.Array) -> pa.Array:
    """The values where the condition is true, else null."""
    return pc.if_else(pc.fill_null(where, False), values, pa.scalar(None, values.type))


def joined(*parts: pa.Array) -> pa.Array:
    """The parts of a key put together, null where any of them is null."""
    return pc.binary_join_element_wise(*parts, "|", null_handling="emit_null")
