"""One claim as it is handed in for screening, as a JSON document, and what screening answers. The command reads the same document."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from api.v1.schemas import Answer, Request
from api.v1.signal_schemas import Bilingual
from models.alert import AlertSeverity
from models.claim import CareSetting, ChargeCategory, ClaimIdentityCheck, DischargeWay
from models.enrolment import Scheme
from models.repositories.status_lookup import Number

if TYPE_CHECKING:
    from detection.claims.new_claim import NewClaim

RESIDENT_ID = r"^([0-9]{17}[0-9Xx]|[0-9]{15})$"
NUMBER = r"^[0-9A-Za-z]{9,18}$"
TRIMMED = r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?$"
CODE = r"^[A-Za-z0-9][A-Za-z0-9.+*/_-]{0,39}$"
ICD = r"^[A-Za-z0-9][A-Za-z0-9.]{0,19}$"
MOST_FEN = 10**13
MOST_LINES = 20_000
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)

Fen = Annotated[int, Field(ge=0, le=MOST_FEN)]
Day = Annotated[date, Field(ge=EARLIEST, lt=LATEST)]
Words = Annotated[str, Field(max_length=60, pattern=TRIMMED)]
Diagnoses = Annotated[tuple[Annotated[str, Field(pattern=ICD)], ...], Field(max_length=50)]


class ClaimLineDocument(Request):
    """One charge."""

    number: int = Field(ge=1, le=1_000_000, description="of the line in the claim")
    item_code: str = Field(pattern=CODE, description="national code of the drug, service, herb or material")
    item_name: str = Field(max_length=200, pattern=TRIMMED)
    category: ChargeCategory = Field(description="one of the 14 of the settlement list")
    quantity: float = Field(ge=0, le=1e9)
    unit_price_fen: Fen
    amount_fen: Fen
    charged_on: Day
    days: int | None = Field(None, ge=0, le=3_660, description="that a drug is supplied for")
    fund_fen: Fen | None = None
    executed_at: AwareDatetime | None = None
    executed_quantity: float | None = Field(None, ge=0, le=1e9)
    doctor: Words | None = None
    department: Words | None = None
    prescription: Words | None = Field(None, description="number that drugs of one prescription share")


class ClaimDocument(Request):
    """One settlement of one visit or stay. One of resident_id and social_security_number says whose."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["resident_id"]}, {"required": ["social_security_number"]}]})

    resident_id: str | None = Field(None, pattern=RESIDENT_ID, description="GB 11643: 18 digits, or the 15 of the legacy form")
    social_security_number: str | None = Field(None, pattern=NUMBER, description="instead of the resident ID")
    institution: str = Field(pattern=CODE, description="code of the institution")
    reference: Words = Field(description="the institution's own number of the claim; one of the store with the same is left out")
    setting: CareSetting
    scheme: Scheme
    from_date: Day = Field(description="day of the visit, or of admission")
    to_date: Day = Field(description="day of the visit, or of discharge")
    total_fen: Fen
    fund_fen: Fen
    own_fen: int | None = Field(None, ge=-MOST_FEN, le=MOST_FEN)
    department: Words | None = None
    doctor: Words | None = None
    settled_at: AwareDatetime | None = None
    uploaded_at: AwareDatetime | None = None
    principal_diagnosis: str | None = Field(None, pattern=ICD, description="ICD-10")
    diagnoses: Diagnoses = Field((), description="ICD-10, without the principal one")
    procedures: Diagnoses = Field((), description="ICD-9-CM-3")
    hospital_acquired: Diagnoses = ()
    drg: str | None = Field(None, pattern=ICD)
    transferred_in: bool | None = None
    discharge_way: DischargeWay | None = None
    identity_check: ClaimIdentityCheck | None = None
    lines: tuple[ClaimLineDocument, ...] = Field((), max_length=MOST_LINES)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.resident_id is None) is (self.social_security_number is None):
            raise ValueError("give one of resident_id and social_security_number")
        if self.to_date < self.from_date:
            raise ValueError("to_date lies before from_date")
        if self.fund_fen > self.total_fen:
            raise ValueError("fund_fen is more than total_fen")
        if len({line.number for line in self.lines}) != len(self.lines):
            raise ValueError("two lines have one number")
        return self

    def whose(self) -> tuple[Number, str]:
        """Which number names the person, and the number."""
        if self.resident_id is not None:
            return Number.RESIDENT_ID, self.resident_id
        return Number.SOCIAL_SECURITY_NUMBER, self.social_security_number or ""

    def claim(self) -> NewClaim:
        """The claim as rules read it: codes in capitals, as the store has them."""
        from detection.claims.new_claim import NewClaim, NewLine  # brings the engine of expressions along

        plain = {name: getattr(self, name) for name in type(self).model_fields if name not in {"resident_id", "social_security_number"}}
        for name in ("principal_diagnosis", "drg"):
            plain[name] = None if plain[name] is None else plain[name].upper()
        for name in ("diagnoses", "procedures", "hospital_acquired"):
            plain[name] = tuple(code.upper() for code in plain[name])
        plain["lines"] = tuple(NewLine(**{name: getattr(line, name) for name in type(line).model_fields}) for line in self.lines)
        return NewClaim(**plain)


class ScreeningFinding(Answer):
    """One finding about the claim. official: codes of the national rule base."""

    code: str
    official: tuple[str, ...]
    title: Bilingual
    severity: AlertSeverity
    amount_fen: int = Field(description="the money at risk")
    explanation: Bilingual = Field(description="what was found, with its values")
    lines: tuple[int, ...] = Field(description="numbers of the lines of this claim that it names")
    facts: dict[str, object] = Field(description="days, counts and codes that the explanation names")


class ScreeningAnswer(Answer):
    """What the rules found about the claim, together with the person's claims in the store."""

    claim: str = Field(description="the reference that was sent")
    findings: tuple[ScreeningFinding, ...]
    history_claims: int = Field(description="claims of the person that were looked at beside it")
    rules_run: int
    ms: float = Field(description="how long it took")
