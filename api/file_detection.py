"""Detection over a folder of files, without a store: nothing is opened, written or remembered but the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from api.context import prepare_home
from api.keys import open_keyring
from api.policy import load_policy
from api.settings import Settings
from detection.detection_service import Progress, RunAs, RunNotPossibleError, Stage, look
from detection.findings import Finding
from detection.intake import own_divisions
from detection.intake.headings import load_headings
from detection.intake.regions import RegionBook
from detection.record_files import FilesRead, HowToRead, write_files
from detection.rules_service import stages_over
from models.detection import DetectionKind
from models.repositories.detection_runs import StageCounts
from models.repositories.persons import BlindIndex


@dataclass(frozen=True)
class FilesResult:
    """What the rules found in files. rejected: file -> rule -> rows that could not be used."""

    kind: DetectionKind
    as_of: date
    stages: Mapping[str, StageCounts]
    rows: Mapping[str, int]
    rejected: Mapping[str, Mapping[str, int]]


def detect_in_files(
    settings: Settings,
    source: Path,
    kind: DetectionKind,
    as_of: date | None,
    *,
    region_code: str = "",
    engine: str = "duckdb",
    progress: Progress = lambda _stage, _done, _total: None,
    seen: Callable[[Sequence[Finding]], None] | None = None,
) -> FilesResult:
    """Run the rules of a kind over the files of a folder (``persons.csv``, ``payments.xlsx``...). Every finding goes to ``seen``.

    Raises:
        RunNotPossibleError: the day is yet to come.
        RecordFilesError, FileUnusableError: the folder or a file of it cannot be used.
        EngineUnavailableError, RunFailedError.
    """
    policy = load_policy(settings.policy_file)
    prepare_home(settings)
    today = policy.certification.today(datetime.now(UTC))
    day = as_of or today
    if day > today:
        raise RunNotPossibleError(f"as of {day}: the day is yet to come (today is {today}); give today or a day before")
    regions = RegionBook((), own_divisions.load(settings.home / "divisions.csv"))
    how = HowToRead(policy, load_headings(None), regions, BlindIndex(open_keyring(settings, policy.keys)), today, day)
    read = FilesRead({}, {})

    @contextmanager
    def stages(asked: RunAs, report: Progress) -> Iterator[Sequence[Stage]]:
        def write(folder: Path) -> None:
            nonlocal read
            read = write_files(source, folder, how, report)

        with stages_over(asked, policy, settings.home / "detection" / "work", write) as found:
            yield list(found)

    counts = look(RunAs(kind, day, region_code, engine, "files"), stages, progress, seen)
    return FilesResult(kind, day, counts, read.rows, read.rejected)
