"""The sections of policy.toml that the certification-status store goes by: recording, silent, intake, outreach, pause, assistance,
integration, identity_check, status_page.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from models.certification_state import CertificationState
from models.identity_check import MatchLevel
from models.life_evidence import Strength, Trace
from models.policy_section import Section


class TracePolicy(Section):
    """What a trace of life is worth. points: towards needed_points. fresh_days: how old it may be. strength: in the ledger."""

    points: int = Field(ge=0, le=10)
    fresh_days: int = Field(ge=1, le=366)
    strength: Strength


class RecordingPolicy(Section):
    """How far back staff may date what they record. seen: visits and calls, in days; told: deaths, custody and declarations, in years."""

    seen_days_back_max: int = Field(ge=1, le=366)
    told_years_back_max: int = Field(ge=1, le=120)


class SilentPolicy(Section):
    """Silent certification: which traces of life, left since the last certification, certify without troubling the person.

    A trace counts once for each kind and source. states: of whom.
    """

    states: tuple[CertificationState, ...] = Field(min_length=1)
    needed_points: int = Field(ge=1)
    traces: dict[Trace, TracePolicy]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        missing = sorted(set(Trace) - self.traces.keys())
        if missing:
            raise ValueError(f"traces: nothing is said about {', '.join(missing)}")
        if any(trace.strength in {Strength.VOID, Strength.CONCLUSIVE} for trace in self.traces.values()):
            raise ValueError("traces: strength must be indicative or supporting; only a certification made from traces is conclusive")
        if CertificationState.DECEASED in self.states:
            raise ValueError("states: the deceased are never certified")
        return self


class DeathSource(Section):
    """What a death record of a source is worth. names: as files name the source, in either language, without regard to case."""

    names: tuple[str, ...] = Field(min_length=1)
    strength: Strength


class IntakePolicy(Section):
    """How records that are brought in are judged."""

    death_sources: tuple[DeathSource, ...]
    death_strength_otherwise: Strength
    future_days_max: int = Field(ge=0, le=31)
    age_years_max: int = Field(ge=100, le=150)
    rejected_file_days: int = Field(ge=1, le=365)

    def death_strength(self, source: str) -> Strength:
        """Strength of a death record of this source."""
        wanted = source.strip().casefold()
        for listed in self.death_sources:
            if wanted in {name.casefold() for name in listed.names}:
                return listed.strength
        return self.death_strength_otherwise


class OutreachPolicy(Section):
    """What has to be tried before a pause may be proposed."""

    attempts_min: int = Field(ge=1)
    channels_min: int = Field(ge=1, le=3)
    days_min: int = Field(ge=1)
    attempts_within_days: int = Field(ge=1)
    sms_every_days: int = Field(ge=1)
    sms_hours: tuple[int, int]
    sms_retry_s: tuple[int, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sensible_messages(self) -> Self:
        first, end = self.sms_hours
        if not 0 <= first < end <= 24:
            raise ValueError("sms_hours: give the first hour and the hour in which nothing is sent any more, e.g. [8, 20]")
        if any(wait < 1 for wait in self.sms_retry_s):
            raise ValueError("sms_retry_s: waits are at least 1 s")
        return self


class CustodyPartMonth(StrEnum):
    """What becomes of a month that was spent in custody in part: nothing is owed by the machine, or the whole month is."""

    WITHHELD = "withheld"
    OWED = "owed"


class PausePolicy(Section):
    """When a pause may be proposed, from when it counts, and what is owed after it."""

    overdue_days_min: int = Field(ge=0)
    months_ahead: int = Field(ge=1, le=3)
    custody_part_month: CustodyPartMonth
    list_rows_max: int = Field(ge=1, le=1_000_000)


class AssistancePolicy(Section):
    """Assisted certification between regions: deadlines in days, how long personal data stays, how other installations are called.

    peer_retry_s: wait after each failed call; the last one repeats until the request is closed.
    """

    accept_days: int = Field(ge=1)
    carry_out_days: int = Field(ge=1)
    warn_days: int = Field(ge=0)
    personal_days: int = Field(ge=0)
    peer_timeout_s: float = Field(gt=0, le=60)
    peer_retry_s: tuple[int, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sensible_deadlines(self) -> Self:
        if self.carry_out_days <= self.accept_days:
            raise ValueError("carry_out_days: must be more than accept_days; both count from the day of the request")
        return self


class IntegrationPolicy(Section):
    """Machine clients: tokens, batches, pages, and how webhooks are tried again (Standard Webhooks: growing waits over some days)."""

    token_minutes: int = Field(ge=1, le=24 * 60)
    token_days_kept: int = Field(ge=1)
    batch_max: int = Field(ge=1, le=10_000)
    changes_max: int = Field(ge=1, le=10_000)
    rate_per_minute: int = Field(ge=1)
    rate_shares: int = Field(ge=1, le=600)
    ids_per_request: int = Field(ge=1)
    token_cache_s: float = Field(ge=0, le=60)
    webhook_retry_s: tuple[int, ...] = Field(min_length=1)
    webhook_timeout_s: float = Field(gt=0, le=60)
    webhook_days_kept: int = Field(ge=1)
    webhooks_per_client: int = Field(ge=1, le=1000)


class IdentityCheckPolicy(Section):
    """Identity checks at treatment. trace_levels: match levels that leave a trace of life.

    at_once: pictures that one worker compares at the same time; wait_s: how long a further one waits before it is sent away.
    """

    trace_levels: tuple[MatchLevel, ...]
    at_once: int = Field(ge=1, le=16)
    wait_s: float = Field(ge=0, le=30)
    days_kept: int = Field(ge=1)


class StatusPagePolicy(Section):
    """The citizen's status page: codes, how long they hold, how many tries and messages."""

    code_digits: int = Field(ge=6, le=10)
    code_minutes: int = Field(ge=1, le=60)
    counter_code_days: int = Field(ge=1, le=90)
    tries: int = Field(ge=1, le=10)
    messages_per_day: int = Field(ge=1, le=20)
    open_minutes: int = Field(ge=1, le=60)
    code_days_kept: int = Field(ge=1)
