"""The rules over the store: its tables are read in one transaction, then each rule is a stage of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detection import snapshot
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.detection_service import Batch, Marker, Progress, RunAs, Stage
from detection.rules.catalogue import findings_of, rules_of
from detection.rules.rule import Rule
from detection.rules.tables import NEEDED, Tables
from models.database import Database
from models.policy import RecordSections
from models.region import region_prefix
from models.repositories import extracts

READ = "snapshot"


class RulesService:
    """Stages of a run of duplicates, benefits or payments. folder: below it a private folder of the run is made and removed."""

    def __init__(self, database: Database, policy: RecordSections, *, folder: Path) -> None:
        self._database = database
        self._policy = policy
        self._folder = folder

    @contextmanager
    def stages(self, asked: RunAs, progress: Progress) -> Iterator[Iterable[Stage]]:
        """A stage a rule; the records are read once, as they are when the block begins, if any rule is still to run.

        Raises:
            EngineUnavailableError: the engine is not to be had here.
            RunFailedError: memory or disk did not suffice.
        """
        with stages_over(asked, self._policy, self._folder, lambda folder: self.read(asked, folder, progress)) as stages:
            yield stages

    def read(self, asked: RunAs, folder: Path, progress: Progress) -> int:
        """Write what the rules of the kind need into the folder; how many rows. All tables are of one moment."""
        rules = extracts.ExtractRules(self._policy.certification, asked.as_of)
        done = 0
        progress(READ, 0, 0)
        with self._database.read_scope() as session:
            if self._database.dialect == "postgresql":
                extracts.of_one_moment(session)
            merged = extracts.merged_records(session)
            written = dict[str, int]()

            def told(name: str, rows: int) -> None:
                written[name] = rows
                progress(READ, sum(written.values()), 0)

            done = snapshot.write(
                lambda name, schema: extracts.batches(session, name, schema, rules, merged), folder, NEEDED[asked.kind], told
            )
        progress(READ, done, done)
        return done


@contextmanager
def stages_over(asked: RunAs, policy: RecordSections, below: Path, read: Callable[[Path], object]) -> Iterator[Iterable[Stage]]:
    """A stage a rule over the tables that ``read`` writes into the folder that it is given: of the store, or of files
    (``record_files.write_files``). Nothing is read when every rule is done. below: where the private folder of the run is made.

    Raises:
        EngineUnavailableError: the engine is not to be had here.
        RunFailedError: memory or disk did not suffice.
    """
    rules = rules_of(asked.kind)
    if all(rule.code in asked.done for rule in rules):
        yield [Stage(rule.code, (rule.code,), lambda _progress, _marker: ()) for rule in rules]
        return
    limits = Limits(policy.rules.memory_mb, policy.rules.threads)
    with snapshot.private_folder(below) as folder, open_compute(EngineName(asked.engine), limits, folder) as compute:
        read(folder)
        tables = snapshot.tables_of(compute, folder)
        yield [_stage(rule, compute, tables, policy, asked) for rule in rules]


def _stage(rule: Rule, compute: Compute, tables: Tables, policy: RecordSections, asked: RunAs) -> Stage:
    region = region_prefix(asked.region_code) if asked.region_code else ""

    def find(_progress: Progress, _marker: Marker | None) -> Iterator[Batch]:
        for findings in findings_of(rule, compute, tables, policy.rules, asked.as_of, region=region):
            yield findings, None

    return Stage(rule.code, (rule.code,), find)
