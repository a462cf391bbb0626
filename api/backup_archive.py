"""The one file of a backup: a ZIP with a manifest that names every member with its size and SHA-256, and its signature.

ZIP because its table of contents stands at the end, so that a file that was cut off is seen at once, and because a member can be written
without knowing its size beforehand. It is written beside its place under another name, and gets its name when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.signature.json"
CHUNK = 1 << 20
MANIFEST_BYTES_MAX = 64 << 20
FAST = 1  # zlib's quickest: a backup is read once in years

Progress = Callable[[str, int, int], None]


class BackupError(Exception):
    """A backup cannot be made, read or brought back; the message says why and what to do. Nothing was changed."""


class Signer(Protocol):
    """The part of a key ring that signs."""

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """(key id, signature)."""
        ...

    def verify_signature(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """True when the signature is of the named key over this message."""
        ...


@dataclass(frozen=True)
class Member:
    """One file of the backup. size in bytes; sha256 of the bytes as they were, in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. tables: rows of each at the moment of the copy. keys: separate, sealed or none; keys_sha256 of the key file."""

    format: int
    made_at: datetime
    version: str
    dialect: str
    server: str
    revision: str
    policy_hash: str
    keys: str
    keys_sha256: str
    tables: dict[str, int]
    members: tuple[Member, ...] = field(default_factory=tuple)

    def to_json(self) -> bytes:
        """The bytes that are kept and signed."""
        values = asdict(self) | {"made_at": self.made_at.isoformat()}
        return json.dumps(values, indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read it. Raises BackupError."""
        try:
            values: dict[str, Any] = json.loads(data)
            if values["format"] != FORMAT:
                raise BackupError(
                    f"the backup has format {values['format']}, this version reads {FORMAT}: restore it with the version that made it"
                )
            members = tuple(Member(str(each["name"]), int(each["size"]), str(each["sha256"])) for each in values.pop("members"))
            made_at = datetime.fromisoformat(values.pop("made_at"))
            return cls(**values, made_at=made_at, members=members)
        except (ValueError, KeyError, TypeError) as error:
            raise BackupError("the backup's manifest cannot be read: the file was altered, or is no backup of Lifecert") from error


class Writer:
    """Adds members to a backup that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: list[Member] = []

    @contextmanager
    def member(self, name: str, *, compress: bool = True) -> Iterator[Callable[[bytes], None]]:
        """Yield what takes the member's bytes, part by part."""
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as stream:

            def write(part: bytes) -> None:
                nonlocal size
                digest.update(part)
                size += len(part)
                stream.write(part)

            yield write
        self.members.append(Member(name, size, digest.hexdigest()))

    def add(self, name: str, source: Path | bytes, *, compress: bool = True, progress: Progress | None = None) -> None:
        """Add a file, or bytes. A file that grows meanwhile is taken as far as it was read."""
        with self.member(name, compress=compress) as write:
            if isinstance(source, bytes):
                write(source)
                return
            total, done = source.stat().st_size, 0
            with source.open("rb") as stream:
                while part := stream.read(CHUNK):
                    write(part)
                    done += len(part)
                    if progress is not None:
                        progress(f"packing {name}", done, max(done, total))

    def finish(self, manifest: Manifest, signer: Signer) -> None:
        """Write manifest and signature, the last members."""
        data = manifest.to_json()
        key_id, signature = signer.sign(data)
        self._archive.writestr(MANIFEST, data)
        self._archive.writestr(SIGNATURE, json.dumps({"key": key_id, "signature": signature.hex()}))


@contextmanager
def writing(place: Path) -> Iterator[Writer]:
    """Write a backup; it stands in its place when the block ends, whole and on the disk, and not at all when it fails."""
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.unfinished")
    try:
        with os.fdopen(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as stream:
            with zipfile.ZipFile(stream, "w", compresslevel=FAST, allowZip64=True) as archive:
                yield Writer(archive)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, place)
        sync_folder(place.parent)
    finally:
        unfinished.unlink(missing_ok=True)


class Reader:
    """Reads a backup. Names of members are only those of the manifest, and none leads out of its folder."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        try:
            if archive.getinfo(MANIFEST).file_size > MANIFEST_BYTES_MAX:
                raise BackupError("the backup's manifest is too large: the file was altered, or is no backup of Lifecert")
            self.manifest_data = archive.read(MANIFEST)
            signed = json.loads(archive.read(SIGNATURE))
            self._signed_by, self._signature = str(signed["key"]), bytes.fromhex(signed["signature"])
        except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise BackupError("the file has no readable manifest: it was altered, or is no backup of Lifecert") from error
        self.manifest = Manifest.from_json(self.manifest_data)
        for member in self.manifest.members:
            parts = Path(member.name).parts
            if not parts or member.name.startswith("/") or ".." in parts:
                raise BackupError("the backup names a file outside of its folder: it was altered; nothing was restored")

    def check(self, progress: Progress) -> None:
        """Read every member and compare it with the manifest. Raises BackupError that names the first that differs."""
        total, done = sum(member.size for member in self.manifest.members), 0
        names = {MANIFEST, SIGNATURE} | {member.name for member in self.manifest.members}
        if (found := self._archive.namelist()) and (set(found) != names or len(found) != len(names)):
            raise BackupError("the backup holds other files than its manifest names: it was altered; nothing was restored")
        for member in self.manifest.members:
            digest, size = hashlib.sha256(), 0
            for part in self.parts(member.name):
                digest.update(part)
                size += len(part)
                done += len(part)
                progress("checking", done, max(done, total))
            if (size, digest.hexdigest()) != (member.size, member.sha256):
                raise BackupError(f"{member.name} in the backup is not what its manifest says: it was altered; nothing was restored")

    def check_signature(self, signer: Signer) -> None:
        """Return when the manifest was signed by a key of the ring. Raises BackupError."""
        if not signer.verify_signature(self._signed_by, self.manifest_data, self._signature):
            raise BackupError(
                "the backup's manifest does not bear the signature of these keys: it was altered, or the keys are of another home"
            )

    def parts(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, part by part. Raises BackupError when they cannot be read."""
        try:
            with self._archive.open(name) as stream:
                while part := stream.read(CHUNK):
                    yield part
        except (KeyError, zipfile.BadZipFile, EOFError, OSError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise BackupError(f"{name} in the backup cannot be read: the file was altered or cut off; nothing was restored") from error

    def read(self, name: str) -> bytes:
        """A small member as a whole."""
        return b"".join(self.parts(name))

    def extract(self, name: str, target: Path) -> None:
        """Write a member to a file of its own, readable by its owner only."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            for part in self.parts(name):
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())


@contextmanager
def reading(place: Path) -> Iterator[Reader]:
    """Read a backup. Raises BackupError when the file is none, or was cut off."""
    stream: IO[bytes]
    with place.open("rb") as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except zipfile.BadZipFile as error:
            raise BackupError(f"{place} is no whole backup: it was cut off while it was written or copied, or is another file") from error
        with archive:
            yield Reader(archive)


def sync_folder(folder: Path) -> None:
    """Have names that changed in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
