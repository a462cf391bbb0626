"""Resident IDs (GB 11643-1999), social-security numbers, and how names and numbers are shown masked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import mul

from models.errors import ModelsError
from models.person import Sex

# GB 11643-1999 (ISO 7064 MOD 11-2): weights of the first 17 digits, and the check character for the weighted sum modulo 11.
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"

EARLIEST_BIRTH = date(1880, 1, 1)

_NUMBER, _LEGACY = re.compile(r"[0-9]{17}[0-9X]"), re.compile(r"[0-9]{15}")


class IdentifierProblem(StrEnum):
    """What is wrong with a number."""

    LENGTH = "length"
    CHARACTERS = "characters"
    REGION = "region"
    BIRTH_DATE = "birth_date"
    SEQUENCE = "sequence"
    CHECK_DIGIT = "check_digit"


class IdentifierError(ModelsError):
    """A number is not a right one. The message names the field and rule, never the number itself."""

    code = "identifier_error"

    def __init__(self, field: str, problem: IdentifierProblem, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True)
class ResidentId:
    """A right resident ID. number: 18 characters, the last one 0-9 or X. legacy: it was given in the 15-digit form."""

    number: str
    region_code: str
    birth_date: date
    sex: Sex
    legacy: bool = False

    @property
    def masked(self) -> str:
        """42**********1244."""
        return mask_resident_id(self.number)

    def __repr__(self) -> str:
        """Masked, so that a log or a traceback never shows the number."""
        return f"ResidentId({self.masked})"


def check_character(first_17: str) -> str:
    """Check character for the first 17 digits."""
    return CHECK_CHARACTERS[sum(map(mul, map(int, first_17), WEIGHTS)) % 11]


def parse_resident_id(text: str) -> ResidentId:
    """Read an 18-character resident ID, or a 15-digit legacy one (all of whose holders were born in 19xx), into its normal form.

    Spaces around it and a small x are accepted. The region is not looked up: old codes stay on IDs after a region is gone.

    Raises:
        IdentifierError: LENGTH, CHARACTERS, REGION (starts with 0 or 9x), BIRTH_DATE, SEQUENCE (000) or CHECK_DIGIT.
    """
    number = text.strip().upper()
    field = "resident ID"
    if len(number) not in {15, 18}:
        raise IdentifierError(field, IdentifierProblem.LENGTH, f"has {len(number)} characters; it must have 18 (or 15 in the old form)")
    legacy = len(number) == 15
    if not (_LEGACY if legacy else _NUMBER).fullmatch(number):
        raise IdentifierError(field, IdentifierProblem.CHARACTERS, "may hold digits only, and X in the last place")
    if not "11" <= number[:2] <= "83":
        raise IdentifierError(field, IdentifierProblem.REGION, "does not begin with the code of a province")
    first_17 = number[:6] + "19" + number[6:] if legacy else number[:17]
    born = _birth_date(first_17[6:14])
    if born is None:
        raise IdentifierError(field, IdentifierProblem.BIRTH_DATE, "holds a birth date that does not exist")
    if first_17[14:17] == "000":
        raise IdentifierError(field, IdentifierProblem.SEQUENCE, "has the sequence 000, which is never given out")
    expected = check_character(first_17)
    if not legacy and number[17] != expected:
        raise IdentifierError(field, IdentifierProblem.CHECK_DIGIT, "has a last character that does not fit: a digit is mistyped")
    sex = Sex.MALE if int(first_17[16]) % 2 else Sex.FEMALE
    return ResidentId(first_17 + expected, first_17[:6], born, sex, legacy)


@lru_cache(maxsize=65_536)  # the days of 180 years
def _birth_date(digits: str) -> date | None:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return None if born < EARLIEST_BIRTH else born


def parse_social_security_number(text: str) -> str:
    """Normal form of a social-security number: 9 to 18 letters and digits, capitals.

    Card numbers and personal numbers differ by province (the national card law leaves their form to the card standard), so that only
    length and characters are checked.
    """
    number = text.strip().upper()
    field = "social-security number"
    if not 9 <= len(number) <= 18:
        raise IdentifierError(field, IdentifierProblem.LENGTH, f"has {len(number)} characters; it must have 9 to 18")
    if not re.fullmatch(r"[0-9A-Z]+", number):
        raise IdentifierError(field, IdentifierProblem.CHARACTERS, "may hold letters A-Z and digits only")
    return number


def mask_resident_id(number: str) -> str:
    """First two and last four characters: 42************1244."""
    return number[:2] + "*" * (len(number) - 6) + number[-4:]


def mask_name(name: str) -> str:
    """The first character, and the last one of names of three and more: 张*三, 李*, 欧**娜. A single character is hidden."""
    if len(name) < 2:
        return "*" * len(name)
    if len(name) == 2:
        return name[0] + "*"
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_phone(phone: str) -> str:
    """First three and last two characters: 138******21; all hidden when there are fewer than seven."""
    if len(phone) < 7:
        return "*" * len(phone)
    return (phone[:3] + "*" * (len(phone) - 5) + phone[-2:])[:20]
