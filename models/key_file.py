"""The key file: JSON that only its owner can read, replaced as a whole, never without a key that it held before."""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from models.key_ciphers import Cipher
from models.key_custody import IN_FILE, public_of, root_of
from models.key_errors import KeyFileError

Stamp = tuple[int, int, int]
"""Moment of the last change, inode and size: another stamp, another content."""


@dataclass(frozen=True)
class KeptKey:
    """One key as the file has it. kept: see Custody; empty when the service holds it or it was destroyed. cipher: of sealing keys.

    public: raw public key of signing keys. made_at, replaced_at, destroyed_at: None when it did not happen, or before that was noted.
    """

    key_id: str
    custody: str = IN_FILE
    kept: bytes = field(default=b"", repr=False)
    cipher: Cipher = Cipher.AES_256_GCM
    public: bytes = b""
    made_at: datetime | None = None
    replaced_at: datetime | None = None
    destroyed_at: datetime | None = None


@dataclass(frozen=True)
class Keys:
    """Everything that the file holds. root: of derived secrets, with who keeps it."""

    sealing: Mapping[str, KeptKey]
    sealing_current: str
    signing: Mapping[str, KeptKey]
    signing_current: str
    root: bytes = field(repr=False)
    root_custody: str = IN_FILE


def stamp_of(path: Path) -> Stamp:
    """Stamp of the file as it is. Raises OSError."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_ino, found.st_size


def read(path: Path) -> tuple[Keys, Stamp]:
    """The keys and the stamp they were read at. Raises KeyFileError, which never repeats what the file holds."""
    try:
        with path.open("rb") as stream:
            found = os.fstat(stream.fileno())
            content = json.loads(stream.read())
        keys = _parse(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise KeyFileError(
            f"the key file {path.name} cannot be used ({type(error).__name__}): restore it from the backup; "
            "without it no sealed template can be opened"
        ) from (error if isinstance(error, OSError) else None)  # a parser's error repeats what it stumbled over
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise KeyFileError(f"the key file {path.name} has mode {mode:o}: it must be readable by its owner only (chmod 600)")
    folder = path.resolve().parent.stat().st_mode
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        raise KeyFileError(f"everybody may write to the folder of the key file {path.name}, and so replace it: chmod o-w the folder")
    return keys, (found.st_mtime_ns, found.st_ino, found.st_size)


def create(path: Path, keys: Keys) -> None:
    """Write the first key file (mode 0600). When another process was first, its keys count and these are dropped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _write_beside(path, keys)
    try:
        os.link(temporary, path)
        _sync(path.parent)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def change(path: Path, make: Callable[[Keys], Keys]) -> Keys:
    """Replace the file by what ``make`` makes of it; one process at a time. A kill at any moment leaves the old file or the new one.

    Raises:
        KeyFileError: the file cannot be used, or the new one would lose a key. Errors of ``make`` leave the file as it was.
    """
    path = path.resolve()  # a link stays one, and its target is replaced
    with _one_at_a_time(path.parent):
        old, _ = read(path)
        new = make(old)
        lost = (old.sealing.keys() - new.sealing.keys()) | (old.signing.keys() - new.signing.keys())
        if lost:
            raise KeyFileError(f"the new key file would not know {sorted(lost)} any more: nothing was changed")
        temporary = _write_beside(path, new)
        try:
            owner = path.stat()
            if os.geteuid() == 0:
                os.chown(temporary, owner.st_uid, owner.st_gid)  # an administrator's change leaves the file to the service's user
            if read(temporary)[0] != new:
                raise KeyFileError(f"the new {path.name} does not read back as it was written: nothing was changed; check the disk")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)
        return new


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_beside(path: Path, keys: Keys) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(_content(keys), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _content(keys: Keys) -> dict[str, Any]:
    return {
        "version": 2,
        "sealing": {"current": keys.sealing_current, "keys": {name: _entry(key, sealing=True) for name, key in keys.sealing.items()}},
        "signing": {"current": keys.signing_current, "keys": {name: _entry(key, sealing=False) for name, key in keys.signing.items()}},
        "derivation": {"custody": keys.root_custody, "kept": _b64(keys.root)},
    }


def _entry(key: KeptKey, *, sealing: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"custody": key.custody, "kept": _b64(key.kept)}
    entry |= {"cipher": key.cipher.value} if sealing else {"public": _b64(key.public)}
    moments = {name: getattr(key, name) for name in ("made_at", "replaced_at", "destroyed_at")}
    return entry | {name: moment.isoformat() for name, moment in moments.items() if moment is not None}


def _parse(content: dict[str, Any]) -> Keys:
    if content.get("version", 1) not in {1, 2}:
        raise ValueError("version")
    sealing = {str(name): _sealing_key(str(name), entry) for name, entry in content["sealing"]["keys"].items()}
    signing = {str(name): _signing_key(str(name), entry) for name, entry in content["signing"]["keys"].items()}
    derivation = content["derivation"]
    if isinstance(derivation, str):  # version 1: the secret before HKDF-Extract
        root, custody = root_of(_unb64(derivation)), IN_FILE
    else:
        root, custody = _unb64(derivation["kept"]), str(derivation["custody"])
    keys = Keys(sealing, content["sealing"]["current"], signing, content["signing"]["current"], root, custody)
    for current in (sealing[keys.sealing_current], signing[keys.signing_current]):
        if current.destroyed_at is not None:
            raise ValueError("current")
    return keys


def _sealing_key(name: str, entry: Any) -> KeptKey:
    if isinstance(entry, str):  # version 1
        return KeptKey(name, kept=_unb64(entry))
    return replace(_common(name, entry), cipher=Cipher(entry["cipher"]))


def _signing_key(name: str, entry: Any) -> KeptKey:
    if isinstance(entry, str):
        raw = _unb64(entry)
        return KeptKey(name, kept=raw, public=public_of(raw))
    return replace(_common(name, entry), public=_unb64(entry["public"]))


def _common(name: str, entry: dict[str, Any]) -> KeptKey:
    def moment(which: str) -> datetime | None:
        return datetime.fromisoformat(entry[which]) if which in entry else None

    return KeptKey(
        name,
        str(entry["custody"]),
        _unb64(entry["kept"]),
        made_at=moment("made_at"),
        replaced_at=moment("replaced_at"),
        destroyed_at=moment("destroyed_at"),
    )


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
