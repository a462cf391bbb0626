"""Detection over the running store, put together from the context: for the command, the pages and the jobs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from api.context import Context
from api.face_search import face_stages
from detection.claims.rule import Window
from detection.detection_service import DetectionService, MakeStages, Progress, RunAs, RunNotPossibleError, RunResult, Stage
from detection.findings import Finding
from detection.findings_out_service import FindingsOut
from detection.linkage_service import LinkageService
from detection.rules_service import RulesService
from models.detection import DetectionKind


def work_folder(context: Context) -> Path:
    """Where runs keep their own folders while they last."""
    return context.settings.home / "detection" / "work"


def claims_archive(context: Context) -> Path:
    """Where the analytical files of claims are."""
    return context.settings.home / "analytics" / "claims"


def window_of(context: Context, as_of: date, window: tuple[date | None, date | None]) -> Window:
    """The days of claims that a run asks: those that were named, else up to the day of the run as many as policy says.

    Raises:
        RunNotPossibleError: they are not in order, or later than the day of the run.
    """
    first, last = window
    last = last or as_of
    first = first or last - timedelta(days=context.policy.claims.window_days - 1)
    if last > as_of:
        raise RunNotPossibleError(f"the days end on {last}, after {as_of}, the day of the run: give days up to that one")
    if first > last:
        raise RunNotPossibleError(f"the days go from {first} to {last}: give the earlier one first")
    return Window(first, last)


def service_of(context: Context) -> DetectionService:
    """The service on the running store under the policy in force."""
    return DetectionService(context.database, context.policy, policy_hash=context.policy.hash, clock=context.clock)


def findings_out(context: Context) -> FindingsOut:
    """What writes files of findings."""
    return FindingsOut(context.database, clock=context.clock)


def stages_of(context: Context, kind: DetectionKind) -> MakeStages:
    """The stages of a kind of run over the store: the rules, for duplicates the linkage and for claims the models after them; for faces
    the search.
    """
    if kind is DetectionKind.FACES:
        return face_stages(context)
    if kind is DetectionKind.CLAIMS:
        from detection.anomaly.models_service import AnomalyService
        from detection.claims.claims_service import ClaimsService, Places  # brings all rules over claims along

        models = AnomalyService(context.database, context.policy, policy_hash=context.policy.hash, clock=context.clock)
        places = Places(claims_archive(context), work_folder(context))
        return ClaimsService(context.database, context.policy, places, more=models.stages).stages
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
    window: tuple[date | None, date | None] = (None, None),
    progress: Progress = lambda _stage, _done, _total: None,
    seen: Callable[[Sequence[Finding]], None] | None = None,
) -> RunResult:
    """Carry out one run of the rules and the linkage. window: for claims, see ``window_of``. See ``DetectionService.run``."""
    days = window_of(context, as_of, window) if kind is DetectionKind.CLAIMS else None
    asked = RunAs(kind, as_of, region_code, engine, by, window=None if days is None else (days.from_date, days.to_date))
    return service_of(context).run(asked, stages_of(context, kind), progress=progress, seen=seen)
