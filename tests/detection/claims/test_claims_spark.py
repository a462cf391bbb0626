"""Spark finds what DuckDB finds: every rule over a generated month of more than a million lines, with every planted fraud."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from detection.claims.catalogue import CLAIM_RULES
from detection.claims.claims_service import stages_over
from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute, EngineName
from detection.detection_service import RunAs
from models.detection import DetectionKind
from models.policy import RecordsPolicy
from sample_data.claims import province
from tests.detection.spark import ON_SPARK, quick_start

pytestmark = list(ON_SPARK)

LINES = 1_000_000
MEMORY_MB = 1_500
"""Of each engine: other tests run beside."""
MONTH = (date(2026, 3, 1), date(2026, 3, 31))


def found(engine: EngineName, claims: Path, policy: RecordsPolicy, folder: Path) -> Counter[tuple[object, ...]]:
    """What a run finds, but for what counts in floating point."""

    def read(compute: Compute, _folder: Path) -> ClaimTables:
        return ClaimTables(**{name: compute.table(claims / f"{name}.parquet") for name in SCHEMAS})

    asked = RunAs(DetectionKind.CLAIMS, MONTH[1], region_code="", engine=engine, by="test", window=MONTH)
    with stages_over(asked, policy, folder, read) as (stages, _, _):
        return Counter(
            (
                one.code,
                one.key,
                one.completed_on,
                one.amount_fen,
                one.severity,
                one.region_code,
                one.person_id,
                one.subject_ref,
                one.records,
            )
            for stage in stages
            for batch, _ in stage.find(lambda *_: None, None)
            for one in batch
        )


def test_spark_finds_what_duckdb_finds_in_a_million_lines(records_policy: RecordsPolicy, tmp_path: Path) -> None:
    policy = records_policy.model_copy(update={"claims": records_policy.claims.model_copy(update={"memory_mb": MEMORY_MB})})
    made = province.generate(tmp_path, province.Size(LINES, cases=100, lookalikes=100))
    assert made["rows"]["line"] > LINES
    here = found(EngineName.DUCKDB, tmp_path, policy, tmp_path / "duckdb")
    with quick_start():
        there = found(EngineName.SPARK, tmp_path, policy, tmp_path / "spark")
    assert len(here) > 10_000
    assert len({one[0] for one in here}) > len(CLAIM_RULES) / 2
    assert there == here
