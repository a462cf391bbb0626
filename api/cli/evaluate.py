"""`lifecert evaluate verification` and `lifecert evaluate liveness`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.cli.engines import fetch_weights
from api.cli.evaluate_claims import claims
from api.cli.evaluate_linkage import linkage
from api.cli.progress import progress_bar
from api.context import ChosenEngine
from api.policy import load_policy
from api.settings import EngineChoice, Settings, load_settings
from verify.engines.protocol import Engine
from verify.errors import WeightsError
from verify.weights import WeightState, WrongHashError, locate

ENGINES = click.Choice(["onnx", "dlib"])
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def engine_for(name: str | None) -> tuple[Settings, Engine]:
    """The engine that an option names, or the configured one; weights that are missing are fetched first.

    A service never fetches by itself; a measurement on another engine than was meant would be worse than a download.
    """
    settings = load_settings()
    if name is not None:
        settings = settings.model_copy(update={"engine": EngineChoice(name)})
    if settings.engine in {EngineChoice.AUTO, EngineChoice.ONNX}:
        _fetch_missing(settings)
    chosen = ChosenEngine(settings)
    if chosen.note:
        click.echo(chosen.note, err=True)
    return settings, chosen.load()


def _fetch_missing(settings: Settings) -> None:
    states = {located.state for located in locate(settings.weights_dir).weights}
    if WeightState.MISSING not in states or WeightState.WRONG_HASH in states:
        return  # a changed file is never mended in passing: loading the engine says what to do about it
    try:
        fetch_weights(settings)
    except WrongHashError:
        raise
    except WeightsError as error:
        click.echo(f"The ONNX weights could not be had: {error}", err=True)


def print_result(result: dict[str, Any], *, as_json: bool) -> None:
    """JSON for programs, an indented list for people."""
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    for line in _lines(result, 0):
        click.echo(line)


def _lines(value: dict[str, Any], depth: int) -> list[str]:
    lines = []
    width = max((len(str(key)) for key in value), default=0)
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{'  ' * depth}{key}", *_lines(item, depth + 1)]
        else:
            shown = f"{item:.4f}" if isinstance(item, float) else json.dumps(item, ensure_ascii=False)
            lines.append(f"{'  ' * depth}{key!s:<{width}}  {shown}")
    return lines


@click.group()
def evaluate() -> None:
    """Measure on files: faces and liveness with intervals, as ISO/IEC 19795-1 and 30107-3 define them; linkage; hospitals by their claims.

    \b
    Examples:
      lifecert evaluate verification --pairs pairs.csv --images photos/ --json
      lifecert evaluate liveness --attempts attempts.csv --media recordings/ --json
      lifecert evaluate attacks --clip turning.gif --photographs photos/ --json
      lifecert evaluate linkage --records persons.csv --columns mapping.toml --id rec_id --cluster person --json
      lifecert evaluate claims --claims claims.csv --mapping us_inpatient --labels labels.csv --json
    """


evaluate.add_command(linkage)
evaluate.add_command(claims)


@evaluate.command("verification")
@click.option("--pairs", required=True, type=EXISTING_FILE, help="CSV: reference,probe,same[,group]; same is 1 or 0.")
@click.option("--images", required=True, type=EXISTING_FOLDER, help="Folder that the file names are relative to.")
@click.option("--engine", type=ENGINES, help="Engine; the configured one when not given.")
@click.option("--calibration", type=EXISTING_FILE, help="File that `lifecert calibrate --out` wrote.")
@click.option(
    "--threshold-fmr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Operating point: false match rate level, e.g. 0.001.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def verification(
    pairs: Path, images: Path, engine: str | None, calibration: Path | None, threshold_fmr: float | None, as_json: bool
) -> None:
    """Compare pairs of photographs and report accuracy, EER, FNMR at fixed FMR, and the operating point, by group.

    \b
    Examples:
      lifecert evaluate verification --pairs pairs.csv --images photos/ --json
      lifecert evaluate verification --pairs pairs.csv --images photos/ --calibration own.json --threshold-fmr 0.001
    """
    from verify.evaluation_verification import run_evaluate

    settings, loaded = engine_for(engine)
    policy = load_policy(settings.policy_file).verification
    with progress_bar() as report:
        result = run_evaluate(pairs, images, loaded, policy=policy, calibration=calibration, threshold_fmr=threshold_fmr, progress=report)
    print_result(result, as_json=as_json)


@evaluate.command("liveness")
@click.option("--attempts", required=True, type=EXISTING_FILE, help="CSV: attempt,file,at_ms,label,species; label is bona_fide or attack.")
@click.option("--media", required=True, type=EXISTING_FOLDER, help="Folder that the file names are relative to.")
@click.option("--evidence", help="Kinds of evidence to use, e.g. passive,depth,continuity. All that can be judged when not given.")
@click.option("--engine", type=ENGINES, help="Engine; the configured one when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def liveness(attempts: Path, media: Path, evidence: str | None, engine: str | None, as_json: bool) -> None:
    """Judge recorded attempts and report BPCER, APCER by species (the worst one first), and which reasons were given.

    \b
    Examples:
      lifecert evaluate liveness --attempts attempts.csv --media recordings/ --json
      lifecert evaluate liveness --attempts attempts.csv --media recordings/ --evidence passive,continuity
    """
    from verify.evaluation_liveness import run_evaluate

    kinds = None if evidence is None else [name.strip() for name in evidence.split(",") if name.strip()]
    settings, loaded = engine_for(engine)
    policy = load_policy(settings.policy_file).verification
    with progress_bar() as report:
        result = run_evaluate(attempts, media, loaded, policy=policy, evidence=kinds, progress=report)
    print_result(result, as_json=as_json)


@evaluate.command("attacks")
@click.option("--clip", required=True, type=EXISTING_FILE, help="GIF of one real head turn to both sides.")
@click.option("--photographs", required=True, type=EXISTING_FOLDER, help="Folder of photographs of other people.")
@click.option("--per-species", default=12, show_default=True, type=click.IntRange(1, 200), help="Attempts of each kind of attack.")
@click.option("--seed", default=1, show_default=True, help="Draws the challenges and the attacks.")
@click.option("--engine", type=ENGINES, help="Engine; the configured one when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def attacks(clip: Path, photographs: Path, per_species: int, seed: int, engine: str | None, as_json: bool) -> None:
    """Run simulated attacks against the whole liveness decision: what was refused, what caught it, and what still passes.

    The attacks are pictures moved, bent, shown on simulated screens, replayed and spliced by computer: a lower bound of what must
    hold, not a measure of real presentation attacks.

    \b
    Examples:
      lifecert evaluate attacks --clip turning.gif --photographs photos/ --json
    """
    from verify.attacks import run_attacks

    settings, loaded = engine_for(engine)
    policy = load_policy(settings.policy_file).verification
    with progress_bar() as report:
        result = run_attacks(clip, photographs, loaded, policy, per_species=per_species, seed=seed, progress=report)
    print_result(result, as_json=as_json)
