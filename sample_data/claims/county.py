"""The claims of the demo county, as files that ``lifecert import`` takes: institutions, claims, claim lines; and its province's points.

The patients are the county's own people: most have ordinary visits and stays of the last full month, some are in planted cases. Nobody
with a death record or in custody is treated, but for those of a case of H13. ``claim_labels.csv`` says what was planted.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from detection import months
from sample_data.claims import diagnoses, lines, places, planted, points, visits
from sample_data.claims.places import Institutions
from sample_data.claims.province import bounds, institution_table
from sample_data.claims.sower import PLANTED, Patient, Sower
from sample_data.claims.visits import Patients
from sample_data.place import COUNTIES

ORDER = {"institutions.csv": "institutions", "claims.csv": "claims", "claim_lines.csv": "claim_lines"}
"""File -> kind, in the order in which they build on each other."""
POINTS, LABELS = "province_points.json", "claim_labels.csv"
OF_PEOPLE = 0.6
"""Share of the people who are not in a case and have the claims of the background."""

NOT_HERE = frozenset(
    {
        "H13 check at admission failed",
        "H13 treated after death",
        "H13 treated in custody",
        "H14 dear stay",
        "N36 amount is not the product",
        "N37 no code of a disease",
        "N38 no code of a procedure",
    }
)
"""Cases that need other records of the certification store or more stays than a county has, and those that the intake refuses."""

_NAMES = {
    places.TERTIARY: "中心医院",
    places.SECONDARY: "人民医院",
    places.COMMUNITY: "卫生院",
    places.CLINIC: "诊所",
    places.PHARMACY: "药店",
    places.INTERNET: "互联网医院",
}
_LISTS = {"diagnoses", "procedures", "hospital_acquired"}
_CLAIM = (
    "setting",
    "scheme",
    "from_date",
    "to_date",
    "settled_at",
    "uploaded_at",
    "department",
    "doctor",
    "principal_diagnosis",
    "diagnoses",
    "procedures",
    "hospital_acquired",
    "drg",
    "transferred_in",
    "discharge_way",
    "identity_check",
    "total_fen",
    "fund_fen",
    "own_fen",
)
_LINE = (
    "item_code",
    "item_name",
    "category",
    "quantity",
    "days",
    "unit_price_fen",
    "amount_fen",
    "fund_fen",
    "charged_on",
    "executed_at",
    "executed_quantity",
    "doctor",
    "department",
    "prescription",
)


@dataclass(frozen=True)
class Resident:
    """One line of persons.csv, as far as claims need it. number: place in the file, from 1."""

    number: int
    resident_id: str
    sex: str
    born: date
    region: int
    dead_on: date | None


class NobodyLeftError(LookupError):
    """Nobody of this sex and age is left for a case."""


@dataclass
class Residents:
    """Patients of cases out of the county's people; each is given once."""

    random: Random
    last: date
    free: list[Resident]
    taken: set[int] = field(default_factory=set)

    def person(self, *, sex: str, days_old: tuple[int, int], region: int | None) -> Patient:
        """Somebody of this sex and age."""
        youngest, oldest = (self.last - timedelta(days=days) for days in days_old)
        fit = [
            one
            for one in self.free
            if one.number not in self.taken and one.sex == sex and oldest <= one.born <= youngest and region in {None, one.region}
        ]
        if not fit:
            raise NobodyLeftError(f"nobody is left who is {sex} and {days_old} days old")
        one = self.random.choice(fit)
        self.taken.add(one.number)
        return Patient(one.number, one.sex, one.born, one.region)


def write(folder: Path, *, seed: int, as_of: date) -> list[Path]:
    """Write the files beside those of the county (``sample_data.generate``), for the last full month before the day; in order of import."""
    people, barred = _people(folder)
    first, last = bounds(months.first_day(months.month_number(as_of) - 1))
    regions = [county.code for county in COUNTIES]
    institutions = places.institutions(regions, np.random.default_rng(seed))
    free = [one for one in people if one.number not in barred]
    residents = Residents(Random(f"{seed} claims people"), last, free)
    sow = Sower(Random(f"{seed} claims"), institutions, residents, first, last, next_claim=1, next_line=1)
    _sow(sow, [one for one in people if one.dead_on and first - timedelta(days=200) < one.dead_on < first - timedelta(days=3)])
    claims, charged = _background(seed, [one for one in free if one.number not in residents.taken], institutions, sow, (first, last))
    ids = {one.number: one.resident_id for one in people}
    every = pa.concat_tables([sow.table("claim"), claims])
    tables = {
        "institutions.csv": _institutions(institutions),
        "claims.csv": _claims(every, institutions, ids),
        "claim_lines.csv": _lines(pa.concat_tables([sow.table("line"), charged]), every, institutions),
        LABELS: _labels(sow),
    }
    for name, rows in tables.items():
        _write(folder / name, rows)
    (folder / POINTS).write_text(json.dumps(points.records(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return [folder / name for name in ORDER]


def _people(folder: Path) -> tuple[list[Resident], set[int]]:
    """Everybody, and the numbers of those whom records of a death, of a custody or of a planted case say something about."""
    places_of = {county.code: place for place, county in enumerate(COUNTIES)}
    rows = _rows(folder / "persons.csv")
    numbers = {row["person_no"]: number for number, row in enumerate(rows, 1)}
    barred = {numbers[row["person_no"]] for row in _rows(folder / "labels.csv")}
    dead: dict[int, date] = {}
    for row in _rows(folder / "life_evidence.csv"):
        number = numbers[row["person_no"]]
        if row["kind"] in {"death_record", "custody"}:
            barred.add(number)
        if row["kind"] == "death_record" and row["strength"] == "conclusive":
            dead[number] = date.fromisoformat(row["occurred_on"])
    corrected = {numbers[row["person_no"]] for row in _rows(folder / "life_evidence.csv") if row["corrects_no"]}
    made = [
        Resident(
            number,
            row["resident_id"],
            row["sex"],
            date.fromisoformat(row["birth_date"]),
            places_of[row["region_code"]],
            dead.get(number) if number not in corrected else None,
        )
        for number, row in enumerate(rows, 1)
    ]
    return made, barred


def _sow(sow: Sower, dead: list[Resident]) -> None:
    for name, make in planted.CASES.items():
        if name in NOT_HERE:
            continue
        before = {table: len(rows) for table, rows in sow.rows.items()} | {"labels": len(sow.labels)}
        sow.begin(name, 1, PLANTED)
        try:
            make(sow)
        except NobodyLeftError:  # a small county has nobody for it
            for table, rows in sow.rows.items():
                del rows[before[table] :]
            del sow.labels[before["labels"] :]
    for number, one in enumerate(dead[:2], 1):
        sow.begin("H13 treated after death", number, PLANTED)
        person = Patient(one.number, one.sex, one.born, one.region)
        sow.expect("H13", sow.claim(person, 14 + number))


def _background(
    seed: int, people: list[Resident], institutions: Institutions, sow: Sower, month: tuple[date, date]
) -> tuple[pa.Table, pa.Table]:
    random = np.random.default_rng([seed, 1])
    first, last = month
    years = np.array([(last - one.born).days / 365.25 for one in people])
    fits = ((years >= 1.2) & (years < 13) | (years >= 20) & (years < 49) | (years >= 50.2)) & (random.random(len(people)) < OF_PEOPLE)
    kept = [one for one, fit in zip(people, fits.tolist(), strict=True) if fit]
    years = years[fits]
    female = np.array([one.sex == "female" for one in kept])
    older = years >= 50
    grown = np.where(female, np.where(older, diagnoses.OLDER_WOMAN, diagnoses.WOMAN), np.where(older, diagnoses.OLDER_MAN, diagnoses.MAN))
    patients = Patients(
        np.array([one.number for one in kept]),
        np.array([visits.day_number(one.born) for one in kept]),
        female,
        np.array([one.region for one in kept]),
        np.where(years < 13, diagnoses.CHILD, grown),
        random.integers(0, 1 << 30, len(kept)),
        np.minimum(random.random(len(kept)), 1.0) * (1 - visits.FAMILY_SHARE),
    )
    seen = visits.draw_visits(random, patients, institutions, [(visits.day_number(first), visits.day_number(last))])
    return lines.draw(random, seen, patients, institutions, sow.next_claim, sow.next_line)


def _institutions(institutions: Institutions) -> Iterable[Mapping[str, Any]]:
    names = {county.code: county.name for county in COUNTIES}
    for number, row in enumerate(institution_table(institutions).to_pylist()):
        yield {
            "institution_code": row["code"],
            "institution_name": f"{names[row['region_code']]}{_NAMES[int(institutions.roles[number])]}{number + 1:02d}",
            "institution_level": row["level"],
            "institution_kind": row["kind"],
            "region_code": row["region_code"],
            "beds": row["beds"],
        }


def _claims(table: pa.Table, institutions: Institutions, ids: Mapping[int, str]) -> Iterable[Mapping[str, Any]]:
    for row in table.to_pylist():
        yield {
            "institution_code": institutions.codes[row["institution_id"] - 1],
            "claim_reference": row["reference"],
            "resident_id": ids[row["person_id"]],
            **{name: ";".join(row[name]) if name in _LISTS else row[name] for name in _CLAIM},
        }


def _lines(table: pa.Table, claims: pa.Table, institutions: Institutions) -> Iterable[Mapping[str, Any]]:
    of = {
        claim: (institutions.codes[place - 1], reference)
        for claim, place, reference in zip(*(claims[name].to_pylist() for name in ("id", "institution_id", "reference")), strict=True)
    }
    for row in table.to_pylist():
        code, reference = of[row["claim_id"]]
        yield {"institution_code": code, "claim_reference": reference, "line_number": row["number"], **{name: row[name] for name in _LINE}}


def _labels(sow: Sower) -> Iterable[Mapping[str, Any]]:
    for label in sow.labels:
        yield {
            "case": label["case"],
            "code": label["code"],
            "person_no": f"P{label['person_id']:06d}" if label["person_id"] else None,
            "claims": ";".join(f"M{claim}" for claim in label["claims"]),
        }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(row)
            writer.writerow([_text(value) for value in row.values()])


_TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _none: "",
    bool: lambda flag: "yes" if flag else "no",
    datetime: lambda moment: moment.isoformat(),
    float: lambda number: f"{number:g}",
}


def _text(value: Any) -> Any:
    return _TEXTS[type(value)](value) if type(value) in _TEXTS else value
