"""Errors of the verify package: a broken input is an error, a failed match is a result."""

from __future__ import annotations

from enum import StrEnum


class VerifyError(Exception):
    """Base of every error that verify raises on purpose. ``code`` is stable; the message names field, rule and value."""

    code = "verify_error"


class CaptureProblem(StrEnum):
    """Why bytes did not become a frame."""

    EMPTY = "empty"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    UNSUPPORTED_TYPE = "unsupported_type"
    TRUNCATED = "truncated"
    NOT_AN_IMAGE = "not_an_image"


class CaptureError(VerifyError):
    """The bytes are not one acceptable still image."""

    code = "capture_error"

    def __init__(self, problem: CaptureProblem, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


class InputFileError(VerifyError, ValueError):
    """A file or folder that was given for a measurement cannot be used; the message names it and what is missing."""

    code = "input_file_error"


class WeightsError(VerifyError):
    """A weight file is missing, unreachable or not the pinned one; the message says what to do."""

    code = "weights_error"


class EngineError(VerifyError):
    """An engine cannot be loaded or was asked for something it cannot do."""

    code = "engine_error"


class TemplateError(VerifyError):
    """A sealed template does not open: wrong key, wrong person, wrong engine, or altered."""

    code = "template_error"


class CalibrationError(VerifyError):
    """A calibration is missing, of another engine version, or rests on too little data."""

    code = "calibration_error"


class PolicyError(VerifyError):
    """The verification part of policy.toml is not usable."""

    code = "policy_error"
