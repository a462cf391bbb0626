"""Features of persons, doctors, departments and hospitals, month by month, over the claims of the store or of files."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from detection.anomaly.claim_measures import Span, claim_measures
from detection.anomaly.feature import EntityFeatures
from detection.anomaly.features_department import department_features
from detection.anomaly.features_doctor import doctor_features
from detection.anomaly.features_hospital import hospital_features
from detection.anomaly.features_person import person_features
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import AnomalyStorePolicy, FeaturePolicy

ABOUT = ("month", "entity_ref", "person_id", "institution", "department", "region_code", "narrow", "wide", "fund_fen")
"""Columns of ``entity_table`` beside the features. person_id: of persons only; institution: code, of all others. narrow, wide: peers."""

_FEATURES: dict[EntityKind, Callable[[FeaturePolicy], EntityFeatures]] = {
    EntityKind.PERSON: person_features,
    EntityKind.DOCTOR: doctor_features,
    EntityKind.DEPARTMENT: department_features,
    EntityKind.HOSPITAL: hospital_features,
}


def features_of(kind: EntityKind, policy: AnomalyStorePolicy) -> EntityFeatures:
    """The features of a kind of entity."""
    return features_under(kind, policy.features)


def features_under(kind: EntityKind, policy: FeaturePolicy) -> EntityFeatures:
    """The features of a kind of entity under their part of the policy."""
    return _FEATURES[kind](policy)


def prepare(compute: Compute, tables: ClaimTables, span: Span, policy: AnomalyStorePolicy, name: str = "claim_measures") -> ir.Table:
    """The rows of ``claim_measures`` of the span, computed once. name: of the file; another call with the same one replaces it."""
    return claim_measures(compute, tables, span, policy.features, name)


def entity_table(kind: EntityKind, measures: ir.Table, policy: AnomalyStorePolicy) -> ir.Table:
    """One row an entity and month with at least ``claims_min`` claims: the columns ABOUT, and the features as 64-bit floats.

    measures: of ``prepare``.
    """
    entity = features_of(kind, policy)
    keys = ("month", *entity.keys)
    # an engine keeps what is asked several times: that are few columns
    rows = rows_of(entity, measures.select(*keys, "id", *sorted({"person_id", "diagnosis"} - {*keys})))
    sizes = rows.group_by(*keys).aggregate(size=rows.id.count())
    large = sizes.filter(sizes["size"] >= getattr(policy.claims_min, kind.value))
    # most persons have few claims: the costly measures are taken of those who are looked at
    kept = rows_of(entity, measures).semi_join(large, list(keys))
    person = kind is EntityKind.PERSON
    counted = kept.group_by(*keys).aggregate(
        entity_ref=entity.ref(kept),
        about_person=kept.person_id.max() if person else ibis.literal(None, type="int64"),
        about_institution=ibis.literal(None, type="string") if person else kept.institution.max(),
        about_department=kept.department.max() if kind is EntityKind.DEPARTMENT else ibis.literal(None, type="string"),
        region_code=(kept.home if person else kept.place).max(),
        narrow=entity.narrow(kept),
        wide=entity.wide(kept),
        fund_fen=kept.fund_fen.sum().cast("int64"),
        **{feature.name: feature.measure(kept).cast("float64") for feature in entity.features if feature.measure is not None},
    )
    for place, join in enumerate(entity.joined):
        counted = counted.left_join(join(rows, entity.keys), list(keys), rname=f"right{place}_{{name}}")
        counted = counted.drop([name for name in counted.columns if name.startswith(f"right{place}_")])
    return counted.select(
        "month",
        "entity_ref",
        "region_code",
        "narrow",
        "wide",
        "fund_fen",
        *(counted[feature.name].cast("float64") for feature in entity.features),
        person_id=counted.about_person,
        institution=counted.about_institution,
        department=counted.about_department,
    )


def rows_of(entity: EntityFeatures, measures: ir.Table) -> ir.Table:
    """The rows that name such an entity."""
    return measures.filter([measures[name].notnull() for name in entity.keys])
