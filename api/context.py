"""Everything a running Lifecert holds, put together in one place from the settings."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from flask import current_app
from sqlalchemy.orm import Session, sessionmaker

from api import audit_sealing
from api.keys import open_keyring
from api.policy import Policy, load_policy
from api.settings import EngineChoice, Environment, Settings
from models.database import Database
from models.keys import KeyRing
from models.schema import upgrade
from verify.engines import load_engine
from verify.engines.protocol import Engine
from verify.errors import WeightsError
from verify.service import VerificationService
from verify.weights import WrongHashError, locate

WATCHED = frozenset({"detect", "embed", "passive", "mesh"})
"""Steps of an engine whose time is measured where somebody watches."""


def utc_now() -> datetime:
    """The clock of production: aware UTC."""
    return datetime.now(UTC)


RESTORING = ".restoring"
"""Folder in a home that a backup is being brought back into."""


class HomeError(Exception):
    """The home folder cannot be used; the message says why and what to do."""


class ChosenEngine:
    """The engine that the settings ask for, loaded when it is first used: commands that touch no face start at once.

    ``note`` is what operators must know about it (empty when all is as asked). Attributes are those of the engine itself.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._observer: Callable[[str, float], None] | None = None
        self.choice, self.note = choose_engine(settings)

    def load(self) -> Engine:
        """The loaded engine. Raises WeightsError or EngineError."""
        with self._lock:
            if self._engine is None:
                self._engine = load_engine(
                    self.choice.value,
                    weights_dir=self._settings.weights_dir,
                    embedder_config=self._settings.embedder_config,
                    allow_test_double=self._settings.environment is not Environment.PRODUCTION,
                )
            return self._engine

    def watch(self, observer: Callable[[str, float], None]) -> None:
        """Tell the observer of each step of the engine and how many seconds it took."""
        self._observer = observer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.load(), name)
        observer = self._observer
        if observer is None or name not in WATCHED:
            return found

        def timed(*values: Any) -> Any:
            began = time.monotonic()
            try:
                return found(*values)
            finally:
                observer(name, time.monotonic() - began)

        return timed


@dataclass(frozen=True)
class Context:
    """What doors and commands work with. One a process."""

    settings: Settings
    policy: Policy
    database: Database
    keyring: KeyRing
    engine: Engine
    engine_note: str
    verification: VerificationService
    clock: Callable[[], datetime]

    @property
    def sessions(self) -> sessionmaker[Session]:
        """Sessions of writing transactions; ``database.read_scope`` is for reading."""
        return self.database.sessions


def current() -> Context:
    """The context of the running app."""
    return cast(Context, current_app.extensions["lifecert"])


def choose_engine(settings: Settings) -> tuple[EngineChoice, str]:
    """Which engine to load, and what operators must know about it.

    With ``auto``, missing ONNX weights lead to the dlib engine and a note; asked for by name, or with an embedder of the agency's own,
    they are an error. A weight file with another hash than the pinned one is one with every engine (WrongHashError), because somebody
    or something changed it.
    """
    if settings.engine is EngineChoice.SCRIPTED:
        return settings.engine, ""
    try:
        locate(settings.weights_dir).require()
    except WrongHashError:
        raise
    except WeightsError as error:
        if settings.engine is EngineChoice.DLIB:
            return settings.engine, ""
        if settings.engine is EngineChoice.ONNX or settings.embedder_config is not None:
            raise
        note = (
            "The ONNX weights are not here, so the dlib engine runs: it has no liveness models, and every camera verification goes to a "
            f"person for review. Run `lifecert weights fetch`. ({error})"
        )
        return EngineChoice.DLIB, note
    return (EngineChoice.ONNX if settings.engine is EngineChoice.AUTO else settings.engine), ""


def prepare_home(settings: Settings) -> None:
    """Make the home folder, readable by its owner only. Raises HomeError."""
    if (settings.home / RESTORING).exists():
        raise HomeError(
            f"a restore into {settings.home} was interrupted: run the same lifecert restore again, it goes on; until then nothing is served"
        )
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.home / f".write-probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise HomeError(
            f"LIFECERT_HOME {settings.home} cannot be written ({error.strerror}): choose a folder that this user may write, "
            "on a disk with room"
        ) from error


def open_store(settings: Settings) -> Database:
    """Bring the store to the newest schema (making the embedded one when there is none) and open it."""
    prepare_home(settings)
    upgrade(settings.store_url)
    return Database(settings.store_url)


def open_without_upgrade(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Context:
    """A context around the store as it is: for looking at it, whatever its revision."""
    return _put_together(settings, Database(settings.store_url), clock)


def open_context(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Context:
    """Put a context together: policy, store, keys, engine, service. Raises the error of whichever part is unusable."""
    load_policy(settings.policy_file)  # before anything is made
    return _put_together(settings, open_store(settings), clock)


def _put_together(settings: Settings, database: Database, clock: Callable[[], datetime]) -> Context:
    policy = load_policy(settings.policy_file)
    keyring = open_keyring(settings, policy.keys, database)
    chosen = ChosenEngine(settings)
    engine = cast(Engine, chosen)
    rng: random.Random = secrets.SystemRandom() if settings.challenge_seed is None else random.Random(settings.challenge_seed)
    service = VerificationService(
        database=database,
        keyring=keyring,
        engine=engine,
        policy=policy.verification,
        certification=policy.certification,
        retention=policy.retention,
        retry=policy.retry,
        casework=policy.casework,
        policy_hash=policy.hash,
        clock=clock,
        rng=rng,
    )
    context = Context(settings, policy, database, keyring, engine, chosen.note, service, clock)
    audit_sealing.opened(context)
    return context
