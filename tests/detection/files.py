"""Made-up files for the intake. Their regions are real, their people are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from detection.intake_service import Intake, Options
from models.database import Database
from models.identifiers import check_character
from models.keys import KeyRing
from models.policy import RecordsPolicy
from models.triage import TriageRules
from tests.conftest import FixedClock

REGION = "420106"
HEADINGS = ("resident_id", "name", "region_code")
BORN = date(1950, 6, 1)


def number(sequence: int, *, born: date = BORN, region: str = REGION) -> str:
    """A right resident ID; odd sequences are men's."""
    first_17 = f"{region}{born:%Y%m%d}{sequence:03d}"
    return first_17 + check_character(first_17)


def table(
    path: Path, rows: Iterable[Sequence[Any]], headings: Sequence[str] = HEADINGS, *, encoding: str = "utf-8", between: str = ","
) -> Path:
    """Write delimited text as it is given, without quoting."""
    lines = [between.join(str(cell) for cell in row) for row in (headings, *rows)]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def people(count: int) -> list[tuple[str, str, str]]:
    """Rows of so many persons, all good."""
    names = "安宝成德恩芳国海佳康"
    days = [date(1940 + place // 900 % 30, 1 + place // 900 // 30 % 12, 1) for place in range(count)]
    return [(number(1 + place % 900, born=day), "王" + names[place % 10], REGION) for place, day in enumerate(days)]


def make_intake(database: Database, keyring: KeyRing, policy: RecordsPolicy, folder: Path, clock: FixedClock | None = None) -> Intake:
    """An intake on a store of the tests; its clock stands still."""
    ticking = clock or FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC))
    return Intake(
        database, keyring, policy.certification, policy.intake, policy.silent, TriageRules.of(policy, policy.sha256[:16]), folder, ticking
    )


def count(database: Database, model: Any) -> int:
    """Rows of a table."""
    with database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@dataclass(frozen=True)
class Line:
    """One line of a file of rejected rows."""

    row: int
    field: str
    value: str
    rule: str


def rejected(path: Path | None) -> list[Line]:
    """Lines of a file of rejected rows."""
    import csv

    if path is None:
        return []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [Line(int(row["row"]), row["field"], row["value"], row["rule"]) for row in csv.DictReader(stream)]


DEFAULT = Options()
