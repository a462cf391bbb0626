"""Triage in the store: the standing signals on one person, and on every record merged into that person, have one alert that is not closed.

It goes by what stands, so that doing it again changes nothing. Persons are locked while it decides, so that a run and a row that comes in
do not both open an alert.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState
from models.benefit import Payment
from models.detection import Signal
from models.person import Person
from models.repositories.signals import TRIAGE
from models.repositories.triage_writes import TriageWrites, alert_key
from models.triage import DOUBTS_DEATH, BenefitMonth, TriageRules, Weighable, is_news, months, weigh

AT_ONCE = 1_000
PAYMENTS_AT_ONCE = 10_000
PAID_ROLE = "paid"
"""Role of the payments that are the money of a finding, or of a benefit whose months are, where its payments are not known."""


@dataclass(frozen=True)
class Triaged:
    """What became of alerts. told: alerts in a case, which people close. locked: persons whom somebody else held, to be asked again."""

    opened: int = 0
    updated: int = 0
    closed: int = 0
    told: int = 0
    locked: int = 0

    def __add__(self, other: Triaged) -> Triaged:
        """The two together."""
        return Triaged(
            self.opened + other.opened,
            self.updated + other.updated,
            self.closed + other.closed,
            self.told + other.told,
            self.locked + other.locked,
        )


@dataclass(frozen=True)
class _Known:
    """What the store knows of the persons of one chunk."""

    region_of: Mapping[int, str]
    standing: Mapping[int, Sequence[Row[Any]]]
    vanished: Mapping[int, Sequence[Row[Any]]]
    alerts: Mapping[int, Sequence[Row[Any]]]
    closed: Mapping[int, Row[Any]]
    paid: Mapping[BenefitMonth, int]
    payments: Mapping[int, BenefitMonth]


def due(session: Session, *, after: int, limit: int = AT_ONCE) -> Sequence[int]:
    """Persons with a signal that their alert does not know of yet, by key from after one."""
    query = select(Signal.person_id).where(Signal.triage_due, Signal.person_id > after).distinct()
    return [person_id for person_id in session.scalars(query.order_by(Signal.person_id).limit(limit)) if person_id is not None]


def triage(
    session: Session, person_ids: Collection[int], rules: TriageRules, *, by: str, now: datetime, skip_locked: bool = False
) -> Triaged:
    """Bring the alerts of these persons to what their signals say; at most some thousands at once.

    skip_locked: leave whom another transaction is at, so that a run waits for nobody.
    """
    speaking = func.coalesce(Person.merged_into_id, Person.id)
    wanted = sorted(set(session.scalars(select(speaking).where(Person.id.in_(person_ids)))))
    lock = select(Person.id).where(Person.id.in_(wanted)).order_by(Person.id).with_for_update(key_share=True, skip_locked=skip_locked)
    roots = list(session.scalars(lock))
    known = _read(session, roots)
    writes = TriageWrites(by, now)
    for root in roots:
        _decide(root, known, rules, writes)
    opened = writes.write(session)
    return Triaged(opened, writes.updated, writes.closed, writes.told, len(wanted) - len(roots))


def _read(session: Session, roots: Sequence[int]) -> _Known:
    members = {
        row.id: row.merged_into_id or row.id
        for row in session.execute(
            select(Person.id, Person.merged_into_id).where(or_(Person.id.in_(roots), Person.merged_into_id.in_(roots)))
        )
    }
    regions = {row[0]: row[1] for row in session.execute(select(Person.id, Person.region_code).where(Person.id.in_(roots)))}
    columns = Signal.__table__.c
    signals = session.execute(
        select(*columns)
        .where(columns.person_id.in_(list(members)), or_(columns.vanished_at.is_(None), columns.triage_due))
        .order_by(columns.id)
    ).all()
    standing, vanished = defaultdict[int, list[Row[Any]]](list), defaultdict[int, list[Row[Any]]](list)
    for row in signals:
        (standing if row.vanished_at is None else vanished)[members[row.person_id]].append(row)
    named = {alert_key(member): root for member, root in members.items()}
    alerts = defaultdict[int, list[Row[Any]]](list)
    found = Alert.__table__.c
    # locked, so that nobody closes one or makes a case of it meanwhile
    query = select(*found).where(found.key.in_(list(named)), found.state != AlertState.CLOSED.value)
    for row in session.execute(query.order_by(found.id).with_for_update()):
        alerts[named[row.key]].append(row)
    earlier = {row.alert_id for row in signals if row.alert_id is not None}
    over = select(*found).where(found.id.in_(earlier), found.state == AlertState.CLOSED.value)
    closed = {row.id: row for row in session.execute(over)}
    paid, payments = _money(session, standing)
    return _Known(regions, standing, vanished, alerts, closed, paid, payments)


def _money(session: Session, standing: Mapping[int, Sequence[Row[Any]]]) -> tuple[dict[BenefitMonth, int], dict[int, BenefitMonth]]:
    """What was paid where several signals on one person name payments, and which month of which benefit each payment is of."""
    wanted = set[int]()
    for rows in standing.values():
        named = [_ids(row, "payment") for row in rows if row.amount_fen > 0]
        if len(named) > 1:
            wanted.update(*named)
    paid, payments = dict[BenefitMonth, int](), dict[int, BenefitMonth]()
    ids = sorted(wanted)
    for start in range(0, len(ids), PAYMENTS_AT_ONCE):
        some = ids[start : start + PAYMENTS_AT_ONCE]
        query = select(Payment.id, Payment.benefit_id, Payment.month, Payment.amount_fen).where(Payment.id.in_(some))
        for payment_id, benefit_id, month, fen in session.execute(query):
            payments[payment_id] = (benefit_id, month)
            paid[benefit_id, month] = fen
    return paid, payments


def _ids(row: Row[Any], kind: str) -> list[int]:
    return [record["id"] for record in row.records if record["kind"] == kind and record["role"] == PAID_ROLE]


def _decide(root: int, known: _Known, rules: TriageRules, writes: TriageWrites) -> None:
    live, earlier = [], set[str]()
    standing, vanished = known.standing.get(root, ()), known.vanished.get(root, ())
    for row in standing:
        closed = None if row.alert_id is None else known.closed.get(row.alert_id)
        by_people = closed is not None and closed.closed_by != TRIAGE
        if closed is None or not by_people or is_news(row.changed_at, closed.closed_at):
            live.append(row)
            if closed is not None and by_people:
                earlier.add(closed.public_id)
        elif row.triage_due:
            writes.settle(row)
    for row in vanished:
        writes.settle(row)
    alerts = known.alerts.get(root, ())
    kept = next((one for one in alerts if one.key == alert_key(root)), alerts[0] if alerts else None)
    for other in alerts:
        if kept is not None and other.id != kept.id:
            writes.leave(other, root, kept.public_id)
    if live:
        weighed = weigh([_weighable(row, known.payments) for row in live], rules.policy, known.paid)
        if kept is None:
            writes.open(root, known.region_of[root], live, weighed, sorted(earlier))
        else:
            writes.update(kept, root, known.region_of[root], live, vanished, weighed)
    elif kept is not None:
        writes.empty(kept, root, vanished)


def _weighable(row: Row[Any], payments: Mapping[int, BenefitMonth]) -> Weighable:
    paid = {payments[one] for one in _ids(row, "payment") if one in payments}
    paid |= {(benefit, month) for benefit in _ids(row, "benefit") for month in months(row.from_month, row.to_month)}
    doubts_death = row.facts.get(DOUBTS_DEATH) is True
    return Weighable(row.code, row.key, row.severity, row.confidence, row.amount_fen, frozenset(paid), doubts_death)
