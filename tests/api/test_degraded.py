"""With a part missing everything else goes on; what cannot be done is said in words, and can be done again later without loss."""

from __future__ import annotations

import contextlib
import html
import resource
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from huey import MemoryHuey
from psycopg import sql
from sqlalchemy import event, func, make_url, select

from api.app import create_app
from api.context import choose_engine, open_context
from api.health_parts import Part
from api.i18n import LANGUAGE_COOKIE
from api.intake import import_waiting
from api.job_watch import JOBS, heard, watch
from api.pages.errors import status_of
from api.pages.health import BANNERS
from api.pages.health import KEY as TROUBLE
from api.problems import problem_of
from api.rights import RoleName
from api.settings import EngineChoice
from models import clock_watch
from models.audit import AuditEntry
from models.database import Database
from models.person import Person
from models.repositories import heartbeats
from tests.api.conftest import HOME_REGION, World, both_worlds, csrf, make_world, world  # noqa: F401
from tests.api.test_imports import body
from tests.conftest import FixedClock
from verify.errors import WeightsError
from verify.weights import default_cache_dir


def rows(database: Database) -> tuple[int, int]:
    with database.read_scope() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in (Person, AuditEntry))  # type: ignore[return-value]


def told_on_a_page(world: World, address: str, english: str, chinese: str) -> None:  # noqa: F811
    """The page answers 503, in the words of the mode in both languages, and says when to come again."""
    client = world.staff(RoleName.COUNTER)
    for language, words in (("en", english), ("zh", chinese)):
        client.set_cookie(LANGUAGE_COOKIE, language)
        answer = client.get(address)
        assert answer.status_code == 503, answer.text
        assert words in answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "Traceback" not in answer.text


@contextlib.contextmanager
def read_only(database: Database, server: str) -> Iterator[None]:
    """The database itself takes no changes as long as the block lasts."""
    if database.dialect == "sqlite":

        def only_read(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA query_only = ON")

        event.listen(database.engine, "checkout", only_read)
        yield
        event.remove(database.engine, "checkout", only_read)
        return
    name = sql.Identifier(make_url(database.url).database or "")
    for value in ("on", "off"):
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(name, sql.SQL(value)))
        database.dispose()
        if value == "on":
            yield


def test_a_read_only_store_refuses_what_leaves_a_record_and_goes_on_afterwards(
    both_worlds: World,  # noqa: F811
    request: pytest.FixtureRequest,
) -> None:
    database, person = both_worlds.context.database, both_worlds.at_home
    server = "" if database.dialect == "sqlite" else request.getfixturevalue("postgres_server")
    before = rows(database)
    with read_only(database, server):
        assert rows(database) == before, "reading goes on"
        assert both_worlds.anonymous().get("/readyz").status_code == 200
        told_on_a_page(both_worlds, f"/counter/person/{person}", "takes no changes", "暂不接受更改")  # no look without a record
        refused = both_worlds.staff(RoleName.COUNTER).get(f"/api/v1/persons/{person}/status")
        assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
        assert "takes no changes" in refused.get_json()["detail"]
        assert int(refused.headers["Retry-After"]) > 0
        assert rows(database) == before
    assert both_worlds.staff(RoleName.COUNTER).get(f"/api/v1/persons/{person}/status").status_code == 200
    assert both_worlds.staff(RoleName.COUNTER).get(f"/counter/person/{person}").status_code == 200
    assert rows(database)[1] > before[1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_store_that_is_away_is_told_in_words(both_worlds: World, postgres_server: str) -> None:  # noqa: F811
    database = both_worlds.context.database
    name = make_url(database.url).database or ""
    client = both_worlds.pensioner()
    addresses = ("/certify/how", "/other-ways", "/nowhere")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            answers = [client.get(address) for address in addresses]
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
    assert [answer.status_code for answer in answers] == [503, 503, 404]
    for answer in answers[:2]:
        assert int(answer.headers["Retry-After"]) > 0
        assert "<h1>" in answer.text
        assert "Traceback" not in answer.text
    assert [client.get(address).status_code for address in addresses] == [200, 200, 404]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own with 12 MB."""
    folder = Path(tempfile.mkdtemp(prefix="lifecert-small-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", folder], capture_output=True, check=False)
    try:
        if mounted.returncode != 0:
            pytest.skip("a small file system cannot be mounted by this user")
        yield folder
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def test_on_a_full_disk_nothing_is_half_written_and_all_goes_on_when_there_is_room(
    small_disk: Path, sqlite_template: Path, clock: FixedClock
) -> None:
    store = small_disk / "lifecert.sqlite"
    store.write_bytes(sqlite_template.read_bytes())
    full = make_world(f"sqlite:///{store}", small_disk / "home", clock)
    database = full.context.database
    database.checkpoint()
    before = rows(database)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    refused = 0
    for _ in range(40):  # the log of the store has some room of its own
        answer = full.staff(RoleName.COUNTER).get(f"/api/v1/persons/{full.at_home}/status")
        refused += answer.status_code == 503
        assert answer.status_code in {200, 503}, answer.text
    assert refused
    told_on_a_page(full, f"/counter/person/{full.at_home}", "no room left", "存储空间已满")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    ballast.unlink()
    assert full.staff(RoleName.COUNTER).get(f"/api/v1/persons/{full.at_home}/status").status_code == 200
    assert rows(database)[0] == before[0]
    database.dispose()


@contextlib.contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Files of this process end at so many bytes, as on a disk or a quota that is full; needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_upload_that_there_is_no_room_for_leaves_nothing_and_is_taken_when_there_is(world: World) -> None:  # noqa: F811
    incoming = world.context.settings.home / "imports" / "incoming"
    programme, data = world.client("records:write"), body((5, HOME_REGION)) + b"\n" * 6_000_000
    with no_file_longer_than(4_000_000):
        refused = programme.post("/api/v1/imports/persons", data=data, content_type="text/csv")
        assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
        assert "disk is full" in refused.get_json()["detail"]
        assert list(incoming.iterdir()) == []
    taken = programme.post("/api/v1/imports/persons", data=data, content_type="text/csv")
    assert taken.status_code == 202, taken.text
    assert len(list(incoming.iterdir())) == 2, "the file and its note"


def test_while_the_clock_is_in_doubt_people_read_and_nothing_is_changed(world: World) -> None:  # noqa: F811
    database = world.context.database
    with database.session_scope() as session:
        heartbeats.hear(session, clock_watch.CLOCK, world.clock())
    world.clock.advance(days=-1)
    person = world.at_home
    pensioner = world.pensioner()
    refused = pensioner.post("/api/v1/verifications", json={"person_id": person}, headers=csrf(world, pensioner))
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    assert "clock" in refused.get_json()["detail"]
    for language, words in (("en", "clock has to be set right"), ("zh", "服务器时钟需要先校正")):
        pensioner.set_cookie(LANGUAGE_COOKIE, language)
        page = pensioner.post("/identify", data={"full_name": "", "resident_id": ""})
        assert page.status_code == 503
        assert words in page.text
    assert str(BANNERS[Part.CLOCK]) in staff_page(world, "/counter")
    assert world.staff(RoleName.COUNTER).get(f"/api/v1/persons/{person}/status").status_code == 200
    world.clock.advance(days=1)
    world.app.extensions["lifecert_clock"].forget()
    again = pensioner.post("/api/v1/verifications", json={"person_id": person}, headers=csrf(world, pensioner))
    assert again.status_code != 503, again.text


def staff_page(world: World, address: str, language: str = "en") -> str:  # noqa: F811
    """A page that answers; what is cached of the state of the service is asked anew."""
    world.app.extensions[TROUBLE].forget()
    client = world.staff(RoleName.COUNTER)
    client.set_cookie(LANGUAGE_COOKIE, language)
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_without_background_jobs_files_wait_and_are_taken_when_the_jobs_are_back(world: World) -> None:  # noqa: F811
    context, told = world.context, str(BANNERS[Part.JOBS])
    with context.database.session_scope() as session:
        heartbeats.hear(session, JOBS, world.clock())
    assert told not in staff_page(world, "/counter")
    world.clock.advance(minutes=context.policy.operations.jobs_silent_minutes, seconds=1)
    assert told in staff_page(world, "/counter")
    assert "后台任务目前没有运行" in staff_page(world, "/counter", "zh")
    programme = world.client("records:write")
    handed_in = programme.post("/api/v1/imports/persons", data=body((5, HOME_REGION)), content_type="text/csv")
    assert handed_in.status_code == 202, handed_in.text
    batch = f"/api/v1/imports/batches/{handed_in.get_json()['batch']}"
    assert programme.get(batch).get_json()["accepted"] == 0
    persons = rows(context.database)[0]
    with heard(context):
        import_waiting(context)
    assert programme.get(batch).get_json()["accepted"] == 1
    assert rows(context.database)[0] == persons + 1
    assert told not in staff_page(world, "/counter")


def test_without_the_weights_another_engine_serves_says_so_and_gives_way_when_they_are_back(
    sqlite_template: Path, tmp_path: Path, clock: FixedClock
) -> None:
    store = tmp_path / "lifecert.sqlite"
    store.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{store}", tmp_path / "home", clock)
    made.context.database.dispose()
    without = made.context.settings.model_copy(update={"engine": EngineChoice.AUTO, "weights_dir": tmp_path / "none"})
    context = open_context(without, clock=clock)
    served = replace(made, app=create_app(context), context=context)
    for language, words in (("en", "The fallback engine is running"), ("zh", "正在运行备用引擎")):
        client = served.staff(RoleName.ADMINISTRATOR)
        client.set_cookie(LANGUAGE_COOKIE, language)
        assert words in client.get("/about-engine").text
    assert served.staff(RoleName.COUNTER).get(f"/counter/person/{served.at_home}").status_code == 200
    context.database.dispose()
    there = default_cache_dir()
    if choose_engine(without.model_copy(update={"weights_dir": there}))[0] is EngineChoice.ONNX:
        assert choose_engine(without.model_copy(update={"weights_dir": there}))[1] == "", "the next start takes them"
    with pytest.raises(WeightsError, match="lifecert weights fetch"):
        open_context(without.model_copy(update={"engine": EngineChoice.ONNX}), clock=clock)


def test_an_engine_that_lost_its_weights_is_unavailable_and_not_a_fault(world: World) -> None:  # noqa: F811
    lost = WeightsError("the weights are gone")
    assert problem_of(lost).code == "unavailable"
    assert status_of(lost) == 503


def test_jobs_go_by_no_clock_that_jumped(world: World) -> None:  # noqa: F811
    context = world.context
    queue = MemoryHuey("t", immediate=False)
    ran: list[int] = []
    task = queue.task(name="due")(lambda: ran.append(1))
    watch(queue, context)

    def run() -> None:
        task()
        found = queue.dequeue()
        assert found is not None
        queue.execute(found)

    run()
    with context.database.session_scope() as session:
        heartbeats.hear(session, clock_watch.CLOCK, context.clock() - timedelta(days=400))
    run()
    assert len(ran) == 1, "skipped"
    with context.database.session_scope() as session:
        clock_watch.accept(session, context.clock())
    run()
    assert len(ran) == 2
    with context.database.read_scope() as session:
        (kept,) = heartbeats.job_runs(session)
        assert (kept.name, kept.runs, kept.failures) == ("due", 2, 0)
