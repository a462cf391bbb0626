"""How long one claim takes to be screened, with the history of its person: all rules that one person's claims suffice for, in memory.

    python -m benchmarks.claim_screening --lines 1000000 --months 12 --claims 100

The claims are made by ``sample_data.claims.province``; --folder keeps them.
Reading the history from the store, the audit entry and HTTP are not in these figures.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.catalogue import CLAIM_RULES
from detection.claims.screening import LOADED, ScreeningEngine, plan
from detection.claims.tables import SCHEMAS
from models import policy as models_policy

ROOT = Path(__file__).parents[1]
OF_PERSON = {
    "patient": "FROM patient WHERE person_id = $person",
    "claim": "FROM claim WHERE person_id = $person",
    "line": "SELECT line.* FROM line SEMI JOIN (FROM claim WHERE person_id = $person) AS own ON line.claim_id = own.id",
    "evidence": "FROM evidence WHERE person_id = $person",
    "identity_check": "FROM identity_check WHERE person_id = $person",
    "institution": "FROM institution WHERE id IN (SELECT institution_id FROM claim WHERE person_id = $person)",
}


def measure(folder: Path, claims: int, threads: int, seed: int, *, thorough: bool, cases: bool) -> dict[str, Any]:
    """Screen some claims that are drawn by chance; milliseconds of wall and of CPU time of each, and of CPU by statement. thorough: with
    the statements that cannot name the claim; cases: only claims of persons with planted cases.
    """
    policy = models_policy.load(ROOT / "policy.toml").claims
    began = time.process_time()
    compiled = plan(CLAIM_RULES, policy)
    compiled_s = time.process_time() - began
    points = pq.read_table(folder / "point.parquet").cast(SCHEMAS["point"])
    engine = ScreeningEngine(compiled, points, memory_mb=256, threads=threads, thorough=thorough)
    store = duckdb.connect()
    for name in LOADED:
        store.execute(f"CREATE TABLE {name} AS FROM '{folder}/{name}.parquet'")
    planted = f"WHERE person_id IN (SELECT person_id FROM '{folder}/labels.parquet')" if cases else ""  # noqa: S608 - own folder
    ids = store.execute(f"SELECT id, person_id FROM claim {planted} ORDER BY id").fetchall()  # noqa: S608 - own folder
    wall_ms, own_ms, history, cpu_ms = [], [], [], dict[str, float]()
    for claim_id, person in random.Random(seed).sample(ids, min(claims, len(ids))):
        tables = {name: _of(store, name, person) for name in LOADED}
        began = time.perf_counter()
        screened = engine.screen(tables, claim_id)
        wall_ms.append(1_000 * (time.perf_counter() - began))
        history.append(tables["line"].num_rows)
        own_ms.append(sum(screened.cpu_ms.values()))
        for name, took_ms in screened.cpu_ms.items():
            cpu_ms[name] = cpu_ms.get(name, 0.0) + took_ms
    engine.close()
    by_cost = sorted(cpu_ms.items(), key=lambda one: -one[1])
    return {
        "lines": store.execute("SELECT count(*) FROM line").fetchone()[0],  # type: ignore[index]
        "screened": len(wall_ms),
        "lines_of_person_median": statistics.median(history),
        "statements": len(compiled.asked),
        "rules": len(compiled.rules),
        "compile_cpu_s": round(compiled_s, 1),
        "wall_ms": _spread(wall_ms),
        "cpu_ms": _spread(own_ms),
        "cpu_ms_mean": {name: round(spent / len(wall_ms), 1) for name, spent in by_cost},
    }


def _spread(took_ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_ms, n=20, method="inclusive")
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1), "max": round(max(took_ms), 1)}


def _of(store: duckdb.DuckDBPyConnection, name: str, person: int) -> pa.Table:
    return store.execute(OF_PERSON[name], {"person": person}).to_arrow_table().cast(SCHEMAS[name])


def main() -> None:
    """Make claims unless they are there, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--claims", type=int, default=100, help="how many are screened")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where claims are or go; a temporary folder when not given")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--thorough", action="store_true", help="also run statements that cannot name the claim")
    parser.add_argument("--cases", action="store_true", help="only claims of persons with planted cases")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lifecert-screening-") as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "line.parquet").exists():
            line = [sys.executable, "-m", "sample_data.claims.province", "--lines", str(options.lines), "--months", str(options.months)]
            subprocess.run([*line, "--out", str(folder)], check=True, cwd=ROOT, stdout=sys.stderr)
        print(
            json.dumps(
                measure(folder, options.claims, options.threads, options.seed, thorough=options.thorough, cases=options.cases), indent=2
            )
        )


if __name__ == "__main__":
    main()
