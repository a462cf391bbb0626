"""Cells of claims: diagnoses, procedures, codes, quantities, prices, moments."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from detection.intake import rules
from detection.intake.cells import AMOUNT_MAX_FEN, day_of, number_text
from detection.intake.fields import Values
from detection.intake.rules import RowRejected, Rule

DAY_WITHOUT_TIME = time(12)
"""A day without a time of day counts as noon, so that the moment lies on that day in UTC too."""
COUNT_MAX = 2**31 - 1
QUANTITY_MAX = 10**9

# ICD-10 as GB/T 14396 and the clinical and settlement editions write it: K29, K29.5, K29.500, I10.x00x002, with + or * behind
_DIAGNOSIS = re.compile(r"([A-Z][0-9][0-9A-Z])(?:\.?([0-9X][0-9A-Z]{0,9}))?[+*†]?")
# ICD-9-CM-3: 47.0, 38.9301, 45.1600x001
_PROCEDURE = re.compile(r"([0-9]{2})(?:\.?([0-9]{1,4}(?:X[0-9]{1,4})?))?")
_BETWEEN = re.compile(r"[;,|、+\s]+")
_CODE = re.compile(r"[0-9A-Za-z\u4e00-\u9fff._/#\-]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?")
_COMPACT = re.compile(r"([0-9]{8})([0-9]{2})([0-9]{2})([0-9]{2})?")
_SCIENTIFIC_NUMBER = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]{1,2}|[0-9]+\.0+", re.IGNORECASE)


def _coded(pattern: re.Pattern[str], field: str, text: str, rule: Rule) -> str:
    found = pattern.fullmatch(text)
    if found is None:
        raise RowRejected(rule, field, text[:20])
    return found[1] if not found[2] else f"{found[1]}.{found[2]}"


def diagnosis_of(field: str, text: str) -> str:
    """An ICD-10 code in its normal form: upper case, with the dot, without marks (K29.500). Raises RowRejected: DIAGNOSIS_INVALID."""
    return _coded(_DIAGNOSIS, field, _plain(text), rules.DIAGNOSIS_INVALID)


def procedure_of(field: str, text: str) -> str:
    """An ICD-9-CM-3 code in its normal form (38.9301). Raises RowRejected: PROCEDURE_INVALID, EXCEL_PRECISION_LOST."""
    return _coded(_PROCEDURE, field, _plain(text), rules.PROCEDURE_INVALID)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().upper()


def listed(values: Values, field: str) -> list[str]:
    """The parts of a list: of one column with ; , | 、 + or spaces between them, or of several columns."""
    texts = [text for key, text in values.items() if text and (key == field or key.startswith(f"{field}#"))]
    return [part for text in texts for part in _BETWEEN.split(unicodedata.normalize("NFKC", text)) if part]


def diagnoses_of(values: Values, field: str) -> tuple[str, ...]:
    """The ICD-10 codes of a list, each once, in their order. Raises RowRejected."""
    return tuple(dict.fromkeys(diagnosis_of(field, part) for part in listed(values, field)))


def procedures_of(values: Values, field: str) -> tuple[str, ...]:
    """The ICD-9-CM-3 codes of a list, each once, in their order. Raises RowRejected."""
    return tuple(dict.fromkeys(procedure_of(field, part) for part in listed(values, field)))


def code_of(field: str, text: str, longest: int) -> str:
    """A code or number of something, as it was given. Raises RowRejected: CODE_INVALID, TEXT_TOO_LONG, EXCEL_PRECISION_LOST."""
    if _SCIENTIFIC_NUMBER.fullmatch(text):
        text = number_text(field, text)
    elif not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if len(text) > longest:
        raise RowRejected(rules.TEXT_TOO_LONG, field, text[:10])
    if not _CODE.fullmatch(text):
        raise RowRejected(rules.CODE_INVALID, field, text[:10])
    return text


@lru_cache(maxsize=8_192)
def _number(text: str) -> Decimal | None:
    cleaned = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "").removeprefix("¥").removesuffix("元").removesuffix("分")
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def quantity_of(field: str, text: str) -> Decimal:
    """A quantity greater than zero. Raises RowRejected: QUANTITY_INVALID."""
    number = _number(text)
    if number is None or not 0 < number <= QUANTITY_MAX:
        raise RowRejected(rules.QUANTITY_INVALID, field, text[:20])
    return number


def price_of(field: str, text: str) -> Decimal:
    """Fen of a unit price, with the parts of a fen that prices of tablets have. Raises RowRejected: AMOUNT_INVALID."""
    number = _number(text)
    fen = None if number is None else number * 100 if field.endswith("_yuan") else number
    if fen is None or not 0 <= fen <= AMOUNT_MAX_FEN:
        raise RowRejected(rules.AMOUNT_INVALID, field, text[:20])
    return fen


def rounded_fen(fen: Decimal) -> int:
    """Whole fen, halves up."""
    return int(fen.quantize(Decimal(1), ROUND_HALF_UP))


def is_price_times_quantity(amount_fen: int, price_fen: Decimal, quantity: Decimal) -> bool:
    """True when the amount is the product, but for what rounding of price, quantity and amount to their written places explains."""
    exponent = quantity.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    of_price = quantity / 2 if price_fen == price_fen.to_integral_value() else Decimal(0)
    of_quantity = price_fen * Decimal(10) ** -places / 2 if places else Decimal(0)
    return abs(price_fen * quantity - amount_fen) <= 1 + of_price + of_quantity


def count_of(field: str, text: str, least: int) -> int:
    """A whole number from ``least`` on. Raises RowRejected: COUNT_INVALID."""
    number = _number(text)
    if number is None or number != number.to_integral_value() or not least <= number <= COUNT_MAX:
        raise RowRejected(rules.COUNT_INVALID, field, text[:20])
    return int(number)


def moment_of(field: str, text: str, zone: tzinfo) -> datetime:
    """Aware UTC moment of a day with a time of day (2026-03-05 10:20:30, with or without a zone; 20260305102030).

    A day without a time, or at midnight exactly, which is how systems write that, counts as noon. Raises RowRejected: MOMENT_INVALID and
    those of a day.
    """
    found = _moment(unicodedata.normalize("NFKC", text.strip()), zone)
    if found is not None:
        return found
    if _has_time(text):
        raise RowRejected(rules.MOMENT_INVALID, field, text[:20])
    return _local(day_of(field, text), DAY_WITHOUT_TIME, zone)


def _has_time(text: str) -> bool:
    return ":" in text or _COMPACT.fullmatch(text) is not None


@lru_cache(maxsize=65_536)
def _moment(text: str, zone: tzinfo) -> datetime | None:
    compact = _COMPACT.fullmatch(text)
    if compact is not None:
        text = f"{compact[1]} {compact[2]}:{compact[3]}:{compact[4] or '00'}"
    day_text, between, rest = text.partition("T" if "T" in text else " ")
    found = _TIME.fullmatch(rest.strip()) if between else None
    if found is None:
        return None
    hour, minute, second, fraction, offset = found.groups()
    try:
        day = day_of("", day_text)
        clock = time(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")))
    except (ValueError, RowRejected):
        return None
    if clock == time() and offset is None:
        clock = DAY_WITHOUT_TIME
    return _local(day, clock, zone if offset is None else _zone(offset))


def _zone(offset: str) -> tzinfo:
    if offset == "Z":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _local(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
