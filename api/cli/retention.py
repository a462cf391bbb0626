"""`lifecert retention`: deletion when due, with a report of what went."""

from __future__ import annotations

import json
from datetime import datetime

import click

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.settings import load_settings

DAY = click.DateTime(["%Y-%m-%d"])


@click.group("retention")
def retention_group() -> None:
    """Deletion when due: every period of the policy, what it deletes, how many, and the oldest that stays.

    \b
    Examples:
      lifecert retention run --dry-run
      lifecert retention run
      lifecert retention list
    """


@retention_group.command("run")
@click.option("--dry-run", is_flag=True, help="Only count what is due.")
@click.option("--today", "today", type=DAY, metavar="DATE", help="Confirms that this is the day, after a long pause; YYYY-MM-DD.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def run_command(dry_run: bool, today: datetime | None, as_json: bool) -> None:
    """Delete what is due; the report is kept and shown on the page /desk/retention.

    While the clock is in doubt nothing is deleted: it jumped, or the last run is long ago. The background jobs run this every night.

    \b
    Examples:
      lifecert retention run --dry-run
      lifecert retention run --json
      lifecert retention run --today 2026-11-22
    """
    from api.retention import RetentionRefusedError, run

    context = open_context(load_settings())
    day = None if today is None else today.date()
    if dry_run and day is not None:
        raise BadInputError("--today goes with a run that deletes: leave it out with --dry-run")
    try:
        with progress_bar(quiet=as_json) as progress:
            report = run(context, by=f"cli:{operator_name()}", dry=dry_run, confirmed_day=day, progress=progress)
    except RetentionRefusedError as error:
        raise WorkFailedError(str(error)) from error
    if as_json:
        click.echo(json.dumps(report.to_json(), ensure_ascii=False))
        return
    for line in report.lines:
        done = f"{line.due} due" if dry_run else f"{line.deleted} deleted"
        oldest = "" if line.oldest is None else f", oldest kept {line.oldest[:10]}"
        click.echo(f"{line.period}: {done} ({line.setting} = {line.length}{oldest})")
    total = sum(line.due for line in report.lines) if dry_run else report.deleted
    click.echo(f"{total} due, nothing was deleted" if dry_run else f"{total} deleted", err=True)


@retention_group.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def list_command(limit: int, as_json: bool) -> None:
    """List the last runs, newest first.

    \b
    Examples:
      lifecert retention list
      lifecert retention list --limit 7 --json
    """
    from models.repositories import retention_runs

    context = open_context(load_settings())
    with context.database.read_scope() as session:
        rows = [
            {
                "run": row.public_id,
                "started_at": row.started_at.isoformat(),
                "by": row.started_by,
                "refused": row.refused,
                "deleted": row.deleted,
                "lines": row.lines,
            }
            for row in retention_runs.listing(session, limit=limit)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        said = f"refused: {row['refused']}" if row["refused"] else f"{row['deleted']} deleted"
        click.echo(f"{row['run']}  {str(row['started_at'])[:16]}  {row['by']}  {said}")
    if not rows:
        click.echo("no run yet", err=True)
