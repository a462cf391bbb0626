"""Excel, OpenDocument and Parquet files as rows of cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from detection.intake.cells import EXACT_DIGITS
from detection.intake.errors import FileUnusableError
from detection.intake.lines import RawRow

PARQUET_BATCH = 5_000


def open_rows(path: Path, name: str) -> tuple[Callable[[], Iterator[RawRow]], int]:
    """(stream of the first sheet that holds anything, its number of rows). The sheet is held in memory. Raises FileUnusableError."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = CalamineWorkbook.from_path(str(path))
        for position in range(len(workbook.sheet_names)):
            sheet = workbook.get_sheet_by_index(position)
            if sheet.height and sheet.start is not None:
                break
        else:
            raise FileUnusableError(f"{name}: no sheet holds anything")
    except PasswordError as error:
        raise FileUnusableError(f"{name}: the workbook is protected by a password: save it without one") from error
    except (CalamineError, OSError, ValueError) as error:
        raise FileUnusableError(f"{name}: the workbook cannot be read ({type(error).__name__}): it is damaged; export it again") from error
    values = sheet.to_python(skip_empty_area=True)
    first = sheet.start[0] + 1

    def rows() -> Iterator[RawRow]:
        for offset, cells in enumerate(values):
            yield RawRow(first + offset, [_exact(cell) for cell in cells])

    return rows, len(values)


def _exact(cell: Any) -> Any:
    # a whole number in a sheet is a double: beyond 15 digits it is not the number that was typed
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= 10**EXACT_DIGITS:
        return float(cell)
    return "" if isinstance(cell, dt.timedelta) else cell


def fitted(row: RawRow, width: int) -> RawRow:
    """The row with as many cells as there are headings."""
    values = list(row.values[:width])
    return RawRow(row.number, values + [""] * (width - len(values)), row.fault)


def parquet_columns(path: Path, name: str) -> tuple[list[str], int]:
    """(column names, number of rows). Raises FileUnusableError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return list(file.schema_arrow.names), file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileUnusableError(f"{name}: the Parquet file cannot be read: it is damaged or not finished; export it again") from error


def parquet_rows(path: Path, name: str, columns: Sequence[str]) -> Iterator[RawRow]:
    """Rows of the named columns, in that order, the first one being row 2 as in a spreadsheet. Raises FileUnusableError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PARQUET_BATCH, columns=list(columns)):
                lists = [batch.column(batch.schema.get_field_index(column)).to_pylist() for column in columns]
                for values in zip(*lists, strict=True):
                    number += 1
                    yield RawRow(number, values)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileUnusableError(f"{name}, row {number + 1}: the Parquet file is damaged from here on; export it again") from error
