"""Opaque names of rows of the ledger for addresses and doors: a row's own number would tell how many rows there are."""

from __future__ import annotations

import base64
import hashlib
import hmac

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import NotFoundError
from models.keys import KeyRing
from models.life_evidence import LifeEvidence
from models.repositories import persons


class EvidenceHandles:
    """22 characters for a row: keyed digest (HMAC-SHA256, 128 bits) of its number, the same every time, stored nowhere."""

    def __init__(self, keyring: KeyRing) -> None:
        self._key = keyring.derive("handles of life evidence")

    def handle(self, evidence_id: int) -> str:
        """The row's name outside."""
        digest = hmac.new(self._key, str(evidence_id).encode("ascii"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")

    def find(self, session: Session, person_id: int, handle: str) -> LifeEvidence:
        """The row of the person (of any record that is theirs) with this name. Raises NotFoundError."""
        ids = session.scalars(select(LifeEvidence.id).where(LifeEvidence.person_id.in_(persons.records_of(session, person_id))))
        for evidence_id in ids:
            if hmac.compare_digest(self.handle(evidence_id), handle):
                return session.get_one(LifeEvidence, evidence_id)
        raise NotFoundError("there is no such life evidence of this person")
