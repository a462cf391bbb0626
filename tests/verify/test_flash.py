"""Colour flash: a face that answers the colours against a recording that cannot know them. Reflections are simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, play, session
from verify.attack_session import challenge_of
from verify.evidence import EvidenceState, Reason
from verify.pad.flash import answer, flash

COLOURS = ("blue", "amber", "white", "green", "amber")
CHALLENGE = challenge_of(LEFT, RIGHT, colours=COLOURS)
REQUIRED = POLICY.model_copy(update={"flash": POLICY.flash.model_copy(update={"required": True})})


def test_a_face_that_reflects_the_screen_answers() -> None:
    piece = flash(play(CHALLENGE, colour_gain=0.06), CHALLENGE, POLICY)
    assert piece.state is EvidenceState.PASSED
    assert (piece.measure("correlation") or 0) > 0.8
    assert (piece.measure("p_value") or 1) <= 0.01


def test_a_recording_without_any_answer_counts_only_where_policy_requires_it() -> None:
    observations = play(CHALLENGE)
    reported = flash(observations, CHALLENGE, POLICY)
    assert (reported.state, reported.reasons) == (EvidenceState.ABSENT, (Reason.FLASH_NOT_ANSWERED,))
    assert reported.measure("p_value") is not None
    required = flash(observations, CHALLENGE, REQUIRED)
    assert (required.state, required.reasons) == (EvidenceState.CONTRADICTED, (Reason.FLASH_NOT_ANSWERED,))


def test_the_answer_to_another_sequence_is_no_answer() -> None:
    recorded = play(challenge_of(LEFT, RIGHT, colours=("green", "white", "blue", "amber", "blue")), colour_gain=0.06)
    relabelled = [replace(o, colour=CHALLENGE.colour_at(o.step)) for o in recorded]
    assert flash(relabelled, CHALLENGE, REQUIRED).state is EvidenceState.CONTRADICTED


def test_a_change_of_white_balance_is_no_answer() -> None:
    observations = play(CHALLENGE)
    shifted = [
        o
        if o.colour is None
        else replace(o, colour_means=o.colour_means * (1 + 0.06 * np.array(POLICY.flash.colours[o.colour][::-1]) / 255))
        for o in observations
    ]
    assert flash(shifted, CHALLENGE, REQUIRED).state is EvidenceState.CONTRADICTED


def test_a_face_that_fills_the_picture_is_judged_without_a_background() -> None:
    def no_background(means: np.ndarray) -> np.ndarray:
        result = means.copy()
        result[3:] = np.nan
        return result

    observations = [replace(o, colour_means=no_background(o.colour_means)) for o in play(CHALLENGE, colour_gain=0.06)]
    assert flash(observations, CHALLENGE, POLICY).state is EvidenceState.PASSED


def test_without_colours_or_before_they_were_shown_nothing_is_measured() -> None:
    observations, plain = session(LEFT, RIGHT)
    assert flash(observations, plain, REQUIRED).state is EvidenceState.ABSENT
    assert flash(observations, None, REQUIRED).state is EvidenceState.ABSENT
    assert flash(observations, CHALLENGE, POLICY).state is EvidenceState.ABSENT
    assert flash(observations, CHALLENGE, REQUIRED).state is EvidenceState.INSUFFICIENT


@pytest.mark.parametrize("seed", range(5))
def test_chance_rarely_answers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lucky = sum(answer(rng.normal(size=(5, 2)), COLOURS, POLICY.flash)[1] <= POLICY.flash.p_value_max for _ in range(40))
    assert lucky <= 8  # 2 expected
