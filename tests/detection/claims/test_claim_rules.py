"""Rules over claims find what they say and leave the rest alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from detection.claims.rules.all import H_RULES
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from detection.rules.telling import told
from models.policy import RecordsPolicy
from tests.detection.claims.claim_cases import CASES
from tests.detection.claims.claim_rows import Case, Row, find, seen, shifted, tables, unshifted

BY_CODE = {rule.code: rule for rule in H_RULES}
APART = 10_000
LISTED = [pytest.param(code, place, id=f"{code}: {one.name}") for code, cases in CASES.items() for place, one in enumerate(cases)]


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 2), tmp_path_factory.mktemp("claims")) as opened:
        yield opened


def together(cases: Iterable[Case]) -> list[Row]:
    """The rows of cases in one set of tables; none shares an id with another."""
    return [row for place, one in enumerate(cases) for row in shifted(one.rows, (place + 1) * APART)]


@pytest.fixture(scope="module")
def everything(compute: Compute, records_policy: RecordsPolicy, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Finding]]:
    """What a rule finds in all of its cases together; asked once, as a run asks it."""

    @functools.cache
    def of(code: str) -> list[Finding]:
        read = tables(compute, together(CASES[code]), tmp_path_factory.mktemp("cases"))
        return find(BY_CODE[code], compute, read, records_policy.claims)

    return of


@pytest.mark.parametrize(("code", "place"), LISTED)
def test_a_rule_finds_what_it_says_and_nothing_else(code: str, place: int, everything: Callable[[str], list[Finding]]) -> None:
    by, one = (place + 1) * APART, CASES[code][place]
    found = [unshifted(found, by) for found in everything(code) if found.records[0].id // APART == place + 1]
    found.sort(key=lambda one: one.key)
    assert [seen(finding, wanted) for finding, wanted in zip(found, one.expected, strict=False)] == [dict(one) for one in one.expected]
    assert len(found) == len(one.expected)


def test_every_rule_has_cases_that_find_and_cases_that_do_not() -> None:
    assert set(CASES) == {rule.code for rule in H_RULES}
    for code, cases in CASES.items():
        assert any(one.expected for one in cases), code
        assert any(not one.expected for one in cases), code
        assert len({one.name for one in cases}) == len(cases), code


def test_empty_tables_give_no_findings(compute: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    read = tables(compute, [], tmp_path)
    for rule in H_RULES:
        assert find(rule, compute, read, records_policy.claims) == [], rule.code


def test_every_finding_is_told_in_both_languages(everything: Callable[[str], list[Finding]]) -> None:
    for rule in H_RULES:
        for one in everything(rule.code):
            english, chinese = (told(rule.sentences, one, language) for language in ("en", "zh"))
            assert english, one.key
            assert len(english) == len(chinese)
            assert not any("{" in sentence or "None" in sentence for sentence in (*english, *chinese)), english
