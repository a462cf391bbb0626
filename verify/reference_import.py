"""References from a folder of photographs and a list: resumable, the same list twice changes nothing, rejected rows come back."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.database import Database
from models.errors import ModelsError
from models.keys import KeyRing
from models.repositories import persons
from verify.errors import CaptureError
from verify.reference_service import ReferenceService
from verify.service_errors import ReferenceRejected
from verify.tables import read_rows

COLUMNS = ("resident_id", "file")
ProgressCallback = Callable[[str, int, int], None]


def import_references(
    service: ReferenceService,
    database: Database,
    keyring: KeyRing,
    photos: Path,
    people: Path,
    rejected_file: Path,
    *,
    actor: str,
    replace: bool,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Enrol one photograph a person.

    Each enrolment is a transaction of its own, so a killed run has lost nothing and the next one goes on: people who have a
    reference of the running engine are left as they are unless ``replace``. rejected_file gets row, file, rule and reason of each
    row that was not enrolled; it holds no resident ID.

    Raises:
        TableError: the list itself cannot be used.
    """
    table = read_rows(people, COLUMNS)
    counts = {"rows": len(table.rows) + len(table.mistakes), "enrolled": 0, "unchanged": 0}
    rejected = [(number, "", "fields", mistake) for number, mistake in table.mistakes]
    root = photos.resolve()
    for done, row in enumerate(table.rows, 1):
        rule, reason = _enrol_row(service, database, keyring, root, row.values, actor=actor, replace=replace)
        if rule in counts:
            counts[rule] += 1
        else:
            rejected.append((row.number, row.values["file"], rule, reason))
        progress("references", done, len(table.rows))
    rejected.sort()
    _write_rejected(rejected_file, rejected)
    by_rule: dict[str, int] = {}
    for _, _, rule, _ in rejected:
        by_rule[rule] = by_rule.get(rule, 0) + 1
    return {**counts, "rejected": len(rejected), "by_rule": by_rule, "rejected_file": str(rejected_file) if rejected else None}


def _enrol_row(
    service: ReferenceService, database: Database, keyring: KeyRing, root: Path, row: dict[str, str], *, actor: str, replace: bool
) -> tuple[str, str]:
    """("enrolled" | "unchanged" | rule, reason)."""
    try:
        with database.read_scope() as session:
            person = persons.find_by_resident_id(session, row["resident_id"], keyring=keyring)
    except ModelsError as error:
        return "resident_id", str(error)
    if person is None:
        return "person_unknown", "no person with this resident ID is recorded: import the person first"
    path = _inside(root, row["file"])
    if path is None:
        return "file_outside", "the file name is empty or leads out of the folder of photographs"
    if not replace and service.active(person.public_id) is not None:
        return "unchanged", ""
    try:
        service.enrol(person.public_id, path.read_bytes(), source="import", actor=actor)
    except OSError as error:
        return "file_unreadable", f"the photograph cannot be read ({error.strerror})"
    except CaptureError as error:
        return error.problem.value, str(error)
    except ReferenceRejected as error:
        return error.check.reasons[0].value, ", ".join(error.check.reasons)
    return "enrolled", ""


def _inside(root: Path, name: str) -> Path | None:
    try:
        path = (root / name).resolve()
    except ValueError:  # a name that no file can have
        return None
    return path if name and path.is_relative_to(root) else None


def _write_rejected(path: Path, rejected: list[tuple[int, str, str, str]]) -> None:
    if not rejected:
        path.unlink(missing_ok=True)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "file", "rule", "reason"))
        writer.writerows(rejected)
    temporary.replace(path)
