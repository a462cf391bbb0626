"""Errors of linkage: a file, a mapping or a model that cannot be used. Two records that do not match are a result, never an error."""

from __future__ import annotations


class LinkageError(Exception):
    """Base of every error that linkage raises on purpose. ``code`` is stable."""

    code = "linkage_error"


class LinkageInputError(LinkageError):
    """A file, a column or the mapping cannot be used; the message names it and says what to do."""

    code = "linkage_input"


class LinkageEngineError(LinkageError):
    """The engine cannot be started or gave up; the message says which and what to do."""

    code = "linkage_engine"
