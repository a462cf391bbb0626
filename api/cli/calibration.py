"""`lifecert calibrate`: from a folder of images into a file, or from the enrolled references into the store."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.cli.errors import BadInputError
from api.cli.evaluate import ENGINES, EXISTING_FILE, EXISTING_FOLDER, engine_for, print_result
from api.cli.operator import operator_name
from api.cli.progress import progress_bar
from api.context import open_context
from api.policy import load_policy
from api.settings import load_settings


@click.command()
@click.option("--images", type=EXISTING_FOLDER, help="Folder of photographs, one a person.")
@click.option("--people", type=EXISTING_FILE, help="CSV: file,sex,age_band[,group].")
@click.option("--engine", type=ENGINES, help="Engine; the configured one when not given.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the calibration goes (its key goes beside it, into FILE.key)."
)
@click.option("--store", is_flag=True, help="Compute from the enrolled references in the store instead of from files.")
@click.option("--list", "list_", is_flag=True, help="List the calibrations in the store.")
@click.option("--promote", type=int, metavar="ID", help="Put a computed calibration into force.")
@click.option("--by", default=operator_name, help="Who promotes it; this user when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def calibrate(
    images: Path | None,
    people: Path | None,
    engine: str | None,
    out: Path | None,
    store: bool,
    list_: bool,
    promote: int | None,
    by: str,
    as_json: bool,
) -> None:
    """Set thresholds for the worst group of the own population: every two different persons of one sex and age band are an impostor pair.

    \b
    Examples:
      lifecert calibrate --images photos/ --people people.csv --out own.json --json
      lifecert calibrate --store              from the enrolled references
      lifecert calibrate --list
      lifecert calibrate --promote 3 --by "Wang Fang"
    """
    from_files = images is not None or people is not None
    if sum((from_files, store, list_, promote is not None)) != 1:
        raise BadInputError("give one of: --images with --people, --store, --list, --promote ID")
    if from_files:
        if images is None or people is None:
            raise BadInputError("--images and --people go together")
        from verify.evaluation_verification import run_calibrate

        settings, loaded = engine_for(engine)
        policy = load_policy(settings.policy_file).verification
        with progress_bar() as report:
            result = run_calibrate(images, people, loaded, policy=policy, out=out, progress=report)
        print_result(result, as_json=as_json)
        return
    _in_store(list_, promote, by, as_json)


def _in_store(list_: bool, promote: int | None, by: str, as_json: bool) -> None:
    from verify.calibration_service import CalibrationService

    context = open_context(load_settings())
    service = CalibrationService(context.database, context.keyring, context.engine, context.policy.verification, context.clock)
    if list_:
        rows = service.all()
        click.echo(json.dumps(rows, ensure_ascii=False) if as_json else "\n".join(_row(row) for row in rows) or "no calibrations yet")
    elif promote is not None:
        service.promote(promote, actor=by)
        click.echo(f"calibration {promote} is in force", err=True)
    else:
        with progress_bar() as report:
            calibration_id = service.compute(actor=f"cli:{by}", progress=report)
        row = next(row for row in service.all() if row["id"] == calibration_id)
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _row(row))


def _row(row: dict[str, object]) -> str:
    return "  ".join(f"{key} {value}" for key, value in row.items())
