"""All planted cases at once: what a run of detection has to find, and what it must leave alone."""

from __future__ import annotations

from datetime import date
from random import Random

from sample_data import lookalikes, planted_covers, planted_payments
from sample_data.planting import Sower

CASES = {**planted_payments.CASES, **planted_covers.CASES}
LOOKALIKES = lookalikes.CASES


def sow_all(
    random: Random, as_of: date, first_number: int, *, taken: set[str], paid_months: int, cases: int, lookalikes_each: int
) -> Sower:
    """So many of each case and of each look-alike. taken: first 17 digits of the numbers that are given already; it grows.

    paid_months: how far payments go back, 12 at least, so that every case fits in.
    """
    sow = Sower(random, as_of, first_number, paid_months=paid_months, taken=taken)
    for kinds, times in ((CASES, cases), (LOOKALIKES, lookalikes_each)):
        for name, make in kinds.items():
            for number in range(1, times + 1):
                sow.begin(name, number)
                make(sow)
    return sow
