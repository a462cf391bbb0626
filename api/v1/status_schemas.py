"""What goes in and out of the doors for statuses by number."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from api.v1.schemas import Answer, Request
from models.certification_state import CertificationState

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
BATCH_LIMIT = 10_000  # the most that policy integration.batch_max may say

# The form only: what is wrong with a number is said with a code of its own.
ResidentIdText = Annotated[
    str, Field(pattern=r"^([0-9]{17}[0-9Xx]|[0-9]{15})$", description="GB 11643: 18 digits, or the 15 of the legacy form")
]
SocialSecurityText = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{9,18}$", description="9 to 18 letters and digits")]
Day = Annotated[
    date,
    Field(
        ge=FIRST_DAY,
        le=LAST_DAY,
        description="as of this day, 1990-01-01 to 2100-12-31; today in the policy's time zone when it is left out",
    ),
]


class Identifier(Request):
    """One number of a person: exactly one of the two."""

    resident_id: ResidentIdText | None = None
    social_security_number: SocialSecurityText | None = None

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.resident_id is None) == (self.social_security_number is None):
            raise ValueError("give resident_id or social_security_number, one of them")
        return self


class StatusLookupRequest(Identifier):
    """Whose status, as of which day."""

    on: Day | None = None


class StatusBatchRequest(Request):
    """Whose statuses, as of which day."""

    ids: list[Identifier] = Field(min_length=1, max_length=BATCH_LIMIT)
    on: Day | None = None


class PersonStatusAnswer(Answer):
    """Certification status of the person who has the number, derived from evidence and policy as of the day."""

    person_id: str = Field(description="opaque public id, the same at every call")
    resident_id_masked: str = Field(description="first two and last four characters")
    state: CertificationState
    on: date
    last_certified_on: date | None
    due_on: date | None = Field(description="last day on which the certification still counts")
    cycle_months: int = Field(ge=1, description="months between two certifications of this person")
