"""The keys of a running Lifecert: opened as the settings say, and held against what the store holds."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, cast

from api.key_rotation import KeyRotation
from api.settings import KeyServiceChoice, Settings
from models.database import Database
from models.key_custody import Custody, FileCustody
from models.keys import FileKeyRing, KeyCaching, KeyFileError, WrongKeysError
from models.keys_pkcs11 import Pkcs11Custody, TokenAccess
from models.policy_keys import KeysPolicy
from models.repositories import sealed_values

if TYPE_CHECKING:
    from api.context import Context


def open_keyring(settings: Settings, policy: KeysPolicy, database: Database | None = None) -> FileKeyRing:
    """The key ring, made with fresh keys where there is none yet.

    database: the store that it belongs to; a store that holds sealed values refuses fresh keys and keys that open nothing of it.

    Raises:
        KeyFileError: the key file cannot be used, or is gone while the store holds sealed values.
        WrongKeysError: the key ring is not of this store.
        KeyServiceUnavailableError: the key service does not answer.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # a core dump writes keys to the disk
    if database is not None and not settings.keys_path.exists():
        with database.read_scope() as session:
            if sealed_values.probes(session):
                raise KeyFileError(
                    f"the key file {settings.keys_path.name} is not there, and the store holds values that were sealed with its keys: "
                    "restore it from the backup, or point LIFECERT_KEY_FILE to it"
                )
    caching = KeyCaching(policy.cached_minutes * 60, policy.cached_uses)
    ring = FileKeyRing.open(settings.keys_path, cipher=settings.cipher, custody=custody_of(settings), caching=caching)
    if database is not None:
        check(ring, database)
    return ring


def custody_of(settings: Settings) -> Custody:
    """Who keeps keys that are made from now on. Raises KeyFileError when the file of the PIN cannot be read."""
    if settings.key_service is KeyServiceChoice.FILE:
        return FileCustody()
    pin = settings.pkcs11_pin.get_secret_value()
    if settings.pkcs11_pin_file is not None:
        try:
            pin = settings.pkcs11_pin_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"LIFECERT_PKCS11_PIN_FILE cannot be read ({type(error).__name__}): check its path and owner") from None
    return Pkcs11Custody(TokenAccess(settings.pkcs11_module or Path(), settings.pkcs11_token, pin))


def make_rotation(context: Context) -> KeyRotation:
    """On the running store and its keys."""
    ring = cast(FileKeyRing, context.keyring)  # open_context makes no other
    return KeyRotation(context.database, ring, context.policy.keys, context.clock)


def check(ring: FileKeyRing, database: Database) -> None:
    """Return when the key ring opens what the store holds: the first and the last row of each table are tried. Raises WrongKeysError."""
    with database.read_scope() as session:
        found = sealed_values.probes(session)
    unknown = sorted({probe.sealed.key_id for probe in found if not ring.knows(probe.sealed.key_id)})
    if unknown:
        raise WrongKeysError(
            f"the store holds values sealed with {', '.join(unknown)}, which the key file does not have: it is of another store, or an old "
            "copy; restore the newest one from the backup"
        )
    if found and not any(sealed_values.opens(ring, probe) for probe in found):
        raise WrongKeysError("no value that was tried opens: the key file is of another store; restore the right one from the backup")
