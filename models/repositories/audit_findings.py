"""What a check of the audit finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

MOST = 1_000
"""Findings that are kept; further ones are counted."""


class FindingKind(StrEnum):
    """What is wrong."""

    ENTRY_ALTERED = "entry_altered"
    ENTRY_MOVED = "entry_moved"
    ENTRY_MISSING = "entry_missing"
    ENTRY_ADDED = "entry_added"
    LINK_ALTERED = "link_altered"
    LINK_MISSING = "link_missing"
    LINK_ADDED = "link_added"
    SEAL_FORGED = "seal_forged"
    SEAL_MISSING = "seal_missing"
    SEAL_DIFFERS = "seal_differs"
    DAY_MISSING = "day_missing"
    RETIRED_WRONGLY = "retired_wrongly"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. day and position: in the chain; entry_id: of audit_entry. what: in words."""

    kind: FindingKind
    day: date | None
    position: int | None
    entry_id: int | None
    what: str


@dataclass
class Verification:
    """What a check found. entries and days: those that were read. unsealed: entries that are not in the chain yet, and since when.

    more: findings beyond the thousand that are kept.
    """

    entries: int = 0
    days: int = 0
    unsealed: int = 0
    unsealed_since: datetime | None = None
    sealed_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(
        self, kind: FindingKind, what: str, *, day: date | None = None, position: int | None = None, entry_id: int | None = None
    ) -> None:
        """Note a finding."""
        if len(self.findings) >= MOST:
            self.more += 1
        else:
            self.findings.append(Finding(kind, day, position, entry_id, what))
