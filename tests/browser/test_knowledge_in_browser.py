"""The national rule base in a browser: axe, the document itself, narrow and wide, light and dark."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from api.rights import RoleName
from detection.knowledge.knowledge_service import KnowledgeService
from tests.browser.conftest import Service, Watch, sign_in
from tests.browser.test_every_page import look_at

pytestmark = pytest.mark.timeout(180)

LEVEL = "GZ10000101012000"


@pytest.fixture(scope="module")
def points(service: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A point with every kind of text, and enough of them for two pages."""
    rows = [
        {
            "kp_id": f"A-{number}",
            "gz_code": LEVEL,
            "med_codes": [f"XC07AAP160A00101010218{code}" for code in range(9)],
            "item_name": f"注射液{number}(含一个很长的名称)",
            "constraint": "限二级及以上医疗机构的肿瘤患者，首次处方时需由专科医师开具。",
            "published_at": "2026-01-10",
            "source": {"attachment_file": "第五批.xlsx", "row": number},
        }
        for number in range(1, 53)
    ]
    path: Path = tmp_path_factory.mktemp("knowledge") / "points.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    context = service.context
    KnowledgeService(
        context.database, context.policy.knowledge, clock=context.clock, today=context.policy.certification.today
    ).import_files([path], by="test")


@pytest.mark.parametrize(("language", "tag", "width", "theme"), [("zh", "zh-CN", 320, "light"), ("en", "en", 1440, "dark")])
def test_pages_of_the_rule_base(
    language: str, tag: str, width: int, theme: str, open_page: Callable[..., Page], watch: Watch, service: Service, points: None
) -> None:
    page = open_page(language=language, width=width)
    page.context.add_cookies([{"name": "lifecert_theme", "value": theme, "url": service.address}])
    sign_in(page, RoleName.SUPERVISOR)
    wrong: dict[str, list[str]] = {}
    for address in ("/desk/knowledge?search=GZ1000010101", "/desk/knowledge?state=missing", f"/desk/knowledge/{LEVEL}?page=2"):
        look_at(page, address, tag, wrong)
    assert wrong == {}
    assert watch.hosts == {service.address.removeprefix("http://")}
    assert watch.complaints == []


def test_a_point_is_found_by_keyboard_alone(open_page: Callable[..., Page], points: None) -> None:
    page = open_page(language="en", width=1440)
    sign_in(page, RoleName.SUPERVISOR)
    page.goto("/desk/knowledge")
    page.get_by_label("Name or code").fill("level of the institution")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="12. Drug limited by level").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Drug limited by level").wait_for()
    page.get_by_label("Name of the item").fill("注射液52")
    page.keyboard.press("Enter")
    page.get_by_text("1 points").wait_for()
    page.get_by_text("9 item codes").focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("XC07AAP160A001010102188").is_visible()
