"""Errors of intake: a file or a heading map that cannot be used. A bad row is a result, never an error."""

from __future__ import annotations


class IntakeError(Exception):
    """Base of every error that intake raises on purpose. ``code`` is stable."""

    code = "intake_error"


class FileUnusableError(IntakeError):
    """The file as a whole cannot be used; the message names file, row and column, and says what to do."""

    code = "file_unusable"


class HeadingMapError(IntakeError):
    """The map of headings cannot be used; the message names the key."""

    code = "heading_map"


class ImportFailedError(IntakeError):
    """The work could not be finished (disk, damaged input in the middle); what was written stays, and the same command goes on."""

    code = "import_failed"
