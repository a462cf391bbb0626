"""A real mail server on a loopback port, with a certificate of an authority of its own: keeps the letters that came."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import email
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "lifecert", "p@ss:word/1"


@dataclass
class MailReceiver:
    """answer: what it says to a letter's receiver, or to its content. authority: PEM of who signed its certificate. delay_s: before it
    answers to a letter's content."""

    port: int
    authority: Path
    to_receiver: str = "250 OK"
    to_content: str = "250 taken"
    sign_in: bool = False
    delay_s: float = 0.0
    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.to_receiver.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_receiver

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.sign_in and not session.authenticated:
            return "530 sign in first"
        if self.to_content.startswith("250"):
            made = email.message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(made, EmailMessage)
            self.letters.append((envelope.mail_from, envelope.rcpt_tos, made))
        await asyncio.sleep(self.delay_s)
        return self.to_content


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A self-signed certificate of a host or address, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test mail server")])
    try:
        host_name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        host_name = x509.DNSName(host)
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host_name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_file = folder / f"{host}.pem", folder / f"{host}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, key_file


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    fits = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=fits, handled=False)


@contextlib.contextmanager
def running_mail_server(folder: Path, *, host: str = "127.0.0.1", tls: str = "from_start", sign_in: bool = False) -> Iterator[MailReceiver]:
    """tls: ``from_start``, ``starttls`` or ``none``. host: whom the certificate names; the server listens on the loopback address."""
    pem, key = certificate(folder, host)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    receiver = MailReceiver(port, pem, sign_in=sign_in)
    options: dict[str, Any] = {"authenticator": _authenticate} if sign_in else {}
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if tls == "from_start":
        options |= {"ssl_context": context, "auth_require_tls": False}  # it is in TLS already, which aiosmtpd does not count
    controller = Controller(receiver, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()
