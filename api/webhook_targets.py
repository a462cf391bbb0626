"""Where webhooks may go: rules for addresses, and a network that refuses forbidden ones at the moment of connecting.

A name is resolved once, the address that was checked is the one that is connected to, and redirects are not followed: so a name that
points elsewhere a second later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpcore

from api.settings import Environment, Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_MAX = 500
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TargetError(Exception):
    """An address that webhooks may not go to; rule: a stable word, the message says why."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


class Targets:
    """Which addresses are allowed here: https to public addresses in production, and to the private networks that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self.strict = settings.environment is Environment.PRODUCTION
        self.allowed: tuple[Network, ...] = settings.webhook_networks

    def check_url(self, url: str) -> None:
        """Return when the address may be kept. Raises TargetError. Names are resolved later, when something is sent."""
        if len(url) > URL_MAX or not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
            raise TargetError("url_characters", f"url: up to {URL_MAX} ASCII characters, no spaces; encode other letters")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise TargetError("url_malformed", "url: not an address such as https://example.org/hook") from error
        if parts.scheme not in ("https", "http") or not host or port == 0:
            raise TargetError("url_malformed", "url: not an address such as https://example.org/hook")
        if parts.scheme == "http" and self.strict:
            raise TargetError("url_https", "url: must begin with https://")
        if parts.username is not None or parts.password is not None:
            raise TargetError("url_credentials", "url: must not hold a user name or password: messages are signed instead")
        if parts.fragment:
            raise TargetError("url_fragment", "url: must not have a part after #")
        literal = _literal(host)
        if literal is not None:
            self.check_address(literal)

    def check_address(self, address: Address) -> None:
        """Return when a connection may go to this address. Raises TargetError."""
        if not self.strict:
            return
        inner = _embedded(address)
        if any(inner in network for network in self.allowed if network.version == inner.version):
            return
        if not inner.is_global or inner.is_multicast or inner.is_reserved or inner.is_unspecified:
            raise TargetError("url_private", "url: leads to an address that is not public (see LIFECERT_WEBHOOK_PRIVATE_TARGETS)")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to allowed addresses only, and ends everything at the deadline that the thread has set."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._inner = httpcore.SyncBackend()
        self._own = threading.local()

    def give(self, seconds: float) -> None:
        """From now on, this thread's requests may take so long in all: a receiver that answers byte by byte holds nobody."""
        self._own.deadline = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """Seconds that the next step may take. Raises ReadTimeout when the time is over."""
        remaining = float(self._own.deadline) - time.monotonic()
        if remaining <= 0:
            raise httpcore.ReadTimeout("the time for the whole request is over")
        return remaining if timeout is None else min(timeout, remaining)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, check every address, connect to the first that answers. Raises TargetError, or an error of httpcore."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError("the host's name cannot be resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]).split("%")[0] for entry in found))
        for address in addresses:
            self._targets.check_address(ipaddress.ip_address(address))
        failure: Exception = httpcore.ConnectError("the host's name has no address")
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(address, port, self.left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, network: GuardedNetwork) -> None:
        self._inner = inner
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._network.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._network.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, self._network.left(timeout)), self._network)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
