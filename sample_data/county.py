"""Loads the county's files into a database: set by set, and a second time without any change."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from models.benefit import Benefit, BenefitPause, BenefitStatus, Payment
from models.enrolment import Enrolment, Scheme
from models.errors import ModelsError
from models.identity_check import BlacklistReason
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.person import Person
from models.region import Region, RegionLevel
from models.repositories import blacklist
from models.repositories.blacklist import BlacklistRow
from models.repositories.persons import BlindIndex, NewPerson, build
from sample_data import county_accounts
from sample_data.generate import MANIFEST

Progress = Callable[[str, int, int], None]
Row = dict[str, str]

# Values of one statement: under the limits of both databases (32,766 and 65,535 parameters).
CHUNK = 500
RECORDED_BY = "sample data"


class SampleDataError(ModelsError):
    """The files are not the ones that the manifest lists."""

    code = "sample_data_error"


@dataclass(frozen=True)
class Loaded:
    """How many rows were added, of each kind; all 0 the second time."""

    regions: int
    persons: int
    enrolments: int
    benefits: int
    payments: int
    life_evidence: int
    pauses: int
    blacklisted_cards: int
    relations: int
    grants: int


def load_county(session: Session, keyring: KeyRing, folder: Path, progress: Progress | None = None) -> Loaded:
    """Add whatever of the county is not there yet; the caller commits.

    progress: called with the name of a table, rows done and rows in all.

    Raises:
        SampleDataError: a file is missing or not what the manifest lists.
    """
    files, seed, as_of = _read(folder)
    report = progress or (lambda _table, _done, _all: None)
    recorded_at = datetime.combine(as_of, time(), UTC)
    regions = _load_regions(session, files["regions.csv"], report)
    persons, person_ids = _load_persons(session, keyring, files["persons.csv"], recorded_at, report)
    enrolments = _load_enrolments(session, files["enrolments.csv"], person_ids, report)
    accounts = county_accounts.Accounts(session, keyring, person_ids)
    benefits, benefit_ids = _load_benefits(session, files["benefits.csv"], person_ids, accounts, report)
    payments = _load_payments(session, files["payments.csv"], benefit_ids, report)
    evidence = _load_evidence(session, files["life_evidence.csv"], person_ids, f"sample {seed}", report)
    pauses = _load_pauses(session, files["pauses.csv"], benefit_ids, report)
    cards = _load_cards(session, keyring, files["blacklist.csv"], recorded_at, report)
    relations = county_accounts.load_relations(session, files["relations.csv"], person_ids)
    grants = accounts.load_grants(files["grants.csv"])
    loaded = Loaded(regions, persons, enrolments, benefits, payments, evidence, pauses, cards, relations, grants)
    if any(vars(loaded).values()):
        _count_for_the_planner(session)
    return loaded


def _count_for_the_planner(session: Session) -> None:
    """Let PostgreSQL see at once how large the tables have become: until it does by itself it plans for empty ones."""
    if session.get_bind().dialect.name == "postgresql":
        for model in (Person, Enrolment, Benefit, BenefitPause, Payment, LifeEvidence):
            session.execute(text(f"ANALYZE {model.__tablename__}"))


def _read(folder: Path) -> tuple[dict[str, list[Row]], int, date]:
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        contents = {name: (folder / name).read_bytes() for name in listed["files"]}
    except FileNotFoundError as error:
        raise SampleDataError(
            f"{Path(str(error.filename)).name} is not in {folder}: make the files with python -m sample_data.generate --out {folder}"
        ) from error
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != listed["files"][name]["sha256"]:
            raise SampleDataError(f"{name} is not the file that {MANIFEST} lists (its SHA-256 differs): make the files again")
    rows = {name: list(csv.DictReader(content.decode("utf-8").splitlines())) for name, content in contents.items()}
    return rows, int(listed["seed"]), date.fromisoformat(listed["as_of"])


def _load_regions(session: Session, rows: Sequence[Row], report: Progress) -> int:
    there = set(session.scalars(select(Region.code)))
    new = [
        {"code": row["code"], "name": row["name"], "level": RegionLevel(row["level"]), "parent_code": row["parent_code"] or None}
        for row in rows
        if row["code"] not in there
    ]
    for row in new:  # parents first: a row refers to the one before it
        session.execute(insert(Region).values(**row))
    report("regions", len(rows), len(rows))
    return len(new)


def _load_persons(session: Session, keyring: KeyRing, rows: Sequence[Row], now: datetime, report: Progress) -> tuple[int, dict[str, int]]:
    index = BlindIndex(keyring)
    digests = {index.resident_id(row["resident_id"]): row for row in rows}
    there = _ids(session, Person.resident_id_index, Person.id, digests)
    new = []
    for digest, row in digests.items():
        if digest in there:
            continue
        person = build(
            NewPerson(
                row["resident_id"], row["name"], row["region_code"], row["social_security_number"], row["phone"], row["address"] or None
            ),
            keyring=keyring,
            index=index,
            now=now,
        )
        new.append({column.key: getattr(person, column.key) for column in Person.__mapper__.column_attrs if column.key != "id"})
    _add(session, Person, new, "persons", report)
    ids = _ids(session, Person.resident_id_index, Person.id, digests)
    return len(new), {row["person_no"]: ids[digest] for digest, row in digests.items()}


def _load_enrolments(session: Session, rows: Sequence[Row], person_ids: dict[str, int], report: Progress) -> int:
    there: set[tuple[Any, ...]] = set()
    for chunk in _chunks(list(person_ids.values())):
        columns = (Enrolment.person_id, Enrolment.scheme, Enrolment.region_code, Enrolment.from_month)
        there.update(tuple(row) for row in session.execute(select(*columns).where(Enrolment.person_id.in_(chunk))))
    new = []
    for row in rows:
        key = (person_ids[row["person_no"]], Scheme(row["scheme"]), row["region_code"], date.fromisoformat(row["from_month"]))
        if key not in there:
            names = ("person_id", "scheme", "region_code", "from_month")
            new.append(dict(zip(names, key, strict=True)) | {"to_month": _day(row["to_month"])})
    return _add(session, Enrolment, new, "enrolments", report)


def _load_benefits(
    session: Session, rows: Sequence[Row], person_ids: dict[str, int], accounts: county_accounts.Accounts, report: Progress
) -> tuple[int, dict[str, int]]:
    def there() -> dict[tuple[Any, ...], int]:
        found = {}
        for chunk in _chunks(list(person_ids.values())):
            columns = (Benefit.id, Benefit.person_id, Benefit.scheme, Benefit.region_code, Benefit.from_month)
            for benefit_id, *key in session.execute(select(*columns).where(Benefit.person_id.in_(chunk))):
                found[tuple(key)] = benefit_id
        return found

    def key(row: Row) -> tuple[Any, ...]:
        return person_ids[row["person_no"]], Scheme(row["scheme"]), row["region_code"], date.fromisoformat(row["from_month"])

    known = there()
    new = [
        dict(zip(("person_id", "scheme", "region_code", "from_month"), key(row), strict=True))
        | {
            "monthly_fen": int(row["monthly_fen"]),
            "status": BenefitStatus(row["status"]),
            "to_month": _day(row["to_month"]),
            "paused_on": _day(row["paused_on"]),
            **accounts.columns(row),
        }
        for row in rows
        if key(row) not in known
    ]
    _add(session, Benefit, new, "benefits", report)
    ids = there()
    return len(new), {row["benefit_no"]: ids[key(row)] for row in rows}


def _load_payments(session: Session, rows: Sequence[Row], benefit_ids: dict[str, int], report: Progress) -> int:
    there: set[tuple[Any, ...]] = set()
    for chunk in _chunks(list(benefit_ids.values())):
        there.update(tuple(row) for row in session.execute(select(Payment.benefit_id, Payment.month).where(Payment.benefit_id.in_(chunk))))
    new = [
        {"benefit_id": benefit_ids[row["benefit_no"]], "month": date.fromisoformat(row["month"]), "amount_fen": int(row["amount_fen"])}
        for row in rows
    ]
    return _add(session, Payment, [row for row in new if (row["benefit_id"], row["month"]) not in there], "payments", report)


def _load_evidence(session: Session, rows: Sequence[Row], person_ids: dict[str, int], prefix: str, report: Progress) -> int:
    def reference(number: str) -> str:
        return f"{prefix} {number}"

    def there() -> dict[str, int]:
        found: dict[str, int] = {}
        for chunk in _chunks(list(person_ids.values())):
            query = select(LifeEvidence.reference, LifeEvidence.id).where(
                LifeEvidence.person_id.in_(chunk), LifeEvidence.recorded_by == RECORDED_BY
            )
            found.update((name, row_id) for name, row_id in session.execute(query) if name is not None)
        return found

    added = 0
    # Corrections refer to rows of the same file: those rows first.
    for correcting in (False, True):
        known = there()
        new = [
            {
                "person_id": person_ids[row["person_no"]],
                "kind": EvidenceKind(row["kind"]),
                "occurred_on": date.fromisoformat(row["occurred_on"]),
                "strength": Strength(row["strength"]),
                "source": row["source"],
                "reference": reference(row["evidence_no"]),
                "recorded_by": RECORDED_BY,
                "recorded_at": datetime.combine(date.fromisoformat(row["recorded_on"]), time(), UTC),
                "trace": Trace(row["trace"]) if row["trace"] else None,
                "ends_on": _day(row["ends_on"]),
                "corrects_id": known[reference(row["corrects_no"])] if correcting else None,
            }
            for row in rows
            if bool(row["corrects_no"]) is correcting and reference(row["evidence_no"]) not in known
        ]
        added += _add(session, LifeEvidence, new, "life_evidence", report)
    return added


def _load_pauses(session: Session, rows: Sequence[Row], benefit_ids: dict[str, int], report: Progress) -> int:
    there: set[tuple[int, date]] = set()
    for chunk in _chunks(list(benefit_ids.values())):
        query = select(BenefitPause.benefit_id, BenefitPause.paused_on).where(BenefitPause.benefit_id.in_(chunk))
        there.update((benefit_id, paused_on) for benefit_id, paused_on in session.execute(query))
    new = [
        {
            "benefit_id": benefit_ids[row["benefit_no"]],
            "paused_on": date.fromisoformat(row["paused_on"]),
            "resumed_on": date.fromisoformat(row["resumed_on"]),
        }
        for row in rows
    ]
    return _add(session, BenefitPause, [row for row in new if (row["benefit_id"], row["paused_on"]) not in there], "pauses", report)


def _load_cards(session: Session, keyring: KeyRing, rows: Sequence[Row], now: datetime, report: Progress) -> int:
    cards = [
        BlacklistRow(
            row["card_number"], BlacklistReason(row["reason"]), date.fromisoformat(row["from_on"]), _day(row["until_on"]), row["source"]
        )
        for row in rows
    ]
    done = blacklist.put(session, cards, keyring=keyring, batch_id=None, by=RECORDED_BY, now=now)
    report("blacklist", len(rows), len(rows))
    return done.added


def _add(session: Session, table: type[Any], rows: Sequence[dict[str, Any]], name: str, report: Progress) -> int:
    done = 0
    for chunk in _chunks(rows):
        session.execute(insert(table), chunk)
        done += len(chunk)
        report(name, done, len(rows))
    return done


def _ids(session: Session, column: Any, id_column: Any, values: Iterable[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for chunk in _chunks(list(values)):
        for value, row_id in session.execute(select(column, id_column).where(column.in_(chunk))):
            found[bytes(value)] = row_id
    return found


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
