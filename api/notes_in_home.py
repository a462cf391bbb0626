"""Small notes in the home that one process leaves for another: whole or not there at all, and never two under one name."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def folder(place: Path) -> Path:
    """The folder for notes, made when it is not there, for the owner alone."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def leave(note: Path, said: Mapping[str, Any]) -> bool:
    """Leave a note; False when one of that name is there already. Raises OSError when it cannot be written."""
    unfinished = note.with_name(f".{secrets.token_hex(8)}")
    try:
        unfinished.write_text(json.dumps(said), encoding="utf-8")
        os.link(unfinished, note)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def read(note: Path) -> dict[str, Any] | None:
    """What a note says; None when it is gone. Raises ValueError when it is no note."""
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(said, dict):
        raise ValueError(f"{note.name}: not a note")
    return said
