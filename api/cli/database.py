"""`lifecert db`: the revision of the tables."""

from __future__ import annotations

import json

import click

from api.cli.progress import progress_bar
from api.settings import load_settings
from models.database import Database
from models.schema import check_schema, current_revision, head_revision, upgrade


@click.group("db")
def db_group() -> None:
    """The tables of the store: which revision they have, and bringing them up to that of this version.

    \b
    Examples:
      lifecert db check
      lifecert db upgrade
    """


@db_group.command("current")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def db_current(as_json: bool) -> None:
    """Show the revision of the tables and that of this version.

    \b
    Examples:
      lifecert db current
    """
    database = Database(load_settings().store_url)
    try:
        found = current_revision(database.engine)
    finally:
        database.dispose()
    if as_json:
        click.echo(json.dumps({"current": found, "needed": head_revision()}))
        return
    click.echo(f"{found or 'none'}  (this version: {head_revision()})")


@db_group.command("check")
def db_check() -> None:
    """Exit 0 when the tables fit this version, 1 when they do not.

    \b
    Examples:
      lifecert db check
    """
    database = Database(load_settings().store_url)
    try:
        check_schema(database.engine)
    finally:
        database.dispose()
    click.echo(f"the tables are at revision {head_revision()}, as this version needs")


@db_group.command("upgrade")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def db_upgrade(as_json: bool) -> None:
    """Bring the tables up to this version's revision, all in one transaction, also while an older version serves.

    A statement that would make the service wait for longer than three seconds gives up its place and tries again, ten times.

    \b
    Examples:
      lifecert db upgrade
    """
    settings = load_settings()
    database = Database(settings.store_url)
    try:
        before = current_revision(database.engine)
    finally:
        database.dispose()
    with progress_bar(quiet=as_json) as report:
        report("migrating", 0, 1)
        upgrade(settings.store_url)
        report("migrating", 1, 1)
    if as_json:
        click.echo(json.dumps({"before": before, "after": head_revision()}))
        return
    click.echo(f"{before or 'none'} -> {head_revision()}" if before != head_revision() else f"nothing to do: {head_revision()}")
