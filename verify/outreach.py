"""What has to be tried before a pause may be proposed: pure rules over the attempts of one person on the outreach list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.outreach import OutreachChannel, OutreachOutcome
from models.policy_store import OutreachPolicy, PausePolicy

COUNTS = frozenset(OutreachOutcome) - {OutreachOutcome.FAILED}
"""Outcomes of attempts that were made. Failed: the message did not leave, nobody was at the phone's end to be missed."""

OUTCOMES: dict[OutreachChannel, tuple[OutreachOutcome, ...]] = {
    OutreachChannel.SMS: (OutreachOutcome.SENT, OutreachOutcome.REACHED, OutreachOutcome.WRONG_CONTACT, OutreachOutcome.FAILED),
    OutreachChannel.PHONE: (
        OutreachOutcome.REACHED,
        OutreachOutcome.NOT_REACHED,
        OutreachOutcome.WRONG_CONTACT,
        OutreachOutcome.NEEDS_HELP,
        OutreachOutcome.FAILED,
    ),
    OutreachChannel.VISIT: (
        OutreachOutcome.REACHED,
        OutreachOutcome.NOT_REACHED,
        OutreachOutcome.WRONG_CONTACT,
        OutreachOutcome.NEEDS_HELP,
        OutreachOutcome.FAILED,
    ),
}
"""What can come of an attempt, for each way."""


class NotReady(StrEnum):
    """Why a pause may not be proposed yet."""

    TOO_FEW_ATTEMPTS = "too_few_attempts"
    TOO_FEW_CHANNELS = "too_few_channels"
    TOO_SOON_AFTER_THE_FIRST_ATTEMPT = "too_soon_after_the_first_attempt"
    NOT_OVERDUE_FOR_LONG = "not_overdue_for_long"
    HELP_IS_WAITED_FOR = "help_is_waited_for"


@dataclass(frozen=True)
class Attempt:
    """One attempt, as far as the rules need it."""

    channel: OutreachChannel
    outcome: OutreachOutcome
    made_at: datetime


@dataclass(frozen=True)
class Readiness:
    """How far the outreach to one person has come.

    attempts: those that count. channels: the ways that were tried, missing: those that were not. days_left: until the earliest day of a
    proposal, 0 when that is past, None before the first attempt. reasons: why not yet; empty when a pause may be proposed.
    """

    attempts: int
    attempts_min: int
    channels: tuple[OutreachChannel, ...]
    channels_min: int
    missing: tuple[OutreachChannel, ...]
    overdue_days: int
    days_left: int | None
    reasons: tuple[NotReady, ...]

    @property
    def ready(self) -> bool:
        """True when a pause may be proposed."""
        return not self.reasons


def readiness(
    attempts: Sequence[Attempt], *, due_on: date, today: date, now: datetime, outreach: OutreachPolicy, pause: PausePolicy
) -> Readiness:
    """How far the outreach has come. attempts: in any order; those older than policy's attempts_within_days, and failed ones, do not count.

    due_on: the day that passed. Somebody who was found to need help is helped first: no proposal until a later attempt says otherwise.
    """
    since = now - timedelta(days=outreach.attempts_within_days)
    counting = sorted((a for a in attempts if a.outcome in COUNTS and since <= a.made_at <= now), key=lambda a: a.made_at)
    tried = {attempt.channel for attempt in counting}
    overdue_days = (today - due_on).days
    days_left = None
    reasons = []
    if len(counting) < outreach.attempts_min:
        reasons.append(NotReady.TOO_FEW_ATTEMPTS)
    if len(tried) < outreach.channels_min:
        reasons.append(NotReady.TOO_FEW_CHANNELS)
    waits = [max(0, pause.overdue_days_min - overdue_days)]
    if counting:
        over = now - counting[0].made_at
        waits.append(max(0, outreach.days_min - over.days))
        if over < timedelta(days=outreach.days_min):
            reasons.append(NotReady.TOO_SOON_AFTER_THE_FIRST_ATTEMPT)
        days_left = max(waits)
    if overdue_days < pause.overdue_days_min:
        reasons.append(NotReady.NOT_OVERDUE_FOR_LONG)
    if counting and counting[-1].outcome is OutreachOutcome.NEEDS_HELP:
        reasons.append(NotReady.HELP_IS_WAITED_FOR)
    return Readiness(
        attempts=len(counting),
        attempts_min=outreach.attempts_min,
        channels=tuple(channel for channel in OutreachChannel if channel in tried),
        channels_min=outreach.channels_min,
        missing=tuple(channel for channel in OutreachChannel if channel not in tried),
        overdue_days=overdue_days,
        days_left=days_left,
        reasons=tuple(reasons),
    )


def next_channel(tried: frozenset[OutreachChannel], *, has_phone: bool) -> OutreachChannel | None:
    """The least troublesome way that was not tried yet: message, call, visit. Without a phone number a visit; None when all were tried."""
    possible = tuple(OutreachChannel) if has_phone else (OutreachChannel.VISIT,)
    return next((channel for channel in possible if channel not in tried), None)
