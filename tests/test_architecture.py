"""Rules of the whole code base: which package may import which, and how large a module may grow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("api", "models", "verify", "detection", "sample_data", "benchmarks")
LONGEST_MODULE = 400
MIGRATIONS = ROOT / "models" / "migrations" / "versions"  # a migration is written once and read from top to bottom


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_imports_go_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_module_grows_too_long() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    long = {name: lines for name, lines in sizes.items() if lines > LONGEST_MODULE and MIGRATIONS not in (ROOT / name).parents}
    assert not long


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "benchmarks"])
def test_settings_are_read_in_one_place(package: str) -> None:
    """The environment is configuration: only the settings read LIFECERT variables."""
    allowed = {"api/settings.py", "api/cli/serve.py"}  # serve hands options on to its worker processes
    allowed |= {"api/metrics.py", "api/backup_store.py"}  # Prometheus' own variable, and what PostgreSQL's tools are started with
    readers = set()
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if ("os.environ" in text or "os.getenv" in text) and "LIFECERT_" in text:
            readers.add(path.relative_to(ROOT).as_posix())
    assert readers <= allowed


def test_no_catch_all_module() -> None:
    assert not [path for path in modules() if path.stem in {"utils", "util", "helpers", "common", "misc"}]
