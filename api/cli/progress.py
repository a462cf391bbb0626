"""Progress on stderr: a bar on a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0

ProgressCallback = Callable[[str, int, int], None]


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[ProgressCallback]:
    """Yield ``report(stage, done, total)``; total 0 means unknown. Nothing is ever written to stdout."""
    if quiet:
        yield lambda _stage, _done, _total: None
        return
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total or None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield report


def _plain_lines() -> ProgressCallback:
    last: dict[str, float] = {}

    def report(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage not in last:
            last[stage] = now
        if (total and done == total) or now - last[stage] >= LINE_EVERY_S:
            last[stage] = now
            print(f"{stage}: {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)  # noqa: T201

    return report
