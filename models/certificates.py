"""Certificates: a short signed token for a QR code, and what anyone may learn from it.

The token is base64url (RFC 4648 section 5, no padding) of

    1 byte   version (1)
    1 byte   length n of the key id
    n bytes  key id, ASCII
    16 bytes certificate id
    2 bytes  last valid day, days since 1970-01-01, big endian
    64 bytes Ed25519 signature (RFC 8032) over DOMAIN and everything before it

so that it can be checked offline with the public key alone; being unrevoked can only be known here. It carries no personal data.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.certificate import Certificate
from models.errors import NotFoundError
from models.identifiers import mask_name
from models.keys import KeyRing
from models.person import Person
from models.policy import CertificationPolicy
from models.repositories.persons import records_of

VERSION = 1
# Ties the signature to this use of the key: nothing else that is signed can be passed off as a certificate.
DOMAIN = b"lifecert certificate\x00"
ID_BYTES = 16
SIGNATURE_BYTES = 64
EPOCH = date(1970, 1, 1)


class CertificateState(StrEnum):
    """What a check comes to."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    FORGED = "forged"


@dataclass(frozen=True)
class CertificateCheck:
    """All that a check tells: masked_name and valid_until only for a certificate that was issued here."""

    state: CertificateState
    masked_name: str | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class ParsedToken:
    """A token's content; nothing is checked yet. signed: the bytes that the signature is over."""

    certificate_id: str
    valid_until: date
    key_id: str
    signed: bytes
    signature: bytes


def issue(
    session: Session, *, person_id: int, evidence_id: int, due_on: date, keyring: KeyRing, policy: CertificationPolicy, now: datetime
) -> Certificate:
    """Add the certificate of one certification, valid until the due date (and policy's days after it)."""
    raw_id = secrets.token_bytes(ID_BYTES)
    valid_until = due_on + timedelta(days=policy.certificate_days_after_due)
    key_id, _ = keyring.sign(b"")  # the id is part of what is signed
    key_id, signature = keyring.sign(DOMAIN + _body(key_id, raw_id, valid_until))
    certificate = Certificate(
        id=_b64(raw_id),
        person_id=person_id,
        evidence_id=evidence_id,
        issued_at=now,
        valid_until=valid_until,
        key_id=key_id,
        signature=signature,
    )
    session.add(certificate)
    session.flush()
    return certificate


def token(certificate: Certificate) -> str:
    """The text of the QR code: 116 characters with a key id of two."""
    return _b64(_body(certificate.key_id, _unb64(certificate.id), certificate.valid_until) + bytes(certificate.signature))


def parse(text: str) -> ParsedToken | None:
    """Take a token apart; None when it is not one, whole and of this version."""
    try:
        raw = _unb64(text)
    except (ValueError, binascii.Error):
        return None
    if len(raw) < 2 or raw[0] != VERSION or _b64(raw) != text:
        return None
    start = 2 + raw[1]
    if raw[1] == 0 or len(raw) != start + ID_BYTES + 2 + SIGNATURE_BYTES or not raw[2:start].isascii():
        return None
    days = int.from_bytes(raw[start + ID_BYTES : start + ID_BYTES + 2], "big")
    return ParsedToken(
        certificate_id=_b64(raw[start : start + ID_BYTES]),
        valid_until=EPOCH + timedelta(days=days),
        key_id=raw[2:start].decode("ascii"),
        signed=DOMAIN + raw[:-SIGNATURE_BYTES],
        signature=raw[-SIGNATURE_BYTES:],
    )


def check(session: Session, text: str, *, keyring: KeyRing, policy: CertificationPolicy, now: datetime) -> CertificateCheck:
    """Check the text of a QR code: forged (not whole, or signed by no key of ours), unknown, revoked, expired or valid.

    Tells the masked name and the last valid day of certificates that were issued here, and nothing else.
    """
    parsed = parse(text)
    if parsed is None or not keyring.verify_signature(parsed.key_id, parsed.signed, parsed.signature):
        return CertificateCheck(CertificateState.FORGED)
    row = session.execute(
        select(Person.name, Certificate.valid_until, Certificate.revoked_at)
        .join(Person, Person.id == Certificate.person_id)
        .where(Certificate.id == parsed.certificate_id)
    ).one_or_none()
    if row is None:
        return CertificateCheck(CertificateState.UNKNOWN)
    if row.revoked_at is not None:
        state = CertificateState.REVOKED
    elif row.valid_until < policy.today(now):
        state = CertificateState.EXPIRED
    else:
        state = CertificateState.VALID
    return CertificateCheck(state, mask_name(row.name), row.valid_until)


def get(session: Session, certificate_id: str) -> Certificate:
    """The certificate with this id. Raises NotFoundError."""
    certificate = session.get(Certificate, certificate_id)
    if certificate is None:
        raise NotFoundError("there is no such certificate")
    return certificate


def latest(session: Session, person_id: int) -> Certificate | None:
    """The person's newest certificate that was not revoked, None without one."""
    return session.scalar(
        select(Certificate)
        .where(Certificate.person_id.in_(records_of(session, person_id)), Certificate.revoked_at.is_(None))
        .order_by(Certificate.issued_at.desc(), Certificate.id)
        .limit(1)
    )


def revoke(session: Session, certificate_id: str, *, reason: str, now: datetime) -> bool:
    """Revoke a certificate. False when it was revoked before. Raises NotFoundError."""
    get(session, certificate_id)
    changed = session.execute(
        update(Certificate)
        .where(Certificate.id == certificate_id, Certificate.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
        .returning(Certificate.id)
    ).all()
    return len(changed) == 1


def _body(key_id: str, raw_id: bytes, valid_until: date) -> bytes:
    name = key_id.encode("ascii")
    return bytes([VERSION, len(name)]) + name + raw_id + (valid_until - EPOCH).days.to_bytes(2, "big")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("base64url is ASCII")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
