"""Figures of the running service for Prometheus: names of endpoints, outcomes and counts, never an id, a name or an address.

Where gunicorn has several workers each counts in a file of its own (``PROMETHEUS_MULTIPROC_DIR``), and whoever answers adds them up. The
library chooses between memory and files when it is first imported; so this module is imported only after the folder is set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.orm import Session

from api.context import ChosenEngine, Context
from api.metrics_folder import FOLDER
from api.metrics_store import StoreCollector
from models.audit import AuditEntry

KEY = "lifecert_metrics"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
PROCESS_EVERY_S = 5.0
UNKNOWN = "none"
VERIFICATION = "verification."
ENTRIES = "lifecert_audit_entries"
SIGN_IN = "security.login"
REDIRECT = range(300, 400)


class Metrics:
    """What is counted in this process. registry: a fresh one; of the process when workers share a folder."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter("lifecert_requests", "Requests that were answered.", ("endpoint", "method", "status"), registry=registry)
        self.seconds = Histogram(
            "lifecert_request_seconds",
            "Time from a request's arrival in the application to its answer.",
            ("endpoint",),
            buckets=SECONDS,
            registry=registry,
        )
        self.running = Gauge(
            "lifecert_requests_running", "Requests that are being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.verifications = Counter("lifecert_verifications", "Decisions on verifications by camera.", ("outcome",), registry=registry)
        self.reasons = Counter(
            "lifecert_verification_reasons", "Reasons of decisions that did not certify.", ("reason",), registry=registry
        )
        self.audited = Counter(ENTRIES, "Entries of the audit, by what was done.", ("action",), registry=registry)
        self.sign_ins_failed = Counter("lifecert_sign_in_failures", "Sign-ins of staff that did not succeed.", registry=registry)
        self.engine = Histogram("lifecert_engine_seconds", "Time in the face engine.", ("step",), buckets=SECONDS, registry=registry)
        self.memory = Gauge(
            "lifecert_process_memory_bytes", "Resident memory of each worker.", registry=registry, multiprocess_mode="liveall"
        )
        self.connections = Gauge(
            "lifecert_store_connections_used", "Connections to the store in use.", registry=registry, multiprocess_mode="livesum"
        )
        self._looked_at = 0.0

    def answered(self, response: Response, began: float) -> None:
        """A request was answered."""
        endpoint = request.endpoint or UNKNOWN
        self.requests.labels(endpoint, request.method if request.url_rule else UNKNOWN, str(response.status_code)).inc()
        self.seconds.labels(endpoint).observe(time.monotonic() - began)
        if endpoint == SIGN_IN and request.method == "POST" and response.status_code not in REDIRECT:
            self.sign_ins_failed.inc()

    def entry(self, action: str, details: dict[str, Any]) -> None:
        """An audit entry was committed."""
        self.audited.labels(action).inc()
        if action.startswith(VERIFICATION) and action.count(".") == 1:
            self.verifications.labels(action.removeprefix(VERIFICATION)).inc()
            for reason in details.get("reasons", ()):
                self.reasons.labels(str(reason)).inc()

    def look_at_process(self, context: Context) -> None:
        """Memory and connections, at most every few seconds."""
        now = time.monotonic()
        if now - self._looked_at < PROCESS_EVERY_S:
            return
        self._looked_at = now
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self.memory.set(pages * os.sysconf("SC_PAGE_SIZE"))
        used: Callable[[], int] | None = getattr(context.database.engine.pool, "checkedout", None)
        self.connections.set(used() if used is not None else 0)


def register(app: Flask) -> None:
    """Count what this application does, where figures are asked for (LIFECERT_METRICS_PORT)."""
    context: Context = app.extensions["lifecert"]
    if not context.settings.metrics_port:
        return
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    store = StoreCollector(context)
    app.extensions[KEY] = metrics

    def begin() -> None:
        g.metrics_began = time.monotonic()
        metrics.running.inc()

    def end(response: Response) -> Response:
        began = g.pop("metrics_began", None)
        if began is not None:
            metrics.running.dec()
            metrics.answered(response, began)
            metrics.look_at_process(context)
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request_funcs.setdefault(None, []).insert(0, end)  # the last to run
    _count_entries(context, metrics)
    if isinstance(context.engine, ChosenEngine):
        context.engine.watch(lambda step, seconds: metrics.engine.labels(step).observe(seconds))
    inner = app.wsgi_app
    port = context.settings.metrics_port

    def wsgi(environ: dict[str, Any], start: Any) -> Any:
        if local_port(environ) != port:
            return inner(environ, start)
        # this port is for Prometheus alone: nothing else is answered on it, and /metrics on no other
        found = environ.get("PATH_INFO") == "/metrics" and environ.get("REQUEST_METHOD") == "GET"
        response = Response(exposition(registry, store), content_type="text/plain; version=0.0.4") if found else Response(status=404)
        return response(environ, start)

    app.wsgi_app = wsgi  # type: ignore[method-assign, assignment]


def local_port(environ: dict[str, Any]) -> int | None:
    """The port that a request came in by, of the socket itself; what the client says of it does not count."""
    socket = environ.get("gunicorn.socket")
    name = None if socket is None else socket.getsockname()
    return name[1] if isinstance(name, tuple) else None


def exposition(registry: CollectorRegistry, store: Collector) -> bytes:
    """Everything that is counted, over all workers, in Prometheus' text format."""
    together = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together) + _latest(store)
    return generate_latest(registry) + _latest(store)


def _latest(collector: Collector) -> bytes:
    alone = CollectorRegistry()
    alone.register(collector)
    return generate_latest(alone)


def _count_entries(context: Context, metrics: Metrics) -> None:
    """Count the audit entries of every transaction once it is committed."""
    sessions = context.database.sessions

    def flushed(session: Session, _context: Any) -> None:
        new = [(entry.action, dict(entry.details or {})) for entry in session.new if isinstance(entry, AuditEntry)]
        session.info.setdefault(ENTRIES, []).extend(new)

    def committed(session: Session) -> None:
        for action, details in session.info.pop(ENTRIES, ()):
            metrics.entry(action, details)

    def rolled_back(session: Session) -> None:
        session.info.pop(ENTRIES, None)

    for name, listener in (("before_flush", lambda session, flush, _: flushed(session, flush)), ("after_commit", committed)):
        event.listen(sessions, name, listener)
    event.listen(sessions, "after_rollback", rolled_back)
