"""The tables as files to take away: CSV that Excel opens with its Chinese whole, and an Excel workbook with a sheet a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

import xlsxwriter

from api.oversight.sheets import Cell, CellKind, Sheet
from models.spreadsheet_text import harmless

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the machine's own code page."""

FORMATS = {CellKind.COUNT: "#,##0", CellKind.FEN: "#,##0.00", CellKind.PER_MILLE: "0.0%", CellKind.TENTH_DAYS: "#,##0.0"}
DIVISORS = {CellKind.COUNT: 1, CellKind.FEN: 100, CellKind.PER_MILLE: 1000, CellKind.TENTH_DAYS: 10}
SHEET_NAME_MAX = 31
WIDTH_MIN, WIDTH_MAX = 10, 60


def csv_file(sheet: Sheet) -> bytes:
    """One table: UTF-8 with a byte order mark, a line of headings, then the rows. Numbers are plain: 1234.56, 83.4%; unknown is empty."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow([harmless(column.heading) for column in sheet.columns])
    writer.writerows([_plain(cell, kind) for cell, kind in sheet.kinds(row)] for row in sheet.rows)
    return out.getvalue().encode("utf-8")


def workbook(sheets: Sequence[Sheet], about: Sequence[tuple[str, str]], about_title: str, made_at: datetime) -> bytes:
    """Every table as a sheet of one Excel file, after a sheet that says what they are about. The same figures give the same bytes.

    about: label and text of each line. made_at: when the figures were counted, as the time of the file.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": about_title, "author": "Lifecert", "created": made_at.replace(tzinfo=None)})
    strong, wrapped = book.add_format({"bold": True, "bottom": 1}), book.add_format({"text_wrap": True, "valign": "top"})
    formats = {kind: book.add_format({"num_format": number}) for kind, number in FORMATS.items()}
    first = book.add_worksheet(about_title[:SHEET_NAME_MAX])
    first.set_column(0, 0, 24)
    first.set_column(1, 1, 90, wrapped)
    for place, (label, text) in enumerate([*about, *((sheet.title, sheet.note) for sheet in sheets)]):
        first.write_string(place, 0, label)
        first.write_string(place, 1, text)
    for sheet in sheets:
        page = book.add_worksheet(sheet.title[:SHEET_NAME_MAX])
        page.freeze_panes(1, 1)
        for at, column in enumerate(sheet.columns):
            page.write_string(0, at, column.heading, strong)
            longest = max((len(str(row.cells[at])) for row in sheet.rows), default=0)
            page.set_column(at, at, min(WIDTH_MAX, max(WIDTH_MIN, longest * 1.6, len(column.heading) * 1.6)))
        for down, row in enumerate(sheet.rows, 1):
            for at, (cell, kind) in enumerate(sheet.kinds(row)):
                if isinstance(cell, str):
                    page.write_string(down, at, cell)
                elif cell is not None:
                    page.write_number(down, at, cell / DIVISORS[kind], formats[kind])
    book.close()
    return out.getvalue()


def _plain(cell: Cell, kind: CellKind) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    divisor = DIVISORS[kind]
    if kind is CellKind.PER_MILLE:
        return f"{cell // 10}.{cell % 10}%"
    if divisor == 1:
        return str(cell)
    places = len(str(divisor)) - 1
    return f"{'-' if cell < 0 else ''}{abs(cell) // divisor}.{abs(cell) % divisor:0{places}d}"
