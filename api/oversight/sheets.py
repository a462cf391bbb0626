"""Tables of figures: what the page, the files and the paper show are these same cells, so that their numbers are equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | None
NOTHING = "–"
SECONDS_OF_TENTH_DAY = 8_640


class CellKind(StrEnum):
    """What the cells of a column are, and the unit of their whole numbers."""

    TEXT = "text"
    COUNT = "count"
    FEN = "fen"  # shown as yuan with two places
    PER_MILLE = "per_mille"  # shown as percent with one place
    TENTH_DAYS = "tenth_days"  # shown as days with one place


@dataclass(frozen=True)
class Column:
    """One column. key: the same in both languages."""

    key: str
    heading: str
    kind: CellKind = CellKind.COUNT


@dataclass(frozen=True)
class Row:
    """One row. key: of what it is about, such as a region or a code; the cells follow the columns. kind: of all its numbers, where the
    rows are different things; None where the columns say it.
    """

    key: str
    cells: tuple[Cell, ...]
    kind: CellKind | None = None


@dataclass(frozen=True)
class Sheet:
    """One table. name: in addresses and file names. note: what its numbers count. The first column heads the rows."""

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def column(self, key: str) -> tuple[Cell, ...]:
        """The cells of one column. Raises KeyError."""
        return tuple(row.cells[self.place(key)] for row in self.rows)

    def numbers(self, key: str) -> tuple[int, ...]:
        """The cells of one column of numbers; what is not known is 0. Raises KeyError."""
        return tuple(cell if isinstance(cell, int) else 0 for cell in self.column(key))

    def place(self, key: str) -> int:
        """Where a column stands, from 0. Raises KeyError."""
        for number, column in enumerate(self.columns):
            if column.key == key:
                return number
        raise KeyError(key)

    def kinds(self, row: Row) -> Iterator[tuple[Cell, CellKind]]:
        """The cells of a row with what they are."""
        for column, cell in zip(self.columns, row.cells, strict=True):
            yield cell, column.kind if row.kind is None or column.kind is CellKind.TEXT else row.kind

    def said(self, row: Row) -> list[str]:
        """The cells of a row as people read them."""
        return [say(cell, kind) for cell, kind in self.kinds(row)]


def say(cell: Cell, kind: CellKind) -> str:
    """A cell as people read it; the same in both languages."""
    if cell is None:
        return NOTHING
    if isinstance(cell, str):
        return cell
    match kind:
        case CellKind.FEN:
            return f"{_signed(cell, 100)}.{abs(cell) % 100:02d}"
        case CellKind.PER_MILLE:
            return f"{_signed(cell, 10)}.{abs(cell) % 10}%"
        case CellKind.TENTH_DAYS:
            return f"{_signed(cell, 10)}.{abs(cell) % 10}"
        case _:
            return f"{cell:,}"


def _signed(cell: int, by: int) -> str:
    return f"{'-' if cell < 0 else ''}{abs(cell) // by:,}"


def per_mille(part: int, whole: int) -> int | None:
    """A share in thousandths, rounded down, so that it never says all where one is missing; None of nothing."""
    return 1000 * part // whole if whole else None


def tenth_days(seconds: int | None) -> int | None:
    """A time in tenths of days, rounded to the nearest."""
    return None if seconds is None else (seconds + SECONDS_OF_TENTH_DAY // 2) // SECONDS_OF_TENTH_DAY
