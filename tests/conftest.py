"""Fixtures that every test may use: a clock, keys, the policy, and one test running on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Playwright, sync_playwright
from psycopg import sql
from sqlalchemy import make_url

from models import policy as models_policy
from models.database import Database
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.schema import upgrade
from tests import apps
from tests.postgres import running_postgres

ROOT = Path(__file__).parents[1]
TEMPLATE = "lifecert_template"
CHROMIUM = Path("/usr/bin/chromium")

settings.register_profile("lifecert", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("lifecert")
apps.share()


class FixedClock:
    """A clock that stands still until it is told to go on. Call it for the aware UTC time."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> datetime:
        """Go on by a timedelta's parts, e.g. ``advance(seconds=30)``."""
        self.now += timedelta(**parts)
        return self.now


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC))


@pytest.fixture
def keyring(tmp_path: Path) -> FileKeyRing:
    return FileKeyRing.open(tmp_path / "keys.json")


@pytest.fixture(scope="session")
def records_policy() -> RecordsPolicy:
    return models_policy.load(ROOT / "policy.toml")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real test data; the test skips when it is not there."""
    folder = Path(os.environ.get("LIFECERT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the folder of real test data is not here: set LIFECERT_TEST_DATA to it")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the PostgreSQL server of this test run, with a migrated template database."""
    with running_postgres() as uri:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        upgrade(_with_database(uri, TEMPLATE))
        yield uri


def _with_database(uri: str, name: str) -> str:
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def _postgres_database(server: str, template: str) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield _with_database(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh migrated database; the test runs once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "lifecert.sqlite"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    with _postgres_database(request.getfixturevalue("postgres_server"), TEMPLATE) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any table, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    with _postgres_database(request.getfixturevalue("postgres_server"), "template0") as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database, SQLite and PostgreSQL in turn."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh migrated SQLite database, for tests of what does not depend on the kind."""
    path = tmp_path / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The one that a process can have: it keeps the event loop of the process."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as running:
        yield running
