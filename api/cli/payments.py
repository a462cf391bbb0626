"""`lifecert outreach` and `lifecert payments`."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.evaluate import EXISTING_FILE
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

KINDS = click.Choice(["pause", "resume"])
REGION = "Region code of six digits: that region and all inside it."
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("outreach")
def outreach_group() -> None:
    """Who has to be reached before a pause may be proposed.

    \b
    Examples:
      lifecert outreach refresh
    """


@outreach_group.command("refresh")
@click.option("--as-of", type=DAY, help="The day whose status counts (YYYY-MM-DD); today when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def refresh(as_of: datetime | None, as_json: bool) -> None:
    """Bring the outreach list up to date: whoever is overdue comes on, whoever is certified, dead or no longer due goes.

    The jobs do it every night. A killed run has lost nothing; the next one does the rest.

    \b
    Examples:
      lifecert outreach refresh
      lifecert outreach refresh --as-of 2026-03-31 --json
    """
    from api.payments import make_outreach

    context = open_context(load_settings())
    with progress_bar() as report:
        done = make_outreach(context).refresh(
            as_of=None if as_of is None else as_of.date(), actor=f"cli:{operator_name()}", progress=report
        )
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(f"{done.opened} added, {done.certified} certified, {done.deceased} dead, {done.not_due} no longer due")
    if done.withdrawn:
        click.echo(f"{done.withdrawn} proposals of a pause withdrawn: their persons left the list")


@click.group("payments")
def payments_group() -> None:
    """Resumptions, and lists of pauses and resumptions for the paying system.

    \b
    Examples:
      lifecert payments resume
      lifecert payments export --kind pause --region 420000
      lifecert payments verify lifecert-pause-1.csv --signature lifecert-pause-1.csv.sig
    """


@payments_group.command("resume")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def resume(as_json: bool) -> None:
    """Resume the benefits of everybody who was certified again, from the next month, with arrears. The jobs do it every few minutes.

    \b
    Examples:
      lifecert payments resume
      lifecert payments resume --json
    """
    from api.payments import make_resumptions

    done = make_resumptions(open_context(load_settings())).resume_certified(actor=f"cli:{operator_name()}")
    held_back = {reason.value: number for reason, number in done.held_back.items()}
    if as_json:
        click.echo(json.dumps({"resumed": len(done.changes), "arrears_fen": done.arrears_fen, "held_back": held_back}))
        return
    click.echo(f"{len(done.changes)} benefits resumed, {done.arrears_fen / 100:.2f} yuan of arrears")
    for reason, number in held_back.items():
        click.echo(f"{number} held back: {reason.replace('_', ' ')}")


@payments_group.command("export")
@click.option("--kind", type=KINDS, required=True, help="Pauses or resumptions.")
@click.option("--region", help=f"{REGION} Makes a new list of what is on none yet.")
@click.option("--number", type=click.IntRange(min=1), help="Give the list with this number again, byte by byte, instead of a new one.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the list goes; lifecert-KIND-NUMBER.csv here when not given."
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def export(kind: str, region: str | None, number: int | None, out: Path | None, as_json: bool) -> None:
    """Write a list for the paying system: CSV with full resident IDs, readable by its owner only, and its signature in FILE.sig.

    Every signed change that is on no list yet goes on the next one; numbers count up without gaps within a kind. Each export is audited.

    \b
    Examples:
      lifecert payments export --kind pause --region 420000
      lifecert payments export --kind resume --region 420100 --out resume.csv --json
      lifecert payments export --kind pause --number 7
    """
    from api.payments import make_lists
    from models.payment_change import PaymentChangeKind

    if (region is None) == (number is None):
        raise BadInputError("give either --region, for a new list, or --number, for one that was made before")
    if out is not None and not out.absolute().parent.is_dir():
        raise BadInputError(f"--out: the folder of {out} is not there: make it first")
    lists, actor = make_lists(open_context(load_settings())), f"cli:{operator_name()}"
    wanted = PaymentChangeKind(kind)
    made = lists.make(wanted, str(region), actor=actor) if number is None else lists.again(wanted, number, actor=actor)
    if made is None:
        if as_json:
            click.echo(json.dumps({"kind": kind, "number": None, "rows": 0, "file": None, "signature": None, "waiting": 0}))
        else:
            click.echo("nothing to export: every signed change is on a list")
        return
    view = made.view
    file = out or Path(f"lifecert-{kind}-{view.number}.csv")
    signature = file.with_name(file.name + ".sig")
    try:
        write_private(file, made.content)
        write_private(signature, view.signature_file())
    except OSError as error:
        raise WorkFailedError(
            f"list {view.number} is made, but {file} cannot be written ({error.strerror}): make room or choose another --out, "
            f"then run lifecert payments export --kind {kind} --number {view.number}"
        ) from error
    if as_json:
        shown = {"rows": view.row_count, "sha256": view.content_sha256, "key_id": view.key_id, "waiting": made.waiting}
        click.echo(json.dumps({"kind": kind, "number": view.number, "file": str(file), "signature": str(signature), **shown}))
        return
    click.echo(f"list {view.number}: {view.row_count} lines in {file}, signature in {signature}")
    if made.waiting:
        click.echo(f"{made.waiting} more wait for the next list: run the command again")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@payments_group.command("list")
@click.option("--kind", type=KINDS, help="Only this kind.")
@click.option("--region", help=REGION)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def show_lists(kind: str | None, region: str | None, as_json: bool) -> None:
    """Show the last 100 lists that were made, newest first.

    \b
    Examples:
      lifecert payments list
      lifecert payments list --kind resume --json
    """
    from api.payments import make_lists
    from models.payment_change import PaymentChangeKind

    wanted = None if kind is None else PaymentChangeKind(kind)
    found = make_lists(open_context(load_settings())).lists(region_code=region, kind=wanted)
    if as_json:
        click.echo(json.dumps([_shown(asdict(view)) for view in found]))
        return
    for view in found:
        when = f"{view.made_at:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{view.kind.value:<7}{view.number:>6}  {view.region_code}  {view.row_count:>7} lines  {when}  {view.made_by}")
    if not found:
        click.echo("no list was made yet")


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in view.items()}


@payments_group.command("verify")
@click.argument("file", type=EXISTING_FILE)
@click.option("--signature", required=True, type=EXISTING_FILE, help="The file that the export wrote beside the list.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def verify_list(file: Path, signature: Path, as_json: bool) -> None:
    """Check that a file is a list that was made here, unchanged. Exit 1 when it is not.

    \b
    Examples:
      lifecert payments verify lifecert-pause-1.csv --signature lifecert-pause-1.csv.sig
    """
    from api.payments import make_lists
    from verify.payment_list_service import SignatureState

    state, view = make_lists(open_context(load_settings())).check(file.read_bytes(), signature.read_bytes())
    if as_json:
        about = {"kind": None, "number": None} if view is None else {"kind": view.kind.value, "number": view.number}
        click.echo(json.dumps({"state": state.value, **about}))
    elif view is not None:
        click.echo(f"valid: {view.kind.value} list {view.number}, {view.row_count} lines")
    elif state is SignatureState.UNKNOWN:
        click.echo("signed with our key, but no list with this content is recorded here")
    else:
        click.echo("not valid: the file was changed, or the signature is not ours")
    if state is not SignatureState.VALID:
        raise click.exceptions.Exit(1)
