"""Reloading, migrating and stopping under way: what was asked is answered, and what was not can be asked again without loss."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, inspect, select

from api.cli import main
from api.context import open_without_upgrade, utc_now
from benchmarks.fire.ledger import Ledger
from benchmarks.fire.line import HttpxLine
from benchmarks.fire.pensioner import TRY_AGAIN, RefusedError, Walk
from benchmarks.fire.people import People, settings_of
from benchmarks.fire.service import RunningService, children
from models import schema
from models.audit import AuditEntry
from models.database import Database
from models.verification import Verification, VerificationState
from tests.cli.conftest import logging_as_before  # noqa: F401 - a fixture
from tests.fire.conftest import Start

LONG_S = 240.0
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade() -> None:
    op.create_table("newcomer", sa.Column("id", sa.BigInteger(), primary_key=True))
    for table in ("person", "audit_entry", "verification_frame"):
        op.add_column(table, sa.Column("newcomer", sa.String(40), nullable=True))
    op.create_index("ix_person_newcomer", "person", ["newcomer"])
"""


@dataclass
class Asked:
    """What clients saw. answered: statuses; refused: lines that did not come about; broken: lines that ended without an answer."""

    answered: int = 0
    refused: int = 0
    broken: int = 0
    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def programmes_asking(service: RunningService, people: People) -> Iterator[Asked]:
    """Two programmes that ask for one status after the other, each over a line of its own, as long as the block lasts."""
    credentials = {"grant_type": "client_credentials", "client_id": people.client_id, "client_secret": people.client_secret}
    token = httpx.post(f"{service.address}/oauth/token", data=credentials, timeout=LONG_S).json()["access_token"]
    body, headers = {"resident_id": people.pensioners[0].resident_id}, {"Authorization": f"Bearer {token}"}
    asked, over = Asked(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answer = httpx.post(f"{service.address}/api/v1/statuses/lookup", json=body, headers=headers, timeout=LONG_S)
            except httpx.ConnectError:
                asked.refused += 1
            except httpx.TransportError:
                asked.broken += 1
            else:
                if answer.status_code == 200:
                    asked.answered += 1
                else:
                    asked.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            over.wait(0.02)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        over.set()
        for thread in threads:
            thread.join()


def wait_for(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG_S
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


def further(asked: Asked, number: int) -> None:
    """Return when so many more statuses were answered."""
    wanted = asked.answered + number
    wait_for(lambda: asked.answered >= wanted or bool(asked.wrong or asked.broken or asked.refused))


def reload_workers(service: RunningService, asked: Asked) -> None:
    """SIGHUP; return when another worker serves."""
    (before,) = service.workers()
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: before not in children(service.process.pid))
    further(asked, 4)
    assert before not in service.workers()


def migrate(service: RunningService, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lifecert db upgrade` of the next version, which has one more migration than the code that serves."""
    scripts = folder / "migrations"
    shutil.copytree(schema.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "next.py").write_text(NEXT.format(head=schema.head_revision()))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", scripts)
        schema._scripts.cache_clear()
        settings = {"HOME": service.home, "DATABASE_URL": service.database_url, "ENVIRONMENT": "test", "ENGINE": "scripted"}
        for name, value in settings.items():
            patched.setenv(f"LIFECERT_{name}", str(value))
        try:
            with pytest.raises(SystemExit) as done:
                main(["db", "upgrade"])
        finally:
            schema._scripts.cache_clear()
    assert not done.value.code
    database = Database(service.database_url)
    try:
        assert schema.read_revision(database) == "next"
        assert "newcomer" in {column["name"] for column in inspect(database.engine).get_columns("person")}
    finally:
        database.dispose()


@dataclass
class Decided:
    """The answer to a finish that was under way when the service was told to stop. broken: none came."""

    view: dict[str, object] = field(default_factory=dict)
    broken: bool = False


def stop_in_the_middle(service: RunningService, people: People, ledger: Ledger) -> tuple[Decided, str]:
    """SIGTERM while one pensioner's verification is decided and another is before the camera: the decision, the other's session."""
    first, second = (Walk(HttpxLine(service.address), person, ledger, frames_per_s=8.0) for person in people.pensioners)
    for walk in (first, second):
        walk.identify()
        walk.start()
    first.frames()
    second.frames(3)
    decided, database = Decided(), Database(service.database_url)

    def finish() -> None:
        try:
            decided.view = first.finish()
        except RefusedError:
            decided.broken = True

    def film() -> None:
        with contextlib.suppress(RefusedError):  # the line breaks off
            second.frames()

    def state() -> VerificationState:
        with database.read_scope() as session:
            return session.scalars(select(Verification.state).where(Verification.id == first.session["verification_id"])).one()

    threads = [threading.Thread(target=work) for work in (finish, film)]
    for thread in threads:
        thread.start()
    wait_for(lambda: state() is not VerificationState.OPEN)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=LONG_S) == 0
    for thread in threads:
        thread.join()
    for walk in (first, second):
        walk.line.close()  # type: ignore[attr-defined]
    database.dispose()
    return decided, second.session["verification_id"]


def nothing_is_half_done(service: RunningService, decided: Decided, ledger: Ledger, unfinished: str) -> None:
    """All that was told is in the store, once; the session that broke off ends without a verdict."""
    settings = settings_of(service.home, service.database_url)
    context = open_without_upgrade(settings, clock=lambda: utc_now() + timedelta(hours=1))
    try:
        compared = ledger.compare(context.database)
        assert (compared.lost, compared.doubled) == ((), ())
        context.verification.housekeeping()
        with context.database.read_scope() as session:
            row = session.get_one(Verification, unfinished)
            assert (row.state, row.outcome, row.certificate_id) == (VerificationState.EXPIRED, None, None)
        assert not decided.broken, "a decision under way is finished before the service ends"
        assert decided.view["outcome"] == "certified"
    finally:
        context.database.dispose()


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)], indirect=True)
def test_a_reload_and_a_migration_fail_no_request_and_a_stop_finishes_what_was_begun(
    start: Start, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger()
    with start(database_url, pensioners=2, workers=1, variables={"LIFECERT_JOBS": "off"}) as (service, people):
        with programmes_asking(service, people) as asked:
            further(asked, 2)
            reload_workers(service, asked)
            migrate(service, tmp_path, monkeypatch)
            further(asked, 4)
            assert (asked.refused, asked.broken, asked.wrong) == (0, 0, []), service.log_end()
        decided, unfinished = stop_in_the_middle(service, people, ledger)
        assert "Traceback" not in service.log_text(), service.log_end(60)
        with contextlib.closing(HttpxLine(service.address)) as line:
            assert line.send("GET", "/readyz").status in TRY_AGAIN
        nothing_is_half_done(service, decided, ledger, unfinished)
        database = Database(database_url)
        with database.read_scope() as session:
            looks = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "status_looked_up"))
        database.dispose()
        assert looks == asked.answered, "an answer without its record, or a record without its answer"
