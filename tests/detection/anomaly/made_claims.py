"""Made-up claims for the tests of features and models: single rows by hand, or some hospitals' months by chance with bad ones planted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from detection.claims.tables import SCHEMAS, ClaimTables
from detection.compute import Compute

REGION, OTHER_REGION = "429801", "421301"
BAD_HOSPITALS = ("H003", "H017", "H031", "H045")
BAD_DOCTORS = tuple(f"{code}/D0" for code in BAD_HOSPITALS)


def claim(id: int, person: int, institution: int, since: str, until: str | None = None, **more: Any) -> dict[str, Any]:
    """One claim; a stay when it has a second day. Fen: 100,000 of which the fund pays 60,000."""
    first, last = date.fromisoformat(since), date.fromisoformat(until or since)
    return {
        "id": id,
        "person_id": person,
        "institution_id": institution,
        "reference": f"R{id}",
        "setting": "inpatient" if until else "outpatient",
        "scheme": "employee_medical",
        "from_date": first,
        "to_date": last,
        "principal_diagnosis": "I10",
        "total_fen": 100_000,
        "fund_fen": 60_000,
    } | more


def write(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]] | pa.Table]) -> Path:
    """The rows as Parquet files, tables that are not named empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in SCHEMAS.items():
        given = rows.get(name, ())
        table = given if isinstance(given, pa.Table) else pa.Table.from_pylist([dict(one) for one in given], schema=schema)
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def tables(compute: Compute, folder: Path) -> ClaimTables:
    """The files of ``write`` as tables of an engine."""
    read = {name: compute.table(folder / f"{name}.parquet") for name in SCHEMAS}
    return ClaimTables(**{name: read[name] for name in ("patient", "institution", "claim", "line", "evidence", "identity_check", "point")})


def province(
    folder: Path, *, months: int = 3, hospitals: int = 60, claims: int = 120, seed: int = 7, shift: float = 1.0, lines: int = 3
) -> Path:
    """Some hospitals' claims of the months of 2026 from January, and December 2025 before. claims: of a hospital and month.

    The bad hospitals, and their doctor D0, bill round and repeated totals for batches of the same persons, at weekends, for a day.
    shift: factor on all amounts of the last month.
    """
    random = np.random.default_rng(seed)
    institutions = [
        {
            "id": number + 1,
            "code": f"H{number:03}",
            "level": ("primary", "secondary", "tertiary")[number % 3],
            "kind": "hospital",
            "region_code": REGION,
            "beds": 100,
        }
        for number in range(hospitals)
    ]
    people = hospitals * claims
    patients = pa.table(
        {
            "person_id": np.arange(1, people + 1),
            "birth_date": (np.datetime64("1930-01-01") + random.integers(0, 25_000, people)).astype("datetime64[D]"),
            "sex": np.where(random.random(people) < 0.5, "male", "female"),
            "region_code": np.full(people, REGION),
        }
    ).cast(SCHEMAS["patient"])
    parts = []
    bad = {int(code[1:]) for code in BAD_HOSPITALS}
    for month in range(-1, months):
        first = date(2026, month + 1, 1) if month >= 0 else date(2025, 12, 1)
        for hospital in range(hospitals):
            made = _month(random, hospital, hospital in bad and month >= 0, first, people, claims)
            if month == months - 1:
                made["total_fen"] = made["total_fen"] * shift
            parts.append(made)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(joined["person_id"])
    ids = np.arange(1, count + 1)
    total = joined["total_fen"].astype("int64")
    table = {
        "id": ids,
        "reference": np.char.add("R", ids.astype(str)),
        "scheme": np.full(count, "employee_medical"),
        "total_fen": total,
        "fund_fen": (total * 0.6).astype("int64"),
        "settled_at": pa.array(
            joined["to_date"].astype("datetime64[us]") + np.timedelta64(2, "h") + random.integers(0, 36_000_000_000, count),
            pa.timestamp("us", tz="UTC"),
        ),
    }
    table |= {name: joined[name] for name in ("person_id", "institution_id", "setting", "department", "doctor", "from_date", "to_date")}
    table |= {name: joined[name] for name in ("principal_diagnosis", "identity_check")}
    claim_table = pa.table(
        {
            field.name: pa.array(table[field.name], field.type) if field.name in table else pa.nulls(count, field.type)
            for field in SCHEMAS["claim"]
        }
    )
    of = np.repeat(ids, lines)
    category = np.tile(np.array(["western_drug", "laboratory", "material"]), count * lines // 3 + 1)[: count * lines]
    amount = np.repeat(total // lines, lines)
    line = {
        "id": np.arange(1, count * lines + 1),
        "claim_id": of,
        "category": category,
        "quantity": np.ones(count * lines),
        "amount_fen": amount,
        "unit_price_fen": amount,
        "charged_on": np.repeat(joined["to_date"], lines),
        "executed_quantity": np.ones(count * lines),
    }
    line_table = pa.table(
        {
            field.name: pa.array(line[field.name], field.type) if field.name in line else pa.nulls(count * lines, field.type)
            for field in SCHEMAS["line"]
        }
    )
    return write(folder, {"institution": institutions, "patient": patients, "claim": claim_table, "line": line_table})


def _month(random: np.random.Generator, hospital: int, bad: bool, first: date, people: int, claims: int) -> dict[str, Any]:
    number = int(claims * random.uniform(0.8, 1.2)) + (claims // 2 if bad else 0)
    start = np.datetime64(first) + random.integers(0, 27, number)
    stay = random.random(number) < 0.4
    days = np.where(stay, random.integers(2, 14, number), 0)
    person = random.integers(1, people + 1, number)
    total = np.exp(random.normal(11.5, 0.6, number)) * (1 + stay * 3)
    doctor = random.integers(0, 5, number)
    diagnosis = random.choice(np.array(["I10", "E11", "J18", "K29", "M54"]), number)
    check = np.where(random.random(number) < 0.01, "failed", "passed")
    if bad:
        fake = random.random(number) < 0.35
        saturday = np.datetime64(first + timedelta(days=(5 - first.weekday()) % 7))
        start = np.where(fake, saturday, start)
        stay, days = stay | fake, np.where(fake, 1, days)
        person = np.where(fake, hospital * 20 + random.integers(1, 15, number), person)
        total = np.where(fake, 500_000.0, total)
        doctor, diagnosis = np.where(fake, 0, doctor), np.where(fake, "I10", diagnosis)
        check = np.where(fake & (random.random(number) < 0.4), "skipped", check)
    end = np.minimum(start + days, np.datetime64(first) + 27)
    return {
        "person_id": person,
        "institution_id": np.full(number, hospital + 1),
        "setting": np.where(stay, "inpatient", "outpatient"),
        "department": np.where(doctor < 2, "内科", "外科"),
        "doctor": np.char.add("D", doctor.astype(str)),
        "from_date": start.astype("datetime64[D]"),
        "to_date": np.maximum(end, start).astype("datetime64[D]"),
        "principal_diagnosis": diagnosis,
        "identity_check": check,
        "total_fen": total,
    }


def at(day: str, hour: int) -> datetime:
    """An hour of the day, UTC."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=hour)
