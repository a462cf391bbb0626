"""The state machine of one attempt, and the tokens that bind frames to it.

open -> deciding -> decided; open -> expired | abandoned. A session token (256 random bits) is given once and kept only as a hash.
A step token is an HMAC of verification and step under the session token: only a server that holds the step can hand it out, so
that nobody can label a frame with a prompt that was not yet shown, or with another session's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from models.verification import VerificationState

TRANSITIONS: dict[VerificationState, frozenset[VerificationState]] = {
    VerificationState.OPEN: frozenset({VerificationState.DECIDING, VerificationState.EXPIRED, VerificationState.ABANDONED}),
    VerificationState.DECIDING: frozenset({VerificationState.DECIDED, VerificationState.OPEN}),
    VerificationState.DECIDED: frozenset(),
    VerificationState.EXPIRED: frozenset(),
    VerificationState.ABANDONED: frozenset(),
}


def may_become(state: VerificationState, to: VerificationState) -> bool:
    """True when the state machine has this edge."""
    return to in TRANSITIONS[state]


def new_token() -> str:
    """A fresh session token: 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a session token; the token is random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()


def token_fits(token: str, expected_hash: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(token_hash(token), expected_hash)


def step_token(token: str, verification_id: str, step: int) -> str:
    """The token that a frame of this step carries: 22 characters."""
    digest = hmac.new(token.encode(), f"{verification_id}/{step}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def step_of(token: str, verification_id: str, given: str, steps: int) -> int | None:
    """Which step a step token belongs to, None when it is of no step of this session. steps: number of steps shown so far."""
    for step in range(steps):
        if hmac.compare_digest(step_token(token, verification_id, step), given):
            return step
    return None
