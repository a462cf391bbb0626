"""Which errors are the user's to mend (exit 2) and which mean that the work failed (exit 1)."""

from __future__ import annotations

import errno

import click

BAD_INPUT = 2
WORK_FAILED = 1


class BadInputError(click.ClickException):
    """What was given cannot be used; the message says what, where, and what to do."""

    exit_code = BAD_INPUT


class WorkFailedError(click.ClickException):
    """The work could not be done; the message says why and what to do."""

    exit_code = WORK_FAILED


def describe_error(error: Exception) -> tuple[str, int] | None:
    """(message, exit code) of an error that a user can act on; None for a programming error, which keeps its traceback."""
    from sqlalchemy.exc import OperationalError

    from api.context import HomeError
    from api.policy import PolicyFileError
    from api.settings import SettingsError
    from detection.anomaly.provider_labels import TooFewLabelsError
    from detection.claims.claim_mapping import ClaimFilesError
    from detection.errors import DetectionError
    from detection.faces.errors import LegalBasisMissingError
    from detection.linkage.errors import LinkageError, LinkageInputError
    from models.errors import ModelsError
    from models.keys import KeyRingError
    from verify.errors import CaptureError, EngineError, InputFileError, VerifyError, WeightsError
    from verify.tables import TableError

    if isinstance(error, SettingsError | PolicyFileError | CaptureError | InputFileError | TableError):
        return str(error), BAD_INPUT
    if isinstance(error, LegalBasisMissingError | LinkageInputError | ClaimFilesError | TooFewLabelsError):
        return str(error), BAD_INPUT
    if isinstance(error, HomeError | KeyRingError | WeightsError | EngineError | ModelsError | VerifyError | DetectionError | LinkageError):
        return str(error), WORK_FAILED
    if isinstance(error, OperationalError):
        return f"the store does not answer ({type(error.orig).__name__}): check LIFECERT_DATABASE_URL and that it runs", WORK_FAILED
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full: nothing was half written; make room and run the same command again", WORK_FAILED
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return f"{error.filename}: {error.strerror}", BAD_INPUT
    return None
