"""The page at /docs in a real browser: it shows the doors, asks nobody outside, and breaks no rule of its own security policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright
from werkzeug.serving import make_server

from tests.api.conftest import World
from tests.conftest import CHROMIUM

pytestmark = pytest.mark.browser


@pytest.fixture
def address(world: World) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_the_page_shows_the_doors_and_asks_nobody_outside(address: str, playwright: Playwright) -> None:
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-quic"])
    page = browser.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/docs")
    page.wait_for_selector("#operations-v1-start_verification", timeout=60_000)
    page.click("#operations-v1-start_verification .opblock-summary-control")
    page.wait_for_selector("text=Idempotency-Key", timeout=60_000)
    browser.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert complaints == []
