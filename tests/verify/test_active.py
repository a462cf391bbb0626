"""Active evidence: prompts followed, not followed, followed the wrong way, and nothing alive in view."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, follow, play, session
from verify.attack_session import challenge_of
from verify.evidence import EvidenceState, Outcome, Reason
from verify.pad.active import active
from verify.pad.challenge import draw_challenge
from verify.views import ChallengeKind, PromptName

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_prompts_followed_pass() -> None:
    observations, challenge = session(RIGHT, LEFT)
    piece = active(observations, challenge, POLICY)
    assert piece.state is EvidenceState.PASSED
    assert piece.reasons == ()
    assert piece.measure("prompts_followed") == 3
    assert (piece.measure("turn_1_turn_right") or 0) >= POLICY.active.turn_min_deg


def test_an_earlier_sessions_order_is_the_wrong_order() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda prompt, since: follow({LEFT: RIGHT, RIGHT: LEFT}.get(prompt, prompt), since))
    piece = active(observations, challenge, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.CONTRADICTED, (Reason.WRONG_PROMPT_ORDER,))


def still(prompt: PromptName, since_ms: int) -> dict[str, object]:
    return {"yaw_deg": 0.0, "blink": 0.1}


def moved(prompt: PromptName, since_ms: int) -> dict[str, object]:
    shift = 120 * abs(np.sin(since_ms / 700))
    return {"yaw_deg": 9 * np.sin(since_ms / 500), "blink": 0.1, "box": np.array([160 + shift, 120, 180, 220], np.float32)}


@pytest.mark.parametrize(("act", "reason"), [(still, Reason.PHOTOGRAPH), (moved, Reason.PHOTOGRAPH_MOVED)])
def test_neither_turn_nor_blink_in_all_the_time_is_a_photograph(act: object, reason: Reason) -> None:
    challenge = challenge_of(LEFT, RIGHT)
    piece = active(play(challenge, act, most_ms=15_000), challenge, POLICY)  # type: ignore[arg-type]
    assert (piece.state, piece.reasons) == (EvidenceState.CONTRADICTED, (reason,))


def test_a_line_too_slow_to_show_a_blink_speaks_of_no_photograph() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, still, interval_ms=800, most_ms=23_000)
    assert POLICY.integrity.frames_min < len(observations) < POLICY.active.lifeless_frames_min
    piece = active(observations, challenge, POLICY)
    assert (piece.state, piece.reasons[-1]) == (EvidenceState.INSUFFICIENT, Reason.PROMPT_NOT_FOLLOWED)


def test_a_person_who_only_blinks_is_asked_again_and_not_refused() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda _prompt, since: {"yaw_deg": 0.0, "blink": 0.7 if since % 4000 < 200 else 0.1}, most_ms=15_000)
    piece = active(observations, challenge, POLICY)
    assert piece.state is EvidenceState.INSUFFICIENT
    assert Reason.PROMPT_NOT_FOLLOWED in piece.reasons


def test_a_person_who_leaves_early_is_asked_again() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    assert active(play(challenge, still, most_ms=4000), challenge, POLICY).state is EvidenceState.INSUFFICIENT
    assert active([], challenge, POLICY).state is EvidenceState.INSUFFICIENT


def test_without_a_challenge_or_a_mesh_nothing_is_measured() -> None:
    observations, challenge = session(LEFT, RIGHT)
    assert active(observations, None, POLICY).state is EvidenceState.ABSENT
    blind = play(challenge, lambda _prompt, _since: {"mesh_presence": None, "yaw_deg": None, "blink": None})
    assert active(blind, challenge, POLICY).state is EvidenceState.ABSENT


def test_a_gentle_challenge_goes_to_a_person_unless_policy_says_otherwise() -> None:
    challenge = draw_challenge(random.Random(4), POLICY, ChallengeKind.GENTLE, now=NOW)
    observations = play(challenge)
    piece = active(observations, challenge, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.BORDERLINE, (Reason.GENTLE_NEEDS_PERSON,))
    trusting = POLICY.model_copy(update={"active": POLICY.active.model_copy(update={"gentle_outcome": Outcome.CERTIFIED})})
    assert active(observations, challenge, trusting).state is EvidenceState.PASSED
