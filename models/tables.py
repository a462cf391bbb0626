"""Every table, imported once, so that ``metadata`` is complete."""

from __future__ import annotations

from models import (
    account,
    audit,
    benefit,
    certificate,
    consent,
    enrolment,
    face,
    idempotency,
    life_evidence,
    outbox,
    person,
    region,
    verification,
)
from models.base import Base

metadata = Base.metadata

__all__ = [
    "account",
    "audit",
    "benefit",
    "certificate",
    "consent",
    "enrolment",
    "face",
    "idempotency",
    "life_evidence",
    "metadata",
    "outbox",
    "person",
    "region",
    "verification",
]

# Tables whose rows are never changed or removed; the migrations put triggers on them.
APPEND_ONLY = ("life_evidence", "audit_entry")
