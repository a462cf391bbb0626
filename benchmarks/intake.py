"""How fast persons come in: made-up people as CSV, into SQLite and PostgreSQL, beside a bare read and insert of the same rows.

python -m benchmarks.intake --persons 1000000
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sqlite3
import tempfile
import time
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

from benchmarks import children
from models.identifiers import check_character
from tests.postgres import running_postgres

REGIONS = ("420106", "420102", "420502", "421002")
HEADINGS = ("身份证号", "姓名", "行政区划代码", "性别", "出生日期", "手机号", "社会保障号")
FIRST_DAY, DAYS = date(1935, 1, 1), 10_950


def write_people(path: Path, count: int, seed: int) -> None:
    """A CSV of so many persons, each with another number."""
    drawn = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        for place in range(count):
            region = REGIONS[place % 4]
            day, sequence = FIRST_DAY + timedelta(days=place // 4 % DAYS), 1 + place // 4 // DAYS % 999
            first_17 = f"{region}{day:%Y%m%d}{sequence:03d}"
            number = first_17 + check_character(first_17)
            name = "王" + chr(0x4E00 + drawn.randrange(3000)) + chr(0x4E00 + drawn.randrange(3000))
            sex = "男" if sequence % 2 else "女"
            writer.writerow((number, name, region, sex, day.isoformat(), f"138{drawn.randrange(10**8):08d}", number))


def floor_s(path: Path, folder: Path) -> float:
    """CPU seconds of reading the same file and inserting its bare rows into SQLite."""
    began = time.process_time()
    connection = sqlite3.connect(folder / "floor.sqlite")
    connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, a UNIQUE, b, c, d, e, f, g UNIQUE)")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        connection.executemany("INSERT INTO person (a, b, c, d, e, f, g) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    return time.process_time() - began


def measure(path: Path, home: Path, url: str) -> dict[str, float]:
    """Wall, CPU and peak memory of one run of the command, and its rows."""
    done = children.lifecert(["import", "persons", str(path)], {"LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": url})
    return {"wall_s": done.wall_s, "cpu_s": done.cpu_s, "peak_mb": done.peak_mb, "accepted": json.loads(done.stdout)["accepted"]}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stores", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "people.csv"
        write_people(path, chosen.persons, chosen.seed)
        floor = floor_s(path, folder)
        print(f"floor (csv, bare insert into SQLite): {floor:.1f} CPU-s")
        for store in chosen.stores:
            with running_postgres() if store == "postgresql" else nullcontext("") as url:
                found = measure(path, folder / store, url)
            share = found["cpu_s"] / floor
            print(
                f"{store}: {found['accepted']:,.0f} of {chosen.persons:,} persons, {found['wall_s']:.1f} s, {found['cpu_s']:.1f} CPU-s "
                f"({share:.0f} x floor; without the server's own), peak {found['peak_mb']:.0f} MB"
            )


if __name__ == "__main__":
    main()
