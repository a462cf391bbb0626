"""Makes a province's claims: ``python -m sample_data.claims.province --lines 2000000 --out FOLDER``.

Writes each table that rules read as Parquet, the labels of what is planted (labels.parquet), and manifest.json. The same seed, size and
month give the same rows. Memory does not grow with the size.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from detection import months
from detection.claims.tables import SCHEMAS
from sample_data.claims import lines, places, planted, points, visits
from sample_data.claims.places import Institutions
from sample_data.claims.sower import BAD, LABELS, NewPeople, Sower

LINES_A_PERSON = 7.95
PERSONS_A_PART = 50_000
PERSONS_A_REGION = 10_000
DEFAULT_MONTH = date(2026, 3, 1)


@dataclass(frozen=True)
class Size:
    """What is made. lines: about so many, over all months; of each planted case and look-alike so many, of cases of hospitals too."""

    lines: int
    month: date = DEFAULT_MONTH
    months: int = 1
    cases: int = 20
    lookalikes: int = 20
    hospitals: int = 2
    seed: int = 7

    @property
    def persons(self) -> int:
        """How many patients of the background."""
        return max(300, round(self.lines / self.months / LINES_A_PERSON))

    @property
    def regions(self) -> list[str]:
        """Codes of the counties; none of them exists."""
        return [f"4298{number:02d}" for number in range(1, 1 + min(99, max(5, self.persons // PERSONS_A_REGION)))]


def bounds(month: date) -> tuple[date, date]:
    """First and last day."""
    return months.month_of(month), months.month_after(month) - timedelta(days=1)


def generate(folder: Path, size: Size) -> dict[str, Any]:
    """Write the tables into the folder, which is made when it is not there; gives what manifest.json says."""
    folder.mkdir(parents=True, exist_ok=True)
    regions = size.regions
    institutions = places.institutions(regions, np.random.default_rng(size.seed))
    first, last = bounds(size.month)
    rows = dict.fromkeys(("patient", "claim", "line"), 0)
    with ExitStack() as stack:
        writers = {
            # as the archive of claims is written
            name: stack.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", SCHEMAS[name], compression="lz4"))
            for name in rows
        }

        def write(name: str, table: pa.Table) -> None:
            writers[name].write_table(table)
            rows[name] += table.num_rows

        for number, done in enumerate(range(0, size.persons, PERSONS_A_PART)):
            count = min(PERSONS_A_PART, size.persons - done)
            _part(number, done + 1, count, size, regions, institutions, rows, write)
        people = NewPeople(Random(f"{size.seed} people"), last, len(regions), size.persons + 1, region_codes=regions)
        sow = Sower(
            Random(f"{size.seed} planted"), institutions, people, first, last, next_claim=rows["claim"] + 1, next_line=rows["line"] + 1
        )
        planted.sow_all(sow, cases=size.cases, lookalikes=size.lookalikes, hospitals=size.hospitals)
        write("patient", pa.Table.from_pylist(people.rows, schema=SCHEMAS["patient"]))
        for name in ("claim", "line"):
            write(name, sow.table(name))
    for name in ("evidence", "identity_check"):
        pq.write_table(sow.table(name), folder / f"{name}.parquet")
    pq.write_table(pa.concat_tables([institution_table(institutions), sow.table("institution")]), folder / "institution.parquet")
    pq.write_table(points.table(), folder / "point.parquet")
    pq.write_table(pa.concat_tables([sow.labelled(), _bad(institutions)]), folder / "labels.parquet")
    listed = asdict(size) | {"month": first.isoformat(), "from": first.isoformat(), "to": last.isoformat(), "rows": rows}
    (folder / "manifest.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return listed


def _part(
    number: int, first_id: int, count: int, size: Size, regions: list[str], institutions: Institutions, rows: dict[str, int], write: Any
) -> None:
    random = np.random.default_rng([size.seed, number])
    first, last = bounds(size.month)
    patients = visits.draw_patients(random, first_id, count, len(regions), last)
    each = []
    for back in range(size.months - 1, -1, -1):
        start, end = bounds(months.first_day(months.month_number(first) - back))
        each.append((visits.day_number(start), visits.day_number(end)))
    seen = visits.draw_visits(random, patients, institutions, each)
    claims, charged = lines.draw(random, seen, patients, institutions, rows["claim"] + 1, rows["line"] + 1)
    codes = pa.array(regions).take(pa.array(patients.region))
    people = pa.table(
        {
            "person_id": patients.id,
            "birth_date": pa.array(patients.born.astype("datetime64[D]")),
            "sex": np.where(patients.female, "female", "male"),
            "region_code": codes,
        }
    )
    write("patient", people.cast(SCHEMAS["patient"]))
    write("claim", claims)
    write("line", charged)


def institution_table(institutions: Institutions) -> pa.Table:
    """The institutions of the background, ids from 1."""
    count = institutions.count
    columns = {
        "id": np.arange(1, count + 1),
        "code": institutions.codes[:count],
        "level": institutions.levels,
        "kind": institutions.kinds,
        "region_code": institutions.regions,
        "beds": institutions.beds,
    }
    return pa.table(columns, schema=SCHEMAS["institution"])


def _bad(institutions: Institutions) -> pa.Table:
    rows = []
    for number, place in enumerate(np.flatnonzero(institutions.bad).tolist(), 1):
        rows.append({"case": f"hospital that inflates {number}", "code": "M-HOSPITAL", "subject_ref": institutions.codes[place]})
    for number, place in enumerate(np.flatnonzero(institutions.bad_doctor).tolist(), 1):
        code = institutions.codes[place]
        doctor = f"{code}/{institutions.doctor(place, 0, 0)}"
        rows.append({"case": f"doctor who inflates {number}", "code": "M-DOCTOR", "subject_ref": doctor})
    return pa.Table.from_pylist([row | {"role": BAD, "person_id": None, "claims": []} for row in rows], schema=LABELS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.claims.province", description="Make the claims of a made-up province.")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--month", type=date.fromisoformat, default=DEFAULT_MONTH, help="a day of the month in which frauds are planted")
    parser.add_argument("--months", type=int, default=1, help="how many months of claims, that one the last")
    parser.add_argument("--cases", type=int, default=20, help="of each planted case and look-alike")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    options = parser.parse_args(arguments)
    if options.lines < 1_000 or not 1 <= options.months <= 12 or options.cases < 0:
        parser.error("--lines must be 1000 at least, --months from 1 to 12, --cases not negative")
    size = Size(options.lines, options.month, options.months, options.cases, options.cases, seed=options.seed)
    sys.stdout.write(json.dumps(generate(options.out, size), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
