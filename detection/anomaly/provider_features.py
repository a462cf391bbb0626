"""What the claims of a hospital look like, as numbers: one row a hospital. Identifiers of hospitals, persons and doctors are counted and
joined on, never used as values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from detection.claims.tables import ClaimTables
from detection.compute import Compute
from models.policy_anomaly_providers import AnomalyProvidersPolicy

Floats = NDArray[np.float64]


class Group(StrEnum):
    """What a feature is about."""

    VOLUME = "volume"
    LONG_STAYS = "long_stays"
    COST_PER_DAY = "cost_per_day"
    REPEATS = "repeats"
    PATTERNS = "patterns"
    MIX = "mix"


@dataclass(frozen=True)
class ProviderFeature:
    """One column. ranking: it is in the ranking without labels, where high is suspicious. english: what it is, in words."""

    name: str
    group: Group
    english: str
    ranking: bool = False


FEATURES = (
    ProviderFeature("claims", Group.VOLUME, "claims"),
    ProviderFeature("persons", Group.VOLUME, "patients"),
    ProviderFeature("amount", Group.VOLUME, "amount of all claims", ranking=True),
    ProviderFeature("nights", Group.VOLUME, "nights of all stays"),
    ProviderFeature("longest_stay", Group.LONG_STAYS, "nights of the longest stay", ranking=True),
    ProviderFeature("long_stays", Group.LONG_STAYS, "long stays", ranking=True),
    ProviderFeature("nights_spread", Group.LONG_STAYS, "standard deviation of nights"),
    ProviderFeature("nights_mean", Group.LONG_STAYS, "mean nights"),
    ProviderFeature("per_day_mean", Group.COST_PER_DAY, "mean cost per day, smoothed", ranking=True),
    ProviderFeature("per_day_raw", Group.COST_PER_DAY, "mean cost per day"),
    ProviderFeature("per_day_most", Group.COST_PER_DAY, "dearest day"),
    ProviderFeature("dear_days", Group.COST_PER_DAY, "claims with the dearest days"),
    ProviderFeature("case_excess", Group.COST_PER_DAY, "mean cost per day over the median of the same case group"),
    ProviderFeature("repeat_stays", Group.REPEATS, "claims of patients who were there before", ranking=True),
    ProviderFeature("repeat_share", Group.REPEATS, "share of patients who were there more than once"),
    ProviderFeature("readmissions", Group.REPEATS, "stays soon after, or overlapping, another of the same patient"),
    ProviderFeature(
        "same_diagnosis_again", Group.REPEATS, "claims with a principal diagnosis that the patient had there before", ranking=True
    ),
    ProviderFeature("stays_twice", Group.REPEATS, "claims with the patient, days and diagnoses of another"),
    ProviderFeature("patterns", Group.PATTERNS, "claims with diagnosis, procedure and case group of another", ranking=True),
    ProviderFeature("pattern_share", Group.PATTERNS, "share of claims with diagnosis, procedure and case group of another"),
    ProviderFeature(
        "pattern_excess", Group.PATTERNS, "pairs with the same diagnosis and case group over what the mix of all claims lets expect"
    ),
    ProviderFeature("diagnosis_pairs", Group.PATTERNS, "share of claims with the first two diagnoses of another"),
    ProviderFeature("amount_mean", Group.MIX, "mean amount"),
    ProviderFeature("amount_spread", Group.MIX, "standard deviation of amounts"),
    ProviderFeature("case_groups", Group.MIX, "case groups for each claim"),
    ProviderFeature("claims_per_doctor", Group.MIX, "claims for each doctor"),
    ProviderFeature("shared_persons", Group.MIX, "share of patients who were elsewhere too"),
    ProviderFeature("diagnoses_mean", Group.MIX, "mean number of diagnoses"),
)
NAMES = tuple(feature.name for feature in FEATURES)
BY_NAME = {feature.name: feature for feature in FEATURES}
RANKING = tuple(feature.name for feature in FEATURES if feature.ranking)
LEARNED = (
    "claims",
    "amount",
    "longest_stay",
    "long_stays",
    "per_day_raw",
    "repeat_stays",
    "repeat_share",
    "pattern_share",
    "diagnosis_pairs",
    "pattern_excess",
)
"""What models with labels see. Many weak features drown the few that tell: of some hundred hospitals a model learns less from all."""


@dataclass(frozen=True)
class ProviderMatrix:
    """values: rows institutions by id, columns NAMES; NaN where nothing is known. groups: peers, by level."""

    institution_ids: NDArray[np.int64]
    values: Floats
    groups: NDArray[np.str_]

    def columns(self, names: tuple[str, ...]) -> Floats:
        """Only these columns."""
        return self.values[:, [NAMES.index(name) for name in names]]


def provider_matrix(tables: ClaimTables, compute: Compute, policy: AnomalyProvidersPolicy) -> ProviderMatrix:
    """Features of every institution that has claims.

    Raises:
        RunFailedError: memory or disk did not suffice.
    """
    claims = compute.keep("provider_claims", _claims(tables.claim, policy))
    rows = []
    for batch in compute.batches(_institutions(claims, tables, policy)):
        rows += batch.to_pylist()
    rows.sort(key=lambda row: row["institution_id"])
    values = np.array([[np.nan if row[name] is None else float(row[name]) for name in NAMES] for row in rows], dtype=np.float64)
    ids = np.array([row["institution_id"] for row in rows], dtype=np.int64)
    return ProviderMatrix(ids, values.reshape(len(rows), len(NAMES)), np.array([row["level"] or "" for row in rows], dtype=np.str_))


def _claims(claim: ir.Table, policy: AnomalyProvidersPolicy) -> ir.Table:
    """One row a claim with what is counted; a claim that is like an earlier one of the same institution is marked."""
    nights = claim.to_date.delta(claim.from_date, unit="day").cast("int64")
    amount = ibis.coalesce(claim.fund_fen, claim.total_fen).cast("float64")
    c = claim.select(
        "id",
        "institution_id",
        "person_id",
        "from_date",
        "to_date",
        "doctor",
        nights=nights,
        amount=amount,
        per_day=amount / (nights + 1),
        diagnosis=claim.principal_diagnosis.fill_null(""),
        procedure=(claim.procedures.length() > 0).ifelse(claim.procedures[0], ""),
        case_group=claim.drg.fill_null(""),
        pair=claim.diagnoses.sort().join("|"),
        first_two=(claim.diagnoses.length() > 1).ifelse(claim.principal_diagnosis + "|" + claim.diagnoses[1], None),
        diagnoses=claim.diagnoses.length(),
    )

    def seen_before(*columns: str) -> ir.BooleanValue:
        order = ibis.window(group_by=["institution_id", *columns], order_by=[c.from_date, c.id])
        return ibis.row_number().over(order) > 0

    by_person = ibis.window(group_by=[c.institution_id, c.person_id], order_by=[c.from_date, c.id])
    before = c.to_date.lag().over(by_person)
    gap = c.from_date.delta(before, unit="day").cast("int64")
    everywhere = ibis.window(group_by=c.case_group)
    return c.mutate(
        case_median=c.per_day.median().over(everywhere),
        repeated=seen_before("person_id"),
        readmitted=(gap <= policy.readmission_days).fill_null(False),
        diagnosis_again=seen_before("person_id", "diagnosis") & (c.diagnosis != ""),
        twice=seen_before("person_id", "from_date", "to_date", "pair") & (c.diagnosis != ""),
        pattern=seen_before("diagnosis", "procedure", "case_group") & (c.diagnosis != ""),
        pair_again=seen_before("first_two") & c.first_two.notnull(),
    )


def _institutions(c: ir.Table, tables: ClaimTables, policy: AnomalyProvidersPolicy) -> ir.Table:
    dear = c.aggregate(dear=c.per_day.quantile(1 - policy.dear_day_share), usual=c.per_day.mean())
    c = c.cross_join(dear)
    visits = c.group_by("institution_id", "person_id").aggregate(times=c.count())
    elsewhere = visits.group_by("person_id").aggregate(places=visits.count())
    visits = visits.join(elsewhere, "person_id")
    persons = visits.group_by("institution_id").aggregate(repeat_share=(visits.times > 1).mean(), shared_persons=(visits.places > 1).mean())
    table = c.group_by("institution_id").aggregate(
        claims=c.count(),
        persons=c.person_id.nunique(),
        amount=c.amount.sum(),
        nights=c.nights.sum(),
        longest_stay=c.nights.max(),
        long_stays=(c.nights >= policy.long_stay_nights).sum(),
        nights_spread=c.nights.std(how="pop"),
        nights_mean=c.nights.mean(),
        per_day_mean=(c.per_day.sum() + policy.smoothing_claims * c.usual.max()) / (c.count() + policy.smoothing_claims),
        per_day_raw=c.per_day.mean(),
        per_day_most=c.per_day.max(),
        dear_days=(c.per_day > c.dear).sum(),
        case_excess=(c.per_day - c.case_median).mean(),
        repeat_stays=c.repeated.sum(),
        readmissions=c.readmitted.sum(),
        same_diagnosis_again=c.diagnosis_again.sum(),
        stays_twice=c.twice.sum(),
        patterns=c.pattern.sum(),
        pattern_share=c.pattern.mean(),
        diagnosis_pairs=c.pair_again.mean(),
        amount_mean=c.amount.mean(),
        amount_spread=c.amount.std(how="pop"),
        case_groups=c.case_group.nunique() / c.count(),
        claims_per_doctor=c.count() / ibis.greatest(c.doctor.nunique(), 1),
        diagnoses_mean=c.diagnoses.mean(),
    )
    table = table.join(persons, "institution_id").left_join(_pattern_excess(c), "institution_id").drop("institution_id_right")
    levels = tables.institution.select("level", place="id")
    return table.left_join(levels, table.institution_id == levels.place).select("institution_id", "level", *NAMES)


def _pattern_excess(c: ir.Table) -> ir.Table:
    """Pairs of claims with one diagnosis and case group, over those expected if the institution had the mix of all claims (+ 0.5)."""
    known = c.filter(c.diagnosis != "")
    cells = known.group_by("diagnosis", "case_group").aggregate(times=known.count())
    cells = cells.mutate(total=cells.times.sum().over(ibis.window()))
    chance = cells.aggregate(chance=((cells.times / cells.total) ** 2).sum())
    own = known.group_by("institution_id", "diagnosis", "case_group").aggregate(times=known.count())
    places = own.group_by("institution_id").aggregate(pairs=(own.times * (own.times - 1) / 2).sum(), count=own.times.sum())
    places = places.cross_join(chance)
    expected = places["count"] * (places["count"] - 1) / 2 * places.chance
    return places.select("institution_id", pattern_excess=places.pairs / (expected + 0.5))
