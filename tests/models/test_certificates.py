from __future__ import annotations

import base64
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models import certificates
from models.certificates import CertificateCheck, CertificateState
from models.database import Database
from models.errors import NotFoundError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.policy import RecordsPolicy
from models.repositories import life_evidence
from models.repositories.life_evidence import NewEvidence
from tests.models.people import NOW, add_person

DUE = date(2027, 3, 15)


@pytest.fixture
def token(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy) -> str:
    with database.session_scope() as session:
        person = add_person(session, keyring, name="欧阳秀英")
        new = NewEvidence(person.id, EvidenceKind.FACE, date(2026, 3, 15), Strength.CONCLUSIVE, "camera")
        evidence = life_evidence.add(session, new, by="system", now=NOW)
        certificate = certificates.issue(
            session,
            person_id=person.id,
            evidence_id=evidence.id,
            due_on=DUE,
            keyring=keyring,
            policy=records_policy.certification,
            now=NOW,
        )
        assert certificates.latest(session, person.id) is certificate
        return certificates.token(certificate)


@pytest.fixture
def check(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy):  # type: ignore[no-untyped-def]
    def checked(text: str, now: datetime = NOW) -> CertificateCheck:
        with database.read_scope() as session:
            return certificates.check(session, text, keyring=keyring, policy=records_policy.certification, now=now)

    return checked


def test_a_check_tells_the_masked_name_and_the_last_day_until_it_is_over(token: str, check) -> None:  # type: ignore[no-untyped-def]
    assert check(token) == CertificateCheck(CertificateState.VALID, "欧**英", DUE)
    # 16:00 UTC is midnight in the policy's zone: the day after the last one begins.
    last_moment = datetime(2027, 3, 15, 15, 59, 59, tzinfo=NOW.tzinfo)
    assert check(token, last_moment).state is CertificateState.VALID
    assert check(token, last_moment + timedelta(seconds=1)) == CertificateCheck(CertificateState.EXPIRED, "欧**英", DUE)


def test_the_token_is_short_and_says_nothing_of_the_person(token: str) -> None:
    assert len(token) <= 116
    assert token.replace("-", "").replace("_", "").isalnum()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert "欧".encode() not in raw


def test_every_altered_character_makes_it_forged(token: str, check) -> None:  # type: ignore[no-untyped-def]
    for place in range(0, len(token), 3):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert check(altered) == CertificateCheck(CertificateState.FORGED)


@pytest.mark.parametrize("text", ["", "A", "AQ", "张三", "!" * 116, "A" * 116, "A" * 100_000])
def test_what_is_no_token_is_forged(text: str, check) -> None:  # type: ignore[no-untyped-def]
    assert check(text).state is CertificateState.FORGED


def test_padding_and_cut_or_longer_tokens_are_forged(token: str, check) -> None:  # type: ignore[no-untyped-def]
    for text in (token[:-1], token + "A", token + "=", token[4:], token + "\n"):
        assert check(text).state is CertificateState.FORGED


def test_a_token_of_another_authority_is_forged(token: str, tmp_path: Path, database: Database, records_policy: RecordsPolicy) -> None:
    stranger = FileKeyRing.open(tmp_path / "stranger.json")
    with database.read_scope() as session:
        found = certificates.check(session, token, keyring=stranger, policy=records_policy.certification, now=NOW)
    assert found == CertificateCheck(CertificateState.FORGED)


def test_a_signed_token_that_is_not_recorded_is_unknown(token: str, check, keyring: FileKeyRing) -> None:  # type: ignore[no-untyped-def]
    parsed = certificates.parse(token)
    assert parsed is not None
    body = bytearray(parsed.signed.removeprefix(certificates.DOMAIN))
    body[5] ^= 1
    _, signature = keyring.sign(certificates.DOMAIN + bytes(body))
    unknown = base64.urlsafe_b64encode(bytes(body) + signature).rstrip(b"=").decode()
    assert check(unknown) == CertificateCheck(CertificateState.UNKNOWN)


def test_a_revoked_certificate_says_so_even_when_expired(token: str, check, database: Database) -> None:  # type: ignore[no-untyped-def]
    parsed = certificates.parse(token)
    assert parsed is not None
    with database.session_scope() as session:
        assert certificates.revoke(session, parsed.certificate_id, reason="wrong person", now=NOW)
        assert not certificates.revoke(session, parsed.certificate_id, reason="again", now=NOW)
        certificate = certificates.get(session, parsed.certificate_id)
        assert certificates.latest(session, certificate.person_id) is None
        with pytest.raises(NotFoundError):
            certificates.revoke(session, "no such certificate", reason="x", now=NOW)
    assert check(token).state is CertificateState.REVOKED
    assert check(token, NOW + timedelta(days=1000)).state is CertificateState.REVOKED


def test_anyone_can_check_the_signature_offline_with_the_public_key(token: str, keyring: FileKeyRing) -> None:
    parsed = certificates.parse(token)
    assert parsed is not None
    assert parsed.valid_until == DUE
    public = Ed25519PublicKey.from_public_bytes(keyring.public_signing_key(parsed.key_id))
    public.verify(parsed.signature, parsed.signed)
