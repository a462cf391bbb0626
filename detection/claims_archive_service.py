"""The analytical files of claims brought up to the store: month by month, only those that changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from detection.claims import archive
from detection.claims.tables import SCHEMAS
from detection.errors import RunFailedError
from models.database import Database
from models.errors import Conflict, ConflictError
from models.repositories import claim_extracts, claims, extracts
from models.repositories.claim_extracts import ClaimScope
from models.run_lock import only_one

STAGE = "archive"
LOCK = "claims-archive"
WAIT_S = 1.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Refreshed:
    """What was done. written, removed: months. claims, lines: rows of all files now."""

    written: int
    removed: int
    claims: int
    lines: int


class ClaimsArchiveService:
    """Keeps the files of ``detection.claims.archive``. folder: of the files, ``analytics/claims`` in the home."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def refresh(self, progress: Progress = lambda _stage, _done, _total: None) -> Refreshed:
        """Write every month anew whose claims or lines changed, or whose files are missing; follow mergers of records.

        One process at a time: a second one waits. Each month is of one moment; killed in between, the months that are done stay, the
        others keep their old files.

        Raises:
            RunFailedError: the disk is full or the folder cannot be used.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone(progress):
                return self._refresh(progress)
        except OSError as error:
            raise RunFailedError(
                f"the files of claims cannot be written to {self._folder} ({error.strerror}): make room or mend its rights and try again"
            ) from error

    @contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(only_one(self._database, LOCK))
                    break
                except ConflictError as error:
                    if error.conflict is not Conflict.RUN_IN_PROGRESS:
                        raise
                    progress(f"{STAGE}: waiting for another process", 0, 0)
                    time.sleep(WAIT_S)
            yield

    def _refresh(self, progress: Progress) -> Refreshed:
        manifest = self._known()
        with self._database.read_scope() as session:
            due = claims.months(session)
            merged = extracts.merged_records(session)
            speaking = dict(zip(merged.ids.to_pylist(), merged.speaking.to_pylist(), strict=True))
            moved = {key for key in speaking.keys() | manifest.speaking.keys() if speaking.get(key) != manifest.speaking.get(key)}
            owned_anew = claims.months_of_persons(session, moved) if moved and manifest.months else set()
        there = {one.month for one in due}
        for month in manifest.months.keys() - there:  # a store that was taken back
            manifest = self._counts(archive.with_month(manifest, month, None))
        changed = {one.month for one in due if not self._is_current(manifest, one)}
        work, written, removed = sorted(changed | (owned_anew & there)), 0, 0
        for place, month in enumerate(work):
            progress(STAGE, place, len(work))
            entry = self._write(month, None if month in changed else manifest.months[month])
            manifest = self._counts(archive.with_month(manifest, month, entry))
            if entry is None:
                removed += 1
                continue
            written += 1
            with self._database.session_scope() as session:
                claims.month_archived(session, month, entry.revision)
        progress(STAGE, len(work), len(work))
        if speaking != manifest.speaking:
            manifest = self._counts(archive.Manifest(manifest.months, speaking))
        archive.sweep(self._folder, manifest)
        total = {table: sum(one.rows[table] for one in manifest.months.values()) for table in archive.TABLES}
        return Refreshed(written, removed, total["claim"], total["line"])

    def _known(self) -> archive.Manifest:
        try:
            return archive.read_manifest(self._folder)
        except RunFailedError:
            return archive.Manifest()  # written anew from the store

    def _counts(self, manifest: archive.Manifest) -> archive.Manifest:
        archive.write_manifest(self._folder, manifest)
        return manifest

    def _is_current(self, manifest: archive.Manifest, due: claims.MonthDue) -> bool:
        entry = manifest.months.get(due.month)
        if entry is None or not due.revision == due.archived_revision == entry.revision:
            return False
        return archive.is_whole(self._folder, due.month, entry)

    def _write(self, month: date, known: archive.Month | None) -> archive.Month | None:
        """New files of a month, None when it has no claims any more. known: its files, where only the owners of claims may have changed."""
        last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        scope = ClaimScope(month, last)
        names: dict[str, str] = {}
        rows: dict[str, int] = {}
        with self._database.read_scope() as session:
            if self._database.dialect == "postgresql":
                extracts.of_one_moment(session)
            merged = extracts.merged_records(session)
            revision = claims.month_revision(session, month) or 0
            for table in archive.TABLES:
                if known is not None and known.revision == revision and table == "line":  # lines name no person
                    names[table], rows[table] = known.files[table], known.rows[table]
                    continue
                batches = claim_extracts.batches(session, table, SCHEMAS[table], scope, merged)
                names[table], rows[table] = archive.write_file(self._folder, month, table, batches)
        if rows["claim"] == 0:
            with self._database.session_scope() as session:
                claims.forget_month(session, month, revision)
            return None
        return archive.Month(revision, names, rows)
