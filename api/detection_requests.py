"""Runs of detection that staff ask for: each waits as a note below ``detection`` in the home until ``lifecert jobs`` carries it out.

It runs beside the queue, so that text messages and resumptions do not wait for it. A process that dies leaves the note: the next one goes
on with the run after its last finished stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from api import notes_in_home
from api.context import Context
from api.log import logger
from detection.errors import DetectionError
from models.detection import DetectionKind
from models.errors import Conflict, ConflictError, ModelsError

NOTE = ".json"

log = logger("lifecert.detection")


@dataclass(frozen=True)
class RunRequest:
    """A run that somebody asked for. region_code: empty for the whole store. asked_by: as the audit trail names them."""

    kind: DetectionKind
    as_of: date
    region_code: str
    asked_by: str
    asked_at: datetime


def folder(context: Context) -> Path:
    """Where requests wait, made when it is not there."""
    return notes_in_home.folder(context.settings.home / "detection" / "waiting")


def ask(context: Context, request: RunRequest) -> None:
    """Put a request into the line.

    Raises:
        ConflictError: RUN_IN_PROGRESS; the same run waits already.
    """
    name = f"{request.kind.value}-{request.as_of:%Y%m%d}-{request.region_code or 'all'}{NOTE}"
    note = {
        "kind": request.kind.value,
        "as_of": request.as_of.isoformat(),
        "region": request.region_code,
        "by": request.asked_by,
        "at": request.asked_at.isoformat(),
    }
    if not notes_in_home.leave(folder(context) / name, note):
        raise ConflictError(Conflict.RUN_IN_PROGRESS, "the same run waits already")


def waiting(context: Context) -> list[RunRequest]:
    """Requests that wait or are being carried out, oldest first."""
    return [request for _, request in _notes(context)]


def _notes(context: Context) -> list[tuple[Path, RunRequest]]:
    found = []
    for path in folder(context).glob(f"[!.]*{NOTE}"):
        try:
            note = notes_in_home.read(path)
            if note is None:
                continue  # carried out by another process just now
            asked_at = datetime.fromisoformat(note["at"])
            request = RunRequest(DetectionKind(note["kind"]), date.fromisoformat(note["as_of"]), note["region"], note["by"], asked_at)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("detection_request_thrown_away", why=type(error).__name__)
            path.unlink(missing_ok=True)  # nobody can read it: people ask again
            continue
        found.append((path, request))
    return sorted(found, key=lambda one: (one[1].asked_at, one[0].name))


def carry_out_waiting(context: Context) -> int:
    """Carry out what waits, oldest first; how many. One whose kind is at work elsewhere is left for later.

    A run that stops by a fault is over: its row says why, and people ask for it again when the cause is gone.
    """
    notes = _notes(context)
    if not notes:
        return 0
    from api.detection import detect  # brings the engine of expressions along, which most processes never need

    done = 0
    for path, request in notes:
        try:
            result = detect(context, request.kind, request.as_of, region_code=request.region_code, by=request.asked_by)
            log.info("detection_done", kind=request.kind.value, run=result.run, opened=result.alerts.opened, closed=result.alerts.closed)
        except ConflictError as error:
            if error.conflict is Conflict.RUN_IN_PROGRESS:
                continue
            log.warning("detection_stopped", kind=request.kind.value, why=error.conflict.value)
        except (DetectionError, ModelsError, OSError) as error:
            log.warning("detection_stopped", kind=request.kind.value, why=type(error).__name__)
        except Exception as error:
            log.error("detection_stopped", kind=request.kind.value, exc_info=error)  # must not end the thread, nor come again for ever
        path.unlink(missing_ok=True)
        done += 1
    return done
