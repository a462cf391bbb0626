"""Face engines behind one protocol. Each engine's libraries are imported only when it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from verify.errors import EngineError

if TYPE_CHECKING:
    from verify.engines.protocol import Engine

ENGINE_NAMES = ("onnx", "dlib", "scripted")


def load_engine(
    name: str, *, weights_dir: Path | None = None, embedder_config: Path | None = None, allow_test_double: bool = False
) -> Engine:
    """Load one engine; takes a second or so and should happen once a process.

    name: one of ENGINE_NAMES. weights_dir: the weights cache, None for the default one (onnx; dlib uses its detector when it is there).
    embedder_config: a TOML file with an ``[embedder]`` table that replaces the stock embedder of onnx. allow_test_double: must be
    true for ``scripted``; never in production.

    Raises EngineError for an unknown name or an unusable model, WeightsUnavailableError (fall back to dlib) or WrongHashError (refuse
    to start).
    """
    if embedder_config is not None and name != "onnx":
        raise EngineError(f"an embedder configuration belongs to the onnx engine, not to {name!r}")
    if name == "onnx":
        from verify.engines.onnx import load_onnx, read_embedder_config

        return load_onnx(weights_dir, read_embedder_config(embedder_config) if embedder_config else None)
    if name == "dlib":
        from verify.engines.dlib import load_dlib

        return load_dlib(weights_dir)
    if name == "scripted":
        from verify.engines.scripted import ScriptedEngine

        return ScriptedEngine(allow_test_double=allow_test_double)
    raise EngineError(f"no engine is called {name!r}: choose one of {', '.join(ENGINE_NAMES)}")


def engine_versions() -> dict[str, str]:
    """Versions of the libraries behind the engines, by distribution name; 'missing' when one is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in (
        "opencv-python-headless",
        "openvino",
        "onnxruntime",
        "ai-edge-litert",
        "dlib-bin",
        "face-recognition",
        "face-recognition-models",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found
