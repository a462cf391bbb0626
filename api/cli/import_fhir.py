"""`lifecert import fhir`: claims from FHIR R4 bundles and NDJSON."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from api.cli.operator import operator_name
from api.cli.progress import progress_bar

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SCHEMES = ("employee_medical", "resident_medical", "work_injury", "maternity")


@click.command("fhir", short_help="Bring claims in from FHIR R4.")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--rate", "rates", multiple=True, metavar="CURRENCY=YUAN", help="Yuan for one of another currency: USD=7.1. Repeatable.")
@click.option("--scheme", type=click.Choice(SCHEMES), help="Scheme of all claims, in place of what their coverages name.")
@click.option(
    "--language", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True, help="Language of reasons and report."
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def fhir(files: tuple[Path, ...], rates: tuple[str, ...], scheme: str | None, language: str, as_json: bool) -> None:
    """Bring hospital claims in from FHIR R4: bundles (JSON, 256 MB each at most) and NDJSON, which may refer to each other.

    Claim and ExplanationOfBenefit become institutions, claims and lines, and go through the same checks as files of those kinds. Amounts in
    another currency than CNY are rejected unless a rate is given. The same files twice change nothing; a killed run goes on.

    \b
    Examples:
      lifecert import fhir bundles/*.json --scheme employee_medical
      lifecert import fhir Patient.ndjson Organization.ndjson ExplanationOfBenefit.ndjson --json
      lifecert import fhir bundle.json --rate USD=7.1
    """
    from api.cli.errors import BadInputError, WorkFailedError
    from api.cli.imports import say
    from api.context import open_context
    from api.intake import intake_of
    from api.settings import load_settings
    from detection.errors import RunFailedError
    from detection.fhir_intake_service import FhirIntake
    from detection.intake.errors import FileUnusableError, ImportFailedError
    from detection.intake.results import Options

    yuan = dict(_rate(one) for one in rates)
    context = open_context(load_settings())
    try:
        with progress_bar() as report:
            result = FhirIntake(intake_of(context)).import_files(
                files,
                Options(language=language),
                actor=f"cli:{operator_name()}",
                rates=yuan,
                scheme=scheme or "",
                progress=report,
            )
    except FileUnusableError as error:
        raise BadInputError(str(error)) from error
    except (ImportFailedError, RunFailedError) as error:
        raise WorkFailedError(str(error)) from error
    if as_json:
        click.echo(json.dumps(result.as_json(), ensure_ascii=False))
        return
    for kind, one in result.results.items():
        say(kind.value.replace("_", "-"), one)
    for reason, count in result.skipped.items():
        click.echo(f"not taken over: {reason}: {count}")


def _rate(text: str) -> tuple[str, Decimal]:
    from api.cli.errors import BadInputError

    currency, _, value = text.partition("=")
    try:
        rate = Decimal(value)
    except InvalidOperation:
        rate = Decimal(0)
    if not (len(currency) == 3 and currency.isalpha() and currency.isupper()) or not rate.is_finite() or rate <= 0:
        raise BadInputError(f"--rate {text!r}: give a currency of three capital letters and yuan for one of it, as USD=7.1")
    return currency, rate
