"""What a run left behind: its counts, and its signals for the file that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, select
from sqlalchemy.orm import Session

from models.detection import Signal
from models.person import Person
from models.region import region_bounds

READ_AT_ONCE = 2_000


def of_run(session: Session, run_id: int, *, after: int = 0, limit: int = READ_AT_ONCE) -> Sequence[Row[Any]]:
    """Standing signals that a run found last, by id from after one: every column."""
    columns = Signal.__table__.c
    query = select(*columns).where(columns.run_id == run_id, columns.vanished_at.is_(None), columns.id > after)
    return session.execute(query.order_by(columns.id).limit(limit)).all()


@dataclass(frozen=True)
class Standing:
    """What a run left of a rule, however often it was killed. closed: signals that stood before and were not found again."""

    found: int
    opened: int
    updated: int
    closed: int
    amount_fen: int


def left_by_run(session: Session, run_id: int, code: str, *, region_code: str, started_at: datetime) -> Standing:
    """Counts of a rule that ran to its end."""
    new = and_(Signal.first_seen_at >= started_at, Signal.changed_at >= started_at)
    changed = and_(Signal.first_seen_at < started_at, Signal.changed_at >= started_at)
    found, opened, updated, amount_fen = session.execute(
        select(
            func.count(),
            func.count(case((new, 1))),
            func.count(case((changed, 1))),
            func.coalesce(func.sum(Signal.amount_fen), 0),
        ).where(Signal.code == code, Signal.run_id == run_id, Signal.vanished_at.is_(None))
    ).one()
    gone = select(func.count()).where(Signal.code == code, Signal.vanished_at >= started_at)
    if region_code:
        gone = gone.where(Signal.region_code.between(*region_bounds(region_code)))
    return Standing(found, opened, updated, session.execute(gone).scalar_one(), int(amount_fen))


def persons_of(session: Session, person_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Person -> (public id, masked resident ID)."""
    rows = session.execute(select(Person.id, Person.public_id, Person.resident_id_masked).where(Person.id.in_(person_ids)))
    return {row[0]: (row[1], row[2]) for row in rows}


def codes_behind(session: Session, alert_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Alert -> codes of the standing signals behind it, sorted; alerts without any are left out."""
    found: dict[int, set[str]] = {}
    query = select(Signal.alert_id, Signal.code).where(Signal.alert_id.in_(alert_ids), Signal.vanished_at.is_(None)).distinct()
    for alert_id, code in session.execute(query):
        if alert_id is not None:
            found.setdefault(alert_id, set()).add(code)
    return {alert_id: tuple(sorted(codes)) for alert_id, codes in found.items()}
