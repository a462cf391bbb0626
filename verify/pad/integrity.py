"""Integrity evidence: the frames are this session's, in order, in time, each new, and none was seen in an earlier session."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from verify.evidence import Evidence, EvidenceKind, EvidenceState, Measure, Reason
from verify.observation import Observation
from verify.pad.challenge import Challenge
from verify.policy import IntegrityPolicy, VerificationPolicy

_SHA_CHARACTERS = 32  # 128 bits of a SHA-256 are enough to know a frame again


@dataclass(frozen=True)
class EarlierSession:
    """What is kept of a session to know it again: no picture, no template. hashes: 64-bit picture hashes in frame order."""

    sha256s: frozenset[str]
    hashes: tuple[int, ...]

    @classmethod
    def of(cls, observations: Sequence[Observation]) -> EarlierSession:
        """What to keep of a session that is over."""
        return cls(
            frozenset(observation.sha256[:_SHA_CHARACTERS] for observation in observations),
            tuple(observation.picture_hash for observation in observations if observation.picture_hash is not None),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON column."""
        return {"sha256s": sorted(self.sha256s), "hashes": [f"{value:016x}" for value in self.hashes]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EarlierSession:
        """Inverse of ``to_json``."""
        return cls(frozenset(values["sha256s"]), tuple(int(value, 16) for value in values["hashes"]))


def integrity(
    observations: Sequence[Observation],
    challenge: Challenge | None,  # noqa: ARG001
    policy: VerificationPolicy,
    *,
    earlier: Sequence[EarlierSession] = (),
    foreign_frames: int = 0,
    expired: bool = False,
) -> Evidence:
    """Are the frames what they claim to be?

    contradicted: frames of another session or of an earlier one, in an impossible order or time, or repeated. insufficient: too few
    of them, many late, or the session expired.
    """
    rules = policy.integrity
    repeated_later, repeated_share = repetition(observations, policy)
    replay = max((replayed_share(observations, session, rules) for session in earlier), default=0.0)
    late = _late_share(observations, rules)
    disordered = _disordered(observations)
    ahead_ms = _ahead_ms(observations, rules)
    measures = (
        Measure("frames", len(observations), rules.frames_min, "frames"),
        Measure("foreign_frames", foreign_frames, 0, "frames"),
        Measure("disordered_frames", disordered, 0, "frames"),
        Measure("late_share", late, rules.late_share_max),
        Measure("ahead_of_clock", ahead_ms, 0, "ms"),
        Measure("frames_repeated_later", repeated_later, 0, "frames"),
        Measure("repeated_share", repeated_share, policy.continuity.repeated_share_max),
        Measure("replayed_share", replay, rules.replay_share_max),
    )
    against = [
        reason
        for reason, found in (
            (Reason.FOREIGN_FRAME, foreign_frames > 0),
            (Reason.REPLAY, replay > rules.replay_share_max),
            (Reason.REPEATED_FRAMES, repeated_later > 0 or repeated_share > policy.continuity.repeated_share_max),
            (Reason.FRAMES_OUT_OF_ORDER, disordered > 0),
            (Reason.FRAMES_LATE, ahead_ms > 0),
        )
        if found
    ]
    if against:
        return Evidence(EvidenceKind.INTEGRITY, EvidenceState.CONTRADICTED, tuple(against), measures)
    lacking = [
        reason
        for reason, found in (
            (Reason.SESSION_EXPIRED, expired),
            (Reason.FRAMES_LATE, late > rules.late_share_max),
            (Reason.TOO_FEW_FRAMES, len(observations) < rules.frames_min),
        )
        if found
    ]
    if lacking:
        return Evidence(EvidenceKind.INTEGRITY, EvidenceState.INSUFFICIENT, tuple(lacking), measures)
    return Evidence(EvidenceKind.INTEGRITY, EvidenceState.PASSED, (), measures)


def repetition(observations: Sequence[Observation], policy: VerificationPolicy) -> tuple[int, float]:
    """(frames that come back after others, share of frames equal to the one before).

    A slow camera read by a fast page gives the same picture twice running, which only becomes suspicious in the mass; a picture
    that comes back after another one was never taken twice, because sensor noise differs.
    """
    seen: dict[str, int] = {}
    later = adjacent = 0
    for index, observation in enumerate(observations):
        before = seen.get(observation.sha256)
        if before is not None:
            later += before < index - 1
            adjacent += before == index - 1
        elif index and _same_picture(observations[index - 1], observation, policy.continuity.frozen_difference_max):
            adjacent += 1
        seen[observation.sha256] = index
    return later, adjacent / (len(observations) - 1) if len(observations) > 1 else 0.0


def _same_picture(left: Observation, right: Observation, difference_max: float) -> bool:
    if left.patch is None or right.patch is None:
        return False
    return float(cv2.norm(left.patch, right.patch, cv2.NORM_L1)) / left.patch.size <= difference_max


def replayed_share(observations: Sequence[Observation], session: EarlierSession, rules: IntegrityPolicy) -> float:
    """Share of frames that are, bit by bit or by their picture hash, frames of the earlier session."""
    if not observations:
        return 0.0
    exact = sum(observation.sha256[:_SHA_CHARACTERS] in session.sha256s for observation in observations)
    hashes = np.array([observation.picture_hash for observation in observations if observation.picture_hash is not None], np.uint64)
    near = 0
    if len(hashes) and session.hashes:
        distance = np.bitwise_count(hashes[:, None] ^ np.array(session.hashes, np.uint64)[None, :])
        near = int((distance.min(axis=1) <= rules.replay_hash_bits).sum())
    if max(exact, near) < rules.replay_run_min:
        return 0.0
    return max(exact / len(observations), near / max(1, len(hashes)))


def _disordered(observations: Sequence[Observation]) -> int:
    """Frames whose number was used before, or whose camera time runs backwards in the order of numbers."""
    ordered = sorted(observations, key=lambda observation: observation.seq)
    return sum(right.seq == left.seq or right.captured_at_ms < left.captured_at_ms for left, right in itertools.pairwise(ordered))


def _late_share(observations: Sequence[Observation], rules: IntegrityPolicy) -> float:
    """Share of frames that took longer than policy beyond the fastest one."""
    if not observations:
        return 0.0
    delays = [observation.received_at_ms - observation.captured_at_ms for observation in observations]
    return sum(delay - min(delays) > rules.late_ms for delay in delays) / len(delays)


def _ahead_ms(observations: Sequence[Observation], rules: IntegrityPolicy) -> float:
    """By how much camera times ran ahead of the server's beyond drift: a frame cannot arrive before it is taken.

    Both clocks count from the session's start, the page's from a moment later.
    """
    ahead = (o.captured_at_ms - o.received_at_ms - rules.clock_drift_max * o.received_at_ms for o in observations)
    return max(0.0, max(ahead, default=0.0) - rules.ahead_max_ms)
