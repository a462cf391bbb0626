"""How a file is to be read, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """How a file is read, and what it may write about. region: code of the sender's region, None everywhere. language: zh, en or both."""

    headings: Path | None = None
    encoding: str | None = None
    region: str | None = None
    language: str = "both"


@dataclass(frozen=True)
class ImportResult:
    """What came of a file. by_rule: rule -> rejected rows. rejected_file: None when no row was rejected.

    by_warning: rule -> accepted rows to look at, which warnings_file lists; None when there are none.
    """

    batch: str
    rows: int
    accepted: int
    unchanged: int
    rejected: int
    by_rule: Mapping[str, int]
    rejected_file: Path | None
    by_warning: Mapping[str, int]
    warnings_file: Path | None
    report: Path

    def as_json(self) -> dict[str, Any]:
        """The result as the command prints it; what there is to look at only when there is any."""
        told: dict[str, Any] = {
            "batch": self.batch,
            "rows": self.rows,
            "accepted": self.accepted,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "by_rule": dict(self.by_rule),
            "rejected_file": None if self.rejected_file is None else str(self.rejected_file),
            "report": str(self.report),
        }
        if self.by_warning:
            told |= {"by_warning": dict(self.by_warning), "warnings_file": str(self.warnings_file)}
        return told
