"""A finding: what one rule or model says about one person or institution, before it is a signal in the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from models.alert import AlertSeverity
from models.detection import SubjectKind


@dataclass(frozen=True)
class Record:
    """One row of the store that led to a finding. kind: its table; role: what it is in the finding, such as "death" or "paid"."""

    kind: str
    id: int
    role: str


@dataclass(frozen=True)
class Finding:
    """One finding. key: what makes it the same one in every run, so of ids of records that define it, never of what grows with time.

    person_id: of the record that speaks for the person; None for other subjects, which subject_ref then names. confidence: 0 to 1.
    from_month, to_month: first days, inclusive. months: how many count. amount_fen: the money at risk. facts: what the explanation names
    (days as ISO dates, counts, codes); no names, no numbers of persons. completed_on: of a finding over claims, the day of the claim that
    completes it. measured: names of facts, and "confidence", that come out a little
    differently in every run, so that they alone make no changed finding.
    """

    code: str
    key: str
    region_code: str
    severity: AlertSeverity
    confidence: float
    person_id: int | None = None
    subject_kind: SubjectKind = SubjectKind.PERSON
    subject_ref: str | None = None
    from_month: date | None = None
    to_month: date | None = None
    months: int = 0
    amount_fen: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    measured: frozenset[str] = frozenset()
    completed_on: date | None = None

    def digest(self) -> bytes:
        """32 bytes of what it says; another digest under the same key is a changed finding."""
        said = [
            self.severity.value,
            None if "confidence" in self.measured else round(self.confidence, 3),
            self.region_code,
            self.from_month and self.from_month.isoformat(),
            self.to_month and self.to_month.isoformat(),
            self.months,
            self.amount_fen,
            {name: value for name, value in self.facts.items() if name not in self.measured},
            sorted((record.kind, record.id, record.role) for record in self.records),
        ]
        if self.completed_on is not None:
            said.append(self.completed_on.isoformat())
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).digest()
