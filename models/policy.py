"""The sections of policy.toml that models reads. Typed; unknown keys are refused."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator

from models.consent import ConsentPurpose
from models.enrolment import Scheme
from models.errors import PolicyError
from models.life_evidence import EvidenceKind, Strength
from models.policy_accounts import AccountsPolicy
from models.policy_anomaly import AnomalyPolicy
from models.policy_casework import CaseworkPolicy, OversightPolicy
from models.policy_claims import ClaimsPolicy
from models.policy_detection import LinkagePolicy
from models.policy_faces import FacesPolicy
from models.policy_keys import KeysPolicy
from models.policy_knowledge import KnowledgePolicy
from models.policy_limits import LimitsPolicy
from models.policy_operations import OperationsPolicy
from models.policy_privacy import PrivacyPolicy
from models.policy_rules import RulesPolicy
from models.policy_section import Section
from models.policy_store import (
    AssistancePolicy,
    IdentityCheckPolicy,
    IntakePolicy,
    IntegrationPolicy,
    OutreachPolicy,
    PausePolicy,
    RecordingPolicy,
    SilentPolicy,
    StatusPagePolicy,
)
from models.policy_triage import TriagePolicy
from models.region import region_prefix

NEVER_CERTIFIES = frozenset({EvidenceKind.DEATH_RECORD, EvidenceKind.CUSTODY, EvidenceKind.DECLARATION})


class Cycle(Section):
    """How often the pensioners of a scheme, in a region and all inside it, are certified. region: six digits, None everywhere."""

    scheme: Scheme
    months: int = Field(ge=1, le=60)
    region: str | None = Field(default=None, pattern=r"^[0-9]{6}$")
    source: str = Field(min_length=1)


class CertificationPolicy(Section):
    """What certifies, for how long, and which day it is."""

    time_zone: str
    default_cycle_months: int = Field(ge=1, le=60)
    due_soon_days: int = Field(ge=1, le=365)
    certifying: dict[EvidenceKind, Strength]
    death_strength: Strength
    certificate_days_after_due: int = Field(ge=0, le=90)
    cycles: tuple[Cycle, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not a time zone of this machine's zone data") from error
        return value

    @model_validator(mode="after")
    def _sensible(self) -> CertificationPolicy:
        wrong = sorted(NEVER_CERTIFIES & self.certifying.keys())
        if wrong:
            raise ValueError(f"certifying: {', '.join(wrong)} can never certify that a person lives")
        if Strength.VOID in self.certifying.values() or self.death_strength is Strength.VOID:
            raise ValueError("void is not a strength that anything can be worth")
        places = [(cycle.scheme, cycle.region) for cycle in self.cycles]
        if len(places) != len(set(places)):
            raise ValueError("cycles: a scheme and region may be listed once only")
        return self

    def today(self, now: datetime) -> date:
        """The calendar day of an aware moment in the policy's zone."""
        return self.local(now).date()

    def local(self, now: datetime) -> datetime:
        """An aware moment in the policy's zone."""
        if now.tzinfo is None:
            raise ValueError("now must be an aware date and time")
        return now.astimezone(ZoneInfo(self.time_zone))

    def cycles_by_precedence(self) -> tuple[Cycle, ...]:
        """Narrowest region first, so that the first that fits is the one that counts."""
        return tuple(sorted(self.cycles, key=lambda cycle: -len(region_prefix(cycle.region)) if cycle.region else 0))

    def cycle_months(self, scheme: Scheme, region_code: str) -> int:
        """Months between certifications for a benefit of a scheme in a region."""
        for cycle in self.cycles_by_precedence():
            if cycle.scheme is scheme and (cycle.region is None or region_code.startswith(region_prefix(cycle.region))):
                return cycle.months
        return self.default_cycle_months


class RetentionPolicy(Section):
    """How long what is kept. The shortest that the purpose allows (personal-information law, article 19)."""

    frame_observation_hours: int = Field(ge=1, le=24 * 90)
    keep_pictures_of_referred: bool
    referred_picture_days: int = Field(ge=1, le=90)
    keep_reference_images: bool
    verification_days: int = Field(ge=180)
    audit_days: int = Field(ge=180)
    outbox_days: int = Field(ge=1)
    idempotency_hours: int = Field(ge=1, le=24 * 30)


class RetryPolicy(Section):
    """How many failures in a row are allowed, and how long the next try then waits (NIST SP 800-63B)."""

    failures_before_wait: int = Field(ge=1, le=5)
    failures_before_wait_with_pad: int = Field(ge=1, le=10)
    first_wait_s: int = Field(ge=30)
    growth: float = Field(ge=1.0, le=10.0)
    longest_wait_s: int = Field(ge=30)
    forget_after_hours: int = Field(ge=1)
    offer_other_ways_after: int = Field(ge=1)
    refer_after: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> RetryPolicy:
        if self.longest_wait_s < self.first_wait_s:
            raise ValueError("longest_wait_s must not be below first_wait_s")
        if self.refer_after < self.offer_other_ways_after:
            raise ValueError("refer_after must not be below offer_other_ways_after")
        return self

    def wait_s(self, failed_attempts: int, *, pad: bool) -> int:
        """Seconds to wait after so many failures in a row: 0 below the limit, then growing, capped at longest_wait_s."""
        over = failed_attempts - (self.failures_before_wait_with_pad if pad else self.failures_before_wait)
        if over < 0:
            return 0
        try:
            wait = self.first_wait_s * self.growth**over
        except OverflowError:
            return self.longest_wait_s
        return int(min(wait, self.longest_wait_s))


class ConsentPolicy(Section):
    """The text in force for each purpose, and the languages it exists in."""

    text_versions: dict[ConsentPurpose, str]
    languages: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> ConsentPolicy:
        missing = sorted(set(ConsentPurpose) - self.text_versions.keys())
        if missing:
            raise ValueError(f"text_versions: no version is given for {', '.join(missing)}")
        return self


class RecordSections(Section):
    """The sections that models reads, by their names in the file."""

    certification: CertificationPolicy
    retention: RetentionPolicy
    retry: RetryPolicy
    consent: ConsentPolicy
    privacy: PrivacyPolicy
    recording: RecordingPolicy
    silent: SilentPolicy
    intake: IntakePolicy
    outreach: OutreachPolicy
    pause: PausePolicy
    assistance: AssistancePolicy
    integration: IntegrationPolicy
    identity_check: IdentityCheckPolicy
    status_page: StatusPagePolicy
    accounts: AccountsPolicy
    limits: LimitsPolicy
    rules: RulesPolicy
    triage: TriagePolicy
    casework: CaseworkPolicy
    oversight: OversightPolicy
    faces: FacesPolicy
    linkage: LinkagePolicy
    claims: ClaimsPolicy
    knowledge: KnowledgePolicy
    anomaly: AnomalyPolicy
    operations: OperationsPolicy
    keys: KeysPolicy


class RecordsPolicy(RecordSections):
    """The sections, and the hash of the whole file that goes on every decision."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


SECTIONS = tuple(RecordSections.model_fields)


def parse(data: bytes) -> RecordsPolicy:
    """Read the sections from the bytes of a policy file; other packages read the other sections.

    Raises:
        PolicyError: the message names section, key and rule.
    """
    try:
        content: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"the policy file is not TOML in UTF-8: {error}") from error
    missing = [section for section in SECTIONS if section not in content]
    if missing:
        raise PolicyError(f"the policy file has no section [{missing[0]}]: take it from the policy.toml that comes with this version")
    try:
        return RecordsPolicy(**{section: content[section] for section in SECTIONS}, sha256=hashlib.sha256(data).hexdigest())
    except ValidationError as error:
        problems = "; ".join(
            f"[{item['loc'][0] if item['loc'] else 'policy'}] {'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}"
            for item in error.errors()
        )
        raise PolicyError(f"the policy file cannot be used: {problems}") from error


def load(path: Path) -> RecordsPolicy:
    """Read the policy file. Raises PolicyError."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise PolicyError(f"the policy file {path.name} cannot be read ({error.strerror}): set its path, or restore it") from error
