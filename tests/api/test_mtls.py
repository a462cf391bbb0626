"""A client certificate opens doors through a real `lifecert run` over TLS; browsers come in without one."""

from __future__ import annotations

import contextlib
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
from sqlalchemy import select

from api.audit_journal import FOLDER
from api.client import LifecertClient, NotAnsweredError, ProblemError
from api.clients import KnownClients
from models.audit import AuditEntry
from models.database import Database
from models.region import Region, RegionLevel
from models.repositories import clients, persons
from models.repositories.audit_journal import take_in
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


@dataclass(frozen=True)
class Prepared:
    """A home with a person and a client that has a certificate, to be served."""

    folder: Path
    home: Path
    authority: Authority
    server: Issued
    hospital: Issued
    stranger: Issued
    client_id: str


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
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
        made = clients.add(
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
    return Prepared(folder, home, authority, server, hospital, stranger, made.client_id)


@contextlib.contextmanager
def running(prepared: Prepared, client_cert: str) -> Iterator[Served]:
    """`lifecert run` over TLS, gone at the end with all its processes. client_cert: optional or required."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")} | {
        "LIFECERT_HOME": str(prepared.home),
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": "scripted",
        "LIFECERT_JOBS": "off",
        "LIFECERT_TLS_CERT": str(prepared.server.certificate),
        "LIFECERT_TLS_KEY": str(prepared.server.key),
        "LIFECERT_CLIENT_CA": str(prepared.authority.file),
        "LIFECERT_CLIENT_CERT": client_cert,
    }
    words = [sys.executable, "-m", "api.cli", "run", "--port", str(port), "--workers", "1"]
    path = prepared.folder / f"server-{client_cert}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        served = Served(f"https://127.0.0.1:{port}", prepared.authority, prepared.hospital, prepared.stranger)
        wait_for(served, process, path)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def served(prepared: Prepared) -> Iterator[Served]:
    with running(prepared, "optional") as serving:
        yield serving


@pytest.fixture(scope="module")
def locked(prepared: Prepared) -> Iterator[Served]:
    """Lets nobody in without a certificate."""
    with running(prepared, "required") as serving:
        yield serving


def wait_for(served: Served, process: subprocess.Popen[bytes], log: Path) -> None:
    trust = ssl.create_default_context(cafile=str(served.authority.file))
    trust.load_cert_chain(served.hospital.certificate, served.hospital.key)
    deadline = time.monotonic() + LONG_S
    while True:
        try:
            with httpx.Client(verify=trust) as client:
                assert client.get(f"{served.base}/healthz").status_code == 200
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


def programme(served: Served, issued: Issued | None, *, secret: str | None = None) -> LifecertClient:
    """The Python client with a certificate, or with a secret."""
    certificate = None if issued is None else (str(issued.certificate), str(issued.key))
    identity = None if secret is None else "c0"
    return LifecertClient(served.base, identity, secret, certificate=certificate, authority=str(served.authority.file), timeout_s=20)


@pytest.mark.parametrize("way", ["served", "locked"])
def test_the_python_client_is_known_by_its_certificate(prepared: Prepared, way: str, request: pytest.FixtureRequest) -> None:
    with programme(request.getfixturevalue(way), prepared.hospital) as lifecert:
        assert lifecert.status(resident_id=RESIDENT_ID).state == "never_certified"
    database = Database(f"sqlite:///{prepared.home / 'lifecert.sqlite3'}")
    take_in(database, prepared.home / FOLDER)
    with database.read_scope() as session:
        actors = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "status_looked_up")).all()
    database.dispose()
    assert set(actors) == {f"client:{prepared.client_id}"}


def test_the_python_client_tells_a_certificate_that_no_client_has_from_none_at_all(locked: Served) -> None:
    with programme(locked, locked.stranger) as lifecert, pytest.raises(ProblemError) as refused:
        lifecert.status(resident_id=RESIDENT_ID)
    assert refused.value.status == 401
    with programme(locked, None, secret="secret") as lifecert, pytest.raises(NotAnsweredError):
        lifecert.status(resident_id=RESIDENT_ID)


def test_where_certificates_are_required_nobody_gets_through_tls_without_one(locked: Served, tmp_path: Path) -> None:
    assert locked.ask(locked.hospital).status_code == 200
    for issued in (None, Authority(tmp_path, "other").issue("forged")):
        with pytest.raises(httpx.TransportError):
            locked.ask(issued)
    trust = ssl.create_default_context(cafile=str(locked.authority.file))
    trust.maximum_version = ssl.TLSVersion.TLSv1_2  # where a client learns it before its handshake is over
    address = ("127.0.0.1", httpx.URL(locked.base).port or 0)
    with socket.create_connection(address, timeout=20) as line, pytest.raises((ssl.SSLError, ConnectionError)):
        trust.wrap_socket(line, server_hostname="localhost")
    assert locked.ask(locked.hospital).status_code == 200, "who was refused hurt nobody"


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
