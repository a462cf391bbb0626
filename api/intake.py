"""The intake of records, put together from the context, and the files that machine clients hand in for it.

A file that was handed in waits below ``imports/incoming`` in the home with a note beside it; a job brings it in. A run that dies leaves
both, so that the next one goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.context import Context
from api.log import logger
from detection.intake.errors import FileUnusableError, ImportFailedError
from detection.intake_service import Intake, Options
from models.errors import Conflict, ConflictError
from models.import_batch import ImportBatch, ImportKind
from models.repositories import imports
from models.triage import TriageRules

NOTE = ".json"

log = logger("lifecert.imports")


def intake_of(context: Context) -> Intake:
    """The intake of this installation; each batch leaves its files in a folder of its own below ``imports`` in the home."""
    policy = context.policy
    return Intake(
        database=context.database,
        keyring=context.keyring,
        certification=policy.certification,
        policy=policy.intake,
        silent=policy.silent,
        triage=TriageRules.of(policy, policy.hash),
        folder=context.settings.home / "imports",
        clock=context.clock,
    )


def incoming(context: Context) -> Path:
    """The folder of files that wait, made when it is not there."""
    folder = context.settings.home / "imports" / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def hand_in(context: Context, kind: ImportKind, received: Path, *, file_name: str, region_code: str | None, actor: str) -> str:
    """Public id of the batch of a file that was received; a job brings it in. The same file again while it waits has the same batch.

    Raises:
        FileUnusableError: the file as a whole cannot be used; it is gone.
    """
    intake, options = intake_of(context), Options(region=region_code)
    try:
        intake.inspect(kind, received, options, file_name=file_name)
        batch = intake.register(kind, received, options, actor=actor, file_name=file_name)
    except FileUnusableError:
        received.unlink()
        raise
    waiting = received.with_name(batch)
    os.replace(received, waiting)
    note = {"kind": kind.value, "file_name": file_name, "region": region_code, "actor": actor}
    unfinished = waiting.with_name(f".{batch}.{secrets.token_hex(4)}")
    unfinished.write_text(json.dumps(note), encoding="utf-8")
    os.replace(unfinished, waiting.with_name(batch + NOTE))
    return batch


def delete_old_files(context: Context) -> int:
    """Delete rejected rows and files that were handed in once policy no longer keeps them; how many files. Reports and counts stay.

    An import that was interrupted and not gone on with in that time is closed as failed: its rows stay.
    """
    days = context.policy.intake.rejected_file_days
    before = context.clock() - timedelta(days=days)
    with context.database.session_scope() as session:
        imports.give_up(session, before=before, now=context.clock(), failure=f"interrupted, and not gone on with for {days} days")
    folder, deleted = context.settings.home / "imports", 0
    with context.database.read_scope() as session:
        for path in (*folder.glob("*/rejected.csv"), *folder.glob("*/warnings.csv")):
            if _is_over(imports.find(session, path.parent.name), path, before):
                path.unlink(missing_ok=True)
                deleted += 1
        for path in (folder / "incoming").glob("*"):
            name = path.name.removeprefix(".").split(".", 1)[0]
            if path.is_file() and _is_over(imports.find(session, name), path, before):
                path.unlink(missing_ok=True)
                deleted += 1
    return deleted


def _is_over(batch: ImportBatch | None, path: Path, before: datetime) -> bool:
    if batch is None:  # received and never registered: a process died in between
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
    return batch.finished_at is not None and batch.finished_at < before


def import_waiting(context: Context) -> int:
    """Bring in what waits, oldest first; how many files were dealt with. One that another process is at is left to it."""
    done = 0
    for note_path in sorted(incoming(context).glob("*" + NOTE), key=lambda path: path.stat().st_mtime):
        note: dict[str, Any] = json.loads(note_path.read_text(encoding="utf-8"))
        file = note_path.with_suffix("")
        try:
            if file.exists():
                result = intake_of(context).import_file(
                    ImportKind(note["kind"]),
                    file,
                    Options(region=note["region"]),
                    actor=note["actor"],
                    file_name=note["file_name"],
                )
                log.info("import_done", batch=result.batch, rows=result.rows, rejected=result.rejected)
        except ConflictError as error:
            if error.conflict is not Conflict.RUN_IN_PROGRESS:
                raise
            continue
        except FileUnusableError:
            log.warning("import_failed", batch=file.name)  # the batch says why
        except ImportFailedError as error:
            log.warning("import_stopped", batch=file.name, why=type(error).__name__)
            continue
        file.unlink(missing_ok=True)
        note_path.unlink(missing_ok=True)
        done += 1
    return done
