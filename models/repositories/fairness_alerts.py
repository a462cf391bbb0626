"""Alerts of fairness: one for each group that is worse off than policy allows, in one measure, of one region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.repositories import alerts, audit
from models.repositories.alerts import NewAlert

FAIRNESS_GAP = "fairness_gap"
ACTOR = "detection:fairness"
"""Who opens and closes them."""


@dataclass(frozen=True)
class OpenGap:
    """An alert that is not closed. in_case: people work on it, so that only they close it."""

    id: int
    public_id: str
    key: str
    in_case: bool
    details: dict[str, Any]


def standing(session: Session, region_code: str) -> dict[str, OpenGap]:
    """Key -> alert of fairness of this very region that is not closed."""
    query = select(Alert.id, Alert.public_id, Alert.key, Alert.state, Alert.details)
    query = query.where(Alert.region_code == region_code, Alert.code == FAIRNESS_GAP, Alert.state != AlertState.CLOSED)
    rows = session.execute(query.with_for_update())
    return {row.key: OpenGap(row.id, row.public_id, row.key, row.state is AlertState.IN_CASE, row.details) for row in rows}


def closed_by_people(session: Session, region_code: str, *, since: datetime) -> frozenset[str]:
    """Keys of alerts of fairness that people closed since a moment."""
    query = select(Alert.key).where(Alert.region_code == region_code, Alert.code == FAIRNESS_GAP, Alert.state == AlertState.CLOSED)
    return frozenset(session.scalars(query.where(Alert.closed_at >= since, Alert.closed_by != ACTOR)))


def open_gaps(session: Session, found: Sequence[NewAlert], *, now: datetime) -> int:
    """Open an alert for each gap that has none; how many, each with an audit entry."""
    opened = 0
    for one in found:
        if alerts.open_alerts(session, [one], by=ACTOR, now=now):
            audit.record(session, actor=ACTOR, action="alert.opened", now=now, object=one.key, details={"code": FAIRNESS_GAP})
            opened += 1
    return opened


def tell(session: Session, gap: OpenGap, details: dict[str, Any], *, now: datetime) -> bool:
    """Bring the numbers of an alert up to date; False when it says so already."""
    if gap.details == details:
        return False
    session.execute(update(Alert).where(Alert.id == gap.id).values(details=details, updated_at=now))
    return True


def close(session: Session, gap: OpenGap, *, reason: str, now: datetime) -> None:
    """Close an alert that nobody has made a case of."""
    alerts.close(session, gap.id, reason=reason, by=ACTOR, now=now)
    audit.record(session, actor=ACTOR, action="alert.closed", now=now, object=gap.public_id, details={"reason": reason})
