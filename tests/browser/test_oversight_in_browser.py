"""The supervisors' view in a browser: from the map down to one claim and back, what is downloaded, axe, themes, widths, keyboard, print."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from python_calamine import CalamineWorkbook
from sqlalchemy import delete

from api.rights import RoleName
from models.oversight import FiguresRun, OversightFigure
from models.person import Person
from models.repositories import persons
from tests.browser.conftest import CITY, Service, Watch, sign_in, until_js
from tests.browser.test_every_page import look_at
from tests.pages.oversight_figures import Money, fill_figures, fill_money

pytestmark = pytest.mark.timeout(240)

TABLES = ("summary", "places", "methods", "trend", "alerts", "backlog")


@pytest.fixture(scope="module")
def money(service: Service) -> Iterator[Money]:
    """Figures of a city with six counties, and a hospital with an alert and a claim; of a person of their own."""
    context = service.context
    today, now = context.policy.certification.today(context.clock()), context.clock()
    with context.database.session_scope() as session:
        region = session.get_one(Person, persons.get(session, service.person).id).region_code
        new = persons.NewPerson(resident_id="190102195203070051", name="周晓梅", region_code=region)
        person = persons.add(session, new, keyring=context.keyring, now=now).public_id
        fill_figures(session, CITY, today, now)
        made = fill_money(session, person, region, now)
    yield made
    with context.database.session_scope() as session:  # other tests find the store without figures
        session.execute(delete(OversightFigure))
        session.execute(delete(FiguresRun))


def plain(cell: str) -> str:
    """A cell of the page as a file has it."""
    cell = cell.strip()
    return "" if cell == "–" else cell.replace(",", "") if re.fullmatch(r"-?[\d,]+(\.\d+)?%?", cell) else cell


def rows_of(page: Page, table: str) -> list[list[str]]:
    """Text of the cells of a table, whether it is folded away or not."""
    found: list[list[str]] = page.eval_on_selector_all(f"#{table} tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    return [[plain(cell) for cell in row] for row in found]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "tag", "width", "theme"),
    [("zh", "zh-CN", 390, "light"), ("en", "en", 390, "dark"), ("zh", "zh-CN", 1440, "dark"), ("en", "en", 1440, "light")],
)
def test_pages_of_supervisors(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, money: Money
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    addresses = (
        "/desk/oversight",
        f"/desk/oversight?region={CITY[:4]}03&month=2020-01",
        "/desk/oversight/kind/P1",
        f"/desk/hospitals/{money.hospital}",
        f"/desk/claims/{money.claim}",
    )
    for address in addresses:
        look_at(page, address, tag, wrong)
        page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_from_the_map_down_to_one_claim_and_back(open_page: Callable[..., Page], money: Money) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/oversight")
    page.locator("#map a").nth(2).click()
    page.get_by_role("heading", level=1, name="第3区").wait_for()
    page.locator(".trail a").first.click()
    page.get_by_role("heading", level=1, name="测试市").wait_for()
    page.locator("#alerts").get_by_role("link", name="M-HOSPITAL").click()
    page.locator("#dearest").get_by_role("link", name="第一人民医院").click()
    page.get_by_role("heading", level=1, name="第一人民医院").wait_for()
    page.locator("#claims a").first.click()
    page.get_by_role("heading", level=1, name="Claim of 第一人民医院").wait_for()
    assert page.locator("tr.claim-line--named").count() == 1
    page.get_by_role("link", name="To the alert").click()
    page.wait_for_url(f"**/{money.of_person}*")
    page.go_back()
    page.locator(".trail").get_by_role("link", name="第一人民医院").click()
    page.locator(".trail").get_by_role("link", name="Oversight").click()
    page.wait_for_url("**/desk/oversight?*")


def test_what_is_downloaded_has_the_numbers_of_the_page(open_page: Callable[..., Page], money: Money, tmp_path: Path) -> None:
    page = open_page(language="zh", width=1440, accept_downloads=True)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/oversight")
    shown = {name: rows_of(page, name) for name in TABLES}
    with page.expect_download() as waiting:
        page.click("#workbook")
    book = CalamineWorkbook.from_path(str(waiting.value.path()))
    for name, title in zip(TABLES, book.sheet_names[1:], strict=True):
        page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
        with page.expect_download() as waiting:
            page.click(f"[data-csv={name}]")
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == shown[name]
        for row, line in zip(shown[name], book.get_sheet_by_name(title).to_python(), strict=True):
            for cell, value in zip(row, line, strict=True):
                if isinstance(value, str):
                    assert value == cell
                else:
                    number = float(cell.removesuffix("%")) / (100 if cell.endswith("%") else 1)
                    assert value == pytest.approx(number, abs=1e-9), (name, row)


def test_charts_are_drawn_in_the_theme_and_stay_on_the_page(open_page: Callable[..., Page], service: Service, money: Money) -> None:
    page = open_page(language="zh", width=390)
    page.context.add_cookies([{"name": "lifecert_theme", "value": "dark", "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/oversight")
    pictures = page.locator("img.chart__picture")
    for number in range(pictures.count()):
        pictures.nth(number).scroll_into_view_if_needed()
    until_js(page, "[...document.querySelectorAll('img.chart__picture')].every((one) => one.complete && one.naturalWidth > 100)")
    assert pictures.count() == 4
    assert all("同的数字" in (pictures.nth(number).get_attribute("alt") or "") for number in range(4))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_map_is_walked_by_keyboard_alone(open_page: Callable[..., Page], money: Money) -> None:
    page = open_page(language="zh", width=1440)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/oversight")
    page.locator("#map a").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.querySelector('.tile__name').textContent") == "第2区"
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="第2区").wait_for()


def test_a_printed_page_has_its_figures_and_no_buttons(open_page: Callable[..., Page], money: Money) -> None:
    page = open_page(language="en", width=1000)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/oversight")
    page.emulate_media(media="print")
    assert page.locator("button:visible").count() == 0
    assert page.locator(".headline:visible").count() == 5
    assert page.locator("table.figures:visible").count() == 7
