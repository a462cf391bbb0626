"""Files of claims, whatever their headings, as the tables that rules and features read. What a file does not tell is NULL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detection.claims.claim_mapping import LISTS, MONEY, NEEDED, OPTIONAL, VALUED, ClaimFilesError, ClaimMapping
from detection.claims.tables import SCHEMAS, present_in
from detection.intake.errors import FileUnusableError
from detection.intake.workbooks import fitted, open_rows
from detection.linkage.errors import LinkageInputError
from detection.linkage.source import read_table
from models.claim import CareSetting

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
NUMBER = r"^-?\d{1,13}(\.\d+)?$"
LARGEST_FEN = 1e15
NESTED = "\x1f"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ClaimRows:
    """The claims of files. claim: as SCHEMAS["claim"]. providers, persons: the files' names of institutions and persons, by id - 1.

    rows: read. rejected: reason -> rows left out. first: reason -> "file, row N". absent: canonical names that no file has a column for.
    """

    claim: pa.Table
    patient: pa.Table
    institution: pa.Table
    providers: list[str]
    rows: int
    rejected: dict[str, int]
    first: dict[str, str]
    absent: list[str]

    def write(self, folder: Path) -> None:
        """Parquet files of the tables, as ``detection.claims.snapshot.tables_of`` reads them."""
        for name, table in self._tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="lz4")

    def present(self) -> frozenset[str]:
        """What rules may ask for."""
        return present_in(self._tables)

    @property
    def _tables(self) -> dict[str, pa.Table]:
        return {"claim": self.claim, "patient": self.patient, "institution": self.institution}


def read_claim_files(paths: Sequence[Path], mapping: ClaimMapping, progress: Progress = lambda _stage, _done, _total: None) -> ClaimRows:
    """Read files of claims. Rows that are no good are left out and counted; a claim that was read already counts once.

    Raises:
        ClaimFilesError: a file cannot be read, lacks a column that is needed, or none of its rows can be used.
        OSError: a file cannot be read.
    """
    parts, rejected, first, rows, absent = [], Counter[str](), dict[str, str](), 0, set[str]()
    for number, path in enumerate(paths):
        progress("reading claims", number, len(paths))
        part = _File(path, mapping)
        usable = part.usable()
        rows += part.rows
        absent |= part.absent if not number else absent & part.absent
        for reason, bad in part.bad.items():
            rejected[reason] += int(bad.sum())
            if bad.any():
                first.setdefault(reason, f"{path.name}, row {int(bad.argmax()) + 2}")
        if not usable.any():
            reason = max(part.bad, key=lambda one: int(part.bad[one].sum()))
            row = int(part.bad[reason].argmax()) + 2
            raise ClaimFilesError(f"{path.name}: none of its {part.rows} rows can be used; most often: {reason} (first in row {row})")
        parts.append(part.table().filter(pa.array(usable)))
    progress("reading claims", len(paths), len(paths))
    table = pa.concat_tables(parts)
    table, repeated = _once(table)
    if repeated:
        rejected["claim: read already"] = repeated
    return _tables(table, rows, {name: count for name, count in rejected.items() if count}, first, sorted(absent))


def _once(table: pa.Table) -> tuple[pa.Table, int]:
    """The first row of each claim of an institution."""
    keys = pc.binary_join_element_wise(table["provider"], table["claim"], NESTED)
    codes = keys.combine_chunks().dictionary_encode().indices.to_numpy()
    _, places = np.unique(codes, return_index=True)
    if len(places) == len(codes):
        return table, 0
    return table.take(pa.array(np.sort(places))), len(codes) - len(places)


def _tables(table: pa.Table, rows: int, rejected: dict[str, int], first: dict[str, str], absent: list[str]) -> ClaimRows:
    count = table.num_rows
    # a claim of nobody known is of a person of its own, so that nothing is put together that may not belong together
    names = table["person"].combine_chunks()
    persons = pc.if_else(pc.is_null(names), pc.binary_join_element_wise("claim", table["provider"], table["claim"], NESTED), names)
    person_ids, _ = _numbered(persons)
    provider_ids, providers = _numbered(table["provider"])
    made = {
        "id": pa.array(np.arange(1, count + 1)),
        "person_id": pa.array(person_ids),
        "institution_id": pa.array(provider_ids),
        "reference": table["claim"],
        "hospital_acquired": pa.array([[]] * count, pa.list_(pa.string())),
    }
    schema = SCHEMAS["claim"]
    columns = [
        (made[name] if name in made else table[name] if name in table.column_names else pa.nulls(count, kind)).cast(kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    _, places = np.unique(person_ids, return_index=True)
    patient = _filled(
        "patient",
        {
            "person_id": pa.array(person_ids[places]),
            "birth_date": table["birth_date"].take(pa.array(places)),
            "sex": table["sex"].take(pa.array(places)),
        },
    )
    _, places = np.unique(provider_ids, return_index=True)
    institution = _filled(
        "institution",
        {"id": pa.array(provider_ids[places]), "code": pa.array(providers), "level": table["level"].take(pa.array(places))},
    )
    return ClaimRows(pa.table(columns, schema=schema), patient, institution, providers, rows, rejected, first, absent)


def _filled(name: str, columns: dict[str, pa.Array]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    schema = SCHEMAS[name]
    arrays = [columns.get(one, pa.nulls(rows, kind)).cast(kind) for one, kind in zip(schema.names, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def _numbered(values: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """Ids from 1 in the order of the names, so that the order of rows moves nothing; and the names."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = array.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(names, dtype=object))
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(1, len(names) + 1)
    return rank[encoded.indices.to_numpy()], [names[place] for place in order]


class _File:
    """One file, column by column. bad: reason -> which rows it rejects."""

    def __init__(self, path: Path, mapping: ClaimMapping) -> None:
        self._mapping = mapping
        self._path = path
        self._text = _read(path)
        self.rows = self._text.num_rows
        if not self.rows:
            raise ClaimFilesError(f"{path.name}: the file has headings and no claims")
        for name, headings in mapping.needed:
            if not set(headings) & set(self._text.column_names):
                raise ClaimFilesError(
                    f"{path.name}: there is no column {headings[0]!r} (for {name}); "
                    f"the file has {', '.join(repr(one) for one in self._text.column_names)}"
                )
        self.absent = {name for name, headings in mapping.columns.items() if not set(headings) & set(self._text.column_names)}
        self.absent |= {name for name in (*OPTIONAL, *LISTS) if name not in mapping.columns and name not in mapping.lists}
        self._made: dict[str, pa.Array] = {}
        self.bad: dict[str, NDArray[np.bool_]] = {}
        self._read_columns()

    def usable(self) -> NDArray[np.bool_]:
        """Rows that no reason rejects."""
        return ~np.logical_or.reduce(list(self.bad.values()))

    def table(self) -> pa.Table:
        """The columns under their canonical names."""
        return pa.table(self._made)

    def _read_columns(self) -> None:
        taken = np.zeros(self.rows, dtype=bool)

        def reject(reason: str, which: NDArray[np.bool_]) -> None:
            self.bad[reason] = which & ~taken
            np.logical_or(taken, which, out=taken)

        for name in ("claim", "provider"):
            self._made[name] = self._column(name)
            reject(f"{name}: empty", _null(self._made[name]))
        for name in ("from_date", "to_date", "birth_date"):
            text = self._column(name)
            self._made[name] = self._dates(text)
            if name in NEEDED:
                reject(f"{name}: empty", _null(text))
                reject(f"{name}: no date", _null(self._made[name]) & ~_null(text))
        backwards = pc.less(self._made["to_date"], self._made["from_date"])
        reject("to_date: before from_date", np.asarray(pc.fill_null(backwards, False).to_numpy(zero_copy_only=False)))
        money = {}
        for name in MONEY:
            text = self._column(name)
            money[name] = self._fen(text)
            if name == ("total" if "total" in self._mapping.columns else "fund"):
                reject(f"{name}: empty", _null(text))
            reject(f"{name}: no amount", _null(money[name]) & ~_null(text))
            reject(f"{name}: below zero", np.asarray(pc.fill_null(pc.less(money[name], 0), False).to_numpy(zero_copy_only=False)))
        if "total" in self._mapping.columns:
            self._made["total_fen"] = money["total"]
            self._made["fund_fen"] = money["fund"]
        else:
            self._made["total_fen"] = pc.add(money["fund"], pc.fill_null(money["own"], 0))
            self._made["fund_fen"] = money["fund"]
        self._made["own_fen"] = money["own"]
        for name in OPTIONAL:
            if name not in ("birth_date", "setting", "principal_diagnosis"):
                self._made[name] = self._column(name)
        self._made["setting"] = self._setting()
        for name in LISTS:
            self._made[name] = self._list(self._mapping.lists.get(name, ()))
        own = self._column("principal_diagnosis")
        listed = [self._cells(one) for one in self._mapping.lists.get("diagnoses", ()) if one in self._text.column_names]
        self._made["principal_diagnosis"] = pc.utf8_upper(pc.coalesce(own, *listed))

    def _column(self, name: str) -> pa.Array:
        """The text of the first column that is filled, trimmed, translated."""
        headings = [one for one in self._mapping.columns.get(name, ()) if one in self._text.column_names]
        if not headings:
            return pa.nulls(self.rows, pa.string())
        text = pc.coalesce(*(self._cells(heading) for heading in headings))
        if name in VALUED and name in self._mapping.values:
            words = self._mapping.values[name]
            place = pc.index_in(text, value_set=pa.array(list(words), pa.string()))
            text = pc.coalesce(pa.array(list(words.values()), pa.string()).take(place), text)
        return text

    def _cells(self, heading: str) -> pa.Array:
        text = pc.utf8_trim_whitespace(self._text[heading].combine_chunks())
        empty = pc.is_in(text, value_set=pa.array(["", *self._mapping.missing], pa.string()))
        return pc.if_else(empty, pa.scalar(None, pa.string()), text)

    def _dates(self, text: pa.Array) -> pa.Array:
        found = [pc.strptime(text, format=one, unit="s", error_is_null=True) for one in dict.fromkeys(self._mapping.date_formats)]
        # an ISO date, perhaps with a time of day behind it
        day = pc.utf8_slice_codeunits(text, 0, 10)
        found.append(pc.strptime(day, format="%Y-%m-%d", unit="s", error_is_null=True))
        dates = pc.coalesce(*found).cast(pa.date32())
        known = pc.and_(pc.greater_equal(dates, pa.scalar(date(1900, 1, 1))), pc.less(dates, pa.scalar(date(2200, 1, 1))))
        # strptime takes 31 February for 3 March
        return pc.if_else(pc.and_(known, self._as_written(text, dates)), dates, pa.scalar(None, pa.date32()))

    def _as_written(self, text: pa.Array, dates: pa.Array) -> pa.Array:
        """Whether the day of the month of a date is among the numbers that the text has."""
        day = pc.day(dates)
        written = pc.or_(
            pc.match_substring_regex(text, "(^|[^0-9])(29|30|31)([^0-9]|$)"),
            pc.match_substring_regex(text, "^[0-9]{6}(29|30|31)$"),
        )
        return pc.or_kleene(pc.invert(written), pc.greater_equal(day, 29))

    def _fen(self, text: pa.Array) -> pa.Array:
        plain = pc.replace_substring_regex(text, r"[,¥$￥ ]", "")
        plain = pc.if_else(pc.match_substring_regex(plain, NUMBER), plain, pa.scalar(None, pa.string()))
        fen = pc.round(pc.multiply(plain.cast(pa.float64()), self._mapping.fen_per_unit))
        return pc.if_else(pc.less(pc.abs(fen), LARGEST_FEN), fen, pa.scalar(None, pa.float64())).cast(pa.int64())

    def _setting(self) -> pa.Array:
        given = pc.utf8_lower(self._column("setting"))
        known = pc.is_in(given, value_set=pa.array([one.value for one in CareSetting]))
        result = pc.if_else(known, given, pa.scalar(None, pa.string()))
        for setting, heading in self._mapping.setting.when_filled.items():
            if heading in self._text.column_names:
                filled = pc.is_valid(self._cells(heading))
                result = pc.coalesce(result, pc.if_else(filled, pa.scalar(setting.value), pa.scalar(None, pa.string())))
        return pc.fill_null(result, self._mapping.setting.otherwise.value)

    def _list(self, headings: Sequence[str]) -> pa.Array:
        columns = [pc.utf8_upper(self._cells(one)) for one in headings if one in self._text.column_names]
        if not columns:
            return pa.array([[]] * self.rows, pa.list_(pa.string()))
        filled = np.column_stack([pc.is_valid(one).to_numpy(zero_copy_only=False) for one in columns])
        cells = np.column_stack([one.to_numpy(zero_copy_only=False) for one in columns])
        offsets = np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(cells[filled], pa.string()))


def _null(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False), dtype=bool)


def _read(path: Path) -> pa.Table:
    """All columns of a CSV, Parquet or Excel file as text."""
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        return _workbook(path) if magic in WORKBOOKS else read_table(path)
    except (LinkageInputError, FileUnusableError) as error:
        raise ClaimFilesError(str(error)) from error


def _workbook(path: Path) -> pa.Table:
    source, _ = open_rows(path, path.name)
    rows = source()
    headings = [str(cell).strip() for cell in next(rows).values]
    named = [heading for heading in headings if heading]
    if len(set(named)) != len(named):
        raise ClaimFilesError(f"{path.name}: a heading occurs more than once: rename one of the columns")
    cells = [[_shown(cell) for cell in fitted(row, len(headings)).values] for row in rows]
    columns = {heading: pa.array([row[place] for row in cells], pa.string()) for place, heading in enumerate(headings) if heading}
    return pa.table(columns)


def _shown(cell: object) -> str:
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
