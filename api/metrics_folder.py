"""Where gunicorn's workers keep what they count, so that whichever of them is asked can add it up."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def prepare_folder(home: Path) -> None:
    """An empty folder for the workers' files; before any worker, and before the library is first imported."""
    folder = home / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.db"):
        path.unlink()
    os.environ[FOLDER] = str(folder)


def worker_ended(_server: object, worker: object) -> None:
    """A worker is gone: what it had at that moment counts no more, what it did counts on. For gunicorn's ``child_exit``."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(getattr(worker, "pid", 0))  # type: ignore[no-untyped-call]
