"""Figures that the store knows: how much waits, how the jobs went. Looked up when Prometheus asks, at most every 15 seconds a worker."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from api.audit_journal import folder_of
from api.context import Context
from api.health_parts import Part, State, look
from api.recent import Recent
from models.alert import Alert, AlertState
from models.errors import ModelsError
from models.import_batch import ImportBatch, ImportState
from models.outbox import OutboxMessage
from models.repositories import audit_chain, heartbeats
from models.repositories.audit_journal import waiting_bytes
from models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint

COUNTED_MAX = 100_001  # more than that is too many whatever the number
OLD_S = 15.0

_DEAD = select(WebhookDelivery.id).where(WebhookDelivery.state == DeliveryState.DEAD)
WAITING: dict[str, Select[int]] = {
    "outbox": select(OutboxMessage.id).where(OutboxMessage.sent_at.is_(None)),
    "webhooks": select(WebhookDelivery.id).where(WebhookDelivery.state == DeliveryState.PENDING),
    "webhooks_dead": _DEAD.where(WebhookDelivery.endpoint_id.in_(select(WebhookEndpoint.id))),  # by the index of endpoints
    "alerts_open": select(Alert.id).where(Alert.state == AlertState.OPEN),
    "imports": select(ImportBatch.id).where(ImportBatch.state == ImportState.RUNNING),
}


class StoreCollector(Collector):
    """Gives the figures of the store. Where it does not answer, says so and nothing else."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._recent: Recent[list[Metric]] = Recent(self._look, OLD_S)

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        return self._recent.get()

    def _look(self) -> list[Metric]:
        found = look(self._context)
        parts = GaugeMetricFamily("lifecert_part_state", "How each part is: 0 well, 1 limited, 2 failed.", labels=["part"])
        for finding in found.findings:
            parts.add_metric([finding.part.value], list(State).index(finding.state))
        metrics: list[Metric] = [parts, GaugeMetricFamily("lifecert_disk_free_bytes", "Free in the home.", value=self._free())]
        if found.of(Part.STORE).code != "unreachable":
            with contextlib.suppress(ModelsError, SQLAlchemyError, sqlite3.Error, OSError):  # lifecert_part_state says it the next time
                metrics += [*self._depths(), *self._jobs(), *self._audit()]
        return metrics

    def _free(self) -> float:
        try:
            return float(shutil.disk_usage(self._context.settings.home).free)
        except OSError:
            return float("nan")

    def _depths(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily("lifecert_waiting", f"What waits, counted up to {COUNTED_MAX}.", labels=["queue"])
        with self._context.database.read_scope() as session:
            for name, query in WAITING.items():
                depth.add_metric([name], session.scalar(select(func.count()).select_from(query.limit(COUNTED_MAX).subquery())) or 0)
        yield depth

    def _jobs(self) -> Iterable[Metric]:
        runs = CounterMetricFamily("lifecert_job_runs", "Runs of each background job.", labels=["job"])
        failures = CounterMetricFamily("lifecert_job_failures", "Runs that failed.", labels=["job"])
        success = GaugeMetricFamily(
            "lifecert_job_last_success_seconds", "When each job last went well, seconds since 1970.", labels=["job"]
        )
        with self._context.database.read_scope() as session:
            for run in heartbeats.job_runs(session):
                runs.add_metric([run.name], run.runs)
                failures.add_metric([run.name], run.failures)
                if run.succeeded_at is not None:
                    success.add_metric([run.name], run.succeeded_at.timestamp())
            heard = heartbeats.last_heard(session).get("jobs")
        yield from (runs, failures, success)
        if heard is not None:
            yield GaugeMetricFamily(
                "lifecert_jobs_heard_seconds", "When the jobs were last heard, seconds since 1970.", value=heard.timestamp()
            )

    def _audit(self) -> Iterable[Metric]:
        with self._context.database.read_scope() as session:
            chain = audit_chain.chain_state(session)
        yield GaugeMetricFamily("lifecert_audit_unsealed", "Audit entries that are not in the sealed chain yet.", value=chain.unsealed)
        since = chain.unsealed_since
        age = 0.0 if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())
        yield GaugeMetricFamily("lifecert_audit_unsealed_age_seconds", "Age of the oldest of them.", value=age)
        waiting = waiting_bytes(self._context.database, folder_of(self._context))
        yield GaugeMetricFamily(
            "lifecert_audit_journal_bytes", "Entries in the journal of this machine that are not in the store yet.", value=waiting
        )
