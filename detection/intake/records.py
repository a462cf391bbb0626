"""Records as rows tell them, valid by themselves: not yet compared with the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from models.benefit import BenefitStatus, RetirementKind
from models.claim import CareSetting, ChargeCategory, ClaimIdentityCheck, DischargeWay, InstitutionKind, InstitutionLevel
from models.enrolment import Scheme
from models.identifiers import ResidentId
from models.identity_check import BlacklistReason
from models.life_evidence import Trace
from models.relation import GrantKind, RelationKind


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a row is about: by resident ID, or by social-security number where the file has no other. digest: of the blind index.

    name: when the file has a column of it. shown: the number, masked.
    """

    by: str
    digest: bytes
    shown: str
    name: str | None
    born: date | None


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One insured person."""

    resident: ResidentId
    digest: bytes
    name: str
    region_code: str
    social_security_number: str | None
    social_security_digest: bytes | None
    phone: str | None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentRecord:
    """One enrolment. region_code: None where the file has none, then the person's own."""

    who: Who
    scheme: Scheme
    region_code: str | None
    from_month: date
    to_month: date | None


@dataclass(frozen=True, slots=True)
class BenefitRecord:
    """One entitlement. status: None where the file does not say. account: digits; account_digest: of the blind index."""

    who: Who
    scheme: Scheme
    region_code: str | None
    from_month: date
    to_month: date | None
    monthly_fen: int
    status: BenefitStatus | None
    paused_on: date | None
    account: str | None = None
    account_digest: bytes | None = None
    approved_birth_date: date | None = None
    retirement_kind: RetirementKind | None = None


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """One month's payment. scheme, region_code: to tell several benefits of a person apart."""

    who: Who
    month: date
    amount_fen: int
    scheme: Scheme | None
    region_code: str | None


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """A death as one source reports it."""

    who: Who
    death_date: date
    source: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class CustodyRecord:
    """A time in custody. to_on: None while it lasts or is not known."""

    who: Who
    from_on: date
    to_on: date | None
    source: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A trace of life."""

    who: Who
    trace: Trace
    occurred_on: date
    source: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One entry of the card blacklist."""

    digest: bytes
    masked: str
    reason: BlacklistReason
    from_on: date
    until_on: date | None
    source: str


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """How two persons belong together. Of a guardian ``who`` is the guardian; the other kinds hold in both directions."""

    who: Who
    other: Who
    kind: RelationKind
    since: date | None
    until: date | None
    source: str


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """One grant that was paid for the death of ``who``. recipient: None where the file names none. account: digits;
    account_digest: of the blind index.
    """

    who: Who
    recipient: Who | None
    kind: GrantKind
    region_code: str | None
    reference: str
    account: str | None
    account_digest: bytes | None
    paid_on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class InstitutionRecord:
    """One medical institution. level: None where the file does not say."""

    code: str
    name: str
    level: InstitutionLevel | None
    kind: InstitutionKind
    region_code: str
    beds: int | None


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """One claim. institution_code and reference are its key; the other fields are the columns of ``models.claim.Claim``. None, or an empty
    list: the file does not say.
    """

    who: Who
    institution_code: str
    reference: str
    setting: CareSetting
    scheme: Scheme
    department: str | None
    doctor: str | None
    from_date: date
    to_date: date
    settled_at: datetime | None
    uploaded_at: datetime | None
    principal_diagnosis: str | None
    diagnoses: tuple[str, ...]
    procedures: tuple[str, ...]
    hospital_acquired: tuple[str, ...]
    drg: str | None
    transferred_in: bool | None
    discharge_way: DischargeWay | None
    identity_check: ClaimIdentityCheck | None
    total_fen: int
    fund_fen: int
    own_fen: int | None


@dataclass(frozen=True, slots=True)
class ClaimLineRecord:
    """One line of a claim. institution_code, reference, number are its key; the rest are the columns of ``models.claim.ClaimLine``."""

    institution_code: str
    reference: str
    number: int
    item_code: str
    item_name: str
    category: ChargeCategory
    quantity: float
    days: int | None
    unit_price_fen: int
    amount_fen: int
    fund_fen: int | None
    charged_on: date
    executed_at: datetime | None
    executed_quantity: float | None
    doctor: str | None
    department: str | None
    prescription: str | None


Record = (
    PersonRecord
    | EnrolmentRecord
    | BenefitRecord
    | PaymentRecord
    | DeathRecord
    | CustodyRecord
    | TraceRecord
    | CardRecord
    | RelationRecord
    | GrantRecord
    | InstitutionRecord
    | ClaimRecord
    | ClaimLineRecord
)


def key_of(record: Record) -> tuple[object, ...]:
    """What may come once in a file: two rows with the same key say the same twice, or contradict each other."""
    match record:
        case PersonRecord():
            return (record.digest,)
        case EnrolmentRecord() | BenefitRecord():
            return (record.who.digest, record.scheme, record.region_code, record.from_month)
        case PaymentRecord():
            return (record.who.digest, record.scheme, record.region_code, record.month)
        case DeathRecord():
            return (record.who.digest, record.source)
        case CustodyRecord():
            return (record.who.digest, record.from_on, record.source)
        case TraceRecord():
            return (record.who.digest, record.trace, record.occurred_on, record.source, record.reference)
        case CardRecord():
            return (record.digest, record.source, record.from_on)
        case RelationRecord(kind=RelationKind.GUARDIAN):
            return (record.kind, record.who.digest, record.other.digest)
        case RelationRecord():
            return (record.kind, *sorted((record.who.digest, record.other.digest)))
        case GrantRecord():
            return (record.region_code, record.reference)
        case InstitutionRecord():
            return (record.code,)
        case ClaimRecord():
            return (record.institution_code, record.reference)
        case ClaimLineRecord():
            return (record.institution_code, record.reference, record.number)


def content_of(record: Record) -> tuple[object, ...]:
    """Everything that a record says, for telling a repeated row from a contradicting one."""
    return tuple(
        (value.digest, value.name) if isinstance(value, Who) else value.number if isinstance(value, ResidentId) else value
        for value in (getattr(record, name) for name in record.__slots__)
    )


def whos_of(record: Record) -> tuple[Who, ...]:
    """Every person that a record names."""
    if isinstance(record, PersonRecord | CardRecord | InstitutionRecord | ClaimLineRecord):
        return ()
    if isinstance(record, RelationRecord):
        return record.who, record.other
    if isinstance(record, GrantRecord) and record.recipient is not None:
        return record.who, record.recipient
    return (record.who,)


def shown_of(record: Record) -> tuple[str, str]:
    """(field, masked number) of whom, or of what, a record is about."""
    if isinstance(record, PersonRecord):
        return "resident_id", record.resident.masked
    if isinstance(record, CardRecord):
        return "social_security_number", record.masked
    if isinstance(record, InstitutionRecord):
        return "institution_code", record.code
    if isinstance(record, ClaimLineRecord):
        return "line_number", str(record.number)
    return record.who.by, record.who.shown
