"""The queue: every alert that is not closed, with its case if there is one; whose it is, and by when it should be decided.

Priority comes from the alert, the newer first of two alike; by due day, what is due first. A case that waits for a second person is in the
queue of those who sign. Closed alerts cost nothing: the indexes that are used do not know them.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select, true
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.detection import Signal
from models.person import Person
from models.region import region_bounds
from models.repositories.case_due import DueRules, due_before, due_day
from models.repositories.cases import OPEN_ALERT
from models.repositories.signal_reads import codes_behind

Narrowed = Select[*tuple[Any, ...]]

CURSOR_MARK = b"\x4c\x05"  # kind and version, so that other texts are recognised
_BY_PRIORITY, _BY_DUE = struct.Struct(">cdq"), struct.Struct(">ciq")
DUE_SOON_DAYS = 7


class QueueTab(StrEnum):
    """A part of the queue."""

    ALL = "all"
    MINE = "mine"
    TO_SIGN = "to_sign"  # waits for a second person, and the reader may be the one
    FREE = "free"  # can be taken now
    OVERDUE = "overdue"
    DUE_SOON = "due_soon"  # today and the six days after it
    DIARY = "diary"  # the reader's, and its day has come


class QueueSort(StrEnum):
    """What comes first."""

    PRIORITY = "priority"
    DUE = "due"


@dataclass(frozen=True)
class QueueFilter:
    """Which rows. region: first digits of the codes that the reader may see. actor: who reads. now, today: moment, and day in the policy's
    zone. inside: code of a region among them. code: of the alert or of a standing signal behind it. due_until: a day, included.
    state: open where nobody has made a case, in_case where somebody has.
    """

    region: str
    actor: str
    now: datetime
    today: date
    due: DueRules
    may_sign: bool = False
    tab: QueueTab = QueueTab.ALL
    code: str | None = None
    severity: AlertSeverity | None = None
    inside: str | None = None
    amount_fen_min: int = 0
    due_until: date | None = None
    state: AlertState | None = None
    sort: QueueSort = QueueSort.PRIORITY


@dataclass(frozen=True)
class QueueRow:
    """One alert that is not closed. case_id: None where nobody has made a case of it. person_id: public; name: whole, to be masked.
    key: of the alert, such as "hospital:H001". signals: codes of the standing signals, sorted.
    """

    id: int
    alert_id: str
    key: str
    code: str
    severity: AlertSeverity
    region_code: str
    amount_fen: int | None
    priority: float
    opened_at: datetime
    person_id: str | None
    name: str | None
    case_id: str | None
    owner: str | None
    held_until: datetime | None
    diary_on: date | None
    proposed_outcome: CaseOutcome | None
    proposed_by: str | None
    due_on: date
    sort: QueueSort = QueueSort.PRIORITY
    signals: tuple[str, ...] = ()

    def held_by(self, now: datetime) -> str | None:
        """Who has it at this moment; None when anybody may take it."""
        return self.owner if self.owner is not None and (self.held_until is None or self.held_until > now) else None

    @property
    def cursor(self) -> str:
        """Where the list goes on after this one."""
        if self.sort is QueueSort.PRIORITY:
            raw = _BY_PRIORITY.pack(b"p", self.priority, self.id)
        else:
            raw = _BY_DUE.pack(b"d", self.due_on.toordinal(), self.id)
        return base64.b32hexencode(CURSOR_MARK + raw).decode("ascii").rstrip("=")


@dataclass(frozen=True)
class QueueCounts:
    """How many rows each part of the queue has, within the filter."""

    mine: int = 0
    to_sign: int = 0
    free: int = 0
    overdue: int = 0
    due_soon: int = 0
    diary: int = 0


def nobodys(now: datetime) -> ColumnElement[bool]:
    """Nobody has the case, or the lock has passed."""
    return or_(CaseFile.owner.is_(None), CaseFile.held_until <= now)


def takeable(now: datetime, today: date) -> ColumnElement[bool]:
    """A row of alerts, joined with its open case, that anybody may take now."""
    case = and_(CaseFile.id.is_not(None), CaseFile.proposed_by.is_(None), nobodys(now))
    return or_(Alert.state == AlertState.OPEN, and_(case, or_(CaseFile.diary_on.is_(None), CaseFile.diary_on <= today)))


def signable(actor: str, now: datetime) -> ColumnElement[bool]:
    """A case that waits for a second person, who may be this one."""
    return and_(CaseFile.proposed_by.is_not(None), CaseFile.proposed_by != actor, or_(CaseFile.owner == actor, nobodys(now)))


def on_diary(actor: str, today: date) -> ColumnElement[bool]:
    """A case of this person whose day has come."""
    return and_(CaseFile.owner == actor, CaseFile.proposed_by.is_(None), CaseFile.diary_on <= today)


def open_with_cases(*columns: Any) -> Narrowed:
    """Alerts that are not closed, each with its open case if there is one."""
    joined = and_(CaseFile.alert_id == Alert.id, CaseFile.closed_at.is_(None))
    return select(*columns).select_from(Alert).outerjoin(CaseFile, joined).where(OPEN_ALERT)


def in_region(query: Narrowed, region: str, inside: str | None = None) -> Narrowed:
    """The query over alerts, bound to the region of the reader and one inside it."""
    if region:
        query = query.where(Alert.region_code.between(region.ljust(6, "0"), region.ljust(6, "9")))
    return query if inside is None else query.where(Alert.region_code.between(*region_bounds(inside)))


def of_code(query: Narrowed, code: str) -> Narrowed:
    """The query over alerts with this code, or with a standing signal of it behind them."""
    # not asked for each alert: of a code that PostgreSQL knows nothing of, it would look 100,000 times
    behind = select(Signal.alert_id).where(Signal.code == code, Signal.vanished_at.is_(None), Signal.alert_id.is_not(None))
    return query.where(or_(Alert.code == code, Alert.id.in_(behind)))


def page(session: Session, chosen: QueueFilter, *, after: str | None = None, limit: int = 50) -> list[QueueRow]:
    """Rows of a part of the queue, from after a cursor. Two statements. Raises ValueError for a cursor of another list."""
    due = due_day(chosen.due, chosen.now)
    # first which rows, from few columns; what they say only for those of the page
    first = _narrowed(open_with_cases(Alert.id, due.label("due")), chosen).where(_part(chosen))
    position = None if after is None else _position_of(after, chosen.sort)
    if chosen.sort is QueueSort.PRIORITY:
        first = first.order_by(Alert.priority.desc(), Alert.id.desc())
        if position is not None:
            priority, alert_id = position
            first = first.where(Alert.priority <= priority, or_(Alert.priority < priority, Alert.id < alert_id))
    else:
        first = first.order_by(due, Alert.id)
        if position is not None:
            day, alert_id = date.fromordinal(int(position[0])), position[1]
            first = first.where(or_(due > day, and_(due == day, Alert.id > alert_id)))
    found = first.limit(limit).subquery("first")
    query = open_with_cases(
        Alert.id,
        Alert.public_id,
        Alert.key,
        Alert.code,
        Alert.severity,
        Alert.region_code,
        Alert.amount_fen,
        Alert.priority,
        Alert.opened_at,
        Person.public_id,
        Person.name,
        CaseFile.public_id,
        CaseFile.owner,
        CaseFile.held_until,
        CaseFile.diary_on,
        CaseFile.proposed_outcome,
        CaseFile.proposed_by,
        found.c.due,
    ).join(found, found.c.id == Alert.id)
    query = query.outerjoin(Person, Person.id == Alert.person_id)
    by_priority = chosen.sort is QueueSort.PRIORITY
    query = query.order_by(Alert.priority.desc(), Alert.id.desc()) if by_priority else query.order_by(found.c.due, Alert.id)
    rows = [replace(QueueRow(*row), sort=chosen.sort) for row in session.execute(query)]
    behind = codes_behind(session, [row.id for row in rows])
    return [replace(row, signals=behind.get(row.id, ())) for row in rows]


def counts(session: Session, chosen: QueueFilter) -> QueueCounts:
    """How many rows each part has, whatever part the filter names. One statement, over what is not closed."""

    def number(tab: QueueTab) -> ColumnElement[int]:
        return func.count().filter(_part(replace(chosen, tab=tab)))

    parts = (QueueTab.MINE, QueueTab.TO_SIGN, QueueTab.FREE, QueueTab.OVERDUE, QueueTab.DUE_SOON, QueueTab.DIARY)
    row = session.execute(_narrowed(open_with_cases(*(number(tab) for tab in parts)), chosen)).one()
    return QueueCounts(*row)


def _narrowed(query: Narrowed, chosen: QueueFilter) -> Narrowed:
    query = in_region(query, chosen.region, chosen.inside)
    if chosen.severity is not None:
        query = query.where(Alert.severity == chosen.severity)
    if chosen.code is not None:
        query = of_code(query, chosen.code)
    if chosen.state is not None:
        query = query.where(Alert.state == chosen.state)
    if chosen.amount_fen_min > 0:
        query = query.where(Alert.amount_fen >= chosen.amount_fen_min)
    return query if chosen.due_until is None else query.where(due_before(chosen.due, chosen.due_until + timedelta(days=1)))


def _part(chosen: QueueFilter) -> ColumnElement[bool]:
    match chosen.tab:
        case QueueTab.ALL:
            return true()
        case QueueTab.MINE:
            return CaseFile.owner == chosen.actor
        case QueueTab.TO_SIGN:
            return signable(chosen.actor, chosen.now) if chosen.may_sign else false()
        case QueueTab.FREE:
            return takeable(chosen.now, chosen.today)
        case QueueTab.OVERDUE:
            return due_before(chosen.due, chosen.today)
        case QueueTab.DUE_SOON:
            return and_(not_(due_before(chosen.due, chosen.today)), due_before(chosen.due, chosen.today + timedelta(days=DUE_SOON_DAYS)))
        case QueueTab.DIARY:
            return on_diary(chosen.actor, chosen.today)


def _position_of(cursor: str, sort: QueueSort) -> tuple[float, int]:
    try:
        raw = base64.b32hexdecode(cursor + "=" * (-len(cursor) % 8))
        if not raw.startswith(CURSOR_MARK):
            raise ValueError("another kind of cursor")
        form = _BY_PRIORITY if sort is QueueSort.PRIORITY else _BY_DUE
        mark, value, alert_id = form.unpack(raw[len(CURSOR_MARK) :])
        if mark != (b"p" if sort is QueueSort.PRIORITY else b"d"):
            raise ValueError("a cursor of another order")
        if sort is QueueSort.DUE:
            date.fromordinal(value)
    except (binascii.Error, struct.error, ValueError, OverflowError) as error:
        raise ValueError("not a cursor of this list") from error
    if not value == value or abs(value) == float("inf"):
        raise ValueError("not a cursor of this list")
    return float(value), alert_id
