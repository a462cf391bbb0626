"""`lifecert import references`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.cli.evaluate import EXISTING_FILE, EXISTING_FOLDER
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings


@click.command("references")
@click.option("--photos", required=True, type=EXISTING_FOLDER, help="Folder that the file names are relative to.")
@click.option("--list", "people", required=True, type=EXISTING_FILE, help="CSV in UTF-8 or GB18030: resident_id,file (one line a person).")
@click.option(
    "--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Where rejected lines go; next to the list when not given."
)
@click.option("--replace", is_flag=True, help="Replace references that are already enrolled; without it they are left as they are.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def references(photos: Path, people: Path, rejected: Path | None, replace: bool, as_json: bool) -> None:
    """Enrol reference faces from a folder of photographs. The same list twice changes nothing; a killed run goes on where it stopped.

    A line is rejected when there is no such person, the photograph cannot be read, shows no face or several, or is too poor; each
    rejected line goes into a CSV with line number, file, rule and reason. Exit 1 when any line was rejected.

    \b
    Examples:
      lifecert import references --photos photos/ --list people.csv
      lifecert import references --photos photos/ --list people.csv --json > result.json
    """
    from verify.reference_import import import_references

    context = open_context(load_settings())
    rejected_file = rejected or people.with_name(f"{people.stem}.rejected.csv")
    with progress_bar() as report:
        result = import_references(
            context.verification.references,
            context.database,
            context.keyring,
            photos,
            people,
            rejected_file,
            actor=f"cli:{operator_name()}",
            replace=replace,
            progress=report,
        )
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo(
            f"{result['enrolled']} enrolled, {result['unchanged']} unchanged, {result['rejected']} rejected of {result['rows']} lines"
        )
        if result["rejected"]:
            click.echo(f"rejected lines, with reasons: {rejected_file}")
    if result["rejected"]:
        raise click.exceptions.Exit(1)
