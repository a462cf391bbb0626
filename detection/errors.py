"""Errors of detection: a run that cannot be made. What a rule finds is a result, never an error."""

from __future__ import annotations


class DetectionError(Exception):
    """Base of every error that detection raises on purpose, apart from intake and linkage, which have their own. ``code`` is stable."""

    code = "detection_error"


class EngineUnavailableError(DetectionError):
    """The engine that was asked for cannot run here; the message names what is missing and how to get it."""

    code = "engine_unavailable"


class RunFailedError(DetectionError):
    """The work could not be finished (disk, memory); the same command goes on or starts anew."""

    code = "run_failed"
