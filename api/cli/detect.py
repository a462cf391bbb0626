"""`lifecert detect`: duplicates, benefits, payments, faces and hospital claims, over the store or over files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.detect_claims import claims
from api.cli.detect_faces import faces
from api.cli.detect_run import run_and_write
from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import ProgressCallback, progress_bar

if TYPE_CHECKING:
    from detection.detection_service import RunResult
    from detection.findings import Finding
    from models.repositories.detection_runs import StageCounts

COLUMNS = f"{'found':>10}{'new':>10}{'changed':>10}{'gone':>10}{'yuan at risk':>18}"
SHOWN_MAX = 30
"""Codes up to which each has its line, whatever it found."""
KINDS = {
    "duplicates": (
        "Enrolled twice (D1, D2, D4), after death or in custody (D5), one human being under two numbers (D3).",
        "D3 links all persons of the store by number, name, birth date, region, telephone, account and address. For that their values are\n"
        "    opened in memory; the audit says how many and why. In files D3 is not looked for: see lifecert evaluate linkage.",
    ),
    "benefits": ("Benefits drawn twice: two pensions, pension and unemployment benefit, grants (B1-B4).", ""),
    "payments": ("Paid after death, in custody, overdue, into shared accounts, too early (P1-P7).", ""),
}


@click.group("detect")
def detect_group() -> None:
    """Look for what should not be: each finding is explained, priced in fen, and goes into one alert a person. People decide on it.

    A run again does not open the same thing twice, closes what is no longer found, and leaves alone what people have closed, unless it
    changed. A run that was killed goes on after its last finished stage, by the same command.

    \b
    Examples:
      lifecert detect payments
      lifecert detect duplicates --as-of 2026-03-31 --region 420100
      lifecert detect benefits --json --out findings.parquet > summary.json
    """


def _command(kind: str, line: str, more: str) -> click.Command:
    @click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day to judge by, YYYY-MM-DD; today when not given.")
    @click.option(
        "--region", default="", metavar="CODE", help="Six digits: persons of this region and all inside it; everybody when not given."
    )
    @click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True, help="Where the rules run.")
    @click.option(
        "--files",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Look at the files of FOLDER (persons.csv, payments.xlsx...) instead of the store.",
    )
    @click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the findings to FILE: .csv, .parquet or .xlsx.")
    @click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
    def command(as_of: datetime | None, region: str, engine: str, files: Path | None, out: Path | None, *, as_json: bool) -> None:
        day = None if as_of is None else as_of.date()
        if files is not None:
            _run_files(kind, files, day, region, engine, out, as_json=as_json)
        else:
            _run(kind, day, region, engine, out, as_json=as_json)

    about = f"\n\n    {more}" if more else ""
    command.__doc__ = f"""{line}{about}

    As of a day before that of the newest run, it only looks back: findings are counted and written out, alerts stay as they are.

    \b
    Examples:
      lifecert detect {kind}
      lifecert detect {kind} --as-of 2026-03-31 --region 420100
      lifecert detect {kind} --engine spark --out findings.xlsx
    """
    return click.command(kind, short_help=line)(command)


for _kind, (_line, _more) in KINDS.items():
    detect_group.add_command(_command(_kind, _line, _more))
detect_group.add_command(faces)
detect_group.add_command(claims)


def _run(kind: str, as_of: date | None, region: str, engine: str, out: Path | None, *, as_json: bool) -> None:
    from api.context import open_context
    from api.detection import detect
    from api.settings import load_settings
    from models.detection import DetectionKind

    context = open_context(load_settings())
    by = f"cli:{operator_name()}"
    day = as_of or context.policy.certification.today(context.clock())

    def work(report: ProgressCallback, seen: Callable[[Sequence[Finding]], None]) -> RunResult:
        return detect(context, DetectionKind(kind), day, region_code=region, engine=engine, by=by, progress=report, seen=seen)

    result, written = run_and_write(context, work, out, by=by)
    if as_json:
        click.echo(json.dumps(as_plain(result, engine, out, written)))
    else:
        say(result, out, written)


def _run_files(kind: str, source: Path, as_of: date | None, region: str, engine: str, out: Path | None, *, as_json: bool) -> None:
    from api.file_detection import detect_in_files
    from api.settings import load_settings
    from detection.detection_service import RunNotPossibleError
    from detection.errors import DetectionError, EngineUnavailableError
    from detection.finding_files import OutFileError, open_findings, row_of
    from detection.intake.errors import FileUnusableError
    from detection.record_files import RecordFilesError
    from models.detection import DetectionKind

    written = 0
    try:
        with progress_bar() as report, ExitStack() as stack:
            write = None if out is None else stack.enter_context(open_findings(out))

            def seen(findings: Sequence[Finding]) -> None:
                nonlocal written
                if write is not None:
                    write([row_of(one) for one in findings])
                    written += len(findings)

            result = detect_in_files(
                load_settings(), source, DetectionKind(kind), as_of, region_code=region, engine=engine, progress=report, seen=seen
            )
    except (RunNotPossibleError, OutFileError, EngineUnavailableError, RecordFilesError, FileUnusableError) as error:
        raise BadInputError(str(error)) from error
    except DetectionError as error:
        raise WorkFailedError(str(error)) from error
    for name, rules in result.rejected.items():
        told = ", ".join(f"{rule} {rows}" for rule, rows in sorted(rules.items()))
        click.echo(f"{name}: {sum(rules.values())} rows could not be used ({told})", err=True)
    if as_json:
        plain: dict[str, Any] = {
            "kind": kind,
            "as_of": result.as_of.isoformat(),
            "region": region,
            "engine": engine,
            "files": str(source),
            "rows": dict(result.rows),
        }
        plain |= {"rejected": {name: dict(rules) for name, rules in result.rejected.items()}}
        plain |= {"codes": {name: asdict(counts) for name, counts in result.stages.items()}}
        plain |= {"amount_fen": sum(counts.amount_fen for counts in result.stages.values())}
        click.echo(json.dumps(plain | {"out": None if out is None else {"file": str(out), "findings": written}}))
        return
    click.echo(f"{kind} as of {result.as_of}, in the files of {source}: nothing is kept")
    say_stages(result.stages)
    if out is not None:
        click.echo(f"{written} findings in {out}")


def as_plain(result: RunResult, engine: str, out: Path | None, written: int) -> dict[str, Any]:
    """The result as JSON values. codes: of signals, with what became of each; alerts: what triage did."""
    return {
        "kind": result.kind.value,
        "as_of": result.as_of.isoformat(),
        "region": result.region_code,
        "engine": engine,
        "run": result.run,
        "recorded": result.recorded,
        "resumed": result.resumed,
        "codes": {name: asdict(counts) for name, counts in result.stages.items()},
        "amount_fen": sum(counts.amount_fen for counts in result.stages.values()),
        "alerts": {
            "opened": result.alerts.opened,
            "updated": result.alerts.updated,
            "closed": result.alerts.closed,
            "told": result.alerts.told,
        },
        "out": None if out is None else {"file": str(out), "findings": written},
        "wall_s": result.wall_s,
    }


def say(result: RunResult, out: Path | None, written: int) -> None:
    """The result for people, by code."""
    if result.resumed:
        click.echo("went on with a run that had broken off", err=True)
    click.echo(
        f"{result.kind.value} as of {result.as_of}{f', region {result.region_code}' if result.region_code else ''}: {result.wall_s:.1f} s"
    )
    if not result.recorded:
        click.echo(f"looked back only: alerts stay as of {result.newest_day}, the day of the newest run")
    say_stages(result.stages)
    if result.recorded:
        alerts = result.alerts
        told = f", {alerts.told} of them in a case" if alerts.told else ""
        click.echo(
            f"alerts: {alerts.opened} opened, {alerts.updated} changed{told}, {alerts.closed} closed because nothing is found any more"
        )
    if out is not None:
        click.echo(f"{written} findings in {out}")


def say_stages(stages: Mapping[str, StageCounts]) -> None:
    """A line a code. Of very many codes those that found nothing, and close nothing, are only counted."""
    shown = {name: counts for name, counts in stages.items() if len(stages) <= SHOWN_MAX or counts.found or counts.closed}
    width = max((len(name) + 1 for name in shown), default=0)
    width = max(width, 6)
    click.echo(f"{'code':<{width}}{COLUMNS}")
    for name, counts in shown.items():
        yuan = f"{counts.amount_fen / 100:,.2f}"
        click.echo(f"{name:<{width}}{counts.found:>10}{counts.opened:>10}{counts.updated:>10}{counts.closed:>10}{yuan:>18}")
    if len(shown) < len(stages):
        click.echo(f"{len(stages) - len(shown)} other rules found nothing")
