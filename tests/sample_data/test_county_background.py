"""People of the background of a generated county are in order: no rule about custody, death or enrolment may say anything of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks import county_people
from benchmarks.county_people import AS_OF, Background
from detection.compute import EngineName, Limits, open_compute
from detection.findings import Finding
from detection.rules.catalogue import BY_CODE, findings_of
from detection.snapshot import tables_of, write
from models.keys import FileKeyRing
from models.policy import RecordsPolicy

PERSONS, MONTHS = 600, 24
IN_CUSTODY = 7
"""Of a thousand draws the one that puts a pensioner in custody."""
CODES = ("D5", "P1", "P3")
NAMED = {"person": "person", "enrolment": "enrolment", "benefit": "benefit", "payment": "payment", "life_evidence": "evidence"}


@pytest.fixture(scope="module")
def everybody_was_in_custody() -> Background:
    """A county whose every pensioner, of any age, has custody on record where the background has it at all."""
    drawn = county_people.draw(PERSONS, 7, MONTHS)
    return replace(drawn, draws=drawn.draws // 1_000 * 1_000 + IN_CUSTODY)


@pytest.fixture(scope="module")
def rows(everybody_was_in_custody: Background, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """What the background brings into a store, by the names that rules know."""
    found: dict[str, list[pa.Table]] = {}
    keyring = FileKeyRing.open(tmp_path_factory.mktemp("keys") / "keys.json")
    for name, table in county_people.tables(everybody_was_in_custody, keyring):
        if name in NAMED:
            found.setdefault(NAMED[name], []).append(table)
    return {name: pa.concat_tables(parts, promote_options="permissive") for name, parts in found.items()}


def as_read(rows: dict[str, pa.Table], name: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows as a snapshot of the store has them."""
    table = rows[name]
    if name == "person":
        table = table.append_column("record_id", table["id"]).append_column("person_id", table["id"])
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field.name, pa.nulls(table.num_rows, field.type))
    yield from table.select(schema.names).cast(schema).to_batches()


def found_by(codes: tuple[str, ...], rows: dict[str, pa.Table], policy: RecordsPolicy, folder: Path) -> list[Finding]:
    folder.mkdir(mode=0o700)
    write(lambda name, schema: as_read(rows, name, schema), folder, rows)
    with open_compute(EngineName.DUCKDB, Limits(500, 1), folder) as compute:
        tables = tables_of(compute, folder)
        return [one for code in codes for batch in findings_of(BY_CODE[code], compute, tables, policy.rules, AS_OF) for one in batch]


def test_custody_of_the_background_is_no_finding(
    everybody_was_in_custody: Background, rows: dict[str, pa.Table], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    """68 false findings of D5 in a county of a million were people who had still been at work when custody began."""
    held = rows["evidence"].filter(pc.equal(rows["evidence"]["kind"], "custody"))
    retired = int(everybody_was_in_custody.pensioner.sum())
    assert retired / 2 < held.num_rows < retired  # nearly all of those who had retired before
    assert found_by(CODES, rows, records_policy, tmp_path / "rules") == []


def test_the_rules_find_the_same_people_when_they_were_at_work_or_paid_in_custody(
    everybody_was_in_custody: Background, rows: dict[str, pa.Table], records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    """What keeps the background clean is that nobody is held while at work: with retirement put off, each is a finding."""
    background = everybody_was_in_custody
    evidence = rows["evidence"]
    custody = pc.equal(evidence["kind"], "custody")
    held = set(evidence.filter(custody)["person_id"].to_pylist())
    at_work = set((np.flatnonzero(~background.resident_scheme) + 1).tolist())
    enrolments = rows["enrolment"].to_pandas()
    pension = enrolments["scheme"].isin(["employee_pension", "resident_pension"])
    enrolments.loc[pension & enrolments["person_id"].isin(held), "to_month"] = f"{AS_OF:%Y-%m}-01"
    longer = pc.if_else(custody, pa.scalar(date(2025, 12, 31).isoformat()), evidence["ends_on"])
    changed = rows | {
        "enrolment": pa.Table.from_pandas(enrolments, preserve_index=False),
        "evidence": evidence.set_column(evidence.column_names.index("ends_on"), "ends_on", longer),
    }
    found = found_by(("D5", "P3"), changed, records_policy, tmp_path / "rules")
    assert {finding.person_id for finding in found if finding.code == "D5"} >= held & at_work
    assert {finding.person_id for finding in found if finding.code == "P3"} == held
