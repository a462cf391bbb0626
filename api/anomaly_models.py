"""Anomaly models over the running store, put together from the context: for the command, the pages and the runs over claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from api.context import Context

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from detection.anomaly.models_service import AnomalyService
    from detection.claims.rule import Window
    from detection.claims.tables import ClaimTables
    from detection.compute import Compute
    from detection.detection_service import Progress


def models_service(context: Context) -> AnomalyService:
    """The service on the running store under the policy in force."""
    from detection.anomaly.models_service import AnomalyService  # brings scikit-learn along

    return AnomalyService(context.database, context.policy, policy_hash=context.policy.hash, clock=context.clock)


def open_claims(
    context: Context, engine: str, progress: Progress
) -> Callable[[Window], AbstractContextManager[tuple[Compute, ClaimTables]]]:
    """What opens an engine with the store's claims of a window, in a private folder that is gone at the end of the block."""

    @contextmanager
    def opened(window: Window) -> Iterator[tuple[Compute, ClaimTables]]:
        # these bring the engine of expressions along, which the pages never need
        from api.detection import claims_archive, work_folder
        from detection.claims.claims_service import ClaimsService, Places
        from detection.compute import EngineName, Limits, open_compute
        from detection.snapshot import private_folder

        policy = context.policy
        places = Places(claims_archive(context), work_folder(context))
        service = ClaimsService(context.database, policy, places)
        limits = Limits(policy.claims.memory_mb, policy.claims.threads)
        with private_folder(places.work) as folder, open_compute(EngineName(engine), limits, folder) as compute:
            yield compute, service.tables(compute, folder, window, progress)

    return opened
