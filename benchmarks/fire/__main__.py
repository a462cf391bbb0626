"""The load test from the command line.

    python -m benchmarks.fire load --clip head-turn.gif --pensioners 20 --minutes 10 --json

Exit 0 when nothing failed, 1 when something did, 2 for arguments that cannot be used.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.fire.load import is_clean, load


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fire", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    loading = tasks.add_parser("load", help="the whole verification over HTTP by many pensioners at once")
    loading.add_argument("--clip", type=Path, required=True, help="a GIF of one real head turn to both sides")
    loading.add_argument("--pensioners", type=int, default=20, help="at the pages at once (20)")
    loading.add_argument("--minutes", type=float, default=10.0, help="for so long new ones come (10)")
    loading.add_argument("--workers", type=int, default=2, help="of gunicorn (2)")
    loading.add_argument("--prepared", type=Path, help="keep the film and the enrolled people in this new folder, or use what is there")
    loading.add_argument("--json", action="store_true", help="print only JSON")
    options = parser.parse_args()
    if not options.clip.is_file():
        parser.error(f"--clip: {options.clip} is not a file")
    if options.pensioners < 1 or options.minutes <= 0 or options.workers < 1:
        parser.error("--pensioners, --minutes and --workers are above 0")
    signal.signal(signal.SIGTERM, _leave)
    result = load(
        options.clip,
        pensioners=options.pensioners,
        minutes=options.minutes,
        workers=options.workers,
        prepared=options.prepared,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(json.dumps(result, indent=2) if options.json else _in_words(result))
    return 0 if is_clean(result) else 1


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # so that the service and the crowd are ended too


def _in_words(result: dict[str, Any]) -> str:
    lines = [
        f"{result['pensioners']} pensioners at once for {result['minutes']:g} minutes: {result['requests']} requests, "
        f"{result['failed_requests']} failed, {len(result['broken_off'])} broken off",
        f"verifications: {result['verifications']}; certificates in the store: {result['certificates']}",
    ]
    for name, answers in result["answers"].items():
        lines.append(f"  {name:14} {answers['requests']:7} requests  {answers['ms']} ms")
    for worker in result["memory"]:
        lines.append(
            f"  worker {worker['pid']}: {worker['settled_mb']} to {worker['end_mb']} MB, {worker['slope_mb_a_minute']:+} MB a minute"
        )
    return "\n".join([*lines, *result["failures"], *result["broken_off"]])


if __name__ == "__main__":
    sys.exit(main())
