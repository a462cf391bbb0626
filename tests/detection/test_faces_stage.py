"""A run of detection of kind faces: signals on both persons, an alert each, gone on with after a break, vanished when the face is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

import pytest
from sqlalchemy import select, update

from detection.detection_service import DetectionService, RunAs
from detection.faces.errors import LegalBasisMissingError
from detection.faces.face_service import PreparedSearch
from detection.faces.face_stage import FaceStages
from models.alert import Alert
from models.audit import AuditEntry
from models.database import Database
from models.detection import DetectionKind, DetectionRun, RunState, Signal
from models.face import FaceReference
from models.keys import FileKeyRing
from models.person import Person
from models.repositories import references
from tests.detection.faces_in_store import NOW, Enrolled, approve_basis, enrol, face, mate_of, search_service

ASKED = RunAs(DetectionKind.FACES, date(2026, 3, 15), "", "faiss", "test")


@pytest.fixture
def enrolled(database: Database, keyring: FileKeyRing) -> dict[str, Enrolled]:
    with database.session_scope() as session:
        people = {f"stranger {n}": enrol(session, keyring, face(n), sequence=100 + 2 * n) for n in range(8)}
        people["second"] = enrol(session, keyring, mate_of(3), sequence=200, name="李秀英", born=date(1957, 1, 2))
    return people


@pytest.fixture
def runs(database: Database, records_policy) -> DetectionService:
    seconds = count()  # what stood before a run began is told from what it found by the time
    return DetectionService(database, records_policy, policy_hash="0" * 16, clock=lambda: NOW + timedelta(seconds=next(seconds)))


def stages(database: Database, keyring: FileKeyRing, policy) -> FaceStages:
    return FaceStages(search_service(database, keyring, policy))


def test_a_run_leaves_a_signal_and_an_alert_for_each_person_and_a_second_one_changes_nothing(
    database, keyring, records_policy, enrolled, runs
) -> None:
    approve_basis(database)
    first = runs.run(ASKED, stages(database, keyring, records_policy))
    assert (first.stages["P8"].found, first.stages["P8"].opened, first.alerts.opened) == (2, 2, 2)
    again = stages(database, keyring, records_policy)
    second = runs.run(ASKED, again)
    assert (second.stages["P8"].opened, second.stages["P8"].unchanged, second.alerts.opened) == (0, 2, 0)
    assert again.summary is not None
    assert again.summary.faces == 9
    with database.read_scope() as session:
        signals = session.scalars(select(Signal)).all()
        assert {signal.person_id for signal in signals} == {enrolled["stranger 3"].key, enrolled["second"].key}
        assert {alert.code for alert in session.scalars(select(Alert))} == {"P8"}


def test_without_a_legal_basis_the_run_fails_and_nothing_was_opened(database, keyring, records_policy, enrolled, runs) -> None:
    with pytest.raises(LegalBasisMissingError):
        runs.run(ASKED, stages(database, keyring, records_policy))
    with database.read_scope() as session:
        assert session.scalars(select(DetectionRun.state)).all() == [RunState.FAILED]
        assert session.scalars(select(Signal)).all() == []
        assert not session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("face_search"))).all()


def test_a_pair_whose_reference_was_revoked_vanishes(database, keyring, records_policy, enrolled, runs) -> None:
    approve_basis(database)
    runs.run(ASKED, stages(database, keyring, records_policy))
    with database.session_scope() as session:
        public_id = session.get_one(FaceReference, enrolled["second"].reference).public_id
        references.revoke(session, public_id, by="test", reason="test", now=NOW)
    later = runs.run(ASKED, stages(database, keyring, records_policy))
    assert later.stages["P8"].found == 0
    with database.read_scope() as session:
        assert all(signal.vanished_at is not None for signal in session.scalars(select(Signal)))


def test_a_run_that_broke_off_goes_on_after_its_last_batch(database, keyring, records_policy, enrolled, runs, monkeypatch) -> None:
    approve_basis(database)
    whole = PreparedSearch.batches
    asked_for: list[int] = []

    def small(self: PreparedSearch, *, region_code: str = "", after: int = 0) -> Iterator[object]:
        asked_for.append(after)
        for number, batch in enumerate(whole(self, region_code=region_code, after=after, batch=4)):
            if number == 1 and len(asked_for) == 1:
                raise KeyboardInterrupt  # as a kill would, it leaves the run as it is
            yield batch

    monkeypatch.setattr(PreparedSearch, "batches", small)
    with pytest.raises(KeyboardInterrupt):
        runs.run(ASKED, stages(database, keyring, records_policy))
    with database.read_scope() as session:
        assert session.scalars(select(DetectionRun.state)).all() == [RunState.RUNNING]
        assert len(session.scalars(select(Signal)).all()) == 2
    result = runs.run(ASKED, stages(database, keyring, records_policy))
    assert result.resumed
    assert asked_for == [0, enrolled["stranger 3"].reference]
    assert result.stages["P8"].found == 2


def test_a_region_gets_the_findings_of_its_own_people(database, keyring, records_policy, enrolled, runs) -> None:
    approve_basis(database)
    with database.session_scope() as session:
        session.execute(update(Person).where(Person.id == enrolled["second"].key).values(region_code="429800"))
    result = runs.run(RunAs(**{**vars(ASKED), "region_code": "429801"}), stages(database, keyring, records_policy))
    assert result.stages["P8"].found == 1
    with database.read_scope() as session:
        assert session.scalars(select(Signal.person_id)).all() == [enrolled["stranger 3"].key]
