"""A whole decision from files: one reference photograph and a folder of frames. No store, nothing kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from verify.assessment import assess, probe_embedding
from verify.capture import decode
from verify.comparison import compare
from verify.engines.protocol import Embedding, Engine, Image
from verify.errors import CaptureError, CaptureProblem
from verify.evidence import Decision
from verify.observe import FrameStamp, observe
from verify.pad.challenge import Challenge, Prompt
from verify.policy import CaptureLimits, VerificationPolicy
from verify.still import embed_still
from verify.tables import TableError
from verify.views import ChallengeKind, PromptName

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
PROMPTS_FILE = "prompts.json"
ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FrameFile:
    """One frame on disk and what was on show when it was taken."""

    path: Path
    at_ms: int
    step: int
    colour: str | None


def verify_files(
    reference: Path, frames: Path, engine: Engine, *, policy: VerificationPolicy, frames_per_s: float, progress: ProgressCallback
) -> dict[str, Any]:
    """Decide and return every measured value as plain JSON values.

    Raises:
        CaptureError: the reference shows no usable face or a picture cannot be read; the message names the file.
        TableError: the folder holds no frames, or its prompts.json is wrong.
    """
    listed, challenge = _frames(frames, frames_per_s)
    template = _template(reference, engine, policy)
    observations = []
    for seq, frame in enumerate(listed):
        data = frame.path.read_bytes()
        picture = _picture(frame.path, data, policy.capture.frame)
        stamp = FrameStamp(seq, frame.at_ms, frame.at_ms, frame.step, frame.colour, hashlib.sha256(data).hexdigest())
        observations.append(observe(picture, engine, stamp, policy, embed=True, passive=True, texture=True))
        progress("frames", seq + 1, len(listed))
    probe = probe_embedding(observations, policy)
    match = None if probe is None else compare(engine, template, probe, None, policy.matching).evidence()
    decision = assess(observations, challenge, match=match, policy=policy, tries_left=1)
    return {"engine": engine.name, "engine_version": engine.version, "frames": len(listed), **decision_json(decision)}


def _template(path: Path, engine: Engine, policy: VerificationPolicy) -> Embedding:
    image = _picture(path, path.read_bytes(), policy.capture.still, upright=True)
    faces = engine.detect(image)
    if not faces:
        raise CaptureError(CaptureProblem.NOT_AN_IMAGE, f"{path.name} shows no face: give a clear frontal photograph")
    return embed_still(engine, image, faces[0], flip=engine.name in policy.matching.flip_stills)  # as enrolment does


def _picture(path: Path, data: bytes, limits: CaptureLimits, *, upright: bool = False) -> Image:
    try:
        return decode(data, limits, exif_orientation=upright)
    except CaptureError as error:
        raise CaptureError(error.problem, f"{path.name}: {error}") from error


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision as plain values."""
    return {
        "outcome": decision.outcome.value,
        "reasons": [reason.value for reason in decision.reasons],
        "evidence": {
            piece.kind.value: {
                "state": piece.state.value,
                "reasons": [reason.value for reason in piece.reasons],
                "measures": {m.name: {"value": m.value, "threshold": m.threshold, "unit": m.unit} for m in piece.measures},
            }
            for piece in decision.evidence
        },
    }


def _frames(folder: Path, frames_per_s: float) -> tuple[list[FrameFile], Challenge | None]:
    prompts = folder / PROMPTS_FILE
    if prompts.exists():
        return _prompted(prompts)
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise TableError(f"{folder} holds no JPEG, PNG or WebP frames")
    return [FrameFile(path, round(index * 1000 / frames_per_s), 0, None) for index, path in enumerate(paths)], None


def _prompted(path: Path) -> tuple[list[FrameFile], Challenge]:
    """Frames with what was on show: every change of prompt, colour or ``step`` is a step."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        shown = [(str(row["file"]), int(row["at_ms"]), PromptName(row["prompt"]), row.get("colour"), row.get("step")) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path.name}: a list of objects with file, at_ms, prompt[, colour, step] is expected ({error})") from error
    files: list[FrameFile] = []
    prompts: list[Prompt] = []
    colours: list[str] = []
    before: tuple[object, ...] | None = None
    for name, at_ms, prompt, colour, number in shown:
        if (prompt, colour, number) != before:
            before = (prompt, colour, number)
            if colour is not None:
                colours.append(colour)
            elif prompt is not PromptName.DONE:
                prompts.append(Prompt(prompt))
        done = prompt is PromptName.DONE
        step = len(prompts) + len(colours) - (0 if done else 1)
        files.append(FrameFile(path.parent / name, at_ms, step, colour))
    if not files:
        raise TableError(f"{path.name} lists no frames")
    kind = ChallengeKind.GENTLE if any(p.name is PromptName.BLINK for p in prompts) else ChallengeKind.STANDARD
    start = datetime(2000, 1, 1, tzinfo=UTC)  # files have no clock: nothing expires
    length = timedelta(milliseconds=max(frame.at_ms for frame in files) + 60_000)
    return files, Challenge(kind, tuple(prompts), tuple(colours), start, start + length)
