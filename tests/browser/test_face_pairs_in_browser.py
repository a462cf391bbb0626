"""The page of a pair of faces in a browser: axe, the keyboard, covered and uncovered, in both languages, narrow and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from api.rights import RoleName
from tests.browser.conftest import Service, Watch, sign_in
from tests.browser.test_every_page import findings, look_at, sound
from tests.pages.face_pair_signals import Stored, approve_basis, store_pair

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def pair(service: Service) -> Stored:
    approve_basis(service.context)
    return store_pair(service.context, service.person, service.second, pictures=True, twins=True)


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_covered_and_uncovered(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, pair: Stored
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    look_at(page, f"/desk/face-pair/{pair.at_home}", tag, wrong)
    assert page.locator("main img").count() == 0
    page.locator("main form button[type=submit]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("main img.pair__face")
    assert page.locator("main img.pair__face").count() == 2
    assert all(page.locator("main img.pair__face").nth(n).evaluate("image => image.naturalWidth > 0") for n in range(2))
    assert wrong == {}
    assert sound(page, tag) + findings(page) == []
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []
