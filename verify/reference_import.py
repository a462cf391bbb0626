"""References from a folder of photographs and a list: resumable, the same list twice changes nothing, rejected lines come back."""

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
from verify.csv_input import read_rows
from verify.errors import CaptureError
from verify.reference_service import ReferenceService
from verify.service_errors import ReferenceRejected

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
    reference of the running engine are left as they are unless ``replace``. rejected_file gets line, file, rule and reason of each
    line that was not enrolled; it holds no resident ID.

    Raises:
        ListError: the list itself cannot be used.
    """
    rows = read_rows(people, COLUMNS)
    counts = {"rows": len(rows), "enrolled": 0, "unchanged": 0, "rejected": 0}
    rejected: list[tuple[int, str, str, str]] = []
    root = photos.resolve()
    for done, (line, row) in enumerate(rows, 1):
        rule, reason = _enrol_line(service, database, keyring, root, row, actor=actor, replace=replace)
        if rule in counts:
            counts[rule] += 1
        else:
            counts["rejected"] += 1
            rejected.append((line, row["file"], rule, reason))
        progress("references", done, len(rows))
    _write_rejected(rejected_file, rejected)
    by_rule: dict[str, int] = {}
    for _, _, rule, _ in rejected:
        by_rule[rule] = by_rule.get(rule, 0) + 1
    return {**counts, "by_rule": by_rule, "rejected_file": str(rejected_file) if rejected else None}


def _enrol_line(
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
    path = (root / row["file"]).resolve()
    if not path.is_relative_to(root):
        return "file_outside", "the file name leads out of the folder of photographs"
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


def _write_rejected(path: Path, rejected: list[tuple[int, str, str, str]]) -> None:
    if not rejected:
        path.unlink(missing_ok=True)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "file", "rule", "reason"))
        writer.writerows(rejected)
    temporary.replace(path)
