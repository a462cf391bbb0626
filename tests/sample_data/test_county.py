from __future__ import annotations

import contextlib
import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models.certification_state import CertificationState
from models.database import Database
from models.enrolment import Scheme
from models.errors import ModelsError
from models.identifiers import parse_resident_id
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Trace
from models.policy import RecordsPolicy
from models.repositories import certifications, persons
from models.tables import metadata
from sample_data import generate
from sample_data.county import Loaded, load_county
from sample_data.people import next_of_sex
from sample_data.place import CITY, COUNTIES
from tests.conftest import TEMPLATE, _postgres_database

COMMITTED = Path(generate.__file__).with_name("manifest.json")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    generate.generate(folder)
    return folder


@dataclass(frozen=True)
class LoadedCounty:
    """A database with the whole county in it, what loading it said, and the keys of its persons. Tests only read it, or add nothing."""

    database: Database
    keyring: FileKeyRing
    first: Loaded
    seen: list[tuple[str, int, int]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded(request: pytest.FixtureRequest, county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedCounty]:
    """The county loaded once on each kind of database."""
    home = tmp_path_factory.mktemp("loaded")
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            copied = shutil.copy(request.getfixturevalue("sqlite_template"), home / "lifecert.sqlite")
            database = Database(f"sqlite:///{copied}")
        else:
            server = request.getfixturevalue("postgres_server")
            database = Database(stack.enter_context(_postgres_database(server, TEMPLATE)))
        stack.callback(database.dispose)
        keyring = FileKeyRing.open(home / "keys.json")
        seen: list[tuple[str, int, int]] = []
        with database.session_scope() as session:
            first = load_county(session, keyring, county, progress=lambda *step: seen.append(step))
        yield LoadedCounty(database, keyring, first, seen)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_files_are_those_of_the_committed_manifest(county: Path) -> None:
    assert json.loads((county / "manifest.json").read_text(encoding="utf-8")) == json.loads(COMMITTED.read_text(encoding="utf-8"))


def test_another_seed_makes_another_county() -> None:
    assert generate.build(seed=1, persons=50) == generate.build(seed=1, persons=50)
    assert generate.build(seed=1, persons=50)["persons.csv"] != generate.build(seed=2, persons=50)["persons.csv"]


def test_region_codes_are_assigned_to_no_place_now_or_before(data_folder: Path) -> None:
    assigned = {line.split("\t")[0] for line in (data_folder / "codes" / "gb2260_history.tsv").read_text(encoding="utf-8").splitlines()}
    assert len(assigned) > 3000
    for name, column in (("areas.csv", "code"), ("cities.csv", "code")):
        with (data_folder / "codes" / name).open(encoding="utf-8", newline="") as stream:
            assigned |= {row[column].ljust(6, "0") for row in csv.DictReader(stream)}
    made_up = {CITY[0], *(county.code for county in COUNTIES)}
    assert made_up & assigned == set()
    assert [code for code in assigned if code.startswith(CITY[0][:4])] == []


def test_people_have_right_numbers_and_a_realistic_age(county: Path) -> None:
    people = rows(county, "persons.csv")
    numbers = [parse_resident_id(row["resident_id"]) for row in people]
    assert len({number.number for number in numbers}) == len(people) > 2100
    codes = {place.code for place in COUNTIES}
    for row, number in zip(people, numbers, strict=True):
        assert number.region_code in codes
        assert (number.birth_date.isoformat(), number.sex.value) == (row["birth_date"], row["sex"])
    ages = [(generate.DEFAULT_AS_OF - number.birth_date).days / 365.25 for number in numbers[:2000]]
    assert 650 <= sum(60 <= age < 96 for age in ages) <= 760
    assert sum(age >= 85 for age in ages) < sum(75 <= age < 85 for age in ages) < sum(65 <= age < 75 for age in ages)
    assert max(ages) < 96


def test_every_benefit_is_paid_month_by_month_while_it_lasts(county: Path) -> None:
    paid = Counter(row["benefit_no"] for row in rows(county, "payments.csv"))
    benefits = [row for row in rows(county, "benefits.csv") if row["benefit_no"].startswith("B")]  # not those of planted cases
    active = [row for row in benefits if row["status"] == "active" and row["from_month"] < "2024-01-01"]
    assert len(active) > 500
    assert {paid[row["benefit_no"]] for row in active} == {14}
    assert all(int(row["amount_fen"]) > 0 for row in rows(county, "payments.csv"))


def count_rows(database: Database) -> dict[str, int]:
    with database.read_scope() as session:
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables}


def test_loading_twice_changes_nothing(county: Path, loaded: LoadedCounty) -> None:
    database, first, seen = loaded.database, loaded.first, loaded.seen
    before = count_rows(database)
    assert (before["person"], before["region"]) == (first.persons, first.regions) == (len(rows(county, "persons.csv")), 5)
    assert before["life_evidence"] == first.life_evidence == len(rows(county, "life_evidence.csv"))
    assert before["payment"] == first.payments == len(rows(county, "payments.csv"))
    assert before["enrolment"] == len(rows(county, "enrolments.csv"))
    assert before["person_relation"] == first.relations == len(rows(county, "relations.csv"))
    assert before["grant_payment"] == first.grants == len(rows(county, "grants.csv"))
    assert before["benefit_pause"] == first.pauses == len(rows(county, "pauses.csv")) > 10
    assert before["blacklisted_card"] == first.blacklisted_cards == len(rows(county, "blacklist.csv")) > 10
    assert seen[-1][0] == "blacklist"
    assert all(0 < done <= of for _, done, of in seen)
    with database.session_scope() as session:
        second = load_county(session, loaded.keyring, county)
    assert set(vars(second).values()) == {0}
    assert count_rows(database) == before


def test_every_status_kind_and_scheme_occurs(county: Path, loaded: LoadedCounty, records_policy: RecordsPolicy) -> None:
    policy = records_policy.certification
    keyring = loaded.keyring
    with loaded.database.read_scope() as session:
        numbers = certifications.counts(session, policy, generate.DEFAULT_AS_OF)
        assert min(numbers.values()) >= 10
        assert numbers[CertificationState.CERTIFIED] > sum(numbers.values()) / 2
        listed = certifications.listing(session, policy, generate.DEFAULT_AS_OF, limit=5000)
        assert len(listed) == sum(numbers.values())
        for line in listed[::10]:
            assert certifications.status_of(session, line.person_id, policy, generate.DEFAULT_AS_OF) == line.status
        kinds = set(session.scalars(select(LifeEvidence.kind).distinct()))
        assert kinds >= set(policy.certifying) | {EvidenceKind.DEATH_RECORD}
        person = rows(county, "persons.csv")[0]
        found = persons.find_by_name_and_resident_id(session, person["name"], person["resident_id"], keyring=keyring)
        assert found is not None
        assert persons.open_phone(found, keyring) == person["phone"]
    assert {row["scheme"] for row in rows(county, "enrolments.csv")} == {scheme.value for scheme in Scheme}


def test_statuses_are_what_they_were_drawn_as(loaded: LoadedCounty, records_policy: RecordsPolicy) -> None:
    fates = generate.draw().records.fates
    # a correction puts a certification two weeks back, which may be what makes it due soon
    alike = {"corrected": "holds", "wrong_death_record": "holds", "certified": "holds", "due_soon": "holds"}
    drawn = Counter(alike.get(fate, fate) for fate in fates.values())
    with loaded.database.read_scope() as session:
        numbers = certifications.counts(session, records_policy.certification, generate.DEFAULT_AS_OF)
    found: Counter[str] = Counter()
    for state, number in numbers.items():
        found[alike.get(state.value, state.value)] += number
    assert found == drawn


def test_due_people_have_traces_of_every_kind_and_some_are_contradicted(county: Path) -> None:
    evidence = rows(county, "life_evidence.csv")
    assert {row["trace"] for row in evidence if row["kind"] == "data_match"} == {"", *Trace}
    traced = {row["person_no"] for row in evidence if row["trace"] in {"medical_visit", "vaccination"}}
    assert len(traced) > 50
    custody = {row["person_no"] for row in evidence if row["kind"] == "custody" and not row["ends_on"]}
    rumours = {row["person_no"] for row in evidence if row["kind"] == "death_record" and row["strength"] == "indicative"}
    assert custody & traced
    assert rumours & traced
    died = {row["person_no"]: row["occurred_on"] for row in evidence if row["kind"] == "death_record" and row["strength"] == "conclusive"}
    assert any(row["trace"] and row["occurred_on"] > died.get(row["person_no"], "9999") for row in evidence)


@pytest.mark.parametrize(("name", "match"), [("payments.csv", "SHA-256"), ("manifest.json", "sample_data.generate")])
def test_altered_or_missing_files_are_refused(
    county: Path, sqlite_database: Database, keyring: FileKeyRing, tmp_path: Path, name: str, match: str
) -> None:
    folder = tmp_path / "altered"
    generate.generate(folder, persons=20)
    if name == "manifest.json":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    with pytest.raises(ModelsError, match=match), sqlite_database.session_scope() as session:
        load_county(session, keyring, folder)
    assert count_rows(sqlite_database)["person"] == 0


def test_the_command_line_refuses_what_it_cannot_make(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        generate.main(["--persons", "0", "--out", str(tmp_path)])
    assert "--persons" in capsys.readouterr().err


def test_the_records_stand_on_the_day_that_is_asked_for(
    tmp_path: Path, sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy
) -> None:
    day = date(2027, 8, 31)
    arguments: dict[str, Any] = {"persons": 400, "as_of": day}
    generate.generate(tmp_path / "later", **arguments)
    with sqlite_database.session_scope() as session:
        load_county(session, keyring, tmp_path / "later")
        numbers = certifications.counts(session, records_policy.certification, day)
    assert numbers[CertificationState.CERTIFIED] > numbers[CertificationState.OVERDUE] > 0


def test_the_next_sequence_of_a_resident_id_is_of_the_same_sex_and_every_one_comes() -> None:
    for first in (1, 2):
        seen = [first]
        while (following := next_of_sex(seen[-1])) != first:
            seen.append(following)
        assert sorted(seen) == list(range(first, 1000, 2))
