"""Spark finds what DuckDB finds: hits, limits, and what counts over claims and prescriptions."""

from __future__ import annotations

from pathlib import Path

from detection.compute import Compute, EngineName, Limits, open_compute
from detection.knowledge.families import alone, discount, limits
from detection.knowledge.hits import hit_expression
from models.policy import RecordsPolicy
from tests.detection.claims.claim_rows import ALWAYS, tables
from tests.detection.knowledge.national_cases import cases, placed
from tests.detection.spark import ON_SPARK, open_spark

pytestmark = list(ON_SPARK)

FAMILIES = (limits.FAMILY, alone.FAMILY, discount.FAMILY)
"""With the hits, which all families begin with; each costs a plan of its own."""


def found(compute: Compute, policy: RecordsPolicy, folder: Path) -> list[str]:
    """Every finding in all cases, as text."""
    rows = [row for place, one in enumerate(cases(), 1) for row in placed(one, place).rows]
    said = []
    read = tables(compute, rows, folder)
    read = type(read)(**{**vars(read), "hit": compute.keep("hit", hit_expression(read))})
    for family in FAMILIES:
        for batch in compute.batches(family.find(read, policy.claims, ALWAYS)):
            for row in batch.to_pylist():
                records = sorted({(one["kind"], one["id"], one["role"]) for one in row["records"]})
                said.append(str((row["key"], row["amount_fen"], row["severity"], row["completed_on"], row["facts"], records)))
    return sorted(said)


def test_spark_finds_what_duckdb_finds_of_national_rules(records_policy: RecordsPolicy, tmp_path: Path) -> None:
    with open_spark(tmp_path) as spark:
        there = found(spark, records_policy, tmp_path / "there")
    with open_compute(EngineName.DUCKDB, Limits(1_024, 2), tmp_path) as duckdb:
        here = found(duckdb, records_policy, tmp_path / "here")
    assert len(here) > 40
    assert there == here
