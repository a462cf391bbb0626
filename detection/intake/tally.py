"""Counts of a batch, whole and by city."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from detection.intake.regions import city_of
from detection.intake.verdicts import Outcome, Verdict

NO_CITY = ""
"""City of rows whose person or region is not known."""


class Tally:
    """Counts so far. by_region: city code -> {"rows", "accepted", "unchanged", "rejected", "by_rule"}. by_warning: of accepted rows."""

    def __init__(
        self,
        rows: int = 0,
        accepted: int = 0,
        unchanged: int = 0,
        rejected: int = 0,
        by_rule: Mapping[str, int] | None = None,
        by_region: Mapping[str, Any] | None = None,
        by_warning: Mapping[str, int] | None = None,
    ) -> None:
        self.rows, self.accepted, self.unchanged, self.rejected = rows, accepted, unchanged, rejected
        self.by_rule, self.by_warning = dict(by_rule or {}), dict(by_warning or {})
        self.by_region: dict[str, dict[str, Any]] = copy.deepcopy(dict(by_region or {}))

    def copy(self) -> Tally:
        """One that can be counted on and thrown away."""
        return Tally(self.rows, self.accepted, self.unchanged, self.rejected, self.by_rule, self.by_region, self.by_warning)

    def add(self, verdict: Verdict) -> None:
        """Count one row."""
        city = NO_CITY if verdict.region_code is None else city_of(verdict.region_code)
        here = self.by_region.setdefault(city, {"rows": 0, "accepted": 0, "unchanged": 0, "rejected": 0, "by_rule": {}})
        self.rows += 1
        here["rows"] += 1
        if verdict.rejection is not None:
            code = verdict.rejection.rule.code
            self.rejected += 1
            here["rejected"] += 1
            self.by_rule[code] = self.by_rule.get(code, 0) + 1
            here["by_rule"][code] = here["by_rule"].get(code, 0) + 1
        elif verdict.outcome is Outcome.ACCEPTED:
            self.accepted += 1
            here["accepted"] += 1
            if verdict.warning is not None:
                code = verdict.warning.rule.code
                self.by_warning[code] = self.by_warning.get(code, 0) + 1
        else:
            self.unchanged += 1
            here["unchanged"] += 1
