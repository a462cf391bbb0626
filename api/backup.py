"""Backups: the store as it is at one moment, the queue of jobs, the files of the home, the policy; the keys apart from them or sealed.

What lies in the store is sealed with the keys, so whoever has a backup with the keys beside it has everything in plain. So the key file
goes to a file of its own, to be kept in another place, or into the backup sealed with a passphrase.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from api.backup_archive import FORMAT, BackupError, Manifest, Progress, Signer, Writer, sync_folder, writing
from api.backup_store import PostgresTools, copy_sqlite, postgres_snapshot, rows_of_postgres, rows_of_sqlite
from api.settings import Settings
from models.database import Database, parse_url

STORE_SQLITE, STORE_POSTGRES, QUEUE = "store/lifecert.sqlite3", "store/lifecert.pgdump", "store/jobs.sqlite3"
POLICY, EMBEDDER, KEYS = "config/policy.toml", "config/embedder.toml", "keys.sealed"
HOME, RECORDINGS = "home/", "recordings/"
LEFT_OUT = ("audit-journal", "detection/work", "metrics", ".restoring")
PASSPHRASE_MIN = 12
SCRYPT = {"n": 2**17, "r": 8, "p": 1}  # OWASP's first choice for scrypt, 2023: 128 MB


@dataclass(frozen=True)
class Made:
    """A backup that was made. keys: the separate file of the keys, when there is one. size in bytes."""

    place: Path
    size: int
    keys: Path | None
    manifest: Manifest
    skipped: tuple[str, ...]


def make_backup(
    settings: Settings, signer: Signer, place: Path, *, policy_hash: str, passphrase: str | None, keys_out: Path | None, progress: Progress
) -> Made:
    """Write a backup to ``place``. passphrase: seals the key file into it; keys_out: where the key file goes otherwise.

    The store is copied first and the files after it, so that every file that the copy speaks of is there.

    Raises:
        BackupError, DatabaseUnreachableError, OSError: nothing is left in the place.
    """
    skipped: list[str] = []
    key_bytes = settings.keys_path.read_bytes()
    url = parse_url(settings.store_url)
    sqlite = url.get_backend_name() == "sqlite"
    with writing(place) as archive, tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
        if sqlite:
            server = "sqlite"
            rows, revision = _add_sqlite(archive, Path(str(url.database)), Path(scratch), progress)
        else:
            tools = PostgresTools(settings.store_url, settings.postgres_bin)
            server = tools.server
            rows, revision = _add_postgres(archive, settings.store_url, tools, progress)
        queue = settings.home / "jobs.sqlite3"
        if queue.is_file():
            copy_sqlite(queue, Path(scratch) / "jobs", progress, "copying the queue")
            archive.add(QUEUE, Path(scratch) / "jobs")
        _add_files(archive, settings, skipped, progress)
        archive.add(POLICY, settings.policy_file)
        if settings.embedder_config is not None:
            archive.add(EMBEDDER, settings.embedder_config)
        if passphrase is not None:
            archive.add(KEYS, seal_keys(key_bytes, passphrase))
        manifest = Manifest(
            format=FORMAT,
            made_at=datetime.now(UTC),
            version=version("lifecert"),
            dialect="sqlite" if sqlite else "postgresql",
            server=server,
            revision=revision,
            policy_hash=policy_hash,
            keys="sealed" if passphrase is not None else "separate" if keys_out is not None else "none",
            keys_sha256=hashlib.sha256(key_bytes).hexdigest(),
            tables=rows,
            members=tuple(archive.members),
        )
        archive.finish(manifest, signer)
        if keys_out is not None:
            write_private(keys_out, key_bytes)
    return Made(place, place.stat().st_size, keys_out, manifest, tuple(skipped))


def _add_sqlite(archive: Writer, store: Path, scratch: Path, progress: Progress) -> tuple[dict[str, int], str]:
    if not store.is_file():
        raise BackupError("there is no store in this home yet: there is nothing to back up")
    copy = scratch / "store"
    copy_sqlite(store, copy, progress, "copying the store")
    counted = rows_of_sqlite(copy)
    archive.add(STORE_SQLITE, copy, progress=progress)
    return counted


def _add_postgres(archive: Writer, url: str, tools: PostgresTools, progress: Progress) -> tuple[dict[str, int], str]:
    database = Database(url)
    try:
        with postgres_snapshot(database) as (connection, snapshot):
            counted = rows_of_postgres(connection)
            size = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
            with archive.member(STORE_POSTGRES, compress=False) as write:
                tools.dump(snapshot, write, progress, size)
        return counted
    finally:
        database.dispose()


def _add_files(archive: Writer, settings: Settings, skipped: list[str], progress: Progress) -> None:
    folders = [(HOME, settings.home)]
    if settings.recording_dir is not None and not settings.recording_dir.is_relative_to(settings.home):
        folders.append((RECORDINGS, settings.recording_dir))
    for prefix, folder in folders:
        found = sorted(files_of(folder, settings))
        for number, path in enumerate(found, 1):
            name = path.relative_to(folder).as_posix()
            try:
                # sealed, packed or small: packing them again is not worth its time
                archive.add(prefix + name, path, compress=path.suffix in {".csv", ".json", ".jsonl", ".log", ".txt"})
            except FileNotFoundError:
                skipped.append(prefix + name)  # gone meanwhile: retention deleted it, or an import that is over
            progress("packing files", number, len(found))


def files_of(folder: Path, settings: Settings) -> Iterator[Path]:
    """The files of a home that go into a backup: not the store and the queue, which are copied otherwise; no keys, locks and work.

    Links are not followed: what they lead to is not of the home.
    """
    if not folder.is_dir():
        return
    apart = {settings.home / "jobs.sqlite3", settings.keys_path}
    store = parse_url(settings.store_url)
    if store.get_backend_name() == "sqlite":
        apart.add(Path(str(store.database)))
    for root, folders, names in os.walk(folder):
        here = Path(root)
        folders[:] = [
            each for each in folders if (here / each).relative_to(folder).as_posix() not in LEFT_OUT and not (here / each).is_symlink()
        ]
        for name in names:
            path = here / name
            beside = any(path.parent == each.parent and name.startswith(each.name) for each in apart)
            if not (beside or path.is_symlink() or not path.is_file() or name.endswith(".lock") or name.startswith(".write-probe")):
                yield path


def seal_keys(key_bytes: bytes, passphrase: str) -> bytes:
    """The key file under a passphrase: scrypt (RFC 7914), AES-256-GCM."""
    if len(passphrase) < PASSPHRASE_MIN:
        raise BackupError(
            f"the passphrase is shorter than {PASSPHRASE_MIN} characters: whoever has the backup can try as many as they like"
        )
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, key_bytes, b"lifecert backup keys")
    return json.dumps({"kdf": "scrypt", **SCRYPT, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}).encode()


def open_keys(data: bytes, passphrase: str) -> bytes:
    """The key file again. Raises BackupError."""
    try:
        values = json.loads(data)
        salt, nonce, sealed = (bytes.fromhex(values[name]) for name in ("salt", "nonce", "sealed"))
        return AESGCM(_derived(passphrase, salt)).decrypt(nonce, sealed, b"lifecert backup keys")
    except InvalidTag as error:
        raise BackupError("the passphrase does not open the keys of the backup: nothing was restored") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError("the sealed keys of the backup cannot be read: nothing was restored") from error


def _derived(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase.encode())


def write_private(place: Path, data: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    unfinished = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, place)
        sync_folder(place.parent)
    finally:
        unfinished.unlink(missing_ok=True)
