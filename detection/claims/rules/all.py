"""The rules H1 to H17 that have a module of their own, in their order. The others are carried out by national rules: see ``families``."""

from __future__ import annotations

from detection.claims.rule import ClaimRule
from detection.claims.rules import (
    h01_split_stay,
    h02_phantom_stay,
    h03_overlapping_stays,
    h04_frequent_visits,
    h05_over_supply,
    h06_drug_reselling,
    h07_duplicate_medication,
    h12_more_units_than_days,
    h13_card_misuse,
    h14_cost_outlier,
    h15_billed_over_executed,
    h16_cap_run_up,
    h17_companions,
)

H_RULES: tuple[ClaimRule, ...] = (
    h01_split_stay.RULE,
    h02_phantom_stay.RULE,
    h03_overlapping_stays.RULE,
    h04_frequent_visits.RULE,
    h05_over_supply.RULE,
    h06_drug_reselling.RULE,
    h07_duplicate_medication.RULE,
    h12_more_units_than_days.RULE,
    h13_card_misuse.RULE,
    h14_cost_outlier.RULE,
    h15_billed_over_executed.RULE,
    h16_cap_run_up.RULE,
    h17_companions.RULE,
)
