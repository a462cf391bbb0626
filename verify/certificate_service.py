"""Certificates as people see them: whole for those who may, masked name and validity for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import certificates
from models.certificate import Certificate
from models.certificates import CertificateCheck
from models.database import Database
from models.errors import NotFoundError
from models.keys import KeyRing
from models.life_evidence import LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy
from models.repositories import persons
from verify.people import known_person
from verify.service_errors import CertificateUnknown
from verify.views import CertificateView


class CertificateService:
    """Reading and checking of certificates."""

    def __init__(self, database: Database, keyring: KeyRing, policy: CertificationPolicy, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._keyring = keyring
        self._policy = policy
        self._clock = clock

    def read(self, certificate_id: str) -> CertificateView:
        """One certificate. The caller checks who may see it. Raises CertificateUnknown."""
        with self._database.read_scope() as session:
            try:
                return _view(session, certificates.get(session, certificate_id))
            except NotFoundError as error:
                raise CertificateUnknown("there is no such certificate") from error

    def of_person(self, person_id: str) -> list[CertificateView]:
        """Every certificate of a person, newest first. Raises PersonUnknown."""
        with self._database.read_scope() as session:
            person = known_person(session, person_id)
            rows = session.scalars(
                select(Certificate)
                .where(Certificate.person_id.in_(persons.records_of(session, person.id)))
                .order_by(Certificate.issued_at.desc(), Certificate.id)
            )
            return [_view(session, row) for row in rows]

    def check(self, token: str) -> CertificateCheck:
        """What anybody may learn from the text of a QR code."""
        with self._database.read_scope() as session:
            return certificates.check(session, token, keyring=self._keyring, policy=self._policy, now=self._clock())


def _view(session: Session, row: Certificate) -> CertificateView:
    person = session.get_one(Person, row.person_id)
    speaking = persons.speaking(session, person)  # whoever may see the person may see what was certified before a merger
    evidence = session.get_one(LifeEvidence, row.evidence_id)
    return CertificateView(
        certificate_id=row.id,
        person_id=person.public_id if speaking is None else speaking.public_id,
        full_name=person.name,
        resident_id_masked=person.resident_id_masked,
        method=evidence.kind.value,
        certified_on=evidence.occurred_on,
        valid_until=row.valid_until,
        issued_at=row.issued_at,
        check_token=certificates.token(row),
        revoked_at=row.revoked_at,
    )
