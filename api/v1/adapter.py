"""Strict input and checked output: how APIFlask reads and writes the pydantic models of ``api.v1.schemas``.

APIFlask's own adapter reads any body as JSON whatever its type, and lets values slide from one type into another; this one does not.
"""

from __future__ import annotations

from typing import Any

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ValidationError

from api.problems import FieldError, Problem
from api.v1.schemas import Answer

JSON_LIMIT_BYTES = 16 * 1024  # the largest JSON body of these doors has under 1 KiB; the rest is room


def field_errors(error: ValidationError, place: str) -> tuple[FieldError, ...]:
    """Field and rule of each finding, without the value."""
    return tuple(
        FieldError(".".join(str(part) for part in finding["loc"]) or "(whole)", finding["type"], place)
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    )


class StrictAdapter(PydanticAdapter):
    """Reads JSON bodies and query strings strictly; refuses other content types, unknown fields and repeated parameters."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """One valid model. Raises Problem (400, 413, 415, 422)."""
        try:
            if location == "json":
                return self.model_class.model_validate_json(self._json_body(request))
            if location == "query":
                return self.model_class.model_validate_strings(self._query(request), strict=True)
        except ValidationError as error:
            if any(finding["type"] == "json_invalid" for finding in error.errors(include_url=False)):
                raise Problem("malformed_json", "The body is not JSON in UTF-8.") from None
            place = "body" if location == "json" else location
            raise Problem("validation_failed", "See errors: field and rule of each finding.", field_errors(error, place)) from None
        result: BaseModel = super().validate_input(request, location, **kwargs)
        return result

    @staticmethod
    def _json_body(request: Request) -> bytes:
        if request.mimetype != "application/json":
            raise Problem("unsupported_media_type", "This door takes application/json.")
        return request.get_data(cache=True)

    @staticmethod
    def _query(request: Request) -> dict[str, str]:
        repeated = [name for name in request.args if len(request.args.getlist(name)) > 1]
        if repeated:
            errors = tuple(FieldError(name[:64], "given_more_than_once", "query") for name in sorted(repeated))
            raise Problem("validation_failed", "A query parameter is given more than once.", errors)
        return request.args.to_dict()

    def get_openapi_schema(self, **kwargs: Any) -> dict[str, Any]:
        """JSON Schema of the model; of what is written for answers, of what is read for everything else."""
        mode = "serialization" if issubclass(self.model_class, Answer) else "validation"
        result: dict[str, Any] = super().get_openapi_schema(**{**kwargs, "mode": mode})
        return result


def install() -> None:
    """Make APIFlask use the strict adapter for pydantic models."""
    registry.register("pydantic", StrictAdapter)
