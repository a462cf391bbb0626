"""kill -9 of what works beside the doors: the same work is done again, and then nothing is missing and nothing there twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from api.context import open_context, utc_now
from api.figures import make_figures
from api.notice_dispatch import LEASE, send_notices
from api.notices import EMAIL_KIND, tell_subscribers
from api.rights import RoleName
from benchmarks.fire.people import PROVINCE, add_alerts, fill, settings_of
from benchmarks.fire.service import end_group
from models.claim import CareSetting
from models.database import Database
from models.detection import DetectionRun, RunState, Signal
from models.keys import FileKeyRing
from models.outbox import OutboxMessage
from models.oversight import Cadence, FigurePeriod, FiguresRun, NoticeChannel, OversightFigure
from models.repositories import subscriptions
from models.repositories.subscriptions import NewSubscription
from tests.api.mail_receiver import running_mail_server
from tests.conftest import ROOT
from tests.detection.claims_in_store import add_claim, add_institution
from tests.models.people import REGION, add_person

pytestmark = pytest.mark.thorough

LONG_S = 600.0
LETTERS, BEFORE_KILL = 40, 8
MONTHS = 40
DAY = date(2026, 3, 15)
STAYS = 20


@dataclass(frozen=True)
class Held:
    """What the comparison found. done: pieces of work in the store at last. before: of them when it was killed."""

    before: int
    done: int
    lost: int
    doubled: int


@dataclass(frozen=True)
class Work:
    """Something to be killed. words: of the command. reached: how many pieces are done so far. compare: does it again, and looks."""

    words: tuple[str, ...]
    variables: dict[str, str]
    reached: Callable[[], int]
    enough: int
    compare: Callable[[int], Held]


@contextmanager
def notices(database: Database, home: Path, folder: Path) -> Iterator[Work]:
    """A round of letters to subscribers."""
    fill(home, database.url, pensioners=0)
    context = open_context(settings_of(home, database.url))
    with context.database.session_scope() as session:
        for number in range(LETTERS):
            role = (RoleName.CASEWORKER, RoleName.REVIEWER)[number % 2]
            new = NewSubscription(f"staff:{role.value}", PROVINCE, NoticeChannel.EMAIL, Cadence.AT_ONCE, "en")
            subscriptions.add(session, new, most=LETTERS, keyring=context.keyring, now=context.clock())
    add_alerts(context, 5)
    with running_mail_server(folder, tls="none") as receiver:
        receiver.delay_s = 0.05
        mail = {"smtp_url": f"smtp://127.0.0.1:{receiver.port}", "mail_from": "lifecert@example.invalid"}

        def compare(_before: int) -> Held:
            time.sleep(0.2)  # what was on its way when the sender died has arrived, or never will
            before = len(receiver.letters)
            receiver.delay_s = 0.0
            later = open_context(
                settings_of(home, database.url).model_copy(update=mail), clock=lambda: utc_now() + LEASE + timedelta(minutes=1)
            )
            assert tell_subscribers(later).messages == 0, "all were told of in the round that was killed"
            until = time.monotonic() + LONG_S
            while send_notices(later).sent and time.monotonic() < until:
                pass  # a run ends when its time is over, and the next one goes on
            later.database.dispose()
            with database.read_scope() as session:
                rows = session.execute(select(OutboxMessage.id, OutboxMessage.sent_at).where(OutboxMessage.kind == EMAIL_KIND)).all()
            counts = Counter(letter["Message-ID"] for _, _, letter in receiver.letters)
            again = sum(counts.values()) - len(counts)
            assert again <= 1, "only the letter in hand comes twice, with the same Message-ID"
            unsent = sum(row.sent_at is None for row in rows)
            return Held(before, len(counts), max(LETTERS - len(counts), unsent), max(0, len(rows) - LETTERS))

        variables = {f"LIFECERT_{name.upper()}": value for name, value in mail.items()}
        yield Work(("tests.fire.job", "tell_of_alerts"), variables, lambda: len(receiver.letters), BEFORE_KILL, compare)
    context.database.dispose()


def figure_rows(database: Database) -> list[tuple[Any, ...]]:
    figure = OversightFigure
    columns = (figure.period, figure.day, figure.region_code, figure.kind, figure.code, figure.count, figure.fen, figure.seconds)
    with database.read_scope() as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(*columns[:5]))]


@contextmanager
def figures(database: Database, home: Path, _folder: Path) -> Iterator[Work]:
    """A count of the figures of supervisors for many months."""
    fill(home, database.url, pensioners=20, open_alerts=60)

    def counted_days() -> set[date]:
        with database.read_scope() as session:
            return set(session.scalars(select(FiguresRun.day)))

    def compare(before: int) -> Held:
        with database.read_scope() as session:
            days = set(session.scalars(select(OversightFigure.day).where(OversightFigure.period == FigurePeriod.DAY).distinct()))
        assert days == counted_days(), "a day is there as a whole or not at all"
        context = open_context(settings_of(home, database.url))
        make_figures(context).fill(MONTHS, DAY, by="test")
        found = figure_rows(database)
        with database.session_scope() as session:
            session.execute(delete(OversightFigure))
            session.execute(delete(FiguresRun))
        make_figures(context).fill(MONTHS, DAY, by="test")
        wanted = figure_rows(database)
        context.database.dispose()
        return Held(before, len(found), len(set(wanted) - set(found)), len(set(found) - set(wanted)))

    words = ("api.cli", "figures", "--as-of", DAY.isoformat(), "--months", str(MONTHS), "--json")
    yield Work(words, {}, lambda: len(counted_days()), 3, compare)


@contextmanager
def claims(database: Database, home: Path, _folder: Path) -> Iterator[Work]:
    """The rules over hospital claims: people who were each twice in hospital with one illness three days apart."""
    home.mkdir(mode=0o700)
    keyring = FileKeyRing.open(home / "keys.json")
    with database.session_scope() as session:
        people = [add_person(session, keyring, sequence=2 * place + 1) for place in range(STAYS)]
        hospital = add_institution(session, region=REGION)
        for person in people:
            for first, last in ((1, 5), (8, 12)):
                stay = {"setting": CareSetting.INPATIENT, "principal_diagnosis": "I50.900", "from_date": date(2026, 2, first)}
                money = {"fund_fen": 500_000, "total_fen": 900_000}
                add_claim(session, hospital, person.id, f"{person.id}-{first}", date(2026, 2, last), **stay, **money)
    words = ("api.cli", "detect", "claims", "--from", "2026-02-01", "--to", "2026-02-28", "--as-of", "2026-03-15", "--json")

    def finished() -> int:
        with database.read_scope() as session:
            run = session.scalar(select(DetectionRun))
        return 0 if run is None else len(run.finished_stages)

    def compare(before: int) -> Held:
        with database.read_scope() as session:
            killed = session.scalars(select(DetectionRun)).one()
        assert killed.state is RunState.RUNNING
        once, twice = (json.loads(again(words, database, home)) for _ in range(2))
        assert (once["run"], once["resumed"]) == (killed.public_id, True)
        assert once["codes"]["H1"]["found"] == STAYS
        assert (twice["resumed"], twice["alerts"]["opened"], twice["codes"]["H1"]["unchanged"]) == (False, 0, STAYS)
        assert list((home / "detection" / "work").iterdir()) == []
        with database.read_scope() as session:
            people = select(func.count(Signal.person_id.distinct())).where(Signal.code == "H1")
            rows = select(func.count()).select_from(Signal).where(Signal.code == "H1")
            return Held(before, session.scalar(rows) or 0, STAYS - (session.scalar(people) or 0), (session.scalar(rows) or 0) - STAYS)

    yield Work(words, {}, finished, 2, compare)


def environment(database: Database, home: Path, variables: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")}
    own = {"LIFECERT_HOME": str(home), "LIFECERT_DATABASE_URL": database.url, "LIFECERT_ENVIRONMENT": "test", "LIFECERT_ENGINE": "scripted"}
    return kept | own | variables


def again(words: tuple[str, ...], database: Database, home: Path) -> str:
    """The same command once more, to its end; what it printed."""
    line = [sys.executable, "-m", *words]
    done = subprocess.run(line, cwd=ROOT, env=environment(database, home, {}), capture_output=True, text=True, timeout=LONG_S, check=True)
    return done.stdout


def kill_in_the_middle(work: Work, database: Database, home: Path) -> int:
    """Start it, and end it as soon as enough is done; how much was."""
    line = [sys.executable, "-m", *work.words]
    with (home / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            line, cwd=ROOT, env=environment(database, home, work.variables), stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + LONG_S
        while work.reached() < work.enough:
            assert process.poll() is None, (home / "killed.log").read_text()
            assert time.monotonic() < until, "it did not get to work"
            time.sleep(0.002)
        process.kill()
        process.wait()
    finally:
        end_group(process)
    return work.reached()


@pytest.mark.parametrize("prepare", [notices, figures, claims])
def test_work_that_was_killed_in_its_middle_is_done_once_when_it_is_done_again(
    prepare: Callable[..., Any], database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    home = tmp_path / "home"
    with prepare(database, home, tmp_path) as work:
        reached = kill_in_the_middle(work, database, home)
        assert reached >= work.enough
        held = work.compare(reached)
    assert held.before < held.done, "it was over before it could be killed"
    assert (held.lost, held.doubled) == (0, 0)
    fault = f"kill -9 during {prepare.__name__}, after {held.before}"
    record_property("fire", {"fault": fault, "faults": 1, "acknowledged": held.done, "lost": held.lost, "doubled": held.doubled})
