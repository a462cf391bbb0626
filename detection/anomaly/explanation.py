"""Why an entity stands out: its most unusual features, each with its value beside the peers' median and range, and the claims behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from detection.anomaly.entities import Entities
from detection.anomaly.feature import EntityFeatures, Feature
from detection.anomaly.features import rows_of
from detection.anomaly.peers import Compared
from detection.compute import Compute
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import AnomalyStorePolicy

REFS: Mapping[EntityKind, Callable[[ir.Table], ir.StringValue]] = {
    EntityKind.PERSON: lambda rows: rows.person_id.cast("string"),
    EntityKind.DOCTOR: lambda rows: rows.institution + "/" + rows.doctor,
    EntityKind.DEPARTMENT: lambda rows: rows.institution + "/" + rows.department,
    EntityKind.HOSPITAL: lambda rows: rows.institution,
}
DIGITS = 6
NOTICED = 1.0
"""Robust deviations below which a feature is no reason, unless none is above."""


@dataclass(frozen=True)
class Reason:
    """One feature of an entity. value, median, low, high: in the feature's unit; low and high: 5% and 95% of the peers. deviation: robust
    ones to the suspicious side. claims: ids, those that have most to do with it first.
    """

    feature: str
    unit: str
    value: float
    median: float
    low: float
    high: float
    deviation: float
    claims: tuple[int, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "claims": list(self.claims)}


@dataclass(frozen=True)
class Claim:
    """A claim that is named. fund_fen: what the fund paid of it."""

    id: int
    fund_fen: int


def reasons_of(place: int, entities: Entities, compared: Compared, features: Sequence[Feature], policy: AnomalyStorePolicy) -> list[Reason]:
    """The features of the row at a place that say most, without claims."""
    unusual = np.nan_to_num(compared.unusual[place], nan=-np.inf)
    order = [int(at) for at in np.argsort(-unusual, kind="stable")[: policy.features_told] if np.isfinite(unusual[at])]
    noticed = [at for at in order if unusual[at] >= NOTICED] or order[:1]
    return [
        Reason(
            features[at].name,
            features[at].unit.value,
            _short(entities.values[place, at]),
            _short(compared.median[place, at]),
            _short(compared.low[place, at]),
            _short(compared.high[place, at]),
            round(float(unusual[at]), 2),
        )
        for at in noticed
    ]


def with_claims(
    found: Mapping[str, Sequence[Reason]],
    about: EntityFeatures,
    measures: ir.Table,
    compute: Compute,
    policy: AnomalyStorePolicy,
) -> tuple[dict[str, list[Reason]], dict[str, dict[int, Claim]]]:
    """(reasons of each entity with the ids of claims behind them, the claims that were named by entity and id). One statement for all.

    found: by ref. measures: rows of ``claim_measures`` of the one month.
    """
    wanted = [(ref, reason.feature) for ref, reasons in found.items() for reason in reasons]
    if not wanted:
        return {ref: list(reasons) for ref, reasons in found.items()}, {}
    behind: dict[tuple[str, str], list[int]] = {}
    named: dict[str, dict[int, Claim]] = {}
    for batch in compute.batches(_behind(wanted, about, measures, policy)):
        for row in batch.to_pylist():
            behind.setdefault((row["entity_ref"], row["feature"]), []).append(row["id"])
            named.setdefault(row["entity_ref"], {})[row["id"]] = Claim(row["id"], row["fund_fen"])
    told = {
        ref: [replace(reason, claims=tuple(behind.get((ref, reason.feature), ()))) for reason in reasons] for ref, reasons in found.items()
    }
    return told, named


def _behind(wanted: Sequence[tuple[str, str]], about: EntityFeatures, measures: ir.Table, policy: AnomalyStorePolicy) -> ir.Table:
    by_name = {feature.name: feature for feature in about.features}
    rows = rows_of(about, measures)
    # how its claims name an entity: the parts that the aggregate of one entity takes the greatest of are the same in all of them
    rows = rows.mutate(entity_ref=REFS[about.kind](rows))
    parts = []
    for name in sorted({feature for _, feature in wanted}):
        refs = [ref for ref, feature in wanted if feature == name]
        asked = ibis.memtable(pa.table({"asked_ref": pa.array(refs, pa.string())}))
        mine = rows.semi_join(asked, [("entity_ref", "asked_ref")])
        parts.append(
            mine.select(
                "entity_ref", "id", "fund_fen", feature=ibis.literal(name), weight=by_name[name].behind(mine).cast("float64").fill_null(0.0)
            )
        )
    every = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    every = every.filter(every.weight > 0)
    window = ibis.window(group_by=[every.entity_ref, every.feature], order_by=[every.weight.desc(), every.id])
    ranked = every.mutate(place=ibis.row_number().over(window))
    chosen = ranked.filter(ranked.place < policy.claims_named)
    return chosen.order_by("entity_ref", "feature", "place").select("entity_ref", "feature", "id", "fund_fen")


def _short(value: float) -> float:
    """A value as it is written down: six significant digits say as much, and are the same in every run."""
    return float(f"{value:.{DIGITS}g}")
