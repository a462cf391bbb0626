"""The section [limits] of policy.toml: how often people, accounts and addresses may come."""

from __future__ import annotations

from pydantic import Field

from models.policy_section import Section


class RateLimit(Section):
    """``most`` at once; what was used comes back evenly over ``per_s`` seconds."""

    most: int = Field(ge=1, le=1_000_000)
    per_s: int = Field(ge=1, le=7 * 24 * 3600)

    @property
    def each_us(self) -> int:
        """Microseconds after which one more may come."""
        return max(1, self.per_s * 1_000_000 // self.most)


class LimitsPolicy(Section):
    """One limit for each thing that can be overdone. The field's name is the limit's in the store."""

    verifications_of_person: RateLimit
    verifications_from_address: RateLimit
    frames_of_verification: RateLimit
    identifying_from_address: RateLimit
    identifying_of_number: RateLimit
    status_codes_from_address: RateLimit
    sign_ins_from_address: RateLimit
    sign_ins_of_account: RateLimit
    tokens_from_address: RateLimit
    uploads_of_account: RateLimit
    certificate_checks_from_address: RateLimit
