"""Each part of the service that is unwell is named, to operators only; balancers get a status and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from api.context import Context
from api.health_parts import Health, Part, State, look
from api.i18n import LANGUAGE_COOKIE
from api.job_watch import JOBS
from api.rights import RoleName
from api.settings import Settings
from models import clock_watch
from models.repositories import heartbeats
from tests.api.conftest import World
from tests.cli.conftest import Command, command, home, logging_as_before  # noqa: F401


class Usage(NamedTuple):
    """As of shutil."""

    total: int
    used: int
    free: int


def beat(context: Context) -> None:
    with context.database.session_scope() as session:
        for part in (JOBS, clock_watch.CLOCK):
            heartbeats.hear(session, part, context.clock())


def unwell(found: Health) -> dict[Part, str]:
    return {each.part: each.code for each in found.findings if each.state is not State.WELL}


def test_every_part_that_is_unwell_is_named(both_worlds: World, monkeypatch: pytest.MonkeyPatch) -> None:
    context = both_worlds.context
    assert unwell(look(context)) == {Part.JOBS: "never_heard"}
    beat(context)
    assert look(context).state is State.WELL
    both_worlds.clock.advance(minutes=context.policy.operations.jobs_silent_minutes, seconds=1)
    assert unwell(look(context)) == {Part.JOBS: "silent"}
    both_worlds.clock.advance(days=40)
    assert unwell(look(context)) == {Part.JOBS: "silent", Part.CLOCK: "forward"}
    both_worlds.clock.advance(days=-40)
    beat(context)
    kept = context.settings.keys_path.read_bytes()
    context.settings.keys_path.unlink()
    assert unwell(look(context)) == {Part.KEYS: "file_gone"}
    context.settings.keys_path.write_bytes(kept)
    context.settings.keys_path.chmod(0o600)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(1 << 40, 1 << 40, 1 << 20))
    assert unwell(look(context)) == {Part.DISK: "low"}


def test_strangers_learn_nothing_but_whether_it_is_ready(world: World) -> None:
    answer = world.anonymous().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    store = Path(str(world.context.database.engine.url.database))
    world.context.database.dispose()
    store.rename(store.with_name("gone"))
    answer = world.anonymous().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {"status": "not_ready"})
    assert world.anonymous().get("/healthz").status_code == 200
    store.unlink(missing_ok=True)
    store.with_name("gone").rename(store)


def test_silent_jobs_are_told_on_every_page_of_staff_and_the_page_of_parts_is_for_operators(world: World) -> None:
    assert "Background jobs do not run" not in page(world, RoleName.ADMINISTRATOR, "/about-engine")
    beat(world.context)
    world.clock.advance(minutes=world.context.policy.operations.jobs_silent_minutes + 1)
    world.app.extensions["lifecert_trouble"]._kept = None
    assert "Background jobs do not run" in page(world, RoleName.ADMINISTRATOR, "/about-engine")
    told = page(world, RoleName.SECURITY_OFFICER, "/desk/health")
    assert "last heard" in told
    assert "start lifecert jobs" in told
    assert world.staff(RoleName.CASEWORKER).get("/desk/health").status_code == 403


def page(world: World, role: RoleName, address: str) -> str:
    client = world.staff(role)
    client.set_cookie(LANGUAGE_COOKIE, "en")
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_command_says_the_same_and_a_person_accepts_the_clock(command: Command, home: Path) -> None:  # noqa: F811
    from api.context import open_context
    from api.settings import load_settings

    never = command("health", "--json")
    assert never.code == 1
    assert never.json["parts"]["jobs"]["code"] == "never_heard"
    settings: Settings = load_settings()
    context = open_context(settings)
    with context.database.session_scope() as session:
        heartbeats.hear(session, JOBS, context.clock())
        heartbeats.hear(session, clock_watch.CLOCK, context.clock() + timedelta(days=1))
    doubted = command("health", "--json")
    assert (doubted.code, doubted.json["parts"]["clock"]["code"]) == (1, "backward")
    accepted = command("health", "--accept-clock")
    assert accepted.code == 0, accepted.out
    with context.database.read_scope() as session:
        from models.repositories import audit

        entries = audit.between(session, context.clock() - timedelta(hours=1), context.clock(), action="clock_accepted")
        assert json.loads(json.dumps(entries[0].details))["doubt"] == "backward"
    context.database.dispose()
