"""Keys for sealing and signing: one interface, a key file by default, a key service in production.

Sealing is AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; signing is Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class KeyRingError(Exception):
    """Base of the errors of this module."""


class UnsealError(KeyRingError):
    """A sealed value does not open: unknown key, other associated data, or altered bytes."""


class KeyFileError(KeyRingError):
    """The key file is missing, unreadable or open to others."""


@dataclass(frozen=True)
class Sealed:
    """key_id names the key; blob is nonce + ciphertext + tag."""

    key_id: str
    blob: bytes


class KeyRing(Protocol):
    """Seals and signs. Implementations are thread-safe; keys never leave them."""

    def seal(self, plaintext: bytes, associated_data: bytes) -> Sealed:
        """Encrypt with the current key. The same associated data is needed to open it."""
        ...

    def unseal(self, sealed: Sealed, associated_data: bytes) -> bytes:
        """Decrypt. Raises UnsealError."""
        ...

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """(key id, 64-byte Ed25519 signature)."""
        ...

    def verify_signature(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """True when the signature is of the named key over this message."""
        ...

    def derive(self, purpose: str) -> bytes:
        """32 bytes that are stable for a purpose (e.g. the secret of session cookies)."""
        ...


class FileKeyRing:
    """Key ring in a JSON file that only its owner can read; made with the first keys when it is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._load()

    @classmethod
    def open(cls, path: Path) -> FileKeyRing:
        """Open the key file, making it (mode 0600) with fresh keys when there is none."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            content = {
                "sealing": {"current": "k1", "keys": {"k1": _b64(secrets.token_bytes(32))}},
                "signing": {"current": "s1", "keys": {"s1": _b64(secrets.token_bytes(32))}},
                "derivation": _b64(secrets.token_bytes(32)),
            }
            temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(temporary, path)  # fails when another process was first: then its keys count
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return cls(path)

    def _load(self) -> None:
        try:
            mode = self._path.stat().st_mode & 0o777
            content = json.loads(self._path.read_text(encoding="utf-8"))
            self._sealing = {key_id: AESGCM(_unb64(raw)) for key_id, raw in content["sealing"]["keys"].items()}
            self._sealing_current = content["sealing"]["current"]
            self._signing = {
                key_id: Ed25519PrivateKey.from_private_bytes(_unb64(raw)) for key_id, raw in content["signing"]["keys"].items()
            }
            self._signing_current = content["signing"]["current"]
            self._derivation = _unb64(content["derivation"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyFileError(
                f"the key file {self._path.name} cannot be used ({type(error).__name__}): restore it from the backup; "
                "without it no sealed template can be opened"
            ) from error
        if mode & 0o077:
            raise KeyFileError(f"the key file {self._path.name} has mode {mode:o}: it must be readable by its owner only (chmod 600)")

    def seal(self, plaintext: bytes, associated_data: bytes) -> Sealed:
        """See KeyRing."""
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._sealing[self._sealing_current]
        return Sealed(self._sealing_current, nonce + cipher.encrypt(nonce, plaintext, associated_data))

    def unseal(self, sealed: Sealed, associated_data: bytes) -> bytes:
        """See KeyRing."""
        cipher = self._sealing.get(sealed.key_id)
        if cipher is None:
            raise UnsealError(f"sealed with key {sealed.key_id!r}, which this key ring does not hold")
        try:
            return cipher.decrypt(sealed.blob[:NONCE_BYTES], sealed.blob[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError) as error:
            raise UnsealError("the sealed value was altered or belongs to something else") from error

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """See KeyRing."""
        return self._signing_current, self._signing[self._signing_current].sign(message)

    def verify_signature(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """See KeyRing."""
        key = self._signing.get(key_id)
        if key is None:
            return False
        try:
            key.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def public_signing_key(self, key_id: str) -> bytes:
        """32 raw bytes of the named public key, for those who check certificates offline."""
        public: Ed25519PublicKey = self._signing[key_id].public_key()
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def derive(self, purpose: str) -> bytes:
        """See KeyRing."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._derivation)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
