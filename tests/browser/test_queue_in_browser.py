"""The queue of cases in a browser: axe, the document itself, narrow, wide, light, dark, and work by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from api.rights import RoleName
from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.casework import SavedView, Suppression
from models.types import opaque_id
from tests.browser.conftest import CITY, Service, Watch, sign_in
from tests.browser.test_every_page import findings, look_at

pytestmark = pytest.mark.timeout(180)

CODE = "H16"  # what no other test of the browser looks for
QUEUE = f"/desk/cases?code={CODE}"
CASE = re.compile(r".*/desk/cases/[\w-]{22}$")


@pytest.fixture(scope="module")
def waiting(service: Service) -> list[str]:
    """Public ids of alerts about hospitals, the most urgent first: three are free, one is held by another and late, one waits for a
    signature. A suppression and a saved view beside them.
    """
    now = service.context.clock()
    today = service.context.policy.certification.today(now)
    made: list[str] = []
    with service.context.database.session_scope() as session:
        for number in range(5):
            alert = Alert(
                public_id=opaque_id(),
                code=CODE,
                key=f"hospital:Q{number:03}",
                severity=list(AlertSeverity)[number % 3],
                state=AlertState.OPEN if number < 3 else AlertState.IN_CASE,
                region_code=CITY,
                amount_fen=9_000_000 + number,
                priority=90.0 - number,
                opened_by="test",
                opened_at=now - timedelta(days=number),
                details={},
            )
            session.add(alert)
            session.flush()
            made.append(alert.public_id)
            if number >= 3:
                case = CaseFile(public_id=opaque_id(), alert_id=alert.id, region_code=CITY, opened_by="test", opened_at=now)
                case.due_on = today + timedelta(days=number * 3 - 10)
                case.owner = "staff:reviewer" if number == 3 else None
                if number == 4:
                    case.proposed_outcome, case.proposed_by, case.proposed_at = CaseOutcome.CONFIRMED, "staff:reviewer", now
                session.add(case)
        hidden = Suppression(public_id=opaque_id(), key="hospital:Q900", code=CODE, region_code=CITY, reason="已查清")
        hidden.until, hidden.by, hidden.at = today + timedelta(days=9), "staff:reviewer", now
        view = SavedView(public_id=opaque_id(), owner="staff:supervisor", name="要紧的", query=f"code={CODE}", created_at=now)
        session.add_all([hidden, view])
    return made


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "tag", "width", "theme"),
    [("zh", "zh-CN", 320, "dark"), ("en", "en", 1440, "light")],
)
def test_pages_of_the_queue(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, waiting: list[str]
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    for address in (QUEUE, f"{QUEUE}&at_least=x", "/desk/cases?tab=diary", "/desk/cases/views", "/desk/suppressions"):
        look_at(page, address, tag, wrong)
    page.goto(QUEUE)
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    if found := findings(page):
        wrong["help"] = found
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert [line for line in watch.complaints if "422" not in line] == []


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('href') ?? document.activeElement.tagName"))


def test_a_caseworker_walks_through_the_queue_and_takes_the_next_without_a_mouse(
    open_page: Callable[..., Page], waiting: list[str]
) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.CASEWORKER)
    page.goto(QUEUE)
    walked = []
    for key in ("j", "j", "ArrowDown", "ArrowUp", "k"):
        page.keyboard.press(key)
        walked.append(focused(page).removeprefix("/desk/alerts/"))
    first, second, third = waiting[:3]
    assert walked == [first, second, third, second, first]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/alerts/{first}")
    page.goto(QUEUE)
    page.keyboard.press("?")
    assert "Take the next" in page.locator("#keys-help").inner_text()
    page.keyboard.press("n")  # not while the help is open
    page.keyboard.press("Escape")
    expect(page.locator("#keys-help")).to_be_hidden()
    page.locator("#at_least").focus()
    page.keyboard.type("n1")
    assert (page.locator("#at_least").input_value(), page.url.endswith(QUEUE)) == ("n1", True)
    page.locator("h1").click()
    page.keyboard.press("n")
    page.wait_for_url(CASE)
    page.goto(f"{QUEUE}&tab=mine")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.locator("tr[data-row]")).to_contain_text("You")


def test_single_keys_can_be_turned_off(open_page: Callable[..., Page], waiting: list[str]) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.REVIEWER)
    page.goto(QUEUE)
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys work on this device").uncheck()
    page.get_by_role("button", name="Close the help").click()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert (focused(page), page.locator("#keys-help").is_visible()) == ("BODY", False)


def test_without_script_the_next_case_is_taken_all_the_same(open_page: Callable[..., Page], waiting: list[str]) -> None:
    page = open_page(language="zh", width=390, java_script_enabled=False)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto(QUEUE)
    assert page.locator("[data-keys-open]").is_hidden()
    page.get_by_role("button", name="领取下一件").click()
    page.wait_for_url(CASE)
