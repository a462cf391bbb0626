"""Ciphers that values are sealed with: AES-256-GCM by default, SM4-GCM where national algorithms are asked for.

GCM is NIST SP 800-38D (GB/T 36624-2018 names the same mode); SM4 is GB/T 32907-2016, whose keys are 128 bits. A nonce is 96 random bits, so
that one key must seal fewer than 2**32 values (SP 800-38D section 8.3): rotate before.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
"""What sealing adds to a value, with either cipher."""


class Cipher(StrEnum):
    """What LIFECERT_CIPHER may be. A key belongs to one of them for all its life."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"


KEY_BYTES = {Cipher.AES_256_GCM: 32, Cipher.SM4_GCM: 16}


class Aead(Protocol):
    """Authenticated encryption under one key. Thread-safe."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext and tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Plaintext. Raises InvalidTag; ValueError for a nonce of another length."""
        ...


class Sm4Gcm:
    """SM4-GCM with the methods of the library's AESGCM, which has no SM4 of its own."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """See Aead."""
        encryptor = BlockCipher(self._algorithm, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data or b"")
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """See Aead."""
        if len(data) < TAG_BYTES:
            raise InvalidTag
        decryptor = BlockCipher(self._algorithm, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()


def new_key(cipher: Cipher) -> bytes:
    """Random key of the cipher's length."""
    return os.urandom(KEY_BYTES[cipher])


def aead(cipher: Cipher, key: bytes) -> Aead:
    """The cipher under a key. Raises ValueError for a key of another length."""
    if len(key) != KEY_BYTES[cipher]:
        raise ValueError(f"a key of {cipher} has {KEY_BYTES[cipher]} bytes")
    return AESGCM(key) if cipher is Cipher.AES_256_GCM else Sm4Gcm(key)
