"""Keys for sealing and signing: one interface, a key file by default, a key service in production.

Sealing is AES-256-GCM or SM4-GCM with a random 96-bit nonce; signing is Ed25519 (RFC 8032); derived secrets are HKDF-SHA256 (RFC 5869).
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models import key_file
from models.key_ciphers import NONCE_BYTES, Aead, Cipher, aead, new_key
from models.key_custody import IN_FILE, Custody, FileCustody, purpose_message
from models.key_errors import (
    KeyFileError,
    KeyRingError,
    KeyServiceUnavailableError,
    KeyStateError,
    UnsealError,
    WrongKeysError,
)
from models.key_file import KeptKey, Keys

__all__ = [
    "FileKeyRing",
    "KeyCaching",
    "KeyFileError",
    "KeyRing",
    "KeyRingError",
    "KeyServiceUnavailableError",
    "KeyStateError",
    "Sealed",
    "UnsealError",
    "WrongKeysError",
]


@dataclass(frozen=True)
class Sealed:
    """key_id names the key; blob is nonce + ciphertext + tag."""

    key_id: str
    blob: bytes


class KeyRing(Protocol):
    """Seals and signs. Implementations are thread-safe; keys never leave them.

    With a key service every method but verify_signature may raise KeyServiceUnavailableError.
    """

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


@dataclass(frozen=True)
class KeyCaching:
    """How long a key that a service unwrapped stays in memory, in seconds, and for how many values; then the service is asked again."""

    seconds: float
    uses: int


class _Opened:
    """A sealing key in memory. Keys of the file stay; those of a service are dropped when their time or their uses are over."""

    def __init__(self, key: KeptKey, custody: Custody, caching: KeyCaching, clock: Callable[[], float]) -> None:
        self._key = key
        self._custody = custody
        self._caching = caching
        self._clock = clock
        self._aead: Aead | None = None
        self._until = 0.0
        self._uses = 0
        if key.custody == IN_FILE:
            self._aead = aead(key.cipher, key.kept)

    def aead(self) -> Aead:
        """The cipher under this key. Raises KeyServiceUnavailableError."""
        held = self._aead
        if self._key.custody == IN_FILE and held is not None:
            return held
        self._uses += 1  # two threads may count as one: the limit is no guarantee to the last value
        if held is None or self._clock() >= self._until or self._uses > self._caching.uses:
            self._aead = None
            held = aead(self._key.cipher, self._custody.reveal(self._key.key_id, self._key.kept))
            self._aead, self._until, self._uses = held, self._clock() + self._caching.seconds, 1
        return held


@dataclass(frozen=True)
class _State:
    keys: Keys
    stamp: key_file.Stamp
    opened: dict[str, _Opened]


class FileKeyRing:
    """Key ring in a JSON file that only its owner can read; made with the first keys when it is not there.

    A key file that was replaced is noticed at the next sealing or signing, and when a value names a key that is not known: processes that
    run go on with the new keys without a restart. custody: who keeps keys that are made from now on; older ones stay where they are.
    """

    def __init__(
        self,
        path: Path,
        *,
        cipher: Cipher = Cipher.AES_256_GCM,
        custody: Custody | None = None,
        caching: KeyCaching | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._cipher = cipher
        self._new = custody or FileCustody()
        self._custodies: dict[str, Custody] = {IN_FILE: FileCustody(), self._new.name: self._new}
        self._caching = caching or KeyCaching(0, 1)
        self._clock = clock
        self._lock = threading.Lock()
        self._state = self._load()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        cipher: Cipher = Cipher.AES_256_GCM,
        custody: Custody | None = None,
        caching: KeyCaching | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> FileKeyRing:
        """Open the key file, making it (mode 0600) with fresh keys when there is none. Raises KeyFileError."""
        if not path.exists():
            new = custody or FileCustody()
            sealing = _new_sealing("k1", cipher, new, None)
            signing = _new_signing("s1", new, None)
            key_file.create(path, Keys({"k1": sealing}, "k1", {"s1": signing}, "s1", new.keep_root(None), new.name))
        return cls(path, cipher=cipher, custody=custody, caching=caching, clock=clock)

    def _load(self) -> _State:
        keys, stamp = key_file.read(self._path)
        return self._opened(keys, stamp)

    def _opened(self, keys: Keys, stamp: key_file.Stamp) -> _State:
        used = {key.custody for key in (*keys.sealing.values(), *keys.signing.values()) if key.destroyed_at is None} | {keys.root_custody}
        for name in sorted(used - self._custodies.keys()):
            raise KeyFileError(
                f"the key file {self._path.name} has keys that the key service {name!r} keeps: set LIFECERT_KEY_SERVICE={name}"
            )
        try:
            opened = {
                key_id: _Opened(key, self._custodies[key.custody], self._caching, self._clock)
                for key_id, key in keys.sealing.items()
                if key.destroyed_at is None
            }
        except ValueError:
            raise KeyFileError(f"the key file {self._path.name} has a key of a wrong length: restore it from the backup") from None
        return _State(keys, stamp, opened)

    def _fresh(self) -> _State:
        """The state of the file as it is now. A file that cannot be read just now leaves the keys that are held in force."""
        state = self._state
        try:
            if key_file.stamp_of(self._path) == state.stamp:
                return state
            with self._lock:
                self._state = self._load()
        except (OSError, KeyFileError):
            return state
        return self._state

    def seal(self, plaintext: bytes, associated_data: bytes) -> Sealed:
        """See KeyRing."""
        state = self._fresh()
        current = state.keys.sealing_current
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(current, nonce + state.opened[current].aead().encrypt(nonce, plaintext, associated_data))

    def unseal(self, sealed: Sealed, associated_data: bytes) -> bytes:
        """See KeyRing."""
        opened = self._state.opened.get(sealed.key_id) or self._fresh().opened.get(sealed.key_id)
        if opened is None:
            raise UnsealError(f"sealed with key {sealed.key_id!r}, which this key ring does not hold")
        try:
            return opened.aead().decrypt(sealed.blob[:NONCE_BYTES], sealed.blob[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError) as error:
            raise UnsealError("the sealed value was altered or belongs to something else") from error

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """See KeyRing."""
        keys = self._fresh().keys
        key = keys.signing[keys.signing_current]
        return key.key_id, self._custodies[key.custody].sign(key.key_id, key.kept, message)

    def verify_signature(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """See KeyRing."""
        key = self._state.keys.signing.get(key_id) or self._fresh().keys.signing.get(key_id)
        if key is None:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def public_signing_key(self, key_id: str) -> bytes:
        """32 raw bytes of the named public key, for those who check certificates offline."""
        return self._state.keys.signing[key_id].public

    def derive(self, purpose: str) -> bytes:
        """See KeyRing."""
        keys = self._state.keys
        return self._custodies[keys.root_custody].expand(keys.root, purpose_message(purpose))

    def keys(self) -> Keys:
        """What the key file holds now, for lists of keys; secrets stay out of its repr."""
        return self._fresh().keys

    def knows(self, key_id: str) -> bool:
        """True when values that were sealed with this key can be opened."""
        return key_id in self._fresh().opened

    def rotate_sealing(self, now: datetime) -> str:
        """Make a new current sealing key of the chosen cipher; its id. Older keys go on opening what they sealed.

        Where keys move from the file to a service, the root of derived secrets moves along, with the same secrets.
        """
        key_id = ""

        def make(old: Keys) -> Keys:
            nonlocal key_id
            key_id = _next_id("k", len(old.sealing))
            sealing = dict(old.sealing) | {key_id: _new_sealing(key_id, self._cipher, self._new, now)}
            sealing[old.sealing_current] = replace(old.sealing[old.sealing_current], replaced_at=now)
            new = replace(old, sealing=sealing, sealing_current=key_id)
            if old.root_custody == IN_FILE and self._new.name != IN_FILE:
                new = replace(new, root=self._new.keep_root(old.root), root_custody=self._new.name)
            return new

        self._change(make)
        return key_id

    def rotate_signing(self, now: datetime) -> str:
        """Make a new current signing key; its id. The secret half of the one before is destroyed: it is needed no more.

        Public halves stay, so that every signature goes on being checked.
        """
        key_id = ""
        before = KeptKey("")

        def make(old: Keys) -> Keys:
            nonlocal key_id, before
            key_id = _next_id("s", len(old.signing))
            signing = dict(old.signing) | {key_id: _new_signing(key_id, self._new, now)}
            before = old.signing[old.signing_current]
            signing[before.key_id] = replace(before, kept=b"", replaced_at=now, destroyed_at=now)
            return replace(old, signing=signing, signing_current=key_id)

        self._change(make)
        self._custodies[before.custody].drop_signer(before.kept)  # after the file: a kill in between leaves a key that nobody uses
        return key_id

    def destroy_sealing(self, key_id: str, now: datetime) -> None:
        """Destroy a sealing key that is not the current one. The caller has made sure that nothing is sealed with it any more.

        Raises:
            KeyStateError: there is no such key, or it is the current one.
        """

        def make(old: Keys) -> Keys:
            if key_id == old.sealing_current:
                raise KeyStateError(f"{key_id} is the current key: make a new one first (lifecert keys rotate)")
            if key_id not in old.sealing or old.sealing[key_id].destroyed_at is not None:
                raise KeyStateError(f"there is no key {key_id} to retire: lifecert keys list shows those that there are")
            gone = replace(old.sealing[key_id], kept=b"", destroyed_at=now)
            return replace(old, sealing=dict(old.sealing) | {key_id: gone})

        self._change(make)

    def _change(self, make: Callable[[Keys], Keys]) -> None:
        key_file.change(self._path, make)
        with self._lock:
            self._state = self._load()


def _next_id(kind: str, made: int) -> str:
    # the random part keeps keys apart that were made after an older copy of the file was brought back
    return f"{kind}{made + 1}-{secrets.token_hex(3)}"


def _new_sealing(key_id: str, cipher: Cipher, custody: Custody, now: datetime | None) -> KeptKey:
    return KeptKey(key_id, custody.name, custody.keep(key_id, new_key(cipher)), cipher, made_at=now)


def _new_signing(key_id: str, custody: Custody, now: datetime | None) -> KeptKey:
    kept, public = custody.new_signer(key_id)
    return KeptKey(key_id, custody.name, kept, public=public, made_at=now)
