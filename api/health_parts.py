"""Which parts of the service are well: looked at one by one, so that what is wrong is named."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from api.context import ChosenEngine, Context
from api.job_watch import JOBS
from api.policy import PolicyFileError, load_policy
from models import clock_watch
from models.errors import ModelsError
from models.keys import KeyRingError
from models.repositories import heartbeats
from models.schema import head_revision, read_revision
from verify.errors import EngineError, WeightsError
from verify.weights import locate

PROBE = "health"


class Part(StrEnum):
    """What is looked at."""

    STORE = "store"
    REVISION = "revision"
    POLICY = "policy"
    KEYS = "keys"
    WEIGHTS = "weights"
    JOBS = "jobs"
    DISK = "disk"
    CLOCK = "clock"


class State(StrEnum):
    """How a part is. limited: the service goes on without it, not as it should; failed: it cannot do its work."""

    WELL = "well"
    LIMITED = "limited"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One part. code: a stable word; detail: what is wrong and what to do, for operators, without anything about people."""

    part: Part
    state: State
    code: str = "ok"
    detail: str = ""


@dataclass(frozen=True)
class Health:
    """All parts at one moment."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """The worst state of any part."""
        return max((finding.state for finding in self.findings), key=list(State).index)

    def of(self, part: Part) -> Finding:
        """What was found of a part."""
        return next(finding for finding in self.findings if finding.part is part)


def look(context: Context) -> Health:
    """Look at every part. Never raises because a part is unwell."""
    store = _store(context)
    findings = [store, _revision(context, store), _policy(context), _keys(context), _weights(context)]
    findings += [*jobs_and_clock(context), _disk(context)]
    return Health(context.clock(), tuple(findings))


def _store(context: Context) -> Finding:
    """Reachable, and takes a row: the probe's row is written over and rolled back."""
    try:
        context.database.ping()
    except (ModelsError, SQLAlchemyError, sqlite3.Error) as error:
        return Finding(Part.STORE, State.FAILED, "unreachable", f"the store does not answer ({type(error).__name__})")
    try:
        with context.database.sessions() as session:
            heartbeats.hear(session, PROBE, context.clock())
            session.rollback()
    except (ModelsError, SQLAlchemyError, sqlite3.Error) as error:
        return Finding(Part.STORE, State.LIMITED, "read_only", f"the store answers and takes no changes ({type(error).__name__})")
    return Finding(Part.STORE, State.WELL)


def _revision(context: Context, store: Finding) -> Finding:
    if store.code == "unreachable":
        return Finding(Part.REVISION, State.FAILED, "unknown", "the store does not answer")
    try:
        found = read_revision(context.database)
    except (ModelsError, SQLAlchemyError, sqlite3.Error) as error:
        return Finding(Part.REVISION, State.FAILED, "unknown", type(error).__name__)
    if found != head_revision():
        words = f"the tables are at revision {found or 'none'}, this version needs {head_revision()}: lifecert db upgrade"
        return Finding(Part.REVISION, State.LIMITED, "other", words)
    return Finding(Part.REVISION, State.WELL, detail=head_revision())


def _policy(context: Context) -> Finding:
    try:
        on_disk = load_policy(context.settings.policy_file)
    except PolicyFileError as error:
        words = f"the policy in force stays {context.policy.hash}; after a restart nothing would serve: {error}"
        return Finding(Part.POLICY, State.LIMITED, "unusable", words)
    if on_disk.hash != context.policy.hash:
        return Finding(
            Part.POLICY, State.LIMITED, "changed", f"in force is {context.policy.hash}, the file is {on_disk.hash}: reload to apply it"
        )
    return Finding(Part.POLICY, State.WELL, detail=on_disk.hash)


def _keys(context: Context) -> Finding:
    try:
        bound = b"health"
        opened = context.keyring.unseal(context.keyring.seal(b"probe", bound), bound)
    except KeyRingError as error:
        return Finding(Part.KEYS, State.FAILED, "unusable", str(error))
    if opened != b"probe" or not context.settings.keys_path.is_file():
        return Finding(Part.KEYS, State.LIMITED, "file_gone", "the key file is not there any more: restore it before the next restart")
    return Finding(Part.KEYS, State.WELL)


def _weights(context: Context) -> Finding:
    if not isinstance(context.engine, ChosenEngine):
        return Finding(Part.WEIGHTS, State.WELL, detail=context.engine.name)
    if context.engine_note:
        return Finding(Part.WEIGHTS, State.LIMITED, "fallback", context.engine_note)
    try:
        context.engine.load()
        if context.engine.choice.value == "onnx":
            locate(context.settings.weights_dir).require()
    except (WeightsError, EngineError) as error:
        return Finding(Part.WEIGHTS, State.LIMITED, "missing", f"{error} Counter, home visit and traces of life go on without them")
    return Finding(Part.WEIGHTS, State.WELL, detail=context.engine.name)


def jobs_and_clock(context: Context) -> tuple[Finding, Finding]:
    """Whether the background jobs are heard, and whether the clock can be believed. One statement."""
    now, limits = context.clock(), context.policy.operations
    try:
        with context.database.read_scope() as session:
            heard = heartbeats.beats(session)
            reading = clock_watch.compare(heard.get(clock_watch.CLOCK), now, limits)
            heard_at = heard[JOBS].heard_at if JOBS in heard else None
    except (ModelsError, SQLAlchemyError, sqlite3.Error) as error:
        unknown = type(error).__name__
        return Finding(Part.JOBS, State.LIMITED, "unknown", unknown), Finding(Part.CLOCK, State.LIMITED, "unknown", unknown)
    jobs = Finding(Part.JOBS, State.WELL)
    if heard_at is None:
        jobs = Finding(Part.JOBS, State.LIMITED, "never_heard", "the background jobs never ran here: start lifecert jobs")
    elif now - heard_at > timedelta(minutes=limits.jobs_silent_minutes):
        words = f"last heard {heard_at:%Y-%m-%d %H:%M} UTC: start lifecert jobs; nothing is lost, it goes on where it stopped"
        jobs = Finding(Part.JOBS, State.LIMITED, "silent", words)
    clock = Finding(Part.CLOCK, State.WELL)
    if reading.doubt is not None:
        clock = Finding(Part.CLOCK, State.FAILED, reading.doubt.value, str(clock_watch.ClockInDoubtError(reading)))
    return jobs, clock


def _disk(context: Context) -> Finding:
    home = context.settings.home
    try:
        free_mb = shutil.disk_usage(home).free >> 20
    except OSError as error:
        return Finding(Part.DISK, State.FAILED, "unreadable", f"the home folder cannot be read ({error.strerror})")
    if not os.access(home, os.W_OK):
        return Finding(Part.DISK, State.LIMITED, "read_only", "the home folder takes no files")
    if free_mb < context.policy.operations.disk_free_min_mb:
        return Finding(Part.DISK, State.LIMITED, "low", f"{free_mb} MB are free, policy wants {context.policy.operations.disk_free_min_mb}")
    return Finding(Part.DISK, State.WELL, detail=f"{free_mb} MB free")
