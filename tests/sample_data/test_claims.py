"""Generated claims: the same for the same seed, labels for every rule, and all rules over a small province: found, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import claims_score
from benchmarks.claims_run import Costs, prepared, run
from benchmarks.claims_score import Score
from detection.claims.catalogue import CLAIM_RULES
from detection.claims.tables import SCHEMAS
from detection.compute import EngineName, Limits, open_compute
from detection.knowledge.rule_base import national_rules
from models.policy import RecordsPolicy
from sample_data.claims import county, planted, province
from sample_data.claims.province import Size
from sample_data.claims.sower import BAD, LOOKALIKE, PLANTED
from sample_data.generate import generate

SIZE = Size(lines=150_000, cases=2, lookalikes=2, hospitals=1)
STATISTICS = "ZB"
BY_PEERS = {"H14", "H17"}
"""What compares with others, or with whoever happens to come on the same days: not everything else is in order for these."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("province")
    province.generate(made, SIZE)
    return made


@pytest.fixture(scope="module")
def scores(folder: Path, tmp_path_factory: pytest.TempPathFactory, records_policy: RecordsPolicy) -> dict[str, Score]:
    with open_compute(EngineName.DUCKDB, Limits(1_024, 2), tmp_path_factory.mktemp("duckdb")) as compute:
        costs = Costs()
        found = [one for some in run(compute, prepared(compute, folder, costs), records_policy, costs) for one in some]
    owners = claims_score.owners_of_claims(folder)
    made = claims_score.score(claims_score.read_labels(folder), found, owners, [rule.code for rule in CLAIM_RULES])
    return {one.code: one for one in made}


def test_the_same_seed_makes_the_same_claims(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        province.generate(tmp_path / name, Size(lines=4_000, cases=1, lookalikes=1, hospitals=0, seed=seed))
    for table in (*SCHEMAS, "labels"):
        one, again, other = (pq.read_table(tmp_path / name / f"{table}.parquet") for name in ("one", "again", "other"))
        assert one.equals(again), table
        assert one.equals(other) == (table in {"institution", "evidence", "point"}), table


def test_the_claims_hold_together(folder: Path) -> None:
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in SCHEMAS}
    for name, schema in SCHEMAS.items():
        assert tables[name].schema.equals(schema), name
    claim, line = tables["claim"], tables["line"]
    assert 0.8 < line.num_rows / SIZE.lines < 1.3
    assert claim["id"].to_pylist() == list(range(1, claim.num_rows + 1))
    assert line["claim_id"].to_pylist() == sorted(line["claim_id"].to_pylist())
    sums = line.group_by("claim_id").aggregate([("amount_fen", "sum"), ("fund_fen", "sum")]).sort_by("claim_id")
    assert sums["claim_id"].to_pylist() == claim["id"].to_pylist()
    assert sums["amount_fen_sum"].to_pylist() == claim["total_fen"].to_pylist()
    assert sums["fund_fen_sum"].to_pylist() == claim["fund_fen"].to_pylist()
    known = (set(tables["patient"]["person_id"].to_pylist()), set(tables["institution"]["id"].to_pylist()))
    assert set(claim["person_id"].to_pylist()) <= known[0]
    assert set(claim["institution_id"].to_pylist()) <= known[1]
    assert pc.min(pc.subtract(claim["total_fen"], claim["fund_fen"])).as_py() >= 0


def test_every_case_has_labels_and_no_person_is_in_two(folder: Path) -> None:
    labels = pq.read_table(folder / "labels.parquet").to_pylist()
    cases = {role: {row["case"].rsplit(" ", 1)[0] for row in labels if row["role"] == role} for role in (PLANTED, LOOKALIKE, BAD)}
    assert cases[PLANTED] == {*planted.CASES, *planted.HOSPITALS}
    assert cases[LOOKALIKE] == set(planted.LOOKALIKES)
    assert len(cases[BAD]) == 2
    codes = {row["code"] for row in labels if row["role"] == PLANTED and not row["code"].endswith("?")} - {""}
    assert codes == {rule.code for rule in CLAIM_RULES if rule.code in codes}
    own = {f"H{number}" for number in (1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17)}
    assert own <= codes
    national = {rule.code: rule.sequence for rule in national_rules()}
    assert {national[code] for code in codes - own} == {*range(1, 89)} - {43, 48, 49, 50}  # stock of drugs and materials; H1 and H4
    of_people: dict[int, set[str]] = {}
    for row in labels:
        if row["person_id"] is not None:
            of_people.setdefault(row["person_id"], set()).add(row["case"])
    assert [people for people in of_people.values() if len(people) > 1] == []


def test_every_rule_finds_what_is_planted(scores: dict[str, Score]) -> None:
    missed = {code: one.missed for code, one in scores.items() if one.planted > one.right and not code.startswith(STATISTICS)}
    assert missed == {}
    assert {code: one.right - one.named for code, one in scores.items() if one.right != one.named} == {}


def test_no_rule_finds_look_alikes_or_what_is_in_order(scores: dict[str, Score]) -> None:
    wrong = {code: one.wrong for code, one in scores.items() if one.wrong_count}
    look_alikes = {code: cases for code, cases in wrong.items() if any(name.startswith(LOOKALIKE) for name, _ in cases)}
    assert look_alikes == {}
    assert {code: cases for code, cases in wrong.items() if not code.startswith(STATISTICS) and code not in BY_PEERS} == {}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("county")
    generate(made, as_of=date(2026, 3, 15))
    county.write(made, seed=5, as_of=date(2026, 3, 15))
    return made


def test_the_countys_claims_are_of_its_own_people_and_of_the_last_full_month(demo: Path) -> None:
    people = {row["resident_id"]: row for row in county._rows(demo / "persons.csv")}
    claims = county._rows(demo / "claims.csv")
    assert {row["resident_id"] for row in claims} <= set(people)
    ends = Counter(row["to_date"][:7] for row in claims)
    assert ends.most_common(1)[0][0] == "2026-02"
    assert max(row["to_date"] for row in claims) <= "2026-02-28"
    keys = [(row["institution_code"], row["claim_reference"]) for row in claims]
    assert len(set(keys)) == len(keys) > 1_000
    assert {(row["institution_code"], row["claim_reference"]) for row in county._rows(demo / "claim_lines.csv")} == set(keys)
    labels = county._rows(demo / county.LABELS)
    assert len({row["case"].rsplit(" ", 1)[0] for row in labels}) > 80
    dead = {row["person_no"] for row in county._rows(demo / "life_evidence.csv") if row["kind"] == "death_record"}
    numbers = {row["resident_id"]: row["person_no"] for row in people.values()}
    treated = {numbers[row["resident_id"]] for row in claims} & dead
    assert treated == {row["person_no"] for row in labels if row["case"].startswith("H13 treated after death")}
    assert treated
