"""Bringing a backup back: checked as a whole first, laid ready inside the home, put in place in steps that can be gone on with.

While the folder ``.restoring`` with its mark is in a home the service refuses to start there: so a restore that was killed in the middle
is never served, and the same command goes on with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from api.backup import EMBEDDER, HOME, KEYS, POLICY, QUEUE, RECORDINGS, STORE_POSTGRES, STORE_SQLITE, files_of, open_keys, write_private
from api.backup_archive import BackupError, Manifest, Progress, Reader, reading, sync_folder
from api.backup_store import PostgresTools, rows_of_postgres, rows_of_sqlite
from api.context import RESTORING
from api.keys import open_keyring
from api.settings import Settings
from models.database import Database, make_engine, parse_url
from models.policy_keys import KeysPolicy
from models.schema import is_known

FROM_BACKUP = "from-backup"  # in the home: configuration that the backup had; it is not put over the configured one
MARK = "mark"


@dataclass(frozen=True)
class Restored:
    """What was brought back. files: of the home. policy_differs: the policy of the backup is another than the configured one."""

    manifest: Manifest
    files: int
    policy_differs: bool


def restore(
    settings: Settings, place: Path, policy: KeysPolicy, *, passphrase: str | None, keys: Path | None, force: bool, progress: Progress
) -> Restored:
    """Bring the backup back into the home and the store of the settings. keys: a separate key file. force: what is there may go.

    Raises:
        BackupError: the backup is not whole or not of these keys, or something is in its place; nothing was changed.
    """
    with reading(place) as backup:
        return _Restore(settings, backup, policy, force, progress).run(passphrase, keys)


class _Restore:
    def __init__(self, settings: Settings, backup: Reader, policy: KeysPolicy, force: bool, progress: Progress) -> None:
        self._keys_policy = policy
        self._settings, self._backup, self._force, self._progress = settings, backup, force, progress
        self._manifest = backup.manifest
        self._url = parse_url(settings.store_url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._laid = settings.home / RESTORING

    def run(self, passphrase: str | None, keys: Path | None) -> Restored:
        manifest, settings = self._manifest, self._settings
        kind = "sqlite" if self._sqlite else "postgresql"
        if manifest.dialect != kind:
            raise BackupError(f"the backup is of a {manifest.dialect} store, LIFECERT_DATABASE_URL names {kind}: name a store of that kind")
        if not is_known(manifest.revision):
            raise BackupError(
                f"the backup is at revision {manifest.revision}, which this version does not know: restore it with the version that "
                f"made it ({manifest.version}) or a newer one"
            )
        key_bytes = self._keys(passphrase, keys)
        self._check_room()
        self._check_target(key_bytes)
        self._backup.check(self._progress)
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        resumed = self._was_committed()
        try:
            self._lay_ready(key_bytes)
            if not self._sqlite and not resumed:
                self._restore_postgres()
        except (BackupError, OSError):
            if not resumed:
                shutil.rmtree(self._laid, ignore_errors=True)  # nothing was changed yet: what was there can be served again
            raise
        self._mark("committed")
        files = self._put_in_place(key_bytes)
        self._check_rows()
        shutil.rmtree(self._laid)
        differs = hashlib.sha256(settings.policy_file.read_bytes()).hexdigest() != hashlib.sha256(self._backup.read(POLICY)).hexdigest()
        return Restored(manifest, files, differs)

    def _restore_postgres(self) -> None:
        tools = PostgresTools(self._settings.store_url, self._settings.postgres_bin)
        scratch = self._laid / "scratch"
        scratch.mkdir(mode=0o700)
        tools.restore(self._backup.parts(STORE_POSTGRES), scratch / "store.pgdump", self._progress)
        shutil.rmtree(scratch)

    def _keys(self, passphrase: str | None, keys: Path | None) -> bytes:
        """The bytes of the key file that belongs to the backup."""
        if keys is not None:
            found = keys.read_bytes()
        elif self._manifest.keys == "sealed":
            if passphrase is None:
                raise BackupError("the keys are in the backup under a passphrase: give --passphrase-file or LIFECERT_BACKUP_PASSPHRASE")
            found = open_keys(self._backup.read(KEYS), passphrase)
        elif self._settings.keys_path.is_file():
            found = self._settings.keys_path.read_bytes()
        else:
            raise BackupError(
                "the keys are not in the backup: give the separate key file with --keys, or put it to "
                f"{self._settings.keys_path} first. Without them nothing sealed can be opened"
            )
        if hashlib.sha256(found).hexdigest() != self._manifest.keys_sha256 and (keys is not None or self._manifest.keys == "sealed"):
            raise BackupError("the key file is not the one that the backup was made with: nothing was restored")
        return found

    def _check_room(self) -> None:
        needed = sum(member.size for member in self._manifest.members)
        folder = self._settings.home
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise BackupError(f"the backup needs {needed >> 20} MB, {folder} has {free >> 20} MB free: make room; nothing was restored")

    def _check_target(self, key_bytes: bytes) -> None:
        """Refuse where something would be lost without being asked for, and where somebody is at work."""
        settings = self._settings
        if self._sqlite:
            store = Path(str(self._url.database))
            if store.exists() and not _is_empty_sqlite(store):
                self._refuse(f"there is a store in {store}")
                _refuse_users_of(store)
        else:
            self._check_postgres()
        if next(files_of(settings.home, settings), None) is not None:
            self._refuse(f"there are files in {settings.home}")
        if settings.keys_path.is_file() and settings.keys_path.read_bytes() != key_bytes:
            self._refuse(f"there are other keys in {settings.keys_path}")

    def _refuse(self, what: str) -> None:
        if not self._force and self._mark_text() != self._name():  # a mark: this very restore was interrupted, what is there is its own
            raise BackupError(f"{what}: restore into an empty place, or give --force to put the backup in its place. Nothing was changed")

    def _check_postgres(self) -> None:
        engine = make_engine(self._settings.store_url)
        try:
            with engine.connect() as connection:
                tables = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) or 0
                others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                users = connection.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")) or 0  # noqa: S608
        finally:
            engine.dispose()
        if tables:
            self._refuse("the database has tables")
        if users:
            raise BackupError(f"{users} other sessions use the database: stop Lifecert first, with its jobs. Nothing was changed")

    def _name(self) -> str:
        return hashlib.sha256(self._backup.manifest_data).hexdigest()

    def _mark_text(self) -> str:
        """Which backup a restore that was interrupted is of; empty when none was."""
        try:
            return (self._laid / MARK).read_text(encoding="ascii").split(" ")[0]
        except FileNotFoundError:
            return ""

    def _was_committed(self) -> bool:
        """True when the store of this very backup is in its place already."""
        try:
            return (self._laid / MARK).read_text(encoding="ascii") == f"{self._name()} committed"
        except FileNotFoundError:
            return False

    def _mark(self, step: str) -> None:
        write_private(self._laid / MARK, f"{self._name()} {step}".encode("ascii"))

    def _lay_ready(self, key_bytes: bytes) -> None:
        """Everything that is to be put in place, in a folder of its own on the same disk."""
        if self._mark_text() not in {"", self._name()} and not self._force:
            raise BackupError(
                "the restore of another backup was interrupted here: go on with that one, or give --force. Nothing was changed"
            )
        committed = self._was_committed()
        if self._laid.exists():
            shutil.rmtree(self._laid / "home", ignore_errors=True)
            shutil.rmtree(self._laid / "scratch", ignore_errors=True)
        self._laid.mkdir(mode=0o700, exist_ok=True)
        laid = self._laid / "home"
        laid.mkdir(mode=0o700)
        for number, member in enumerate(self._manifest.members, 1):
            target = self._laid_name(member.name)
            if target is not None:
                self._backup.extract(member.name, laid / target)
            self._progress("laying ready", number, len(self._manifest.members))
        staged = self._laid / "keys.json"
        write_private(staged, key_bytes)
        self._backup.check_signature(open_keyring(self._settings.model_copy(update={"key_file": staged}), self._keys_policy))
        sync_folder(laid)
        self._mark("committed" if committed else "laid")

    def _laid_name(self, member: str) -> str | None:
        if member in {POLICY, EMBEDDER}:
            return f"{FROM_BACKUP}/{Path(member).name}"
        if member == QUEUE:
            return "jobs.sqlite3"
        if member == STORE_SQLITE:
            return ".store"
        if member.startswith(HOME):
            return member.removeprefix(HOME)
        if member.startswith(RECORDINGS):
            return f"recordings-{FROM_BACKUP}/{member.removeprefix(RECORDINGS)}"
        return None

    def _put_in_place(self, key_bytes: bytes) -> int:
        """Every step may be done again: what is laid ready is copied, not moved, where a second time would miss it."""
        settings, laid = self._settings, self._laid / "home"
        for path in list(files_of(settings.home, settings)):
            path.unlink()
        if self._sqlite:
            _replace_sqlite(laid / ".store", Path(str(self._url.database)))
        if (laid / "jobs.sqlite3").exists():
            _replace_sqlite(laid / "jobs.sqlite3", settings.home / "jobs.sqlite3")
        files = 0
        for path in sorted(laid.rglob("*")):
            if path.is_file() and path.name != ".store" and path != laid / "jobs.sqlite3":
                target = settings.home / path.relative_to(laid)
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.link(path, target)
                files += 1
        settings.keys_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(settings.keys_path, key_bytes)
        return files

    def _check_rows(self) -> None:
        """Compare the number of rows of every table with the manifest."""
        if self._sqlite:
            found, _ = rows_of_sqlite(Path(str(self._url.database)))
        else:
            database = Database(self._settings.store_url)
            try:
                with database.engine.connect() as connection:
                    found, _ = rows_of_postgres(connection)
            finally:
                database.dispose()
        wrong = sorted(name for name, rows in self._manifest.tables.items() if found.get(name) != rows)
        if wrong:
            raise BackupError(
                f"the restored store has other numbers of rows than the backup in {', '.join(wrong)}: it is not used; restore again"
            )


def _is_empty_sqlite(store: Path) -> bool:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
        try:
            return not opened.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        except sqlite3.DatabaseError:
            return False


def _refuse_users_of(store: Path) -> None:
    """Refuse when another process has the SQLite store open: it would go on writing into the file that goes away."""
    with closing(sqlite3.connect(store, isolation_level=None, timeout=0)) as opened:
        try:
            opened.execute("PRAGMA locking_mode = EXCLUSIVE")
            opened.execute("BEGIN EXCLUSIVE")
            opened.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise BackupError(f"another process uses {store}: stop Lifecert first, with its jobs. Nothing was changed") from error
        except sqlite3.DatabaseError:
            return  # what is there is no database any more, which is why it is restored


def _replace_sqlite(laid: Path, target: Path) -> None:
    """Put a copy of a database in its place; the log of the one before must not be read into it."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    beside = target.with_name(f".{target.name}.restored")
    beside.unlink(missing_ok=True)
    try:
        os.link(laid, beside)
    except OSError:
        shutil.copyfile(laid, beside)  # the store is on another disk than the home
        beside.chmod(0o600)
    os.replace(beside, target)
    sync_folder(target.parent)
