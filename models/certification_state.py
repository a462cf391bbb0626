"""The states of certification, apart from their derivation: tables name them too."""

from __future__ import annotations

from enum import StrEnum


class CertificationState(StrEnum):
    """Where a person stands."""

    CERTIFIED = "certified"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    PAUSED = "paused"
    DECEASED = "deceased"
    NEVER_CERTIFIED = "never_certified"
