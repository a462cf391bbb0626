"""One row as it came out of a file, before anybody judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detection.intake.rules import Rule


@dataclass(frozen=True, slots=True)
class RawRow:
    """number: as a spreadsheet shows it, the first row being 1. fault: why it could not even be split into fields."""

    number: int
    values: Sequence[Any]
    fault: Rule | None = None
