"""``lifecert evaluate linkage``: records of one file or two, linked; figures where the truth is known, scored pairs where it is not."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError
from api.cli.progress import progress_bar
from api.policy import load_policy
from api.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("linkage")
@click.option("--records", required=True, type=EXISTING_FILE, help="CSV or Parquet file of records.")
@click.option("--records-b", type=EXISTING_FILE, help="A second file: its records are linked to the first one's, not among themselves.")
@click.option("--columns", required=True, type=EXISTING_FILE, help="TOML: [columns] canonical name = heading; [other] heading = kind.")
@click.option("--id", "id_column", required=True, help="Heading of the column that numbers the records.")
@click.option("--cluster", "cluster_column", help="Heading of the column that tells which records are of one person (the truth).")
@click.option("--truth", type=EXISTING_FILE, help="CSV or Parquet of pairs of ids that are of one person (the truth).")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True, help="Where pairs are worked on.")
@click.option("--out", type=OUT_FILE, help="Write the scored pairs to this CSV file.")
@click.option("--clusters", "clusters_out", type=OUT_FILE, help="Write which cluster each record is in to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def linkage(
    records: Path,
    records_b: Path | None,
    columns: Path,
    id_column: str,
    cluster_column: str | None,
    truth: Path | None,
    engine: str,
    out: Path | None,
    clusters_out: Path | None,
    as_json: bool,
) -> None:
    """Link records that may be of one person, with one configuration for the columns that are there; the truth is only counted against.

    With --cluster or --truth: precision, recall and F1 of pairs at the chosen threshold, and of clusters. Without: the scored pairs
    as CSV left,right,probability,weight, to --out or to standard output.

    \b
    Examples:
      lifecert evaluate linkage --records persons.csv --columns mapping.toml --id rec_id --cluster person --json
      lifecert evaluate linkage --records a.csv --records-b b.parquet --columns mapping.toml --id id --truth pairs.csv
      lifecert evaluate linkage --records persons.csv --columns mapping.toml --id rec_id --out pairs.csv --clusters people.csv

    \b
    mapping.toml:
      [columns]
      full_name = "Name"
      birth_date = "DOB"
      [other]
      occupation = "exact"
    """
    from detection.linkage.engines import EngineName
    from detection.linkage.evaluation import figures, run_linkage

    if cluster_column is not None and truth is not None:
        raise click.UsageError("give --cluster or --truth, not both")
    for target in (out, clusters_out):
        if target is not None and not target.absolute().parent.is_dir():
            raise BadInputError(f"{target}: the folder does not exist")
    policy = load_policy(load_settings().policy_file).linkage
    started, cpu = time.perf_counter(), _cpu_s()
    with tempfile.TemporaryDirectory(prefix="lifecert-linkage-") as folder, progress_bar() as report:
        inputs = run_linkage(
            records,
            columns,
            policy,
            id_column=id_column,
            work_folder=Path(folder),
            records_b=records_b,
            cluster_column=cluster_column,
            truth=truth,
            engine=EngineName(engine),
            progress=report,
        )
        result = figures(inputs)
        result |= {
            "wall_s": round(time.perf_counter() - started, 2),
            "cpu_s": round(_cpu_s() - cpu, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    pairs = inputs.linked.pairs.select(["left", "right", "probability", "weight"])
    if clusters_out is not None:
        _write(inputs.linked.clusters, clusters_out)
    if out is not None:
        _write(pairs, out)
    elif inputs.truth is None and as_json:
        result["pairs"] = pairs.to_pylist()  # standard output holds JSON only
    elif inputs.truth is None:
        _write(pairs, None)
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False), err=True)
        return
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    _print(result)


def _cpu_s() -> float:
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _write(table: pa.Table, target: Path | None) -> None:
    """CSV; a file is there wholly or not at all."""
    import pyarrow.csv as pa_csv

    options = pa_csv.WriteOptions(quoting_style="needed")
    if target is None:
        sys.stdout.flush()
        pa_csv.write_csv(table, sys.stdout.buffer, options)
        return
    draft = target.with_name(f"{target.name}.part")
    try:
        pa_csv.write_csv(table, draft, options)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _print(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            click.echo(name)
            for part, number in value.items():
                click.echo(f"  {part:<16}{_shown(number)}")
        else:
            click.echo(f"{name:<18}{_shown(value)}")


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)
