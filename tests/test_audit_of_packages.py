"""What is said of the pinned packages: what an advisory service knows of them, or that none was reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.say_audit import UNKNOWN, lines

LOOKED_UP = {"name": "flask", "version": "3.1.2", "vulns": []}
SKIPPED = {"name": "numpy", "version": "2.4.0", "skip_reason": "not found"}
KNOWN = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1", "2.11"]}, {"id": "PYSEC-2014-8", "fix_versions": []}],
}


def report(folder: Path, *packages: dict[str, Any]) -> Path:
    path = folder / "audit.json"
    path.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    return path


def test_vulnerabilities_are_named_with_what_mends_them(tmp_path: Path) -> None:
    assert lines(report(tmp_path, LOOKED_UP, SKIPPED, KNOWN)) == [
        "audit: 2 of 3 packages looked up, 1 with known vulnerabilities",
        "audit: jinja2 2.0: PYSEC-2019-217, mended in 2.10.1, 2.11",
        "audit: jinja2 2.0: PYSEC-2014-8, mended in no version",
    ]


def test_packages_that_could_not_be_looked_up_are_not_called_safe(tmp_path: Path) -> None:
    assert lines(report(tmp_path, SKIPPED)) == [UNKNOWN]


@pytest.mark.parametrize("content", [None, "", "[]", '{"dependencies"'], ids=["missing", "empty", "another form", "broken off"])
def test_a_report_that_is_not_there_says_nothing_of_the_packages(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "audit.json"
    if content is not None:
        path.write_text(content)
    assert lines(path) == [UNKNOWN]
