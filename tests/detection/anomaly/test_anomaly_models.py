"""Training, artefacts, scoring, calibration, drift and comparison of anomaly models, without a store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from detection.anomaly.calibration import PLACES, calibration_error, fit_probability, normal_score, percentile, quantile_table
from detection.anomaly.claim_measures import Span
from detection.anomaly.comparison import compare_models
from detection.anomaly.drift import DriftState, drift, shape_of
from detection.anomaly.entities import Entities, compare_by_month, read_entities
from detection.anomaly.features import features_of, prepare
from detection.anomaly.model_file import ModelUnusableError, digest, from_bytes, to_bytes
from detection.anomaly.model_findings import Month, OfModel, findings
from detection.anomaly.model_texts import explain
from detection.anomaly.peers import EVERYBODY, compare
from detection.anomaly.scoring import score
from detection.anomaly.supervised import folds, train_supervised
from detection.anomaly.training import Label, Trained, TrainingRefusedError, train_unsupervised
from detection.anomaly.trees import forest_unusual, of_boosting, of_forest
from detection.compute import Compute
from models.anomaly_model import EntityKind, ModelKind
from models.detection import SubjectKind
from models.policy_anomaly_store import AnomalyStorePolicy
from tests.detection.anomaly.conftest import Province
from tests.detection.anomaly.made_claims import BAD_DOCTORS, BAD_HOSPITALS, province, tables

HOSPITAL = EntityKind.HOSPITAL
MARCH = date(2026, 3, 1)


@pytest.fixture(scope="module")
def trained(made_province: Province, store_policy: AnomalyStorePolicy) -> Trained:
    return train_unsupervised(made_province.hospitals, features_of(HOSPITAL, store_policy), store_policy, seed=5)


def decisions(entities: Entities) -> list[Label]:
    """A third of the hospitals of each level are confirmed."""
    refs = sorted(set(entities.ref))
    return [Label(ref, ref, place // 3 % 3 == 0) for place, ref in enumerate(refs)]


def painted(entities: Entities, about_names: list[str], labels: list[Label]) -> Entities:
    """The entities with what is confirmed made a little unusual."""
    values, random = entities.values.copy(), np.random.default_rng(3)
    confirmed = {label.ref for label in labels if label.confirmed}
    rows = np.array([ref in confirmed for ref in entities.ref])
    for name in ("copied_share", "batch_share"):
        column = about_names.index(name)
        values[:, column] = random.random(len(values)) * 0.2 + rows * random.random(len(values)) * 0.4
    return replace(entities, values=values)


def test_planted_hospitals_and_doctors_rank_first(
    made_province: Province, trained: Trained, store_policy: AnomalyStorePolicy, compute: Compute
) -> None:
    about = features_of(HOSPITAL, store_policy)
    entities = made_province.hospitals
    said = score(trained.model, compare_by_month(entities, about.features, store_policy))
    first = np.argsort(-said.score)[: 3 * len(BAD_HOSPITALS)]
    assert {entities.ref[place] for place in first} == set(BAD_HOSPITALS), "the four, in each of the three months"
    doctors = read_entities(EntityKind.DOCTOR, compute, made_province.measures, store_policy)
    of_doctors = features_of(EntityKind.DOCTOR, store_policy)
    model = train_unsupervised(doctors, of_doctors, store_policy, seed=5).model
    ranked = np.argsort(-score(model, compare_by_month(doctors, of_doctors.features, store_policy)).score)
    assert {doctors.ref[place] for place in ranked[:8]} <= set(BAD_DOCTORS)


def test_training_again_gives_the_same_artefact_and_other_claims_another(
    made_province: Province, trained: Trained, store_policy: AnomalyStorePolicy
) -> None:
    about, entities = features_of(HOSPITAL, store_policy), made_province.hospitals
    again = train_unsupervised(entities, about, store_policy, seed=5)
    assert digest(to_bytes(again.model)) == digest(to_bytes(trained.model))
    assert (again.data_sha256, again.figures) == (trained.data_sha256, trained.figures)
    other = train_unsupervised(entities.take(entities.month < np.datetime64("2026-03-01")), about, store_policy, seed=5)
    assert digest(to_bytes(other.model)) != digest(to_bytes(trained.model))


def test_an_artefact_scores_as_the_model_it_was_made_of_and_a_changed_one_is_refused(
    made_province: Province, trained: Trained, store_policy: AnomalyStorePolicy
) -> None:
    compared = compare_by_month(made_province.hospitals, features_of(HOSPITAL, store_policy).features, store_policy)
    data = to_bytes(trained.model)
    loaded = from_bytes(data, digest(data))
    assert (score(loaded, compared).score == score(trained.model, compared).score).all()
    changed = bytearray(data)
    changed[-9] ^= 1
    with pytest.raises(ModelUnusableError, match="SHA-256 differs"):
        from_bytes(bytes(changed), digest(data))
    endless = replace(trained.model, trees=replace(trained.model.trees, left=np.zeros_like(trained.model.trees.left)))
    for broken in (b"\x80\x04none of ours", to_bytes(endless), data[:-500]):
        with pytest.raises(ModelUnusableError, match="cannot be read"):
            from_bytes(broken, hashlib.sha256(broken).hexdigest())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_trees_as_arrays_say_what_scikit_learn_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(150, 4)).astype(np.float32).astype(np.float64)
    forest = IsolationForest(n_estimators=5, max_samples=64, random_state=seed).fit(rows)
    mine = forest_unusual(of_forest(forest).sums(rows), 5, 64)
    assert mine == pytest.approx(-forest.score_samples(rows), abs=1e-9)
    rows[random.random(rows.shape) < 0.2] = np.nan
    model = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=6, early_stopping=False, random_state=seed)
    model.fit(rows, random.random(150) < 0.4)
    trees, start = of_boosting(model)
    assert start + trees.sums(rows) == pytest.approx(model.decision_function(rows), abs=1e-9)


def test_peers_are_the_narrowest_group_that_is_large_enough(store_policy: AnomalyStorePolicy) -> None:
    features = features_of(HOSPITAL, store_policy).features
    names = [feature.name for feature in features]
    values = np.full((30, len(features)), np.nan)
    values[:, names.index("round_share")] = np.linspace(0.0, 0.29, 30)
    values[7, names.index("round_share")] = 0.9
    narrow = np.array(["a|x"] * 10 + ["a|y"] * 3 + ["b|x"] * 10 + ["c|x"] * 7, object)
    wide = np.array(["a"] * 13 + ["b"] * 10 + ["c"] * 7, object)
    found = compare(values, narrow, wide, features, store_policy)
    assert list(found.group[[0, 10, 13, 23]]) == ["a|x", "a", "b|x", EVERYBODY]
    assert list(found.peers[[0, 10, 13, 23]]) == [10, 13, 10, 30]
    column = names.index("round_share")
    own = np.delete(values[:10, column], 7)
    assert found.median[0, column] == pytest.approx(np.median(values[:10, column]))
    assert found.unusual[7, column] == store_policy.z_clip
    assert abs(found.unusual[:7, column]).max() < 3
    assert found.low[0, column] >= own.min()
    assert np.isnan(found.unusual[0, names.index("claims")])


def test_percentiles_rise_with_the_score_and_extremes_keep_their_order() -> None:
    scores = np.random.default_rng(1).normal(size=5_000)
    table = quantile_table(scores)
    asked = np.array([-9.0, -1.0, 0.0, 2.5, 9.0, 10.0])
    found = percentile(asked, table)
    assert found == pytest.approx([0, 0.159, 0.5, 0.9938, 1, 1], abs=0.02)
    assert (np.diff(normal_score(asked, table, 5_000)) > 0).all()
    same = quantile_table(np.zeros(50))
    assert percentile(np.zeros(1), same) == pytest.approx([0.5], abs=0.01)
    assert len(PLACES) == len(table)


@pytest.mark.parametrize("rows", [60, 400])
def test_probabilities_are_calibrated_by_few_or_many_labels(rows: int) -> None:
    random = np.random.default_rng(rows)
    odds = random.normal(size=rows) * 2
    confirmed = (random.random(rows) < 1 / (1 + np.exp(-0.5 * odds))).astype(float)
    fitted = fit_probability(odds, confirmed, isotonic_min=200)
    assert fitted.method == ("isotonic" if rows >= 200 else "sigmoid")
    assert calibration_error(fitted.of(odds), confirmed) < calibration_error(1 / (1 + np.exp(-odds)), confirmed) + 0.03
    assert (np.diff(fitted.of(np.linspace(-9, 9, 50))) >= -1e-12).all()


def test_with_few_decisions_training_is_refused_and_says_how_many_there_are(
    made_province: Province, store_policy: AnomalyStorePolicy
) -> None:
    about, labels = features_of(HOSPITAL, store_policy), decisions(made_province.hospitals)[:9]
    with pytest.raises(TrainingRefusedError, match=r"confirmed 3 and found unfounded 6 hospital .* needs 12 of each"):
        train_supervised(made_province.hospitals, about, labels, store_policy, seed=5)
    few = made_province.hospitals.take(np.arange(5))
    with pytest.raises(TrainingRefusedError, match="at least 16 are needed"):
        train_unsupervised(few, about, store_policy, seed=5)


def test_with_enough_decisions_a_model_learns_what_people_confirm(made_province: Province, store_policy: AnomalyStorePolicy) -> None:
    about = features_of(HOSPITAL, store_policy)
    labels = decisions(made_province.hospitals)
    entities = painted(made_province.hospitals, [feature.name for feature in about.features], labels)
    found = train_supervised(entities, about, labels, store_policy, seed=5)
    assert found.figures["auc"].value > 0.7
    assert found.figures["auc"].low < found.figures["auc"].value < found.figures["auc"].high
    assert found.data["labels"] == {"confirmed": 63, "unfounded": 117, "groups": 60}
    assert found.data["validation"]["tested"] == 120, "the first month is only trained on"
    said = score(found.model, compare_by_month(entities, about.features, store_policy))
    assert said.probability is not None
    confirmed = np.array([next(label.confirmed for label in labels if label.ref == ref) for ref in entities.ref])
    assert said.probability[confirmed].mean() > said.probability[~confirmed].mean() + 0.3
    again = train_supervised(entities, about, labels, store_policy, seed=5)
    assert digest(to_bytes(again.model)) == digest(to_bytes(found.model))
    assert again.model.kind is ModelKind.SUPERVISED


def test_folds_never_train_on_what_they_test_nor_on_later_months() -> None:
    random = np.random.default_rng(2)
    groups = np.array([f"g{one}" for one in random.integers(0, 20, 300)], object)
    month = np.array([np.datetime64("2026-01-01") + 31 * int(one) for one in random.integers(0, 4, 300)])
    made = folds(groups, month, 4, seed=1)
    assert made
    for fold in made:
        assert not set(groups[fold.trained]) & set(groups[fold.tested])
        assert month[fold.trained].max() < month[fold.tested].min()
    tested = np.concatenate([fold.tested for fold in made])
    assert len(set(tested)) == len(tested) == (month > month.min()).sum()
    one_month = folds(groups, np.full(300, np.datetime64("2026-01-01")), 4, seed=1)
    assert sorted(np.concatenate([fold.tested for fold in one_month])) == list(range(300))


def test_drift_is_found_when_amounts_rise_and_not_without(
    made_province: Province, store_policy: AnomalyStorePolicy, compute: Compute, tmp_path: Path
) -> None:
    about, entities = features_of(HOSPITAL, store_policy), made_province.hospitals
    before, last = (entities.take(entities.month < np.datetime64(MARCH)), entities.take(entities.month == np.datetime64(MARCH)))
    still = {one.feature: one for one in drift(*shape_of(before.values), len(before), last.values, about.features, store_policy)}
    assert still["cost_per_claim"].stability_index > store_policy.drift_alarm, "of sixty hospitals chance alone moves it so far"
    assert {one.state for one in still.values()} == {DriftState.STABLE}
    dearer = tables(compute, province(tmp_path, months=3, shift=1.5))
    measures = prepare(compute, dearer, Span(MARCH, MARCH), store_policy, "dearer")
    now = read_entities(HOSPITAL, compute, measures, store_policy).values
    moved = drift(*shape_of(before.values), len(before), now, about.features, store_policy)
    found = {one.feature: one for one in moved}
    assert moved[0].feature in {"cost_per_claim", "total"}
    assert found["cost_per_claim"].state is DriftState.ALARM
    assert found["cost_per_claim"].distance > 0.9
    assert found["cost_index"].state is not DriftState.ALARM, "the month's own medians rise as well"


def test_a_finding_tells_values_peers_and_claims_in_both_languages(
    made_province: Province, trained: Trained, store_policy: AnomalyStorePolicy, compute: Compute
) -> None:
    about = features_of(HOSPITAL, store_policy)
    entities = made_province.hospitals.take(made_province.hospitals.month == np.datetime64(MARCH))
    compared = compare(entities.values, entities.narrow, entities.wide, about.features, store_policy)
    of = Month(MARCH, about, entities, compared, made_province.measures.filter(made_province.measures.month == MARCH))
    found = findings(OfModel("model", ModelKind.UNSUPERVISED, 1), of, score(trained.model, compared), compute, store_policy)
    assert found
    assert {one.subject_ref for one in found} <= set(BAD_HOSPITALS)
    finding = found[0]
    assert (finding.code, finding.subject_kind, finding.completed_on) == ("M-HOSPITAL", SubjectKind.HOSPITAL, date(2026, 3, 31))
    reason = next(one for one in finding.facts["reasons"] if one["feature"] in {"batch_share", "round_share", "copied_share"})
    assert reason["value"] > reason["high"] > reason["median"]
    rows = made_province.measures.filter(made_province.measures.id.isin(reason["claims"])).to_pyarrow().to_pydict()
    assert set(rows["institution"]) == {finding.subject_ref}
    assert len(rows["id"]) == store_policy.claims_named
    flag = {"batch_share": "batch", "round_share": "round_total", "copied_share": "copied"}[reason["feature"]]
    assert set(rows[flag]) == {1}
    assert {record.id for record in finding.records} == {one for each in finding.facts["reasons"] for one in each["claims"]}
    told = explain(finding)
    assert any("the peers' median is" in sentence for sentence in told.en)
    assert any("同类中位数" in sentence for sentence in told.zh)
    assert len(told.en) == len(told.zh) == len(finding.facts["reasons"]) + 2


def test_two_models_are_compared_on_months_after_the_training(store_policy: AnomalyStorePolicy) -> None:
    refs = [f"H{place:02}" for place in range(30)]
    same = {ref: place / 30 for place, ref in enumerate(refs)}
    turned = {ref: 1 - value for ref, value in same.items()}
    months = [date(2026, month, 1) for month in (1, 2, 3)]
    shadow, live = dict.fromkeys(months, same), {months[1]: same, months[2]: turned}
    labels = [Label("H29", "H29", True), Label("H28", "H28", False), Label("H00", "H00", False)]
    found = compare_models(shadow, live, labels, store_policy, trained_to=months[0], live_id="other")
    assert (found.months, found.lacks) == (tuple(months[1:]), 0)
    assert [(one.overlap, one.rank_correlation) for one in found.by_month] == [(1.0, 1.0), (0.0, -1.0)]
    assert (found.shadow_precision.decided, found.shadow_precision.confirmed) == (4, 2)
    assert found.live_precision is not None
    assert (found.live_precision.decided, found.live_precision.confirmed) == (3, 1)
    alone = compare_models(shadow, {}, [], store_policy, trained_to=months[1], live_id=None)
    assert (alone.lacks, alone.by_month, alone.live_precision) == (1, (), None)
