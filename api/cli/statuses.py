"""`lifecert statuses`: where everybody in a region stands on a day."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

COLUMNS = ("public_id", "region_code", "state", "last_certified_on", "due_on")
REPORT_EVERY = 10_000


@click.command("statuses")
@click.option("--region", required=True, metavar="CODE", help="Six digits: this region and all inside it.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day to judge by, YYYY-MM-DD; today when not given.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write one CSV line a person into this file.")
@click.option("--everybody", is_flag=True, help="Also those without any benefit.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def statuses(region: str, as_of: datetime | None, out: Path | None, everybody: bool, as_json: bool) -> None:
    """Count the pensioners of a region by certification status on a day, and list each of them.

    The list is of one moment and has public ids, no names and no numbers. Writing it is audited.

    \b
    Examples:
      lifecert statuses --region 420100
      lifecert statuses --region 420100 --as-of 2026-03-15 --out city.csv
      lifecert statuses --region 420000 --json
    """
    from models.region import Region
    from models.repositories import audit, region_statuses

    context = open_context(load_settings())
    policy = context.policy.certification
    day = as_of.date() if as_of else policy.today(context.clock())
    with context.database.read_scope() as session:
        if session.get(Region, region) is None:
            raise BadInputError(f"--region {region}: there is no such region in the store; give its six digits")
    if out is None:
        with progress_bar() as report:
            report("statuses", 0, 0)
            found = region_statuses.counts(context.database, policy, day, region_code=region, pensioners_only=not everybody)
        by_state = {state.value: number for state, number in found.items()}
    else:
        rows = region_statuses.statuses(context.database, policy, day, region_code=region, pensioners_only=not everybody)
        counted: Counter[str] = Counter()
        with progress_bar() as report, _whole(out) as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for number, row in enumerate(rows, 1):
                counted[row.state.value] += 1
                writer.writerow((row.public_id, row.region_code, row.state.value, row.last_certified_on or "", row.due_on or ""))
                if number % REPORT_EVERY == 0:
                    report("persons", number, 0)
            with context.database.session_scope() as session:
                details: dict[str, Any] = {"region": region, "as_of": day.isoformat(), "persons": counted.total()}
                audit.record(session, actor=f"cli:{operator_name()}", action="statuses.listed", details=details, now=context.clock())
        by_state = dict(counted)
    if as_json:
        click.echo(json.dumps({"region": region, "as_of": day.isoformat(), "persons": sum(by_state.values()), "by_state": by_state}))
        return
    click.echo(f"{region} as of {day}: {sum(by_state.values())} persons")
    for state, number in by_state.items():
        click.echo(f"  {state:<16} {number}")


@contextmanager
def _whole(path: Path) -> Iterator[Any]:
    """A file that is there when everything is written, and not before."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
