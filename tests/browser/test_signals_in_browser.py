"""Alerts with their signals, runs and rules in a browser: axe, the document itself, narrow, wide, light, dark, keyboard, print."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from playwright.sync_api import Page

from api.rights import RoleName
from models.person import Person
from models.repositories import persons
from tests.api.signal_cases import Found, fill
from tests.browser.conftest import Service, Watch, sign_in
from tests.browser.test_every_page import look_at

pytestmark = pytest.mark.timeout(180)

THIRD_NUMBER = "190102195203070035"


@pytest.fixture(scope="module")
def found(service: Service) -> Found:
    """A person with three findings and a pair; of a person of their own, so that other tests see nothing of it."""
    context = service.context
    with context.database.session_scope() as session:
        region = session.get_one(Person, persons.get(session, service.person).id).region_code
        new = persons.NewPerson(resident_id="190102195203070043", name="赵明月", region_code=region)
        first = persons.add(session, new, keyring=context.keyring, now=context.clock()).public_id
        return fill(session, context.keyring, first, THIRD_NUMBER, context.clock() - timedelta(days=3))


@pytest.mark.thorough
@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_pages_of_alerts_runs_and_rules(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, found: Found
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    alerts = ("/desk/alerts", "/desk/alerts?at_least=x", f"/desk/alerts/{found.alert}", f"/desk/alerts/{found.pair}")
    for address in (*alerts, "/desk/detection", f"/desk/detection/{found.run}", "/desk/rules"):
        look_at(page, address, tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert [line for line in watch.complaints if "422" not in line] == []


def test_the_pictures_show_what_the_tables_say(open_page: Callable[..., Page], found: Found) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.CASEWORKER)
    page.goto(f"/desk/alerts/{found.alert}")
    signal = page.locator("section.signal", has=page.get_by_role("heading", name="paid at once (B1)"))
    frame = signal.locator(".strips__counted").first.bounding_box()
    paid = [box for bar in signal.locator(".strips__picture").first.locator(".strips__named").all() if (box := bar.bounding_box())]
    assert frame is not None
    assert len(paid) == 4
    assert all(frame["x"] - 1 <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1 for box in paid)
    page.goto(f"/desk/alerts/{found.pair}")
    cells = page.locator(".falls__picture")
    ends = []
    for number in range(cells.count()):
        bar, zero = cells.nth(number).locator("rect").bounding_box(), cells.nth(number).locator("line").bounding_box()
        assert bar is not None
        assert zero is not None
        ends.append((bar["x"], bar["x"] + bar["width"], zero["x"]))
    for (left, right, _), (other_left, other_right, _) in pairwise(ends[:-1]):
        near = min(abs(one - other) for one in (left, right) for other in (other_left, other_right))
        assert near < 2  # each bar begins where the one before it ends
    assert ends[-1][0] == pytest.approx(ends[-1][2], abs=2)


def test_an_alert_is_worked_by_keyboard_alone(open_page: Callable[..., Page], found: Found) -> None:
    page = open_page(language="en", width=390)
    sign_in(page, RoleName.CASEWORKER)
    page.goto("/desk/alerts?code=D3")
    page.locator("a.alert-line").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/alerts/{found.pair}")
    summary = page.locator("details.more summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.more p").first.is_visible()
    numbers = page.get_by_role("button", name="Show both whole numbers")
    numbers.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=that you opened them is recorded")
    assert THIRD_NUMBER in page.inner_text("table.compare").replace("\n", "")
    table = page.locator(".table-wide").first
    table.focus()
    assert page.evaluate("document.activeElement.classList.contains('table-wide')")


def test_a_printed_alert_has_its_records_and_no_buttons(open_page: Callable[..., Page], found: Found) -> None:
    page = open_page(language="en", width=1000)
    sign_in(page, RoleName.CASEWORKER)
    page.goto(f"/desk/alerts/{found.alert}")
    page.emulate_media(media="print")
    assert page.locator("button:visible").count() == 0
    assert page.locator("table.figures:visible").count() >= 6
    assert page.locator("svg.strips__picture:visible").count() >= 4
