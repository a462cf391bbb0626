"""Second factors in Chromium: a security key (its own virtual one) and an authenticator application, by keyboard, without a complaint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from passlib.totp import TOTP
from playwright.sync_api import CDPSession, Page

from api.rights import RoleName
from api.settings import EngineChoice, SecondFactorChoice
from tests.browser.conftest import Service, Watch, _serve, sign_in, until_js

pytestmark = pytest.mark.timeout(300)
WIDTHS = (390, 1440)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in which a second factor is required."""
    yield from _serve(tmp_path_factory.mktemp("strict"), EngineChoice.SCRIPTED, second_factor=SecondFactorChoice.REQUIRED)


def with_key(page: Page) -> CDPSession:
    """Put a virtual key into the browser's port."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": False,
        "automaticPresenceSimulation": True,
    }
    line.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return line


def look(page: Page) -> None:
    """Nothing for axe to complain of, and no scrolling sideways."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        until_js(page, f"innerWidth === {width} && document.documentElement.scrollWidth <= innerWidth")


def test_a_key_is_set_up_named_used_and_removed(strict: Service, open_page: Callable[..., Page], watch: Watch) -> None:
    page = open_page(language="en", address=strict.address, camera=False)
    with_key(page)
    sign_in(page, RoleName.CASEWORKER)
    page.wait_for_url("**/desk/account/factors/new")
    look(page)
    page.fill("#name", "blue key")
    page.click("[data-key=create] [data-key-button]")
    page.wait_for_selector("#codes")
    look(page)
    page.keyboard.press("Tab")
    page.click("main .actions a")
    page.wait_for_url(lambda address: "factor" not in address)

    page.click("#sign-out")
    page.wait_for_load_state()
    sign_in(page, RoleName.CASEWORKER)
    page.wait_for_url("**/desk/second-factor**")
    look(page)
    page.focus("[data-key=get] [data-key-button]")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "second-factor" not in address)

    page.goto("/desk/account")
    look(page)
    assert "blue key" in page.inner_text("#factors >> xpath=..")
    assert page.locator("form[action$=removal]").count() == 0  # the only one, where one is required
    assert watch.complaints == []


def test_an_application_is_set_up_by_its_secret(strict: Service, open_page: Callable[..., Page], watch: Watch) -> None:
    page = open_page(language="zh", address=strict.address, camera=False)
    sign_in(page, RoleName.REVIEWER)
    page.wait_for_url("**/desk/account/factors/new")
    until_js(page, "document.querySelector('.qr').naturalWidth > 0")
    secret = "".join(page.inner_text("#secret").split()).replace("-", "")
    page.fill("#code", str(TOTP(key=secret).generate().token))
    page.keyboard.press("Enter")
    page.wait_for_selector("#codes")
    code = page.inner_text("#codes li >> nth=0")
    page.goto("/desk/account")
    look(page)

    page.click("#sign-out")
    page.wait_for_load_state()
    sign_in(page, RoleName.REVIEWER)
    page.wait_for_url("**/desk/second-factor**")
    page.fill("#proof_code", code)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "second-factor" not in address)
    assert watch.hosts == {strict.address.removeprefix("http://")}
    assert watch.complaints == []


def test_pages_of_accounts_are_whole(open_page: Callable[..., Page]) -> None:
    page = open_page(language="en", camera=False)
    sign_in(page, RoleName.ADMINISTRATOR)
    page.goto("/desk/accounts")
    look(page)
    page.click("main tbody a >> nth=0")
    page.wait_for_url("**/desk/accounts/**")
    look(page)
