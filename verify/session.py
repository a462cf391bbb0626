"""The tokens that bind frames to one attempt.

A session token (256 random bits) is given once and kept only as a hash. A step token is an HMAC of verification and step under a key
of the service, handed out with the prompt: nobody can label a frame with a prompt that was not yet shown, or with another session's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets


def new_token() -> str:
    """A fresh session token: 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a session token; the token is random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()


def token_fits(token: str, expected_hash: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(token_hash(token), expected_hash)


class StepTokens:
    """Tokens of prompts and colours, under a key that only the service holds: who has the session token cannot make the next one."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, verification_id: str, step: int) -> str:
        """The token that a frame of this step carries: 22 characters."""
        return base64.urlsafe_b64encode(self._digest(f"step/{verification_id}/{step}")[:16]).rstrip(b"=").decode()

    def step(self, verification_id: str, given: str, steps: int) -> int | None:
        """Which of the steps 0 .. steps - 1 a token belongs to, None when it is of no step of this session."""
        for step in range(steps):
            if hmac.compare_digest(self.token(verification_id, step).encode(), given.encode()):
                return step
        return None

    def draw(self, verification_id: str, seq: int) -> bytes:
        """32 bytes that are fixed for a frame and that nobody outside can foretell."""
        return self._digest(f"frame/{verification_id}/{seq}")

    def _digest(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()
