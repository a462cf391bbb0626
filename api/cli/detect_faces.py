"""`lifecert detect faces`: one face under two identities, only with a legal basis."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.operator import operator_name
from api.cli.progress import ProgressCallback

if TYPE_CHECKING:
    from detection.detection_service import RunResult
    from detection.faces.face_service import Summary
    from detection.findings import Finding

LINE = "One face under two identities (P8); needs a legal basis on record."


@click.command("faces", short_help=LINE)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day to judge by, YYYY-MM-DD; today when not given.")
@click.option("--region", default="", metavar="CODE", help="Six digits: faces of this region, looked for among everybody's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the findings to FILE: .csv, .parquet or .xlsx.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def faces(as_of: datetime | None, region: str, out: Path | None, *, as_json: bool) -> None:
    """Compare every enrolled face with every other one, and list pairs of persons who are as alike as one person's own pictures.

    A hint for people, never a verdict: twins and relatives are flagged, and the output says how many pairs chance alone may give. Runs only
    while a legal basis is on record, approved by a second person and valid today (lifecert legal-basis); otherwise exit 2. The audit names
    the basis. Templates are opened in memory and never written in the clear. A run that was killed goes on after its last batch.

    \b
    Examples:
      lifecert detect faces
      lifecert detect faces --region 420100
      lifecert detect faces --json --out pairs.csv > summary.json
    """
    from api.cli.detect import as_plain, say
    from api.cli.detect_run import run_and_write
    from api.context import open_context
    from api.detection import service_of
    from api.face_search import face_stages
    from api.settings import load_settings
    from detection.detection_service import RunAs
    from models.detection import DetectionKind

    context = open_context(load_settings())
    by = f"cli:{operator_name()}"
    day = context.policy.certification.today(context.clock()) if as_of is None else as_of.date()
    index = context.settings.face_index.value
    stages = face_stages(context)

    def work(report: ProgressCallback, seen: Callable[[Sequence[Finding]], None]) -> RunResult:
        stages.service.basis()  # before a run is on record
        return service_of(context).run(RunAs(DetectionKind.FACES, day, region, index, by), stages, progress=report, seen=seen)

    result, written = run_and_write(context, work, out, by=by)
    if as_json:
        shown = as_plain(result, index, out, written) | {"search": None if stages.summary is None else stages.summary.plain()}
        click.echo(json.dumps(shown))
        return
    say(result, out, written)
    if stages.summary is not None:
        for line in _told(stages.summary):
            click.echo(line)


def _told(summary: Summary) -> list[str]:
    chance: Any = summary.false_pairs
    source = (
        "set from our own references" if summary.threshold_source == "own_population" else "provisional, not set from our own references"
    )
    lines = [
        f"{summary.faces:,} faces of {summary.persons:,} persons compared"
        + (f"; {summary.unopened} templates did not open" if summary.unopened else ""),
        f"pairs listed from {summary.threshold:.4f} on ({source})"
        + (f", raised because about {summary.expected_pairs:,} pairs would have been listed" if summary.raised else ""),
    ]
    if chance.by_fmr is not None:
        lines.append(
            f"false pairs to expect: {chance.by_fmr:,.0f} ({chance.comparable:,} pairs compared, false match rate {summary.fmr:g})"
        )
    lines.append(
        f"by {chance.sampled:,} random pairs of different persons, {chance.reached} of which reach it: {chance.expected:,.0f} false pairs"
    )
    lines[-1] += f", at most {chance.expected_upper:,.0f}"
    return lines
