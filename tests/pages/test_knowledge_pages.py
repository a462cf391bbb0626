"""The national rule base for staff: found, filtered, and every point with its limit in words and as bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.pages import knowledge as pages
from api.pages import knowledge_words
from api.rights import RoleName
from detection.knowledge.knowledge_service import KnowledgeService
from tests.api.conftest import World
from tests.pages.test_signal_pages import english

LEVEL, STOCK = "GZ10000101012000", "GZ10000202001000"


def bring(world: World, tmp_path: Path, rows: list[dict[str, object]]) -> None:
    path = tmp_path / "points.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    policy = world.context.policy
    service = KnowledgeService(world.context.database, policy.knowledge, clock=world.clock, today=policy.certification.today)
    service.import_files([path], by="test")


def point(number: int, **more: object) -> dict[str, object]:
    return {
        "kp_id": f"A-{number}",
        "gz_code": LEVEL,
        "med_codes": [f"X{number}", "X0"],
        "item_name": f"注射液{number}",
        "constraint": "限二级及以上医疗机构",
        "detect_logic": "级别低于限定级别",
        "published_at": "2026-01-10",
        "source": {"attachment_file": "某文件.xlsx", "row": number},
        **more,
    }


@pytest.fixture
def client(world: World) -> FlaskClient:
    return english(world.staff(RoleName.AUDITOR))


def codes(page: str) -> list[str]:
    return re.findall(r'href="/desk/knowledge/([^"?]+)"', page)


def test_only_who_reads_alerts_sees_the_rule_base(world: World) -> None:
    for address in ("/desk/knowledge", f"/desk/knowledge/{LEVEL}"):
        assert world.staff(RoleName.COUNTER).get(address).status_code == 403
        assert world.staff(RoleName.CASEWORKER).get(address).status_code == 200


def test_all_88_are_there_with_their_state_in_both_languages(world: World, client: FlaskClient) -> None:
    page = client.get("/desk/knowledge").text
    assert len(codes(page)) == len(set(codes(page))) == 88
    assert "No knowledge points are loaded" in page
    assert "purchases, sales and stock" in page
    chinese = world.staff(RoleName.AUDITOR).get("/desk/knowledge").text
    assert "药品限医疗机构级别" in chinese
    assert "缺少数据" in chinese


def test_rules_are_searched_and_filtered(client: FlaskClient) -> None:
    assert codes(client.get("/desk/knowledge?search=level+of+the").text) == [LEVEL, "GZ10000102011000"]
    assert codes(client.get("/desk/knowledge?search=药品限医疗机构级别").text) == [LEVEL]
    assert codes(client.get(f"/desk/knowledge?search={LEVEL.lower()}").text) == [LEVEL]
    assert STOCK in codes(client.get("/desk/knowledge?state=missing").text)
    assert LEVEL not in codes(client.get("/desk/knowledge?state=missing").text)
    assert len(codes(client.get("/desk/knowledge?class=统计指标监测类").text)) == 8
    assert "No rule fits" in client.get("/desk/knowledge?search=zzz&state=x&class=y").text


def test_a_rule_says_what_it_lacks_and_an_unknown_one_is_not_found(client: FlaskClient) -> None:
    assert "because data is missing" in client.get(f"/desk/knowledge/{STOCK}").text
    assert client.get("/desk/knowledge/GZ1").status_code == 404
    assert "No knowledge point is in force" in client.get(f"/desk/knowledge/{LEVEL}").text


def test_points_are_told_in_words_page_by_page(world: World, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    bring(
        world, tmp_path, [point(1), point(2, constraint="限专科医院"), point(3, item_name="<b>片"), point(4, effective_until="2026-02-01")]
    )
    first = client.get(f"/desk/knowledge/{LEVEL}").text
    assert "3 points · page 1 of 2" in first
    assert "level two, level three" in first
    assert "限专科医院" in first
    assert "people have to look" in first
    assert "某文件.xlsx" in first
    second = client.get(f"/desk/knowledge/{LEVEL}?page=2").text
    assert "&lt;b&gt;片" in second
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second
    assert "1 points" in client.get(f"/desk/knowledge/{LEVEL}?search=注射液2").text
    assert "No point fits" in client.get(f"/desk/knowledge/{LEVEL}?search=%25").text
    assert client.get(f"/desk/knowledge/{LEVEL}?page=x").status_code == 200
    assert codes(client.get("/desk/knowledge?state=points").text) == [LEVEL]
    assert "4 loaded, 3 in force today, 0 rejected" in client.get("/desk/knowledge").text
    assert "二级, 三级" in world.staff(RoleName.AUDITOR).get(f"/desk/knowledge/{LEVEL}").text


def test_every_bound_has_words(world: World) -> None:
    every = {
        "sex": "female",
        "age_min_days": 6574,
        "age_max_days": 27,
        "diagnoses": [f"A{number:02d}" for number in range(30)],
        "settings": ["inpatient", "internet"],
        "quantity_max": 24.0,
        "period": "day",
        "interval_days_min": 14,
        "days_max": 90,
        "share_max": 0.5,
        "unit_price_max_fen": 2800,
        "untested": ["晚期"],
    }
    with world.app.test_request_context():
        told = dict(knowledge_words.bounds(every))
    assert len(told) == 11
    assert told["年龄不低于"] == "18岁"
    assert told["年龄低于"] == "28天"
    assert told["数量上限"] == "24 每天"
    assert told["最高计价比例"] == "50%"
    assert told["限诊断(ICD-10)"].endswith("A23, 等，另有6个")
    assert told["结算数据无法核对"] == "晚期"


def test_the_rules_of_detection_lead_here_and_back(client: FlaskClient) -> None:
    assert 'href="/desk/knowledge"' in client.get("/desk/rules").text
    assert 'href="/desk/rules"' in client.get("/desk/knowledge").text
