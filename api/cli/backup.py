"""`lifecert backup` and `lifecert restore`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from api.backup import PASSPHRASE_MIN, make_backup
from api.backup_archive import BackupError, Manifest
from api.backup_restore import restore as bring_back
from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.keys import open_keyring
from api.policy import load_policy
from api.settings import Settings, load_settings
from models import clock_watch
from models.database import Database
from models.repositories import audit
from models.schema import current_revision, head_revision, upgrade

PASSPHRASE = "LIFECERT_BACKUP_PASSPHRASE"  # noqa: S105 - the name of a variable
ENDING = ".lifecert-backup"


@click.command("backup")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File to write, or a folder in which it gets a name with the time."
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("--keys-out", type=click.Path(path_type=Path, dir_okay=False), help="Where the key file goes; otherwise beside the backup.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"Seal the key file into the backup with the passphrase in this file ({PASSPHRASE}).",
)
@click.option("--without-keys", is_flag=True, help="Leave the key file out: it is kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def backup(out: Path, force: bool, keys_out: Path | None, passphrase_file: Path | None, without_keys: bool, as_json: bool) -> None:
    """Write everything that a home and its store hold into one file, while the service goes on.

    The key file goes to a file of its own: whoever has both has everything in plain, so keep them apart. With a passphrase it goes into
    the backup, sealed.

    \b
    Examples:
      lifecert backup --out /backups
      lifecert backup --out /backups/before-upgrade.lifecert-backup --keys-out /mnt/safe/lifecert-keys.json
      lifecert backup --out /backups --passphrase-file /etc/lifecert/passphrase --json
    """
    settings = load_settings()
    policy = load_policy(settings.policy_file)
    passphrase = _passphrase(settings, passphrase_file)
    if sum((passphrase is not None, keys_out is not None, without_keys)) > 1:
        raise BadInputError(f"--keys-out, --without-keys and a passphrase ({PASSPHRASE}) exclude each other: the keys go to one place")
    place = out / f"lifecert-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{ENDING}" if out.is_dir() else out
    if not place.parent.is_dir():
        raise BadInputError(f"--out: there is no folder {place.parent}: make it, or name another")
    if passphrase is None and keys_out is None and not without_keys:
        keys_out = place.with_name(f"{place.name}.keys.json")
    for target in (place, keys_out):
        if target is not None and target.exists() and not force:
            raise BadInputError(f"{target} is there already: name another, or give --force to overwrite it")
    database = Database(settings.store_url)
    try:
        ring = open_keyring(settings, policy.keys, database)
        with progress_bar(quiet=as_json) as report:
            made = make_backup(settings, ring, place, policy_hash=policy.hash, passphrase=passphrase, keys_out=keys_out, progress=report)
        _record(database, "store_backed_up", made.manifest)
    except BackupError as error:
        raise WorkFailedError(str(error)) from error
    finally:
        database.dispose()
    if as_json:
        keys = None if made.keys is None else str(made.keys)
        click.echo(
            json.dumps(_told(made.manifest) | {"backup": str(made.place), "bytes": made.size, "keys_file": keys, "skipped": made.skipped})
        )
        return
    click.echo(f"{made.place}  {made.size / 1e6:.1f} MB  {sum(made.manifest.tables.values())} rows, {len(made.manifest.members)} files")
    if made.keys is not None:
        click.echo(f"{made.keys}  the keys: keep them in another place than the backup, it opens everything in it")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The separate key file of the backup.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"The passphrase that opens the keys in the backup ({PASSPHRASE}).",
)
@click.option("--force", is_flag=True, help="Put the backup in the place of a store, files and keys that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def restore(file: Path, keys: Path | None, passphrase_file: Path | None, force: bool, as_json: bool) -> None:
    """Bring a backup back into LIFECERT_HOME and the store at LIFECERT_DATABASE_URL, with the service stopped.

    The whole file is checked first. A restore that was interrupted is never served: the same command again goes on with it. The store is
    then brought to the revision of this version.

    \b
    Examples:
      lifecert restore /backups/lifecert-20261122T020000Z.lifecert-backup --keys /mnt/safe/lifecert-keys.json
      LIFECERT_HOME=/srv/drill lifecert restore newest.lifecert-backup --passphrase-file /etc/lifecert/passphrase --json
    """
    settings = load_settings()
    policy = load_policy(settings.policy_file)
    try:
        with progress_bar(quiet=as_json) as report:
            done = bring_back(
                settings, file, policy.keys, passphrase=_passphrase(settings, passphrase_file), keys=keys, force=force, progress=report
            )
    except BackupError as error:
        raise WorkFailedError(str(error)) from error
    upgrade(settings.store_url)
    database = Database(settings.store_url)
    try:
        open_keyring(settings, policy.keys, database)  # opens what the store holds, or says so
        _record(database, "store_restored", done.manifest)
    finally:
        database.dispose()
    if as_json:
        click.echo(json.dumps(_told(done.manifest) | {"home_files": done.files, "policy_differs": done.policy_differs}))
        return
    click.echo(f"restored  {sum(done.manifest.tables.values())} rows, {done.files} files, as of {done.manifest.made_at:%Y-%m-%d %H:%M} UTC")
    if done.policy_differs:
        click.echo(f"the policy of the backup is another than {settings.policy_file}: it lies in the home, from-backup/policy.toml")


def _passphrase(settings: Settings, file: Path | None) -> str | None:
    if file is None:
        return settings.backup_passphrase or None
    words = file.read_text(encoding="utf-8").strip()
    if not words:
        raise BadInputError(f"--passphrase-file {file} is empty: write a passphrase of at least {PASSPHRASE_MIN} characters into it")
    return words


def _record(database: Database, action: str, manifest: Manifest) -> None:
    """The audit entry; a store of an older version has none until it is brought up to date."""
    if current_revision(database.engine) != head_revision():
        return
    now = datetime.now(UTC)
    details = {"made_at": manifest.made_at.isoformat(), "revision": manifest.revision, "rows": sum(manifest.tables.values())}
    with database.session_scope() as session:
        audit.record(session, actor=f"cli:{operator_name()}", action=action, now=now, details=details)
        if action == "store_restored":
            clock_watch.accept(session, now)  # what the backup saw last is its own time


def _told(manifest: Manifest) -> dict[str, Any]:
    return {
        "made_at": manifest.made_at.isoformat(),
        "store": manifest.dialect,
        "revision": manifest.revision,
        "rows": sum(manifest.tables.values()),
        "tables": manifest.tables,
        "files": len(manifest.members),
        "keys": manifest.keys,
    }
