"""`lifecert import`: records from files, and reference faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.import_fhir import fhir
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.cli.references import references

if TYPE_CHECKING:
    from detection.intake_service import ImportResult

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
KINDS = {
    "persons": ("Bring insured persons in.", "resident_id, name, region_code; sex, birth_date, phone, social_security_number, address"),
    "enrolments": ("Bring enrolments in.", "resident_id, scheme, from_month; to_month, region_code, name"),
    "benefits": (
        "Bring benefits in.",
        "resident_id, scheme, from_month, monthly_yuan or monthly_fen; to_month, region_code, status, paused_on, bank_account, "
        "approved_birth_date, retirement_kind, name",
    ),
    "payments": ("Bring payments in.", "resident_id, month, amount_yuan or amount_fen; scheme, region_code, name"),
    "deaths": ("Bring records of deaths in.", "resident_id, death_date; source, reference, name"),
    "custody": ("Bring times in custody in.", "resident_id, from_on; to_on, source, reference, name"),
    "traces": ("Bring traces of life in.", "resident_id, trace, occurred_on; source, reference, name"),
    "blacklist": ("Bring blacklisted cards in.", "social_security_number, reason, from_on; to_on, source"),
    "relations": ("Bring relations of persons in.", "resident_id, other_resident_id, relation; from_on, to_on, source, name, other_name"),
    "grants": (
        "Bring grants for the dead in.",
        "resident_id (of the deceased), grant, paid_on, amount_yuan or amount_fen, reference; recipient_resident_id, bank_account, "
        "region_code, name, recipient_name",
    ),
    "institutions": (
        "Bring medical institutions in.",
        "institution_code, institution_name, institution_kind, region_code; institution_level, beds",
    ),
    "claims": (
        "Bring hospital claims in.",
        "institution_code, claim_reference, resident_id, setting, scheme, from_date, total_yuan or total_fen, fund_yuan or fund_fen; "
        "to_date (needed for stays), settled_at, uploaded_at, department, doctor, principal_diagnosis, diagnoses, procedures, "
        "hospital_acquired, drg, transferred_in, admission_way, discharge_way, identity_check, own_yuan, name. Lists: one column with "
        "; , | or 、 between, or several numbered columns",
    ),
    "claim-lines": (
        "Bring the lines of hospital claims in.",
        "institution_code, claim_reference, line_number, item_code, category, quantity, unit_price_yuan or unit_price_fen, amount_yuan or "
        "amount_fen, charged_on; item_name, days, fund_yuan, executed_at, executed_quantity, doctor, department, prescription",
    ),
}


@click.group("import")
def import_group() -> None:
    """Bring records in from files: CSV, Excel or Parquet, with Chinese or English headings.

    \b
    Examples:
      lifecert import persons people.csv
      lifecert import payments 2026-03.xlsx 2026-04.xlsx --json
      lifecert import references --photos photos/ --list people.csv
    """


import_group.add_command(references)
import_group.add_command(fhir)


def _command(kind: str, line: str, columns: str) -> click.Command:
    @click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
    @click.option("--headings", type=FILE, help="Another map of headings (TOML) than the one that comes with Lifecert.")
    @click.option("--encoding", help="Encoding of text files; without it UTF-8, UTF-16 and GB18030 are told apart.")
    @click.option(
        "--language", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True, help="Language of reasons and report."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
    def command(files: tuple[Path, ...], headings: Path | None, encoding: str | None, language: str, as_json: bool) -> None:
        _run(kind, files, headings, encoding, language, as_json=as_json)

    command.__doc__ = f"""{line} The same file twice changes nothing; a killed run goes on where it stopped.

    Columns: {columns}. Other columns are ignored. Rejected rows come back in a CSV with row number, field, masked value, rule and
    reason; a report says what was wrong, by rule and by city. Rejected rows do not make the command fail.

    \b
    Examples:
      lifecert import {kind} {kind}.csv
      lifecert import {kind} {kind}.xlsx --json > result.json
    """
    return click.command(kind, short_help=line)(command)


for _kind, (_line, _columns) in KINDS.items():
    import_group.add_command(_command(_kind, _line, _columns))


def _run(kind: str, files: tuple[Path, ...], headings: Path | None, encoding: str | None, language: str, *, as_json: bool) -> None:
    from api.cli.errors import BadInputError, WorkFailedError
    from api.context import open_context
    from api.intake import intake_of
    from api.settings import load_settings
    from detection.intake.errors import FileUnusableError, HeadingMapError, ImportFailedError
    from detection.intake_service import Options
    from models.import_batch import ImportKind

    context = open_context(load_settings())
    intake = intake_of(context)
    wanted, options = ImportKind(kind.replace("-", "_")), Options(headings, encoding, language=language)
    results: list[ImportResult] = []
    try:
        for path in files:  # all are looked at before anything is written
            table = intake.inspect(wanted, path, options)
            if table.ignored:
                click.echo(f"{path.name}: columns that are not used: {', '.join(table.ignored)}", err=True)
        for path in files:
            with progress_bar() as report:
                result = intake.import_file(wanted, path, options, actor=f"cli:{operator_name()}", progress=report)
            results.append(result)
            if result.rejected:
                click.echo(f"{path.name}: {result.rejected} of {result.rows} rows rejected", err=True)
            if not as_json:
                say(path.name, result)
    except (FileUnusableError, HeadingMapError) as error:
        raise BadInputError(str(error)) from error
    except ImportFailedError as error:
        raise WorkFailedError(str(error)) from error
    if as_json:
        found = [result.as_json() for result in results]
        click.echo(json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False))


def say(name: str, result: ImportResult) -> None:
    """Print what came of a file."""
    click.echo(
        f"{name}: {result.rows} rows, {result.accepted} accepted, {result.unchanged} unchanged, {result.rejected} rejected "
        f"(batch {result.batch})"
    )
    for rule, count in sorted(result.by_rule.items(), key=lambda one: -one[1]):
        click.echo(f"  {rule}: {count}")
    if result.rejected_file is not None:
        click.echo(f"  rejected rows, with reasons: {result.rejected_file}")
    for rule, count in sorted(result.by_warning.items()):
        click.echo(f"  to look at, though accepted: {rule}: {count}")
    if result.warnings_file is not None:
        click.echo(f"  rows to look at, with reasons: {result.warnings_file}")
    click.echo(f"  report: {result.report}")
