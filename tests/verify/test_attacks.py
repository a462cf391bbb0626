"""Real pictures through the real engine and the whole decision: the clip's person is certified, simulated attacks are not."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT
from tests.verify.real_data import data_file, engine
from verify.assessment import assess, probe_embedding
from verify.attack_media import Display, Pose3D, held, on_display, printed
from verify.attack_session import challenge_of, load_turn_clip
from verify.attack_species import AttackStage, Attempt, bona_fide, displays, photographs_of_a_frame, replays, tampered
from verify.attacks import run_attacks
from verify.comparison import compare
from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Outcome, Reason
from verify.views import PromptName

MATCH = Evidence(EvidenceKind.MATCH, EvidenceState.PASSED)


@pytest.fixture(scope="module")
def stage() -> AttackStage:
    onnx = engine("onnx")
    clip = load_turn_clip(data_file("clips", "head-pose-face-detection-female.gif"), onnx)
    pictures = sorted(data_file("faces", "images").iterdir())[:6]
    return AttackStage(clip, [cv2.imread(str(path)) for path in pictures], onnx, POLICY, seed=3)


def judged(attempt: Attempt) -> Decision:
    return assess(attempt.observations, attempt.challenge, match=MATCH, policy=POLICY, tries_left=1, **attempt.options)


def first(attempts: Iterator[Attempt], species: str) -> Attempt:
    return next(attempt for attempt in attempts if attempt.species == species)


@pytest.mark.parametrize("order", [(LEFT, RIGHT), (RIGHT, LEFT)])
@pytest.mark.parametrize("sweep", [0, 1])
def test_the_person_of_the_clip_is_certified_for_either_order(stage: AttackStage, order: tuple[PromptName, ...], sweep: int) -> None:
    challenge = challenge_of(*order, colours=("white", "blue", "amber", "green", "blue"))
    decision = judged(Attempt("bona_fide", stage.live(challenge, sweep).observations, challenge))
    assert decision.outcome is Outcome.CERTIFIED, [(p.kind, p.reasons, p.measures) for p in decision.evidence if p.reasons]


@pytest.mark.parametrize("motion", ["photograph_tilted", "photograph_bent"])
def test_a_photograph_of_the_person_that_follows_the_prompts_is_refused(stage: AttackStage, motion: str) -> None:
    attempt = first(photographs_of_a_frame(stage, 1), motion)
    decision = judged(attempt)
    assert decision.outcome is Outcome.REFUSED
    assert {Reason.PHOTOGRAPH, Reason.PHOTOGRAPH_MOVED} & set(decision.reasons)


def test_a_video_that_follows_the_prompts_on_a_display_in_focus_is_refused_as_a_screen(stage: AttackStage) -> None:
    decision = judged(first(displays(stage, 1), "screen_follows"))
    assert decision.outcome is Outcome.REFUSED
    assert Reason.SCREEN in decision.reasons


def test_an_earlier_session_is_refused_in_another_order_and_known_again_in_the_same_one(stage: AttackStage) -> None:
    attempts = {attempt.species: judged(attempt) for attempt in replays(stage, 1)}
    assert attempts["replay_other_order"].reasons[0] is Reason.WRONG_PROMPT_ORDER
    assert attempts["replay_encoded_anew_other_order"].outcome is Outcome.REFUSED
    for species in ("replay_same_order_known", "replay_encoded_anew_same_order_known"):
        assert attempts[species].outcome is Outcome.REFUSED
        assert Reason.REPLAY in attempts[species].reasons
    assert Reason.REPLAY not in attempts["bona_fide_after_earlier"].reasons


def test_another_person_who_takes_over_is_refused(stage: AttackStage) -> None:
    decision = judged(first(tampered(stage, 1), "face_changed"))
    assert decision.outcome is Outcome.REFUSED
    assert Reason.FACE_CHANGED in decision.reasons


def test_the_report_counts_every_attempt(stage: AttackStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "verify.attacks.FAMILIES", (bona_fide, lambda stage, _count: [first(tampered(stage, 1), "frames_of_another_session")])
    )
    report = run_attacks(
        data_file("clips", "head-pose-face-detection-female.gif"), data_file("faces", "images"), stage.engine, POLICY, per_species=1
    )
    assert report["simulated"] is True
    assert report["attacks"] == 1
    assert report["bona_fide"]["bona_fide"]["outcomes"] == {"certified": 1}
    row = report["species"]["frames_of_another_session"]
    assert (row["outcomes"], row["caught_by"]) == ({"refused": 1}, {"integrity": 1})
    assert report["certified"] == {}


def test_a_clip_without_a_turn_is_refused(stage: AttackStage) -> None:
    with pytest.raises(ValueError, match="both sides"):
        load_turn_clip(data_file("clips", "head-pose-face-detection-female.gif"), stage.engine, last_frame=8)


def gradient() -> np.ndarray:
    return np.dstack([np.tile(np.linspace(20, 230, 160, dtype=np.uint8), (120, 1))] * 3)


def test_a_tilted_print_keeps_straight_lines_and_a_bent_one_does_not() -> None:
    picture = np.full((120, 160, 3), 255, np.uint8)
    background = np.zeros_like(picture)
    picture[58:62] = (0, 0, 255)
    picture[20:24] = (0, 255, 0)

    def line(image: np.ndarray) -> np.ndarray:
        mask = (image[..., 1] > 150) & (image[..., 2] < 100)
        return np.array([np.flatnonzero(mask[:, x]).mean() for x in range(40, 120) if mask[:, x].any()])

    tilted, bent = (line(held(picture, background, pose)) for pose in (Pose3D(roll_deg=8), Pose3D(bend=1.8)))
    assert np.abs(np.diff(tilted, 2)).max() < 1.01
    assert abs(bent[0] - bent[-1]) < 0.6  # symmetric, and curved:
    assert bent[0] - bent[len(bent) // 2] >= 0.9


def test_a_print_has_less_contrast_and_a_display_the_same_brightness() -> None:
    assert np.ptp(printed(gradient())) < np.ptp(gradient())
    assert on_display(gradient(), Display(1.7, 1.0, 0.4)).mean() == pytest.approx(gradient().mean(), rel=0.25)


@pytest.mark.parametrize(("whose", "outcome"), [("her own", Outcome.CERTIFIED), ("another's", Outcome.REFUSED)])
def test_the_prompted_clip_against_her_own_reference_and_against_anothers(stage: AttackStage, whose: str, outcome: Outcome) -> None:
    onnx = stage.engine
    picture = stage.clip.nearest(0).image if whose == "her own" else stage.photographs[0]
    reference = onnx.embed(picture, onnx.detect(picture)[0])
    challenge = challenge_of(LEFT, RIGHT)
    observations = stage.live(challenge, 0).observations
    probe = probe_embedding(observations, POLICY)
    assert probe is not None
    match = compare(onnx, reference, probe, None, POLICY.matching).evidence()
    decision = assess(observations, challenge, match=match, policy=POLICY, tries_left=1)
    assert decision.outcome is outcome
    assert (Reason.FACE_NOT_MATCHING in decision.reasons) == (outcome is Outcome.REFUSED)
