"""`lifecert detect claims`: the rules over hospital claims and the anomaly models, over the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.detect_run import run_and_write
from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.cli.progress import ProgressCallback

if TYPE_CHECKING:
    from detection.detection_service import RunResult
    from detection.findings import Finding

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("claims", short_help="Hospital claims: rules H1-H18, the national rule base, the models in force.")
@click.option("--from", "from_date", type=DAY, metavar="DATE", help="First day of claims, YYYY-MM-DD; by policy when not given.")
@click.option("--to", "to_date", type=DAY, metavar="DATE", help="Last day of claims, YYYY-MM-DD; the day of the run when not given.")
@click.option("--as-of", type=DAY, metavar="DATE", help="Day to judge by, YYYY-MM-DD; today when not given.")
@click.option("--region", default="", metavar="CODE", help="Six digits: findings in this region and all inside it; all when not given.")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True, help="Where the rules run.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the findings to FILE: .csv, .parquet or .xlsx.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def claims(
    from_date: datetime | None,
    to_date: datetime | None,
    as_of: datetime | None,
    region: str,
    engine: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Hospital claims: rules H1-H18, the national rule base, the models in force.

    A finding belongs to the day on which the last of its claims ended. A run looks at the claims of its days, and at those of a year
    before; it closes what it no longer finds of those days, and leaves the findings of other days alone.

    \b
    Examples:
      lifecert detect claims
      lifecert detect claims --from 2026-02-01 --to 2026-02-28
      lifecert detect claims --region 420100 --json --out findings.parquet > summary.json
    """
    from api.cli.detect import as_plain, say
    from api.context import open_context
    from api.detection import detect, window_of
    from api.settings import load_settings
    from detection.detection_service import RunNotPossibleError
    from models.detection import DetectionKind

    context = open_context(load_settings())
    by = f"cli:{operator_name()}"
    day = context.policy.certification.today(context.clock()) if as_of is None else as_of.date()
    window = (None if from_date is None else from_date.date(), None if to_date is None else to_date.date())

    try:
        asked = window_of(context, day, window)
    except RunNotPossibleError as error:
        raise BadInputError(str(error)) from error

    def work(report: ProgressCallback, seen: Callable[[Sequence[Finding]], None]) -> RunResult:
        kind = DetectionKind.CLAIMS
        return detect(context, kind, day, region_code=region, engine=engine, by=by, window=window, progress=report, seen=seen)

    result, written = run_and_write(context, work, out, by=by)
    if as_json:
        days = {"from": asked.from_date.isoformat(), "to": asked.to_date.isoformat()}
        click.echo(json.dumps(as_plain(result, engine, out, written) | days))
    else:
        click.echo(f"claims that ended from {asked.from_date} to {asked.to_date}")
        say(result, out, written)
