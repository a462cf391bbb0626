"""`lifecert legal-basis`: on which legal text the search for faces rests, recorded by one person and approved by a second."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.context import Context, open_context
from api.settings import load_settings
from models.legal_basis import LegalPurpose

if TYPE_CHECKING:
    from models.legal_basis import LegalBasis

DAY = click.DateTime(["%Y-%m-%d"])
PURPOSES = click.Choice([purpose.value for purpose in LegalPurpose])
BY = click.option("--by", default=operator_name, metavar="NAME", help="Who does it, for the record; this user when not given.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")


@click.group("legal-basis")
def legal_basis_group() -> None:
    """Legal bases: `lifecert detect faces` runs only while one is valid. One person records it, a second one approves it.

    \b
    Examples:
      lifecert legal-basis add --basis "Social insurance law, article 79" --document "XX [2026] 12" --from 2026-01-01 --until 2026-12-31
      lifecert legal-basis approve PQ3x8mJk2LwZ1tYbC0aVfg --by "Wang Fang"
      lifecert legal-basis list
    """


@legal_basis_group.command("add")
@click.option("--purpose", type=PURPOSES, default=LegalPurpose.FACE_SEARCH.value, help="What it is for; face_search when not given.")
@click.option("--basis", required=True, help="The legal text: law, article, what it allows. At most 1000 characters.")
@click.option("--document", required=True, help="Reference of the document that says so. At most 200 characters.")
@click.option("--from", "valid_from", type=DAY, required=True, metavar="DATE", help="First day on which it holds, YYYY-MM-DD.")
@click.option("--until", "valid_until", type=DAY, required=True, metavar="DATE", help="Last day on which it holds, YYYY-MM-DD.")
@BY
@AS_JSON
def add(purpose: str, basis: str, document: str, valid_from: datetime, valid_until: datetime, by: str, as_json: bool) -> None:
    """Record a legal basis. It does not hold before a second person approved it.

    \b
    Examples:
      lifecert legal-basis add --basis "Social insurance law, article 79" --document "XX [2026] 12" --from 2026-01-01 --until 2026-12-31
      lifecert legal-basis add --basis "..." --document "..." --from 2026-01-01 --until 2026-12-31 --by "Li Na" --json
    """
    from models.repositories import audit, legal_bases

    new = legal_bases.NewBasis(
        LegalPurpose(purpose),
        _text("--basis", basis, 1000),
        _text("--document", document, 200),
        valid_from.date(),
        valid_until.date(),
    )
    by, context = _text("--by", by, 100), open_context(load_settings())
    if new.valid_until < new.valid_from:
        raise BadInputError(f"--until {new.valid_until} lies before --from {new.valid_from}")
    with context.database.session_scope() as session:
        row = legal_bases.record(session, new, by=by, now=context.clock())
        audit.record(session, actor=f"cli:{operator_name()}", action="legal_basis.record", now=context.clock(), object=row.public_id)
        _show(context, [row], as_json)
    click.echo("recorded; it holds once a second person approved it: lifecert legal-basis approve ID --by NAME", err=True)


@legal_basis_group.command("approve")
@click.argument("basis_id", metavar="ID")
@BY
@AS_JSON
def approve(basis_id: str, by: str, as_json: bool) -> None:
    """Approve a legal basis, as another person than the one who recorded it.

    \b
    Examples:
      lifecert legal-basis approve PQ3x8mJk2LwZ1tYbC0aVfg --by "Wang Fang"
    """
    _change("approve", basis_id, by, as_json)


@legal_basis_group.command("withdraw")
@click.argument("basis_id", metavar="ID")
@BY
@AS_JSON
def withdraw(basis_id: str, by: str, as_json: bool) -> None:
    """Withdraw a legal basis: from now on it allows nothing.

    \b
    Examples:
      lifecert legal-basis withdraw PQ3x8mJk2LwZ1tYbC0aVfg
    """
    _change("withdraw", basis_id, by, as_json)


@legal_basis_group.command("list")
@AS_JSON
def list_bases(as_json: bool) -> None:
    """List the legal bases with what each lacks today, newest first.

    \b
    Examples:
      lifecert legal-basis list
      lifecert legal-basis list --json
    """
    from models.repositories import legal_bases

    context = open_context(load_settings())
    with context.database.read_scope() as session:
        rows = list(legal_bases.listing(session))
        if rows or as_json:
            _show(context, rows, as_json, whole=True)
        else:
            click.echo("no legal basis is on record")


def _change(what: str, basis_id: str, by: str, as_json: bool) -> None:
    from models.errors import ConflictError, NotFoundError
    from models.repositories import audit, legal_bases

    by, context = _text("--by", by, 100), open_context(load_settings())
    change = legal_bases.approve if what == "approve" else legal_bases.withdraw
    try:
        with context.database.session_scope() as session:
            row = change(session, basis_id, by=by, now=context.clock())
            audit.record(session, actor=f"cli:{operator_name()}", action=f"legal_basis.{what}", now=context.clock(), object=row.public_id)
            _show(context, [row], as_json)
    except (NotFoundError, ConflictError) as error:
        raise BadInputError(str(error)) from error


def _text(option: str, value: str, longest: int) -> str:
    if not 0 < len(value.strip()) <= longest:
        raise BadInputError(f"{option} must have 1 to {longest} characters")
    return value.strip()


def _show(context: Context, rows: list[LegalBasis], as_json: bool, *, whole: bool = False) -> None:
    from models.repositories import legal_bases

    today = context.policy.certification.today(context.clock())
    shown: list[dict[str, Any]] = []
    for row in rows:
        lack = legal_bases.lack(row, today)
        shown.append(
            {
                "id": row.public_id,
                "purpose": row.purpose.value,
                "state": "valid" if lack is None else lack.value,
                "basis": row.basis,
                "document": row.document,
                "valid_from": row.valid_from.isoformat(),
                "valid_until": row.valid_until.isoformat(),
                "recorded_by": row.recorded_by,
                "approved_by": row.approved_by,
                "withdrawn_by": row.withdrawn_by,
            }
        )
    if as_json:
        click.echo(json.dumps(shown if whole else shown[0], ensure_ascii=False))
        return
    for line in shown:
        who = f"recorded by {line['recorded_by']}" + (f", approved by {line['approved_by']}" if line["approved_by"] else "")
        days = f"{line['valid_from']} to {line['valid_until']}"
        click.echo(f"{line['id']}  {line['purpose']}  {line['state']}  {days}  {line['document']}: {line['basis']} ({who})")
