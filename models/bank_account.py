"""Numbers of bank accounts: their normal form, their check digit where they have one, and how they are shown."""

from __future__ import annotations

import re

from models.errors import ModelsError

SHORTEST, LONGEST = 8, 30
CARD_LENGTHS = range(13, 20)
"""Of cards by ISO/IEC 7812-1; those of UnionPay have 16 to 19 digits and begin with 62."""

_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]+")
_DIGITS = re.compile(r"[0-9]+")


class BankAccountError(ModelsError):
    """A text is not the number of an account. The message never holds the number."""

    code = "bank_account_error"


def parse_bank_account(text: str) -> str:
    """Digits of an account without what is between them. Cards, passbooks and settlement accounts all have digits only.

    Raises:
        BankAccountError: other characters, fewer than 8 digits or more than 30, or one digit over and over.
    """
    number = _BETWEEN.sub("", text)
    if not _DIGITS.fullmatch(number):
        raise BankAccountError("bank account: may hold digits only")
    if not SHORTEST <= len(number) <= LONGEST:
        raise BankAccountError(f"bank account: has {len(number)} digits; it must have {SHORTEST} to {LONGEST}")
    if len(set(number)) == 1:
        raise BankAccountError("bank account: is one digit over and over")
    return number


def is_card(number: str) -> bool:
    """True for a number that has the form of a UnionPay card, so that its last digit is a check digit. Passbooks have none."""
    return number.startswith("62") and len(number) in CARD_LENGTHS and len(number) >= 16


def check_digit_holds(number: str) -> bool:
    """True when the last digit is the one of the others by ISO/IEC 7812-1 annex B (Luhn)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def mask_bank_account(number: str) -> str:
    """First four and last four digits: 6217***********1234; of fewer than twelve digits only the last two."""
    if len(number) < 12:
        return "*" * (len(number) - 2) + number[-2:]
    return number[:4] + "*" * (len(number) - 8) + number[-4:]
