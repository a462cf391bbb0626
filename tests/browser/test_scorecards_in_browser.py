"""Scorecards and fairness in a browser: axe, themes, widths, and a rule put into the shadow by keyboard."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy import insert, select

from api.fairness import make_fairness
from api.figures import make_figures
from api.rights import RoleName
from api.settings import EngineChoice
from models.alert import CaseOutcome
from models.certification import add_months
from models.person import Person
from models.region import Region, RegionLevel
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.browser.conftest import CITY, Service, Watch, _serve, sign_in
from tests.browser.test_every_page import look_at
from tests.models.decided_cases import Made, add_case

pytestmark = pytest.mark.timeout(240)

ADDRESSES = ("/desk/scorecards", "/desk/scorecards/D1", "/desk/scorecards/fairness_gap", "/desk/fairness")
OUTCOMES = {"B1": (30, 10, 5), "D1": (1, 60, 20), "P1": (9, 40, 3), "H2": (2, 3, 0)}  # confirmed, unfounded, error in the records


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own: decided cases of four rules over months, attempts by camera of which those at a counter go badly."""
    for service in _serve(tmp_path_factory.mktemp("scorecards"), EngineChoice.SCRIPTED):
        _fill(service)
        yield service


def _fill(service: Service) -> None:
    context, rng = service.context, random.Random(3)
    now = context.clock()
    today = context.policy.certification.today(now)
    with context.database.session_scope() as session:
        session.add(Region(code=CITY[:4] + "02", name="测试县", level=RegionLevel.COUNTY, parent_code=CITY))
        session.flush()
        for code, counts in OUTCOMES.items():
            for outcome, count in zip((CaseOutcome.CONFIRMED, CaseOutcome.UNFOUNDED, CaseOutcome.DATA_ERROR), counts, strict=True):
                for _ in range(count):
                    found = rng.randrange(10_000_000) if outcome is CaseOutcome.CONFIRMED else None
                    at = now - timedelta(days=rng.randrange(1, 140))
                    add_case(session, Made((code,), CITY, outcome, found, rng.randrange(600, 7_200), at, ()))
        add_case(session, Made(("P1",), CITY, None, None, 0, None, ()))
        person = session.scalars(select(Person.id).limit(1)).one()
        rows = []
        for channel, good in ((VerificationChannel.SELF, 0.9), (VerificationChannel.HELPER, 0.88), (VerificationChannel.COUNTER, 0.5)):
            for _ in range(150):
                ended = VerificationOutcome.CERTIFIED if rng.random() < good else rng.choice(list(VerificationOutcome)[1:])
                decided = {"state": VerificationState.DECIDED, "outcome": ended, "decided_at": now + timedelta(seconds=45)}
                made = {
                    "person_id": person,
                    "kind": VerificationKind.STANDARD,
                    "channel": channel,
                    "challenge": {},
                    "token_hash": b"0" * 32,
                }
                client = {"device": rng.choice(["phone", "phone", "tablet", "computer"])}
                rows.append({**made, **decided, "started_at": now, "expires_at": now + timedelta(minutes=5), "client": client})
        session.execute(insert(Verification), rows)
    figures = make_figures(context)
    for back in (4, 2, 0):  # each counts its month and the one before
        figures.count(add_months(today.replace(day=1), -back) if back else today, by="test")
    assert make_fairness(context).tend().opened > 0


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("language", "tag", "width", "theme"),
    [("zh", "zh-CN", 390, "dark"), ("en", "en", 1440, "light")],
)
def test_pages_of_scorecards_and_fairness(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, decided: Service
) -> None:
    page = open_page(language=language, width=width, address=decided.address)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": decided.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    for address in ADDRESSES:
        look_at(page, address, tag, wrong)
        broken = page.eval_on_selector_all(".chart__picture", "all => all.filter((one) => one.complete && !one.naturalWidth).length")
        assert broken == 0, address
    assert wrong == {}
    assert watch.hosts == {decided.address.removeprefix("http://")}
    assert watch.complaints == []


def test_a_rule_goes_into_the_shadow_by_keyboard_and_is_live_again(open_page: Callable[..., Page], decided: Service) -> None:
    page = open_page(language="en", width=1440, address=decided.address)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/scorecards")
    page.locator("#suggested-title").wait_for()
    page.get_by_role("link", name="Retire? Employee and resident pension contributions at once (D1)").click()
    page.get_by_role("heading", level=2, name="Mode: Live").wait_for()
    for mode, words in (("shadow", "Mode: In the shadow"), ("live", "Mode: Live")):
        page.focus(f"#mode-{mode}")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.type(f"to be {mode}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", level=2, name=words).wait_for()
        page.get_by_text(f"to be {mode}").wait_for()
