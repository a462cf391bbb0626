"""Consents: given, in force, withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.consent import Consent, ConsentPurpose
from models.repositories import persons


def in_force(session: Session, person_id: int, purpose: ConsentPurpose) -> Consent | None:
    """The consent that counts now (of any record of the person), None when none was given or it was withdrawn."""
    members = persons.records_of(session, person_id)
    return session.scalars(
        select(Consent)
        .where(Consent.person_id.in_(members), Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        .order_by(Consent.id.desc())
        .limit(1)
    ).one_or_none()


def give(
    session: Session, person_id: int, purpose: ConsentPurpose, *, text_version: str, language: str, channel: str, now: datetime
) -> Consent:
    """Record a consent. The same text version again changes nothing; another one ends the earlier consent and begins a new one."""
    current = in_force(session, person_id, purpose)
    if current is not None:
        if current.text_version == text_version:
            return current
        withdraw(session, person_id, purpose, now=now)
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(Consent)
    # Two pages agreeing at the same moment: the second finds the first one's row, which says the same.
    session.execute(
        insert.values(
            person_id=person_id, purpose=purpose, text_version=text_version, language=language, channel=channel, given_at=now
        ).on_conflict_do_nothing(index_elements=["person_id", "purpose"], index_where=Consent.withdrawn_at.is_(None))
    )
    return session.execute(
        select(Consent).where(Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
    ).scalar_one()


def withdraw(session: Session, person_id: int, purpose: ConsentPurpose, *, now: datetime) -> bool:
    """End the consent in force. False when there was none."""
    changed = session.execute(
        update(Consent)
        .where(Consent.person_id.in_(persons.records_of(session, person_id)), Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(Consent.id)
    ).all()
    return bool(changed)


def history(session: Session, person_id: int) -> Sequence[Consent]:
    """Every consent of a person, newest first."""
    return session.scalars(
        select(Consent).where(Consent.person_id.in_(persons.records_of(session, person_id))).order_by(Consent.id.desc())
    ).all()
