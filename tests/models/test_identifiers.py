from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.identifiers import (
    IdentifierError,
    IdentifierProblem,
    check_character,
    mask_name,
    mask_phone,
    mask_resident_id,
    parse_resident_id,
    parse_social_security_number,
)
from models.person import Sex


def test_the_standards_own_examples_are_read() -> None:
    # GB 11643-1999, annex A: 11010519491231002X, and 440524188001010014.
    woman = parse_resident_id("11010519491231002X")
    assert (woman.region_code, woman.birth_date, woman.sex, woman.legacy) == ("110105", date(1949, 12, 31), Sex.FEMALE, False)
    man = parse_resident_id("440524188001010014")
    assert (man.birth_date, man.sex) == (date(1880, 1, 1), Sex.MALE)


def test_small_x_spaces_and_the_old_form_lead_to_the_same_number() -> None:
    assert parse_resident_id(" 11010519491231002x ").number == "11010519491231002X"
    old = parse_resident_id("110105491231002")
    assert (old.number, old.legacy) == ("11010519491231002X", True)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", IdentifierProblem.LENGTH),
        ("1101051949123100", IdentifierProblem.LENGTH),
        ("11010519491231002Y", IdentifierProblem.CHARACTERS),
        ("1101051949123100X2", IdentifierProblem.CHARACTERS),
        ("11010549123100X", IdentifierProblem.CHARACTERS),
        ("１１0105194912310021", IdentifierProblem.CHARACTERS),  # full-width digits
        ("01010519491231002X", IdentifierProblem.REGION),
        ("99010519491231002X", IdentifierProblem.REGION),
        ("11010519490231002X", IdentifierProblem.BIRTH_DATE),
        ("11010518790101002X", IdentifierProblem.BIRTH_DATE),
        ("110105194912310003", IdentifierProblem.SEQUENCE),
        ("110105194912310021", IdentifierProblem.CHECK_DIGIT),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason_and_never_repeated(number: str, problem: IdentifierProblem) -> None:
    with pytest.raises(IdentifierError) as caught:
        parse_resident_id(number)
    assert caught.value.problem is problem
    assert len(number) < 15 or number not in str(caught.value)


@given(st.dates(date(1900, 1, 1), date(2030, 12, 31)), st.integers(1, 999), st.integers(0, 16), st.integers(1, 9))
def test_one_mistyped_digit_is_always_noticed(born: date, sequence: int, place: int, change: int) -> None:
    first_17 = f"429821{born:%Y%m%d}{sequence:03d}"
    right = first_17 + check_character(first_17)
    assert parse_resident_id(right).number == right
    wrong = right[:place] + str((int(right[place]) + change) % 10) + right[place + 1 :]
    with pytest.raises(IdentifierError):
        parse_resident_id(wrong)


def test_a_number_does_not_show_in_its_repr() -> None:
    assert repr(parse_resident_id("11010519491231002X")) == "ResidentId(11************002X)"


@pytest.mark.parametrize(("name", "masked"), [("张建国", "张*国"), ("李明", "李*"), ("欧阳秀英", "欧**英"), ("王", "*"), ("", "")])
def test_names_are_masked_but_for_their_ends(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_numbers_are_masked_but_for_their_ends() -> None:
    assert mask_resident_id("429821195006011244") == "42************1244"
    assert mask_phone("10012345678") == "100******78"
    assert mask_phone("12345") == "*****"
    assert len(mask_phone("1" * 40)) == 20


@pytest.mark.parametrize(("number", "problem"), [("12345678", "length"), ("1" * 19, "length"), ("12345-789", "characters")])
def test_social_security_numbers_of_a_wrong_shape_are_refused(number: str, problem: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        parse_social_security_number(number)
    assert caught.value.problem == problem
    assert number not in str(caught.value)


def test_social_security_numbers_have_one_normal_form() -> None:
    assert parse_social_security_number(" a1234567x ") == "A1234567X"
