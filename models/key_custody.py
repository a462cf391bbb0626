"""Who keeps the secret part of a key: the key file itself, or a key service that never gives its own key away."""

from __future__ import annotations

import hmac
import os
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
IN_FILE = "file"


class Custody(Protocol):
    """Keeps keys. ``kept`` is what stands in the key file for a key: its own bytes, the bytes as the service wrapped them, or what the
    service finds the key by.

    Every method of a key service raises KeyServiceUnavailableError when it does not answer. Thread-safe.
    """

    name: str

    def keep(self, key_id: str, secret: bytes) -> bytes:
        """What may be written into the key file for this sealing key."""
        ...

    def reveal(self, key_id: str, kept: bytes) -> bytes:
        """The sealing key itself, to be held in memory only."""
        ...

    def new_signer(self, key_id: str) -> tuple[bytes, bytes]:
        """(kept, 32 raw bytes of the public key) of a new Ed25519 key."""
        ...

    def sign(self, key_id: str, kept: bytes, message: bytes) -> bytes:
        """64-byte Ed25519 signature (RFC 8032)."""
        ...

    def drop_signer(self, kept: bytes) -> None:
        """Destroy what the service itself holds of a signing key; nothing to do when it holds nothing."""
        ...

    def keep_root(self, root: bytes | None) -> bytes:
        """What is written into the key file for the root of derived secrets; None makes a new root."""
        ...

    def expand(self, kept: bytes, message: bytes) -> bytes:
        """HMAC-SHA256 of the message under the root: the one step of HKDF-Expand that 32 bytes need (RFC 5869 section 2.3)."""
        ...


class FileCustody:
    """The key file holds the keys themselves."""

    name = IN_FILE

    def keep(self, key_id: str, secret: bytes) -> bytes:  # noqa: ARG002
        """See Custody."""
        return secret

    def reveal(self, key_id: str, kept: bytes) -> bytes:  # noqa: ARG002
        """See Custody."""
        return kept

    def new_signer(self, key_id: str) -> tuple[bytes, bytes]:  # noqa: ARG002
        """See Custody."""
        secret = os.urandom(SECRET_BYTES)
        return secret, public_of(secret)

    def sign(self, key_id: str, kept: bytes, message: bytes) -> bytes:  # noqa: ARG002
        """See Custody."""
        return Ed25519PrivateKey.from_private_bytes(kept).sign(message)

    def drop_signer(self, kept: bytes) -> None:
        """See Custody: the secret goes with the file that held it."""

    def keep_root(self, root: bytes | None) -> bytes:
        """See Custody."""
        return root or os.urandom(SECRET_BYTES)

    def expand(self, kept: bytes, message: bytes) -> bytes:
        """See Custody."""
        return hmac.digest(kept, message, "sha256")


def public_of(secret: bytes) -> bytes:
    """32 raw bytes of the public key that belongs to an Ed25519 secret."""
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def root_of(secret: bytes) -> bytes:
    """HKDF-Extract with SHA-256 and no salt (RFC 5869 section 2.2): the root that secrets are expanded from."""
    return hmac.digest(bytes(SECRET_BYTES), secret, "sha256")


def purpose_message(purpose: str) -> bytes:
    """What is expanded for a purpose: HKDF-Expand's first block, whose info is the purpose."""
    return purpose.encode() + b"\x01"
