"""Bringing rules and points in: every row loaded or reported, versions, days in force, supersession, files that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from detection.knowledge.coverage_service import coverage_of_store
from detection.knowledge.knowledge_service import KnowledgeImport, KnowledgeService
from detection.knowledge.points import points_from_files, points_from_store
from detection.knowledge.published import KnowledgeFileError, cleaned_definition, read_knowledge
from models.audit import AuditEntry
from models.database import Database
from models.knowledge import KnowledgeFile, KnowledgePoint
from models.policy import RecordsPolicy
from models.repositories import knowledge
from tests.conftest import ROOT, FixedClock

LEVEL = "GZ10000101012000"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(rows: Any, name: str = "points.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return path

    return written


def row(point_id: str = "A-1", **more: Any) -> dict[str, Any]:
    return {
        "kp_id": point_id,
        "gz_code": LEVEL,
        "rule_class": "药品限医疗机构级别",
        "med_codes": ["X1", "X2"],
        "item_name": "某注射液",
        "constraint": "限二级及以上医疗机构",
        "detect_logic": "级别低于限定级别",
        "published_at": "2026-01-10",
        "supersedes": None,
        "source": {"row": 7},
        **more,
    }


class Store:
    """A store that files are brought into on a day."""

    def __init__(self, database: Database, policy: RecordsPolicy) -> None:
        self.database, self.policy, self.clock = database, policy, FixedClock(datetime(2026, 3, 15, 2, 0, tzinfo=UTC))
        self.service = KnowledgeService(database, policy.knowledge, clock=self.clock, today=policy.certification.today)

    def bring(self, *paths: Path) -> list[KnowledgeImport]:
        return self.service.import_files(paths, by="test")

    def held(self) -> list[tuple[str, int, str, str | None]]:
        """(id, version, first day, last day) of every version."""
        with self.database.read_scope() as session:
            points = session.scalars(select(KnowledgePoint).order_by(KnowledgePoint.point_id, KnowledgePoint.version))
            return [
                (one.point_id, one.version, str(one.effective_from), str(one.effective_until) if one.effective_until else None)
                for one in points
            ]

    def table(self, *days: date) -> list[dict[str, Any]]:
        with self.database.read_scope() as session:
            return points_from_store(session, *days).to_pylist()


@pytest.fixture
def store(database: Database, records_policy: RecordsPolicy) -> Store:
    return Store(database, records_policy)


@pytest.fixture
def lite(sqlite_database: Database, records_policy: RecordsPolicy) -> Store:
    return Store(sqlite_database, records_policy)


def counts(result: KnowledgeImport) -> tuple[int, int, int, int]:
    return result.loaded, result.unchanged, result.reread, len(result.rejected)


def test_the_same_file_again_changes_nothing_and_a_changed_point_is_a_new_version(store: Store, write: Write) -> None:
    path = write([row(), row("A-2", published_at=None)])
    assert [counts(one) for one in store.bring(path)] == [(2, 0, 0, 0)]
    assert [counts(one) for one in store.bring(path)] == [(0, 2, 0, 0)]
    changed = write([row(constraint="限三级医疗机构", published_at="2026-03-01"), row("A-2", published_at=None, item_name="另一注射液")])
    assert [counts(one) for one in store.bring(changed)] == [(2, 0, 0, 0)]
    assert store.held() == [
        ("A-1", 1, "2026-01-10", "2026-02-28"),
        ("A-1", 2, "2026-03-01", None),
        ("A-2", 1, "2025-01-01", "2026-03-14"),
        ("A-2", 2, "2026-03-15", None),
    ]
    assert {tuple(one["levels"]) for one in store.table(date(2026, 2, 1), date(2026, 2, 1)) if one["point_id"] == "A-1"} == {
        ("secondary", "tertiary")
    }
    assert {tuple(one["levels"]) for one in store.table(date(2026, 3, 2)) if one["point_id"] == "A-1"} == {("tertiary",)}
    with store.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "knowledge.imported")) == 3


def test_an_older_edition_after_a_newer_one_is_reported_by_row(lite: Store, write: Write) -> None:
    lite.bring(write([row(published_at="2026-02-01")]))
    (result,) = lite.bring(write([row(constraint="限三级医疗机构")]))
    assert counts(result) == (0, 0, 0, 1)
    assert (result.rejected[0].id, result.rejected[0].field) == ("A-1", "published_at")
    assert "2026-02-01" in result.rejected[0].reason
    assert len(lite.held()) == 1


def test_a_correction_of_the_same_day_holds_from_that_day_and_what_it_corrects_never_did(lite: Store, write: Write) -> None:
    lite.bring(write([row()]))
    lite.bring(write([row(constraint="限三级医疗机构")]))
    assert lite.held() == [("A-1", 1, "2026-01-10", "2026-01-09"), ("A-1", 2, "2026-01-10", None)]
    assert {tuple(one["levels"]) for one in lite.table()} == {("tertiary",)}


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_point_that_is_superseded_ends_the_day_before_whatever_came_first(lite: Store, write: Write, order: tuple[str, ...]) -> None:
    rows = {"old": row("A-1"), "new": row("B-1", published_at="2026-02-20", supersedes="A-1")}
    for name in order:
        lite.bring(write([rows[name]], f"{name}.json"))
    assert lite.held() == [("A-1", 1, "2026-01-10", "2026-02-19"), ("B-1", 1, "2026-02-20", None)]
    assert {one["point_id"] for one in lite.table(date(2026, 2, 20), date(2026, 2, 20))} == {"B-1"}
    assert {one["point_id"] for one in lite.table(date(2026, 2, 19), date(2026, 2, 19))} == {"A-1"}


def test_a_successor_that_is_corrected_gives_the_place_back(lite: Store, write: Write) -> None:
    lite.bring(write([row("A-1"), row("B-1", published_at="2026-02-20", supersedes=["A-1"])]))
    assert lite.held()[0] == ("A-1", 1, "2026-01-10", "2026-02-19")
    lite.bring(write([row("B-1", published_at="2026-02-20")]))
    assert lite.held()[0] == ("A-1", 1, "2026-01-10", None)


@pytest.mark.parametrize(
    ("changes", "named", "reason"),
    [
        ({"med_codes": []}, "med_codes", "names no item code"),
        ({"med_codes": [], "item_name": "说明：某某"}, "med_codes", "a note beside the points"),
        ({"med_codes": "X1"}, "med_codes", "not a list"),
        ({"med_codes": [None]}, "med_codes", "not a list"),
        ({"gz_code": "GZ1"}, "gz_code", "no rule"),
        ({"gz_code": None, "rule_class": "某某"}, "rule_class", "no rule"),
        ({"rule_class": "药品限儿童使用"}, "gz_code", "is the code of"),
        ({"published_at": "2026-02-31"}, "published_at", "YYYY-MM-DD"),
        ({"published_at": 20260201}, "published_at", "YYYY-MM-DD"),
        ({"effective_until": "2026-01-09"}, "effective_until", "before"),
        ({"supersedes": "A-1"}, "supersedes", "itself"),
        ({"supersedes": [1]}, "supersedes", "id"),
        ({"item_name": "x" * 501}, "item_name", "500"),
        ({"constraint": "a\x00b"}, "", "zero"),
        ({"med_codes": ["a\x00b"]}, "", "zero"),
        ({"published_at": "0001-01-01"}, "published_at", "between"),
        ({"parameters": {"amount_max_fen": 10**20}}, "parameters", "amount_max_fen"),
        ({"parameters": {"levls": ["tertiary"]}}, "parameters", "levls"),
        ({"parameters": {"levels": ["top"]}}, "parameters", "levels"),
        ({"parameters": {"quantity_max": 3}}, "parameters", "period"),
        ({"parameters": {"period": "days"}}, "parameters", "period_days"),
        ({"parameters": {"diagnoses": ["C50.9"]}}, "parameters", "diagnoses"),
        ({"parameters": []}, "parameters", "object"),
    ],
)
def test_a_row_that_cannot_be_used_is_reported_and_the_others_come_in(
    write: Write, changes: dict[str, Any], named: str, reason: str
) -> None:
    content = read_knowledge(write([row("B-1"), row(**changes), 7, row("B-1")]))
    assert [point.point_id for point in content.points] == ["B-1"]
    assert [(one.row, one.id, one.field) for one in content.rejected] == [(2, "A-1", named), (3, "", ""), (4, "B-1", "kp_id")]
    assert reason in content.rejected[0].reason


def test_rejected_rows_are_counted_once_and_no_more_when_they_are_mended(lite: Store, write: Write) -> None:
    broken = write([row(med_codes=[]), row("A-2")])
    lite.bring(broken)
    lite.bring(broken)
    day = date(2026, 3, 15)
    with lite.database.read_scope() as session:
        assert (knowledge.counts(session, day).loaded, knowledge.counts(session, day).rejected) == (1, 1)
        assert knowledge.rejections(session)[0]["file"] == "points.json"
    lite.bring(write([row()], "mended.json"))
    with lite.database.read_scope() as session:
        assert (knowledge.counts(session, day).loaded, knowledge.counts(session, day).rejected) == (2, 0)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"kp_id": "A"', "cut off"),
        ('[{"kp_id": "\u4e2d"}]'.encode("gb18030"), "UTF-8"),
        (b"{}", "neither a list"),
        (b'"x"', "neither a list"),
        (b'[{"name": "x"}]', "kp_id"),
        (b"[" * 100_000, "nested"),
        (b'[{"kp_id": "A", "source": {"row": NaN}}]', "NaN"),
        (b'[{"kp_id": "A", "source": {"row": ' + b"9" * 5_000 + b"}}]", "number"),
        (b'[{"kp_id": "\\ud800"}]', "surrogate"),
        (b"", "not JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_written(
    lite: Store, write: Write, tmp_path: Path, data: bytes, says: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(data)
    with pytest.raises(KnowledgeFileError, match=says) as raised:
        lite.bring(write([row()]), bad)
    assert "bad.json" in str(raised.value)
    assert lite.held() == []
    with lite.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(KnowledgeFile)) == 0


def test_words_that_are_read_differently_are_read_anew_without_a_new_version(lite: Store, write: Write) -> None:
    path = write([row(gz_code="GZ10000302003000", rule_class="医疗服务项目儿童专用", constraint="儿童专用项目")])
    lite.bring(path)
    policy = lite.policy.knowledge.model_copy(update={"child_under_years": 14})
    lite.service = KnowledgeService(lite.database, policy, clock=lite.clock, today=lite.policy.certification.today)
    (result,) = lite.bring(path)
    assert counts(result) == (0, 1, 1, 0)
    assert {one["age_max_days"] for one in lite.table()} == {14 * 365 + 3}
    assert len(lite.held()) == 1


def test_the_points_of_the_manual_can_be_imported_and_state_their_parameters(lite: Store, write: Write) -> None:
    text = (ROOT / "docs" / "knowledge.md").read_text(encoding="utf-8")
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    (result,) = lite.bring(write(example))
    assert counts(result) == (2, 0, 0, 0)
    first, second = lite.table(date(2026, 7, 1))
    assert (first["diagnoses_not"], first["by_hand"]) == (["J45", "J46"], False)
    assert (second["unit_price_max_fen"], second["rule_code"]) == (2800, "GZ10000102001000")
    assert lite.table(None, date(2026, 6, 30)) == []  # type: ignore[arg-type]
    rules = {one.code: one for one in coverage_of_store(lite.database, date(2026, 7, 1)).rules}
    lite.bring(write([row("C-1", rule_class="药品限适应症", gz_code=None, parameters={"diagnoses": ["J45"], "by_hand": True})]))
    (stated,) = [one for one in lite.table() if one["point_id"] == "C-1" and one["item_code"] == "X1"]
    assert (stated["diagnoses"], stated["by_hand"]) == (["J45"], True)
    assert (rules["GZ10000301008000"].full, rules["GZ10000102001000"].full) == (1, 1)


def test_what_a_file_holds_is_the_same_with_and_without_a_store(lite: Store, write: Write) -> None:
    path = write(
        [
            row(),
            row("B-1", published_at="2026-02-20", supersedes="A-1"),
            row("C-1", gz_code=None, rule_class="药品限就医方式", constraint="限住院患者"),
        ]
    )
    lite.bring(path)
    ours = [{key: value for key, value in one.items() if key != "id"} for one in lite.table()]
    files = [
        {key: value for key, value in one.items() if key != "id"} for one in points_from_files([path], lite.policy.knowledge).to_pylist()
    ]
    assert ours == files


def test_catalogues_of_rules_fill_each_other_in(lite: Store, write: Write) -> None:
    first = write(
        {
            "meta": {"source": "edition"},
            "rules": [{"name": "药品限医疗机构级别", "gz_code_1_0": LEVEL}, {"name": "某某"}, {"name": "药品限最大支付天数/开药量"}],
        },
        "a.json",
    )
    second = write(
        {
            "rules_flat": [
                {
                    "official_code": LEVEL,
                    "name": "x",
                    "definition": "政策类 某 对医疗机构 级别\n进行监管。 2 规则编码一级分类二级分类规则名称定义",
                }
            ]
        },
        "b.json",
    )
    assert [counts(one) for one in lite.bring(first, second)] == [(2, 0, 0, 1), (1, 0, 0, 0)]
    assert [counts(one) for one in lite.bring(second, first)] == [(0, 1, 0, 0), (0, 2, 0, 1)]
    with lite.database.read_scope() as session:
        rule = knowledge.rule_in_force(session, LEVEL)
        assert rule is not None
        assert (rule.version, rule.sequence, rule.definition) == (1, 12, "对医疗机构级别进行监管。")
        assert knowledge.rule_in_force(session, "NB2025-09") is not None


def test_definitions_lose_what_the_table_of_the_pdf_left_in_them() -> None:
    assert cleaned_definition("管理类甲类乙规则对乙进行 监管。") == "对乙进行监管。"
    assert cleaned_definition("") is None


def test_the_coverage_counts_points_in_force_by_how_much_a_claim_shows(lite: Store, write: Write) -> None:
    lite.bring(write([row(), row("A-2", constraint="限专科"), row("A-3", effective_until="2026-02-01"), row("A-4", med_codes=[])]))
    found = coverage_of_store(lite.database, date(2026, 3, 15))
    told = found.as_json()
    assert list(told)[:4] == ["rules", "implemented", "missing", "knowledge_points"]
    assert told["rules"] == 88
    assert told["implemented"] + len(told["missing"]) == 88
    assert told["implemented"] >= 70
    assert all(one["needs"] and one["code"] and one["name"] for one in told["missing"])
    assert (told["knowledge_points"]["loaded"], told["knowledge_points"]["rejected"], told["knowledge_points"]["in_force"]) == (3, 1, 2)
    rule = next(one for one in found.rules if one.code == LEVEL)
    assert (rule.points, rule.full, rule.part, rule.by_hand) == (2, 1, 0, 1)
