"""Watching the background jobs: when they were heard, how each went, and that none of them goes by a clock that jumped."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from huey.api import Huey
from huey.exceptions import CancelExecution
from sqlalchemy.exc import SQLAlchemyError

from api.clock_guard import ClockNotes, read_clock
from api.context import Context
from api.log import logger
from models.errors import ModelsError
from models.repositories import heartbeats

JOBS = "jobs"
HEARD_EVERY_S = 15.0
BIND = ("job", "request_id")

log = logger("lifecert.jobs")


def watch(queue: Huey, context: Context) -> None:
    """Have every job noted, and skipped while the clock is in doubt. Log lines of a job carry its name and an id of the run."""
    started = threading.local()

    def before(task: Any) -> None:
        structlog.contextvars.bind_contextvars(job=task.name, request_id=f"job-{secrets.token_hex(8)}")
        started.at = context.clock()
        try:
            reading = read_clock(context)
        except (SQLAlchemyError, sqlite3.Error, ModelsError):
            return  # the job itself will say that the store does not answer
        if not reading.steady:
            log.error("job_skipped", why=f"clock_{reading.doubt}")
            structlog.contextvars.unbind_contextvars(*BIND)
            raise CancelExecution

    def after(task: Any, _value: Any, error: Exception | None) -> None:
        try:
            with context.database.session_scope() as session:
                kind = None if error is None else type(error).__name__[:60]
                heartbeats.job_ended(session, task.name, started_at=started.at, now=context.clock(), error=kind)
        except (SQLAlchemyError, sqlite3.Error, ModelsError) as trouble:
            log.warning("job_not_noted", why=type(trouble).__name__)
        finally:
            structlog.contextvars.unbind_contextvars(*BIND)

    queue.pre_execute(name="watch")(before)
    queue.post_execute(name="watch")(after)


@contextmanager
def heard(context: Context, every_s: float = HEARD_EVERY_S) -> Iterator[None]:
    """Say every few seconds that the jobs are there, and note the time as seen."""
    stop, notes = threading.Event(), ClockNotes(context)

    def say() -> None:
        while True:
            try:
                reading = notes.note()
                if not reading.steady:
                    log.error("clock_in_doubt", doubt=str(reading.doubt), next="set the clock right, or lifecert health --accept-clock")
                with context.database.session_scope() as session:
                    heartbeats.hear(session, JOBS, context.clock(), note=reading.doubt)
            except (SQLAlchemyError, sqlite3.Error, ModelsError) as error:
                log.warning("heartbeat_failed", why=type(error).__name__)
            if stop.wait(every_s):
                return

    thread = threading.Thread(target=say, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(every_s)
