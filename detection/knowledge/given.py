"""Parameters that a point states itself: the columns of the table "point", checked before anything is stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.knowledge.parameters import ParametersError
from models.claim import CareSetting, InstitutionLevel
from models.enrolment import Scheme
from models.person import Sex

_Prefix = Annotated[str, Field(pattern=r"^[A-Z]\d{0,6}$")]
_Procedure = Annotated[str, Field(pattern=r"^\d{1,6}$")]
_Code = Annotated[str, Field(min_length=1, max_length=40)]
_Day = Annotated[int, Field(ge=0, le=55_000)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class GivenParameters(BaseModel):
    """What a point may state. Codes of diagnoses and procedures are beginnings without dots; ages in days, both ends inside.

    by_hand: a claim does not show all of the limit, so that a person has to look.
    """

    model_config = ConfigDict(extra="forbid", strict=False)

    sex: Sex | None = None
    age_min_days: _Day | None = None
    age_max_days: _Day | None = None
    diagnoses: list[_Prefix] | None = Field(default=None, min_length=1)
    diagnoses_not: list[_Prefix] | None = Field(default=None, min_length=1)
    procedures: list[_Procedure] | None = Field(default=None, min_length=1)
    levels: list[InstitutionLevel] | None = Field(default=None, min_length=1)
    settings: list[CareSetting] | None = Field(default=None, min_length=1)
    departments: list[_Name] | None = Field(default=None, min_length=1)
    schemes: list[Scheme] | None = Field(default=None, min_length=1)
    other_codes: list[_Code] | None = Field(default=None, min_length=1)
    group_name: _Name | None = None
    days_max: int | None = Field(default=None, ge=1, le=3_660)
    interval_days_min: int | None = Field(default=None, ge=1, le=3_660)
    quantity_max: float | None = Field(default=None, gt=0, lt=1e9)
    period: Literal["line", "claim", "day", "stay", "days"] | None = None
    period_days: int | None = Field(default=None, ge=1, le=3_660)
    unit_price_max_fen: int | None = Field(default=None, ge=0, le=10**13)
    amount_max_fen: int | None = Field(default=None, ge=0, le=10**13)
    share_max: float | None = Field(default=None, gt=0, le=1)
    by_hand: bool | None = None

    @model_validator(mode="after")
    def _together(self) -> GivenParameters:
        if (self.period == "days") != (self.period_days is not None):
            raise ValueError('period_days goes with the period "days", and only with it')
        if self.quantity_max is not None and self.period is None:
            raise ValueError("quantity_max needs a period")
        if self.age_min_days is not None and self.age_max_days is not None and self.age_min_days > self.age_max_days:
            raise ValueError("age_min_days is above age_max_days")
        return self


def checked(given: Any) -> dict[str, Any]:
    """The parameters, lists as tuples, enumerations as their texts. Raises ParametersError naming key and rule."""
    if not isinstance(given, dict):
        raise ParametersError("not an object")
    try:
        found = GivenParameters.model_validate(given).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "together"
        raise ParametersError(f"{place}: {first['msg']}") from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
