"""Runs of detection: one at a time of each kind, stage by stage, each with what it found in the store; a killed run goes on after the last
stage that ended. Triage comes last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from detection.errors import DetectionError
from detection.findings import Finding
from models.casework import RuleMode
from models.database import Database
from models.detection import DetectionKind
from models.errors import ModelsError, NotFoundError
from models.policy import RecordSections
from models.region import Region, region_prefix
from models.repositories import audit, detection_runs, rule_modes, signal_reads, signals, suppressions, triage
from models.repositories.detection_runs import StageCounts
from models.repositories.triage import Triaged
from models.run_lock import only_one
from models.triage import TriageRules

BATCH = {"sqlite": 2_000, "postgresql": 5_000}
"""Findings a transaction. SQLite has one writer: doors that wait for it should not wait long."""
TRIAGE_STAGE = "triage"
PART = "{} (part)"
LOCKED_TRIES = 5
LOCKED_WAIT_S = 1.0

Progress = Callable[[str, int, int], None]
Marker = Mapping[str, Any]
Batch = tuple[Sequence[Finding], Marker | None]


class RunNotPossibleError(DetectionError):
    """The run cannot be made as asked; the message says why."""

    code = "run_not_possible"


@dataclass(frozen=True)
class Stage:
    """One part of a run. codes: of the signals that it finds; what it no longer finds of them vanishes when it ends.

    find: given a progress report and the marker of the last batch of an earlier, killed process, the rest of the findings in batches, each
    with a marker to go on from; None where the stage can only begin anew.
    """

    name: str
    codes: tuple[str, ...]
    find: Callable[[Progress, Marker | None], Iterable[Batch]]


@dataclass(frozen=True)
class RunAs:
    """What a run is of. region_code: empty for the whole store. run: public id of its row. done: names of stages that ended already.

    window: days of claims, both inclusive, that are asked; None for kinds that do not go by days.
    """

    kind: DetectionKind
    as_of: date
    region_code: str
    engine: str
    by: str
    run: str = ""
    done: tuple[str, ...] = ()
    window: tuple[date, date] | None = None

    def has_region(self, code: str) -> bool:
        """True for what lies in the region that is looked at."""
        return not self.region_code or code.startswith(region_prefix(self.region_code))


MakeStages = Callable[[RunAs, Progress], AbstractContextManager[Iterable[Stage]]]
"""Stages of a run, in order, for as long as the block lasts; a snapshot is taken when it begins."""


@dataclass(frozen=True)
class RunResult:
    """What a run did, with the parts of it that an earlier, killed process had done. recorded: False when it only looked back.

    stages: name -> counts of signals. alerts: what triage did. resumed: it went on with a run that had broken off. wall_s: of this process.
    """

    run: str | None
    kind: DetectionKind
    as_of: date
    region_code: str
    recorded: bool
    stages: Mapping[str, StageCounts]
    alerts: Triaged
    resumed: bool
    wall_s: float
    run_id: int | None = None
    newest_day: date | None = None


class DetectionService:
    """Carries runs out. ``clock`` gives the aware UTC time; policy_hash goes on every signal."""

    def __init__(self, database: Database, policy: RecordSections, *, policy_hash: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._policy = policy
        self._hash = policy_hash
        self._rules = TriageRules.of(policy, policy_hash)
        self._clock = clock

    def run(
        self,
        asked: RunAs,
        make_stages: MakeStages,
        *,
        progress: Progress = lambda _stage, _done, _total: None,
        seen: Callable[[Sequence[Finding]], None] | None = None,
    ) -> RunResult:
        """Carry a run out, or go on with the same one (kind, day, policy, region) that was killed.

        A run as of a day before that of the newest finished one only looks back: it counts, hands its findings to ``seen``, and leaves
        signals and alerts as they are. seen: gets every finding of such a run.

        Raises:
            RunNotPossibleError: the day is yet to come.
            NotFoundError: there is no such region.
            ConflictError: RUN_IN_PROGRESS; another process carries out a run of this kind.
            DetectionError, ModelsError, OSError: what stopped it; the row of the run says so, and the same call starts anew.
        """
        today = self._policy.certification.today(self._clock())
        if asked.as_of > today:
            raise RunNotPossibleError(f"as of {asked.as_of}: the day is yet to come (today is {today}); give today or a day before")
        began = time.monotonic()
        with only_one(self._database, f"detect-{asked.kind}"):
            with self._database.read_scope() as session:
                if asked.region_code and session.get(Region, asked.region_code) is None:
                    raise NotFoundError(
                        f"there is no region {asked.region_code}: give a code of the region table, e.g. of a city or county"
                    )
                newest = detection_runs.newest_day(session, asked.kind, asked.region_code)
            if newest is not None and asked.as_of < newest:
                return self._look_back(asked, make_stages, newest, began, progress, seen)
            return self._record(asked, make_stages, began, progress)

    # look back -----------------------------------------------------------------------------------------------------

    def _look_back(
        self,
        asked: RunAs,
        make_stages: MakeStages,
        newest: date,
        began: float,
        progress: Progress,
        seen: Callable[[Sequence[Finding]], None] | None,
    ) -> RunResult:
        counts = look(asked, make_stages, progress, seen)
        wall_s = round(time.monotonic() - began, 3)
        return RunResult(None, asked.kind, asked.as_of, asked.region_code, False, counts, Triaged(), False, wall_s, newest_day=newest)

    # record --------------------------------------------------------------------------------------------------------

    def _record(self, asked: RunAs, make_stages: MakeStages, began: float, progress: Progress) -> RunResult:
        with self._database.session_scope() as session:
            run = detection_runs.start_or_resume(
                session,
                kind=asked.kind,
                as_of=asked.as_of,
                region_code=asked.region_code,
                engine=asked.engine,
                policy_hash=self._hash,
                by=asked.by,
                now=self._clock(),
                window=asked.window,
            )
            run_id, public_id, started_at, done = run.id, run.public_id, run.started_at, dict(run.finished_stages)
        work = RunAs(**{**vars(asked), "run": public_id, "done": tuple(done)})
        try:
            with self._database.read_scope() as session:
                retired = frozenset(code for code, mode in rule_modes.current(session).items() if mode is RuleMode.RETIRED)
            with make_stages(work, progress) as stages:
                for stage in stages:
                    if stage.name in done:
                        continue
                    if set(stage.codes) <= retired:
                        self._retired(run_id, stage)
                    else:
                        self._stage(run_id, started_at, work, stage, done.get(PART.format(stage.name)), progress, retired)
            self._triage(run_id, work, progress)
        except (DetectionError, ModelsError, OSError) as error:
            self._fail(run_id, f"{error}")
            raise
        except Exception as error:
            self._fail(run_id, f"a fault of the program ({type(error).__name__}): see the log, and tell those who maintain it")
            raise
        return self._finish(run_id, work, began, resumed=bool(done))

    def _retired(self, run_id: int, stage: Stage) -> None:
        """A stage whose rules are not looked for any more: what a run that was under way still wrote of them goes."""
        now = self._clock()
        with self._database.session_scope() as session:
            closed = sum(rule_modes.retire(session, code, now=now) for code in stage.codes)
            counts = StageCounts(closed=closed)
            detection_runs.stage_ended(session, detection_runs.get(session, run_id), stage.name, counts)

    def _stage(
        self,
        run_id: int,
        started_at: datetime,
        asked: RunAs,
        stage: Stage,
        marker: Marker | None,
        progress: Progress,
        retired: frozenset[str] = frozenset(),
    ) -> None:
        began, part = time.monotonic(), PART.format(stage.name)
        progress(stage.name, 0, 0)
        number = 0
        for findings, following in stage.find(progress, marker):
            kept = [finding for finding in findings if asked.has_region(finding.region_code) and finding.code not in retired]
            for some in _parts(kept, BATCH[self._database.dialect]):
                now = self._clock()
                with self._database.session_scope() as session:
                    signals.write(session, some, run_id=run_id, policy_hash=self._hash, by=asked.by, now=now)
            if following is not None:
                with self._database.session_scope() as session:
                    run = detection_runs.get(session, run_id)
                    run.finished_stages = {**run.finished_stages, part: dict(following)}
            number += len(kept)
            progress(stage.name, number, 0)
        wall_s = round(time.monotonic() - began, 3)
        with self._database.session_scope() as session:
            run = detection_runs.get(session, run_id)
            total = StageCounts(wall_s=wall_s)
            for code in stage.codes:
                now = self._clock()
                where: dict[str, Any] = {"region_code": asked.region_code, "started_at": started_at}
                signals.vanish(session, code, run_id=run_id, now=now, window=asked.window, **where)
                left = signal_reads.left_by_run(session, run_id, code, **where)
                total = StageCounts(
                    total.found + left.found,
                    total.opened + left.opened,
                    total.updated + left.updated,
                    total.unchanged + left.found - left.opened - left.updated,
                    total.closed + left.closed,
                    total.amount_fen + left.amount_fen,
                    wall_s,
                )
            run.finished_stages = {name: value for name, value in run.finished_stages.items() if name != part}
            detection_runs.stage_ended(session, run, stage.name, total)
        progress(stage.name, number, number)

    def _triage(self, run_id: int, asked: RunAs, progress: Progress) -> None:
        began, total, persons = time.monotonic(), Triaged(), 0
        progress(TRIAGE_STAGE, 0, 0)
        self._end_suppressions()
        for attempt in range(LOCKED_TRIES):
            after, locked = 0, 0
            while True:
                with self._database.session_scope() as session:
                    due = triage.due(session, after=after)
                    if not due:
                        break
                    one = triage.triage(session, due, self._rules, by=asked.by, now=self._clock(), skip_locked=True)
                after, locked, persons = due[-1], locked + one.locked, persons + len(due) - one.locked
                total += one
                progress(TRIAGE_STAGE, persons, 0)
            if not locked:
                break
            if attempt < LOCKED_TRIES - 1:
                time.sleep(LOCKED_WAIT_S)
        while True:
            with self._database.session_scope() as session:
                one, looked_at = triage.triage_others(session, self._rules, by=asked.by, now=self._clock())
            total += one
            if not looked_at:
                break
        with self._database.session_scope() as session:
            run = detection_runs.get(session, run_id)
            before = run.finished_stages.get(TRIAGE_STAGE, {})
            counts = StageCounts(0, total.opened, total.updated, 0, total.closed, 0, round(time.monotonic() - began, 3))
            detection_runs.stage_ended(session, run, TRIAGE_STAGE, counts, signals=False, told=total.told + before.get("told", 0))
        progress(TRIAGE_STAGE, persons, persons)

    def _end_suppressions(self) -> None:
        """Signals whose suppression had its last day are looked at again."""
        while True:
            now = self._clock()
            with self._database.session_scope() as session:
                if not suppressions.end_past(session, self._policy.certification.today(now), now=now):
                    return

    def _finish(self, run_id: int, asked: RunAs, began: float, *, resumed: bool) -> RunResult:
        now = self._clock()
        with self._database.session_scope() as session:
            run = detection_runs.get(session, run_id)
            detection_runs.finish(session, run, now=now)
            ended = {name: dict(value) for name, value in run.finished_stages.items()}
            told = ended.pop(TRIAGE_STAGE)
            counts = {"found": run.found, "opened": run.opened, "updated": run.updated, "closed": run.closed}
            details = {"kind": run.kind.value, "as_of": run.as_of.isoformat(), "region": run.region_code, "policy": self._hash, **counts}
            audit.record(session, actor=asked.by, action="detection.run", now=now, object=run.public_id, details=details)
        stages = {name: StageCounts(**value) for name, value in ended.items()}
        alerts = Triaged(told["opened"], told["updated"], told["closed"], told["told"])
        wall_s = round(time.monotonic() - began, 3)
        return RunResult(asked.run, asked.kind, asked.as_of, asked.region_code, True, stages, alerts, resumed, wall_s, run_id)

    def _fail(self, run_id: int, failure: str) -> None:
        with self._database.session_scope() as session:
            detection_runs.finish(session, detection_runs.get(session, run_id), now=self._clock(), failure=failure)


def look(
    asked: RunAs,
    make_stages: MakeStages,
    progress: Progress,
    seen: Callable[[Sequence[Finding]], None] | None = None,
) -> dict[str, StageCounts]:
    """Run the stages without a store: counts by stage, every finding to ``seen``."""
    counts: dict[str, StageCounts] = {}
    with make_stages(asked, progress) as stages:
        for stage in stages:
            began, found, amount_fen = time.monotonic(), 0, 0
            progress(stage.name, 0, 0)
            for findings, _ in stage.find(progress, None):
                kept = [finding for finding in findings if asked.has_region(finding.region_code)]
                if seen is not None:
                    seen(kept)
                found, amount_fen = found + len(kept), amount_fen + sum(finding.amount_fen for finding in kept)
                progress(stage.name, found, 0)
            counts[stage.name] = StageCounts(found=found, amount_fen=amount_fen, wall_s=round(time.monotonic() - began, 3))
            progress(stage.name, found, found)
    return counts


def _parts(findings: Sequence[Finding], size: int) -> Iterator[Sequence[Finding]]:
    for start in range(0, len(findings), size):
        yield findings[start : start + size]
