"""Bringing files of records in: one file a batch, in chunks that each commit with the batch's counts, resumable after a kill."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from detection.intake import divisions, own_divisions
from detection.intake.chunk_decisions import decide_chunk
from detection.intake.encoding import file_digest
from detection.intake.errors import FileUnusableError, ImportFailedError
from detection.intake.headings import HeadingMap, load_headings
from detection.intake.lines import RawRow
from detection.intake.reading import RowReader
from detection.intake.records import Record, shown_of
from detection.intake.regions import RegionBook
from detection.intake.rejected_file import RejectedFile
from detection.intake.report import BatchReport, write_report
from detection.intake.results import ImportResult, Options
from detection.intake.rules import RowRejected
from detection.intake.seen import SeenRows
from detection.intake.tables import Table, open_table
from detection.intake.tally import Tally
from detection.intake.verdicts import Setting, Verdict, Writes
from models.database import Database
from models.import_batch import ImportBatch, ImportKind, ImportState
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, LifeEvidence
from models.policy import CertificationPolicy
from models.policy_store import IntakePolicy, SilentPolicy
from models.repositories import audit, claims, import_rows, imports, life_after_death
from models.repositories.persons import BlindIndex
from models.triage import TriageRules

__all__ = ["ImportResult", "Intake", "Options"]

CHUNK_ROWS = 5_000
TRIES = 4
"""Times that a chunk is decided anew because another writer came between."""

ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Intake:
    """The intake of one installation. folder: where each batch leaves its files, in a folder of its own; beside it
    the operator may put ``divisions.csv``.
    """

    database: Database
    keyring: KeyRing
    certification: CertificationPolicy
    policy: IntakePolicy
    silent: SilentPolicy
    triage: TriageRules
    folder: Path
    clock: Callable[[], datetime]

    def inspect(self, kind: ImportKind, path: Path, options: Options, *, file_name: str | None = None) -> Table:
        """Look at a file before anything is written. Raises FileUnusableError, HeadingMapError."""
        return open_table(path, kind, load_headings(options.headings), encoding=options.encoding, file_name=file_name)

    def register(self, kind: ImportKind, path: Path, options: Options, *, actor: str, file_name: str | None = None) -> str:
        """Public id of the file's batch: the interrupted one, or a new one."""
        with self.database.session_scope() as session:
            return self._open(session, kind, path, options, actor, file_name).public_id

    def import_file(
        self,
        kind: ImportKind,
        path: Path,
        options: Options,
        *,
        actor: str,
        file_name: str | None = None,
        progress: ProgressCallback = lambda _stage, _done, _total: None,
    ) -> ImportResult:
        """Bring a file in, or go on where an interrupted run of it stopped.

        Raises:
            FileUnusableError: nothing of the file, or nothing more of it, can be used.
            HeadingMapError: the map of headings cannot be used.
            ConflictError: RUN_IN_PROGRESS, another import of this kind is running.
            ImportFailedError: the disk is full, or a chunk met other writers again and again.
        """
        headings = load_headings(options.headings)
        with imports.one_at_a_time(self.database, kind):
            try:
                table = open_table(path, kind, headings, encoding=options.encoding, file_name=file_name)
            except FileUnusableError as error:
                self._fail(kind, path, options, actor, file_name, error)
                raise
            with self.database.session_scope() as session:
                batch = self._open(session, kind, path, options, actor, file_name)
            run = _Run(self, batch, table, headings, options, actor)
            try:
                run.rows(progress)
            except FileUnusableError as error:
                with self.database.session_scope() as session:
                    imports.finish(session, batch.id, ImportState.FAILED, now=self.clock(), failure=str(error))
                raise
            except OSError as error:
                raise ImportFailedError(
                    f"the file of rejected rows cannot be written ({error.strerror}): what was done is kept; make room in "
                    f"{self.folder} and run the same command again, it goes on where it stopped"
                ) from error
            return run.finish()

    def _open(self, session: Session, kind: ImportKind, path: Path, options: Options, actor: str, file_name: str | None) -> ImportBatch:
        digest, size = file_digest(path)
        new = imports.NewBatch(kind, file_name or path.name, digest, size, _settings_digest(options), actor)
        return imports.open_batch(session, new, now=self.clock())

    def _fail(self, kind: ImportKind, path: Path, options: Options, actor: str, file_name: str | None, error: FileUnusableError) -> None:
        # a batch that was registered beforehand (at the JSON door) must not stay open; for a file of the command none is made
        if file_name is not None:
            with self.database.session_scope() as session:
                batch = self._open(session, kind, path, options, actor, file_name)
                imports.finish(session, batch.id, ImportState.FAILED, now=self.clock(), failure=str(error))


def _settings_digest(options: Options) -> bytes:
    parts = (load_headings(options.headings).digest.hex(), options.encoding or "", options.region or "", options.language)
    return hashlib.sha256("\n".join(parts).encode()).digest()


class _Run:
    """One run over one file."""

    def __init__(self, intake: Intake, batch: ImportBatch, table: Table, headings: HeadingMap, options: Options, actor: str) -> None:
        self._intake, self._batch, self._table = intake, batch, table
        self._options, self._actor = options, actor
        self._folder = intake.folder / batch.public_id
        self._today = intake.certification.today(intake.clock())
        with intake.database.read_scope() as session:
            self._stored_regions = set(import_rows.region_codes(session))
        self._own = own_divisions.load(intake.folder.parent / "divisions.csv")
        book = RegionBook(self._stored_regions, self._own)
        zone = ZoneInfo(intake.certification.time_zone)
        self._reader = RowReader(batch.kind, table.places, headings, book, BlindIndex(intake.keyring), intake.policy, self._today, zone)
        self._seen = SeenRows()
        self._tally = Tally(
            batch.rows_done, batch.accepted, batch.unchanged, batch.rejected, batch.by_rule, batch.by_region, batch.by_warning
        )

    @property
    def rejected_path(self) -> Path:
        """The file of rejected rows."""
        return self._folder / "rejected.csv"

    @property
    def warnings_path(self) -> Path:
        """The file of accepted rows to look at."""
        return self._folder / "warnings.csv"

    def rows(self, progress: ProgressCallback) -> None:
        """Bring every row in that is not yet."""
        done_before = self._batch.rows_done
        stream = self._table.rows()
        with (
            RejectedFile(self.rejected_path, self._batch.rejected_bytes, self._options.language) as rejected,
            RejectedFile(self.warnings_path, self._batch.warning_bytes, self._options.language) as warned,
        ):
            read = 0
            while chunk := list(itertools.islice(stream, min(CHUNK_ROWS, done_before - read) if read < done_before else CHUNK_ROWS)):
                verdicts = self._read(chunk)
                if read >= done_before:
                    self._write(chunk, verdicts, rejected, warned)
                read += len(chunk)
                progress(self._batch.kind.value, read, max(self._table.total, read) if self._table.total else 0)

    def _read(self, chunk: list[RawRow]) -> list[Record | Verdict]:
        read: list[Record | Verdict] = []
        for row in chunk:
            try:
                read.append(self._reader.read(row))
            except RowRejected as rejection:
                read.append(Verdict(self._reader.region_of(row), rejection=rejection))
        places = [place for place, one in enumerate(read) if not isinstance(one, Verdict)]
        repeated = self._seen.repeated([one for one in read if not isinstance(one, Verdict)])
        for place, rule in zip(places, repeated, strict=True):
            record = read[place]
            if rule is not None and not isinstance(record, Verdict):
                read[place] = Verdict(self._reader.region_of(chunk[place]), rejection=RowRejected(rule, *shown_of(record)))
        return read

    def _write(self, chunk: list[RawRow], read: list[Record | Verdict], rejected: RejectedFile, warned: RejectedFile) -> None:
        for attempt in range(1, TRIES + 1):
            lengths = rejected.length, warned.length
            try:
                self._write_once(chunk, read, rejected, warned)
            except import_rows.RowsCollidedError as error:
                if attempt == TRIES:
                    raise ImportFailedError(f"{error}, {TRIES} times: what was done is kept; run the same command again") from error
                rejected.back_to(lengths[0])
                warned.back_to(lengths[1])
            else:
                return

    def _write_once(self, chunk: list[RawRow], read: list[Record | Verdict], rejected: RejectedFile, warned: RejectedFile) -> None:
        intake, batch = self._intake, self._batch
        now = intake.clock()
        setting = Setting(now, self._today, self._actor, batch.id, self._options.region)
        tally = self._tally.copy()
        writes = Writes()
        with intake.database.session_scope() as session:
            import_rows.widen_cache(session)
            records = [one for one in read if not isinstance(one, Verdict)]
            decided = iter(decide_chunk(session, batch.kind, records, intake.keyring, intake.policy, intake.silent, setting, writes))
            verdicts = [one if isinstance(one, Verdict) else next(decided) for one in read]
            regions = writes.regions - self._stored_regions
            import_rows.ensure_regions(session, _with_parents(regions, self._own.names))
            for table, rows in writes.inserts.items():
                import_rows.add_rows(session, table, rows)
            for table, rows in writes.changes.items():
                import_rows.change_rows(session, table, rows)
            claims.touch_months(session, writes.months)
            life_after_death.open_for(session, _evidence_of(writes), intake.triage, by=self._actor, now=now)
            for verdict in verdicts:
                tally.add(verdict)
            rejected.add(
                (row.number, verdict.rejection) for row, verdict in zip(chunk, verdicts, strict=True) if verdict.rejection is not None
            )
            warned.add((row.number, verdict.warning) for row, verdict in zip(chunk, verdicts, strict=True) if verdict.warning is not None)
            standing = imports.Progress(
                tally.rows,
                tally.accepted,
                tally.unchanged,
                tally.rejected,
                rejected.length,
                tally.by_rule,
                tally.by_region,
                tally.by_warning,
                warned.length,
            )
            imports.advance(session, batch.id, standing, expected_rows=self._tally.rows, now=now)
        self._tally = tally
        self._stored_regions |= regions

    def finish(self) -> ImportResult:
        """Close the batch, write its report and the audit entry."""
        intake, batch, tally = self._intake, self._batch, self._tally
        now = intake.clock()
        with intake.database.session_scope() as session:
            imports.finish(session, batch.id, ImportState.DONE, now=now)
            counts = {"rows": tally.rows, "accepted": tally.accepted, "unchanged": tally.unchanged, "rejected": tally.rejected}
            details = {"batch": batch.public_id, "kind": batch.kind.value, **counts}
            audit.record(session, actor=self._actor, action="records_imported", now=now, object=batch.public_id, details=details)
            names = import_rows.region_names(session)
        report = self._folder / "report.html"
        facts = BatchReport(batch.public_id, batch.kind, batch.file_name, self._table.encoding, batch.started_at, now, tally, names)
        try:
            write_report(report, facts, self._options.language)
        except OSError as error:
            raise ImportFailedError(
                f"the rows are in, but the report cannot be written ({error.strerror}): make room in {intake.folder} and run it again"
            ) from error
        if not tally.by_warning:
            self.warnings_path.unlink(missing_ok=True)
        return ImportResult(
            batch.public_id,
            tally.rows,
            tally.accepted,
            tally.unchanged,
            tally.rejected,
            tally.by_rule,
            self.rejected_path if tally.rejected else None,
            tally.by_warning,
            self.warnings_path if tally.by_warning else None,
            report,
        )


def _evidence_of(writes: Writes) -> dict[int, date | None]:
    """Whom the new evidence of a chunk is about: the newest day of life, or None where a death record is among it."""
    touched: dict[int, date | None] = {}
    for row in writes.inserts.get(LifeEvidence, ()):
        person, day = row["person_id"], row["occurred_on"]
        if row["kind"] is EvidenceKind.DEATH_RECORD:
            touched[person] = None
        elif row["kind"] is EvidenceKind.DATA_MATCH:
            before = touched.get(person, day)
            touched[person] = None if before is None else max(before, day)
    return touched


def _with_parents(codes: set[str], own: Mapping[str, str]) -> list[tuple[str, str]]:
    chain = {one.code: one.name for code in codes for one in divisions.parents(code, own)}
    return sorted(chain.items(), key=lambda one: (not one[0].endswith("0000"), not one[0].endswith("00"), one[0]))
