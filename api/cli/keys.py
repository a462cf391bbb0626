"""`lifecert keys list|rotate|reseal|retire`: keys of what is stored sealed, and of what is signed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.settings import load_settings

if TYPE_CHECKING:
    from api.key_rotation import KeyLine, KeyRotation, ResealResult


@click.group("keys")
def keys_group() -> None:
    """Keys: list them, make a new one, seal everything again with it, destroy the old one. All of it while the service runs.

    \b
    Examples:
      lifecert keys list --count
      lifecert keys rotate && lifecert keys reseal
      lifecert keys retire k1
    """


JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")


@keys_group.command("list")
@click.option("--count", is_flag=True, help="Count what is sealed with each key too; reads every table.")
@JSON_OPTION
def list_keys(count: bool, as_json: bool) -> None:
    """Every key, those that were destroyed too, without any key material.

    \b
    Examples:
      lifecert keys list
      lifecert keys list --count --json
    """
    lines = _rotation().listing(count=count)
    if as_json:
        click.echo(json.dumps({"keys": [_plain(line) for line in lines]}))
        return
    click.echo(f"{'key':<12} {'kind':<8} {'cipher':<12} {'kept by':<8} {'state':<10} {'made':<17}{'values' if count else ''}".rstrip())
    for line in lines:
        state = "destroyed" if line.destroyed_at else "current" if line.current else "older"
        made = "-" if line.made_at is None else f"{line.made_at:%Y-%m-%d %H:%M}"
        values = "" if line.values is None else str(line.values)
        click.echo(f"{line.key_id:<12} {line.kind:<8} {line.cipher:<12} {line.custody:<8} {state:<10} {made:<17}{values}".rstrip())


@keys_group.command("rotate")
@click.option("--signing", is_flag=True, help="Make a new signing key instead; the secret of the one before is destroyed at once.")
@JSON_OPTION
def rotate(signing: bool, as_json: bool) -> None:
    """Make a new current key. Running processes take it for the next value; what is sealed already stays readable with its own key.

    A sealing key is of the cipher in LIFECERT_CIPHER, and kept as LIFECERT_KEY_SERVICE says. Make a new backup of the key file at once:
    an older one does not open what is sealed from now on.

    \b
    Examples:
      lifecert keys rotate
      LIFECERT_CIPHER=sm4-gcm lifecert keys rotate
      lifecert keys rotate --signing
    """
    from api.key_rotation import KeyKind

    key_id = _rotation().rotate(KeyKind.SIGNING if signing else KeyKind.SEALING, actor=_actor())
    if as_json:
        click.echo(json.dumps({"key": key_id}))
        return
    click.echo(f"{key_id} is the current key. Back the key file up now.")
    if not signing:
        click.echo("Then seal what is stored again: lifecert keys reseal")


@keys_group.command("reseal")
@click.option("--rate", type=click.IntRange(1, 1_000_000), metavar="ROWS", help="No more than so many rows a second.")
@click.option("--seconds", type=click.FloatRange(1), metavar="S", help="Stop after so long; background jobs or the next run go on.")
@JSON_OPTION
def reseal(rate: int | None, seconds: float | None, as_json: bool) -> None:
    """Seal everything that is sealed with an older key again with the current one, beside everybody's work.

    A run that was killed goes on where it was; the background jobs go on by themselves. Values that no key opens are left as they are and
    counted. Exit 1 when there are such values, or when the run is not through.

    \b
    Examples:
      lifecert keys reseal
      lifecert keys reseal --rate 2000
      lifecert keys reseal --json
    """
    rotation = _rotation()
    with progress_bar() as report:
        result = rotation.reseal(actor=_actor(), seconds=seconds, rows_per_second=rate, progress=report)
    _show(result, as_json=as_json)
    if result.unopened or not result.finished:
        raise click.exceptions.Exit(1)


@keys_group.command("retire")
@click.argument("key")
@JSON_OPTION
def retire(key: str, as_json: bool) -> None:
    """Destroy an older sealing key for good. Refused while a single value is sealed with it, and until it was replaced long enough ago.

    Older backups of the store need the key: keep the backup of the key file that goes with them, or destroy both together.

    \b
    Examples:
      lifecert keys retire k1
    """
    from models.keys import KeyStateError

    try:
        _rotation().retire(key, actor=_actor())
    except KeyStateError as error:
        raise BadInputError(str(error)) if "there is no" in str(error) else WorkFailedError(str(error)) from error
    click.echo(json.dumps({"destroyed": key}) if as_json else f"{key} is destroyed. Back the key file up now.")


def _rotation() -> KeyRotation:
    from api.context import open_context
    from api.keys import make_rotation

    return make_rotation(open_context(load_settings()))


def _actor() -> str:
    return f"cli:{operator_name()}"


def _plain(line: KeyLine) -> dict[str, Any]:
    values = asdict(line)
    return {name: value.isoformat() if name.endswith("_at") and value else value for name, value in values.items()}


def _show(result: ResealResult, *, as_json: bool) -> None:
    if as_json:
        tables = [asdict(table) for table in result.tables]
        shown = {"to_key": result.to_key, "finished": result.finished, "resealed": result.resealed, "unopened": result.unopened}
        click.echo(json.dumps(shown | {"tables": tables}))
        return
    for table in result.tables:
        if table.resealed or table.unopened or not table.finished:
            note = "" if table.finished else "  not through"
            lost = f"  {table.unopened} that no key opens" if table.unopened else ""
            click.echo(f"{table.table:<22} {table.resealed:>10} sealed again{lost}{note}")
    click.echo(f"{result.resealed} rows are sealed with {result.to_key} now." if result.finished else "Not through: run it again to go on.")
