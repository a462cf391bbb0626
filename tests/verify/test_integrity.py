"""Frames of this session, in order, in time, each new, none of an earlier session."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from tests.verify.observations import POLICY, frame
from verify.evidence import EvidenceState, Reason
from verify.pad.integrity import EarlierSession, integrity, repetition

RULES = POLICY.integrity


def take(count: int = 20, **changes: object) -> list[object]:
    return [frame(i, **changes) for i in range(count)]


def contradicted(reason: Reason, observations: list[object], **options: object) -> None:
    piece = integrity(observations, None, POLICY, **options)  # type: ignore[arg-type]
    assert piece.state is EvidenceState.CONTRADICTED
    assert piece.reasons == (reason,)


def test_a_plain_session_passes() -> None:
    piece = integrity(take(), None, POLICY)
    assert piece.state is EvidenceState.PASSED
    assert piece.measure("frames") == 20


def test_frames_that_come_back_are_repeated() -> None:
    loop = take(10)
    again = [replace(o, seq=o.seq + 10, captured_at_ms=o.captured_at_ms + 1250, received_at_ms=o.received_at_ms + 1250) for o in loop]
    contradicted(Reason.REPEATED_FRAMES, [*loop, *again])


def test_one_still_sent_over_and_over_is_repeated() -> None:
    still = frame(0)
    observations = [replace(still, seq=i, captured_at_ms=125 * i, received_at_ms=125 * i + 80) for i in range(20)]
    assert repetition(observations, POLICY) == (0, 1.0)
    contradicted(Reason.REPEATED_FRAMES, observations)


def test_a_still_encoded_anew_each_time_is_repeated_by_its_pixels() -> None:
    patch = frame(0).patch
    contradicted(Reason.REPEATED_FRAMES, [frame(i, patch=patch) for i in range(20)])


def test_a_slow_camera_that_gives_some_pictures_twice_is_forgiven() -> None:
    observations = [replace(frame(i), sha256=f"{i // 2:064d}") for i in range(20)]
    assert integrity(observations, None, POLICY).state is EvidenceState.PASSED


def test_camera_time_that_runs_backwards_is_out_of_order() -> None:
    observations = take()
    observations[7], observations[8] = (
        replace(observations[7], captured_at_ms=observations[8].captured_at_ms),
        replace(observations[8], captured_at_ms=observations[7].captured_at_ms),
    )
    contradicted(Reason.FRAMES_OUT_OF_ORDER, observations)


def test_a_number_used_twice_is_out_of_order() -> None:
    contradicted(Reason.FRAMES_OUT_OF_ORDER, [replace(o, seq=4) if o.seq == 5 else o for o in take()])


def test_frames_overtaking_each_other_on_the_network_are_no_disorder() -> None:
    observations = take()
    observations[3], observations[4] = observations[4], observations[3]
    assert integrity(observations, None, POLICY).state is EvidenceState.PASSED


def test_frames_that_arrive_before_they_were_taken_were_not_taken_now() -> None:
    contradicted(Reason.FRAMES_LATE, [replace(o, captured_at_ms=o.captured_at_ms * 8) for o in take()])


def test_many_late_frames_are_asked_for_again_and_a_few_are_forgiven() -> None:
    def late_from(first: int) -> list[object]:
        return [replace(o, received_at_ms=o.received_at_ms + (RULES.late_ms + 1000 if o.seq >= first else 0)) for o in take()]

    many = integrity(late_from(8), None, POLICY)
    assert (many.state, many.reasons) == (EvidenceState.INSUFFICIENT, (Reason.FRAMES_LATE,))
    assert integrity(late_from(18), None, POLICY).state is EvidenceState.PASSED


def test_a_slow_first_frame_does_not_make_the_others_early() -> None:
    slow_start = [replace(o, received_at_ms=max(o.received_at_ms, 4000)) for o in take()]
    assert integrity(slow_start, None, POLICY).state is EvidenceState.PASSED


def test_a_frame_of_another_session_is_named() -> None:
    contradicted(Reason.FOREIGN_FRAME, take(), foreign_frames=1)


def test_an_expired_session_and_too_few_frames_are_asked_for_again() -> None:
    assert integrity(take(), None, POLICY, expired=True).reasons == (Reason.SESSION_EXPIRED,)
    few = integrity(take(RULES.frames_min - 1), None, POLICY)
    assert (few.state, few.reasons) == (EvidenceState.INSUFFICIENT, (Reason.TOO_FEW_FRAMES,))
    assert integrity([], None, POLICY).state is EvidenceState.INSUFFICIENT


def test_an_earlier_session_sent_again_is_known_by_its_bytes() -> None:
    observations = [replace(o, picture_hash=None) for o in take()]
    contradicted(Reason.REPLAY, observations, earlier=[EarlierSession.of(observations)])


def test_an_earlier_session_encoded_anew_is_known_by_its_pictures() -> None:
    rng = np.random.default_rng(1)
    earlier = EarlierSession.of(take())

    def flipped(value: int, bits: int) -> int:
        for place in rng.choice(63, bits, replace=False):
            value ^= 1 << int(place)
        return value

    again = [
        replace(o, sha256=f"{i:064x}", picture_hash=flipped(o.picture_hash or 0, RULES.replay_hash_bits)) for i, o in enumerate(take())
    ]
    contradicted(Reason.REPLAY, again, earlier=[EarlierSession((frozenset()), ()), earlier])
    other = [
        replace(o, sha256=f"{i:064x}", picture_hash=flipped(o.picture_hash or 0, RULES.replay_hash_bits + 6)) for i, o in enumerate(take())
    ]
    assert integrity(other, None, POLICY, earlier=[earlier]).state is EvidenceState.PASSED


def test_what_is_kept_of_a_session_survives_json_and_holds_no_picture() -> None:
    kept = EarlierSession.of(take())
    text = json.dumps(kept.to_json())
    assert EarlierSession.from_json(json.loads(text)) == kept
    assert len(text) < 80 * 20
