"""What every section of the policy file is: frozen, and without keys that nobody reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Unknown keys are refused, so that a typing error cannot silently leave something else in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")
