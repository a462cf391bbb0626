"""What a run of detection found beside what the labels of a generated county say: precision, recall, months and money, signal by signal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.county_planted import Plan
from models.benefit import Benefit
from models.detection import Signal, SubjectKind
from sample_data.planted_payments import P5_OF_AN_ACCOUNT
from sample_data.planting import LabelRow

Z = 1.959964  # of a two-sided interval of 95%
SHOWN = 12
Unit = tuple[str, int, int | None]
"""Code, person, and for D3 the other record."""


@dataclass(frozen=True)
class Found:
    """One standing signal."""

    unit: Unit
    months: int
    amount_fen: int
    from_month: date | None
    to_month: date | None

    def says(self, label: LabelRow) -> tuple[bool, bool]:
        """(the months are those of the label, the money is)."""
        days = label.from_month is None or (self.from_month, self.to_month) == (label.from_month, label.to_month)
        return self.months == label.months and days, self.amount_fen == label.amount_fen


def wilson(good: int, of: int) -> tuple[float, float]:
    """Bounds of 95% for a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    share = good / of
    middle = share + Z * Z / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    whole = 1 + Z * Z / of
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def found_in(session: Session) -> list[Found]:
    """Every signal that stands."""
    made = []
    query = select(Signal).where(Signal.vanished_at.is_(None)).order_by(Signal.id)
    owners: dict[int, int] = {}
    for signal in session.scalars(query):
        if signal.subject_kind is SubjectKind.GROUP:
            benefits = [record["id"] for record in signal.records if record["kind"] == "benefit"]
            owners |= {
                row.id: row.person_id for row in session.execute(select(Benefit.id, Benefit.person_id).where(Benefit.id.in_(benefits)))
            }
            unit: Unit = (P5_OF_AN_ACCOUNT, min(owners[benefit] for benefit in benefits), None)
        else:
            unit = (signal.code, signal.person_id or 0, _other(signal.code, signal.person_id, signal.records))
        made.append(Found(unit, signal.months, signal.amount_fen, signal.from_month, signal.to_month))
    return made


def _other(code: str, person_id: int | None, records: Iterable[dict[str, Any]]) -> int | None:
    if code != "D3":
        return None
    return next((int(record["id"]) for record in records if record["kind"] == "person" and record["id"] != person_id), None)


@dataclass(frozen=True)
class Score:
    """One signal. wrong: cases of the false ones, the most frequent first; missed: of those that were not found."""

    code: str
    labelled: int
    found: int
    right: int
    months_right: int
    fen_right: int
    wrong: tuple[tuple[str, int], ...]
    missed: tuple[tuple[str, int], ...]

    def as_json(self) -> dict[str, Any]:
        """With shares and intervals."""
        return {
            "code": self.code,
            "labelled": self.labelled,
            "found": self.found,
            "precision": self.right / self.found if self.found else None,
            "precision_95": wilson(self.right, self.found),
            "recall": self.right / self.labelled if self.labelled else None,
            "recall_95": wilson(self.right, self.labelled),
            "months_equal": self.months_right / self.right if self.right else None,
            "fen_equal": self.fen_right / self.right if self.right else None,
            "wrong": list(self.wrong),
            "missed": list(self.missed),
        }


def score(planned: Plan, found: Sequence[Found]) -> list[Score]:
    """One score a code, of those that are labelled or found. Several findings of one unit are one, and their months and money add up."""
    labels = {(row.code, one, other): row for row, one, other in planned.labels}
    units: dict[Unit, list[Found]] = {}
    for each in found:
        units.setdefault(each.unit, []).append(each)
    scores = []
    for code in sorted({unit[0] for unit in (*labels, *units)}):
        wanted = {unit for unit in labels if unit[0] == code}
        told = {unit for unit in units if unit[0] == code}
        right = wanted & told
        said = [whole(units[unit]).says(labels[unit]) for unit in right]
        scores.append(
            Score(
                code,
                len(wanted),
                len(told),
                len(right),
                sum(months for months, _ in said),
                sum(fen for _, fen in said),
                _cases(planned, told - wanted),
                _cases(planned, wanted - told),
            )
        )
    return scores


def whole(found: Sequence[Found]) -> Found:
    """Several findings of one unit as one."""
    first = [each.from_month for each in found if each.from_month]
    last = [each.to_month for each in found if each.to_month]
    return Found(
        found[0].unit,
        sum(each.months for each in found),
        sum(each.amount_fen for each in found),
        min(first, default=None),
        max(last, default=None),
    )


def _cases(planned: Plan, units: Iterable[Unit]) -> tuple[tuple[str, int], ...]:
    names = Counter(planned.cases.get(unit[1], "background 0").rsplit(" ", 1)[0] for unit in units)
    return tuple(names.most_common(SHOWN))
