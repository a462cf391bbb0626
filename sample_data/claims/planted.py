"""All planted claims at once."""

from __future__ import annotations

from sample_data.claims import planted_drugs, planted_hospitals, planted_points, planted_stays, planted_visits
from sample_data.claims.sower import LOOKALIKE, PLANTED, Sower

CASES = {**planted_stays.CASES, **planted_visits.CASES, **planted_drugs.CASES, **planted_points.CASES}
HOSPITALS = planted_hospitals.CASES
LOOKALIKES = {**planted_stays.LOOKALIKES, **planted_visits.LOOKALIKES, **planted_drugs.LOOKALIKES, **planted_points.LOOKALIKES}


def sow_all(sow: Sower, *, cases: int, lookalikes: int, hospitals: int) -> None:
    """So many of each case, of each look-alike, and of each case of a hospital."""
    for role, kinds, times in ((PLANTED, CASES, cases), (PLANTED, HOSPITALS, hospitals), (LOOKALIKE, LOOKALIKES, lookalikes)):
        for name, make in kinds.items():
            for number in range(1, times + 1):
                sow.begin(name, number, role)
                make(sow)
