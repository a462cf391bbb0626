"""Records and labelled pairs from CSV (UTF-8, GB18030; any usual delimiter) and Parquet files, as tables of text."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from detection.intake.delimited import DELIMITERS, fitted, read
from detection.intake.encoding import TextFile, examine, text_lines
from detection.intake.errors import FileUnusableError
from detection.linkage.errors import LinkageInputError
from detection.linkage.mapping import Mapping

ID = "id"
CLUSTER = "cluster"
_PARQUET = b"PAR1"
_LEFT_NAMES = ("left", "unique_id_l", "id_l", "id_left", "left_id", "l")
_RIGHT_NAMES = ("right", "unique_id_r", "id_r", "id_right", "right_id", "r")
_SCORE_NAMES = ("score", "label", "match", "is_match", "clerical_match_score", "same")
MATCH_SCORE_MIN = 0.5


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs of ids of a truth file. is_match: whether the file says that they are of one person."""

    left: list[str]
    right: list[str]
    is_match: list[bool]


def read_records(path: Path, mapping: Mapping, id_column: str, cluster_column: str | None = None) -> pa.Table:
    """Records of a file: ``id``, the mapped columns under the mapping's names, ``cluster`` if asked for; all trimmed text.

    Raises:
        LinkageInputError: not readable, no rows, a column is missing, an id is empty or occurs twice.
    """
    wanted = [(ID, id_column), *((item.name, item.column) for item in mapping.mapped)]
    if cluster_column is not None:
        wanted.append((CLUSTER, cluster_column))
    table = read_table(path, {heading for _, heading in wanted})
    if not table.num_rows:
        raise LinkageInputError(f"{path.name}: the file has a header and no records")
    for name, heading in wanted:
        if heading not in table.column_names:
            meant = {ID: "the id", CLUSTER: "the cluster"}.get(name, name)
            raise LinkageInputError(
                f"{path.name}: there is no column {heading!r} (for {meant}); "
                f"the file has {', '.join(repr(one) for one in table.column_names)}"
            )
    taken = {ID, CLUSTER} & {item.name for item in mapping.mapped}
    if taken:
        raise LinkageInputError(f"the mapping file, [other]: {taken.pop()!r} is the name of the id or the cluster and cannot be compared")
    columns = {name: _trimmed(table[heading]) for name, heading in wanted}
    _check_ids(path, columns[ID])
    return pa.table(columns)


def _trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(column)
    empty = pc.equal(text, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), text) if pc.any(empty).as_py() else text


def _check_ids(path: Path, ids: pa.ChunkedArray) -> None:
    if ids.null_count:
        row = pc.index(pc.is_null(ids), value=True).as_py() + 2
        raise LinkageInputError(f"{path.name}, row {row}: the id is empty: give every record one")
    if len(pc.unique(ids)) != len(ids):
        twice, times = Counter(ids.to_pylist()).most_common(1)[0]
        raise LinkageInputError(f"{path.name}: the id {twice!r} occurs {times} times: ids must be unique within a file")


def read_labels(path: Path) -> LabelledPairs:
    """Labelled pairs: the columns left and right (or unique_id_l and unique_id_r, or the first two), and a score or label if there is one.

    Raises:
        LinkageInputError: not readable, fewer than two columns, a score that is not a number.
    """
    table = read_table(path)
    by_name = {name.casefold(): name for name in table.column_names}
    left = next((by_name[name] for name in _LEFT_NAMES if name in by_name), None)
    right = next((by_name[name] for name in _RIGHT_NAMES if name in by_name), None)
    if left is None or right is None:
        if table.num_columns < 2:
            raise LinkageInputError(f"{path.name}: a file of pairs needs two columns of ids, such as left,right")
        left, right = table.column_names[:2]
    score = next((by_name[name] for name in _SCORE_NAMES if name in by_name), None)
    is_match = [True] * table.num_rows
    if score is not None:
        is_match = [_is_match(path, row, value) for row, value in enumerate(table[score].to_pylist(), start=2)]
    lefts, rights = _trimmed(table[left]).to_pylist(), _trimmed(table[right]).to_pylist()
    for row, (one, other) in enumerate(zip(lefts, rights, strict=True), start=2):
        if one is None or other is None:
            raise LinkageInputError(f"{path.name}, row {row}: an id is empty")
    return LabelledPairs(lefts, rights, is_match)


def _is_match(path: Path, row: int, value: str | None) -> bool:
    word = (value or "").strip().casefold()
    if word in {"true", "yes", "match"}:
        return True
    if word in {"false", "no", "non-match", ""}:
        return False
    try:
        return float(word) >= MATCH_SCORE_MIN
    except ValueError as error:
        raise LinkageInputError(f"{path.name}, row {row}: the score {value!r} is not a number") from error


def read_table(path: Path, wanted: Collection[str] | None = None) -> pa.Table:
    """All columns of a CSV or Parquet file as text; headings without blanks around. wanted: only these, where all of them are there.

    Raises:
        LinkageInputError: empty, neither of the two, an encoding that is not known, rows that cannot be split, a heading twice.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        is_parquet = stream.read(4) == _PARQUET
    table = _parquet(path, wanted) if is_parquet else _delimited(path, wanted)
    names = [name.strip() for name in table.column_names]
    twice = [name for name, times in Counter(names).items() if times > 1 and name]
    if twice:
        raise LinkageInputError(f"{path.name}: the heading {twice[0]!r} occurs more than once: rename one of the columns")
    return table.rename_columns(names)


def _parquet(path: Path, wanted: Collection[str] | None) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:  # the other reader brings pandas and Arrow's data sets with it
            columns = _only([name.strip() for name in file.schema_arrow.names], file.schema_arrow.names, wanted)
            # by one thread: two took four times the processor time, most of it for memory of their own
            table = file.read(columns=columns, use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise LinkageInputError(f"{path.name}: the Parquet file cannot be read: {error}") from error
    return pa.table([_as_text(path, name, table[name]) for name in table.column_names], names=table.column_names)


def _as_text(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return pc.binary_join(pc.cast(column, pa.list_(pa.string())), " ")
        raise LinkageInputError(f"{path.name}, column {name!r}: values of type {kind} cannot be compared; write them as text")
    if pa.types.is_floating(kind):
        whole = pc.all(pc.or_kleene(pc.is_null(column), pc.equal(pc.floor(column), column))).as_py()
        if whole:  # ids and numbers that a table program turned into floats
            return pc.cast(pc.cast(column, pa.int64(), safe=False), pa.string())
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, "%Y-%m-%d")
    return pc.cast(column, pa.string())


def _only(names: Sequence[str], headings: Sequence[str], wanted: Collection[str] | None) -> list[str] | None:
    """The headings whose names are wanted; None, which is all of them, where one that is wanted is not there."""
    if wanted is None or not set(wanted) <= set(names):
        return None
    return [heading for name, heading in zip(names, headings, strict=True) if name in wanted]


def _delimited(path: Path, wanted: Collection[str] | None) -> pa.Table:
    try:
        file = examine(path)
    except FileUnusableError as error:
        raise LinkageInputError(str(error)) from error
    head = [line for line in itertools.islice(text_lines(path, file), 20) if line.strip()]
    delimiter = max(DELIMITERS, key=head[0].count) if head else ","
    names = [name.strip() for name in next(csv.reader([head[0]], delimiter=delimiter, skipinitialspace=True))]
    if len(names) == 1 and len(head) == 1:
        raise LinkageInputError(f"{path.name}: the file has one line only: a header and records are needed")
    fast = _fast(path, file, delimiter, names, _only(names, names, wanted))
    return fast if fast is not None else _row_by_row(path, file, delimiter, names)


def _fast(path: Path, file: TextFile, delimiter: str, names: list[str], columns: list[str] | None) -> pa.Table | None:
    # Arrow reads sound files many times faster; anything odd is left to the careful reader
    if len(delimiter.encode()) > 1 or file.bare_cr or len(set(names)) != len(names) or not all(names):
        return None
    with path.open("rb") as stream:
        sample = stream.read(1 << 16)
    if f'{delimiter} "'.encode() in sample:
        return None
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=names, skip_rows=1, encoding=file.encoding),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=columns,
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None


def _row_by_row(path: Path, file: TextFile, delimiter: str, names: list[str]) -> pa.Table:
    rows: list[list[str]] = []
    broken: list[int] = []
    header_seen = False
    for row in read(path, file, delimiter):
        if not row.values and row.fault is None:
            continue
        if not header_seen:
            header_seen = True
            continue
        row = fitted(row, len(names))
        if row.fault is not None:
            broken.append(row.number)
            continue
        rows.append([value.strip() for value in row.values])
    if broken:
        raise LinkageInputError(
            f"{path.name}, row {broken[0]}: the row cannot be split into {len(names)} fields ({len(broken)} such rows): "
            "check quotation marks, delimiters and the encoding"
        )
    columns: Iterable[tuple[str, ...]] = zip(*rows, strict=True) if rows else [() for _ in names]
    unnamed = [name or f"column {place}" for place, name in enumerate(names, start=1)]
    return pa.Table.from_arrays([pa.chunked_array([list(column)], pa.string()) for column in columns], names=unnamed)
