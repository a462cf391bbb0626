"""Whose a case is, how long somebody worked on it and by when it should be decided. Pure: of the desk and of the review alike."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from models.alert import AlertSeverity
from models.casework import VERIFICATION_REFERRED
from models.policy_casework import CaseworkPolicy


def held_by_another(owner: str | None, held_until: datetime | None, actor: str, now: datetime) -> bool:
    """True while somebody else has it and their lock lasts. held_until: None until they give it back."""
    return owner not in (None, actor) and (held_until is None or held_until > now)


def worked(worked_at: datetime | None, now: datetime, policy: CaseworkPolicy) -> int:
    """Seconds that count as work since the holder's last step: never negative, and of a pause at most ``idle_seconds``."""
    if worked_at is None:
        return 0
    return min(max(0, int((now - worked_at).total_seconds())), policy.idle_seconds)


def due_days(severity: AlertSeverity, code: str, policy: CaseworkPolicy) -> int:
    """Calendar days from the alert's opening to the day by which it should be decided."""
    return policy.referred_days if code == VERIFICATION_REFERRED else policy.due_days[severity]


def due_on(opened_on: date, severity: AlertSeverity, code: str, policy: CaseworkPolicy) -> date:
    """The day by which it should be decided. opened_on: the alert's opening day in the policy's zone."""
    return opened_on + timedelta(days=due_days(severity, code, policy))
