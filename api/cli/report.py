"""`lifecert report`: the paper of a month for supervisors."""

from __future__ import annotations

import json
import os
import re
from datetime import date, timedelta
from pathlib import Path

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.context import open_context
from api.settings import load_settings

MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")


@click.command("report")
@click.argument("month", metavar="MONTH")
@click.option("--region", required=True, metavar="CODE", help="Six digits: this region and all inside it.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the PDF into this file.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Language of the paper.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def report(month: str, region: str, out: Path, language: str, as_json: bool) -> None:
    """Write the report of a MONTH (YYYY-MM): figures, map, charts, and what each number counts, as a PDF.

    The figures are those that were kept when they were counted; the same figures make the same bytes. Writing it is audited.

    \b
    Examples:
      lifecert report 2026-02 --region 420000 --out february.pdf
      lifecert report 2026-02 --region 420100 --out wuhan.pdf --language en
      lifecert report 2026-02 --region 420100 --out wuhan.pdf --json
    """
    from api.oversight.report import report_pdf
    from api.oversight.tables import months_needed
    from api.oversight.words import moment
    from models.certification import add_months
    from models.region import Region
    from models.repositories import audit
    from models.repositories.oversight import overview

    if not MONTH.fullmatch(month):
        raise BadInputError(f"MONTH {month}: write it as in 2026-02")
    context = open_context(load_settings())
    policy, first = context.policy, date.fromisoformat(f"{month}-01")
    day = min(policy.certification.today(context.clock()), add_months(first, 1) - timedelta(days=1))
    with context.database.read_scope() as session:
        if session.get(Region, region) is None:
            raise BadInputError(f"--region {region}: there is no such region in the store; give its six digits")
        found = overview(
            session, region_code=region, backlog_days=policy.oversight.backlog_days, day=day, months=months_needed(max(day, first))
        )
    if found is None or found.day.replace(day=1) != first:
        raise BadInputError(f"MONTH {month}: nothing was counted in it; run `lifecert figures --as-of {day}` first, or choose another")
    counted_at = "–" if found.counted_at is None else moment(found.counted_at, policy.certification.time_zone)
    paper = report_pdf(found, language, steps=policy.oversight.coverage_steps, counted_at=counted_at)
    _write(out, paper)
    with context.database.session_scope() as session:
        details = {"region": region, "month": month, "what": "report.pdf"}
        audit.record(session, actor=f"cli:{operator_name()}", action="figures.exported", details=details, now=context.clock())
    if as_json:
        click.echo(json.dumps({"month": month, "region": region, "as_of": found.day.isoformat(), "file": str(out), "bytes": len(paper)}))
        return
    click.echo(f"{out}: {region}, {month}, as of {found.day}, {len(paper)} bytes")


def _write(path: Path, content: bytes) -> None:
    """The file is there when everything is written, and not before. Raises BadInputError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise BadInputError(f"--out {path}: {error.strerror}; give a file in a folder that this user may write") from error
    finally:
        unfinished.unlink(missing_ok=True)
