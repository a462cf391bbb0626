"""Errors of the search for faces: it may not run, or it cannot."""

from __future__ import annotations

from detection.errors import DetectionError


class FacesError(DetectionError):
    """Base of every error that the search raises on purpose. ``code`` is stable."""

    code = "faces_error"


class LegalBasisMissingError(FacesError):
    """No legal basis on record holds; the message says what is missing and what to do."""

    code = "legal_basis_missing"


class MetricError(FacesError):
    """The engine compares templates in a way that an index of vectors cannot search by."""

    code = "metric"


class FaceIndexError(FacesError):
    """The chosen index cannot be used here; the message says why and what to do."""

    code = "face_index"
