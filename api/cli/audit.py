"""`lifecert audit verify`, `lifecert audit seals`, `lifecert audit export`."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.evaluate import EXISTING_FILE
from api.cli.operator import operator_name
from api.cli.progress import progress_bar

if TYPE_CHECKING:
    from api.context import Context
    from models.repositories.audit_findings import Finding, Verification

DAY = click.DateTime(["%Y-%m-%d"])
SHOWN = 50
OUT = click.Path(dir_okay=False, path_type=Path)


@click.group("audit")
def audit_group() -> None:
    """Who did what: check that nobody changed it, write it into a file.

    \b
    Examples:
      lifecert audit verify
    """


def _context() -> Context:
    from api import audit_journal, audit_sealing
    from api.context import open_context
    from api.settings import load_settings

    context = open_context(load_settings())
    audit_sealing.leave(context)  # what is looked at stays as it is
    audit_journal.take_in(context)
    return context


@audit_group.command("verify")
@click.option("--from", "start", type=DAY, help="First day of the chain to check (YYYY-MM-DD, UTC); the first one when not given.")
@click.option("--to", "end", type=DAY, help="Last day of the chain to check (YYYY-MM-DD, UTC); the last one when not given.")
@click.option("--against", type=EXISTING_FILE, help="A file of `lifecert audit seals`: every seal in it must be in the store.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def verify(start: datetime | None, end: datetime | None, against: Path | None, as_json: bool) -> None:
    """Check every audit entry: altered, missing, added or moved ones are named, and so are seals that are forged or gone.

    Exit code 1 when anything is found. Entries of the last seconds that are not sealed yet are counted, not checked.

    \b
    Examples:
      lifecert audit verify
      lifecert audit verify --from 2026-03-01 --to 2026-03-31 --json
      lifecert audit verify --against /mnt/elsewhere/seals.jsonl
    """
    from models.repositories import audit_seal_files, audit_verification

    if start is not None and end is not None and end < start:
        raise BadInputError("--to is before --from: give the earlier day first")
    context = _context()
    try:
        with progress_bar() as report:
            found = audit_verification.verify(
                context.database,
                context.keyring,
                start=None if start is None else start.date(),
                end=None if end is None else end.date(),
                report=lambda done, total: report("checking entries", done, total),
            )
            if against is not None:
                with against.open(encoding="utf-8") as stream:
                    audit_seal_files.compare(context.database, context.keyring, audit_seal_files.read(stream), found)
    except audit_seal_files.SealFileError as error:
        raise BadInputError(f"{against}: {error}") from error
    except ValueError as error:
        # somebody wrote what Lifecert never writes, e.g. a day that is none
        raise WorkFailedError(
            f"the tables of the audit hold a value that cannot be read ({type(error).__name__}): they were changed"
        ) from error
    if start is None and end is None:
        _tell(context, found)
    click.echo(json.dumps(_as_json(found)) if as_json else _as_text(found))
    if not found.clean:
        raise click.exceptions.Exit(1)


def _tell(context: Context, found: Verification) -> None:
    """An entry says that the whole chain was checked; a store that takes none can be checked all the same."""
    from sqlalchemy.exc import SQLAlchemyError

    from models.errors import ModelsError
    from models.repositories import audit

    details = {"entries": found.entries, "days": found.days, "findings": len(found.findings) + found.more}
    try:
        with context.database.session_scope() as session:
            audit.record(session, actor=f"cli:{operator_name()}", action="audit.verified", now=context.clock(), details=details)
    except (SQLAlchemyError, ModelsError) as error:
        click.echo(f"the check itself could not be entered into the audit ({type(error).__name__})", err=True)


def _as_json(found: Verification) -> dict[str, Any]:
    return {
        "entries": found.entries,
        "days": found.days,
        "sealed_at": None if found.sealed_at is None else found.sealed_at.isoformat(),
        "unsealed": {"entries": found.unsealed, "since": None if found.unsealed_since is None else found.unsealed_since.isoformat()},
        "findings": [
            {
                "kind": one.kind.value,
                "day": None if one.day is None else one.day.isoformat(),
                "position": one.position,
                "entry_id": one.entry_id,
                "what": one.what,
            }
            for one in found.findings
        ],
        "more": found.more,
    }


def _as_text(found: Verification) -> str:
    lines = [f"{found.entries} entries of {found.days} days"]
    if found.unsealed:
        lines.append(f"{found.unsealed} entries are not sealed yet, since {found.unsealed_since:%Y-%m-%d %H:%M:%S} UTC")
    lines += [_line(one) for one in found.findings[:SHOWN]]
    hidden = len(found.findings) - SHOWN + found.more
    if hidden > 0:
        lines.append(f"and {hidden} more (--json names a thousand)")
    lines.append("nothing was changed" if found.clean else f"CHANGED: {len(found.findings) + found.more} findings")
    return "\n".join(lines)


def _line(one: Finding) -> str:
    where = "" if one.day is None else f" {one.day}" + ("" if one.position is None else f" place {one.position}")
    return f"{one.kind.value}{where}{'' if one.entry_id is None else f' entry {one.entry_id}'}: {one.what}"


@audit_group.command("seals")
@click.option("--out", type=OUT, required=True, help="File to write, one JSON object a line.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def seals(out: Path, as_json: bool) -> None:
    """Write every seal into a file, to be kept elsewhere: with it, a store that was put back to an older state is found out.

    \b
    Examples:
      lifecert audit seals --out /mnt/elsewhere/seals.jsonl
    """
    from api import audit_sealing
    from models.repositories import audit_seal_files

    context = _context()
    audit_sealing.seal(context)
    number = 0
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            for line in audit_seal_files.lines(context.database):
                stream.write(line + "\n")
                number += 1
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    click.echo(json.dumps({"file": str(out), "seals": number}) if as_json else f"{out}: {number} seals")


@audit_group.command("export")
@click.option("--from", "start", type=DAY, required=True, help="First day of the chain (YYYY-MM-DD, UTC).")
@click.option("--to", "end", type=DAY, required=True, help="Last day of the chain (YYYY-MM-DD, UTC).")
@click.option("--out", type=OUT, required=True, help="File to write; FILE.manifest.json beside it has the signature.")
@click.option("--format", "file_format", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True, help="How to write it.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def export(start: datetime, end: datetime, out: Path, file_format: str, as_json: bool) -> None:
    """Write the sealed entries of some days into a file, with a manifest that the key ring signs. The export is an entry itself.

    \b
    Examples:
      lifecert audit export --from 2026-03-01 --to 2026-03-31 --out march.csv
      lifecert audit export --from 2026-03-01 --to 2026-03-31 --out march.jsonl --format jsonl --json
    """
    from api import audit_export, audit_sealing
    from api.context import open_context
    from api.settings import load_settings

    if end < start:
        raise BadInputError("--to is before --from: give the earlier day first")
    context = open_context(load_settings())
    audit_sealing.seal(context)
    with progress_bar() as report:
        done = audit_export.export(
            context,
            start=start.date(),
            end=end.date(),
            out=out,
            as_csv=file_format == "csv",
            by=f"cli:{operator_name()}",
            report=lambda written, total: report("writing entries", written, total),
        )
    if as_json:
        said = {"file": str(done.file), "manifest": str(done.manifest), "entries": done.entries, "sha256": done.sha256}
        click.echo(json.dumps(said))
        return
    click.echo(f"{done.file}: {done.entries} entries, sha256 {done.sha256}; signed in {done.manifest.name}")
