"""The queue against a plain Python count of the same rows: parts, filters, orders, pages."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.casework import VERIFICATION_REFERRED
from models.database import Database
from models.detection import Signal, SubjectKind
from models.repositories import case_queue
from models.repositories.case_due import DueRules
from models.repositories.case_queue import QueueCounts, QueueFilter, QueueRow, QueueSort, QueueTab
from models.types import opaque_id
from tests.models.people import REGION, add_regions

NOW = datetime(2026, 3, 14, 20, 0, tzinfo=UTC)  # the 15th already in China
TODAY = date(2026, 3, 15)
ME = "staff:me"
DUE = DueRules(
    {AlertSeverity.VIOLATION: 10, AlertSeverity.WARNING: 20, AlertSeverity.SUSPICION: 30}, {VERIFICATION_REFERRED: 3}, "Asia/Shanghai"
)
ALL = QueueFilter("4298", ME, NOW, TODAY, DUE, may_sign=True)
ROWS = 240


def fill(session: Session) -> None:
    """Alerts and cases of every kind, by a seeded generator; a third of them closed."""
    rng = random.Random(6)
    add_regions(session)
    alerts, cases, signals = [], [], []
    for number in range(1, ROWS + 1):
        state = rng.choice([AlertState.OPEN, AlertState.OPEN, AlertState.IN_CASE, AlertState.IN_CASE, AlertState.CLOSED])
        alert = {
            "id": number,
            "public_id": opaque_id(),
            "code": rng.choice(["P1", "P3", VERIFICATION_REFERRED]),
            "key": f"group:{number}",
            "severity": rng.choice(list(AlertSeverity)),
            "state": state,
            "region_code": rng.choice([REGION, "429800", "420000"]),
            "amount_fen": rng.choice([None, 0, 500, 10_000]),
            "priority": rng.choice([0.0, 1.5, 1.5, 100.0]),
            "details": {},
            "opened_by": "test",
            "opened_at": NOW - timedelta(hours=rng.randrange(40 * 24)),
            "closed_at": NOW if state is AlertState.CLOSED else None,
        }
        alerts.append(alert)
        if state is not AlertState.OPEN:
            closed = state is AlertState.CLOSED
            proposed = not closed and rng.random() < 0.3
            cases.append(
                {
                    "alert_id": number,
                    "public_id": opaque_id(),
                    "region_code": alert["region_code"],
                    "owner": rng.choice([None, ME, "staff:li"]),
                    "held_until": rng.choice([None, NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)]),
                    "opened_by": "test",
                    "opened_at": NOW,
                    "due_on": rng.choice([None, TODAY + timedelta(days=rng.randrange(-9, 12))]),
                    "diary_on": rng.choice([None, TODAY, TODAY + timedelta(days=1)]),
                    "worked_s": 0,
                    "proposed_outcome": CaseOutcome.CONFIRMED if proposed else None,
                    "proposed_by": rng.choice([ME, "staff:li"]) if proposed else None,
                    "outcome": CaseOutcome.UNFOUNDED if closed else None,
                    "closed_by": "test" if closed else None,
                    "closed_at": NOW if closed else None,
                }
            )
        signal = {"key": f"s{number}", "code": rng.choice(["P1", "P4"]), "alert_id": number, "subject_kind": SubjectKind.GROUP}
        signal |= {"subject_ref": f"{number}", "region_code": REGION, "severity": "warning", "confidence": 0.5, "digest": bytes(32)}
        signal |= {"policy_hash": "x", "first_seen_at": NOW, "changed_at": NOW, "public_id": opaque_id(), "triage_due": False}
        gone = rng.random() < 0.3
        signals.append(signal | {"vanished_at": NOW if gone else None, "vanished_reason": "gone" if gone else None})
    for table, rows in ((Alert, alerts), (CaseFile, cases), (Signal, signals)):
        session.execute(insert(table), rows)


@pytest.fixture
def filled(database: Database) -> Database:
    with database.session_scope() as session:
        fill(session)
    return database


@dataclass(frozen=True)
class Rows:
    """Everything there is, read once."""

    alerts: list[Alert]
    cases: dict[int, CaseFile]
    behind: dict[int, set[str]]

    @classmethod
    def read(cls, session: Session) -> Rows:
        behind: dict[int, set[str]] = {}
        for signal in session.scalars(select(Signal)):
            if signal.vanished_at is None:
                behind.setdefault(signal.alert_id or 0, set()).add(signal.code)
        cases = {case.alert_id: case for case in session.scalars(select(CaseFile)) if case.closed_at is None}
        return cls(list(session.scalars(select(Alert))), cases, behind)


def expected(rows: Rows, chosen: QueueFilter) -> list[tuple[int, date]]:
    """Ids and due days of the rows that the filter means, in its order, counted row by row."""
    found = []
    for alert in rows.alerts:
        case = rows.cases.get(alert.id)
        opened = alert.opened_at.astimezone(ZoneInfo(DUE.time_zone)).date()
        days = DUE.by_code.get(alert.code, DUE.by_severity[alert.severity])
        due = case.due_on if case is not None and case.due_on is not None else opened + timedelta(days=days)
        free = case is not None and (case.owner is None or (case.held_until is not None and case.held_until <= NOW))
        waits = case is not None and case.proposed_by is not None
        diary = case is None or case.diary_on is None or case.diary_on <= TODAY
        mine = case is not None and case.owner == ME
        parts = {
            QueueTab.ALL: True,
            QueueTab.MINE: mine,
            QueueTab.TO_SIGN: chosen.may_sign and waits and case.proposed_by != ME and (free or mine),
            QueueTab.FREE: case is None or (free and not waits and diary),
            QueueTab.OVERDUE: due < TODAY,
            QueueTab.DUE_SOON: TODAY <= due <= TODAY + timedelta(days=6),
            QueueTab.DIARY: mine and not waits and case.diary_on is not None and diary,
        }
        wanted = (
            alert.state is not AlertState.CLOSED,
            alert.region_code.startswith(chosen.region),
            chosen.inside is None or alert.region_code == chosen.inside,
            chosen.code is None or chosen.code in {alert.code, *rows.behind.get(alert.id, ())},
            chosen.severity in (None, alert.severity),
            chosen.state in (None, alert.state),
            (alert.amount_fen or 0) >= chosen.amount_fen_min,
            chosen.due_until is None or due <= chosen.due_until,
            parts[chosen.tab],
        )
        if all(wanted):
            found.append((alert.priority, alert.id, due))
    if chosen.sort is QueueSort.PRIORITY:
        return [(key, due) for _priority, key, due in sorted(found, reverse=True)]
    return [(key, due) for due, key in sorted((due, key) for _priority, key, due in found)]


def paged(session: Session, chosen: QueueFilter, limit: int = 17) -> list[QueueRow]:
    rows: list[QueueRow] = []
    while True:
        some = case_queue.page(session, chosen, after=rows[-1].cursor if rows else None, limit=limit)
        rows += some
        if len(some) < limit:
            return rows


def test_every_part_in_both_orders_is_what_a_plain_count_says(filled: Database) -> None:
    with filled.read_scope() as session:
        rows = Rows.read(session)
        for tab in QueueTab:
            for sort in QueueSort:
                chosen = replace(ALL, tab=tab, sort=sort)
                wanted = expected(rows, chosen)
                assert wanted, f"the rows of this test have nothing in {tab}"
                assert [(row.id, row.due_on) for row in paged(session, chosen)] == wanted, (tab, sort)


def test_filters_and_counts_are_what_a_plain_count_says(filled: Database) -> None:
    chosen = [
        ALL,
        replace(ALL, region=""),
        replace(ALL, region="429801"),
        replace(ALL, region="43"),
        replace(ALL, inside=REGION),
        replace(ALL, code="P4"),
        replace(ALL, code="P1"),
        replace(ALL, severity=AlertSeverity.VIOLATION),
        replace(ALL, state=AlertState.OPEN),
        replace(ALL, amount_fen_min=500),
        replace(ALL, due_until=TODAY),
        replace(ALL, may_sign=False),
        replace(ALL, actor="staff:nobody"),
    ]
    with filled.read_scope() as session:
        rows = Rows.read(session)
        for one in chosen:
            if one.actor == ME:
                assert [(row.id, row.due_on) for row in paged(session, one, 50)] == expected(rows, one), one
                parts = {tab.value: len(expected(rows, replace(one, tab=tab))) for tab in QueueTab if tab is not QueueTab.ALL}
                assert case_queue.counts(session, one) == QueueCounts(**parts), one
            else:
                assert case_queue.counts(session, one).mine == case_queue.counts(session, one).diary == 0


def test_rows_say_whose_they_are_and_what_stands_behind_them(filled: Database) -> None:
    with filled.read_scope() as session:
        everything = Rows.read(session)
        for row in paged(session, ALL, 50):
            case = everything.cases.get(row.id)
            assert row.case_id == (None if case is None else case.public_id)
            held = case is not None and case.owner is not None and (case.held_until is None or case.held_until > NOW)
            assert row.held_by(NOW) == (case.owner if held and case else None)
            assert row.signals == tuple(sorted(everything.behind.get(row.id, ())))


@pytest.mark.parametrize("cursor", ["", "x", "7" * 30, "A" * 24, "é"])
def test_a_cursor_of_another_list_is_refused(sqlite_database: Database, cursor: str) -> None:
    with sqlite_database.read_scope() as session, pytest.raises(ValueError, match="cursor"):
        case_queue.page(session, ALL, after=cursor)


def test_a_cursor_of_the_other_order_is_refused(sqlite_database: Database) -> None:
    with sqlite_database.session_scope() as session:
        fill(session)
    with sqlite_database.read_scope() as session:
        cursor = case_queue.page(session, ALL, limit=1)[0].cursor
        assert case_queue.page(session, ALL, after=cursor, limit=1)
        with pytest.raises(ValueError, match="cursor"):
            case_queue.page(session, replace(ALL, sort=QueueSort.DUE), after=cursor)
