"""A running service on a free loopback port, Chromium, and a record of every request and complaint of each page."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from werkzeug.serving import BaseWSGIServer, make_server

from api.accounts import create_demo_accounts, demo_password
from api.app import create_app
from api.context import Context, open_context
from api.rights import RoleName
from api.settings import EngineChoice, Environment, Settings
from models.region import Region, RegionLevel
from models.repositories import persons
from tests.conftest import CHROMIUM
from verify.errors import WeightsError
from verify.pad.challenge import draw_challenge
from verify.views import PromptName

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)
PROVINCE, CITY = "990000", "990100"  # codes that no region has
NAME, RESIDENT_ID = "王建国", "190102195203070019"
SECOND_NAME, SECOND_RESIDENT_ID = "李秀英", "190102195203070027"


@dataclass(frozen=True)
class Service:
    """A running service and the public ids of its two persons."""

    address: str
    context: Context
    person: str
    second: str


CHALLENGES = 4
PATIENCE_MS = 45_000  # for what comes at once on a quiet machine; a busy one must not look like a fault
expect.set_options(timeout=PATIENCE_MS)
CANNED_ID = "v" * 22  # a verification that no store holds
GUIDE = {"prompt": "look_straight", "step_token": "first", "colour": None, "progress": 0.0, "steps_done": 0, "steps_total": 3}


class CannedFrames:
    """Takes every frame of one made-up verification, over the real line: for tests of the line, where no face is needed."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if f"/verifications/{CANNED_ID}/frames" not in environ["PATH_INFO"]:
            return self._app(environ, start_response)
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        seq = int(parse_qs(environ["QUERY_STRING"])["seq"][0])
        answer = {"seq": seq, "accepted": True, "hints": [], "guide": GUIDE, "complete": False, "frames": seq + 1}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fill(context: Context) -> tuple[str, str]:
    with context.database.session_scope() as session:
        session.add(Region(code=PROVINCE, name="测试省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code=CITY, name="测试市", level=RegionLevel.CITY, parent_code=PROVINCE))
        session.flush()
        ids = []
        for name, number in ((NAME, RESIDENT_ID), (SECOND_NAME, SECOND_RESIDENT_ID)):
            new = persons.NewPerson(resident_id=number, name=name, region_code=CITY)
            ids.append(persons.add(session, new, keyring=context.keyring, now=context.clock()).public_id)
    create_demo_accounts(context, region_code=CITY)
    return ids[0], ids[1]


def _serve(home: Path, engine: EngineChoice, **more: object) -> Iterator[Service]:
    port = free_port()
    settings = Settings(
        home=home,
        environment=Environment.TEST,
        engine=engine,
        port=port,
        public_url=f"http://localhost:{port}",
        **more,  # type: ignore[arg-type]
    )
    context = open_context(settings)
    person, second = _fill(context)
    app = create_app(context)
    app.wsgi_app = CannedFrames(app.wsgi_app)  # type: ignore[method-assign]
    server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Service(settings.base_url, context, person, second)
    finally:
        server.shutdown()
        thread.join(10)
        context.database.dispose()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With the test double: for everything that needs no real face. Of each module its own, which it may fill."""
    home = tmp_path_factory.mktemp("home")
    yield from _serve(home, EngineChoice.SCRIPTED, recording_dir=home / "recordings")


def seed_for(context_policy: object, wanted: tuple[PromptName, ...]) -> int:
    """The first seed whose first CHALLENGES challenges ask for these prompts: two persons' checks, and one that is asked again for."""
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, tzinfo=UTC)
    for seed in range(20_000):
        rng = random.Random(seed)
        drawn = [draw_challenge(rng, context_policy, now=now) for _ in range(CHALLENGES)]  # type: ignore[arg-type]
        if all(tuple(prompt.name for prompt in challenge.prompts) == wanted for challenge in drawn):
            return seed
    raise AssertionError(f"no seed draws {wanted}")


@pytest.fixture(scope="session")
def real_service_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Iterator[Service]]]:
    """Starts services with the real ONNX engine; their first two challenges are: straight, left, right."""
    from api.policy import load_policy

    policy = load_policy(Settings().policy_file).verification
    seed = seed_for(policy, (PromptName.LOOK_STRAIGHT, PromptName.TURN_LEFT, PromptName.TURN_RIGHT))

    def start() -> Iterator[Service]:
        try:
            yield from _serve(tmp_path_factory.mktemp("real"), EngineChoice.ONNX, challenge_seed=seed)
        except WeightsError as error:
            pytest.skip(f"the ONNX weights are not here: {error}")

    return start  # type: ignore[return-value]


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium whose camera is its own test picture, and whose permission question stays unanswered unless a test answers it."""
    running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
    yield running
    running.close()


@dataclass
class Watch:
    """What a context's pages asked for and complained about."""

    hosts: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        context.on("request", self._request)
        context.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _request(self, request: object) -> None:
        address = urlsplit(request.url)  # type: ignore[attr-defined]
        if address.scheme not in {"data", "blob"}:
            self.hosts.add(address.netloc)
            self.addresses.append(request.url)  # type: ignore[attr-defined]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_page(browser: Browser, service: Service, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens a page of its own context: open_page(language="zh", width=390, signed_in=False, camera=True)."""
    contexts = []

    def opened(
        *, language: str = "zh", width: int = 390, height: int = 844, camera: bool = True, address: str = "", **more: object
    ) -> Page:
        base = address or service.address
        context = browser.new_context(base_url=base, viewport={"width": width, "height": height}, **more)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        if camera:
            context.grant_permissions(["camera"], origin=base)
        context.add_cookies([{"name": "lifecert_language", "value": language, "url": base}])
        watch.follow(context)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def sign_in(page: Page, role: RoleName = RoleName.COUNTER) -> None:
    """Sign in as a demo account."""
    page.goto("/login")
    page.fill("[autocomplete=username]", role.value)
    page.fill("[type=password]", demo_password(role))
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: "/login" not in address)


def identify(page: Page, name: str = NAME, number: str = RESIDENT_ID, then: str = "/certify") -> None:
    """Give name and number, and go on to the page that asked for them."""
    page.goto(then)
    page.fill("#full_name", name)
    page.fill("#resident_id", number)
    page.click("main form.one-form button[type=submit]")


def agree(page: Page) -> None:
    """Agree on the consent page, when it is shown."""
    if page.url.endswith("/certify/consent"):
        page.click("button[value=yes]")
        page.wait_for_url("**/certify/how")


def until(page: Page, true: Callable[[], object], *, seconds: float = PATIENCE_MS / 1000) -> None:
    """Lets the page go on until something is so. Playwright's own wait_for_function needs eval, which the pages forbid."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be so"
        page.wait_for_timeout(100)


def until_js(page: Page, expression: str) -> None:
    """Lets the page go on until the expression is true in it."""
    until(page, lambda: page.evaluate(expression))
