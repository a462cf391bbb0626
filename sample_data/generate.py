"""Makes the county's files: ``python -m sample_data.generate --seed 20260101 --out DIR``; with ``--files DIR``, files to try intake with.

The same seed, number and day give the same bytes. ``manifest.json`` lists each file with its rows, bytes and SHA-256.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from sample_data.intake_files import ORDER, write_files
from sample_data.lives import PAYMENT_MONTHS, BenefitRow, EnrolmentRow, EvidenceRow, PaymentRow, Records, draw_records
from sample_data.people import MadeUpPerson, draw_address, draw_people
from sample_data.place import CITY, COUNTIES, PROVINCE
from sample_data.planted import sow_all
from sample_data.planting import GrantRow, LabelRow, Planted, RelationRow
from sample_data.traces import Additions, CardRow, PauseRow, draw_additions

DEFAULT_SEED = 20260101
DEFAULT_PERSONS = 2_000
DEFAULT_AS_OF = date(2026, 1, 1)
MANIFEST = "manifest.json"
CASES_EACH, LOOKALIKES_EACH = 3, 2
CASES_FROM = 1_000
"""Persons from which on cases are planted: in a smaller county they would be most of the people."""


@dataclass(frozen=True)
class RegionRow:
    """One line of regions.csv."""

    code: str
    name: str
    level: str
    parent_code: str | None


def regions() -> list[RegionRow]:
    """The regions, parents first."""
    return [
        RegionRow(*PROVINCE, "province", None),
        RegionRow(*CITY, "city", PROVINCE[0]),
        *(RegionRow(county.code, county.name, "county", CITY[0]) for county in COUNTIES),
    ]


@dataclass(frozen=True)
class County:
    """Everything that was drawn. people: the planted ones last."""

    people: list[MadeUpPerson]
    records: Records
    additions: Additions
    planted: Planted


def draw(seed: int = DEFAULT_SEED, persons: int = DEFAULT_PERSONS, as_of: date = DEFAULT_AS_OF) -> County:
    """So many persons, and the people of the planted cases besides. as_of: the day on which the records stand."""
    random = Random(seed)
    people = draw_people(random, persons, as_of)
    living = Random(f"{seed} addresses")
    people = [replace(person, address=draw_address(living, person.region_code)) for person in people]
    records = draw_records(random, people, as_of)
    additions = draw_additions(Random(f"{seed} traces"), people, records, as_of)
    taken = {person.resident_id[:17] for person in people}
    sow = sow_all(
        Random(f"{seed} planted"),
        as_of,
        persons + 1,
        taken=taken,
        paid_months=PAYMENT_MONTHS,
        cases=CASES_EACH if persons >= CASES_FROM else 0,
        lookalikes_each=LOOKALIKES_EACH if persons >= CASES_FROM else 0,
    )
    for name in ("enrolments", "benefits", "payments", "evidence"):
        getattr(records, name).extend(getattr(sow.records, name))
    records.fates.update(sow.records.fates)
    return County([*people, *sow.people], records, additions, sow.planted)


def build(seed: int = DEFAULT_SEED, persons: int = DEFAULT_PERSONS, as_of: date = DEFAULT_AS_OF) -> dict[str, bytes]:
    """Name -> content of every CSV file. as_of: the day on which the records stand."""
    county = draw(seed, persons, as_of)
    people, records, additions, planted = county.people, county.records, county.additions, county.planted
    return {
        "regions.csv": _csv(RegionRow, regions()),
        "persons.csv": _csv(MadeUpPerson, people),
        "enrolments.csv": _csv(EnrolmentRow, records.enrolments),
        "benefits.csv": _csv(BenefitRow, records.benefits),
        "payments.csv": _csv(PaymentRow, records.payments),
        "life_evidence.csv": _csv(EvidenceRow, records.evidence),
        "pauses.csv": _csv(PauseRow, additions.pauses),
        "blacklist.csv": _csv(CardRow, additions.cards),
        "relations.csv": _csv(RelationRow, planted.relations),
        "grants.csv": _csv(GrantRow, planted.grants),
        "labels.csv": _csv(LabelRow, planted.labels),
    }


def manifest(files: dict[str, bytes], seed: int, persons: int, as_of: date) -> dict[str, Any]:
    """What manifest.json says."""
    return {
        "seed": seed,
        "persons": persons,
        "as_of": as_of.isoformat(),
        "files": {
            name: {"rows": content.count(b"\n") - 1, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        },
    }


def generate(folder: Path, *, seed: int = DEFAULT_SEED, persons: int = DEFAULT_PERSONS, as_of: date = DEFAULT_AS_OF) -> dict[str, Any]:
    """Write the files and the manifest into the folder, which is made when it is not there; gives the manifest."""
    files = build(seed, persons, as_of)
    listed = manifest(files, seed, persons, as_of)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return listed


def _csv(kind: type[Any], rows: Iterable[Any]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    for row in rows:
        writer.writerow(["" if value is None else value for value in asdict(row).values()])
    return stream.getvalue().encode("utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.generate", description="Make the files of a made-up county.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--persons", type=int, default=DEFAULT_PERSONS)
    parser.add_argument(
        "--as-of", type=date.fromisoformat, help=f"the day on which the records stand, YYYY-MM-DD; {DEFAULT_AS_OF}, with --files today"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="folder for the county's files")
    where.add_argument("--files", type=Path, help="folder for small files with the usual faults, to try the intake with")
    options = parser.parse_args(arguments)
    if not 1 <= options.persons <= 999_999:
        parser.error(f"--persons must be from 1 to 999999, not {options.persons}")
    if options.files is not None:
        names = write_files(options.files, seed=options.seed, as_of=options.as_of or date.today())  # noqa: DTZ011 - whoever tries is here
        for name in names:
            sys.stdout.write(f"lifecert import {ORDER[name]} {options.files / name}\n")
        return 0
    listed = generate(options.out, seed=options.seed, persons=options.persons, as_of=options.as_of or DEFAULT_AS_OF)
    for name, entry in listed["files"].items():
        sys.stdout.write(f"{name}: {entry['rows']} rows, {entry['bytes']} bytes, sha256 {entry['sha256'][:12]}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
