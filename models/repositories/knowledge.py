"""The national rule base and its points in the store: versions, the days on which each holds, and what the files brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.orm import Session

from models.errors import NotFoundError
from models.knowledge import KnowledgeFile, KnowledgeFileKind, KnowledgePoint, KnowledgeRule

ROWS_A_STATEMENT = 500


@dataclass(frozen=True)
class NewFile:
    """What is written of one import. rejections: JSON, one object a rejected row."""

    kind: KnowledgeFileKind
    name: str
    sha256: str
    edition: str | None
    rejections: list[dict[str, Any]]
    by: str


def add_file(session: Session, new: NewFile, *, now: datetime) -> KnowledgeFile:
    """Write the file down; its counts are set when its rows are in."""
    row = KnowledgeFile(
        kind=new.kind,
        name=new.name[:200],
        sha256=new.sha256,
        edition=new.edition[:200] if new.edition else None,
        loaded=0,
        unchanged=0,
        rejected=len(new.rejections),
        rejections=new.rejections,
        imported_by=new.by,
        imported_at=now,
    )
    session.add(row)
    session.flush()
    return row


def newest_points(session: Session) -> dict[str, Row[Any]]:
    """Id of the publisher -> the newest version of the point, every column."""
    columns = KnowledgePoint.__table__.c
    rows = session.execute(select(*columns).order_by(columns.point_id, columns.version))
    return {row.point_id: row for row in rows}


def newest_rules(session: Session) -> dict[str, KnowledgeRule]:
    """Code -> the newest version of the rule."""
    return {rule.code: rule for rule in session.scalars(select(KnowledgeRule).order_by(KnowledgeRule.code, KnowledgeRule.version))}


def add_points(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert versions of points: one mapping of columns each."""
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        session.execute(insert(KnowledgePoint), list(rows[start : start + ROWS_A_STATEMENT]))


def set_parameters(session: Session, parameters: Mapping[int, dict[str, Any]]) -> None:
    """Row -> parameters, where the same words are read differently than before."""
    if parameters:
        session.execute(update(KnowledgePoint), [{"id": one, "parameters": values} for one, values in parameters.items()])


def settle_ends(session: Session) -> int:
    """Give every version of every point its last day anew; the number of rows that changed.

    The earliest of: the day that the publisher gives, the day before the next version, the day before a point that supersedes it.
    """
    columns = KnowledgePoint.__table__.c
    wanted = (columns.id, columns.point_id, columns.effective_from, columns.effective_until, columns.supersedes, columns.source)
    rows = session.execute(select(*wanted).order_by(columns.point_id, columns.version)).all()
    replaced: dict[str, date] = {}
    following = [*rows[1:], None]
    for row, after in zip(rows, following, strict=True):
        if after is not None and after.point_id == row.point_id and after.effective_from <= row.effective_from:
            continue  # it never held, so it took nobody's place
        for old in row.supersedes:
            replaced[old] = min(replaced.get(old, row.effective_from), row.effective_from)
    changes = []
    for row, after in zip(rows, following, strict=True):
        ends = [date.fromisoformat(row.source["until"])] if row.source.get("until") else []
        if after is not None and after.point_id == row.point_id:
            ends.append(after.effective_from - timedelta(days=1))
        if row.point_id in replaced:
            ends.append(replaced[row.point_id] - timedelta(days=1))
        end = max(min(ends), row.effective_from - timedelta(days=1)) if ends else None
        if end != row.effective_until:
            changes.append({"id": row.id, "effective_until": end})
    if changes:
        session.execute(update(KnowledgePoint), changes)
    return len(changes)


def points_in_force(session: Session, from_date: date | None = None, to_date: date | None = None) -> Iterable[Row[Any]]:
    """Versions of points that hold on a day between two, both inside; open where None. Those that never held are left out."""
    columns = KnowledgePoint.__table__.c
    query = select(*columns).where(or_(columns.effective_until.is_(None), columns.effective_until >= columns.effective_from))
    if from_date is not None:
        query = query.where(or_(columns.effective_until.is_(None), columns.effective_until >= from_date))
    if to_date is not None:
        query = query.where(columns.effective_from <= to_date)
    return session.execute(query.order_by(columns.id)).all()


@dataclass(frozen=True)
class PointCounts:
    """loaded: points of the store, whatever their version; in_force: those that hold on the day; rejected: rows of files that no later
    import brought in.
    """

    loaded: int
    in_force: int
    rejected: int


def _holds(day: date) -> Any:
    return (KnowledgePoint.effective_from <= day) & or_(KnowledgePoint.effective_until.is_(None), KnowledgePoint.effective_until >= day)


def counts(session: Session, day: date) -> PointCounts:
    """Of all points."""
    loaded = session.execute(select(func.count(KnowledgePoint.point_id.distinct()))).scalar_one()
    in_force = session.execute(select(func.count(KnowledgePoint.point_id.distinct())).where(_holds(day))).scalar_one()
    return PointCounts(loaded, in_force, len(rejections(session)))


def rejections(session: Session) -> list[dict[str, Any]]:
    """Rows of files of points that were rejected and are not in the store: row, id, field, reason, file; each once."""
    newest: dict[str, KnowledgeFile] = {}
    files = select(KnowledgeFile).where(KnowledgeFile.kind == KnowledgeFileKind.POINTS).order_by(KnowledgeFile.id)
    for file in session.scalars(files):
        newest[file.name] = file  # a later file of the same name is the mended one
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for file in newest.values():
        for one in file.rejections:
            found[(one["id"],) if one["id"] else (file.sha256, str(one["row"]))] = {**one, "file": file.name}
    ids = [key[0] for key in found if len(key) == 1]
    there = set(session.scalars(select(KnowledgePoint.point_id).where(KnowledgePoint.point_id.in_(ids)))) if ids else set()
    return [one for one in found.values() if one["id"] not in there]


def parameters_in_force(session: Session, day: date) -> Sequence[Row[Any]]:
    """rule_code, parameters of every point that holds on the day."""
    return session.execute(select(KnowledgePoint.rule_code, KnowledgePoint.parameters).where(_holds(day))).all()


def rule_in_force(session: Session, code: str) -> KnowledgeRule | None:
    """The newest version of a rule, None where no file brought it."""
    return session.scalar(select(KnowledgeRule).where(KnowledgeRule.code == code).order_by(KnowledgeRule.version.desc()).limit(1))


@dataclass(frozen=True)
class PointPage:
    """Some points of a rule. total: all that match."""

    rows: Sequence[KnowledgePoint]
    total: int


def points_of(
    session: Session, rule_code: str, *, day: date | None = None, search: str = "", after: int = 0, limit: int | None = None
) -> PointPage:
    """Points of a rule by id, newest version of each day. day: only those that hold on it. search: part of the item's name, or its code."""
    query = select(KnowledgePoint).where(KnowledgePoint.rule_code == rule_code)
    if day is not None:
        query = query.where(_holds(day))
    if search:
        query = query.where(KnowledgePoint.item_name.contains(search, autoescape=True))
    total = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    query = query.order_by(KnowledgePoint.id).offset(after)
    return PointPage(session.scalars(query if limit is None else query.limit(limit)).all(), total)


def point(session: Session, point_id: str) -> KnowledgePoint:
    """The newest version of a point. Raises NotFoundError."""
    query = select(KnowledgePoint).where(KnowledgePoint.point_id == point_id).order_by(KnowledgePoint.version.desc()).limit(1)
    found = session.scalar(query)
    if found is None:
        raise NotFoundError("there is no knowledge point with this id")
    return found


def files(session: Session) -> Sequence[KnowledgeFile]:
    """Every imported file, newest first."""
    return session.scalars(select(KnowledgeFile).order_by(KnowledgeFile.id.desc())).all()
