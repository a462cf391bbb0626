"""Letters by SMTP (RFC 5321), over TLS whose certificate is checked.

``smtps://`` speaks TLS from the first byte (RFC 8314), ``smtp://`` turns to it with STARTTLS and goes no further without. Only a relay on
this machine itself may be spoken to in the clear, and then without a password.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

PORTS = {"smtps": 465, "smtp": 587}
PERMANENT = range(500, 600)


class MailError(Exception):
    """A letter did not leave. permanent: trying again will not help. The message names no address."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent


@dataclass(frozen=True)
class MailServer:
    """Where letters go to be carried on. user: empty when it asks for none."""

    host: str
    port: int
    tls_from_start: bool
    user: str
    password: str

    @property
    def is_here(self) -> bool:
        """True for a relay on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __repr__(self) -> str:
        """Without user and password."""
        return f"MailServer({self.host}:{self.port})"


def parse_server(url: str) -> MailServer:
    """Read ``smtps://user:password@host:465`` or ``smtp://host:587``; letters that URLs keep for themselves are percent-encoded.

    Raises:
        ValueError: says what is wrong, and never repeats the address, which holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is not an address such as smtps://user:password@mail.example.gov.cn:465") from error
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise ValueError("is not an address such as smtps://user:password@mail.example.gov.cn:465")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("has something after the port: give smtps://user:password@host:port only")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("has a user without a password, or a password without a user: give both or neither")
    return MailServer(parts.hostname, port or PORTS[parts.scheme], parts.scheme == "smtps", user, password)


def parse_sender(text: str) -> Address:
    """Read the address that letters come from, e.g. ``lifecert@example.gov.cn``. Raises ValueError."""
    try:
        address = Address(addr_spec=text.strip())
    except (ValueError, IndexError) as error:
        raise ValueError("is not an address such as lifecert@example.gov.cn") from error
    if not address.username or not address.domain or not text.isascii():
        raise ValueError("is not an address such as lifecert@example.gov.cn")
    return address


@dataclass(frozen=True)
class Letter:
    """One letter. reference: the same for every try, so that the receiver's server can leave out what it has."""

    to: str
    subject: str
    text: str
    language: str
    reference: str


class Mailer:
    """Sends letters, one connection for each block of ``connected``."""

    def __init__(self, server: MailServer, sender: Address, *, timeout_s: float) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s

    def message(self, letter: Letter, *, now: datetime) -> EmailMessage:
        """The letter as it goes over the line."""
        made = EmailMessage()
        made["From"] = self._sender.addr_spec
        made["To"] = letter.to
        made["Subject"] = letter.subject
        made["Date"] = format_datetime(now)
        made["Message-ID"] = f"<{letter.reference}@{self._sender.domain}>"
        made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's machine answers it
        made.set_content(letter.text)
        made["Content-Language"] = letter.language
        return made

    def send(self, letter: Letter, *, now: datetime) -> None:
        """Hand over one letter. Raises MailError."""
        try:
            made = self.message(letter, now=now)
        except (ValueError, IndexError) as error:
            raise MailError("the address cannot be written to: correct the account's address", permanent=True) from error
        with self._connected() as connection:
            try:
                connection.send_message(made, self._sender.addr_spec, [letter.to])
            except smtplib.SMTPRecipientsRefused as error:
                code = next(iter(error.recipients.values()))[0]
                raise MailError(f"the mail server refused the receiver's address ({code})", permanent=code in PERMANENT) from error
            except smtplib.SMTPNotSupportedError as error:
                raise MailError("the mail server does not take this address", permanent=True) from error
            except smtplib.SMTPResponseException as error:
                permanent = error.smtp_code in PERMANENT
                raise MailError(f"the mail server refused the letter ({error.smtp_code})", permanent=permanent) from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            connection = self._open()
        except ssl.SSLCertVerificationError as error:
            raise MailError(f"the mail server's certificate is not valid ({error.verify_message})", permanent=False) from error
        except smtplib.SMTPAuthenticationError as error:
            raise MailError(f"the mail server refused user or password ({error.smtp_code})", permanent=False) from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailError("the mail server offers no STARTTLS, or no sign-in: see LIFECERT_SMTP_URL", permanent=False) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(f"no connection to the mail server ({type(error).__name__})", permanent=False) from error
        try:
            yield connection
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            raise MailError(f"the connection to the mail server broke ({type(error).__name__})", permanent=False) from error
        finally:
            _leave(connection)

    def _open(self) -> smtplib.SMTP:
        server, checked = self._server, ssl.create_default_context()  # the machine's own authorities
        if server.tls_from_start:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout_s, context=checked)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        try:
            if not server.tls_from_start:
                connection.ehlo()
                if connection.has_extn("starttls") or not server.is_here or server.user:
                    connection.starttls(context=checked)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()  # the letter has been taken or refused by now
