"""`lifecert references reissue`: templates for the running engine from the enrolment pictures that were kept."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings


@click.group("references")
def references_group() -> None:
    """References: make templates anew for another engine.

    \b
    Examples:
      lifecert references reissue
    """


@references_group.command("reissue")
@click.option(
    "--to-enrol", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="CSV of public ids of people who must enrol again."
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def reissue(to_enrol: Path | None, as_json: bool) -> None:
    """Make a template for the running engine for everybody who has one of another engine and whose enrolment picture was kept.

    The new template is sealed with the current key; the older ones are revoked and emptied. A run that was killed goes on where it was:
    who has a template of this engine is left alone. Exit 1 when somebody has to enrol again: no picture was kept, or it serves no more.

    \b
    Examples:
      lifecert references reissue --to-enrol enrol-again.csv
      lifecert references reissue --json
    """
    from verify.reissue_service import reissue_all

    context = open_context(load_settings())
    with progress_bar() as report:
        done = reissue_all(
            context.verification.references, context.database, context.engine, actor=f"cli:{operator_name()}", progress=report
        )
    if to_enrol is not None:
        with to_enrol.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["person_id", "reason"])
            writer.writerows((each.person_id, each.reason.value) for each in done.to_enrol)
    if as_json:
        waiting = [{"person_id": each.person_id, "reason": each.reason.value} for each in done.to_enrol]
        click.echo(json.dumps({"engine": done.engine, "reissued": done.reissued, "to_enrol": waiting}))
    else:
        click.echo(f"{done.reissued} templates made for {done.engine}; {len(done.to_enrol)} people have to enrol again")
    if done.to_enrol:
        raise click.exceptions.Exit(1)
