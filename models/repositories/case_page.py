"""What the page of a case shows beside the case itself: the alert and whom it is about, similar cases, other alerts.

Each is one statement with a limit, whatever the store holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.detection import Signal
from models.errors import NotFoundError
from models.person import Person
from models.region import Region

RECENT_CASES = 2_000
"""Decided cases of the region, newest first, among which similar ones are looked for."""
OTHERS_READ = 20
DECIDED = text("case_file.closed_at IS NOT NULL")
CLOSED_WITHOUT_PERSON = text("alert.person_id IS NULL AND alert.state = 'closed'")  # as the partial index says it


@dataclass(frozen=True)
class CaseHead:
    """The alert of a case, where it is, and the person, if it is about one."""

    alert: Alert
    region_name: str
    person: Person | None


@dataclass(frozen=True)
class SimilarCase:
    """A decided case of the same kind. amount_fen: at risk, of its alert; found_fen: what turned out to be wrongly paid."""

    case_id: str
    outcome: CaseOutcome
    amount_fen: int | None
    found_fen: int | None
    closed_at: datetime


@dataclass(frozen=True)
class OtherAlert:
    """A further alert about the same subject. case_id: of its last case, None when nobody made one."""

    alert_id: str
    code: str
    region_code: str
    state: AlertState
    amount_fen: int | None
    opened_at: datetime
    case_id: str | None
    outcome: CaseOutcome | None


def head(session: Session, case_id: str) -> CaseHead:
    """The head of the case with this public id. Raises NotFoundError."""
    row = session.execute(
        select(Alert, Region.name, Person)
        .join(CaseFile, CaseFile.alert_id == Alert.id)
        .join(Region, Region.code == Alert.region_code)
        .outerjoin(Person, Person.id == Alert.person_id)
        .where(CaseFile.public_id == case_id)
    ).first()
    if row is None:
        raise NotFoundError("there is no such case")
    return CaseHead(*row)


def of_alert(session: Session, alert_id: str) -> tuple[CaseHead, list[CaseFile]]:
    """The same for the alert with this public id, and its cases, the oldest first. Raises NotFoundError."""
    rows = session.execute(
        select(Alert, Region.name, Person, CaseFile)
        .join(Region, Region.code == Alert.region_code)
        .outerjoin(Person, Person.id == Alert.person_id)
        .outerjoin(CaseFile, CaseFile.alert_id == Alert.id)
        .where(Alert.public_id == alert_id)
        .order_by(CaseFile.id)
    ).all()
    if not rows:
        raise NotFoundError("there is no such alert")
    return CaseHead(*rows[0][:3]), [row[3] for row in rows if row[3] is not None]


def signals(session: Session, alert_id: int) -> Sequence[Signal]:
    """Every signal of an alert, standing and vanished, in the order in which they came."""
    return session.scalars(select(Signal).where(Signal.alert_id == alert_id).order_by(Signal.id)).all()


def similar(session: Session, alert: Alert, *, limit: int) -> list[SimilarCase]:
    """Decided cases of the same lead code in the alert's own region, those nearest to its amount first.

    Looked for among the ``RECENT_CASES`` that were decided last: older ones were decided by other rules and other people.
    """
    recent = (
        select(CaseFile.public_id, CaseFile.alert_id, CaseFile.outcome, CaseFile.found_fen, CaseFile.closed_at)
        .where(CaseFile.region_code == alert.region_code, DECIDED, CaseFile.alert_id != alert.id)
        .order_by(CaseFile.closed_at.desc())
        .limit(RECENT_CASES)
        .subquery()
    )
    apart = func.abs(func.coalesce(Alert.amount_fen, 0) - (alert.amount_fen or 0))
    rows = session.execute(
        select(recent.c.public_id, recent.c.outcome, Alert.amount_fen, recent.c.found_fen, recent.c.closed_at)
        .join(Alert, Alert.id == recent.c.alert_id)
        .where(Alert.code == alert.code)
        .order_by(apart, recent.c.closed_at.desc())
        .limit(limit)
    )
    return [SimilarCase(*row) for row in rows]


def others(session: Session, alert: Alert, person: Person | None) -> list[OtherAlert]:
    """Further alerts about the same person, over every record of theirs, or with the same key; newest first."""
    about: ColumnElement[bool]
    if person is None:
        about = and_(Alert.key == alert.key, CLOSED_WITHOUT_PERSON)  # of one key only one is not closed
    else:
        speaking = person.merged_into_id or person.id
        about = Alert.person_id.in_(select(Person.id).where(or_(Person.id == speaking, Person.merged_into_id == speaking)))
    of_alert = (Alert.public_id, Alert.code, Alert.region_code, Alert.state, Alert.amount_fen, Alert.opened_at)
    rows = session.execute(
        select(*of_alert, CaseFile.public_id, CaseFile.outcome)
        .outerjoin(CaseFile, CaseFile.alert_id == Alert.id)
        .where(about, Alert.id != alert.id)
        .order_by(Alert.id.desc(), CaseFile.id.desc())
        .limit(OTHERS_READ)
    )
    last: dict[str, OtherAlert] = {}
    for row in rows:
        last.setdefault(row[0], OtherAlert(*row))
    return list(last.values())
