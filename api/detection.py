"""Detection over the running store, put together from the context: for the command, the pages and the jobs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from api.context import Context
from api.face_search import face_stages
from detection.detection_service import DetectionService, MakeStages, Progress, RunAs, RunResult, Stage
from detection.findings import Finding
from detection.findings_out_service import FindingsOut
from detection.linkage_service import LinkageService
from detection.rules_service import RulesService
from models.detection import DetectionKind


def work_folder(context: Context) -> Path:
    """Where runs keep their own folders while they last."""
    return context.settings.home / "detection" / "work"


def service_of(context: Context) -> DetectionService:
    """The service on the running store under the policy in force."""
    return DetectionService(context.database, context.policy, policy_hash=context.policy.hash, clock=context.clock)


def findings_out(context: Context) -> FindingsOut:
    """What writes files of findings."""
    return FindingsOut(context.database, clock=context.clock)


def stages_of(context: Context, kind: DetectionKind) -> MakeStages:
    """The stages of a kind of run over the store: the rules, and for duplicates the linkage after them; for faces the search."""
    if kind is DetectionKind.FACES:
        return face_stages(context)
    rules = RulesService(context.database, context.policy, folder=work_folder(context))
    if kind is not DetectionKind.DUPLICATES:
        return rules.stages
    linkage = LinkageService(context.database, context.keyring, context.policy, folder=work_folder(context), clock=context.clock)

    @contextmanager
    def stages(asked: RunAs, progress: Progress) -> Iterator[Iterable[Stage]]:
        def each() -> Generator[Stage, None, None]:
            with rules.stages(asked, progress) as found:
                yield from found
            yield linkage.stage(asked)  # when the engine of the rules has given its memory back

        one_by_one = each()
        try:
            yield one_by_one
        finally:
            one_by_one.close()

    return stages


def detect(
    context: Context,
    kind: DetectionKind,
    as_of: date,
    *,
    region_code: str = "",
    engine: str = "duckdb",
    by: str,
    progress: Progress = lambda _stage, _done, _total: None,
    seen: Callable[[Sequence[Finding]], None] | None = None,
) -> RunResult:
    """Carry out one run of the rules and the linkage. See ``DetectionService.run``."""
    asked = RunAs(kind, as_of, region_code, engine, by)
    return service_of(context).run(asked, stages_of(context, kind), progress=progress, seen=seen)
