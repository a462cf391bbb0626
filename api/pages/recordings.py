"""Recorded sessions on disk, in the form that ``lifecert evaluate liveness`` reads, and beside them who agreed when to be recorded."""

from __future__ import annotations

import csv
import fcntl
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from verify.capture import decode
from verify.errors import CaptureError
from verify.evaluation_media import AttemptWriter
from verify.policy import CaptureLimits
from verify.views import PromptName

LABELS = ("bona_fide", "attack")
LONGEST_MS = 10 * 60 * 1000
_SPECIES = re.compile(r"[a-z0-9_]{1,40}")


class RecordingRefused(Exception):
    """Something about a recording is not acceptable. field: which."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True)
class Recorder:
    """Writes recordings into one folder that only its owner can read; several processes may write at once.

    key: signs what an attempt is, so that its frames can be added by any worker without keeping anything in between.
    """

    folder: Path
    key: bytes

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="lifecert-recording")

    def start(self, *, label: str, species: str, actor: str, at: datetime) -> str:
        """Open an attempt of somebody who agreed; returns the token that its frames carry.

        species: a short lower-case word for an attack, not looked at for bona fide. Raises RecordingRefused.
        """
        if label not in LABELS:
            raise RecordingRefused("label", f"label must be one of {', '.join(LABELS)}")
        if label == "attack" and not _SPECIES.fullmatch(species):
            raise RecordingRefused("species", "an attack needs its species: lower-case letters, digits and _")
        attempt = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "consents.csv").open("a", newline="", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # released when the file is closed
            csv.writer(stream).writerow((attempt, at.isoformat(), actor, "agreed in writing"))
        token: str = self._signer().dumps([attempt, label, species if label == "attack" else ""])
        return token

    def add(self, token: str, data: bytes, *, at_ms: int, step: int, prompt: PromptName, limits: CaptureLimits) -> None:
        """Add one frame. at_ms: from the attempt's start; step: which prompt of the script. Raises RecordingRefused."""
        try:
            attempt, label, species = self._signer().loads(token)
        except BadSignature as error:
            raise RecordingRefused("attempt", "there is no such attempt: start one") from error
        if not 0 <= at_ms <= LONGEST_MS:
            raise RecordingRefused("at_ms", f"at_ms must be 0 to {LONGEST_MS}")
        try:
            decode(data, limits)
        except CaptureError as error:
            raise RecordingRefused("picture", str(error)) from error
        AttemptWriter(self.folder).append(attempt, data, at_ms=at_ms, label=label, species=species, step=step, prompt=prompt.value)
