"""Knowledge points as rules read them: the table "point", from the store or straight from published files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from detection.claims.tables import SCHEMAS
from detection.knowledge.parameters import Parameters, from_json
from detection.knowledge.published import PublishedPoint, read_knowledge
from detection.knowledge.reading import PointText, read_point
from models.knowledge import KnowledgeFileKind
from models.policy_knowledge import KnowledgePolicy
from models.repositories import knowledge

SCHEMA = SCHEMAS["point"]


@dataclass(frozen=True)
class HeldPoint:
    """One point with the days on which it holds, both inside. id: of the store, or its place in the files."""

    id: int
    point_id: str
    rule_code: str
    item_name: str
    item_codes: tuple[str, ...]
    effective_from: date
    effective_until: date | None
    parameters: Parameters


def parameters_of(point: PublishedPoint, policy: KnowledgePolicy) -> Parameters:
    """What a published point bounds."""
    text = PointText(point.rule_code, point.item_name, point.item_codes, point.limit_text, point.check_text)
    return read_point(text, policy, point.given)


def superseded_on(starts: Mapping[str, date], supersedes: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, date]:
    """Id of a point -> its last day, for those that another point takes the place of: the day before the earliest successor begins.

    starts: id -> first day of every point; supersedes: (id, ids whose place it takes).
    """
    ends: dict[str, date] = {}
    for point_id, old in supersedes:
        last = starts[point_id] - timedelta(days=1)
        for one in old:
            ends[one] = min(ends.get(one, last), last)
    return ends


def held_points(points: Iterable[PublishedPoint], policy: KnowledgePolicy) -> list[HeldPoint]:
    """Points of files with the days on which each holds; of one id the last one. What is superseded from its first day is left out."""
    by_id = {point.point_id: point for point in points}
    starts = {one: point.published or policy.undated_from for one, point in by_id.items()}
    ends = superseded_on(starts, ((one, point.supersedes) for one, point in by_id.items()))
    held = []
    for number, (one, point) in enumerate(by_id.items(), 1):
        until = min((day for day in (point.until, ends.get(one)) if day is not None), default=None)
        if until is None or until >= starts[one]:
            held.append(
                HeldPoint(number, one, point.rule_code, point.item_name, point.item_codes, starts[one], until, parameters_of(point, policy))
            )
    return held


def point_table(points: Iterable[HeldPoint], from_date: date | None = None, to_date: date | None = None) -> pa.Table:
    """The table "point": one row for each code of an item. from_date, to_date: only points that hold on a day between them, both inside."""
    rows: list[dict[str, Any]] = []
    for point in points:
        if (to_date is not None and point.effective_from > to_date) or (
            from_date is not None and point.effective_until is not None and point.effective_until < from_date
        ):
            continue
        found = point.parameters
        same = {
            "id": point.id,
            "point_id": point.point_id,
            "rule_code": point.rule_code,
            "item_name": point.item_name,
            "effective_from": point.effective_from,
            "effective_until": point.effective_until,
            "by_hand": found.by_hand,
            **{name: list(value) if isinstance(value, tuple) else value for name, value in found.bounds.items()},
        }
        rows += [{**same, "item_code": code} for code in found.first_codes or point.item_codes or ("",)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def points_from_files(
    paths: Iterable[Path], policy: KnowledgePolicy, *, from_date: date | None = None, to_date: date | None = None
) -> pa.Table:
    """The table "point" of published files, without a store; rejected rows are left out. Raises KnowledgeFileError."""
    points: list[PublishedPoint] = []
    for path in paths:
        content = read_knowledge(path)
        points += content.points if content.kind is KnowledgeFileKind.POINTS else ()
    return point_table(held_points(points, policy), from_date, to_date)


def points_from_store(session: Session, from_date: date | None = None, to_date: date | None = None) -> pa.Table:
    """The table "point" of the store. from_date, to_date: only points that hold on a day between them, both inside."""
    rows = knowledge.points_in_force(session, from_date, to_date)
    return point_table(
        HeldPoint(
            row.id,
            row.point_id,
            row.rule_code,
            row.item_name,
            tuple(row.item_codes),
            row.effective_from,
            row.effective_until,
            from_json(row.parameters),
        )
        for row in rows
    )
