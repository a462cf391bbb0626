"""The section [claims] of policy.toml: how claims are screened, and the parameters of the rules over them, one table a rule."""

from __future__ import annotations

from pydantic import Field

from models.policy_claim_rules import (
    BilledOverExecuted,
    CapRunUp,
    CardMisuse,
    Companions,
    CostOutlier,
    DrugReselling,
    DuplicateMedication,
    FrequentVisits,
    MoreUnitsThanDays,
    OverlappingStays,
    OverSupply,
    PhantomStay,
    SplitStay,
)
from models.policy_national import NationalPolicy
from models.policy_section import Section


class ClaimsPolicy(Section):
    """memory_mb, threads: of the engine. look_back_days: how far before a window rules look. window_days: days of claims, up to that of the
    run, that a run asks when nobody names others. screenings_at_once: of one process; screening_wait_s: for one of them to end;
    screening_memory_mb: of each; lines_max: of a claim that is screened.
    """

    memory_mb: int = Field(ge=256)
    threads: int = Field(ge=1, le=64)
    look_back_days: int = Field(ge=31, le=1_100)
    window_days: int = Field(ge=1, le=1_100)
    screenings_at_once: int = Field(ge=1, le=32)
    screening_wait_s: float = Field(ge=0, le=30)
    screening_memory_mb: int = Field(ge=64)
    lines_max: int = Field(ge=1, le=20_000)
    national: NationalPolicy
    H1: SplitStay
    H2: PhantomStay
    H3: OverlappingStays
    H4: FrequentVisits
    H5: OverSupply
    H6: DrugReselling
    H7: DuplicateMedication
    H12: MoreUnitsThanDays
    H13: CardMisuse
    H14: CostOutlier
    H15: BilledOverExecuted
    H16: CapRunUp
    H17: Companions
