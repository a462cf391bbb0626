"""What can go wrong with keys. No message ever holds key material, a PIN, or what was sealed."""

from __future__ import annotations


class KeyRingError(Exception):
    """Base of the errors of keys."""


class UnsealError(KeyRingError):
    """A sealed value does not open: unknown key, other associated data, or altered bytes."""


class KeyFileError(KeyRingError):
    """The key file is missing, unreadable or open to others."""


class KeyStateError(KeyRingError):
    """A key cannot be retired: it is the current one, unknown, too young, or something is still sealed with it."""


class WrongKeysError(KeyRingError):
    """The store holds values that no key of this ring opens: it is the key ring of another store, or an old copy."""


class KeyServiceUnavailableError(KeyRingError):
    """The key service does not answer, or refuses. Nothing is wrong with what is sealed: try again when it answers."""
