"""docs/architecture.md names every table of the store, and no module that is not there."""

from __future__ import annotations

import re

from models.tables import metadata
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = ("api", "detection", "models", "verify")


def test_every_table_is_in_the_list_of_the_store() -> None:
    part = PAGE.split("## The store")[1].split("\n## ")[0]
    listed = [name for line in part.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(listed) == sorted(metadata.tables)


def test_every_module_that_is_named_is_there() -> None:
    there = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    named = [name for quoted in re.findall(r"`([^`\n]+)`", PAGE) for name in quoted.split() if re.fullmatch(r"[\w/]+\.py", name)]
    assert len(named) > 40
    missing = [name for name in named if not any(path == name or path.endswith(f"/{name}") for path in there)]
    assert missing == []
