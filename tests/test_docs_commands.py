"""The documentation's commands do what it says: every block marked runnable is run by a shell, in its order, in one home that is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from api.app import create_app
from api.context import open_context
from api.settings import EngineChoice, Environment, Settings
from models.region import Region, RegionLevel
from models.repositories import clients, persons
from tests.conftest import ROOT

PAGES = ("docs/operations/README.md", "docs/integrators.md")  # the walk of README.md has a test of its own, tests/cli/test_second_walk.py
BLOCK = re.compile(r"^<!-- runnable -->\n```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG_S = 240  # each command imports the whole program, and the machine may be busy


@dataclass(frozen=True)
class Place:
    """A folder with what the blocks take for granted, and their environment."""

    folder: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("docs")
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    chosen = {"home": folder / "home", "environment": Environment.TEST, "engine": EngineChoice.SCRIPTED}
    context = open_context(Settings(**chosen))  # type: ignore[arg-type]
    with context.database.session_scope() as session:
        session.add(Region(code="990000", name="测试省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code="990100", name="测试市", level=RegionLevel.CITY, parent_code="990000"))
        session.flush()
        person = persons.NewPerson(resident_id="190102195203070019", name="王建国", region_code="990100")
        persons.add(session, person, keyring=context.keyring, now=context.clock())
        rate = context.policy.integration.rate_per_minute
        known = {"keyring": context.keyring, "actor": "test", "now": context.clock(), "rate_per_minute": rate}
        certificate = {"certificate_sha256": None, "with_secret": True}
        made = clients.add(session, name="docs", scopes=["status:read"], region_code="990000", **certificate, **known)  # type: ignore[arg-type]
    server = make_server("127.0.0.1", 0, create_app(context), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LIFECERT_")},
        "LIFECERT_HOME": str(folder / "home"),
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": "scripted",
        "PYTHONPATH": str(ROOT),
        "LIFECERT": f"http://127.0.0.1:{server.server_port}",
        "CLIENT_ID": made.client_id,
        "CLIENT_SECRET": str(made.secret),
    }
    try:
        yield Place(folder, environment)
    finally:
        server.shutdown()
        thread.join(10)
        context.database.dispose()


def blocks() -> list[tuple[str, str]]:
    return [(page, block) for page in PAGES for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))]


def test_every_page_has_blocks_that_are_run() -> None:
    assert {page for page, _ in blocks()} == set(PAGES)


@pytest.mark.slow
@pytest.mark.timeout(LONG_S * 2)
@pytest.mark.parametrize(("page", "block"), blocks(), ids=[f"{page}:{number}" for number, (page, _) in enumerate(blocks())])
def test_the_block_runs(page: str, block: str, place: Place) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == 0, f"{page}\n{block}\n{done.stdout}\n{done.stderr}"
    if page.endswith("integrators.md"):
        assert "never_certified" in done.stdout, done.stdout
