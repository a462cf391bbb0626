"""Claims of the store as Arrow tables and as files by month: what is in them, what is written anew, and what a kill leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete, select

from detection.claims import archive
from detection.claims.tables import SCHEMAS
from detection.claims_archive_service import ClaimsArchiveService
from detection.errors import RunFailedError
from models.claim import CareSetting, Claim, ClaimIdentityCheck, ClaimLine, ClaimMonth, DischargeWay
from models.database import Database
from models.errors import NotFoundError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength, Trace
from models.repositories import claim_extracts, claims, extracts, life_evidence, mergers
from models.repositories.claim_extracts import ClaimScope
from models.repositories.life_evidence import NewEvidence
from tests.detection.claims_in_store import add_claim, add_institution, add_line
from tests.models.people import NOW, REGION, add_person

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
SETTLED = datetime(2026, 1, 20, 3, 30, 15, tzinfo=UTC)


@dataclass
class World:
    """A store with three persons and claims of three months."""

    database: Database
    folder: Path
    people: tuple[int, int, int]
    claims: dict[str, int]

    @property
    def service(self) -> ClaimsArchiveService:
        return ClaimsArchiveService(self.database, self.folder)

    def read(self, table: str, from_date: date | None = None, to_date: date | None = None) -> list[dict[str, Any]]:
        return [row for path in archive.files(self.folder, from_date, to_date)[table] for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def world(database: Database, keyring: FileKeyRing, tmp_path: Path) -> World:
    with database.session_scope() as session:
        people = tuple(add_person(session, keyring, sequence=one).id for one in (3, 5, 7))
        hospital = add_institution(session, region=REGION)
        rich = add_claim(
            session,
            hospital,
            people[0],
            "A1",
            date(2026, 1, 20),
            from_date=date(2026, 1, 10),
            setting=CareSetting.INPATIENT,
            department="心内科",
            doctor="D1",
            settled_at=SETTLED,
            principal_diagnosis="I10.X00",
            diagnoses=["E11.900", "K29.500"],
            procedures=["38.9301"],
            transferred_in=True,
            discharge_way=DischargeWay.HOME,
            identity_check=ClaimIdentityCheck.FAILED,
            own_fen=3_000,
        )
        found = {
            "A1": rich.id,
            "A2": add_claim(session, hospital, people[1], "A2", date(2026, 1, 31)).id,
            "A3": add_claim(session, hospital, people[1], "A3", date(2026, 2, 1)).id,
            "A4": add_claim(session, hospital, people[2], "A4", date(2026, 3, 5)).id,
        }
        add_line(session, rich, 2, item_name='a "quoted", name', days=7, executed_at=SETTLED, executed_quantity=1.5)
        add_line(session, rich, 1)
        later = session.get(Claim, found["A3"])
        assert later is not None
        add_line(session, later, 1)
    return World(database, tmp_path / "analytics" / "claims", people, found)  # type: ignore[arg-type]


def rows_of(database: Database, name: str, scope: ClaimScope) -> list[dict[str, Any]]:
    with database.read_scope() as session:
        merged = extracts.merged_records(session)
        batches = list(claim_extracts.batches(session, name, SCHEMAS[name], scope, merged))
    return pa.Table.from_batches(batches, SCHEMAS[name]).to_pylist()


def test_every_column_of_a_claim_and_its_lines_comes_out_as_it_was_stored(world: World) -> None:
    january = ClaimScope(JANUARY, date(2026, 1, 31))
    rich, plain = rows_of(world.database, "claim", january)
    assert (rich["reference"], rich["setting"], rich["department"], rich["discharge_way"]) == ("A1", "inpatient", "心内科", "home")
    assert (rich["diagnoses"], rich["procedures"], rich["hospital_acquired"]) == (["E11.900", "K29.500"], ["38.9301"], [])
    assert (rich["settled_at"], rich["uploaded_at"], rich["transferred_in"]) == (SETTLED, None, True)
    assert (rich["from_date"], rich["to_date"], rich["identity_check"]) == (date(2026, 1, 10), date(2026, 1, 20), "failed")
    assert (rich["total_fen"], rich["fund_fen"], rich["own_fen"]) == (10_000, 7_000, 3_000)
    assert (plain["reference"], plain["diagnoses"], plain["transferred_in"], plain["own_fen"]) == ("A2", [], None, None)
    first, second = rows_of(world.database, "line", january)
    assert (first["number"], first["days"], first["executed_at"], first["quantity"]) == (1, None, None, 2.0)
    assert (second["number"], second["item_name"], second["days"]) == (2, 'a "quoted", name', 7)
    assert (second["executed_at"], second["executed_quantity"], second["category"]) == (SETTLED, 1.5, "western_drug")
    (hospital,) = rows_of(world.database, "institution", january)
    assert (hospital["code"], hospital["level"], hospital["beds"]) == ("H420106001", "tertiary", 500)
    assert {one["person_id"] for one in rows_of(world.database, "patient", january)} == set(world.people[:2])


def test_of_one_person_every_record_is_read_and_speaks_with_one_id(world: World) -> None:
    first, second, _ = world.people
    with world.database.session_scope() as session:
        mergers.merge(session, first, second, reason="same", by="test", now=NOW)
    for named in (first, second):
        scope = ClaimScope(person_id=named)
        found = rows_of(world.database, "claim", scope)
        assert [(one["reference"], one["person_id"]) for one in found] == [("A1", first), ("A2", first), ("A3", first)]
        assert [one["claim_id"] for one in rows_of(world.database, "line", scope)] == [world.claims["A1"]] * 2 + [world.claims["A3"]]
        assert [one["person_id"] for one in rows_of(world.database, "patient", scope)] == [first]
    assert {one["person_id"] for one in rows_of(world.database, "patient", ClaimScope())} == {first, world.people[2]}


def test_evidence_is_the_same_for_one_person_and_for_everybody(world: World) -> None:
    first, second, third = world.people
    with world.database.session_scope() as session:

        def add(person: int, kind: EvidenceKind, day: date, trace: Trace | None = None) -> int:
            new = NewEvidence(person, kind, day, Strength.CONCLUSIVE, "民政", trace=trace)
            return life_evidence.add(session, new, by="test", now=NOW).id

        wrong = add(first, EvidenceKind.DEATH_RECORD, date(2025, 5, 1))
        right = NewEvidence(first, EvidenceKind.DEATH_RECORD, date(2026, 1, 15), Strength.CONCLUSIVE, "民政")
        death = life_evidence.correct(session, wrong, right, by="test", now=NOW).id
        seen = add(first, EvidenceKind.FACE, date(2026, 2, 1))
        custody = add(second, EvidenceKind.CUSTODY, date(2024, 1, 1))
        add(second, EvidenceKind.FACE, date(2026, 1, 12))  # of somebody who is not dead: nobody asks
        travel = add(second, EvidenceKind.DATA_MATCH, date(2026, 1, 12), Trace.TRAVEL)
        add(second, EvidenceKind.DATA_MATCH, date(2026, 1, 12), Trace.VACCINATION)
        add(second, EvidenceKind.DATA_MATCH, date(2026, 3, 12), Trace.TRAVEL)  # outside the days
        add(third, EvidenceKind.COUNTER, date(2026, 1, 12))  # has no claim in the days
    days = (JANUARY, date(2026, 1, 31))
    whole = rows_of(world.database, "evidence", ClaimScope(*days))
    assert {one["id"] for one in whole} == {death, seen, custody, travel}
    for person in (first, second):
        alone = rows_of(world.database, "evidence", ClaimScope(*days, person_id=person))
        key = "id"
        assert sorted(alone, key=lambda one: one[key]) == sorted((o for o in whole if o["person_id"] == person), key=lambda one: one[key])


def test_only_months_that_changed_are_written_anew(world: World) -> None:
    done = world.service.refresh()
    assert (done.written, done.removed, done.claims, done.lines) == (3, 0, 4, 3)
    assert [(one["claim_id"], one["number"]) for one in world.read("line")] == [
        (world.claims["A1"], 1),
        (world.claims["A1"], 2),
        (world.claims["A3"], 1),
    ]
    assert pq.read_schema(archive.files(world.folder)["claim"][0]).equals(SCHEMAS["claim"])
    before = archive.files(world.folder)
    assert world.service.refresh().written == 0
    with world.database.session_scope() as session:
        claim = session.get(Claim, world.claims["A3"])
        assert claim is not None
        add_line(session, claim, 2)
    assert world.service.refresh().written == 1
    after = archive.files(world.folder)
    assert [one in after["line"] for one in before["line"]] == [True, False, True]
    assert len(world.read("line", FEBRUARY, FEBRUARY)) == 2
    assert all(path.is_file() for path in before["line"])  # who began to read them goes on


def test_files_are_those_of_the_months_that_the_days_touch(world: World) -> None:
    assert archive.files(world.folder) == {"claim": [], "line": []}
    world.service.refresh()
    assert [one["reference"] for one in world.read("claim", date(2026, 1, 25), date(2026, 2, 10))] == ["A1", "A2", "A3"]
    assert [one["reference"] for one in world.read("claim", date(2026, 2, 28), None)] == ["A3", "A4"]
    assert world.read("claim", date(2027, 1, 1), None) == []


def test_a_month_without_claims_is_gone(world: World) -> None:
    world.service.refresh()
    with world.database.session_scope() as session:
        session.execute(delete(Claim).where(Claim.id == world.claims["A4"]))
        claims.touch_months(session, [MARCH])
    done = world.service.refresh()
    assert (done.written, done.removed, done.claims) == (0, 1, 3)
    assert world.read("claim", MARCH, None) == []
    with world.database.read_scope() as session:
        assert session.scalars(select(ClaimMonth.month).order_by(ClaimMonth.month)).all() == [JANUARY, FEBRUARY]


def test_mergers_and_splits_reach_the_claim_files_and_leave_the_line_files(world: World) -> None:
    world.service.refresh()
    first, second, _ = world.people
    lines = archive.files(world.folder)["line"]
    with world.database.session_scope() as session:
        mergers.merge(session, first, second, reason="same", by="test", now=NOW)
    assert world.service.refresh().written == 2
    assert [one["person_id"] for one in world.read("claim", None, date(2026, 2, 28))] == [first] * 3
    assert archive.files(world.folder)["line"] == lines
    assert world.service.refresh().written == 0
    with world.database.session_scope() as session:
        mergers.split(session, second, reason="not", by="test", now=NOW)
    world.service.refresh()
    assert [one["person_id"] for one in world.read("claim", None, date(2026, 2, 28))] == [first, second, second]


def test_killed_while_writing_the_old_files_count_and_the_next_run_mends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.service.refresh()
    with world.database.session_scope() as session:
        session.execute(delete(ClaimLine).where(ClaimLine.claim_id == world.claims["A3"]))
        claims.touch_months(session, [FEBRUARY])
    told = world.read("claim"), world.read("line")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            world.service.refresh()
    assert (world.read("claim"), world.read("line")) == told
    assert world.service.refresh().written == 1
    assert [one["claim_id"] for one in world.read("line")] == [world.claims["A1"]] * 2


def test_a_full_disk_is_said_in_words_and_leaves_nothing_half_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(RunFailedError, match="No space left"):
            world.service.refresh()
    assert list(world.folder.glob("*/*")) == []
    assert world.service.refresh().written == 3


def test_lost_files_a_damaged_manifest_and_a_store_taken_back_are_written_anew(world: World) -> None:
    world.service.refresh()
    archive.files(world.folder)["line"][0].unlink()
    assert world.service.refresh().written == 1
    (world.folder / archive.MANIFEST).write_text('{"months": {"2026-01": {}}}')
    with pytest.raises(RunFailedError, match="damaged"):
        archive.files(world.folder)
    assert world.service.refresh().written == 3
    with world.database.session_scope() as session:  # as a backup of before the last import has it
        session.execute(delete(Claim).where(Claim.id == world.claims["A4"]))
        session.execute(delete(ClaimMonth).where(ClaimMonth.month == MARCH))
    world.service.refresh()
    assert [one["reference"] for one in world.read("claim")] == ["A1", "A2", "A3"]


def test_superseded_files_go_after_a_day(world: World) -> None:
    world.service.refresh()
    with world.database.session_scope() as session:
        claims.touch_months(session, [JANUARY])
    world.service.refresh()
    manifest = archive.read_manifest(world.folder)
    stray = world.folder / "2026-01" / f"claim.00.parquet{archive.UNFINISHED}"
    stray.write_bytes(b"half")
    assert archive.sweep(world.folder, manifest) == 1  # only what nobody can be reading
    assert archive.sweep(world.folder, manifest, now=datetime.now(UTC).timestamp() + 2 * archive.SUPERSEDED_KEPT_S) == 2
    assert len(world.read("claim")) == 4


def test_casework_reads_claims_of_a_person_and_of_an_institution_newest_first(world: World) -> None:
    first, second, _ = world.people
    with world.database.session_scope() as session:
        mergers.merge(session, first, second, reason="same", by="test", now=NOW)
    with world.database.read_scope() as session:
        found = claims.of_person(session, second)
        assert [one.claim.reference for one in found] == ["A3", "A2", "A1"]
        rest = claims.of_person(session, first, before=(found[0].claim.to_date, found[0].claim.id), limit=1)
        assert [one.claim.reference for one in rest] == ["A2"]
        hospital = found[0].institution
        assert [one.claim.reference for one in claims.of_institution(session, hospital.id, from_date=FEBRUARY)] == ["A4", "A3"]
        assert claims.get(session, found[2].claim.public_id).institution.code == "H420106001"
        lines = claims.lines_of(session, [found[2].claim.id, found[1].claim.id])
        assert {key: [one.number for one in ones] for key, ones in lines.items()} == {world.claims["A1"]: [1, 2]}
        assert claims.institution(session, hospital.public_id).id == hospital.id
        assert claims.institution_of_code(session, "none") is None
        with pytest.raises(NotFoundError):
            claims.get(session, "none")
