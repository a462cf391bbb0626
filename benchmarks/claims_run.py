"""All rules over generated claims in one process, each with its CPU seconds."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.province_store import say
from detection import months
from detection.anomaly import features as measured
from detection.anomaly.claim_measures import Span
from detection.claims.catalogue import CLAIM_RULES, Statement, statements
from detection.claims.findings import from_row
from detection.claims.rule import Window
from detection.claims.stages import found_rows
from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute
from detection.findings import Finding
from detection.knowledge import hits
from models.anomaly_model import EntityKind
from models.policy import RecordsPolicy


@dataclass
class Costs:
    """Stage -> CPU seconds and seconds of this process, all its threads together."""

    cpu_s: dict[str, float] = field(default_factory=dict)
    wall_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count a block."""
        cpu, wall = time.process_time(), time.monotonic()
        yield
        self.cpu_s[stage] = round(time.process_time() - cpu, 2)
        self.wall_s[stage] = round(time.monotonic() - wall, 2)
        say(f"{stage}: {self.cpu_s[stage]} CPU seconds")

    def as_json(self) -> dict[str, Any]:
        """Dearest first, with sums and the greatest memory of the process."""
        return {
            "cpu_s": round(sum(self.cpu_s.values()), 1),
            "wall_s": round(sum(self.wall_s.values()), 1),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "stages": dict(sorted(self.cpu_s.items(), key=lambda one: -one[1])),
        }


def window_of(folder: Path) -> Window:
    """The month in which frauds are planted."""
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Window(date.fromisoformat(listed["from"]), date.fromisoformat(listed["to"]))


def tables_of(compute: Compute, folder: Path) -> ClaimTables:
    """The tables of a folder, read when they are asked."""
    return ClaimTables(**{name: compute.table(folder / f"{name}.parquet") for name in SCHEMAS})


@dataclass(frozen=True)
class Month:
    """The claims that are looked at. tables: with the hits and the sums of lines that rules and features share."""

    tables: ClaimTables
    window: Window


def prepared(compute: Compute, folder: Path, costs: Costs) -> Month:
    """The month of a folder, as a run of the service begins."""
    window = window_of(folder)
    with costs.of("lines beside points"):
        return Month(hits.prepare(tables_of(compute, folder), compute.keep, window), window)


def run(compute: Compute, month: Month, policy: RecordsPolicy, costs: Costs, only: set[str] | None = None) -> Iterator[list[Finding]]:
    """What each statement finds in the month. only: names of statements."""
    for statement in statements(CLAIM_RULES):
        if only is None or statement.name in only:
            with costs.of(statement.name):
                found = findings(compute, statement, month.tables, policy, month.window)
            yield found


def findings(compute: Compute, statement: Statement, tables: ClaimTables, policy: RecordsPolicy, window: Window) -> list[Finding]:
    """Of one statement."""
    rows = found_rows(compute, statement, tables, policy.claims, window)
    rules = {rule.code: rule for rule in statement.rules}
    found = []
    for batch in compute.batches(rows):
        for row in batch.to_pylist():
            rule = rules[row["rule_code"]] if len(rules) > 1 else statement.rules[0]
            found.append(from_row(rule, row))
    return found


def plain(found: list[Finding]) -> set[str]:
    """Findings as texts, to compare engines by: without what counts in floating point."""
    return {
        json.dumps(
            [one.code, one.key, one.person_id, one.subject_ref, one.amount_fen, sorted(f"{r.kind}{r.id}{r.role}" for r in one.records)],
            ensure_ascii=False,
        )
        for one in (replace(each, confidence=0.0) for each in found)
    }


def features(compute: Compute, month: Month, policy: RecordsPolicy, costs: Costs) -> dict[str, int]:
    """Features of persons, doctors, departments and hospitals of the month; how many rows of each."""
    store = policy.anomaly.store
    span = Span(months.month_of(month.window.from_date), months.month_of(month.window.to_date))
    with costs.of("features: claims"):
        measures = measured.prepare(compute, month.tables, span, store)
    rows = {}
    for kind in EntityKind:
        with costs.of(f"features: {kind.value}"):
            rows[kind.value] = int(compute.keep(f"features_{kind.value}", measured.entity_table(kind, measures, store)).count().execute())
    return rows
