"""The pages of outreach and payments in a browser: axe finds nothing, at 320 px and dark, and the document is sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page

from api.payments import make_outreach, make_pauses
from api.rights import RoleName
from models.benefit import Benefit, BenefitStatus
from models.enrolment import Scheme
from models.outreach import OutreachChannel, OutreachOutcome
from models.repositories import outreach, persons
from tests.browser.conftest import CITY, Service, Watch, sign_in
from tests.browser.test_every_page import look_at
from tests.models.people import resident_id

pytestmark = pytest.mark.timeout(180)


def sought_person(service: Service, sequence: int) -> tuple[str, str]:
    """(row of the outreach list, proposed pause) of a new person."""
    context = service.context
    now = context.clock()
    with context.database.session_scope() as session:
        new = persons.NewPerson(resident_id=resident_id(sequence=sequence), name="赵大海", region_code=CITY, phone="10012345678")
        person = persons.add(session, new, keyring=context.keyring, now=now)
        benefit = {"scheme": Scheme.RESIDENT_PENSION, "region_code": CITY, "monthly_fen": 123_456, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **benefit))
        person_id = person.id
    make_outreach(context).refresh()
    with context.database.session_scope() as session:
        row = outreach.open_of_person(session, person_id)
        assert row is not None
        for channel in OutreachChannel:
            outcome = OutreachOutcome.SENT if channel is OutreachChannel.SMS else OutreachOutcome.NOT_REACHED
            made = {"channel": channel, "outcome": outcome, "note": None, "by": "staff:counter", "now": now - timedelta(days=20)}
            outreach.add_attempt(session, row.id, **made)
        public_id = row.public_id
    (change,) = make_pauses(context).propose(public_id, reason="三次未联系上", actor="staff:caseworker")
    return public_id, change


@pytest.mark.thorough
@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_pages_of_outreach_and_payments(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service
) -> None:
    row, change = sought_person(service, 300 + width % 100)
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    for address in (
        "/desk/outreach",
        f"/desk/outreach/{row}",
        "/desk/payment-changes",
        f"/desk/payment-changes/{change}",
        "/desk/payment-changes?show=done",
    ):
        look_at(page, address, tag, wrong)
    assert wrong == {}
    page.goto(f"/desk/payment-changes/{change}")
    page.click("button[value=approve]")
    page.wait_for_selector(".notice--success")
    page.goto("/desk/payment-changes")
    page.click("button[value=pause]")
    page.wait_for_selector("a[href$='/list.csv']")
    look_at(page, "/desk/payment-changes", tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []
