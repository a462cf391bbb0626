"""The store's tables as the rules read them: of one person whatever was merged, without names and numbers, gone when the run ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from detection import snapshot
from detection.detection_service import RunAs
from detection.errors import EngineUnavailableError, RunFailedError
from detection.rules.tables import NEEDED, SCHEMAS
from detection.rules_service import RulesService
from models.benefit import Benefit, BenefitPause, BenefitStatus, Payment, RetirementKind
from models.database import Database
from models.detection import DetectionKind
from models.enrolment import Enrolment, Scheme
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person_merge import PersonMerge
from models.policy import RecordsPolicy
from models.region import Region, RegionLevel
from models.relation import GrantKind, GrantPayment, PersonRelation, RelationKind
from models.repositories import extracts
from tests.models.people import REGION, add_person

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
AS_OF = date(2026, 3, 15)
ACCOUNT = bytes(range(32))


def evidence(person_id: int, kind: EvidenceKind, day: date, strength: Strength = Strength.CONCLUSIVE, **more: object) -> LifeEvidence:
    values = {"source": '民政，"殡葬"\n', "recorded_by": "test", "recorded_at": NOW, **more}
    return LifeEvidence(person_id=person_id, kind=kind, occurred_on=day, strength=strength, **values)


def fill(session: Session, keyring: FileKeyRing) -> dict[str, int]:
    """A person with two records, another one of the same name and region; ids by what they are."""
    one = add_person(session, keyring, sequence=124)
    two = add_person(session, keyring, sequence=126)
    three = add_person(session, keyring, sequence=128, name="李秀英")
    session.add(Region(code="429802", name="邻县", level=RegionLevel.COUNTY, parent_code="429800"))
    session.flush()
    two.merged_into_id = one.id
    session.add(PersonMerge(kept_id=one.id, merged_id=two.id, reason="test", merged_by="a", merged_at=NOW))
    namesake = add_person(session, keyring, sequence=130)
    pension = Benefit(
        person_id=two.id,
        scheme=Scheme.EMPLOYEE_PENSION,
        region_code=REGION,
        monthly_fen=300_000,
        status=BenefitStatus.PAUSED,
        from_month=date(2012, 7, 1),
        paused_on=date(2026, 2, 1),
        account_index=ACCOUNT,
        approved_birth_date=date(1950, 6, 1),
        retirement_kind=RetirementKind.NORMAL,
    )
    late = Benefit(
        person_id=three.id,
        scheme=Scheme.RESIDENT_PENSION,
        region_code=REGION,
        monthly_fen=20_000,
        status=BenefitStatus.ACTIVE,
        from_month=date(2020, 1, 1),
    )
    session.add_all([pension, late])
    session.flush()
    death = evidence(two.id, EvidenceKind.DEATH_RECORD, date(2025, 5, 1))
    wrong = evidence(three.id, EvidenceKind.DEATH_RECORD, date(2025, 6, 1))
    life = evidence(one.id, EvidenceKind.DATA_MATCH, date(2025, 9, 1), Strength.SUPPORTING, trace=Trace.VACCINATION)
    other_life = evidence(three.id, EvidenceKind.COUNTER, date(2024, 1, 1))
    session.add_all([death, wrong, life, other_life])
    session.flush()
    session.add_all(
        [
            evidence(three.id, EvidenceKind.DEATH_RECORD, date(2025, 6, 1), Strength.VOID, corrects_id=wrong.id),
            evidence(one.id, EvidenceKind.COUNTER, date(2026, 3, 16)),
            evidence(three.id, EvidenceKind.CUSTODY, date(2025, 1, 1), ends_on=date(2025, 2, 1)),
            Payment(benefit_id=pension.id, month=date(2025, 6, 1), amount_fen=300_000),
            Payment(benefit_id=pension.id, month=date(2026, 4, 1), amount_fen=300_000),
            BenefitPause(benefit_id=pension.id, paused_on=date(2025, 7, 1), resumed_on=date(2025, 9, 1)),
            Enrolment(person_id=two.id, scheme=Scheme.UNEMPLOYMENT, region_code="429802", from_month=date(2020, 1, 1), to_month=None),
            PersonRelation(person_id=one.id, other_id=two.id, kind=RelationKind.SPOUSE, source="test"),
            PersonRelation(person_id=three.id, other_id=two.id, kind=RelationKind.SPOUSE, source="test", since=date(1970, 1, 1)),
            GrantPayment(
                deceased_id=two.id,
                recipient_id=three.id,
                kind=GrantKind.FUNERAL,
                region_code=REGION,
                reference="F1",
                account_index=ACCOUNT,
                paid_on=date(2025, 6, 5),
                amount_fen=500_000,
            ),
        ]
    )
    session.flush()
    return {
        "one": one.id,
        "two": two.id,
        "three": three.id,
        "namesake": namesake.id,
        "pension": pension.id,
        "late": late.id,
        "death": death.id,
        "life": life.id,
    }


@pytest.fixture
def ids(database: Database, keyring: FileKeyRing) -> Iterator[dict[str, int]]:
    with database.session_scope() as session:
        found = fill(session, keyring)
    return found


def read(database: Database, policy: RecordsPolicy, folder: Path, kind: DetectionKind) -> dict[str, list[dict[str, object]]]:
    folder.mkdir()
    service = RulesService(database, policy, folder=folder)
    service.read(RunAs(kind, AS_OF, "", "duckdb", "test"), folder, lambda _stage, _done, _total: None)
    return {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in SCHEMAS}


def test_every_row_is_of_the_record_that_speaks(
    database: Database, ids: dict[str, int], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    found = read(database, records_policy, tmp_path / "a", DetectionKind.PAYMENTS)
    assert {row["record_id"]: row["person_id"] for row in found["person"]} == {
        ids["one"]: ids["one"],
        ids["two"]: ids["one"],
        ids["three"]: ids["three"],
        ids["namesake"]: ids["namesake"],
    }
    pension = next(row for row in found["benefit"] if row["id"] == ids["pension"])
    assert pension == {
        "id": ids["pension"],
        "person_id": ids["one"],
        "scheme": "employee_pension",
        "region_code": REGION,
        "monthly_fen": 300_000,
        "status": "paused",
        "from_month": date(2012, 7, 1),
        "to_month": None,
        "account": ACCOUNT.hex(),
        "approved_birth_date": date(1950, 6, 1),
        "retirement_kind": "normal",
    }
    assert {row["person_id"] for row in found["evidence"] if row["kind"] == "death_record"} == {ids["one"]}
    assert [(row["person_id"], row["other_id"]) for row in found["relation"]] == [(ids["three"], ids["one"])]
    grant = read(database, records_policy, tmp_path / "b", DetectionKind.BENEFITS)["grant"]
    assert [(row["person_id"], row["recipient_id"], row["account"]) for row in grant] == [(ids["one"], ids["three"], ACCOUNT.hex())]


def test_only_evidence_that_counts_and_is_asked_for(
    database: Database, ids: dict[str, int], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    found = read(database, records_policy, tmp_path / "a", DetectionKind.PAYMENTS)["evidence"]
    assert {(row["kind"], row["person_id"]) for row in found} == {
        ("death_record", ids["one"]),
        ("data_match", ids["one"]),
        ("custody", ids["three"]),
    }
    assert {row["source"] for row in found} == {'民政，"殡葬"\n'}
    custody = next(row for row in found if row["kind"] == "custody")
    assert (custody["occurred_on"], custody["ends_on"]) == (date(2025, 1, 1), date(2025, 2, 1))


def test_payments_pauses_status_and_namesakes(
    database: Database, ids: dict[str, int], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    found = read(database, records_policy, tmp_path / "a", DetectionKind.PAYMENTS)
    assert [(row["benefit_id"], row["month"], row["amount_fen"]) for row in found["payment"]] == [
        (ids["pension"], date(2025, 6, 1), 300_000)
    ]
    assert sorted((row["paused_on"], row["resumed_on"]) for row in found["pause"]) == [
        (date(2025, 7, 1), date(2025, 9, 1)),
        (date(2026, 2, 1), None),
    ]
    assert [(row["person_id"], row["state"], row["due_on"]) for row in found["status"]] == [(ids["three"], "overdue", date(2025, 1, 1))]
    assert found["namesake"] == [{"person_id": ids["one"], "same_region": 1, "same_birth_year": 1}]
    assert found["enrolment"] == []


def test_what_a_kind_does_not_need_is_empty(database: Database, ids: dict[str, int], records_policy: RecordsPolicy, tmp_path: Path) -> None:
    for kind, needed in NEEDED.items():
        found = read(database, records_policy, tmp_path / kind, kind)
        assert {name for name, rows in found.items() if rows} <= set(needed)
        assert found["person"]


def test_an_empty_store_gives_empty_tables(database: Database, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    for kind in NEEDED:
        assert not any(read(database, records_policy, tmp_path / kind, kind).values())


def test_no_name_and_no_number_of_a_person_is_read() -> None:
    assert set(extracts.TABLES) == set(SCHEMAS)
    names = {name for schema in SCHEMAS.values() for name in schema.names}
    assert not {name for name in names if any(word in name for word in ("name", "resident", "phone", "address", "security", "sealed"))}


def test_the_rules_find_in_the_store_what_is_in_it(
    database: Database, ids: dict[str, int], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    service = RulesService(database, records_policy, folder=tmp_path / "runs")
    asked = RunAs(DetectionKind.PAYMENTS, AS_OF, "", "duckdb", "test")
    said: list[tuple[str, int, int]] = []
    with service.stages(asked, lambda *step: said.append(step)) as stages:
        (folder,) = (tmp_path / "runs").iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        found = {stage.name: [one for batch, _ in stage.find(lambda *_: None, None) for one in batch] for stage in stages}
    assert list((tmp_path / "runs").iterdir()) == []
    assert list(found) == ["P1", "P2", "P3", "P4", "P5", "P6", "P7"]
    (paid,) = found["P1"]
    assert (paid.person_id, paid.region_code, paid.amount_fen, paid.from_month) == (ids["one"], REGION, 300_000, date(2025, 6, 1))
    (alive,) = found["P7"]
    assert alive.person_id == ids["one"]
    assert alive.facts["namesakes_of_year"] == 1
    (overdue,) = found["P4"]
    assert (overdue.person_id, overdue.from_month, overdue.months) == (ids["three"], date(2025, 3, 1), 13)
    assert said[0] == ("snapshot", 0, 0)
    assert said[-1][1] == said[-1][2] > 0
    with service.stages(RunAs(DetectionKind.PAYMENTS, AS_OF, "", "duckdb", "test", done=tuple(found)), lambda *_: None) as stages:
        assert [stage.name for stage in stages] == list(found)
        assert not (tmp_path / "runs").exists() or list((tmp_path / "runs").iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    left, living = tmp_path / "run-left", tmp_path / "run-living"
    for folder in (left, living):
        folder.mkdir()
        (folder / "lock").touch()
        (folder / "person.parquet").write_bytes(b"x")
    descriptor = os.open(living / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with snapshot.private_folder(tmp_path) as own:
            assert sorted(tmp_path.iterdir()) == sorted([living, own])
        assert list(tmp_path.iterdir()) == [living]
    finally:
        os.close(descriptor)


def test_a_folder_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFailedError, match="no folder for the run can be made"), snapshot.private_folder(tmp_path / "file"):
        pass


def test_an_engine_that_is_not_known_is_refused_before_anything_is_read(
    sqlite_database: Database, records_policy: RecordsPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    service = RulesService(sqlite_database, records_policy, folder=tmp_path / "runs")
    asked = RunAs(DetectionKind.PAYMENTS, AS_OF, "", "spark", "test")
    with pytest.raises(EngineUnavailableError, match=r"Java|extra `spark`"), service.stages(asked, lambda *_: None):
        pass
    assert list((tmp_path / "runs").iterdir()) == []
