"""A comparison says which thresholds it used, and a small or foreign calibration is never used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from verify.calibration import Calibration, Level
from verify.comparison import MatchState, ThresholdSource, compare
from verify.engines.scripted import Scene, ScriptedEngine, scripted_embedding
from verify.errors import CalibrationError
from verify.evidence import EvidenceState, Reason
from verify.normalisation import Cohort
from verify.policy import load_verification_policy

POLICY = load_verification_policy(Path(__file__).parents[2] / "policy.toml").matching
ENGINE = ScriptedEngine(allow_test_double=True)
REFERENCE = scripted_embedding(Scene(identity=7))


def probe(likeness: int) -> np.ndarray:
    return scripted_embedding(Scene(identity=7, likeness=likeness))


@pytest.fixture
def calibration() -> Calibration:
    levels = (Level(0.01, 0.3, "f 60+", 50_000, 500.0), Level(0.001, 0.6, "f 60+", 50_000, 50.0), Level(0.0001, 0.9, "all", 200_000, 20.0))
    return Calibration("scripted", ENGINE.version, datetime(2026, 3, 1, tzinfo=UTC), 1200, 50_000, levels, (), None, False, {"used": False})


@pytest.mark.parametrize(
    ("likeness", "state", "evidence", "reasons"),
    [
        (15, MatchState.ACCEPT, EvidenceState.PASSED, ()),
        (8, MatchState.ACCEPT, EvidenceState.PASSED, ()),
        (6, MatchState.REFER, EvidenceState.BORDERLINE, (Reason.MATCH_UNSURE,)),
        (5, MatchState.DIFFERENT, EvidenceState.CONTRADICTED, (Reason.FACE_NOT_MATCHING,)),
        (0, MatchState.DIFFERENT, EvidenceState.CONTRADICTED, (Reason.FACE_NOT_MATCHING,)),
    ],
)
def test_provisional_thresholds_hold_without_a_calibration(likeness, state, evidence, reasons):
    result = compare(ENGINE, REFERENCE, probe(likeness), None, POLICY)
    assert (result.state, result.source, result.fmr_level) == (state, ThresholdSource.PROVISIONAL, None)
    assert (result.evidence().state, result.evidence().reasons) == (evidence, reasons)
    assert result.similarity == pytest.approx(likeness / 15, abs=1e-5)


@pytest.mark.parametrize(
    ("likeness", "state", "level"),
    [(15, MatchState.ACCEPT, 0.0001), (10, MatchState.ACCEPT, 0.001), (8, MatchState.REFER, 0.01), (3, MatchState.DIFFERENT, None)],
)
def test_an_own_calibration_gives_the_level_that_is_reached(calibration, likeness, state, level):
    result = compare(ENGINE, REFERENCE, probe(likeness), calibration, POLICY)
    assert (result.state, result.source, result.fmr_level) == (state, ThresholdSource.OWN_POPULATION, level)
    assert result.calibrated_at == "2026-03-01T00:00:00+00:00"
    assert result.evidence().measure("own_population") == 1.0


@pytest.mark.parametrize("change", [{"references": 999}, {"provisional": True}, {"levels": ()}])
def test_too_small_a_calibration_is_not_used(calibration, change):
    assert compare(ENGINE, REFERENCE, probe(10), replace(calibration, **change), POLICY).source is ThresholdSource.PROVISIONAL


def test_another_engines_calibration_is_an_error(calibration):
    with pytest.raises(CalibrationError, match="different engines"):
        compare(ENGINE, REFERENCE, probe(10), replace(calibration, engine_version="scripted-0"), POLICY)


def test_a_face_that_resembles_many_needs_more(calibration):
    rng = np.random.default_rng(0)
    strangers = rng.standard_normal((400, REFERENCE.size)).astype(np.float32)
    lookalikes = strangers + 8 * REFERENCE
    cohorts = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in (strangers, lookalikes)]
    scores = [
        compare(ENGINE, REFERENCE, probe(10), replace(calibration, cohort=Cohort(members, 50, 5, 0.999)), POLICY).score
        for members in cohorts
    ]
    assert scores[1] < scores[0]


def test_more_alike_never_gives_a_worse_state(calibration):
    order = [MatchState.DIFFERENT, MatchState.REFER, MatchState.ACCEPT]
    for used in (None, calibration):
        states = [order.index(compare(ENGINE, REFERENCE, probe(n), used, POLICY).state) for n in range(16)]
        assert states == sorted(states)


def test_an_embedder_that_policy_does_not_know_always_goes_to_a_person():
    thresholds = POLICY.provisional_for("onnx:unknown")
    assert thresholds.refer < -1.0
    assert thresholds.accept > 1.0
