"""Alerts: opened once for one finding, found by person and region; cases are in ``cases``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState
from models.errors import Conflict, ConflictError, NotFoundError
from models.repositories import suppressions
from models.types import opaque_id


@dataclass(frozen=True)
class NewAlert:
    """One finding. key: the same for the same finding, at most 100 characters. details: ids, dates, amounts; no names, no numbers.

    priority: on the scale of alerts with signals, higher is sooner.
    """

    code: str
    key: str
    severity: AlertSeverity
    region_code: str
    person_id: int | None = None
    amount_fen: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    priority: float = 0.0


def open_alerts(session: Session, findings: Sequence[NewAlert], *, by: str, now: datetime) -> int:
    """Open an alert for each finding that has none which is not closed; how many were opened. Safe for racing writers.

    Findings that somebody suppressed are left out; a suppression's last day ends here with that day in UTC.
    """
    hidden = suppressions.holding(session, [finding.key for finding in findings], now.astimezone(UTC).date())
    findings = [finding for finding in findings if not {"", finding.code} & hidden.get(finding.key, frozenset())]
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
            "priority": finding.priority,
            "details": finding.details,
            "opened_by": by,
            "opened_at": now,
        }
        for finding in findings
    ]
    upsert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    # in words: a bound value would not name the index once PostgreSQL prepares the statement
    statement = upsert(Alert).values(rows).on_conflict_do_nothing(index_elements=["key"], index_where=text("state <> 'closed'"))
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
