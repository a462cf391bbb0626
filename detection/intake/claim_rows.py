"""Rows of institutions, claims and lines of claims."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from detection.intake import rules
from detection.intake.cells import day_of, short_text
from detection.intake.claim_cells import (
    code_of,
    count_of,
    diagnoses_of,
    is_price_times_quantity,
    moment_of,
    price_of,
    procedures_of,
    quantity_of,
    rounded_fen,
)
from detection.intake.fields import Values, needed
from detection.intake.headings import CLAIM
from detection.intake.records import ClaimLineRecord, ClaimRecord, InstitutionRecord, Who
from detection.intake.rules import RowRejected, Rule
from models.claim import CareSetting, ChargeCategory, ClaimIdentityCheck, DischargeWay, InstitutionKind, InstitutionLevel
from models.enrolment import Scheme

CODE_LONGEST, NAME_LONGEST, REFERENCE_LONGEST, TEXT_LONGEST, DRG_LONGEST = 40, 200, 60, 60, 20
SCHEMES_OF_CARE = frozenset({Scheme.EMPLOYEE_MEDICAL, Scheme.RESIDENT_MEDICAL, Scheme.WORK_INJURY, Scheme.MATERNITY})
STAYS = frozenset({CareSetting.INPATIENT, CareSetting.HOME})
YES = "yes"
TRANSFER = "transfer"
SETTLED_EARLY = timedelta(days=1)
"""A stay is settled on its last day; a day before that, clocks and days may differ."""


class Reader(Protocol):
    """What is asked of ``reading.RowReader``."""

    @property
    def zone(self) -> tzinfo:
        """Of moments that name none."""
        ...

    def who(self, values: Values, prefix: str = "") -> Who:
        """The person of the row."""
        ...

    def word(self, field: str, text: str, rule: Rule) -> str:
        """The coded value that a word means."""
        ...

    def region(self, values: Values) -> str | None:
        """The region code of the row."""
        ...

    def amount(self, values: Values, *fields: str) -> int:
        """Fen of the first of these fields that is filled."""
        ...

    def check_not_future(self, field: str, day: date) -> None:
        """Raise RowRejected for a day that is to come."""
        ...


def read_institution(reader: Reader, values: Values) -> InstitutionRecord:
    """An institution. Raises RowRejected."""
    code = code_of("institution_code", needed(values, "institution_code"), CODE_LONGEST)
    name = short_text("institution_name", needed(values, "institution_name"), NAME_LONGEST)
    kind = InstitutionKind(reader.word("institution_kind", needed(values, "institution_kind"), rules.INSTITUTION_KIND_UNKNOWN))
    level_text, beds = values.get("institution_level"), values.get("beds")
    level = InstitutionLevel(reader.word("institution_level", level_text, rules.LEVEL_UNKNOWN)) if level_text else None
    needed(values, "region_code")
    region = reader.region(values)
    assert region is not None  # noqa: S101 - it is not empty
    return InstitutionRecord(code, name, level, kind, region, count_of("beds", beds, 0) if beds else None)


def read_claim(reader: Reader, values: Values) -> ClaimRecord:
    """A claim. That it contradicts a birth, a death or another stay is for the rules to find, no fault of the row. Raises RowRejected."""
    who = reader.who(values)
    institution, reference = _claim(values)
    setting = CareSetting(reader.word("setting", needed(values, "setting"), rules.SETTING_UNKNOWN))
    word = reader.word("scheme", needed(values, "scheme"), rules.SCHEME_UNKNOWN)
    scheme = Scheme(word)
    if scheme not in SCHEMES_OF_CARE:
        raise RowRejected(rules.SCHEME_NOT_OF_CARE, "scheme", word)
    start, end = _days(reader, values, setting)
    settled, uploaded = _moment(reader, values, "settled_at"), _moment(reader, values, "uploaded_at")
    if settled is not None and settled.astimezone(reader.zone).date() < end - SETTLED_EARLY:
        raise RowRejected(rules.SETTLED_BEFORE_END, "settled_at", settled.date().isoformat())
    # of a pair of codes (cause + manifestation) the cause is the first
    named = diagnoses_of(values, "principal_diagnosis")
    first, others = (named[0], (*named[1:], *diagnoses_of(values, "diagnoses"))) if named else (None, diagnoses_of(values, "diagnoses"))
    total, fund = reader.amount(values, "total_fen", "total_yuan"), reader.amount(values, "fund_fen", "fund_yuan")
    if fund > total:
        raise RowRejected(rules.FUND_OVER_TOTAL, "fund_fen", str(fund))
    own = reader.amount(values, "own_fen", "own_yuan") if values.get("own_fen") or values.get("own_yuan") else None
    drg, way, check = values.get("drg"), values.get("discharge_way"), values.get("identity_check")
    return ClaimRecord(
        who,
        institution,
        reference,
        setting,
        scheme,
        _text(values, "department"),
        _text(values, "doctor"),
        start,
        end,
        settled,
        uploaded,
        first,
        tuple(code for code in dict.fromkeys(others) if code != first),
        procedures_of(values, "procedures"),
        diagnoses_of(values, "hospital_acquired"),
        code_of("drg", drg, DRG_LONGEST) if drg else None,
        _transferred(reader, values),
        DischargeWay(reader.word("discharge_way", way, rules.DISCHARGE_WAY_UNKNOWN)) if way else None,
        ClaimIdentityCheck(reader.word("identity_check", check, rules.IDENTITY_CHECK_UNKNOWN)) if check else None,
        total,
        fund,
        own,
    )


def read_line(reader: Reader, values: Values) -> ClaimLineRecord:
    """A line of a claim. A charge outside the stay is for the rules to find. Raises RowRejected."""
    institution, reference = _claim(values)
    number = count_of("line_number", needed(values, "line_number"), 1)
    item = code_of("item_code", needed(values, "item_code"), CODE_LONGEST)
    name = values.get("item_name")
    category = ChargeCategory(reader.word("category", needed(values, "category"), rules.CATEGORY_UNKNOWN))
    quantity = quantity_of("quantity", needed(values, "quantity"))
    field = next((one for one in ("unit_price_fen", "unit_price_yuan") if values.get(one)), "unit_price_yuan")
    price = price_of(field, needed(values, field))
    amount = reader.amount(values, "amount_fen", "amount_yuan")
    if not is_price_times_quantity(amount, price, quantity):
        raise RowRejected(rules.AMOUNT_NOT_PRICE, "amount_fen", str(amount))
    fund = reader.amount(values, "fund_fen", "fund_yuan") if values.get("fund_fen") or values.get("fund_yuan") else None
    if fund is not None and fund > amount:
        raise RowRejected(rules.FUND_OVER_TOTAL, "fund_fen", str(fund))
    charged = day_of("charged_on", needed(values, "charged_on"))
    reader.check_not_future("charged_on", charged)
    days, executed = values.get("days"), values.get("executed_quantity")
    return ClaimLineRecord(
        institution,
        reference,
        number,
        item,
        short_text("item_name", name, NAME_LONGEST) if name else item,
        category,
        float(quantity),
        count_of("days", days, 0) if days else None,
        rounded_fen(price),
        amount,
        fund,
        charged,
        _moment(reader, values, "executed_at"),
        _executed(executed) if executed else None,
        _text(values, "doctor"),
        _text(values, "department"),
        _text(values, "prescription"),
    )


def _executed(text: str) -> float:
    return 0.0 if text.strip("0.") == "" else float(quantity_of("executed_quantity", text))


def _claim(values: Values) -> tuple[str, str]:
    """(institution code, reference) of the claim."""
    institution = code_of("institution_code", needed(values, "institution_code"), CODE_LONGEST)
    field = next((one for one in CLAIM if values.get(one)), next((one for one in CLAIM if one in values), CLAIM[0]))
    return institution, code_of(field, needed(values, field), REFERENCE_LONGEST)


def _days(reader: Reader, values: Values, setting: CareSetting) -> tuple[date, date]:
    start = day_of("from_date", needed(values, "from_date"))
    text = values.get("to_date")
    if not text and setting in STAYS:
        raise RowRejected(rules.VALUE_MISSING, "to_date")
    end = day_of("to_date", text) if text else start
    if end < start:
        raise RowRejected(rules.END_BEFORE_START, "to_date", end.isoformat())
    reader.check_not_future("to_date", end)
    return start, end


def _moment(reader: Reader, values: Values, field: str) -> datetime | None:
    text = values.get(field)
    if not text:
        return None
    moment = moment_of(field, text, reader.zone)
    reader.check_not_future(field, moment.astimezone(reader.zone).date())
    return moment


def _text(values: Values, field: str) -> str | None:
    text = values.get(field)
    return short_text(field, text, TEXT_LONGEST) if text else None


def _transferred(reader: Reader, values: Values) -> bool | None:
    if text := values.get("transferred_in"):
        return reader.word("transferred_in", text, rules.YES_NO_UNKNOWN) == YES
    if text := values.get("admission_way"):
        return reader.word("admission_way", text, rules.ADMISSION_WAY_UNKNOWN) == TRANSFER
    return None
