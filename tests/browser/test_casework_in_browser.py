"""Casework in a browser: from the queue to a confirmed case with a second signature, two people at once, the keyboard alone, axe."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from api.casework import casework_service
from api.rights import RoleName
from detection.casework.rules import Worker
from detection.casework.views import Decision
from models.alert import Alert, CaseFile, CaseOutcome
from models.person import Person
from models.repositories import persons
from tests.api.signal_cases import add_alert, fill
from tests.browser.conftest import Service, Watch, sign_in
from tests.browser.test_every_page import findings, look_at, sound

pytestmark = pytest.mark.timeout(240)

CASE = re.compile(r"/desk/cases/[\w-]{22}$")
FIRST, SECOND = "190102195203070078", "190102195203070086"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@dataclass(frozen=True)
class Work:
    """Alerts about a person of their own. full: with three signals; others: without any, one for each journey."""

    full: str
    raced: str
    keys: str


@pytest.fixture(scope="module")
def work(service: Service) -> Work:
    context = service.context
    with context.database.session_scope() as session:
        region = session.get_one(Person, persons.get(session, service.person).id).region_code
        new = persons.NewPerson(resident_id=FIRST, name="孙明月", region_code=region)
        person = persons.add(session, new, keyring=context.keyring, now=context.clock())
        now = context.clock() - timedelta(days=3)
        full = fill(session, context.keyring, person.public_id, SECOND, now).alert
        raced = add_alert(session, person, "P4", now, key="raced", amount_fen=90_000, priority=900.0).public_id
        keys = add_alert(session, person, "P6", now, key="keys", amount_fen=80_000, priority=800.0).public_id
        return Work(full, raced, keys)


class Clicks:
    """Counts what the person presses with the mouse; fields are written into after a click on them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def on(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.count += 1

    def write(self, selector: str, text: str) -> None:
        self.on(selector)
        self.page.keyboard.type(text)


def case_of(service: Service, alert: str) -> CaseFile:
    with service.context.database.read_scope() as session:
        return session.scalars(select(CaseFile).join(Alert, Alert.id == CaseFile.alert_id).where(Alert.public_id == alert)).one()


def test_from_the_queue_to_a_confirmed_case_with_two_names_in_under_six_clicks(
    open_page: Callable[..., Page], service: Service, work: Work, watch: Watch, tmp_path: Path
) -> None:
    first = open_page(language="en", width=1440)
    sign_in(first, RoleName.CASEWORKER)
    first.goto("/desk/cases?code=B1")
    clicks = Clicks(first)
    clicks.on("button[data-key=n]")
    first.wait_for_url(CASE)
    # everything that led to it is on the one page
    first.locator("[data-part] section.signal").first.wait_for()
    expect(first.locator(".line__entry").first).to_be_visible()
    expect(first.locator("text=The records that led to it").first).to_be_visible()
    assert first.locator("[aria-busy=true]").count() == 0
    address = first.url
    paper = tmp_path / "letter.pdf"
    paper.write_bytes(PDF)
    first.locator("summary", has_text="Add a paper").click()  # not part of deciding
    first.set_input_files("#paper", paper)
    first.get_by_role("button", name="Add the paper").click()
    expect(first.locator("text=The paper is kept.")).to_be_visible()
    clicks.on("#outcome-confirmed")
    clicks.write("#conclusion", "Both pensions were drawn for four months.")
    clicks.write("#found", "640.00")
    clicks.on("button[value=decide]")
    expect(first.locator("#work-title")).to_have_text("Waits for a second signature")
    assert clicks.count < 6
    expect(first.locator("text=You proposed it; somebody else signs.")).to_be_visible()
    assert first.locator("button[value=sign]").count() == 0

    second = open_page(language="en", width=1440)
    sign_in(second, RoleName.REVIEWER)
    second.goto("/desk/cases?code=B1")
    signing = Clicks(second)
    signing.on("button[data-key=n]")
    second.wait_for_url(address)
    expect(second.locator("text=Both pensions were drawn for four months.").first).to_be_visible()
    signing.on("button[value=sign]")
    expect(second.locator("#work-title")).to_have_text("The decision")
    assert signing.count < 6
    case = case_of(service, work.full)
    assert (case.outcome, case.closed_by, case.signed_by) == (CaseOutcome.CONFIRMED, "staff:caseworker", "staff:reviewer")
    assert case.found_fen == 64_000
    names = second.locator(".case__names").inner_text()
    assert "caseworker" in names
    assert "reviewer" in names
    first.reload()
    with first.expect_download() as download:
        first.get_by_role("link", name="letter.pdf").click()
    assert download.value.path().read_bytes() == PDF
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_two_people_at_one_case_and_the_slower_loses_nothing_of_what_they_wrote(
    open_page: Callable[..., Page], service: Service, work: Work
) -> None:
    quick, slow = open_page(language="en", width=1440), open_page(language="en", width=1440)
    sign_in(quick, RoleName.CASEWORKER)
    sign_in(slow, RoleName.SUPERVISOR)
    for page in (quick, slow):
        page.goto(f"/desk/alerts/{work.raced}")
    quick.get_by_role("button", name="Take it").click()
    quick.wait_for_url(CASE)
    slow.get_by_role("button", name="Take it").click()
    expect(slow.locator("text=caseworker was faster and has this case now.")).to_be_visible()
    slow.get_by_role("link", name="To the case").click()
    assert slow.locator("button[value=decide]").count() == 0
    expect(slow.locator("text=caseworker has this case until").first).to_be_visible()
    # whoever leads gives it to somebody else, while the first one writes
    quick.locator("#outcome-unfounded").check()
    quick.fill("#conclusion", "Three careful lines about the village office.")
    slow.locator("summary", has_text="Assign it to somebody").click()
    slow.select_option("#receiver", "staff:supervisor")
    slow.get_by_role("button", name="Assign", exact=True).click()
    expect(slow.locator("text=The case was handed over.")).to_be_visible()
    quick.locator("button[value=decide]").click()
    expect(quick.locator("#overtaken")).to_contain_text("Nothing was changed; below is the present state.")
    expect(quick.locator(".case__kept")).to_have_text("Three careful lines about the village office.")
    case = case_of(service, work.raced)
    assert (case.outcome, case.owner) == (None, "staff:supervisor")


def test_a_case_is_worked_by_keyboard_alone(open_page: Callable[..., Page], service: Service, work: Work) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.CASEWORKER)
    page.goto(f"/desk/alerts/{work.keys}")
    page.keyboard.press("t")
    page.wait_for_url(CASE)
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    assert {"d", "o", "a", "g"} <= set(page.locator("#keys-help kbd").all_inner_texts())
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.keyboard.type("told by the neighbour, d and g are letters here")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".case__history")).to_contain_text("told by the neighbour, d and g are letters here")
    page.wait_for_load_state()  # the keys are there with the script
    page.keyboard.press("d")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("The date of birth was wrong in one register.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#work-title")).to_have_text("The decision")
    assert case_of(service, work.keys).outcome is CaseOutcome.DATA_ERROR
    page.wait_for_load_state()
    page.keyboard.press("u")
    page.keyboard.type("The other register was right.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#work-title")).to_have_text("Your decision")
    assert case_of(service, work.keys).outcome is None


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 390, "dark"), ("en", "en", 1440, "light")])
def test_the_page_of_a_case_in_every_state(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], service: Service, work: Work
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    for case in in_every_state(service, f"axe-{language}"):
        page.goto(f"/desk/cases/{case}")
        expect(page.locator("[data-part] [data-loading]")).to_have_count(0)
        page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
        look_at_present(page, tag, wrong, case)
        for part in ("signals", "timeline", "beside"):
            look_at(page, f"/desk/cases/{case}/{part}", tag, wrong)
    assert wrong == {}


def in_every_state(service: Service, name: str) -> list[str]:
    """Cases of one's own with a paper, waiting for oneself to sign, waiting for others, decided with two names, and somebody else's."""
    made, context = casework_service(service.context), service.context
    mine, theirs = (Worker(f"staff:{one}", "9901", may_sign=True) for one in ("supervisor", "reviewer"))
    with context.database.session_scope() as session:
        person = session.scalars(select(Person).where(Person.region_code == "990100").order_by(Person.id.desc())).first()
        assert person is not None
        now = context.clock() - timedelta(days=40)
        keys = [add_alert(session, person, "P4", now, key=f"{name}-{number}", amount_fen=70_000).public_id for number in range(5)]
    taken = [made.take(who, key).case_id for who, key in zip((mine, theirs, mine, theirs, theirs), keys, strict=True)]
    confirmed = Decision(CaseOutcome.CONFIRMED, "Paid for nobody since May.", 70_000)
    made.attach(mine, taken[0], f"{name}.pdf", PDF)
    made.add_note(mine, taken[0], "called the son")
    for number, who in ((1, theirs), (2, mine), (3, theirs)):
        made.propose(who, taken[number], confirmed)
    made.sign(mine, taken[3])
    return taken


def look_at_present(page: Page, tag: str, wrong: dict[str, list[str]], name: str) -> None:
    """What is wrong with the page as it stands now, with everything open on it."""
    found = sound(page, tag) + findings(page)
    if found:
        wrong[name] = found
