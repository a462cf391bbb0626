"""Persons as pages show them: found in the store, masked, with their standing on the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.context import Context
from models.certificate import Certificate
from models.certification_sql import status_query
from models.consent import ConsentPurpose
from models.errors import NotFoundError
from models.identifiers import IdentifierError, mask_name
from models.life_evidence import LifeEvidence
from models.person import Person
from models.repositories import consents, persons, references

FOUND_LIMIT = 20


@dataclass(frozen=True)
class PersonCard:
    """One person, masked. person_id: public id."""

    person_id: str
    masked_name: str
    masked_resident_id: str
    region_code: str
    birth_year: int


@dataclass(frozen=True)
class Standing:
    """The status of one person today. state: a value of CertificationState. valid_until: last day on which the certification counts."""

    state: str
    last_on: date | None
    valid_until: date | None


@dataclass(frozen=True)
class ConsentLine:
    """One consent, for the person page."""

    purpose: str
    text_version: str
    given_on: date
    withdrawn_on: date | None


def card_of(person: Person) -> PersonCard:
    """The row as a card."""
    return PersonCard(person.public_id, mask_name(person.name), person.resident_id_masked, person.region_code, person.birth_date.year)


def identify(context: Context, name: str, resident_id: str) -> str | None:
    """Public id of the person whose name and resident ID both fit; None for anything else, whichever was wrong."""
    try:
        with context.database.read_scope() as session:
            found = persons.find_by_name_and_resident_id(session, name, resident_id, keyring=context.keyring)
            return None if found is None else found.public_id
    except IdentifierError:
        return None


def card(context: Context, person_id: str) -> PersonCard | None:
    """The person with this public id, masked; None when there is none."""
    with context.database.read_scope() as session:
        try:
            return card_of(persons.get(session, person_id))
        except NotFoundError:
            return None


def search(context: Context, text: str, region: str | None) -> list[PersonCard]:
    """Persons by resident ID, social-security number or the start of the name, within a region and all inside it.

    region: code prefix of what the member of staff may see; None sees nobody.
    """
    if region is None or not text.strip():
        return []
    with context.database.read_scope() as session:
        found = _numbered(session, context, text)
        people = [found] if found is not None else list(persons.search(session, name=text, region_code=_whole(region), limit=FOUND_LIMIT))
        return [card_of(person) for person in people if person.region_code.startswith(region)]


def _whole(prefix: str) -> str | None:
    return prefix.ljust(6, "0") if prefix else None


def _numbered(session: Session, context: Context, text: str) -> Person | None:
    compact = "".join(text.split()).upper()
    if not any(character.isdigit() for character in compact):
        return None
    for find in (persons.find_by_resident_id, persons.find_by_social_security_number):
        try:
            found = find(session, compact, keyring=context.keyring)
        except IdentifierError:
            continue
        if found is not None:
            return found
    return None


def consent_lines(context: Context, person_id: str) -> list[ConsentLine]:
    """Every consent of a person, newest first."""
    today = context.policy.certification.today
    with context.database.read_scope() as session:
        person = persons.get(session, person_id)
        return [
            ConsentLine(c.purpose.value, c.text_version, today(c.given_at), None if c.withdrawn_at is None else today(c.withdrawn_at))
            for c in consents.history(session, person.id)
        ]


def standing(context: Context, person_id: str) -> Standing:
    """Where the person stands today, derived from evidence and policy. Raises NotFoundError."""
    with context.database.read_scope() as session:
        return standing_of(context, session, persons.get(session, person_id))


def standing_of(context: Context, session: Session, person: Person) -> Standing:
    """The same of a person who was read already."""
    policy = context.policy.certification
    status = status_query(policy, policy.today(context.clock()))
    row = session.execute(select(status).where(status.c.person_id == person.id)).one()
    return Standing(row.state, row.last_certified_on, row.due_on if row.last_certified_on is not None else None)


@dataclass(frozen=True)
class Overview:
    """What the counter sees of a person at once. reference: of the engine that runs. consented: to verification by face."""

    card: PersonCard
    standing: Standing
    consents: list[ConsentLine]
    consented: bool
    reference: ReferenceLine | None
    certificates: list[CertificateLine]


@dataclass(frozen=True)
class ReferenceLine:
    """A reference face in force. quality: 0 to 100."""

    engine_name: str
    engine_version: str
    quality: int
    enrolled_at: datetime


@dataclass(frozen=True)
class CertificateLine:
    """One certificate."""

    certified_on: date
    valid_until: date
    revoked_at: datetime | None


def overview(context: Context, person_id: str) -> Overview:
    """Everything about one person that the counter's page shows, in one reading transaction. Raises NotFoundError."""
    policy = context.policy.certification
    with context.database.read_scope() as session:
        person = persons.get(session, person_id)
        given = consents.history(session, person.id)
        face = references.active(session, person.id, context.engine.name, context.engine.version)
        issued = session.execute(
            select(LifeEvidence.occurred_on, Certificate.valid_until, Certificate.revoked_at)
            .join(LifeEvidence, LifeEvidence.id == Certificate.evidence_id)
            .where(Certificate.person_id.in_(persons.records_of(session, person.id)))
            .order_by(Certificate.issued_at.desc(), Certificate.id)
        ).all()
        quality = 0 if face is None else int(face.quality.get("overall", 0))
        return Overview(
            card_of(person),
            standing_of(context, session, person),
            [
                ConsentLine(
                    c.purpose.value,
                    c.text_version,
                    policy.today(c.given_at),
                    None if c.withdrawn_at is None else policy.today(c.withdrawn_at),
                )
                for c in given
            ],
            any(c.purpose is ConsentPurpose.FACE_VERIFICATION and c.withdrawn_at is None for c in given),
            None if face is None else ReferenceLine(face.engine_name, face.engine_version, quality, face.enrolled_at),
            [CertificateLine(*each) for each in issued],
        )
