"""Persons of a chunk against those of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from detection.intake import rules
from detection.intake.cells import mask_number, tidy_name
from detection.intake.records import PersonRecord
from detection.intake.regions import within
from detection.intake.rules import RowRejected
from detection.intake.verdicts import Outcome, Setting, Verdict, Writes
from models.identifiers import mask_name, mask_phone, mask_resident_id
from models.keys import KeyRing, Sealed
from models.person import Person
from models.repositories.import_rows import StoredPerson
from models.repositories.persons import associated_data
from models.types import opaque_id


def decide(
    records: Sequence[PersonRecord],
    known: Mapping[bytes, StoredPerson],
    holders: Mapping[bytes, StoredPerson],
    keyring: KeyRing,
    setting: Setting,
    writes: Writes,
) -> list[Verdict]:
    """One verdict a record. known: by resident ID. holders: by social-security number.

    Somebody who is recorded under another name is rejected, because a mistyped number that happens to be somebody else's must not rename
    them; with the recorded social-security number beside it the row names the person twice, and the name is taken over.
    """
    taken: dict[bytes, bytes] = {number: person.digest for number, person in holders.items()}
    verdicts = []
    for record in records:
        try:
            outcome = _one(record, known.get(record.digest), taken, keyring, setting, writes)
            verdicts.append(Verdict(record.region_code, outcome))
        except RowRejected as rejection:
            verdicts.append(Verdict(record.region_code, rejection=rejection))
    return verdicts


def _one(
    record: PersonRecord,
    person: StoredPerson | None,
    taken: dict[bytes, bytes],
    keyring: KeyRing,
    setting: Setting,
    writes: Writes,
) -> Outcome:
    if not within(record.region_code, setting.region):
        raise RowRejected(rules.REGION_NOT_YOURS, "region_code", record.region_code)
    if person is not None and not within(person.region_code, setting.region):
        raise RowRejected(rules.REGION_NOT_YOURS, "resident_id", record.resident.masked)
    digest = record.social_security_digest
    if digest is not None and taken.get(digest, record.digest) != record.digest:
        raise RowRejected(rules.SSN_TAKEN, "social_security_number", mask_number(record.social_security_number or ""))
    if person is None:
        writes.insert(Person, _new(record, keyring, setting))
    else:
        changes = _changes(record, person, keyring, setting)
        if not changes:
            return Outcome.UNCHANGED
        writes.change(Person, {"id": person.id, **changes})
    if digest is not None:
        taken[digest] = record.digest
    writes.regions.add(record.region_code)
    return Outcome.ACCEPTED


def _new(record: PersonRecord, keyring: KeyRing, setting: Setting) -> dict[str, object]:
    public_id = opaque_id()
    seal = _sealer(keyring, public_id)
    number = record.resident.number
    return {
        "public_id": public_id,
        "resident_id_index": record.digest,
        "resident_id_sealed": seal("resident_id", number),
        "resident_id_masked": mask_resident_id(number),
        "name": record.name,
        "birth_date": record.resident.birth_date,
        "sex": record.resident.sex,
        "social_security_number_index": record.social_security_digest,
        "social_security_number_sealed": seal("social_security_number", record.social_security_number),
        "region_code": record.region_code,
        "phone_sealed": seal("phone", record.phone),
        "phone_masked": None if record.phone is None else mask_phone(record.phone),
        "address_sealed": seal("address", record.address),
        "created_at": setting.now,
        "updated_at": setting.now,
    }


def _sealer(keyring: KeyRing, public_id: str) -> Callable[[str, str | None], object]:
    def seal(column: str, value: str | None) -> object:
        return None if value is None else keyring.seal(value.encode("utf-8"), associated_data(public_id, column))

    return seal


def _changes(record: PersonRecord, person: StoredPerson, keyring: KeyRing, setting: Setting) -> dict[str, object]:
    seal = _sealer(keyring, person.public_id)
    changes: dict[str, object] = {}
    if record.name != person.name and record.name != tidy_name(person.name):
        same_number = record.social_security_digest is not None and record.social_security_digest == person.social_security_digest
        if not same_number:
            raise RowRejected(rules.DUPLICATE_CONTRADICTS, "name", mask_name(record.name))
        changes["name"] = record.name
    if record.region_code != person.region_code:
        changes["region_code"] = record.region_code
    if record.social_security_digest is not None and record.social_security_digest != person.social_security_digest:
        changes["social_security_number_index"] = record.social_security_digest
        changes["social_security_number_sealed"] = seal("social_security_number", record.social_security_number)
    if record.phone is not None and record.phone != _opened(person, "phone", person.phone_sealed, keyring):
        changes["phone_sealed"] = seal("phone", record.phone)
        changes["phone_masked"] = mask_phone(record.phone)
    if record.address is not None and record.address != _opened(person, "address", person.address_sealed, keyring):
        changes["address_sealed"] = seal("address", record.address)
    if changes:
        changes["updated_at"] = setting.now
    return changes


def _opened(person: StoredPerson, column: str, sealed: Sealed | None, keyring: KeyRing) -> str | None:
    return None if sealed is None else keyring.unseal(sealed, associated_data(person.public_id, column)).decode("utf-8")
