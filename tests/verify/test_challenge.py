"""Random prompts, and how a session's progress through them is judged."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.verify.observations import BLINK, LEFT, POLICY, RIGHT, STRAIGHT, follow, frame, play, session
from verify.attack_session import challenge_of
from verify.evidence import Reason
from verify.pad.challenge import Challenge, draw_challenge, progress
from verify.views import ChallengeKind, PromptName

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def drawn(seed: int, kind: ChallengeKind = ChallengeKind.STANDARD) -> Challenge:
    return draw_challenge(random.Random(seed), POLICY, kind, now=NOW)


def test_a_standard_challenge_looks_straight_and_then_turns_to_both_sides() -> None:
    for seed in range(200):
        names = [prompt.name for prompt in drawn(seed).prompts]
        assert names[0] is STRAIGHT
        assert POLICY.challenge.turns_min <= len(names) - 1 <= POLICY.challenge.turns_max
        assert set(names[1:]) == {LEFT, RIGHT}


def test_no_order_of_turns_is_much_likelier_than_another_of_its_length() -> None:
    seen = Counter(tuple(prompt.name for prompt in drawn(seed).prompts[1:]) for seed in range(4000))
    assert len(seen) == 8
    for length in (2, 3):
        counts = [count for turns, count in seen.items() if len(turns) == length]
        assert max(counts) < 1.35 * min(counts)


def test_a_gentle_challenge_asks_for_no_turn_and_pauses_at_random() -> None:
    pauses = set()
    for seed in range(50):
        challenge = drawn(seed, ChallengeKind.GENTLE)
        assert {prompt.name for prompt in challenge.prompts} == {STRAIGHT, BLINK}
        assert challenge.prompts[-1].name is BLINK
        pauses |= {prompt.hold_ms for prompt in challenge.prompts if prompt.name is STRAIGHT}
    assert len(pauses) > 50
    assert min(pauses) >= POLICY.challenge.gentle_pause_ms_min


def test_no_colour_follows_itself_and_changes_stay_under_two_a_second() -> None:
    for seed in range(100):
        colours = drawn(seed).colours
        assert len(colours) == POLICY.flash.changes
        assert all(a != b for a, b in pairwise(colours))
    assert POLICY.flash.hold_ms >= 500


def test_a_challenge_survives_json_and_expires() -> None:
    challenge = drawn(5)
    assert Challenge.from_json(json.loads(json.dumps(challenge.to_json()))) == challenge
    assert not challenge.expired(NOW + timedelta(seconds=POLICY.challenge.ttl_s - 1))
    assert challenge.expired(NOW + timedelta(seconds=POLICY.challenge.ttl_s))


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        draw_challenge(random.Random(1), POLICY, now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_production_source_of_chance_is_accepted() -> None:
    assert draw_challenge(random.SystemRandom(), POLICY, now=NOW).prompts[0].name is STRAIGHT


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("interval_ms", [85, 125, 250])
def test_a_person_who_follows_naturally_passes_at_four_to_twelve_frames_a_second(seed: int, interval_ms: int) -> None:
    observations = play(drawn(seed), interval_ms=interval_ms)
    state = progress(drawn(seed), observations, POLICY)
    assert state.satisfied, (state.failed, state.step, state.prompt)
    assert state.fraction == 1.0
    assert state.prompt is PromptName.DONE


def test_dropped_frames_do_not_fail_a_person() -> None:
    challenge = drawn(3)
    observations = play(challenge, drop=[i for i in range(400) if i % 3 == 1])
    assert progress(challenge, observations, POLICY).satisfied


def test_a_slow_old_person_has_time() -> None:
    challenge = challenge_of(LEFT, RIGHT, LEFT)
    observations = play(challenge, lambda prompt, since: follow(prompt, max(0, since - 6000), speed_deg_s=12, peak_deg=24), interval_ms=250)
    assert progress(challenge, observations, POLICY).satisfied


def test_a_gentle_challenge_is_satisfied_by_blinks_on_cue() -> None:
    challenge = drawn(8, ChallengeKind.GENTLE)
    assert progress(challenge, play(challenge), POLICY).satisfied


def test_eyes_held_shut_are_no_blink() -> None:
    challenge = drawn(8, ChallengeKind.GENTLE)
    observations = play(challenge, lambda prompt, _since: {"blink": 0.9 if prompt is BLINK else 0.1}, most_ms=20_000)
    assert progress(challenge, observations, POLICY).prompt is BLINK


def test_turning_to_the_wrong_side_fails() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    swapped = {LEFT: RIGHT, RIGHT: LEFT}
    observations = play(challenge, lambda prompt, since: follow(swapped.get(prompt, prompt), since))
    assert progress(challenge, observations, POLICY).failed is Reason.WRONG_PROMPT_ORDER


def test_a_small_wobble_to_the_other_side_is_forgiven() -> None:
    challenge = challenge_of(LEFT, RIGHT)

    def wobble(prompt: PromptName, since_ms: int) -> dict[str, object]:
        if prompt is LEFT and since_ms < 500:
            return {"yaw_deg": -POLICY.active.wrong_side_deg + 2}
        return follow(prompt, since_ms - 500 if prompt is LEFT else since_ms)

    assert progress(challenge, play(challenge, wobble), POLICY).satisfied


def test_a_turn_just_short_of_the_limit_does_not_count_and_says_turn_further() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    short = POLICY.active.turn_min_deg - 1
    observations = play(challenge, lambda prompt, since: follow(prompt, since, peak_deg=short), most_ms=3000)
    state = progress(challenge, observations, POLICY)
    assert state.step == 1
    assert Reason.TURN_FURTHER in state.hints


def test_the_limit_counts_from_the_persons_own_frontal_pose() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    offset = 10.0

    def turned_by(prompt: PromptName, since_ms: int) -> dict[str, object]:
        return {"yaw_deg": offset + follow(prompt, since_ms)["yaw_deg"]}  # type: ignore[operator]

    assert progress(challenge, play(challenge, turned_by), POLICY).satisfied


def test_a_jump_no_head_can_make_does_not_count() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda prompt, _since: {"yaw_deg": {LEFT: 32.0, RIGHT: -32.0}.get(prompt, 0.0)}, most_ms=5000)
    state = progress(challenge, observations, POLICY)
    assert state.step == 1
    assert state.hints == (Reason.TURN_SLOWER,)


@pytest.mark.parametrize("spoilt", [{"mesh_presence": 0.5}, {"detector_score": 0.6}])
def test_frames_that_cannot_be_trusted_fake_no_turn(spoilt: dict[str, object]) -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda prompt, since: {**follow(prompt, since), **(spoilt if prompt is LEFT else {})}, most_ms=6000)
    assert progress(challenge, observations, POLICY).step == 1


def test_no_prompt_is_waited_for_for_ever() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    observations = play(challenge, lambda _prompt, _since: {"yaw_deg": 0.0}, interval_ms=250)
    assert progress(challenge, observations, POLICY).failed is Reason.PROMPT_NOT_FOLLOWED
    assert observations[-1].captured_at_ms >= POLICY.active.prompt_limit_ms


def test_an_engine_without_pose_waits_each_prompt_out() -> None:
    challenge = challenge_of(LEFT, RIGHT)
    blind = {"mesh_presence": None, "yaw_deg": None, "pitch_deg": None, "roll_deg": None, "blink": None}
    observations = play(challenge, lambda _prompt, _since: blind)
    assert progress(challenge, observations, POLICY).satisfied
    assert observations[-1].captured_at_ms >= 3 * POLICY.active.unmeasured_prompt_ms


def test_the_steps_go_through_the_prompts_and_then_the_colours() -> None:
    challenge = challenge_of(LEFT, RIGHT, colours=("white", "blue", "green"))
    shown = [(o.step, o.colour) for o in play(challenge)]
    assert list(dict.fromkeys(shown)) == [(0, None), (1, None), (2, None), (3, "white"), (4, "blue"), (5, "green")]
    assert challenge.steps_total == 6
    assert (challenge.colour_at(2), challenge.colour_at(3), challenge.colour_at(6)) == (None, "white", None)


def test_a_frame_labelled_with_another_colour_does_not_count() -> None:
    challenge = challenge_of(LEFT, RIGHT, colours=("white", "blue", "green"))
    reached = [o for o in play(challenge) if o.step < 3]
    wrong = [frame(len(reached) + i, at_ms=reached[-1].captured_at_ms + 125 * (i + 1), step=3, colour="blue") for i in range(12)]
    assert progress(challenge, [*reached, *wrong], POLICY).step == 3


def test_progress_only_ever_grows() -> None:
    observations, challenge = session(LEFT, RIGHT, LEFT)
    steps = [progress(challenge, observations[:count], POLICY).step for count in range(len(observations) + 1)]
    assert steps == sorted(steps)
    assert steps[0] == 0


def test_nothing_seen_yet_asks_for_the_first_prompt() -> None:
    state = progress(challenge_of(LEFT, RIGHT), [], POLICY)
    assert (state.step, state.prompt, state.fraction, state.failed, state.judged) == (0, STRAIGHT, 0.0, None, ())
