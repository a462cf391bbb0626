"""A Claim or ExplanationOfBenefit as the rows of the intake. Texts only: what they are worth is judged there, as of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from detection.intake.fhir.facts import ICD_9_PROCEDURES, ICD_10, FactBook, Facts, claim_key
from detection.intake.fhir.resources import (
    Resource,
    code_of_system,
    codings,
    first,
    has_code,
    items,
    number_named,
    part,
    target,
    text,
    told,
)

CNY = "CNY"
FEN = Decimal("0.01")
SETTINGS = {
    "AMB": "outpatient",
    "OBSENC": "outpatient",
    "EMER": "emergency",
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "SS": "day_case",
    "HH": "home",
    "VR": "internet",
}
"""HL7 v3 ActEncounterCode."""
DISCHARGES = {
    "home": "home",
    "alt-home": "home",
    "other-hcf": "transfer",
    "hosp": "transfer",
    "rehab": "community",
    "snf": "community",
    "long": "community",
    "aadvice": "against_advice",
    "exp": "died",
}
"""HL7 discharge-disposition; every other code is ``other``."""
DRUG_SYSTEMS = ("rxnorm", "/atc", "cvx", "/ndc", "medication")
NOT_SUBMITTED = frozenset({"draft", "cancelled", "entered-in-error"})

Row = dict[str, str]


@dataclass(frozen=True)
class HowToConvert:
    """rates: currency -> yuan for one of it. scheme: of all claims, in place of what their coverages name; empty: none. zone: of days."""

    rates: Mapping[str, Decimal]
    scheme: str
    zone: tzinfo


@dataclass(frozen=True)
class Converted:
    """The rows of one claim. institution: None when the files tell nothing of it but its number."""

    claim: Row
    lines: list[Row]
    institution: Row | None


@dataclass
class Skipped:
    """What makes no row, by reason."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str) -> None:
        """Count one."""
        self.counts[reason] += 1


def convert(resource: Resource, full_url: str, book: FactBook, how: HowToConvert, skipped: Skipped) -> Converted | None:
    """The rows of a claim; None when it makes none, which is counted.

    A Claim that an ExplanationOfBenefit of the files answers makes none: that one has the amounts that were paid.
    """
    benefit = resource["resourceType"] == "ExplanationOfBenefit"
    if text(resource, "status") in NOT_SUBMITTED:
        skipped.add("not_submitted")
        return None
    if text(resource, "use") not in {"", "claim"}:
        skipped.add("not_a_claim")
        return None
    if not benefit and book.is_answered(full_url, resource):
        skipped.add("answered_by_benefit")
        return None
    return _Conversion(resource, book, how, skipped, benefit=benefit).rows()


class _Conversion:
    def __init__(self, resource: Resource, book: FactBook, how: HowToConvert, skipped: Skipped, *, benefit: bool) -> None:
        self.resource, self.book, self.how, self.skipped, self.benefit = resource, book, how, skipped, benefit
        self.origin = self.find(part(resource, "claim")) if benefit else {}
        encounters = (one for item in items(resource, "item") for one in items(item, "encounter"))
        self.encounter = self.find(next(encounters, {})) or book.find(self.origin.get("encounter", ""))
        self.pharmacy = has_code(part(resource, "type"), "pharmacy")

    def find(self, reference: Resource) -> Facts:
        return self.book.find(target(reference), self.resource)

    def rows(self) -> Converted:
        code, institution = self._institution()
        key = {"institution_code": code, "claim_reference": self._reference()}
        claim = {**key, **self._claim()}
        return Converted(claim, list(self._lines(key, claim)), institution)

    def _reference(self) -> str:
        if not self.benefit:
            return claim_key(self.resource)
        named = part(self.resource, "claim")
        return self.origin.get("key", "") or number_named(named) or claim_key(self.resource)

    def _institution(self) -> tuple[str, Row | None]:
        provider = part(self.resource, "provider")
        choices = [
            (target(provider), number_named(provider)),
            (self.origin.get("provider", ""), self.origin.get("provider_number", "")),
            (self.encounter.get("provider", ""), self.encounter.get("provider_number", "")),
        ]
        named = []
        for address, number in choices:
            facts = self.book.find(address, self.resource)
            if "region" in facts:
                row = {
                    "institution_code": facts["code"],
                    "institution_name": facts["name"],
                    "institution_kind": facts["kind"],
                    "region_code": facts["region"],
                }
                return facts["code"], row
            if number and not facts and not address.startswith("Practitioner"):  # of an organization that is not in the files
                named.append(number)
        return (named[0] if named else ""), None

    def _claim(self) -> Row:
        resource, encounter = self.resource, self.encounter
        setting = self._setting()
        stay = setting == "inpatient" and bool(encounter.get("end"))
        period = part(resource, "billablePeriod")
        total, fund = self._amounts()
        created = text(resource, "created")
        principal, others, acquired = self._diagnoses()
        patient = self.find(part(resource, "patient"))
        return {
            "resident_id": patient.get("resident_id", ""),
            "social_security_number": patient.get("social_security_number", ""),
            "name": patient.get("name", ""),
            "setting": setting,
            "scheme": self._scheme(),
            "from_date": self._day(encounter["start"] if stay else text(period, "start") or encounter.get("start", "")),
            "to_date": self._day(encounter["end"] if stay else text(period, "end") or encounter.get("end", "")),
            "settled_at": created if self.benefit else "",
            "uploaded_at": "" if self.benefit else created,
            "department": encounter.get("department", "")[:60],
            "doctor": self._doctor(1),
            "principal_diagnosis": principal,
            "diagnoses": ";".join(others),
            "procedures": ";".join(self._procedures()),
            "hospital_acquired": ";".join(acquired),
            "drg": self._drg(),
            "transferred_in": encounter.get("transferred", ""),
            "discharge_way": DISCHARGES.get(encounter["discharge"], "other") if encounter.get("discharge") else "",
            "total_yuan": total,
            "fund_yuan": fund,
        }

    def _setting(self) -> str:
        if self.pharmacy:
            return "pharmacy"
        named = self.encounter.get("class", "")
        if named:
            return SETTINGS.get(named.upper(), named)
        return "inpatient" if has_code(part(self.resource, "type"), "institutional") else "outpatient"

    def _scheme(self) -> str:
        named = (self.find(part(one, "coverage")).get("scheme", "") for one in items(self.resource, "insurance"))
        return self.how.scheme or next((one for one in named if one), "")

    def _diagnoses(self) -> tuple[str, list[str], list[str]]:
        """(principal, others, those that came in the hospital): codes of ICD-10 only."""
        principal, others, acquired = "", [], []
        for one in sorted(items(self.resource, "diagnosis"), key=_sequence):
            concept = part(one, "diagnosisCodeableConcept")
            code = code_of_system(concept, *ICD_10) or self.find(part(one, "diagnosisReference")).get("code", "")
            if not code:
                self.skipped.add("diagnosis_without_icd10")
                continue
            named = any(has_code(kind, "principal") for kind in items(one, "type"))
            if named or (not principal and _sequence(one) == 1):
                principal, code_before = code, principal
                others += [code_before] if code_before else []
            else:
                others.append(code)
            if has_code(part(one, "onAdmission"), "n", "N"):
                acquired.append(code)
        return principal, others, acquired

    def _procedures(self) -> Iterator[str]:
        for one in sorted(items(self.resource, "procedure"), key=_sequence):
            concept = part(one, "procedureCodeableConcept")
            code = code_of_system(concept, *ICD_9_PROCEDURES) or self.find(part(one, "procedureReference")).get("code", "")
            if code:
                yield code
            else:
                self.skipped.add("procedure_without_icd9")

    def _drg(self) -> str:
        for one in items(self.resource, "supportingInfo"):
            if has_code(part(one, "category"), "drg"):
                return next((code for _, code, _ in codings(part(one, "code"))), "")
        return ""

    def _doctor(self, sequence: int) -> str:
        team = items(self.resource, "careTeam")
        chosen = next((one for one in team if _sequence(one) == sequence), first(team) if sequence == 1 else {})
        provider = part(chosen, "provider")
        found = self.find(provider).get("code", "") or number_named(provider)
        return found if not target(provider).startswith("Organization") else ""

    def _amounts(self) -> tuple[str, str]:
        resource = self.resource
        if not self.benefit:
            total = self._money(part(resource, "total"))
            return total, total  # a claim asks for its total; what is paid an ExplanationOfBenefit tells
        named = {code: part(one, "amount") for one in items(resource, "total") for _, code, _ in codings(part(one, "category"))}
        total = self._money(named.get("submitted", {})) or self._sum_of_lines()
        return total, self._money(part(resource, "payment", "amount")) or self._money(named.get("benefit", {}))

    def _sum_of_lines(self) -> str:
        amounts = [self._money(part(item, "net")) for item in items(self.resource, "item")]
        try:
            return str(sum((Decimal(one) for one in amounts if one), Decimal(0)))
        except InvalidOperation:
            return next(one for one in amounts if not _is_number(one))

    def _money(self, money: Resource) -> str:
        """Yuan; with its currency behind, which no amount has, where there is no rate for it."""
        yuan = self._yuan(money)
        return str(yuan.quantize(FEN)) if isinstance(yuan, Decimal) else yuan

    def _yuan(self, money: Resource) -> Decimal | str:
        value = money.get("value")
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            return ""
        currency = text(money, "currency") or CNY
        rate = Decimal(1) if currency == CNY else self.how.rates.get(currency)
        return f"{value} {currency}" if rate is None else value * rate

    def _lines(self, key: Row, claim: Row) -> Iterator[Row]:
        for item in items(self.resource, "item"):
            amount = self._amount_of(item)
            if amount == "":
                self.skipped.add("item_without_amount")
                continue
            service = part(item, "productOrService")
            system, code, display = (codings(service) or [("", "", "")])[0]
            quantity = part(item, "quantity").get("value", 1)
            price = self._yuan(part(item, "unitPrice"))
            if price == "":
                price = _ratio(amount, quantity)
            request = self.find(part(self.resource, "prescription")) if self.pharmacy else {}
            served = text(item, "servicedDate") or text(part(item, "servicedPeriod"), "start")
            team = item.get("careTeamSequence")
            yield {
                **key,
                "line_number": str(item.get("sequence", "")),
                "item_code": code,
                "item_name": (text(service, "text") or display)[:200],
                "category": self._category(item, system),
                "quantity": str(quantity),
                "unit_price_yuan": str(price),
                "amount_yuan": amount,
                "fund_yuan": self._paid_of(item),
                "charged_on": self._day(served) or claim["from_date"],
                "days": request.get("days", ""),
                "prescription": request.get("number", ""),
                "doctor": self._doctor(team[0]) if isinstance(team, list) and team and isinstance(team[0], int) else "",
            }

    def _amount_of(self, item: Resource) -> str:
        return self._money(part(item, "net")) or self._adjudicated(item, "submitted")

    def _paid_of(self, item: Resource) -> str:
        return self._adjudicated(item, "benefit")

    def _adjudicated(self, item: Resource, category: str) -> str:
        for one in items(item, "adjudication"):
            if has_code(part(one, "category"), category):
                return self._money(part(one, "amount"))
        return ""

    def _category(self, item: Resource, system: str) -> str:
        named = told(part(item, "category"))
        if named and not self.pharmacy:
            return named
        if self.pharmacy or any(one in system.casefold() for one in DRUG_SYSTEMS):
            return "western_drug"
        return "treatment" if item.get("procedureSequence") else "other"

    def _day(self, stamp: str) -> str:
        """The day of a date or of a moment, in the zone of the installation; as it is where it is neither."""
        if "T" not in stamp:
            return stamp
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            return stamp
        return (moment if moment.tzinfo is None else moment.astimezone(self.how.zone)).date().isoformat()


def _sequence(element: Resource) -> int:
    value: Any = element.get("sequence")
    return value if isinstance(value, int) else 0


def _ratio(amount: str, quantity: Any) -> str:
    try:
        return str((Decimal(amount) / Decimal(str(quantity))).quantize(Decimal("0.000001")))
    except (InvalidOperation, ZeroDivisionError):
        return amount


def _is_number(value: str) -> bool:
    try:
        Decimal(value)
    except InvalidOperation:
        return value == ""
    return True
