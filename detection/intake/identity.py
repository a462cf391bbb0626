"""Resident IDs and social-security numbers of rows, with what Excel does to them told apart from mistyped ones."""

from __future__ import annotations

import re

from detection.intake import rules
from detection.intake.cells import mask_number, number_text
from detection.intake.rules import RowRejected, Rule
from models.identifiers import IdentifierError, IdentifierProblem, ResidentId, parse_resident_id, parse_social_security_number

RULE_OF_PROBLEM: dict[IdentifierProblem, Rule] = {
    IdentifierProblem.LENGTH: rules.ID_LENGTH,
    IdentifierProblem.CHARACTERS: rules.ID_CHARACTERS,
    IdentifierProblem.REGION: rules.ID_REGION,
    IdentifierProblem.BIRTH_DATE: rules.ID_BIRTH_DATE,
    IdentifierProblem.SEQUENCE: rules.ID_SEQUENCE,
    IdentifierProblem.CHECK_DIGIT: rules.ID_CHECK_DIGIT,
}
SHORT_NUMBER = re.compile(r"[0-9]{5,8}")


def resident_id_of(field: str, text: str) -> ResidentId:
    """The resident ID of a cell. Raises RowRejected: an ID rule, or EXCEL_PRECISION_LOST.

    Excel keeps 15 digits of 18 and puts 000 after them: a number that ends so and whose check digit fits not, or whose sequence is 000,
    came through Excel.
    """
    number = number_text(field, text)
    try:
        return parse_resident_id(number)
    except IdentifierError as error:
        rule = RULE_OF_PROBLEM[error.problem]
        damaged = len(number) == 18 and number.isdigit() and number.endswith("000")
        if damaged and error.problem in {IdentifierProblem.CHECK_DIGIT, IdentifierProblem.SEQUENCE}:
            rule = rules.EXCEL_PRECISION_LOST
        raise RowRejected(rule, field, mask_number(number[:24])) from None


def social_security_number_of(field: str, text: str) -> str:
    """The social-security number of a cell.

    It has no check digit in every province, so that 18 digits ending in 000 are taken as they are; a cell that came as a number, or in
    scientific notation, has lost digits.

    Raises:
        RowRejected: SSN_INVALID, EXCEL_PRECISION_LOST or EXCEL_LEADING_ZERO_LOST.
    """
    number = number_text(field, text)
    try:
        return parse_social_security_number(number)
    except IdentifierError:
        rule = rules.EXCEL_LEADING_ZERO_LOST if SHORT_NUMBER.fullmatch(number) else rules.SSN_INVALID
        raise RowRejected(rule, field, mask_number(number[:24])) from None
