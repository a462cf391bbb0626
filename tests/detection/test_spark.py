"""Spark finds what DuckDB finds: every case of every rule among many persons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from detection.rules.catalogue import RULES, canonical, findings_of
from detection.rules.rule import Rule
from detection.rules.tables import SCHEMAS, Tables
from detection.snapshot import tables_of
from models.policy import RecordsPolicy
from models.policy_rules import RulesPolicy
from tests.detection.rule_cases import CASES
from tests.detection.rule_tables import AS_OF, shifted, tables
from tests.detection.spark import ON_SPARK, open_spark

pytestmark = list(ON_SPARK)
PERSONS = 100_000


@pytest.fixture(scope="module")
def duckdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(1_024, 2), tmp_path_factory.mktemp("duckdb")) as opened:
        yield opened


def everything(rule: Rule, compute: Compute, read: Tables, policy: RulesPolicy) -> list[Finding]:
    return [one for batch in findings_of(rule, compute, read, policy, AS_OF) for one in batch]


def test_spark_finds_what_duckdb_finds_by_every_rule(duckdb: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    write_county(tmp_path / "county", PERSONS, seed=5)
    cases = [one for listed in CASES.values() for one in listed]
    rows = [row for place, one in enumerate(cases) for row in shifted(one.rows, 10_000_000 + place * 10_000)]
    tables(duckdb, rows, tmp_path / "cases")  # written for both engines
    (tmp_path / "both").mkdir()
    for name in SCHEMAS:
        parts = [pq.read_table(tmp_path / part / f"{name}.parquet") for part in ("county", "cases")]
        pq.write_table(pa.concat_tables(parts), tmp_path / "both" / f"{name}.parquet")
    here = tables_of(duckdb, tmp_path / "both")
    with open_spark(tmp_path) as spark:
        there = tables_of(spark, tmp_path / "both")
        for rule in RULES:
            found = everything(rule, duckdb, here, records_policy.rules)
            assert found, rule.code
            assert canonical(everything(rule, spark, there, records_policy.rules)) == canonical(found), rule.code


def write_county(folder: Path, persons: int, seed: int) -> None:
    """Tables of so many persons, each with a pension and three months of it, in which every rule finds something. All by chance."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    ids = np.arange(1, persons + 1)
    firsts = np.array([np.datetime64(f"{year}-{month:02}-01") for year in range(2012, 2027) for month in range(1, 13)])

    def some(share: float) -> np.ndarray:
        return ids[random.random(persons) < share]

    def days(count: int, first: str, last: str) -> np.ndarray:
        span = int((np.datetime64(last) - np.datetime64(first)).astype(int))
        return np.datetime64(first) + random.integers(0, span + 1, count).astype("timedelta64[D]")

    def month(count: int, first: int, last: int) -> np.ndarray:
        return firsts[random.integers(first, last, count)]

    def any_of(count: int, *values: str) -> list[str]:
        return [values[place] for place in random.integers(0, len(values), count)]

    regions = any_of(persons, "429801", "429802", "429803")
    kept: dict[str, dict[str, object]] = {}
    kept["person"] = {
        "record_id": ids,
        "person_id": ids,
        "birth_date": days(persons, "1935-01-01", "1966-12-31"),
        "sex": any_of(persons, "male", "female"),
        "region_code": regions,
    }
    second, jobless = some(0.02), some(0.01)
    owners = np.concatenate([ids, second, jobless])
    schemes = [*any_of(persons, "employee_pension", "resident_pension"), *any_of(len(second), "employee_pension", "resident_pension")]
    schemes += ["unemployment"] * len(jobless)
    benefits = np.arange(1, len(owners) + 1)
    shared = random.random(len(owners)) < 0.01
    accounts = np.where(shared, random.integers(0, max(persons // 200, 1), len(owners)), benefits + persons)
    kept["benefit"] = {
        "id": benefits,
        "person_id": owners,
        "scheme": schemes,
        "region_code": any_of(len(owners), "429801", "429802"),
        "monthly_fen": random.integers(10_000, 500_000, len(owners)),
        "status": ["active"] * len(owners),
        "from_month": month(len(owners), 0, 168),
        "to_month": None,
        "account": [f"{number:064x}"[::-1] for number in accounts.tolist()],
        "approved_birth_date": None,
        "retirement_kind": None,
    }
    kept["pause"] = {"benefit_id": benefits[:500], "paused_on": month(500, 150, 160), "resumed_on": month(500, 161, 168)}
    told = benefits[random.random(len(benefits)) < 0.95]
    kept["payment"] = {
        "id": np.arange(1, 3 * len(told) + 1),
        "benefit_id": np.tile(told, 3),
        "month": np.repeat(firsts[167:170], len(told)),
        "amount_fen": random.integers(0, 500_000, 3 * len(told)),
    }
    dead, twice, held, seen = some(0.02), some(0.005), some(0.01), some(0.02)
    twice = np.intersect1d(twice, dead) if len(np.intersect1d(twice, dead)) else dead[:5]
    seen = np.concatenate([np.intersect1d(seen, dead), dead[:200]])
    who = np.concatenate([dead, twice, held, seen])
    kinds = ["death_record"] * (len(dead) + len(twice)) + ["custody"] * len(held) + ["data_match"] * len(seen)
    began = np.concatenate(
        [days(len(dead) + len(twice) + len(held), "2025-06-01", "2026-03-01"), days(len(seen), "2025-12-01", "2026-03-10")]
    )
    ends = [
        (day + np.timedelta64(random.integers(10, 200), "D")).astype(object) if kind == "custody" and random.random() < 0.7 else None
        for kind, day in zip(kinds, began, strict=True)
    ]
    kept["evidence"] = {
        "id": np.arange(1, len(who) + 1),
        "person_id": who,
        "kind": kinds,
        "trace": None,
        "occurred_on": began,
        "ends_on": ends,
        "strength": any_of(len(who), "indicative", "supporting", "conclusive"),
        "source": any_of(len(who), "民政", "公安", "医院"),
        "based_on_id": None,
    }
    insured = np.concatenate([some(0.5), some(0.02), jobless, dead])
    since = random.integers(0, 160, len(insured))
    until = np.minimum(since + random.integers(0, 60, len(insured)), len(firsts) - 1)
    kept["enrolment"] = {
        "id": np.arange(1, len(insured) + 1),
        "person_id": insured,
        "scheme": any_of(len(insured), "employee_pension", "resident_pension", "employee_medical", "resident_medical", "work_injury"),
        "region_code": any_of(len(insured), "429801", "429802", "429803"),
        "from_month": firsts[since],
        "to_month": [None if place % 3 == 0 else firsts[end].astype(object) for place, end in enumerate(until.tolist())],
    }
    deceased = np.concatenate([dead, dead[: len(dead) // 10]])
    kept["grant"] = {
        "id": np.arange(1, len(deceased) + 1),
        "person_id": deceased,
        "recipient_id": None,
        "kind": any_of(len(deceased), "funeral", "survivor"),
        "region_code": any_of(len(deceased), "429801", "429802"),
        "account": [f"{number:032x}" for number in random.integers(0, 1 << 40, len(deceased)).tolist()],
        "paid_on": days(len(deceased), "2025-06-01", "2026-03-01"),
        "amount_fen": random.integers(100_000, 900_000, len(deceased)),
    }
    couples = ids[: persons // 2 * 2].reshape(-1, 2)
    kept["relation"] = {
        "id": np.arange(1, len(couples) + 1),
        "person_id": couples[:, 0],
        "other_id": couples[:, 1],
        "kind": any_of(len(couples), "spouse", "sibling"),
        "since": None,
        "until": None,
    }
    late = some(0.05)
    kept["status"] = {
        "person_id": late,
        "state": any_of(len(late), "overdue", "never_certified"),
        "due_on": days(len(late), "2025-01-01", "2026-03-10"),
    }
    kept["outreach"] = {"person_id": late[::2], "attempts": random.integers(0, 4, len(late[::2])), "last_attempt_on": None}
    kept["namesake"] = {
        "person_id": dead,
        "same_region": random.integers(0, 3, len(dead)),
        "same_birth_year": random.integers(0, 2, len(dead)),
    }
    for name, schema in SCHEMAS.items():
        columns, rows = kept[name], len(next(iter(kept[name].values())))  # type: ignore[arg-type]
        arrays = [
            pa.nulls(rows, field.type) if columns[field.name] is None else pa.array(columns[field.name], field.type) for field in schema
        ]
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / f"{name}.parquet")
