"""The pages of assisted certification in Chromium: axe finds nothing, the documents are sound, a whole request by clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page
from sqlalchemy import delete, update

from api.assistance import assistance_service
from models.assistance import AssistanceEvent, AssistanceRequest
from tests.browser.conftest import CITY, PROVINCE, Service, Watch, sign_in
from tests.browser.test_every_page import look_at
from verify.assistance import Action
from verify.assistance_views import Answer

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Asked:
    """Two requests: ours is waiting for an answer, theirs is accepted and to be carried out here."""

    ours: str
    theirs: str


@pytest.fixture
def asked(service: Service) -> Iterator[Asked]:
    desk = assistance_service(service.context)
    ours = desk.ask(service.person, performing_region=PROVINCE, reason="住在女儿家", contact="13800000000", actor="test")
    theirs = desk.ask(service.second, performing_region=PROVINCE, reason="住在儿子家", contact=None, actor="test")
    with service.context.database.session_scope() as session:
        turned = update(AssistanceRequest).where(AssistanceRequest.public_id == theirs)
        session.execute(turned.values(requesting_region=PROVINCE, performing_region=CITY))
    desk.act(theirs, Action.ACCEPT, Answer(), version=1, region=CITY, actor="staff:there")
    yield Asked(ours, theirs)
    with service.context.database.session_scope() as session:
        session.execute(delete(AssistanceEvent))
        session.execute(delete(AssistanceRequest))


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_the_pages_are_sound(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, asked: Asked
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page)
    wrong: dict[str, list[str]] = {}
    for address in (
        "/desk/assistance",
        "/desk/assistance?side=performing",
        "/desk/assistance?state=closed",
        f"/desk/assistance/{asked.ours}",
        f"/desk/assistance/{asked.ours}/withdraw",
        f"/desk/assistance/{asked.theirs}",
        f"/desk/assistance/{asked.theirs}/carry_out",
        f"/desk/assistance/{asked.theirs}/return",
        f"/counter/person/{service.person}/ask-region",
        f"/counter/person/{service.person}/ask-region?find=99",
    ):
        look_at(page, address, tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_a_request_is_carried_out_by_clicks(open_page: Callable[..., Page], asked: Asked, service: Service) -> None:
    page = open_page(language="zh", width=390)
    sign_in(page)
    page.goto("/desk/assistance?side=performing")
    page.click(f"a[href$='{asked.theirs}']")
    page.click("button:has-text('打开姓名')")
    assert page.locator("dd", has_text="李秀英").count() == 1
    page.click("a:has-text('回报办理结果')")
    page.select_option("#method", "video_call")
    page.click("main .btn-main")
    page.wait_for_url(f"**/desk/assistance/{asked.theirs}")
    assert page.locator("h2").first.inner_text().startswith("已办结")
