"""What holds for every page of the desk, in a store where each has something to show: axe finds nothing and the document is sound.

Each page is looked at in Chinese and in English, light and dark, at three widths: loaded once in each language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from api.rights import RoleName
from tests.browser.conftest import Watch, sign_in
from tests.browser.filled_service import SEEN_BY, FilledService, running
from tests.browser.test_every_page import look_at_both_themes

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
ROLES = (RoleName.SUPERVISOR, *sorted(set(SEEN_BY.values())))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledService]:
    with running(tmp_path_factory.mktemp("filled")) as service:
        yield service


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 390, "light"), ("en", "en", 1440, "dark")])
def test_every_page_of_the_desk(
    language: str, tag: str, width: int, theme: str, filled: FilledService, open_page: Callable[..., Page], watch: Watch
) -> None:
    wrong: dict[str, list[str]] = {}
    number = 0
    for role in ROLES:
        page = open_page(language=language, width=width, address=filled.address, reduced_motion="reduce")
        page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": filled.address}])
        sign_in(page, role)
        for name, address in filled.pages(role):
            found: dict[str, list[str]] = {}
            look_at_both_themes(page, address, tag, found)
            if found:
                wrong[name] = found[address]
            number += 1
    assert wrong == {}
    assert number > 40
    assert watch.hosts == {filled.address.removeprefix("http://")}
    assert watch.complaints == []
