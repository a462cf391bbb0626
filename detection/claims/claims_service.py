"""The rules over claims on the store: its archive is brought up to date, then each rule is a stage of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from detection import snapshot as private
from detection.claims import archive, snapshot
from detection.claims.catalogue import CLAIM_RULES, statements
from detection.claims.rule import Window
from detection.claims.stages import Source, stages
from detection.claims.tables import ClaimTables
from detection.claims_archive_service import ClaimsArchiveService
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.detection_service import Progress, RunAs, Stage
from detection.knowledge import hits
from detection.knowledge.points import points_from_store
from models.database import Database
from models.policy import RecordSections
from models.region import region_prefix
from models.repositories import claim_extracts, extracts
from models.repositories.claim_extracts import ClaimScope

READ = "snapshot"

More = Callable[[RunAs, Compute, ClaimTables, Window], Sequence[Stage]]
"""Further stages over the same tables: the anomaly models."""


@dataclass(frozen=True)
class Places:
    """Where files are. archive: of the analytical files; work: below it a private folder of the run is made and removed."""

    archive: Path
    work: Path


class ClaimsService:
    """Stages of a run over claims."""

    def __init__(self, database: Database, policy: RecordSections, places: Places, *, more: More | None = None) -> None:
        self._database = database
        self._policy = policy
        self._places = places
        self._more = more

    @contextmanager
    def stages(self, asked: RunAs, progress: Progress) -> Iterator[Iterable[Stage]]:
        """A stage a rule, over the claims of the window of the run and of ``look_back_days`` before it.

        Raises:
            EngineUnavailableError: the engine is not to be had here.
            RunFailedError: memory or disk did not suffice.
        """
        window = window_of(asked)

        def read(compute: Compute, folder: Path) -> ClaimTables:
            return self.tables(compute, folder, window, progress)

        with stages_over(asked, self._policy, self._places.work, read) as (found, compute, tables):
            yield [*found, *(() if self._more is None else self._more(asked, compute, tables, window))]

    def tables(self, compute: Compute, folder: Path, window: Window, progress: Progress) -> ClaimTables:
        """The claims that a run over the window looks at, as tables of the engine: months of the archive, the rest read into the folder."""
        ClaimsArchiveService(self._database, self._places.archive).refresh(progress)
        days = snapshot.days_read(window, self._policy.claims.look_back_days)
        self._read(folder, days, progress)
        return snapshot.tables_of(compute, folder, archive.files(self._places.archive, days.from_date, days.to_date), days)

    def _read(self, folder: Path, days: Window, progress: Progress) -> None:
        scope = ClaimScope(days.from_date, days.to_date)
        written = dict[str, int]()

        def told(name: str, rows: int) -> None:
            written[name] = rows
            progress(READ, sum(written.values()), 0)

        with self._database.read_scope() as session:
            if self._database.dialect == "postgresql":
                extracts.of_one_moment(session)
            merged = extracts.merged_records(session)

            def read(name: str, schema: pa.Schema) -> Iterable[pa.RecordBatch]:
                if name == "point":
                    return points_from_store(session, days.from_date, days.to_date).to_batches()
                return claim_extracts.batches(session, name, schema, scope, merged)

            done = snapshot.write(read, folder, progress=told)
        progress(READ, done, done)


def window_of(asked: RunAs) -> Window:
    """The window of a run over claims, which always has one."""
    if asked.window is None:
        raise ValueError("a run over claims needs a window of days")
    return Window(*asked.window)


@contextmanager
def stages_over(
    asked: RunAs, policy: RecordSections, below: Path, read: Callable[[Compute, Path], ClaimTables]
) -> Iterator[tuple[list[Stage], Compute, ClaimTables]]:
    """A stage a rule over the tables that ``read`` gives, from the store or from files; and the engine with the tables.

    below: where the private folder of the run is made.

    Raises:
        EngineUnavailableError: the engine is not to be had here.
        RunFailedError: memory or disk did not suffice.
    """
    limits = Limits(policy.claims.memory_mb, policy.claims.threads)
    with private.private_folder(below) as folder, open_compute(EngineName(asked.engine), limits, folder) as compute:
        window = window_of(asked)
        tables = hits.prepare(read(compute, folder), compute.keep, window)
        region = region_prefix(asked.region_code) if asked.region_code else ""
        source = Source(compute, tables, policy.claims, window, region)
        yield stages(source, statements(CLAIM_RULES)), compute, tables
