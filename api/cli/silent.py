"""`lifecert certify-silently`: certify by traces of life, without troubling anybody."""

from __future__ import annotations

import json
from datetime import datetime

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

EXAMPLES = 3


@click.command("certify-silently")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="DATE", help="Day to judge by, YYYY-MM-DD.")
@click.option("--region", default="", metavar="CODE", help="Six digits: this region and all inside it; everybody when not given.")
@click.option("--dry-run", is_flag=True, help="Count only; write nothing.")
@click.option(
    "--chunk", type=click.IntRange(1, 1_000_000), help="Persons a transaction; 20,000 on SQLite and 100,000 on PostgreSQL when not given."
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def certify_silently(as_of: datetime, region: str, dry_run: bool, chunk: int | None, as_json: bool) -> None:
    """Certify those who draw a benefit, are due, and left enough fresh traces of life under the policy section [silent].

    Who has a death record, a custody, an open case or an open alert is not certified: an alert is opened. Each person who is
    certified gets a message that nothing more is needed. A run that was killed goes on where it stopped, by the same command; run
    again, it changes nothing. One run at a time: a second one ends with exit 1.

    \b
    Examples:
      lifecert certify-silently --as-of 2026-03-15 --dry-run
      lifecert certify-silently --as-of 2026-03-15 --region 420100
      lifecert certify-silently --as-of 2026-03-15 --json > result.json
    """
    from models.errors import NotFoundError
    from models.triage import TriageRules
    from verify.silent_service import SilentRunError, SilentService

    context = open_context(load_settings())
    service = SilentService(
        context.database,
        silent_policy=context.policy.silent,
        certification=context.policy.certification,
        triage=TriageRules.of(context.policy, context.policy.hash),
        policy_hash=context.policy.hash,
        clock=context.clock,
    )
    try:
        with progress_bar() as report:
            result = service.run(
                as_of.date(),
                region_code=region,
                by=f"cli:{operator_name()}",
                dry_run=dry_run,
                chunk=chunk,
                examples=0 if as_json else EXAMPLES,
                progress=report,
            )
    except (SilentRunError, NotFoundError) as error:
        raise BadInputError(str(error)) from error
    if as_json:
        names = ("run", "examined", "certified", "refused", "alerts", "by_trace", "wall_s")
        click.echo(json.dumps({"as_of": result.as_of.isoformat(), **{name: getattr(result, name) for name in names}}))
        return
    if result.resumed_after:
        click.echo(f"went on after person {result.resumed_after} with a run that had broken off", err=True)
    would = "would be " if dry_run else ""
    click.echo(f"as of {result.as_of}: {result.examined} persons examined in {result.wall_s:.1f} s")
    traces = ", ".join(f"{trace} {number}" for trace, number in sorted(result.by_trace.items())) or "none"
    click.echo(f"{result.certified} {would}certified (traces that counted: {traces})")
    click.echo(f"{result.refused} {would}refused because something contradicts the traces; {result.alerts} alerts {would}opened")
    for public_id, details in result.examples:
        click.echo(f"for example person {public_id}: {_because(details)}")


def _because(details: dict[str, object]) -> str:
    from verify.silent import Explained, explain

    parts = []
    for line in explain(details):
        value = line.values
        if line.code is Explained.TRACE:
            parts.append(f"{value['trace'].value} on {value['on']} ({value['points']} points)")
        elif line.code is Explained.ENOUGH:
            parts.append(f"{value['points']} points of {value['needed']} needed")
    return ", ".join(parts)
