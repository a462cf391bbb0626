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

import cv2
import numpy as np

from api.settings import PROJECT_ROOT, load_settings
from benchmarks.clip import frames_640x480
from verify.capture import decode
from verify.engines.onnx import OnnxEngine, load_onnx
from verify.engines.yunet import OpenVinoYuNet
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
    """The same models called one after the other on a decoded picture, as often as the service calls them, and nothing else."""
    pictures = [decode(data, policy.capture.frame) for data in encoded]

    def one(index: int) -> None:
        picture = pictures[index % len(pictures)]
        face = engine.detect(picture)[0]
        engine.mesh(picture, face)
        if index % policy.frame.embed_every == 0:
            engine.embed(picture, face)
        if index % policy.frame.passive_every == 0:
            engine.passive(picture, face)

    return one


def networks(engine: OnnxEngine, policy: VerificationPolicy) -> Callable[[int], None]:
    """The networks alone on tensors made beforehand: the limit that no handling of pictures can pass."""
    assert engine._mesh is not None
    assert engine._passive is not None
    yunet = engine._detector._network
    assert isinstance(yunet, OpenVinoYuNet)
    mesh_model, blendshape_model = engine._mesh._models()
    rng = np.random.default_rng(0)
    picture = rng.random((1, 3, 256, 320), dtype=np.float32) * 255
    face = rng.random((1, 3, 112, 112), dtype=np.float32) * 2 - 1
    surroundings = rng.random((1, 3, 128, 128), dtype=np.float32) * 255
    crop, points = rng.random((1, 256, 256, 3), dtype=np.float32), rng.random((1, 146, 2), dtype=np.float32)

    def one(index: int) -> None:
        yunet._infer((256, 320), picture)
        mesh_model.run(crop, (0, 1))
        blendshape_model.run(points, (0,))
        if index % policy.frame.embed_every == 0:
            engine._embedder._network(face)
        if index % policy.frame.passive_every == 0:
            engine._passive._network(surroundings)

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
        "networks": (networks(engine, policy), 24),
        "face_recognition": (face_recognition_pipeline(encoded), 2),
    }
    costs: dict[str, list[float]] = {name: [] for name in contestants}
    for work, count in contestants.values():
        cpu_seconds(work, 0, count)  # warm
    for round_ in range(options.rounds):
        for name, (work, count) in contestants.items():
            costs[name].append(cpu_seconds(work, round_ * count, count))
    ms = {name: 1000 * statistics.median(values) for name, values in costs.items()}
    result = {
        "frames_per_core_s": {name: round(1000 / value, 1) for name, value in ms.items()},
        "frames_per_core_s_best_round": {name: round(1 / min(values), 1) for name, values in costs.items()},
        "cpu_ms_per_frame": {name: round(value, 2) for name, value in ms.items()},
        "end_to_end_throughput_of": {
            name: _ratio(costs[name], costs["end_to_end"]) for name in ("bare_models", "networks", "face_recognition")
        },
        "embed_every": policy.frame.embed_every,
        "passive_every": policy.frame.passive_every,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result, indent=2))


def _ratio(peer: list[float], own: list[float]) -> dict[str, float]:
    """Own throughput over the peer's, round by round."""
    ratios = sorted(other / mine for other, mine in zip(peer, own, strict=True))
    return {"median": round(statistics.median(ratios), 3), "min": round(ratios[0], 3), "max": round(ratios[-1], 3)}


if __name__ == "__main__":
    main()
