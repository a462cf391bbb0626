"""How long ``POST /api/v1/claims:screen`` takes over HTTP, with a year of claims of everybody in a PostgreSQL store.

    python -m benchmarks.screening_door --lines 10000000 --claims 1000 --folder F
    python -m benchmarks.screening_door --folder F --knowledge rule_catalog.json --knowledge points.json

The claims are those of ``sample_data.claims.province`` over 12 months, their patients the people of ``benchmarks.province_people``; a store
that is there is used again. Claims of the last month are sent as they are, so that each takes the place of its own row. The times are the
driver's: HTTP, sign-in of the client, limits, history from the store, rules and the audit entry are in them.
"""
# ruff: noqa: S608 - names and numbers of our own

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

from benchmarks.province import ROOT, server
from benchmarks.province_people import Province, resident_id
from benchmarks.province_store import make, plain, timed, without_indexes
from benchmarks.status_doors import gunicorn, token_of
from models.database import Database
from models.keys import FileKeyRing

MONTHS = 12
TABLES = ("institution", "claim", "claim_line")
BATCH_ROWS = 200_000
WARM_UP = 24
AT_ONCE = (1, 4)
DOCUMENT: tuple[str, ...] = (
    *("reference", "setting", "scheme", "department", "doctor", "from_date", "to_date", "settled_at", "uploaded_at"),
    *("principal_diagnosis", "diagnoses", "procedures", "hospital_acquired", "drg", "transferred_in", "discharge_way"),
    *("identity_check", "total_fen", "fund_fen", "own_fen"),
)
LINE: tuple[str, ...] = (
    *("number", "item_code", "item_name", "category", "quantity", "unit_price_fen", "amount_fen", "charged_on", "days", "fund_fen"),
    *("executed_at", "executed_quantity", "doctor", "department", "prescription"),
)


def _claims(folder: Path, lines: int) -> Path:
    """The folder of the Parquet files, made when they are not there."""
    files = folder / "claims"
    if not (files / "manifest.json").exists():
        words = [sys.executable, "-m", "sample_data.claims.province", "--lines", str(lines), "--months", str(MONTHS), "--out", str(files)]
        subprocess.run(words, check=True, cwd=ROOT, stdout=sys.stderr)
    return files


def fill(url: str, files: Path, persons: int) -> dict[str, float]:
    """Institutions, claims and lines of the files into a store that has its people; seconds of each step. Nothing where claims are."""
    steps: dict[str, float] = {}
    with psycopg.connect(plain(url), autocommit=True) as connection:
        if connection.execute("SELECT EXISTS (SELECT 1 FROM claim)").fetchone() == (True,):
            return steps
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        with duckdb.connect() as source, without_indexes(connection, TABLES, steps):
            source.execute("SET timezone = 'UTC'")
            codes = source.execute(f"SELECT DISTINCT region_code FROM '{files}/institution.parquet'").fetchall()
            connection.cursor().executemany(
                "INSERT INTO region (code, name, level, parent_code) VALUES (%s, 'county', 'county', '420000') ON CONFLICT DO NOTHING",
                codes,
            )
            for table, statement in _rows(files, persons).items():
                timed(steps, table, lambda table=table, statement=statement: _copy(connection, table, source.sql(statement)))  # type: ignore[misc]
        for table in TABLES:
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        timed(steps, "vacuum analyze", lambda: connection.execute("VACUUM ANALYZE"))
        connection.execute("CHECKPOINT")
    return steps


def _rows(files: Path, persons: int) -> dict[str, str]:
    """By table: its rows, of patients who are among the store's people."""
    lists = ", ".join(f"to_json({name})::varchar AS {name}" for name in ("diagnoses", "procedures", "hospital_acquired"))
    kept = f"(SELECT id FROM '{files}/claim.parquet' WHERE person_id <= {persons})"
    return {
        "institution": f"""SELECT id, 'i' || lpad(id::varchar, 21, '0') AS public_id, code, 'hospital ' || code AS name, level, kind,
            region_code, beds FROM '{files}/institution.parquet'""",
        "claim": f"""SELECT * REPLACE ({lists}), 'c' || lpad(id::varchar, 21, '0') AS public_id
            FROM '{files}/claim.parquet' WHERE person_id <= {persons}""",
        "claim_line": f"FROM '{files}/line.parquet' WHERE claim_id IN {kept}",
    }


def _copy(connection: psycopg.Connection, table: str, rows: duckdb.DuckDBPyRelation) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(table), columns)) as copy,
    ):
        for batch in rows.to_arrow_reader(BATCH_ROWS):
            data = io.BytesIO()
            pa_csv.write_csv(pa.Table.from_batches([batch]), data, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
            copy.write(data.getbuffer())


def documents(files: Path, persons: int, count: int, seed: int) -> list[bytes]:
    """Claims of the last month, drawn by chance, as the door takes them."""
    first = json.loads((files / "manifest.json").read_text(encoding="utf-8"))["from"]
    with duckdb.connect() as source:
        source.execute("SET timezone = 'UTC'")
        ids = source.execute(
            f"""SELECT id FROM '{files}/claim.parquet' WHERE person_id <= {persons} AND to_date >= DATE '{first}'
                AND person_id % 1000 <> 0 ORDER BY id"""  # whose numbers have the sequence 000, which is never given out
        ).fetchall()
        drawn = random.Random(seed).sample([number for (number,) in ids], min(count, len(ids)))
        chosen = ", ".join(map(str, drawn))
        found = _dicts(
            source,
            f"""SELECT claim.*, institution.code AS institution FROM '{files}/claim.parquet' AS claim
            JOIN '{files}/institution.parquet' AS institution ON institution.id = institution_id WHERE claim.id IN ({chosen})""",
        )
        lines = dict[int, list[dict[str, Any]]]()
        for line in _dicts(source, f"FROM '{files}/line.parquet' WHERE claim_id IN ({chosen}) ORDER BY claim_id, number"):
            lines.setdefault(line["claim_id"], []).append(_told(line, LINE))
    random.Random(seed).shuffle(found)
    return [
        json.dumps(
            _told(claim, DOCUMENT)
            | {"resident_id": resident_id(claim["person_id"]), "institution": claim["institution"], "lines": lines.get(claim["id"], [])}
        ).encode()
        for claim in found
    ]


def _dicts(source: duckdb.DuckDBPyConnection, statement: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = source.sql(statement).to_arrow_table().to_pylist()
    return rows


def _told(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What the row tells, as JSON has it."""
    told = {name: row[name] for name in names if row[name] is not None}
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in told.items()}


def ask(port: int, token: str, bodies: list[bytes], at_once: int, *, again: bool = False) -> dict[str, Any]:
    """Send each claim once, over so many connections; milliseconds of each. again: come again after a 503, as the answer says.

    Raises SystemExit when an answer is not 200.
    """

    def one_connection(mine: list[bytes]) -> list[tuple[float, float, int, int]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        took = []
        for body in mine:
            began = time.perf_counter()
            while True:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                connection.request("POST", "/api/v1/claims:screen", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 503 or not again:
                    break
                time.sleep(float(answer.headers["Retry-After"]))
            ms = 1_000 * (time.perf_counter() - began)
            if answer.status != 200:
                raise SystemExit(f"screening: {answer.status} {text[:300]!r}")
            said = json.loads(text)
            took.append((ms, float(said["ms"]), int(said["history_claims"]), len(said["findings"])))
        connection.close()
        return took

    with ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        rows = [row for part in pool.map(one_connection, [bodies[place::at_once] for place in range(at_once)]) for row in part]
        wall_s = time.perf_counter() - began
    return {
        "at_once": at_once,
        "claims": len(rows),
        "per_second": round(len(rows) / wall_s, 1),
        "ms": _spread([row[0] for row in rows]),
        "ms_of_screening": _spread([row[1] for row in rows]),
        "history_claims": _spread([float(row[2]) for row in rows]),
        "findings": sum(row[3] for row in rows),
    }


def _spread(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1), "max": round(max(values), 1)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make what is missing, and measure."""
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lifecert-screening-")))
        (folder / "home").mkdir(parents=True, exist_ok=True, mode=0o700)
        files = _claims(folder, options.lines)
        persons = json.loads((files / "manifest.json").read_text(encoding="utf-8"))["rows"]["patient"] // 1_000 * 1_000
        url = stack.enter_context(server(folder))
        keys = folder / "home" / "keys.json"
        make(url, Province(persons), keys)
        filled = fill(url, files, persons)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
        environment = kept | {"LIFECERT_DATABASE_URL": url, "LIFECERT_HOME": str(folder / "home"), "LIFECERT_LOG_LEVEL": "WARNING"}
        if options.knowledge:
            words = [sys.executable, "-m", "api.cli", "knowledge", "import", *map(str, options.knowledge)]
            subprocess.run(words, check=True, cwd=ROOT, env=environment, stdout=sys.stderr)
        database = Database(url)
        token = token_of(database, FileKeyRing.open(keys), "claims:screen")
        with database.read_scope() as session:
            lines = session.connection().exec_driver_sql("SELECT count(*) FROM claim_line").scalar_one()
            claims = session.connection().exec_driver_sql("SELECT count(*) FROM claim").scalar_one()
        database.dispose()
        bodies = documents(files, persons, options.claims + WARM_UP, options.seed)
        port, _ = stack.enter_context(gunicorn("api.app:create_wsgi()", environment | {"LIFECERT_ENGINE": "scripted"}, options.threads))
        warm = ask(port, token, bodies[:WARM_UP], max(AT_ONCE), again=True)
        rounds = [ask(port, token, bodies[WARM_UP:], at_once) for at_once in AT_ONCE]
        return {"persons": persons, "claims": claims, "lines": lines, "fill_s": filled, "warm_up_ms": warm["ms"], "rounds": rounds}


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000, help="of all claims, when the files are made")
    parser.add_argument("--claims", type=int, default=1_000, help="how many are screened, in each round")
    parser.add_argument("--folder", type=Path, help="where files and store are or go; a temporary folder when not given")
    parser.add_argument("--knowledge", type=Path, action="append", help="a file of lifecert knowledge import; more than once")
    parser.add_argument("--threads", type=int, default=8, help="of each of the two workers")
    parser.add_argument("--seed", type=int, default=7)
    print(json.dumps(run(parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
