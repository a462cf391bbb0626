"""`lifecert figures`: count what supervisors are shown."""

from __future__ import annotations

import json
from datetime import datetime

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

MONTHS_MAX = 120


@click.command("figures")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day to count, YYYY-MM-DD; today when not given.")
@click.option(
    "--months",
    type=click.IntRange(0, MONTHS_MAX),
    default=0,
    metavar="N",
    help=f"Count the ends of so many months before it as well, 0 to {MONTHS_MAX}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def figures(as_of: datetime | None, months: int, as_json: bool) -> None:
    """Count the figures of supervisors: what stands at the end of a day, what happened in its month and in the one before.

    The background jobs count by themselves at the hours of the policy. A past day is counted as far as the records tell of it; whatever
    was counted of it before is replaced as a whole.

    \b
    Examples:
      lifecert figures
      lifecert figures --as-of 2026-02-28
      lifecert figures --months 13
    """
    from api.figures import make_figures
    from detection.figures_service import DayToComeError

    context = open_context(load_settings())
    day = as_of.date() if as_of else None
    try:
        with progress_bar() as report:
            done = make_figures(context).fill(months, day, by=f"cli:{operator_name()}", progress=report)
    except DayToComeError as error:
        raise BadInputError(f"--as-of: {error}") from error
    if as_json:
        days = [{"day": each.day.isoformat(), "rows": each.rows, "took_ms": each.took_ms, "written": each.written} for each in done]
        click.echo(json.dumps({"days": days}))
        return
    for each in done:
        note = "" if each.written else "  not kept: newer figures are there"
        click.echo(f"{each.day}  {each.rows} figures  {each.took_ms / 1000:.1f} s{note}")
