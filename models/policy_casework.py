"""The sections [casework] and [oversight] of policy.toml: how people decide cases, and what supervisors are shown."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from models.alert import AlertSeverity
from models.fairness import Measure
from models.policy_section import Section


class AttachmentPolicy(Section):
    """Which papers a case takes. media_types: as the content shows, not as the name says."""

    media_types: tuple[str, ...] = Field(min_length=1)
    bytes_max: int = Field(ge=1024, le=100 * 1024 * 1024)
    of_a_case_max: int = Field(ge=1, le=500)


class CaseworkPolicy(Section):
    """How long a lock lasts, when a case is due, and what may be undone.

    hold_minutes: after the last step, a case taken with "take the next" is free again. due_days: calendar days from the alert's opening, by
    its severity; referred_days: of a referred verification; referred_priority: of its alert, so that it comes before what triage weighs;
    review_pictures: frames of one verification that a reviewer is shown as pictures. undo_days: within which a decision is taken back.
    idle_seconds: between two steps, no more than this counts as work. similar: cases shown beside one.
    """

    hold_minutes: int = Field(ge=1, le=24 * 60)
    due_days: dict[AlertSeverity, int]
    referred_days: int = Field(ge=1, le=90)
    referred_priority: float = Field(ge=0, le=1_000_000)
    review_pictures: int = Field(ge=1, le=600)
    undo_days: int = Field(ge=0, le=365)
    suppression_days_max: int = Field(ge=1, le=5 * 366)
    idle_seconds: int = Field(ge=10, le=24 * 3600)
    similar: int = Field(ge=1, le=50)
    attachments: AttachmentPolicy

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if missing := [each.value for each in AlertSeverity if each not in self.due_days]:
            raise ValueError(f"due_days: nothing is said about {', '.join(missing)}")
        if any(not 1 <= days <= 366 for days in self.due_days.values()):
            raise ValueError("due_days: give 1 to 366 days")
        return self


class ScorecardPolicy(Section):
    """When a rule is suggested to be retired or tightened. confidence: of the intervals. decided_min: fewer decided cases say nothing.

    retire_below: the upper end of the precision's interval lies below; tighten_below: the same, for a milder word. months: with the one
    that is going on, whose decisions count. cases_shown: of the last decided ones, on the page of a rule.
    """

    confidence: float = Field(gt=0.5, lt=1)
    months: int = Field(ge=1, le=60)
    cases_shown: int = Field(ge=1, le=200)
    decided_min: int = Field(ge=1)
    retire_below: float = Field(ge=0, le=1)
    tighten_below: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.tighten_below < self.retire_below:
            raise ValueError("tighten_below must not be below retire_below")
        return self


class FairnessPolicy(Section):
    """When a gap between groups is an alert. gap_max: of a rate to that of everybody else, in shares of one, so that the interval of the
    difference lies beyond it; attempts_min: smaller groups are shown, never judged. months: looked at together, with the one that is going
    on. severity: of the alert of a gap, by measure.
    """

    confidence: float = Field(gt=0.5, lt=1)
    severity: dict[Measure, AlertSeverity]
    attempts_min: int = Field(ge=1)
    months: int = Field(ge=1, le=24)
    completion_gap_max: float = Field(gt=0, lt=1)
    retry_gap_max: float = Field(gt=0, lt=1)
    refusal_gap_max: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := [each.value for each in Measure if each not in self.severity]:
            raise ValueError(f"severity: nothing is said about {', '.join(missing)}")
        return self


class NoticePolicy(Section):
    """How subscribers of alerts are told.

    digest_weekday: of weekly digests, 1 Monday to 7 Sunday. retry_s: waits before the next tries of a message that did not leave, then it
    is given up. timeout_s: of one try. of_a_person_max: subscriptions. listed: alerts that a notice, a letter or a digest names; the others
    are counted. at_a_time: alerts in one message to a webhook.
    """

    digest_weekday: int = Field(ge=1, le=7)
    retry_s: tuple[int, ...] = Field(min_length=1)
    timeout_s: float = Field(gt=0, le=120)
    of_a_person_max: int = Field(ge=1, le=200)
    listed: int = Field(ge=1, le=50)
    at_a_time: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _waits(self) -> Self:
        if any(not 1 <= wait <= 7 * 24 * 3600 for wait in self.retry_s):
            raise ValueError("retry_s: give waits of 1 second to 7 days")
        return self


class OversightPolicy(Section):
    """What supervisors are shown. refresh_hours: of the policy's day at which figures are counted. coverage_steps: shares at which the map
    changes its tone, rising. backlog_days: ends of the age classes of open alerts, rising. notices_days: how long read notices are kept.
    days_kept: how long the figures of single days are after they were counted; those of month ends are kept for good.
    """

    refresh_hours: tuple[int, ...] = Field(min_length=1)
    coverage_steps: tuple[float, ...] = Field(min_length=2, max_length=6)
    backlog_days: tuple[int, ...] = Field(min_length=1, max_length=6)
    digest_hour: int = Field(ge=0, le=23)
    notices_days: int = Field(ge=1, le=3660)
    days_kept: int = Field(ge=32, le=3660)
    notices: NoticePolicy
    scorecard: ScorecardPolicy
    fairness: FairnessPolicy

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if any(not 0 <= hour <= 23 for hour in self.refresh_hours):
            raise ValueError("refresh_hours: give hours from 0 to 23")
        if list(self.coverage_steps) != sorted(set(self.coverage_steps)) or not 0 < self.coverage_steps[0] < self.coverage_steps[-1] < 1:
            raise ValueError("coverage_steps: give rising shares between 0 and 1")
        if list(self.backlog_days) != sorted(set(self.backlog_days)) or self.backlog_days[0] < 1:
            raise ValueError("backlog_days: give rising days from 1")
        return self
