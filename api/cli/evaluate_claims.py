"""``lifecert evaluate claims``: hospitals ranked by their claims, and how well that finds those that were decided to be fraudulent."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from api.cli.errors import BadInputError
from api.cli.progress import progress_bar
from api.policy import load_policy
from api.settings import load_settings

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("claims")
@click.option("--claims", "claim_files", required=True, multiple=True, type=EXISTING_FILE, help="CSV, Excel or Parquet; may be repeated.")
@click.argument("more_claims", nargs=-1, type=EXISTING_FILE)
@click.option("--mapping", required=True, help="TOML file of what the columns mean, or one that comes with Lifecert: us_inpatient.")
@click.option("--labels", type=EXISTING_FILE, help="CSV provider,fraud (0 or 1): the providers that are counted.")
@click.option("--entity", type=click.Choice(["provider"]), default="provider", show_default=True, help="What is ranked.")
@click.option("--labels-train", type=EXISTING_FILE, help="CSV provider,fraud: providers that are learned from, and never counted.")
@click.option("--out", type=OUT_FILE, help="Write entity, percentile and top features to this CSV file.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def claims(
    claim_files: tuple[Path, ...],
    more_claims: tuple[Path, ...],
    mapping: str,
    labels: Path | None,
    entity: str,
    labels_train: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Rank providers by how suspicious their claims are, run the rules that the files allow, and count against labels where given.

    Without --labels-train nothing is learned from labels. With it models are trained on those providers only; providers that both files
    name are left out of the figures, and counted.

    \b
    Examples:
      lifecert evaluate claims --claims claims.csv --mapping us_inpatient --json
      lifecert evaluate claims --claims claims.csv --mapping my.toml --labels labels.csv --out ranking.csv
      lifecert evaluate claims --claims a.csv b.csv --mapping us_inpatient --labels b_labels.csv --labels-train a_labels.csv --json
    """
    from detection.anomaly.provider_evaluation import Asked, evaluate_claims, write_ranking

    if out is not None and not out.absolute().parent.is_dir():
        raise BadInputError(f"{out}: the folder does not exist")
    policy = load_policy(load_settings().policy_file)
    started, cpu = time.perf_counter(), _cpu_s()
    asked = Asked((*claim_files, *more_claims), mapping, labels, labels_train)
    with tempfile.TemporaryDirectory(prefix="lifecert-claims-") as folder, progress_bar() as report:
        evaluation = evaluate_claims(asked, policy.claims, policy.anomaly, Path(folder), report)
    if out is not None:
        write_ranking(evaluation, out, policy.anomaly.providers.features_told)
    result = _ordered(evaluation.figures) | {
        "wall_s": round(time.perf_counter() - started, 2),
        "entity": entity,
    }
    result["cpu_s"] = round(_cpu_s() - cpu, 2)
    result["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    _print(result)


def _ordered(figures: dict[str, Any]) -> dict[str, Any]:
    first = ("claims", "entities", "auc", "average_precision", "precision_at", "rules")
    return {name: figures[name] for name in first} | {"cpu_s": None, "peak_mb": None} | figures


def _cpu_s() -> float:
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _print(result: dict[str, Any], depth: int = 0) -> None:
    for name, value in result.items():
        if isinstance(value, dict) and value:
            click.echo(f"{'  ' * depth}{name}")
            _print(value, depth + 1)
        else:
            shown = "-" if value is None or value == {} else f"{value:.4f}" if isinstance(value, float) else value
            click.echo(f"{'  ' * depth}{name!s:<32}{shown}")
