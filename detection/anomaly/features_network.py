"""Features that take more than the entity's own claims: patients shared with others of its kind, and how diagnoses are spread."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from detection.anomaly.feature import Direction, Feature, FeatureGroup, Unit
from detection.anomaly.features_common import dearest, share

SHARED_SHARE = Feature(
    "shared_share", FeatureGroup.NETWORK, Unit.SHARE, Direction.HIGH, "Patients shared with others", "共享患者占比",
    "Patients who in the same month were with another of the same kind (hospital or doctor).",
    "当月同时在其他同类机构(或医师)处就诊的患者占比。",
    None, dearest,
)  # fmt: skip
PARTNER_SHARE = Feature(
    "partner_share", FeatureGroup.NETWORK, Unit.SHARE, Direction.HIGH, "Patients shared with one other", "与单一对象共享患者占比",
    "Patients shared with the one other with whom most are shared.", "与共享患者最多的另一家机构(或医师)共同的患者占比。",
    None, dearest,
)  # fmt: skip
DIAGNOSIS_CONCENTRATION = Feature(
    "diagnosis_concentration", FeatureGroup.MIX, Unit.SHARE, Direction.HIGH, "Concentration of diagnoses", "诊断集中度",
    "Chance that two claims have the same diagnosis category.", "任取两笔结算诊断类目相同的概率。",
    None, dearest,
)  # fmt: skip


def shared_patients(rows: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    """month, keys, shared_share, partner_share; those that share nobody have 0."""
    own = ("month", *keys)
    seen = rows.select(*own, "person_id").distinct()
    other = seen.select(other_person="person_id", **{f"other_{name}": seen[name] for name in own})
    pairs = seen.join(other, [("person_id", "other_person"), ("month", "other_month")])
    pairs = pairs.filter(ibis.or_(*(pairs[name] != pairs[f"other_{name}"] for name in keys)))
    by_other = pairs.group_by(*own, *(f"other_{name}" for name in keys)).aggregate(persons=pairs.person_id.count())
    most = by_other.group_by(*own).aggregate(with_one=by_other.persons.max())
    shared = pairs.select(*own, "person_id").distinct()
    shared = shared.group_by(*own).aggregate(with_any=shared.person_id.count())
    whole = seen.group_by(*own).aggregate(patients=seen.person_id.count())
    joined = whole.left_join(shared, list(own), rname="shared_{name}").left_join(most, list(own), rname="most_{name}")
    return joined.select(
        *own,
        shared_share=share(joined.with_any.fill_null(0), joined.patients),
        partner_share=share(joined.with_one.fill_null(0), joined.patients),
    )


def diagnosis_concentration(rows: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    """month, keys, diagnosis_concentration: sum of squared shares of the diagnosis categories (Herfindahl)."""
    own = ("month", *keys)
    known = rows.filter(rows.diagnosis.notnull())
    each = known.group_by(*own, "diagnosis").aggregate(claims=known.id.count().cast("float64"))
    sums = each.group_by(*own).aggregate(squares=(each.claims * each.claims).sum(), whole=each.claims.sum())
    return sums.select(*own, diagnosis_concentration=share(sums.squares, sums.whole * sums.whole))
