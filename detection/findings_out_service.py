"""Findings of a run from the store into a file, with the public ids and masked numbers of their persons; the audit says how many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from detection.finding_files import SCHEMA, Write, as_json, named, open_findings, records_of, row_of
from detection.findings import Finding
from models.database import Database
from models.repositories import audit, claim_names, signal_reads
from models.repositories.claim_names import Names


class FindingsOut:
    """Writes files of findings. ``clock`` gives the aware UTC time."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def write_run(self, path: Path, run_id: int, *, run: str, by: str) -> int:
        """Every standing signal that the run found; how many. Raises OutFileError, OSError."""
        number, after = 0, 0
        with open_findings(path) as write:
            while True:
                with self._database.read_scope() as session:
                    rows = signal_reads.of_run(session, run_id, after=after)
                    people = signal_reads.persons_of(session, [row.person_id for row in rows if row.person_id is not None])
                    names = claim_names.read(session, [row.records for row in rows], _everywhere)
                if not rows:
                    break
                write([_row(row, people.get(row.person_id), names) for row in rows])
                number, after = number + len(rows), rows[-1].id
        self._record(number, run=run, by=by)
        return number

    def write_findings(self, write: Write, findings: Sequence[Finding]) -> None:
        """Some findings that are not in the store, of persons who are."""
        with self._database.read_scope() as session:
            people = signal_reads.persons_of(session, [one.person_id for one in findings if one.person_id is not None])
            names = claim_names.read(session, [records_of(one) for one in findings], _everywhere)
        rows = []
        for one in findings:
            public_id, masked = people.get(one.person_id, (None, None)) if one.person_id is not None else (None, None)
            rows.append(row_of(one, person=public_id, masked=masked, names=names))
        write(rows)

    def _record(self, number: int, *, run: str, by: str) -> None:
        with self._database.session_scope() as session:
            details = {"findings": number}
            audit.record(session, actor=by, action="detection.findings_out", now=self._clock(), object=run, details=details)

    def record_look_back(self, number: int, *, by: str) -> None:
        """The audit entry of a file that ``write_findings`` filled."""
        self._record(number, run="", by=by)


def _everywhere(_region: str) -> bool:
    return True  # the file is the operator's, who sees the whole store


def _row(row: Row[Any], person: tuple[str, str] | None, names: Names) -> dict[str, Any]:
    public_id, masked = person or (None, None)
    known = {"person": public_id, "resident_id_masked": masked, "subject": row.subject_ref, "severity": row.severity.value}
    known |= {"facts": as_json(row.facts), "records": as_json(named(row.records, names))}
    return {name: known[name] if name in known else getattr(row, name) for name in SCHEMA.names}
