"""`lifecert privacy`: people's rights over their own data, and the papers for the authority."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

if TYPE_CHECKING:
    from verify.privacy_service import RequestView

PERSON = click.option("--person", required=True, metavar="ID", help="Public id of the person, as addresses of pages have it.")
LANGUAGE = click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of the papers.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")


@click.group("privacy")
def privacy_group() -> None:
    """A person's own copy, requests for correction and deletion, and the papers for the authority.

    \b
    Examples:
      lifecert privacy export --person PQ3x8mJk2LwZ1tYbC0aVfg --out copy.zip
      lifecert privacy requests
      lifecert privacy delete uT5b9XkQe0cRr7mWn2LsAg --by "Wang Fang"
      lifecert privacy report --out filing/
    """


@privacy_group.command("export")
@PERSON
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="ZIP file to write; must not be there yet.")
@LANGUAGE
@AS_JSON
def export_command(person: str, out: Path, language: str, as_json: bool) -> None:
    """Write everything that is held about a person, readable by that person, into a ZIP. It leaves an audit entry.

    The file holds names, numbers and pictures in clear: hand it to the person, then delete it.

    \b
    Examples:
      lifecert privacy export --person PQ3x8mJk2LwZ1tYbC0aVfg --out copy.zip
      lifecert privacy export --person PQ3x8mJk2LwZ1tYbC0aVfg --out copy.zip --language en --json
    """
    import os

    from api.privacy import make_privacy
    from api.privacy_export import export
    from verify.privacy_service import PrivacyRefused
    from verify.service_errors import PersonUnknown

    context = open_context(load_settings())
    if out.exists():
        raise BadInputError(f"{out} is there already: choose another name, so that no earlier copy is lost")
    try:
        make_privacy(context).note_export(person, channel="operator", actor=f"cli:{operator_name()}")
    except PersonUnknown as error:
        raise BadInputError(f"--person: {error}") from error
    except PrivacyRefused as error:
        raise WorkFailedError(str(error)) from error
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            done = export(context, person, stream, language=language)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    rows = sum(done.rows.values())
    if as_json:
        click.echo(json.dumps({"file": str(out), "rows": done.rows, "pictures": done.pictures, "not_opened": done.broken}))
    else:
        click.echo(f"{out}: {rows} rows of {len(done.rows)} tables, {done.pictures} pictures")
    if done.broken:
        click.echo(f"{done.broken} sealed values do not open with the keys that are here; they are marked in the copy", err=True)


@privacy_group.command("requests")
@click.option("--region", default="", metavar="CODE", help="Only of this region and all inside it; a prefix of its code.")
@click.option("--answered", is_flag=True, help="Those that were answered, the last first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many.")
@AS_JSON
def requests_command(region: str, answered: bool, limit: int, as_json: bool) -> None:
    """List requests for correction and deletion, those first that are due first. No names are shown.

    \b
    Examples:
      lifecert privacy requests
      lifecert privacy requests --region 4298 --answered --json
    """
    from api.privacy import make_privacy

    if region and not (region.isascii() and region.isdigit() and len(region) <= 6):
        raise BadInputError("--region is a code of at most six digits, such as 4298")
    context = open_context(load_settings())
    found = make_privacy(context).listing(region, waiting=not answered, after=None, limit=limit)
    rows = [_line(view) for view in found]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        late = "  LATE" if row["late"] else ""
        click.echo(f"{row['request']}  {row['kind']}  {row['state']}  due {row['due_on']}  person {row['person']}  {row['region']}{late}")
    if not rows:
        click.echo("no request is there", err=True)


@privacy_group.command("delete")
@click.argument("request_id", metavar="REQUEST")
@click.option("--by", required=True, metavar="NAME", help="Who does it: the first prepares, a second, another one carries it out.")
@AS_JSON
def delete_command(request_id: str, by: str, as_json: bool) -> None:
    """Prepare the deletion that a person asked for; called again by a second person, carry it out.

    What may go goes; what has to stay is listed with the reason and until when.

    \b
    Examples:
      lifecert privacy delete uT5b9XkQe0cRr7mWn2LsAg --by "Wang Fang"
      lifecert privacy delete uT5b9XkQe0cRr7mWn2LsAg --by "Li Na" --json
    """
    from api.privacy import make_privacy
    from models.errors import ConflictError, NotFoundError
    from models.privacy import PrivacyKind, PrivacyState
    from verify.privacy_service import PrivacyRefused

    name = by.strip()
    if not 0 < len(name) <= 90:
        raise BadInputError("--by must have 1 to 90 characters")
    context = open_context(load_settings())
    service = make_privacy(context)
    try:
        view = service.one(request_id)
        if view.kind is not PrivacyKind.DELETION:
            raise BadInputError(f"this is a request for {view.kind.value}: answer it at the desk")
        if view.state is PrivacyState.OPEN:
            service.prepare(request_id, carry_out=True, note="", actor=f"cli:{name}")
        else:
            service.sign(request_id, agree=True, actor=f"cli:{name}")
    except (NotFoundError, ConflictError, PrivacyRefused) as error:
        raise BadInputError(str(error)) from error
    view = service.one(request_id)
    if as_json:
        click.echo(json.dumps(_line(view), ensure_ascii=False))
        return
    if view.state is PrivacyState.PREPARED:
        click.echo(f"prepared; another person carries it out: lifecert privacy delete {request_id} --by NAME")
        return
    for what, number in view.deleted.items():
        click.echo(f"deleted {what}: {number}")
    for one in view.kept:
        click.echo(f"kept {one['what']}: {one['rows']} ({one['why']}, until {one['until'] or 'as the archive rules say'})")


@privacy_group.command("report")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Folder to write into; made when missing.")
@LANGUAGE
@AS_JSON
def report_command(out: Path, language: str, as_json: bool) -> None:
    """Write the filing pack from the running configuration: faces held, record of processing, impact assessment; HTML and PDF.

    \b
    Examples:
      lifecert privacy report --out filing/
      lifecert privacy report --out filing/ --language en --json
    """
    from api.privacy_pack import write_pack

    context = open_context(load_settings())
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out {out} is a file: give a folder")
    with progress_bar(quiet=as_json) as progress:
        done = write_pack(context, out, language=language, progress=progress)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
        return
    for name in done["files"]:
        click.echo(str(out / name))
    click.echo(f"people whose faces are held: {done['people']}; filing: {done['filing']}", err=True)


def _line(view: RequestView) -> dict[str, Any]:
    return {
        "request": view.request_id,
        "person": view.person_id,
        "region": view.region_code,
        "kind": view.kind.value,
        "state": view.state.value,
        "asked_at": view.asked_at.isoformat(),
        "due_on": view.due_on.isoformat(),
        "late": view.late,
        "deleted": view.deleted,
        "kept": list(view.kept),
    }
