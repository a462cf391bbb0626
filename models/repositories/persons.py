"""Persons: found by resident ID through the blind index, added, opened and shown masked."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.benefit import Benefit
from models.errors import Conflict, NotFoundError
from models.identifiers import (
    mask_phone,
    mask_resident_id,
    parse_resident_id,
    parse_social_security_number,
)
from models.keys import KeyRing
from models.person import Person, Sex
from models.region import region_prefix
from models.repositories.conflicts import named_conflicts
from models.types import opaque_id


class BlindIndex:
    """Keyed digests that find a sealed number without opening it: HMAC-SHA256 under a key derived for this purpose alone.

    Equal numbers have equal digests, so the index tells which rows are the same number, and nothing else without the key.
    """

    def __init__(self, keyring: KeyRing) -> None:
        self._resident_id = keyring.derive("blind index of resident IDs")
        self._social_security_number = keyring.derive("blind index of social-security numbers")
        self._bank_account = keyring.derive("blind index of bank accounts")

    def resident_id(self, number: str) -> bytes:
        """32 bytes for an 18-digit number in its normal form."""
        return hmac.digest(self._resident_id, number.encode("ascii"), "sha256")

    def social_security_number(self, number: str) -> bytes:
        """32 bytes for a number in its normal form."""
        return hmac.digest(self._social_security_number, number.encode("ascii"), "sha256")

    def bank_account(self, number: str) -> bytes:
        """32 bytes for the digits of an account (``models.bank_account.parse_bank_account``)."""
        return hmac.digest(self._bank_account, number.encode("ascii"), "sha256")


@dataclass(frozen=True)
class NewPerson:
    """What is needed to add a person. The birth date and sex follow from the resident ID."""

    resident_id: str
    name: str
    region_code: str
    social_security_number: str | None = None
    phone: str | None = None
    address: str | None = None


def associated_data(public_id: str, column: str) -> bytes:
    """Binds a sealed value to its person and column, so that one row's value opens nowhere else.

    column: resident_id, social_security_number, phone, address, or bank_account for the accounts of a person's benefits.
    """
    return f"person:{public_id}:{column}".encode()


def build(new: NewPerson, *, keyring: KeyRing, index: BlindIndex, now: datetime) -> Person:
    """The row for a new person, not yet in a session. Raises IdentifierError for a wrong number."""
    resident_id = parse_resident_id(new.resident_id)
    public_id = opaque_id()
    person = Person(
        public_id=public_id,
        resident_id_index=index.resident_id(resident_id.number),
        resident_id_sealed=keyring.seal(resident_id.number.encode("ascii"), associated_data(public_id, "resident_id")),
        resident_id_masked=mask_resident_id(resident_id.number),
        name=new.name.strip(),
        birth_date=resident_id.birth_date,
        sex=resident_id.sex,
        region_code=new.region_code,
        created_at=now,
        updated_at=now,
    )
    if new.social_security_number:
        number = parse_social_security_number(new.social_security_number)
        person.social_security_number_index = index.social_security_number(number)
        person.social_security_number_sealed = keyring.seal(number.encode("ascii"), associated_data(public_id, "social_security_number"))
    if new.phone:
        person.phone_sealed = keyring.seal(new.phone.encode("utf-8"), associated_data(public_id, "phone"))
        person.phone_masked = mask_phone(new.phone)
    if new.address:
        person.address_sealed = keyring.seal(new.address.encode("utf-8"), associated_data(public_id, "address"))
    return person


def add(session: Session, new: NewPerson, *, keyring: KeyRing, now: datetime) -> Person:
    """Add a person.

    Raises:
        IdentifierError: the resident ID or social-security number is wrong.
        ConflictError: PERSON_EXISTS or SOCIAL_SECURITY_NUMBER_TAKEN.
    """
    person = build(new, keyring=keyring, index=BlindIndex(keyring), now=now)
    exists = (Conflict.PERSON_EXISTS, "a person with this resident ID is already recorded: open that record instead")
    taken = (Conflict.SOCIAL_SECURITY_NUMBER_TAKEN, "the social-security number belongs to another person: check it")
    marks = {
        "uq_person_resident_id_index": exists,
        "person.resident_id_index": exists,
        "uq_person_social_security_number_index": taken,
        "person.social_security_number_index": taken,
    }
    with named_conflicts(session, marks):
        session.add(person)
    return person


def find_by_resident_id(session: Session, resident_id: str, *, keyring: KeyRing) -> Person | None:
    """The person with this resident ID (18 digits, or the 15-digit legacy form). Raises IdentifierError for a wrong number.

    Where the record was merged into another, the other one: it speaks for the person.
    """
    return speaking(session, record_of_resident_id(session, resident_id, keyring=keyring))


def record_of_resident_id(session: Session, resident_id: str, *, keyring: KeyRing) -> Person | None:
    """The record itself, merged or not. Raises IdentifierError for a wrong number."""
    number = parse_resident_id(resident_id).number
    return session.scalar(select(Person).where(Person.resident_id_index == BlindIndex(keyring).resident_id(number)))


def speaking(session: Session, record: Person | None) -> Person | None:
    """The record that speaks for the person whose record this is."""
    if record is None or record.merged_into_id is None:
        return record
    return session.get_one(Person, record.merged_into_id)


def records_of(session: Session, person_id: int) -> tuple[int, ...]:
    """Keys of every record of the human being whose record this is: the one that speaks first, then those merged into it by key."""
    root = select(func.coalesce(Person.merged_into_id, Person.id)).where(Person.id == person_id).scalar_subquery()
    members = select(Person.id).where(or_(Person.id == root, Person.merged_into_id == root))
    return tuple(session.scalars(members.order_by(Person.merged_into_id.is_not(None), Person.id)))


def find_by_name_and_resident_id(session: Session, name: str, resident_id: str, *, keyring: KeyRing) -> Person | None:
    """The person when both fit; None when either does not, so that the answer tells nobody which one was wrong."""
    record = record_of_resident_id(session, resident_id, keyring=keyring)
    if record is None or not hmac.compare_digest(record.name.encode(), name.strip().encode()):
        return None
    return speaking(session, record)


def find_by_social_security_number(session: Session, number: str, *, keyring: KeyRing) -> Person | None:
    """The person with this social-security number. Raises IdentifierError for a wrong one."""
    digest = BlindIndex(keyring).social_security_number(parse_social_security_number(number))
    return speaking(session, session.scalar(select(Person).where(Person.social_security_number_index == digest)))


def get(session: Session, public_id: str) -> Person:
    """The person with this public id; of a record that was merged into another, the other. Raises NotFoundError."""
    person = speaking(session, session.scalar(select(Person).where(Person.public_id == public_id)))
    if person is None:
        raise NotFoundError("there is no such person")
    return person


def search(
    session: Session, *, name: str | None = None, birth_date: date | None = None, region_code: str | None = None, limit: int = 50
) -> Sequence[Person]:
    """Persons by the start of the name, birth date and region (with every region inside it), in order of name and id."""
    query = select(Person).where(Person.merged_into_id.is_(None)).order_by(Person.name, Person.id).limit(limit)
    if name:
        query = query.where(Person.name.startswith(name.strip(), autoescape=True))
    if birth_date is not None:
        query = query.where(Person.birth_date == birth_date)
    if region_code:
        query = query.where(Person.region_code.startswith(region_prefix(region_code), autoescape=True))
    return session.scalars(query).all()


def open_resident_id(person: Person, keyring: KeyRing) -> str:
    """The full resident ID in clear. The caller writes the audit entry. Raises UnsealError."""
    return keyring.unseal(person.resident_id_sealed, associated_data(person.public_id, "resident_id")).decode("ascii")


def open_social_security_number(person: Person, keyring: KeyRing) -> str | None:
    """The full social-security number in clear, None when none is recorded. The caller writes the audit entry."""
    if person.social_security_number_sealed is None:
        return None
    sealed = person.social_security_number_sealed
    return keyring.unseal(sealed, associated_data(person.public_id, "social_security_number")).decode("ascii")


def open_phone(person: Person, keyring: KeyRing) -> str | None:
    """The phone number in clear, None when none is recorded. The caller writes the audit entry."""
    if person.phone_sealed is None:
        return None
    return keyring.unseal(person.phone_sealed, associated_data(person.public_id, "phone")).decode("utf-8")


def open_address(person: Person, keyring: KeyRing) -> str | None:
    """The address in clear, None when none is recorded. The caller writes the audit entry. Raises UnsealError."""
    if person.address_sealed is None:
        return None
    return keyring.unseal(person.address_sealed, associated_data(person.public_id, "address")).decode("utf-8")


def open_bank_account(benefit: Benefit, person: Person, keyring: KeyRing) -> str | None:
    """Digits of the account that a person's benefit is paid into, None when none is recorded. The caller writes the audit entry.

    Raises UnsealError.
    """
    if benefit.account_sealed is None:
        return None
    return keyring.unseal(benefit.account_sealed, associated_data(person.public_id, "bank_account")).decode("ascii")


__all__ = [
    "BlindIndex",
    "NewPerson",
    "Sex",
    "add",
    "associated_data",
    "build",
    "find_by_name_and_resident_id",
    "find_by_resident_id",
    "find_by_social_security_number",
    "get",
    "open_address",
    "open_bank_account",
    "open_phone",
    "open_resident_id",
    "open_social_security_number",
    "record_of_resident_id",
    "records_of",
    "search",
    "speaking",
]
