"""What the store has of the national rules and their points, for the command and the pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from detection.knowledge.coverage import Coverage, coverage
from detection.knowledge.parameters import from_json
from models.database import Database
from models.knowledge import KnowledgePoint
from models.repositories import knowledge


def coverage_of_store(database: Database, day: date) -> Coverage:
    """All 88 with the points that hold on the day."""
    with database.read_scope() as session:
        counts = knowledge.counts(session, day)
        checkable = [(row.rule_code, from_json(row.parameters).checkable) for row in knowledge.parameters_in_force(session, day)]
    return coverage(checkable, loaded=counts.loaded, in_force=counts.in_force, rejected=counts.rejected)


def definition_and_points(database: Database, code: str, day: date, *, limit: int) -> tuple[str | None, list[dict[str, Any]], int]:
    """(definition of a rule, its first points in force, how many there are)."""
    with database.read_scope() as session:
        rule = knowledge.rule_in_force(session, code)
        page = knowledge.points_of(session, code, day=day, limit=limit)
        return (rule.definition if rule else None), [_told(point) for point in page.rows], page.total


def _told(point: KnowledgePoint) -> dict[str, Any]:
    return {
        "point_id": point.point_id,
        "item_name": point.item_name,
        "codes": len(point.item_codes),
        "limit_text": point.limit_text or point.check_text,
        "effective_from": point.effective_from.isoformat(),
        "effective_until": point.effective_until.isoformat() if point.effective_until else None,
        "checkable": from_json(point.parameters).checkable.value,
        "parameters": point.parameters,
    }
