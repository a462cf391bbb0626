"""Attempts as files: ``attempts.csv`` with its frames, read for an evaluation and written by a recording harness.

Columns: attempt, file, at_ms, label (bona_fide or attack), species; where the session was prompted also step, prompt and colour. The
rows of an attempt are in time order; an attempt of one row may name a video or a GIF.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PilImage
from PIL import ImageSequence

from verify.engines.protocol import Image
from verify.evaluation_files import check_files, read_picture
from verify.pad.challenge import Challenge, Prompt
from verify.tables import Row, TableError, raise_mistakes, read_table
from verify.views import ChallengeKind, PromptName

REQUIRED = ("attempt", "file", "at_ms", "label", "species")
COLUMNS = (*REQUIRED, "step", "prompt", "colour")
_LABELS = ("bona_fide", "attack")
_VIDEOS = (".mkv", ".mp4", ".avi", ".mov", ".webm", ".m4v")
_EPOCH = datetime.fromtimestamp(0, UTC)  # recordings have no time of issue
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class MediaFrame:
    """One frame of an attempt. image None: the file is not a picture. step, prompt and colour as they were on show, 0 and "" without."""

    image: Image | None
    at_ms: int
    file: str
    step: int = 0
    prompt: str = ""
    colour: str = ""


@dataclass(frozen=True)
class MediaAttempt:
    """One attempt of the table. species is empty for bona fide ones."""

    name: str
    label: str
    species: str
    rows: tuple[Row, ...]
    folder: Path

    @property
    def prompts(self) -> tuple[tuple[int, PromptName], ...]:
        """(step, prompt) in order, empty when the attempt was not prompted."""
        steps = {int(row.values["step"]): row.values["prompt"] for row in self.rows if row.values.get("prompt")}
        return tuple((step, PromptName(steps[step])) for step in sorted(steps))

    @property
    def colours(self) -> tuple[str, ...]:
        """Names of the colours shown, in order of their steps."""
        steps = {int(row.values["step"]): row.values["colour"] for row in self.rows if row.values.get("colour")}
        return tuple(steps[step] for step in sorted(steps))

    def challenge_prompts(self) -> tuple[Prompt, ...]:
        """The prompts proper, without the colours' steps."""
        return tuple(Prompt(name) for _, name in self.prompts if name not in (PromptName.WATCH_COLOURS, PromptName.DONE))

    def frames(self, frames_max: int) -> Iterator[MediaFrame]:
        """Frames in time order, one at a time; an even choice of at most frames_max. Raises TableError for a broken video."""
        if len(self.rows) == 1 and _is_video(self.rows[0].values["file"]):
            yield from _video_frames(self.folder / self.rows[0].values["file"], self.rows[0], frames_max)
            return
        for index in _chosen(len(self.rows), frames_max):
            values = self.rows[index].values
            yield MediaFrame(
                read_picture(self.folder / values["file"]),
                int(float(values["at_ms"])),
                values["file"],
                int(values.get("step") or 0),
                values.get("prompt", ""),
                values.get("colour", ""),
            )


def read_attempts(path: Path, folder: Path) -> list[MediaAttempt]:
    """Attempts of a table, in order of appearance. Raises TableError naming each row that is wrong."""
    rows = read_table(path, REQUIRED)
    mistakes: list[str] = []
    groups: dict[str, list[Row]] = {}
    for row in rows:
        mistakes += [f"row {row.number}: {text}" for text in _row_mistakes(row)]
        groups.setdefault(row.values["attempt"], []).append(row)
    raise_mistakes(path, mistakes)
    for name, members in groups.items():
        first = members[0]
        for before, row in pairwise(members):
            for column in ("label", "species"):
                if row.values[column] != first.values[column]:
                    mistakes.append(f"row {row.number}: {column} differs from row {first.number} of the same attempt {name!r}")
            if float(row.values["at_ms"]) < float(before.values["at_ms"]):
                mistakes.append(f"row {row.number}: at_ms {row.values['at_ms']} is before row {before.number} of the same attempt")
            if _is_video(row.values["file"]):
                mistakes.append(f"row {row.number}: a video must be the only row of its attempt {name!r}")
    raise_mistakes(path, mistakes)
    check_files(path, folder, ((row.number, "file", row.values["file"]) for row in rows))
    return [
        MediaAttempt(name, members[0].values["label"], members[0].values["species"], tuple(members), folder)
        for name, members in groups.items()
    ]


def _row_mistakes(row: Row) -> Iterator[str]:
    values = row.values
    if not values["attempt"]:
        yield "attempt is empty"
    if values["label"] not in _LABELS:
        yield f"label is {values['label']!r}, must be bona_fide or attack"
    if values["label"] == "attack" and not values["species"]:
        yield "species is empty; an attack must name its species"
    if values["at_ms"] or not _is_video(values["file"]):
        try:
            fine = 0 <= float(values["at_ms"]) < 1e12
        except ValueError:
            fine = False
        if not fine:
            yield f"at_ms is {values['at_ms']!r}, must be milliseconds from the attempt's start"
    if values.get("prompt") and values["prompt"] not in list(PromptName):
        yield f"prompt is {values['prompt']!r}, must be one of {', '.join(PromptName)}"
    if (values.get("prompt") or values.get("colour")) and not (values.get("step") or "").isdigit():
        yield f"step is {values.get('step')!r}, must be 0, 1, 2 ... where there is a prompt or a colour"


def _is_video(name: str) -> bool:
    return name.lower().endswith((*_VIDEOS, ".gif"))


def _chosen(count: int, most: int) -> list[int]:
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _video_frames(path: Path, row: Row, frames_max: int) -> Iterator[MediaFrame]:
    if path.suffix.lower() == ".gif":
        yield from _gif_frames(path, row, frames_max)
        return
    count = sum(1 for _ in _grabs(path))
    if not count:
        raise TableError(f"row {row.number}: {path.name} cannot be read as a video; it may be damaged or of an unknown codec")
    wanted = set(_chosen(count, frames_max))
    for index, capture in enumerate(_grabs(path)):
        if index in wanted:
            at_ms = int(capture.get(cv2.CAP_PROP_POS_MSEC))
            fine, image = capture.retrieve()
            yield MediaFrame(np.asarray(image, np.uint8) if fine else None, at_ms, path.name)


def _grabs(path: Path) -> Iterator[cv2.VideoCapture]:
    """The capture after each frame has been grabbed, which is much cheaper than decoding them."""
    capture = cv2.VideoCapture(str(path))
    try:
        while capture.grab():
            yield capture
    finally:
        capture.release()


def _gif_frames(path: Path, row: Row, frames_max: int) -> Iterator[MediaFrame]:
    try:
        with PilImage.open(path, formats=("GIF",)) as gif:
            wanted = set(_chosen(getattr(gif, "n_frames", 1), frames_max))
            at_ms = 0.0
            for index, part in enumerate(ImageSequence.Iterator(gif)):
                if index in wanted:
                    image = np.ascontiguousarray(np.asarray(part.convert("RGB"))[..., ::-1])
                    yield MediaFrame(image, int(at_ms), path.name)
                at_ms += float(part.info.get("duration", 100)) or 100.0
    except (OSError, ValueError) as error:
        raise TableError(f"row {row.number}: {path.name} cannot be read as a GIF ({error})") from error


def challenge_for(attempt: MediaAttempt) -> Challenge | None:
    """The challenge that the prompt column tells of, None for an attempt without prompts."""
    prompts = attempt.challenge_prompts()
    if not prompts:
        return None
    kind = ChallengeKind.GENTLE if any(prompt.name is PromptName.BLINK for prompt in prompts) else ChallengeKind.STANDARD
    return Challenge(kind, prompts, attempt.colours, _EPOCH, _EPOCH)


class AttemptWriter:
    """Writes attempts into a folder in this form. Several processes may write to one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    @property
    def table(self) -> Path:
        """The attempts.csv of the folder."""
        return self._folder / "attempts.csv"

    def append(
        self,
        attempt: str,
        data: bytes,
        *,
        at_ms: int,
        label: str,
        species: str = "",
        step: int | None = None,
        prompt: str = "",
        colour: str = "",
        suffix: str = ".jpg",
    ) -> Path:
        """Save one frame and its row; the row appears whole or not at all, and after its file.

        attempt: up to 64 letters, digits, dashes and underscores; never a person's name or number. Raises ValueError.
        """
        if not _NAME.fullmatch(attempt):
            raise ValueError(f"attempt {attempt!r} must be 1-64 letters, digits, dashes or underscores")
        if label not in _LABELS or (label == "attack") != bool(species) or suffix not in (".jpg", ".png", ".webp"):
            raise ValueError(
                f"label {label!r}, species {species!r}, suffix {suffix!r}: a bona fide attempt has no species, an attack has one"
            )
        own = self._folder / attempt
        own.mkdir(exist_ok=True)
        with self.table.open("ab") as table:
            fcntl.flock(table, fcntl.LOCK_EX)
            frame = own / f"{len(list(own.iterdir())):05d}{suffix}"
            frame.write_bytes(data)
            line = io.StringIO(newline="")
            writer = csv.writer(line, lineterminator="\n")
            if table.seek(0, os.SEEK_END) == 0:
                writer.writerow(COLUMNS)
            writer.writerow((attempt, f"{attempt}/{frame.name}", at_ms, label, species, "" if step is None else step, prompt, colour))
            table.write(line.getvalue().encode())
            table.flush()
            os.fsync(table.fileno())
        return frame
