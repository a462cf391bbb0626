"""Recorded sessions on disk: one JPEG a frame, and attempts.csv with attempt,file,at_ms,label,species."""

from __future__ import annotations

import csv
import fcntl
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from verify.capture import decode
from verify.errors import CaptureError
from verify.policy import CaptureLimits

COLUMNS = ("attempt", "file", "at_ms", "label", "species")
LABELS = ("bona_fide", "attack")
_SPECIES = re.compile(r"[a-z0-9_]{1,40}")
_ATTEMPT = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")
LONGEST_MS = 10 * 60 * 1000


class RecordingRefused(Exception):
    """Something about a recording is not acceptable. field: which."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True)
class Recorder:
    """Writes recordings into one folder that only its owner can read. Several processes may write at once."""

    folder: Path

    def start(self, *, label: str, species: str, at: datetime) -> str:
        """Open an attempt, return its id. species: empty for bona fide, a short lower-case word for an attack. Raises RecordingRefused."""
        if label not in LABELS:
            raise RecordingRefused("label", f"label must be one of {', '.join(LABELS)}")
        if label == "attack" and not _SPECIES.fullmatch(species):
            raise RecordingRefused("species", "an attack needs its species: lower-case letters, digits and _")
        attempt = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        folder = self.folder / attempt
        folder.mkdir(mode=0o700, parents=True)
        content = {"label": label, "species": species if label == "attack" else "", "consent": True, "recorded_at": at.isoformat()}
        (folder / "attempt.json").write_text(json.dumps(content), encoding="utf-8")
        return attempt

    def add(self, attempt: str, data: bytes, *, at_ms: int, limits: CaptureLimits) -> None:
        """Add one frame. at_ms: from the attempt's start. Raises RecordingRefused for an unknown attempt or bytes that are no picture."""
        if not _ATTEMPT.fullmatch(attempt) or not (self.folder / attempt / "attempt.json").is_file():
            raise RecordingRefused("attempt", "there is no such attempt: start one")
        if not 0 <= at_ms <= LONGEST_MS:
            raise RecordingRefused("at_ms", f"at_ms must be 0 to {LONGEST_MS}")
        try:
            decode(data, limits)
        except CaptureError as error:
            raise RecordingRefused("picture", str(error)) from error
        about = json.loads((self.folder / attempt / "attempt.json").read_text(encoding="utf-8"))
        name = f"{attempt}/{at_ms:07d}.jpg"
        path = self.folder / name
        path.write_bytes(data)
        path.chmod(0o600)
        self._append({"attempt": attempt, "file": name, "at_ms": at_ms, "label": about["label"], "species": about["species"]})

    def _append(self, row: dict[str, object]) -> None:
        with (self.folder / "attempts.csv").open("a", newline="", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # released when the file is closed
            writer = csv.DictWriter(stream, COLUMNS)
            if stream.seek(0, 2) == 0:
                writer.writeheader()
            writer.writerow(row)
