"""`lifecert screen`: one claim of a file against the rules, with the person's claims in the store; nothing of it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name

BYTES_MAX = 32 * 1024 * 1024


@click.command("screen")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CLAIM.json")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def screen(file: Path, *, as_json: bool) -> None:
    """Screen one claim: what the rules find about it, together with the person's claims in the store.

    CLAIM.json is the document that POST /api/v1/claims:screen takes (docs/claims.md): the person by resident ID or social-security number,
    the institution by its code, days, diagnoses, amounts and lines. The claim need not be in the store, and is not kept; the audit says
    whose claim was screened.

    \b
    Examples:
      lifecert screen claim.json
      lifecert screen claim.json --json
    """
    from pydantic import ValidationError

    from api.claim_screening import answer_of, make_screening
    from api.context import open_context
    from api.settings import load_settings
    from api.v1.claim_schemas import ClaimDocument
    from detection.claims.screening_service import ClaimPersonUnknownError, InstitutionUnknownError, Screener, ScreeningBusyError
    from models.identifiers import IdentifierError

    if file.stat().st_size > BYTES_MAX:
        raise BadInputError(f"{file.name}: a claim is at most {BYTES_MAX // 1024 // 1024} MB; give one claim a file")
    try:
        document = ClaimDocument.model_validate_json(file.read_bytes())
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(part) for part in one['loc']) or 'the claim'}: {one['msg']}" for one in error.errors()[:5])
        raise BadInputError(f"{file.name}: {told}") from error
    context = open_context(load_settings())
    if len(document.lines) > context.policy.claims.lines_max:
        raise BadInputError(
            f"{file.name}: a claim has {context.policy.claims.lines_max} lines at most (lines_max in [claims] of the policy)"
        )
    number, given = document.whose()
    by = Screener(f"cli:{operator_name()}", lambda _region: True, {"door": "cli"})
    try:
        screened = make_screening(context).screen(document.claim(), number, given, by)
    except (IdentifierError, ClaimPersonUnknownError) as error:
        raise BadInputError(f"{file.name}: {error}; check the number and import the person first") from error
    except InstitutionUnknownError as error:
        raise BadInputError(f"{file.name}: institution {document.institution}: {error}; import institutions first") from error
    except ScreeningBusyError as error:
        raise WorkFailedError(str(error)) from error
    answer = answer_of(screened)
    if as_json:
        click.echo(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False))
        return
    beside = f"beside {answer.history_claims} claim(s) of the person"
    click.echo(f"{answer.claim}: {len(answer.findings)} finding(s) by {answer.rules_run} rules, {beside}")
    for found in answer.findings:
        official = f" ({', '.join(found.official)})" if found.official else ""
        click.echo(f"{found.code}{official} {found.title.en}: {found.severity.value}, {found.amount_fen / 100:,.2f} yuan at risk")
        lines = f" Lines: {', '.join(str(number) for number in found.lines)}." if found.lines else ""
        click.echo(f"  {found.explanation.en}{lines}")
