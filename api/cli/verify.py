"""`lifecert verify`: a whole decision from files, without the store."""

from __future__ import annotations

import json
from pathlib import Path

import click

from api.cli.evaluate import ENGINES, EXISTING_FILE, EXISTING_FOLDER, engine_for, print_result
from api.cli.progress import progress_bar
from api.policy import load_policy


@click.command()
@click.option("--reference", required=True, type=EXISTING_FILE, help="Photograph of the person, as enrolled.")
@click.option("--frames", required=True, type=EXISTING_FOLDER, help="Folder of frames (JPEG, PNG, WebP), in the order of their names.")
@click.option(
    "--fps", default=8.0, show_default=True, type=click.FloatRange(0.5, 60), help="Frames a second, where no prompts.json tells times."
)
@click.option("--engine", type=ENGINES, help="Engine; the configured one when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def verify(reference: Path, frames: Path, fps: float, engine: str | None, as_json: bool) -> None:
    """Compare a folder of frames with a reference photograph and judge liveness, every measured value shown.

    Without prompts the active challenge and the colour flash cannot be judged, so the best that frames alone can give is `refer`.
    A prompts.json in the folder supplies them: a list of {"file","at_ms","prompt"[,"colour"][,"step"]} in time order. Prompts are
    look_straight, turn_left, turn_right, blink, watch_colours; step tells two turns to the same side apart.

    \b
    Examples:
      lifecert verify --reference me.jpg --frames captured/
      lifecert verify --reference me.jpg --frames captured/ --json
    """
    from verify.file_verification import verify_files

    settings, loaded = engine_for(engine)
    policy = load_policy(settings.policy_file).verification
    with progress_bar() as report:
        result = verify_files(reference, frames, loaded, policy=policy, frames_per_s=fps, progress=report)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        print_result(result, as_json=False)
