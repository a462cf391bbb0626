"""Runs over claims on a store: a window opens and closes what lies in it, again nothing changes, other days are left alone."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from detection.claims import claims_service
from detection.claims.catalogue import BY_CODE
from detection.claims.claims_service import ClaimsService, Places
from detection.detection_service import DetectionService, RunAs, RunResult
from models.alert import Alert
from models.claim import Claim
from models.database import Database
from models.detection import DetectionKind, DetectionRun, Signal
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.repositories import claims
from tests.conftest import FixedClock
from tests.detection.claims_in_store import add_readmissions

AS_OF = date(2026, 3, 15)
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))
MARCH = (date(2026, 3, 1), AS_OF)
BOTH = (FEBRUARY[0], AS_OF)


def run(database: Database, policy: RecordsPolicy, clock: FixedClock, home: Path, window: tuple[date, date]) -> RunResult:
    clock.now += timedelta(minutes=1)  # runs are told apart by when they began
    service = DetectionService(database, policy, policy_hash="0" * 64, clock=clock)
    stages = ClaimsService(database, policy, Places(home / "archive", home / "work")).stages
    return service.run(RunAs(DetectionKind.CLAIMS, AS_OF, "", "duckdb", "test", window=window), stages)


def standing(database: Database) -> dict[str, date | None]:
    with database.read_scope() as session:
        rows = session.execute(select(Signal.key, Signal.completed_on).where(Signal.vanished_at.is_(None), Signal.code == "H1"))
        return {row.key: row.completed_on for row in rows}


def test_a_window_opens_and_closes_what_lies_in_it_and_nothing_else(
    database: Database,
    records_policy: RecordsPolicy,
    clock: FixedClock,
    keyring: FileKeyRing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # whatever rules run, a window means the same
    monkeypatch.setattr(claims_service, "CLAIM_RULES", (BY_CODE["H1"], BY_CODE["H3"], BY_CODE["GZ10000102012000"]))
    with database.session_scope() as session:
        in_february, in_march = add_readmissions(session, keyring)

    def counts(window: tuple[date, date]) -> tuple[int, int, int, int]:
        stage = run(database, records_policy, clock, tmp_path, window).stages["H1"]
        return stage.found, stage.opened, stage.unchanged, stage.closed

    assert counts(FEBRUARY) == (1, 1, 0, 0)
    assert standing(database) == {f"H1:{in_february}": date(2026, 2, 12)}
    assert counts(BOTH) == (2, 1, 1, 0)
    expected = {f"H1:{in_february}": date(2026, 2, 12), f"H1:{in_march}": date(2026, 3, 12)}
    assert standing(database) == expected
    assert counts(BOTH) == (2, 0, 2, 0)
    assert counts(FEBRUARY) == (1, 0, 1, 0)
    assert standing(database) == expected

    with database.session_scope() as session:  # both first stays were for something else
        for row in session.scalars(select(Claim).where(Claim.id.not_in((in_february, in_march)))):
            row.principal_diagnosis = "J18.900"
        claims.touch_months(session, [date(2026, 2, 1), date(2026, 3, 1)])
    assert counts(MARCH) == (0, 0, 0, 1)
    assert standing(database) == {f"H1:{in_february}": date(2026, 2, 12)}
    with database.read_scope() as session:
        assert sorted(session.scalars(select(Alert.state))) == ["closed", "open"]
        window = session.execute(select(DetectionRun.from_date, DetectionRun.to_date).order_by(DetectionRun.id.desc()).limit(1)).one()
    assert tuple(window) == MARCH
    assert list((tmp_path / "work").iterdir()) == []
