"""What a case looks like to those who work on it: plain values, never live rows. Names of the insured are not among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from detection.casework.rules import CaseAction, CaseState, Refusal
from models.alert import AlertSeverity, AlertState, CaseOutcome, CaseReferral
from models.casework import CaseStep


@dataclass(frozen=True)
class Decision:
    """What somebody concludes. conclusion: in words. found_fen: wrongly paid, None where nothing is known of it. referred_to: with the
    outcome referred, and only with it.
    """

    outcome: CaseOutcome
    conclusion: str
    found_fen: int | None = None
    referred_to: CaseReferral | None = None


@dataclass(frozen=True)
class Proposal:
    """An outcome that waits for a second person."""

    decision: Decision
    by: str
    at: datetime


@dataclass(frozen=True)
class CaseView:
    """One case. case_id, alert_id, person_id: public. key: of the alert, such as "hospital:H001". refusals: why an action is not possible
    to whoever asked; actions that are missing there are possible. due_on: the day by which it should be decided.
    """

    case_id: str
    alert_id: str
    key: str
    code: str
    severity: AlertSeverity
    alert_state: AlertState
    amount_fen: int | None
    person_id: str | None
    region_code: str
    state: CaseState
    owner: str | None
    held_until: datetime | None
    alert_opened_at: datetime
    opened_by: str
    opened_at: datetime
    due_on: date
    diary_on: date | None
    worked_s: int
    proposal: Proposal | None
    decided: Decision | None
    closed_by: str | None
    closed_at: datetime | None
    signed_by: str | None
    signed_at: datetime | None
    recovered_fen: int
    refusals: Mapping[CaseAction, Refusal] = field(default_factory=dict)

    def may(self, action: CaseAction | str) -> bool:
        """True when whoever asked can do this now."""
        return CaseAction(action) not in self.refusals


@dataclass(frozen=True)
class EventView:
    """One step of a case, as it was."""

    step: CaseStep
    by: str
    at: datetime
    note: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class AttachmentView:
    """One paper of a case. removed_by: None while it is there."""

    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    added_by: str
    added_at: datetime
    removed_by: str | None = None
    removed_at: datetime | None = None


@dataclass(frozen=True)
class OpenedAttachment:
    """A paper with its bytes."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class SuppressionView:
    """Findings about one subject that open no alert until a day, both included. code: empty for all."""

    suppression_id: str
    key: str
    code: str
    region_code: str
    reason: str
    until: date
    by: str
    at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class CaseDetails:
    """A case with its steps, oldest first, its papers, and what is suppressed of the same subject."""

    case: CaseView
    events: tuple[EventView, ...]
    attachments: tuple[AttachmentView, ...]
    suppressions: tuple[SuppressionView, ...]


@dataclass(frozen=True)
class Receiver:
    """An account that a case can be given to. actor: as cases name it. name: as people call it."""

    actor: str
    name: str
