"""All evidence together: a live session is certified, and each attack is not, with its own reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.verify.observations import LEFT, POLICY, RIGHT, embedding, follow, frame, play, session
from verify.assessment import assess, best_frames, probe_embedding, session_quality
from verify.attack_session import challenge_of
from verify.evidence import Decision, Evidence, EvidenceKind, EvidenceState, Outcome, Reason
from verify.observation import Observation, Quality
from verify.pad.integrity import EarlierSession

MATCH = Evidence(EvidenceKind.MATCH, EvidenceState.PASSED)
CHALLENGE = challenge_of(LEFT, RIGHT)


def judged(observations: list[Observation], **options: Any) -> Decision:
    options = {"match": MATCH, "tries_left": 2, **options}
    return assess(observations, options.pop("challenge", CHALLENGE), policy=POLICY, **options)


def live(**options: Any) -> list[Observation]:
    return play(CHALLENGE, **options)


def test_a_live_session_is_certified_without_a_reason() -> None:
    decision = judged(live())
    assert decision.outcome is Outcome.CERTIFIED
    assert decision.reasons == ()
    assert {piece.kind for piece in decision.evidence} == set(EvidenceKind)


def looped() -> list[Observation]:
    first = live()[:9]
    return [replace(first[i % 9], seq=i, captured_at_ms=125 * i, received_at_ms=125 * i + 80) for i in range(60)]


def print_of(score: float, move: float = 0.0) -> list[Observation]:
    def show(prompt: object, since_ms: int) -> dict[str, object]:
        shift = move * abs(np.sin(since_ms / 700))
        return {"yaw_deg": 0.05 * shift, "blink": 0.1, "passive": score, "box": np.array([160 + shift, 120, 180, 220], np.float32)}

    return play(CHALLENGE, show, most_ms=14_000)


ATTACKS: dict[str, tuple[list[Observation], dict[str, Any], Outcome, Reason]] = {
    "two faces in view": ([replace(o, faces=2, second_face_ratio=0.7) for o in live()], {}, Outcome.RETRY, Reason.TWO_FACES),
    "face changed mid-way": (
        [replace(o, embedding=embedding(int(o.step > 1), seed=o.seq)) for o in live()],
        {},
        Outcome.REFUSED,
        Reason.FACE_CHANGED,
    ),
    "repeated frames": (looped(), {}, Outcome.REFUSED, Reason.REPEATED_FRAMES),
    "cut": ([replace(o, patch=frame(o.seq, person=5 if o.seq >= 2 else 0).patch) for o in live()], {}, Outcome.REFUSED, Reason.CUT),
    "photograph": (print_of(0.02), {}, Outcome.REFUSED, Reason.PHOTOGRAPH),
    "photograph that looks live": (print_of(0.98), {}, Outcome.REFUSED, Reason.PHOTOGRAPH),
    "photograph moved and bent": (print_of(0.98, move=150), {}, Outcome.REFUSED, Reason.PHOTOGRAPH_MOVED),
    "screen": ([replace(o, moire=40.0) for o in live()], {}, Outcome.REFUSED, Reason.SCREEN),
    "replayed earlier session": (live(), {"earlier": [EarlierSession.of(live())]}, Outcome.REFUSED, Reason.REPLAY),
    "replay with prompts in another order": (
        play(CHALLENGE, lambda prompt, since: follow({LEFT: RIGHT, RIGHT: LEFT}.get(prompt, prompt), since)),
        {},
        Outcome.REFUSED,
        Reason.WRONG_PROMPT_ORDER,
    ),
    "frames out of order": (
        [replace(o, captured_at_ms=o.captured_at_ms - (700 if o.seq == 9 else 0)) for o in live()],
        {},
        Outcome.REFUSED,
        Reason.FRAMES_OUT_OF_ORDER,
    ),
    "late": ([replace(o, received_at_ms=o.received_at_ms + 20_000 * (o.seq > 15)) for o in live()], {}, Outcome.RETRY, Reason.FRAMES_LATE),
    "from another session": (live(), {"foreign_frames": 2}, Outcome.REFUSED, Reason.FOREIGN_FRAME),
    "virtual camera": (live(), {"camera_label": "OBS Virtual Camera"}, Outcome.REFER, Reason.VIRTUAL_CAMERA),
    "noise": ([replace(o, noise_sigma=9.0) for o in live()], {}, Outcome.RETRY, Reason.NOISY_PICTURE),
    "expired": (live(), {"expired": True}, Outcome.RETRY, Reason.SESSION_EXPIRED),
    "nothing sent": ([], {}, Outcome.RETRY, Reason.TOO_FEW_FRAMES),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_has_its_outcome_and_its_reason_first(name: str) -> None:
    observations, options, outcome, reason = ATTACKS[name]
    decision = judged(observations, **options)
    assert decision.outcome is outcome
    assert decision.reasons[0] is reason


@pytest.mark.parametrize(
    ("match", "outcome"),
    [
        (None, Outcome.REFER),
        (Evidence(EvidenceKind.MATCH, EvidenceState.BORDERLINE, (Reason.MATCH_UNSURE,)), Outcome.REFER),
        (Evidence(EvidenceKind.MATCH, EvidenceState.INSUFFICIENT, (Reason.FACE_NOT_MATCHING,)), Outcome.RETRY),
    ],
)
def test_liveness_alone_certifies_nobody(match: Evidence | None, outcome: Outcome) -> None:
    assert judged(live(), match=match).outcome is outcome


def test_an_engine_without_mesh_and_passive_score_refers_to_a_person() -> None:
    blind = {"mesh_presence": None, "yaw_deg": None, "pitch_deg": None, "roll_deg": None, "blink": None, "passive": None}
    decision = judged(play(CHALLENGE, lambda _prompt, _since: blind))
    assert decision.outcome is Outcome.REFER
    assert decision.reasons == (Reason.EVIDENCE_NOT_MEASURED,)


def test_without_a_challenge_a_session_goes_to_a_person() -> None:
    assert judged(live(), challenge=None).outcome is Outcome.REFER


def test_bad_frames_give_the_commonest_reason_first() -> None:
    poor = [replace(o, quality=Quality((), (Reason.TOO_DARK, Reason.BLURRED) if o.seq % 3 else (Reason.BLURRED,))) for o in live()]
    piece = session_quality(poor, POLICY)
    assert (piece.state, piece.reasons) == (EvidenceState.INSUFFICIENT, (Reason.BLURRED, Reason.TOO_DARK))
    assert session_quality([frame(i, quality=None, box=None) for i in range(5)], POLICY).reasons == (Reason.NO_FACE,)
    assert session_quality([], POLICY).reasons == (Reason.TOO_FEW_FRAMES,)


def test_the_best_frames_are_good_and_frontal() -> None:
    observations, _ = session(LEFT, RIGHT)
    observations = [replace(o, quality=Quality((), (Reason.BLURRED,))) if o.seq % 2 else o for o in observations]
    best = best_frames(observations, 5)
    assert len(best) == 5
    assert all(abs(o.yaw_deg or 0) < 15 and o.seq % 2 == 0 for o in best)
    assert best_frames([frame(0, embedding=None)], 5) == ()


def test_the_probe_is_the_mean_of_the_best_frames_at_their_length() -> None:
    probe = probe_embedding(live(), POLICY)
    assert probe is not None
    assert probe.dtype == np.float32
    assert float(np.linalg.norm(probe)) == pytest.approx(1.0, abs=1e-5)
    assert float(probe @ embedding(0, wobble=0.0)) > max(float(o.embedding @ embedding(0, wobble=0.0)) for o in live()[:3])  # type: ignore[operator]
    assert probe_embedding([], POLICY) is None
