"""Alerts and cases: opened once for one finding, closed by people, found by person and region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.errors import Conflict, ConflictError, NotFoundError
from models.region import region_prefix
from models.types import opaque_id


@dataclass(frozen=True)
class NewAlert:
    """One finding. key: the same for the same finding, at most 100 characters. details: ids, dates, amounts; no names, no numbers."""

    code: str
    key: str
    severity: AlertSeverity
    region_code: str
    person_id: int | None = None
    amount_fen: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def open_alerts(session: Session, findings: Sequence[NewAlert], *, by: str, now: datetime) -> int:
    """Open an alert for each finding that has none which is not closed; how many were opened. One statement, safe for racing writers."""
    if not findings:
        return 0
    rows = [
        {
            "public_id": opaque_id(),
            "code": finding.code,
            "key": finding.key,
            "severity": finding.severity,
            "state": AlertState.OPEN,
            "person_id": finding.person_id,
            "region_code": finding.region_code,
            "amount_fen": finding.amount_fen,
            "details": finding.details,
            "opened_by": by,
            "opened_at": now,
        }
        for finding in findings
    ]
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = upsert(Alert).values(rows).on_conflict_do_nothing(index_elements=["key"], index_where=Alert.state != AlertState.CLOSED)
    return len(session.scalars(statement.returning(Alert.id)).all())


def get(session: Session, public_id: str) -> Alert:
    """The alert with this public id. Raises NotFoundError."""
    alert = session.scalar(select(Alert).where(Alert.public_id == public_id))
    if alert is None:
        raise NotFoundError("there is no such alert")
    return alert


def of_person(session: Session, person_ids: Sequence[int]) -> Sequence[Alert]:
    """Every alert about these records of a person, newest first."""
    return session.scalars(select(Alert).where(Alert.person_id.in_(person_ids)).order_by(Alert.opened_at.desc(), Alert.id.desc())).all()


def listing(
    session: Session,
    *,
    region_code: str,
    states: Sequence[AlertState],
    code: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Alert]:
    """Alerts of a region and all inside it, newest first, from before ``before_id``."""
    query = (
        select(Alert)
        .where(Alert.state.in_(states), Alert.region_code.startswith(region_prefix(region_code), autoescape=True))
        .order_by(Alert.id.desc())
        .limit(limit)
    )
    if code is not None:
        query = query.where(Alert.code == code)
    if before_id is not None:
        query = query.where(Alert.id < before_id)
    return session.scalars(query).all()


def close(session: Session, alert_id: int, *, reason: str, by: str, now: datetime) -> None:
    """Close an alert that nobody has made a case of. Raises ConflictError: ALERT_STATE when it is in a case or closed."""
    closed = session.execute(
        update(Alert)
        .where(Alert.id == alert_id, Alert.state == AlertState.OPEN)
        .values(state=AlertState.CLOSED, closed_by=by, closed_at=now, close_reason=reason)
        .returning(Alert.id)
    ).all()
    if not closed:
        raise ConflictError(Conflict.ALERT_STATE, "the alert is in a case or closed already: read its present state")


def open_case(session: Session, alert_id: int, *, owner: str, by: str, now: datetime) -> CaseFile:
    """Make a case of an open alert. Raises ConflictError: ALERT_STATE when somebody else was faster."""
    row = session.execute(
        update(Alert)
        .where(Alert.id == alert_id, Alert.state == AlertState.OPEN)
        .values(state=AlertState.IN_CASE)
        .returning(Alert.person_id, Alert.region_code)
    ).first()
    if row is None:
        raise ConflictError(Conflict.ALERT_STATE, "the alert is in a case or closed already: read its present state")
    values = {"alert_id": alert_id, "person_id": row.person_id, "region_code": row.region_code}
    case = session.scalars(
        insert(CaseFile).values(public_id=opaque_id(), owner=owner, opened_by=by, opened_at=now, **values).returning(CaseFile)
    ).one()
    return case


def close_case(session: Session, case_id: int, *, outcome: CaseOutcome, conclusion: str, by: str, now: datetime) -> None:
    """Close a case and its alert. Raises ConflictError: ALERT_STATE when it is closed already."""
    alert_id = session.scalar(
        update(CaseFile)
        .where(CaseFile.id == case_id, CaseFile.closed_at.is_(None))
        .values(outcome=outcome, conclusion=conclusion, closed_by=by, closed_at=now)
        .returning(CaseFile.alert_id)
    )
    if alert_id is None:
        raise ConflictError(Conflict.ALERT_STATE, "the case is closed already: read its present state")
    session.execute(
        update(Alert).where(Alert.id == alert_id).values(state=AlertState.CLOSED, closed_by=by, closed_at=now, close_reason=outcome.value)
    )
