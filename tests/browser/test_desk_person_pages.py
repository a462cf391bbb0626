"""The staff's pages about one person and the citizen's status page in a browser: axe, the document itself, the position button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page

from api.evidence import evidence_service
from api.rights import RoleName
from api.status_page import status_code_service
from models.alert import AlertSeverity
from models.benefit import Benefit, BenefitStatus, Payment
from models.enrolment import Scheme
from models.life_evidence import EvidenceKind, Strength
from models.repositories import alerts, life_evidence, persons
from models.repositories.alerts import NewAlert
from models.repositories.life_evidence import NewEvidence
from tests.browser.conftest import CITY, NAME, RESIDENT_ID, Service, Watch, sign_in, until_js
from tests.browser.test_every_page import look_at
from verify.evidence_rules import TypedEvidence

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def full(service: Service) -> tuple[str, str]:
    """A person with something in every lane that a page draws; (person, alert)."""
    context = service.context
    today = context.policy.certification.today(context.clock())
    evidence_service(context).record(service.person, TypedEvidence(EvidenceKind.COUNTER, today), actor="test")
    with context.database.session_scope() as session:
        person = persons.get(session, service.person)
        died = NewEvidence(person.id, EvidenceKind.DEATH_RECORD, today - timedelta(days=90), Strength.INDICATIVE, "family")
        life_evidence.add(session, died, by="test", now=context.clock())
        benefit = Benefit(
            person_id=person.id,
            scheme=Scheme.EMPLOYEE_PENSION,
            region_code=CITY,
            monthly_fen=200_000,
            status=BenefitStatus.ACTIVE,
            from_month=date(today.year - 3, 1, 1),
        )
        session.add(benefit)
        session.flush()
        session.add_all(Payment(benefit_id=benefit.id, month=date(today.year - 1, month, 1), amount_fen=200_000) for month in range(1, 13))
        finding = NewAlert("P7", "browser", AlertSeverity.WARNING, CITY, person.id, 12_300)
        alerts.open_alerts(session, [finding], by="test", now=context.clock())
        alert = alerts.of_person(session, [person.id])[0].public_id
    return service.person, alert


@pytest.mark.thorough
@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_staff_pages(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, full: tuple[str, str]
) -> None:
    person, alert = full
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    kinds = ("home_visit", "video_call", "declaration", "custody", "death_record")
    at = f"/desk/person/{person}"
    addresses = [f"{at}/record/{kind}" for kind in kinds] + [f"{at}/timeline", f"{at}/merge", f"{at}/merge/{service.second}"]
    for address in (f"/counter/person/{person}", *addresses, "/desk/alerts", f"/desk/alerts/{alert}"):
        look_at(page, address, tag, wrong)
    page.goto(f"{at}/timeline")
    look_at(page, str(page.locator("a[href$='/correct']").first.get_attribute("href")), tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_the_position_is_taken_when_the_button_is_pressed(open_page: Callable[..., Page], service: Service) -> None:
    page = open_page(language="en", geolocation={"latitude": 30.5, "longitude": 114.25, "accuracy": 12.0})
    page.context.grant_permissions(["geolocation"], origin=service.address)
    sign_in(page)
    page.goto(f"/desk/person/{service.second}/record/home_visit")
    latitude = page.locator("[name=latitude_deg]")
    assert latitude.input_value() == ""
    page.click("#take-position")
    until_js(page, "document.querySelector('[name=latitude_deg]').value !== ''")
    assert (latitude.input_value(), page.locator("[name=longitude_deg]").input_value()) == ("30.5", "114.25")
    assert page.inner_text("#position-said").endswith("12")
    page.fill("#place", "Village 3")
    page.fill("#second_staff", "supervisor")
    page.click("main form.one-form button[type=submit]")
    page.wait_for_url("**/counter/person/*")
    assert "a certificate is issued" in page.inner_text("main")


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-CN"), ("en", "en")])
def test_status_page_by_code(language: str, tag: str, open_page: Callable[..., Page], watch: Watch, service: Service) -> None:
    page = open_page(language=language, width=320)
    wrong: dict[str, list[str]] = {}
    look_at(page, "/my-status", tag, wrong)
    page.fill("#full_name", NAME)
    page.fill("#resident_id", RESIDENT_ID)
    page.click("button[value=counter]")
    page.wait_for_url("**/my-status/code*")
    code, _ = status_code_service(service.context).issue_at_counter(service.person, actor="test")
    look_at(page, "/my-status/code?way=counter", tag, wrong)
    look_at(page, "/my-status/code?way=message", tag, wrong)
    page.fill("#code", "1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problems")
    page.fill("#code", code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/my-status/open")
    look_at(page, "/my-status/open", tag, wrong)
    assert page.locator("a[href='/other-ways']:visible").count() > 0
    assert wrong == {}
    assert [line for line in watch.complaints if "422" not in line] == []
