"""What a list for the paying system looks like: CSV in UTF-8 with a byte order mark, one line a change (RFC 4180)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date

COLUMNS = (
    "list_number",
    "position",
    "resident_id",
    "name",
    "scheme",
    "region",
    "effective_month",
    "monthly_fen",
    "arrears_fen",
    "reason",
    "change_id",
)
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class ListLine:
    """One line. effective_month: first month not paid (pause) or paid again (resume). arrears_fen: None on a pause."""

    list_number: int
    position: int
    resident_id: str
    name: str
    scheme: str
    region: str
    effective_month: date
    monthly_fen: int
    arrears_fen: int | None
    reason: str
    change_id: str

    def as_bytes(self) -> bytes:
        """The line as it stands in the file. The first one carries the byte order mark and the headings before it."""
        cells = (
            self.list_number,
            self.position,
            self.resident_id,
            self.name,
            self.scheme,
            self.region,
            f"{self.effective_month:%Y-%m}",
            self.monthly_fen,
            "" if self.arrears_fen is None else self.arrears_fen,
            self.reason,
            self.change_id,
        )
        head = BYTE_ORDER_MARK + _row(COLUMNS) if self.position == 1 else ""
        return (head + _row(cells)).encode("utf-8")


def _row(cells: tuple[object, ...]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue()
