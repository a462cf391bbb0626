"""Frames a second on one core: bytes to observation, beside the same models called bare, beside face_recognition's own pipeline.

    python -m benchmarks.frames --clip head-turn.gif

The three take turns in one process that is pinned to one core, and CPU seconds are counted, so that a noisy machine changes all alike.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from api.settings import PROJECT_ROOT, load_settings
from benchmarks.clip import frames_640x480
from verify.capture import decode
from verify.engines.alignment import align_face, enlarged_box
from verify.engines.onnx import OnnxEngine, load_onnx
from verify.observe import FrameStamp, observe
from verify.policy import VerificationPolicy, load_verification_policy


def end_to_end(engine: OnnxEngine, policy: VerificationPolicy, encoded: list[bytes]) -> Callable[[int], None]:
    """Decode, digest, measure: what the service does with a posted frame before it stores it."""

    def one(index: int) -> None:
        data = encoded[index % len(encoded)]
        image = decode(data, policy.capture.frame)
        stamp = FrameStamp(index, index * 100, index * 100, 0, None, hashlib.sha256(data).hexdigest())
        rules = policy.frame
        observation = observe(image, engine, stamp, policy, embed=index % rules.embed_every == 0, passive=index % rules.passive_every == 0)
        assert observation.box is not None

    return one


def bare_models(engine: OnnxEngine, policy: VerificationPolicy, encoded: list[bytes]) -> Callable[[int], None]:
    """The same networks on inputs made beforehand, as often as the service calls them: nothing but inference."""
    mesh = engine._mesh
    assert mesh is not None
    assert engine._passive is not None
    detector = engine._detector._detector
    mesh_model, blendshape_model = mesh._models()
    inputs: list[tuple[Any, ...]] = []
    rng = np.random.default_rng(0)
    for data in encoded:
        image = decode(data, policy.capture.frame)
        small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
        face = engine.detect(image)[0]
        aligned = align_face(image, face.landmarks, 112).astype(np.float32)
        left, top, right, bottom = enlarged_box(image.shape[1], image.shape[0], face.box, 2.7)
        crop = cv2.resize(image[top : bottom + 1, left : right + 1], (128, 128)).astype(np.float32)
        inputs.append(
            (
                small,
                np.ascontiguousarray(((aligned - 127.5) / 128).transpose(2, 0, 1))[None],
                np.ascontiguousarray(crop.transpose(2, 0, 1))[None],
                rng.random((1, 256, 256, 3), dtype=np.float32),
                rng.random((1, 146, 2), dtype=np.float32),
            )
        )

    def one(index: int) -> None:
        small, template_input, passive_input, mesh_input, shape_input = inputs[index % len(inputs)]
        detector((320, 240)).detect(small)
        mesh_model.run(mesh_input, (0, 1))
        blendshape_model.run(shape_input, (0,))
        if index % policy.frame.embed_every == 0:
            engine._embedder._network(template_input)
        if index % policy.frame.passive_every == 0:
            engine._passive._network(passive_input)

    return one


def face_recognition_pipeline(encoded: list[bytes]) -> Callable[[int], None]:
    """Its README's way: load, face_locations, face_landmarks, face_encodings; no liveness at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import face_recognition

    def one(index: int) -> None:
        picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(encoded[index % len(encoded)], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        places = face_recognition.face_locations(picture)
        face_recognition.face_landmarks(picture, places)
        face_recognition.face_encodings(picture, places)

    return one


def cpu_seconds(work: Callable[[int], None], start: int, count: int) -> float:
    """CPU seconds a call."""
    before = time.process_time()
    for index in range(start, start + count):
        work(index)
    return (time.process_time() - before) / count


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True, help="a clip of a face (GIF or video)")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    cv2.setNumThreads(1)
    policy = load_verification_policy(PROJECT_ROOT / "policy.toml")
    engine = load_onnx(load_settings().weights_dir)
    encoded = [cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes() for frame in frames_640x480(options.clip)]
    contestants = {
        "end_to_end": (end_to_end(engine, policy, encoded), 24),
        "bare_models": (bare_models(engine, policy, encoded), 24),
        "face_recognition": (face_recognition_pipeline(encoded), 2),
    }
    costs: dict[str, list[float]] = {name: [] for name in contestants}
    for work, count in contestants.values():
        cpu_seconds(work, 0, count)  # warm
    for round_ in range(options.rounds):
        for name, (work, count) in contestants.items():
            costs[name].append(cpu_seconds(work, round_ * count, count))
    ms = {name: 1000 * statistics.median(values) for name, values in costs.items()}
    ratios = sorted(bare / whole for bare, whole in zip(costs["bare_models"], costs["end_to_end"], strict=True))
    print(
        json.dumps(
            {
                "frames_per_core_s": {name: round(1000 / value, 1) for name, value in ms.items()},
                "cpu_ms_per_frame": {name: round(value, 2) for name, value in ms.items()},
                "of_bare_model_throughput": {
                    "median": round(statistics.median(ratios), 3),
                    "min": round(ratios[0], 3),
                    "max": round(ratios[-1], 3),
                },
                "times_face_recognition": round(ms["face_recognition"] / ms["end_to_end"], 1),
                "embed_every": policy.frame.embed_every,
                "passive_every": policy.frame.passive_every,
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
