"""The section [accounts] of policy.toml: how long staff stay signed in, and what they are asked again."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from models.policy_section import Section


class AccountsPolicy(Section):
    """Sign-in of staff.

    idle_minutes, longest_hours: a session ends after so long without a request, and after so long at all. seen_every_s: how often the
    last request is noted. pending_minutes: how long a sign-in may lie between password and second factor. fresh_minutes: how old a
    sign-in may be for a decision against a person; demo_fresh_minutes in the demonstration. challenge_minutes: how long a key's
    challenge is good. totp_window_s: by how much an authenticator's clock may be wrong. sessions_kept_days: after their end.
    """

    password_length_min: int = Field(ge=12, le=128)
    idle_minutes: int = Field(ge=1, le=24 * 60)
    longest_hours: int = Field(ge=1, le=24)
    seen_every_s: int = Field(ge=1, le=3600)
    pending_minutes: int = Field(ge=1, le=60)
    fresh_minutes: int = Field(ge=1, le=24 * 60)
    demo_fresh_minutes: int = Field(ge=1, le=24 * 60)
    challenge_minutes: int = Field(ge=1, le=15)
    totp_window_s: int = Field(ge=0, le=90)
    recovery_codes: int = Field(ge=4, le=20)
    keys_max: int = Field(ge=1, le=20)
    sessions_kept_days: int = Field(ge=1, le=3650)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.idle_minutes > self.longest_hours * 60:
            raise ValueError("idle_minutes must not be above longest_hours")
        if self.seen_every_s > self.idle_minutes * 60:
            raise ValueError("seen_every_s must not be above idle_minutes: a session in use would end")
        return self
