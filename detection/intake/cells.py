"""Cells to values: dates, months, amounts, numbers. What Excel damaged is recognised and named, what it merely decorated is undone."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from detection.intake import rules
from detection.intake.rules import RowRejected
from models.bank_account import BankAccountError, check_digit_holds, is_card, mask_bank_account, parse_bank_account
from models.identifiers import mask_name, mask_phone

EXACT_DIGITS = 15
"""Decimal digits that a number in Excel (a double) keeps for certain."""
ERROR_VALUES = frozenset({"#n/a", "#value!", "#ref!", "#name?", "#div/0!", "#null!", "#num!", "#spill!", "#calc!", "#getting_data"})
EMPTY_WORDS = frozenset({"null", "none", "nan", "nat", "n/a", "<na>", "\\n"})
SERIAL_NUMBERS = range(1, 80_000)
"""Excel's serial days up to the year 2119."""
AMOUNT_MAX_FEN = 10**11
NAME_LONGEST = 50
ADDRESS_LONGEST = 200

_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?E\+?[0-9]{1,2}", re.IGNORECASE)
_DAY = re.compile(r"([0-9]{4})(?:[-/.年]\s*)([0-9]{1,2})(?:[-/.月]\s*)([0-9]{1,2})日?")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})(?:[-/.年]\s*)([0-9]{1,2})月?")
_COMPACT_MONTH = re.compile(r"([0-9]{4})([0-9]{2})")
_SERIAL = re.compile(r"([0-9]{1,5})(?:\.[0-9]+)?")
_MIDNIGHT = re.compile(r"[ T]0{1,2}:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?$")
_CLOCK = re.compile(r"[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$")
_PHONE = re.compile(r"[0-9+()\- ]{5,20}")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_DIGITS = re.compile(r"[0-9]+")
_NAME_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>{}@#$%^*=|\\;\"0-9\ufffd]")
_DOTS = re.compile(r"[•‧・∙⋅．●.]")


def cell_text(value: object) -> str:
    """The text of a cell as a spreadsheet or Parquet file holds it. A double beyond 15 digits comes out in scientific form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value:  # not a number: an empty cell of a data frame
            return ""
        if value in {float("inf"), float("-inf")}:
            return "#NUM!"
        if value.is_integer():
            return str(int(value)) if abs(value) < 10**EXACT_DIGITS else f"{value:.5E}"
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def tidy(text: str) -> str:
    """Without what surrounds a value and is none: spaces of every width, an apostrophe that marks text in Excel, a word for nothing."""
    if text.isalnum() or (text[:1].isalnum() and text[-1:].isalnum() and text.isascii()):  # most cells: nothing surrounds them
        return "" if len(text) <= 5 and text.casefold() in EMPTY_WORDS else text
    text = text.strip().strip("\u3000\u00a0\ufeff\u200b")
    if not text:
        return ""
    if text[0] in "'`\u2018\u2019" and len(text) > 1:
        text = text[1:].strip()
    if text.startswith('="') and text.endswith('"'):  # written so that Excel keeps the digits
        text = text[2:-1]
    return "" if len(text) <= 5 and text.casefold() in EMPTY_WORDS else text


def check_damage(field: str, text: str) -> None:
    """Raise RowRejected when the whole cell is an error of Excel."""
    if text[0] == "#":
        if text.casefold() in ERROR_VALUES:
            raise RowRejected(rules.EXCEL_ERROR_VALUE, field, text)
        if len(text) >= 2 and not text.strip("#"):
            raise RowRejected(rules.EXCEL_COLUMN_TOO_NARROW, field, text)


def number_text(field: str, text: str) -> str:
    """Digits of a number that stands for something (ID, card, phone, code): half-width, ``.0`` of a small figure taken away.

    Raises RowRejected: EXCEL_PRECISION_LOST.
    """
    if text.isdecimal() and text.isascii():
        return text
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if text.endswith((".0", ".00")):
        digits = text.split(".", 1)[0]
        if len(digits) > EXACT_DIGITS:
            raise RowRejected(rules.EXCEL_PRECISION_LOST, field, mask_number(digits))
        text = digits
    if "E+" in text.upper() and _SCIENTIFIC.fullmatch(text.replace(" ", "")):
        raise RowRejected(rules.EXCEL_PRECISION_LOST, field, text)
    return text.replace(" ", "").upper()


def mask_number(text: str) -> str:
    """First two and last two characters."""
    return text[:2] + "*" * (len(text) - 4) + text[-2:] if len(text) > 6 else "*" * len(text)


def mask_text(field: str, text: str) -> str:
    """A value as the file of rejected rows may show it."""
    if field.endswith("name"):
        return mask_name(text[:20])
    if field == "phone":
        return mask_phone(text[:20])
    if field.endswith(("resident_id", "social_security_number", "bank_account")):
        return mask_number(text[:24])
    if field == "address":
        return mask_address(text)
    if field.endswith("birth_date"):
        return text[:4] + "*" * max(0, min(len(text), 20) - 4)
    return text[:40] if field not in {"reference"} else mask_number(text[:24])


@lru_cache(maxsize=65_536)
def _day(text: str) -> dt.date | None:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _CLOCK.sub("", _MIDNIGHT.sub("", text.strip()))
    found = _DAY.fullmatch(text) or _COMPACT_DAY.fullmatch(text.removesuffix(".0"))
    if found is None:
        return None
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


@lru_cache(maxsize=8_192)
def _month(text: str) -> dt.date | None:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _CLOCK.sub("", _MIDNIGHT.sub("", text.strip()))
    found = _MONTH.fullmatch(text) or _COMPACT_MONTH.fullmatch(text.removesuffix(".0"))
    if found is not None:
        try:
            return dt.date(int(found[1]), int(found[2]), 1)
        except ValueError:
            return None
    day = _day(text)
    return None if day is None else day.replace(day=1)


def _refuse_serial(field: str, text: str) -> None:
    found = _SERIAL.fullmatch(text)
    if found is not None and int(found[1]) in SERIAL_NUMBERS:
        raise RowRejected(rules.EXCEL_DATE_NUMBER, field, text)


def day_of(field: str, text: str) -> dt.date:
    """A day: 1950-06-01, 1950/6/1, 1950.6.1, 19500601, 1950年6月1日, with or without a time of day. Raises RowRejected."""
    day = _day(text)
    if day is None or day.year < 1800:
        _refuse_serial(field, text)
        raise RowRejected(rules.DATE_INVALID, field, mask_text(field, text))
    return day


def month_of(field: str, text: str) -> dt.date:
    """The first day of a month: 1950-06, 195006, 1950/6, 1950年6月, or any day of it. Raises RowRejected."""
    month = _month(text)
    if month is None or month.year < 1800:
        _refuse_serial(field, text)
        raise RowRejected(rules.MONTH_INVALID, field, text[:20])
    return month


@lru_cache(maxsize=8_192)
def _fen(text: str, factor: int) -> int | None:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    cleaned = text.replace(",", "").replace(" ", "").removeprefix("¥").removeprefix("￥").removesuffix("元").removesuffix("分")
    try:
        amount = Decimal(cleaned) * factor
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or amount > AMOUNT_MAX_FEN or amount != amount.to_integral_value():
        return None
    return int(amount)


def fen_of(field: str, text: str) -> int:
    """Fen of an amount; the field's name says whether it is in yuan or in fen. Raises RowRejected."""
    amount = _fen(text, 100 if field.endswith("_yuan") else 1)
    if amount is None:
        raise RowRejected(rules.AMOUNT_INVALID, field, text[:20])
    return amount


def name_of(field: str, text: str) -> str:
    """A name in its normal form: one kind of middle dot, no spaces between Chinese characters. Raises RowRejected."""
    name = tidy_name(text)
    if not 1 <= len(name) <= NAME_LONGEST or not (
        name.isalpha() or (not _NAME_FORBIDDEN.search(name) and any(character.isalpha() for character in name))
    ):
        raise RowRejected(rules.NAME_INVALID, field, mask_name(name[:20]))
    return name


@lru_cache(maxsize=65_536)
def tidy_name(text: str) -> str:
    """Spaces and dots of a name in one form; names that are equal so are the same name."""
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if name.isascii():
        return name
    return _DOTS.sub("·", name.replace(" ", ""))


def phone_of(field: str, text: str) -> str:
    """A phone number in digits, with + before a country and - before an extension or after an area code. Raises RowRejected."""
    if text.isdecimal() and text.isascii() and 5 <= len(text) <= 20:
        return text
    if not text.isascii():
        text = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    text = number_text(field, text)
    if not _PHONE.fullmatch(text) or len(_DIGITS.findall(text)) == 0 or sum(map(str.isdigit, text)) < 5:
        raise RowRejected(rules.PHONE_INVALID, field, mask_phone(text[:20]))
    return text


def mask_address(text: str) -> str:
    """Its first three characters."""
    return text[:3] + "***"


def address_of(field: str, text: str) -> str:
    """An address without doubled spaces. Raises RowRejected."""
    address = " ".join(text.split())
    if len(address) > ADDRESS_LONGEST:
        raise RowRejected(rules.TEXT_TOO_LONG, field, mask_address(address))
    if "\x00" in address:
        raise RowRejected(rules.NUL_BYTE, field)
    return address


def bank_account_of(field: str, text: str) -> str:
    """Digits of a bank account.

    Excel keeps 15 digits of a number and puts noughts for the rest: a card whose check digit does not fit and that ends so came through
    Excel. Of accounts without a check digit nobody can tell, so that they are taken as they are.

    Raises:
        RowRejected: ACCOUNT_INVALID or EXCEL_PRECISION_LOST.
    """
    number = number_text(field, text)
    try:
        account = parse_bank_account(number)
    except BankAccountError:
        raise RowRejected(rules.ACCOUNT_INVALID, field, mask_number(number[:24])) from None
    if is_card(account) and not account[EXACT_DIGITS:].strip("0") and not check_digit_holds(account):
        raise RowRejected(rules.EXCEL_PRECISION_LOST, field, mask_bank_account(account))
    return account


def short_text(field: str, text: str, longest: int) -> str:
    """Free text within a column's length. Raises RowRejected."""
    if len(text) > longest:
        raise RowRejected(rules.TEXT_TOO_LONG, field, text[:10])
    if "\x00" in text:
        raise RowRejected(rules.NUL_BYTE, field)
    return text
