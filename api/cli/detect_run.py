"""What every kind of ``lifecert detect`` does over the store: run, and write out what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.errors import BadInputError, WorkFailedError
from api.cli.progress import ProgressCallback, progress_bar
from api.context import Context

if TYPE_CHECKING:
    from detection.detection_service import RunResult
    from detection.findings import Finding

Work = Callable[[ProgressCallback, "Callable[[Sequence[Finding]], None]"], "RunResult"]
"""Runs, told where progress goes and who sees the findings of a look back."""


def run_and_write(context: Context, work: Work, out: Path | None, *, by: str) -> tuple[RunResult, int]:
    """The result, and how many findings were written to ``out``.

    Raises:
        BadInputError: the run is not possible as it was asked for, or the file cannot be written.
        WorkFailedError: it failed.
    """
    from api.detection import findings_out
    from detection.detection_service import RunNotPossibleError
    from detection.errors import DetectionError, EngineUnavailableError
    from detection.faces.errors import LegalBasisMissingError
    from detection.finding_files import OutFileError, Write, check_ending, open_findings
    from models.errors import NotFoundError

    writer = findings_out(context)
    written = 0
    try:
        if out is not None:
            check_ending(out)
        with progress_bar() as report, ExitStack() as stack:
            write: Write | None = None

            def opened(path: Path) -> Write:
                nonlocal write
                write = write or stack.enter_context(open_findings(path))
                return write

            # only a look back hands its findings over; what a run records is read from the store afterwards
            def seen(findings: Sequence[Finding]) -> None:
                nonlocal written
                if out is not None:
                    writer.write_findings(opened(out), findings)
                    written += len(findings)

            result = work(report, seen)
            if out is not None and not result.recorded:
                opened(out)
        if out is not None and result.run_id is not None and result.run is not None:
            written = writer.write_run(out, result.run_id, run=result.run, by=by)
        elif out is not None:
            writer.record_look_back(written, by=by)
    except (RunNotPossibleError, NotFoundError, OutFileError, EngineUnavailableError, LegalBasisMissingError) as error:
        raise BadInputError(str(error)) from error
    except DetectionError as error:
        raise WorkFailedError(str(error)) from error
    return result, written
