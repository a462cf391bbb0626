"""Features against values that were counted by hand, and Spark against DuckDB."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from detection.anomaly.claim_measures import Span
from detection.anomaly.entities import read_entities
from detection.anomaly.features import features_of, prepare
from detection.compute import Compute
from models.anomaly_model import EntityKind
from models.policy_anomaly_store import AnomalyStorePolicy, OfEntity
from tests.detection.anomaly.made_claims import OTHER_REGION, REGION, at, claim, tables, write
from tests.detection.spark import on_spark, open_spark

MARCH = date(2026, 3, 1)
INSTITUTIONS = [
    {"id": 1, "code": "H1", "level": "tertiary", "kind": "hospital", "region_code": REGION, "beds": 100},
    {"id": 2, "code": "H2", "level": "primary", "kind": "clinic", "region_code": REGION},
]
PATIENTS = [
    {"person_id": one, "birth_date": date(1950, 6, 1), "sex": "male", "region_code": OTHER_REGION if one == 4 else REGION}
    for one in (1, 2, 3, 4)
]
CLAIMS = [
    # three people together, over a weekend, for one round amount
    claim(1, 1, 1, "2026-03-07", "2026-03-08", doctor="D1", identity_check="passed", settled_at=at("2026-03-08", 2)),
    claim(2, 2, 1, "2026-03-07", "2026-03-08", doctor="D1", identity_check="failed"),
    claim(3, 3, 1, "2026-03-07", "2026-03-08", doctor="D2", department="内科"),
    # back after 12 days
    claim(4, 1, 1, "2026-03-20", "2026-03-25", total_fen=123_456, principal_diagnosis="J18.9", doctor="D2"),
    # at another institution while in hospital
    claim(5, 2, 2, "2026-03-07", total_fen=50_050),
    # transferred, of another city, dead since the day before, settled at 23 h
    claim(6, 4, 1, "2026-03-10", "2026-03-12", total_fen=200_000, transferred_in=True, doctor="D2", settled_at=at("2026-03-12", 15)),
    claim(7, 4, 1, "2026-02-10", "2026-02-20"),
]
LINES = [
    {"id": 1, "claim_id": 1, "category": "patent_drug", "quantity": 1.0, "amount_fen": 40_000},
    {"id": 2, "claim_id": 1, "category": "laboratory", "quantity": 1.0, "amount_fen": 60_000},
    {"id": 3, "claim_id": 2, "category": "material", "quantity": 2.0, "amount_fen": 100_000, "executed_quantity": 1.0},
    {"id": 4, "claim_id": 7, "category": "material", "quantity": 2.0, "amount_fen": 900_000},
]
EVIDENCE = [
    {"id": 1, "person_id": 4, "kind": "death_record", "occurred_on": date(2026, 3, 9), "strength": "conclusive"},
    {"id": 2, "person_id": 3, "kind": "death_record", "occurred_on": date(2026, 1, 9), "strength": "void"},
]
ROWS = {"institution": INSTITUTIONS, "patient": PATIENTS, "claim": CLAIMS, "line": LINES, "evidence": EVIDENCE}
HOSPITAL = {
    "claims": 5,
    "patients": 4,
    "claims_per_patient": 1.25,
    "total": 623_456,
    "doctor_claims": 2.5,
    "fund_share": 300_000 / 623_456,
    "cost_per_claim": 623_456 / 5,
    "cost_index": 623_456 / 500_000,
    "stay_share": 1.0,
    "stay_days": 2.0,
    "bed_days": 0.1,
    "short_share": 0.8,
    "weekend_share": 0.6,
    "readmission_share": 0.2,
    "overlap_share": 0.0,
    "shared_share": 0.25,
    "partner_share": 0.25,
    "batch_share": 0.6,
    "away_share": 0.2,
    "round_share": 0.8,
    "copied_share": 0.6,
    "night_share": 0.5,
    "digits": math.nan,
    "drug_share": 0.2,
    "examination_share": 0.3,
    "material_share": 0.5,
    "unexecuted_share": 1.0,
    "diagnosis_concentration": 0.68,
    "failed_share": 0.5,
    "after_death": 1,
}
PERSON = {
    "claims": 2,
    "total": 223_456,
    "institutions": 1,
    "same_day_share": 0.0,
    "gap_days": 13,
    "days_in_hospital": 6,
    "readmissions": 1,
    "overlap_share": 0.0,
    "batch_share": 0.5,
    "drug_total": 40_000,
    "drug_share": 0.4,
    "failed_share": 0.0,
    "after_death": 0,
}


@pytest.fixture(scope="module")
def every(store_policy: AnomalyStorePolicy) -> AnomalyStorePolicy:
    """Every entity is looked at, however few its claims."""
    return store_policy.model_copy(update={"claims_min": OfEntity(person=1, doctor=1, department=1, hospital=1)})


def features(kind: EntityKind, compute: Compute, folder: Path, policy: AnomalyStorePolicy) -> dict[str, dict[str, Any]]:
    """ref -> feature -> value in March."""
    measures = prepare(compute, tables(compute, folder), Span(MARCH, MARCH), policy, f"hand_{kind}")
    found = read_entities(kind, compute, measures, policy)
    names = [feature.name for feature in features_of(kind, policy).features]
    rows = zip(found.ref, found.values, found.narrow, found.wide, strict=True)
    return {
        ref: {**dict(zip(names, map(float, values), strict=True)), "narrow": narrow, "wide": wide} for ref, values, narrow, wide in rows
    }


def test_a_hospitals_features_are_those_counted_by_hand(compute: Compute, every: AnomalyStorePolicy, tmp_path: Path) -> None:
    found = features(EntityKind.HOSPITAL, compute, write(tmp_path, ROWS), every)
    assert set(found) == {"H1", "H2"}
    assert (found["H1"]["narrow"], found["H1"]["wide"]) == ("tertiary|hospital", "tertiary")
    assert {name: found["H1"][name] for name in HOSPITAL} == pytest.approx(HOSPITAL, nan_ok=True)
    assert set(found["H1"]) == {*HOSPITAL, "narrow", "wide"}, "each feature has a value that was counted by hand"
    assert found["H2"]["overlap_share"] == 1.0
    assert math.isnan(found["H2"]["drug_share"])


def test_a_persons_and_a_doctors_features_are_those_counted_by_hand(compute: Compute, every: AnomalyStorePolicy, tmp_path: Path) -> None:
    folder = write(tmp_path, ROWS)
    people = features(EntityKind.PERSON, compute, folder, every)
    assert {name: people["1"][name] for name in PERSON} == pytest.approx(PERSON)
    assert people["1"]["narrow"] == "70-79|male"
    assert (people["4"]["claims"], people["4"]["after_death"], people["4"]["readmissions"]) == (1, 1, 0)
    doctors = features(EntityKind.DOCTOR, compute, folder, every)
    assert {ref: one["claims"] for ref, one in doctors.items()} == {"H1/D1": 2, "H1/D2": 3}
    assert (doctors["H1/D2"]["shared_share"], doctors["H1/D2"]["claims_a_day"]) == (pytest.approx(1 / 3), 1.0)
    assert doctors["H1/D2"]["narrow"] == "内科|tertiary"
    departments = features(EntityKind.DEPARTMENT, compute, folder, every)
    assert {ref: (one["claims"], one["narrow"]) for ref, one in departments.items()} == {"H1/内科": (1, "内科|tertiary")}


def test_entities_with_few_claims_are_not_looked_at(compute: Compute, store_policy: AnomalyStorePolicy, tmp_path: Path) -> None:
    assert features(EntityKind.HOSPITAL, compute, write(tmp_path, ROWS), store_policy) == {}
    assert features(EntityKind.PERSON, compute, write(tmp_path / "none", {}), store_policy) == {}


def test_first_digits_of_multiplied_amounts_follow_the_law_and_constant_ones_do_not(
    compute: Compute, every: AnomalyStorePolicy, tmp_path: Path
) -> None:
    rows = [
        claim(
            number,
            number,
            1 + number % 2,
            "2026-03-02",
            total_fen=int(1_000 * 10 ** (4 * number / 1_000)) if number % 2 else 700_000 + number,
        )
        for number in range(1, 1_000)
    ]
    found = features(EntityKind.HOSPITAL, compute, write(tmp_path, {"institution": INSTITUTIONS, "claim": rows}), every)
    assert found["H2"]["digits"] < 0.006  # Nigrini's mark of close conformity
    assert found["H1"]["digits"] > 0.15


@pytest.mark.thorough
@on_spark
def test_spark_counts_what_duckdb_counts(compute: Compute, every: AnomalyStorePolicy, tmp_path: Path) -> None:
    folder = write(tmp_path / "hand", ROWS)
    with open_spark(tmp_path, threads=1) as spark:
        measures = prepare(spark, tables(spark, folder), Span(MARCH, MARCH), every)
        there = {kind: read_entities(kind, spark, measures, every) for kind in EntityKind}
    measures = prepare(compute, tables(compute, folder), Span(MARCH, MARCH), every, "for_spark")
    for kind in EntityKind:
        here = read_entities(kind, compute, measures, every)
        assert len(here)
        assert list(here.ref) == list(there[kind].ref), kind
        assert list(here.narrow) == list(there[kind].narrow), kind
        assert here.values == pytest.approx(there[kind].values, nan_ok=True), kind
