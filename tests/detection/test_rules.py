"""Every rule finds what it says and leaves the rest alone; what it says names records and values; the published page is the docstrings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from detection.rules.catalogue import RULES, run_rules
from detection.rules.page import page
from detection.rules.telling import explain
from models.detection import DetectionKind, SubjectKind
from models.policy import RecordsPolicy
from tests.conftest import ROOT
from tests.detection.rule_cases import CASES
from tests.detection.rule_tables import AS_OF, Case, Row, find, seen, shifted, tables, unshifted


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 2), tmp_path_factory.mktemp("rules")) as opened:
        yield opened


LISTED = [pytest.param(code, place, id=f"{code}: {one.name}") for code, cases in CASES.items() for place, one in enumerate(cases)]
APART = 10_000


def together(cases: Iterable[Case]) -> list[Row]:
    """The rows of cases in one set of tables; none shares an id or account with another."""
    return [row for place, one in enumerate(cases) for row in shifted(one.rows, (place + 1) * APART)]


@pytest.fixture(scope="module")
def everything(compute: Compute, records_policy: RecordsPolicy, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Finding]]:
    """What a rule finds in all of its cases together; asked once, as a run asks it."""

    @functools.cache
    def of(code: str) -> list[Finding]:
        read = tables(compute, together(CASES[code]), tmp_path_factory.mktemp("cases"))
        return find(code, compute, read, records_policy.rules)

    return of


@pytest.mark.parametrize(("code", "place"), LISTED)
def test_a_rule_finds_what_it_says_and_nothing_else(code: str, place: int, everything: Callable[[str], list[Finding]]) -> None:
    by, one = (place + 1) * APART, CASES[code][place]
    found = [unshifted(found, by) for found in everything(code) if found.records[0].id // APART == place + 1]
    found.sort(key=lambda one: one.key)
    assert [seen(finding, wanted) for finding, wanted in zip(found, one.expected, strict=False)] == [dict(one) for one in one.expected]
    assert len(found) == len(one.expected)


def test_every_rule_has_cases_that_find_and_cases_that_do_not() -> None:
    assert set(CASES) == {rule.code for rule in RULES}
    for code, cases in CASES.items():
        assert any(one.expected for one in cases), code
        assert any(not one.expected for one in cases), code
        assert len({one.name for one in cases}) == len(cases), code


def test_an_account_is_named_by_the_beginning_of_its_handle_alone(everything: Callable[[str], list[Finding]]) -> None:
    handles = {found.key.rsplit(":", 1)[1] for found in everything("P5")}
    assert {len(handle) for handle in handles} == {16}
    (many,) = [found for found in everything("P5") if found.subject_kind is SubjectKind.GROUP]
    assert many.key == f"P5:{many.subject_ref}"


@pytest.mark.parametrize("kind", [DetectionKind.DUPLICATES, DetectionKind.BENEFITS, DetectionKind.PAYMENTS])
def test_a_kind_of_run_goes_through_its_rules_and_can_go_on_in_the_middle(
    kind: DetectionKind, compute: Compute, records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    read = tables(compute, together(one for cases in CASES.values() for one in cases), tmp_path)
    said: list[tuple[str, int, int]] = []
    codes = []
    for rule, batches in run_rules(kind, compute, read, records_policy.rules, AS_OF, lambda *step: said.append(step)):
        found = [one for batch in batches for one in batch]
        assert found, rule.code
        assert {one.code for one in found} == {rule.code}
        for one in found:
            assert 0 < one.confidence <= 1
            assert one.amount_fen >= 0
            assert len(one.key) <= 120
            assert len(one.region_code) == 6
            assert (one.person_id is None) == (one.subject_kind is SubjectKind.GROUP) == (one.subject_ref is not None)
            assert one.records
            told = explain(one)
            assert told.en, rule.code
            assert len(told.en) == len(told.zh)
            assert not any("{" in sentence or "None" in sentence for sentence in (*told.en, *told.zh)), told
        codes.append(rule.code)
    assert codes == [rule.code for rule in RULES if rule.kind is kind]
    assert said[-1] == ("", len(codes), len(codes))
    later = [rule.code for rule, _ in run_rules(kind, compute, read, records_policy.rules, AS_OF, after=codes[:2])]
    assert later == codes[2:]
    _, elsewhere = next(run_rules(kind, compute, read, records_policy.rules, AS_OF, region="4399"))
    assert [one for batch in elsewhere for one in batch] == []


def test_a_finding_names_its_records_and_values_in_both_languages(compute: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    one = next(one for one in CASES["P1"] if one.name == "the month after is not")
    (found,) = find("P1", compute, tables(compute, one.rows, tmp_path), records_policy.rules)
    told = explain(found)
    assert told.of("en") == (
        "Death on 2025-06-30 (source: 民政, conclusive; evidence 9).",
        "Paid for 1 later month(s), 2025-07 to 2025-07: 10.00 yuan (payment 102).",
    )
    assert told.of("zh") == (
        "死亡日期2025-06-30(来源：民政，结论性；生存证据9)。",
        "此后仍发放1个月(2025-07至2025-07)，共10.00元(发放102)。",
    )


@pytest.mark.parametrize("code", ["P3", "P5", "B3"])
def test_the_same_rows_in_another_order_give_the_same_digest(
    code: str, everything: Callable[[str], list[Finding]], compute: Compute, records_policy: RecordsPolicy, tmp_path: Path
) -> None:
    back = find(code, compute, tables(compute, reversed(together(CASES[code])), tmp_path), records_policy.rules)
    assert [one.digest() for one in back] == [one.digest() for one in everything(code)]


def test_every_explanation_is_in_both_languages() -> None:
    for rule in RULES:
        assert rule.docstring.startswith(f"{rule.code} ")
        assert len(rule.explanation_en) > 200
        assert len(rule.explanation_zh) > 60
        assert "\n" not in rule.explanation_en.replace("\n\n", "")
        assert rule.title_en in rule.docstring.splitlines()[0]


def test_the_published_page_says_what_the_rules_say() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == page(), (
        "make it anew: python -m detection.rules.page > docs/rules.md"
    )
