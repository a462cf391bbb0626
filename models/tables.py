"""Every table, imported once, so that ``metadata`` is complete."""

from __future__ import annotations

from models import (
    account,
    alert,
    assistance,
    audit,
    benefit,
    certificate,
    client,
    consent,
    detection,
    enrolment,
    face,
    idempotency,
    identity_check,
    import_batch,
    legal_basis,
    life_evidence,
    outbox,
    outreach,
    payment_change,
    person,
    person_merge,
    region,
    relation,
    silent_run,
    status_change,
    status_code,
    verification,
    webhook,
)
from models.base import Base

metadata = Base.metadata

__all__ = [
    "account",
    "alert",
    "assistance",
    "audit",
    "benefit",
    "certificate",
    "client",
    "consent",
    "detection",
    "enrolment",
    "face",
    "idempotency",
    "identity_check",
    "import_batch",
    "legal_basis",
    "life_evidence",
    "metadata",
    "outbox",
    "outreach",
    "payment_change",
    "person",
    "person_merge",
    "region",
    "relation",
    "silent_run",
    "status_change",
    "status_code",
    "verification",
    "webhook",
]

# Tables whose rows are never changed or removed; the migrations put triggers on them.
APPEND_ONLY = ("life_evidence", "audit_entry")
