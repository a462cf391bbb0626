"""Everything a running Lifecert holds, put together in one place from the settings."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from flask import current_app
from sqlalchemy.orm import Session, sessionmaker

from api.log import logger
from api.policy import Policy, load_policy
from api.settings import EngineChoice, Environment, Settings
from models.database import Database
from models.keys import FileKeyRing, KeyRing
from models.schema import upgrade
from verify.engines import load_engine
from verify.engines.protocol import Engine
from verify.errors import WeightsError
from verify.service import VerificationService
from verify.weights import WrongHashError

log = logger("lifecert")


def utc_now() -> datetime:
    """The clock of production: aware UTC."""
    return datetime.now(UTC)


class HomeError(Exception):
    """The home folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class LoadedEngine:
    """A face engine and what operators must know about it (empty when all is as asked)."""

    engine: Engine
    note: str


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


def choose_engine(settings: Settings) -> LoadedEngine:
    """Load the engine that the settings ask for.

    With ``auto``, missing ONNX weights lead to the dlib engine and a note. A weight file with another hash than the pinned one
    never does: it refuses to start (WrongHashError), because somebody or something changed it.
    """
    choice = settings.engine
    allow_double = settings.environment is not Environment.PRODUCTION
    if choice is not EngineChoice.AUTO:
        return LoadedEngine(
            load_engine(
                choice.value,
                weights_dir=settings.weights_dir,
                embedder_config=settings.embedder_config,
                allow_test_double=allow_double,
            ),
            "",
        )
    try:
        return LoadedEngine(load_engine("onnx", weights_dir=settings.weights_dir, embedder_config=settings.embedder_config), "")
    except WrongHashError:
        raise
    except WeightsError as error:
        note = (
            "The ONNX weights are not here, so the dlib engine runs: it has no liveness models, and every camera verification goes to a "
            f"person for review. Run `lifecert weights fetch`. ({error})"
        )
        log.warning("engine_fallback", engine="dlib", why=str(error))
        return LoadedEngine(load_engine("dlib", weights_dir=settings.weights_dir), note)


def prepare_home(settings: Settings) -> None:
    """Make the home folder, readable by its owner only. Raises HomeError."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.home / f".write-probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise HomeError(
            f"LIFECERT_HOME {settings.home} cannot be written ({error.strerror}): choose a folder on a disk with room that this user may write"
        ) from error


def open_store(settings: Settings) -> Database:
    """Bring the store to the newest schema (making the embedded one when there is none) and open it."""
    prepare_home(settings)
    upgrade(settings.store_url)
    return Database(settings.store_url)


def open_context(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Context:
    """Put a context together: policy, store, keys, engine, service. Raises the error of whichever part is unusable."""
    policy = load_policy(settings.policy_file)
    database = open_store(settings)
    keyring = FileKeyRing.open(settings.keys_path)
    loaded = choose_engine(settings)
    rng: random.Random = secrets.SystemRandom() if settings.challenge_seed is None else random.Random(settings.challenge_seed)
    service = VerificationService(
        database=database,
        keyring=keyring,
        engine=loaded.engine,
        policy=policy.verification,
        certification=policy.certification,
        retention=policy.retention,
        retry=policy.retry,
        policy_hash=policy.hash,
        clock=clock,
        rng=rng,
    )
    return Context(settings, policy, database, keyring, loaded.engine, loaded.note, service, clock)
