"""Somebody asked that the figures of supervisors are counted now: a note in the home, until ``lifecert jobs`` has done it.

A process that dies leaves the note: the next one counts again, which changes nothing that was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api import notes_in_home
from api.context import Context


@dataclass(frozen=True)
class FiguresRequest:
    """Who asked, and when."""

    by: str
    at: datetime


def ask(context: Context, *, by: str) -> bool:
    """Ask for a count; False when one was asked for already. by: as the audit trail names them."""
    return notes_in_home.leave(_note(context), {"by": by, "at": context.clock().isoformat()})


def waiting(context: Context) -> FiguresRequest | None:
    """The count that was asked for and is not done yet. A note that nobody can read is thrown away."""
    note = _note(context)
    try:
        said = notes_in_home.read(note)
        return None if said is None else FiguresRequest(str(said["by"]), datetime.fromisoformat(said["at"]))
    except (ValueError, KeyError, TypeError):
        note.unlink(missing_ok=True)
        return None


def done(context: Context) -> None:
    """The count is made: the note goes."""
    _note(context).unlink(missing_ok=True)


def _note(context: Context) -> Path:
    return notes_in_home.folder(context.settings.home / "figures") / "asked.json"
