"""The tables of the rules straight from files, in the formats and with the headings of the intake, without a store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detection.errors import DetectionError, RunFailedError
from detection.intake.headings import HeadingMap
from detection.intake.reading import RowReader
from detection.intake.records import (
    BenefitRecord,
    CustodyRecord,
    DeathRecord,
    EnrolmentRecord,
    GrantRecord,
    PaymentRecord,
    PersonRecord,
    Record,
    RelationRecord,
    TraceRecord,
    Who,
)
from detection.intake.regions import RegionBook
from detection.intake.rules import RowRejected
from detection.intake.tables import open_table
from detection.rules.tables import SCHEMAS
from models.import_batch import ImportKind
from models.life_evidence import EvidenceKind, Strength
from models.policy import RecordSections
from models.repositories.persons import BlindIndex

KINDS = (
    ImportKind.PERSONS,
    ImportKind.ENROLMENTS,
    ImportKind.BENEFITS,
    ImportKind.PAYMENTS,
    ImportKind.DEATHS,
    ImportKind.CUSTODY,
    ImportKind.TRACES,
    ImportKind.RELATIONS,
    ImportKind.GRANTS,
)
"""In the order in which they are read: rows name persons, payments name benefits."""
ROWS_AT_ONCE = 50_000
UNKNOWN_PERSON, UNKNOWN_BENEFIT = "PERSON_UNKNOWN", "BENEFIT_UNKNOWN"


class RecordFilesError(DetectionError):
    """The folder of files cannot be used; the message says what is missing."""

    code = "record_files"


@dataclass(frozen=True)
class FilesRead:
    """What came of the files. rejected: file -> rule -> rows that could not be used."""

    rows: Mapping[str, int]
    rejected: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class HowToRead:
    """What reading goes by. index: makes opaque handles of numbers; nothing else of them is kept. today: what is dated later is refused;
    as_of: what is dated later is left out.
    """

    policy: RecordSections
    headings: HeadingMap
    regions: RegionBook
    index: BlindIndex
    today: date
    as_of: date


def files_in(folder: Path) -> dict[ImportKind, Path]:
    """The file of each kind: the one whose name begins with it (persons.csv, payments-2025.xlsx).

    Raises:
        RecordFilesError: there are no persons, or two files of a kind.
    """
    found: dict[ImportKind, Path] = {}
    if not folder.is_dir():
        raise RecordFilesError(f"{folder} is no folder: give one with {', '.join(f'{kind.value}.csv' for kind in KINDS)}")
    for path in sorted(folder.iterdir()):
        kind = next((one for one in KINDS if path.name.casefold().startswith(one.value)), None)
        if kind is None or not path.is_file():
            continue
        if kind in found:
            raise RecordFilesError(f"{folder}: {found[kind].name} and {path.name} are both {kind.value}: leave one of them there")
        found[kind] = path
    if ImportKind.PERSONS not in found:
        raise RecordFilesError(f"{folder}: there is no file of persons (persons.csv, .xlsx or .parquet), which the other rows name")
    return found


def write_files(
    source: Path, folder: Path, how: HowToRead, progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None
) -> FilesRead:
    """Read the files of ``source`` into Parquet tables in ``folder``; ids are places in the files. Rows that are no good are counted.

    Status and outreach stay empty, since files tell no certifications: P4 finds nothing in files.

    Raises:
        RecordFilesError, FileUnusableError: a file cannot be used at all.
        RunFailedError: the disk is full.
    """
    files = files_in(source)
    reading = _Reading(how, folder)
    try:
        with reading:
            for kind in KINDS:
                if kind in files:
                    reading.read(kind, files[kind], progress)
            reading.namesakes()
    except OSError as error:
        raise RunFailedError(f"the records cannot be written to {folder} ({error.strerror}): make room and run it again") from error
    return FilesRead(dict(reading.rows), {name: dict(rules) for name, rules in reading.rejected.items()})


@dataclass
class _Reading:
    """One pass over the files. What it remembers of each person is a number and a few handles."""

    how: HowToRead
    folder: Path
    rows: Counter[str] = field(default_factory=Counter)
    rejected: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _persons: dict[bytes, int] = field(default_factory=dict)
    _named: dict[int, tuple[int, str, int]] = field(default_factory=dict)  # hash of the name, region, year of birth
    _benefits: defaultdict[int, list[tuple[int, str, str]]] = field(default_factory=lambda: defaultdict(list))
    _died: dict[int, date] = field(default_factory=dict)
    _alive: set[int] = field(default_factory=set)
    _ids: Counter[str] = field(default_factory=Counter)
    _buffers: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)

    def __enter__(self) -> _Reading:
        for name, schema in SCHEMAS.items():
            self._writers[name] = pq.ParquetWriter(self.folder / f"{name}.parquet", schema, compression="lz4")
        return self

    def __exit__(self, *error: object) -> None:
        for name, writer in self._writers.items():
            if error[0] is None:
                self._flush(name)
            writer.close()

    def read(self, kind: ImportKind, path: Path, progress: Callable[[str, int, int], None]) -> None:
        """Every row of one file."""
        how = self.how
        table = open_table(path, kind, how.headings)
        reader = RowReader(kind, table.places, how.headings, how.regions, how.index, how.policy.intake, how.today)
        for done, row in enumerate(table.rows(), start=1):
            try:
                self._take(reader.read(row))
                self.rows[path.name] += 1
            except RowRejected as refused:
                self.rejected[path.name][refused.rule.code] += 1
            except _UnknownError as unknown:
                self.rejected[path.name][str(unknown)] += 1
            if done % 10_000 == 0:
                progress(path.name, done, table.total)
        progress(path.name, self.rows[path.name], self.rows[path.name])

    def namesakes(self) -> None:
        """How many others have the name of somebody who lived on after a death record."""
        by_name = Counter((name, region) for name, region, _ in self._named.values())
        by_year = Counter(self._named.values())
        for person in sorted(self._alive):
            name, region, year = self._named[person]
            others = by_name[name, region] - 1
            if others:
                same_year = by_year[name, region, year] - 1
                self._add("namesake", {"person_id": person, "same_region": others, "same_birth_year": same_year})

    def _take(self, record: Record) -> None:
        match record:
            case PersonRecord():
                self._person(record)
            case EnrolmentRecord():
                person = self._known(record.who)
                region = record.region_code or self._named[person][1]
                self._new("enrolment", record, person_id=person, scheme=record.scheme.value, region_code=region)
            case BenefitRecord():
                self._benefit(record)
            case PaymentRecord():
                benefit = self._benefit_of(record)
                if record.month <= self.how.as_of:
                    self._new("payment", record, benefit_id=benefit)
            case DeathRecord() | CustodyRecord() | TraceRecord():
                self._evidence(record)
            case RelationRecord():
                one, other = self._known(record.who), self._known(record.other)
                self._new("relation", record, person_id=one, other_id=other, kind=record.kind.value)
            case GrantRecord():
                person = self._known(record.who)
                recipient = None if record.recipient is None else self._persons.get(record.recipient.digest)
                region = record.region_code or self._named[person][1]
                account = None if record.account_digest is None else record.account_digest.hex()
                if record.paid_on <= self.how.as_of:
                    values = {"person_id": person, "recipient_id": recipient, "kind": record.kind.value}
                    self._new("grant", record, region_code=region, account=account, **values)

    def _person(self, record: PersonRecord) -> None:
        if record.digest in self._persons:
            raise _UnknownError("ROW_REPEATED")
        number = self._ids["person"] = self._ids["person"] + 1
        self._persons[record.digest] = number
        if record.social_security_digest is not None:
            self._persons[record.social_security_digest] = number
        born, sex = record.resident.birth_date, record.resident.sex.value
        # the salt of Python's hash is of this process alone, so that a name is nothing but equal to itself
        self._named[number] = (hash(record.name), record.region_code, born.year)
        values = {"record_id": number, "person_id": number, "birth_date": born, "sex": sex, "region_code": record.region_code}
        self._add("person", values)

    def _benefit(self, record: BenefitRecord) -> None:
        person = self._known(record.who)
        region = record.region_code or self._named[person][1]
        if record.from_month > self.how.as_of:
            return
        kind = record.retirement_kind
        number = self._new(
            "benefit",
            record,
            person_id=person,
            scheme=record.scheme.value,
            region_code=region,
            status="active" if record.status is None else record.status.value,
            account=None if record.account_digest is None else record.account_digest.hex(),
            retirement_kind=None if kind is None else kind.value,
        )
        self._benefits[person].append((number, record.scheme.value, region))
        if record.paused_on is not None:
            self._add("pause", {"benefit_id": number, "paused_on": record.paused_on})

    def _benefit_of(self, record: PaymentRecord) -> int:
        fits = [
            number
            for number, scheme, region in self._benefits[self._known(record.who)]
            if record.scheme in {None, scheme} and record.region_code in {None, region}
        ]
        if len(fits) != 1:
            raise _UnknownError(UNKNOWN_BENEFIT)
        return fits[0]

    def _evidence(self, record: DeathRecord | CustodyRecord | TraceRecord) -> None:
        person, policy = self._known(record.who), self.how.policy
        trace: str | None = None
        ends_on: date | None = None
        match record:
            case DeathRecord():
                kind, day, strength = EvidenceKind.DEATH_RECORD, record.death_date, policy.intake.death_strength(record.source)
                self._died[person] = min(day, self._died.get(person, day))
            case CustodyRecord():
                kind, day, strength, ends_on = EvidenceKind.CUSTODY, record.from_on, Strength.CONCLUSIVE, record.to_on
            case TraceRecord():
                kind, day, strength = EvidenceKind.DATA_MATCH, record.occurred_on, policy.silent.traces[record.trace].strength
                trace = record.trace.value
                if person not in self._died:
                    return  # traces are only asked after a death
                if day > self._died[person]:
                    self._alive.add(person)
        if day <= self.how.as_of:
            values = {"kind": kind.value, "occurred_on": day, "strength": strength.value, "trace": trace, "ends_on": ends_on}
            self._new("evidence", record, person_id=person, **values)

    def _known(self, who: Who) -> int:
        number = self._persons.get(who.digest)
        if number is None:
            raise _UnknownError(UNKNOWN_PERSON)
        return number

    def _new(self, table: str, record: Record, **values: Any) -> int:
        """Add a row with the record's own fields of the same name, and these values; its id."""
        number = self._ids[table] = self._ids[table] + 1
        own = {name: getattr(record, name) for name in record.__slots__ if name in SCHEMAS[table].names}
        self._add(table, {**own, **values, "id": number})
        return number

    def _add(self, table: str, values: dict[str, Any]) -> None:
        self._buffers[table].append(values)
        if len(self._buffers[table]) >= ROWS_AT_ONCE:
            self._flush(table)

    def _flush(self, table: str) -> None:
        self._writers[table].write_table(pa.Table.from_pylist(self._buffers[table], schema=SCHEMAS[table]))
        self._buffers[table].clear()


class _UnknownError(Exception):
    """A row names somebody or something that is in no file; the text is the rule."""
