"""A client certificate opens doors through a real `lifecert run` over TLS; browsers come in without one."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from api.clients import KnownClients
from models.region import Region, RegionLevel
from models.repositories import clients, persons
from tests.api.conftest import HOME_PROVINCE, HOME_REGION, NAME, RESIDENT_ID, World
from tests.conftest import ROOT

LONG_S = 240


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path
    fingerprint: bytes


class Authority:
    """A made-up certificate authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(subject, subject, self._key.public_key(), ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, self._certificate.subject, key.public_key(), ca=False)
        made = Issued(self.folder / f"{name}.crt", self.folder / f"{name}.key", certificate.fingerprint(SHA256()))
        made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        made.key.write_bytes(private)
        return made

    def _sign(self, subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if not ca:
            names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, SHA256())


@dataclass(frozen=True)
class Served:
    """A running service. authority signs its certificate and those of clients."""

    base: str
    authority: Authority
    hospital: Issued
    stranger: Issued

    def ask(self, issued: Issued | None = None, headers: dict[str, str] | None = None) -> httpx.Response:
        trust = ssl.create_default_context(cafile=str(self.authority.file))
        if issued is not None:
            trust.load_cert_chain(issued.certificate, issued.key)
        with httpx.Client(verify=trust, timeout=20) as client:
            return client.post(f"{self.base}/api/v1/statuses/lookup", json={"resident_id": RESIDENT_ID}, headers=headers)


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from api.context import open_context
    from api.settings import EngineChoice, Environment, Settings

    folder = tmp_path_factory.mktemp("mtls")
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "lifecert.sqlite3").write_bytes(sqlite_template.read_bytes())
    authority = Authority(folder, "authority")
    server, hospital, stranger = (authority.issue(name) for name in ("server", "hospital", "stranger"))
    context = open_context(Settings(home=home, environment=Environment.TEST, engine=EngineChoice.SCRIPTED))
    with context.database.session_scope() as session:
        session.add(Region(code=HOME_PROVINCE, name="省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code=HOME_REGION, name="市", level=RegionLevel.CITY, parent_code=HOME_PROVINCE))
        session.flush()
        new = persons.NewPerson(resident_id=RESIDENT_ID, name=NAME, region_code=HOME_REGION)
        persons.add(session, new, keyring=context.keyring, now=context.clock())
        clients.add(
            session,
            name="hospital",
            scopes=["status:read"],
            region_code=HOME_REGION,
            rate_per_minute=1000,
            certificate_sha256=hospital.fingerprint,
            with_secret=False,
            keyring=context.keyring,
            actor="test",
            now=context.clock(),
        )
    context.database.dispose()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")} | {
        "LIFECERT_HOME": str(home),
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": "scripted",
        "LIFECERT_TLS_CERT": str(server.certificate),
        "LIFECERT_TLS_KEY": str(server.key),
        "LIFECERT_CLIENT_CA": str(authority.file),
    }
    words = [sys.executable, "-m", "api.cli", "run", "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        base = f"https://127.0.0.1:{port}"
        wait_for(base, authority, process, folder / "server.log")
        yield Served(base, authority, hospital, stranger)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(base: str, authority: Authority, process: subprocess.Popen[bytes], log: Path) -> None:
    trust = ssl.create_default_context(cafile=str(authority.file))
    deadline = time.monotonic() + LONG_S
    while True:
        try:
            with httpx.Client(verify=trust) as client:
                assert client.get(f"{base}/healthz").status_code == 200
                return
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def test_a_certificate_of_a_client_opens_its_doors_without_a_token(served: Served) -> None:
    answer = served.ask(served.hospital)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "never_certified"
    assert answer.headers["RateLimit-Policy"] == '"minute";q=1000;w=60'


def test_no_certificate_and_one_that_no_client_has_open_nothing(served: Served) -> None:
    assert served.ask().status_code == 401
    assert served.ask(served.stranger).status_code == 401


def test_a_certificate_of_another_authority_does_not_get_through_tls(served: Served, tmp_path: Path) -> None:
    with pytest.raises(httpx.TransportError):
        served.ask(Authority(tmp_path, "other").issue("forged"))


def test_a_certificate_in_a_browser_speaks_for_nobody(served: Served) -> None:
    assert served.ask(served.hospital, {"Sec-Fetch-Site": "cross-site"}).status_code == 401
    assert served.ask(served.hospital, {"Origin": "https://elsewhere.invalid"}).status_code == 401


def test_a_revoked_certificate_opens_nothing(both_worlds: World) -> None:
    world = both_worlds
    with world.context.database.session_scope() as session:
        made = clients.add(
            session,
            name="bank",
            scopes=["status:read"],
            region_code=HOME_REGION,
            rate_per_minute=10,
            certificate_sha256=clients.token_digest("the certificate's bytes"),
            with_secret=False,
            keyring=world.context.keyring,
            actor="test",
            now=world.clock(),
        )
    found = KnownClients(world.context).of_certificate(b"the certificate's bytes")
    assert found is not None
    assert (found.client_id, found.scopes) == (made.client_id, frozenset({"status:read"}))
    with world.context.database.session_scope() as session:
        clients.revoke(session, made.client_id, actor="test", now=world.clock())
    assert KnownClients(world.context).of_certificate(b"the certificate's bytes") is None
