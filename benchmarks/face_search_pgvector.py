"""The graph index in PostgreSQL: how long it takes to build, queries, how many planted mates it finds, beside exact search.

    python -m benchmarks.face_search_pgvector --faces 50000 --spread spread.json

Starts a PostgreSQL server of the embedded kind in a temporary folder. CPU seconds are those of the server's process that answers.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from benchmarks.face_search import exact_search, make_templates, mates_found, nearest_exactly, say, shared
from models import policy as models_policy
from models.database import Database
from models.repositories.face_vectors import PgVectorIndex
from models.schema import upgrade
from tests.postgres import running_postgres

ROOT = Path(__file__).parents[1]
# references with nothing sealed in them: the index asks only whether a reference is in use
FILL = (
    "INSERT INTO region (code, name, level) VALUES ('990000', '990000', 'province')",
    "INSERT INTO person (id, public_id, resident_id_index, resident_id_sealed, resident_id_masked, name, birth_date, sex, "
    "region_code, created_at, updated_at) SELECT n, 'p' || n, decode(md5(n::text), 'hex'), '\\x01', '99**', 'made up', "
    "'1950-01-01', 'female', '990000', now(), now() FROM generate_series(1, :faces) n",
    "INSERT INTO face_reference (id, public_id, person_id, engine_name, engine_version, key_id, template, source, quality, "
    "enrolled_by, enrolled_at) SELECT n, 'r' || n, n, 'made-up', '1', 'k1', '\\x01', 'import', '{}', 'benchmark', "
    "now() FROM generate_series(1, :faces) n",
)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(database: Database, options: argparse.Namespace) -> dict[str, Any]:
    """Fill, build, search, compare."""
    policy = models_policy.load(ROOT / "policy.toml").faces
    found = json.loads(options.spread.read_text(encoding="utf-8"))
    count, mates = options.faces, options.faces // 20
    templates, _ = make_templates(count, 512, found, mates=mates, clusters=options.clusters, seed=0)
    queries = np.arange(options.queries, dtype=np.int64)
    exact = exact_search(templates, queries, policy.neighbours)
    exact_ids = exact.pop("ids")
    with database.engine.begin() as connection:
        for statement in FILL:
            connection.execute(text(statement), {"faces": count} if ":faces" in statement else {})
    result: dict[str, Any] = {"faces": count, "exact": exact | mates_found(exact_ids, queries, count, mates), "graph": []}
    say("building the graph")
    began = time.perf_counter()
    index = PgVectorIndex(database, engine="made-up 1", size=512, euclidean=False, candidates=policy.graph_candidates)
    index.synchronise(np.arange(1, count + 1, dtype=np.int64), templates)
    result["build_wall_s"] = round(time.perf_counter() - began, 1)
    with database.engine.connect() as connection:
        result["table_mb"] = connection.scalar(text("SELECT pg_total_relation_size('face_vector')")) // 2**20
    for candidates in options.candidates:
        index = PgVectorIndex(database, engine="made-up 1", size=512, euclidean=False, candidates=candidates)
        with database.engine.connect() as connection:
            pid = int(connection.scalar(text("SELECT pg_backend_pid()")))
        before, wall = cpu_s(pid), time.perf_counter()
        ids, _ = index.search(templates[queries], policy.rescored + 1)
        row = {"candidates": candidates, "wall_s": round(time.perf_counter() - wall, 1)}
        row["queries_per_cpu_s"] = round(len(queries) / max(cpu_s(pid) - before, 0.01), 1)
        nearest = nearest_exactly(templates, queries, np.maximum(ids - 1, 0), exact_ids.shape[1])
        result["graph"].append(row | mates_found(nearest, queries, count, mates) | {"neighbours_shared": shared(nearest, exact_ids)})
        say(json.dumps(result["graph"][-1]))
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--clusters", type=int, default=2_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--spread", type=Path, required=True)
    options = parser.parse_args()
    with running_postgres() as url:
        upgrade(url)
        database = Database(url, pool_size=1)
        result = measure(database, options)
        database.dispose()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
