"""Each national rule that claims can show finds a claim that goes against it, and leaves one beside it alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detection.claims.findings import from_row
from detection.claims.rule import Scope
from detection.compute import Compute, EngineName, Limits, open_compute
from detection.findings import Finding
from detection.knowledge.hits import prepare
from detection.knowledge.national import FAMILIES, MISSING, NATIONAL_RULES, family_of
from detection.knowledge.rule_base import by_code, national_rules
from models.alert import AlertSeverity
from models.policy import RecordsPolicy
from models.policy_claims import ClaimsPolicy
from tests.detection.claims.claim_rows import ALWAYS, Row, claim, institution, line, stay, tables
from tests.detection.knowledge.national_cases import APART, National, cases, placed

RULES = {rule.code: rule for rule in NATIONAL_RULES}
CASES = [placed(one, place) for place, one in enumerate(cases(), 1)]
BY_OTHERS = {"GZ10000204001000", "GZ10000204002000"}
"""Split stays and frequent visits: H1 and H4 carry them out."""


@pytest.fixture(scope="module")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compute]:
    with open_compute(EngineName.DUCKDB, Limits(512, 2), tmp_path_factory.mktemp("national")) as opened:
        yield opened


def run(rows: list[Row], compute: Compute, policy: ClaimsPolicy, folder: Path) -> dict[str, list[Finding]]:
    """What every family finds, asked as a run asks it: by code."""
    read = prepare(tables(compute, rows, folder), compute.keep)
    found: dict[str, list[Finding]] = {}
    for family in FAMILIES:
        for batch in compute.batches(family.find(read, policy, ALWAYS)):
            for row in batch.to_pylist():
                assert row["rule_code"] in family.codes
                found.setdefault(row["rule_code"], []).append(from_row(RULES[row["rule_code"]], row))
    return found


@pytest.fixture(scope="module")
def everything(compute: Compute, records_policy: RecordsPolicy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    return run([row for one in CASES for row in one.rows], compute, records_policy.claims, tmp_path_factory.mktemp("cases"))


@pytest.mark.parametrize("one", CASES, ids=[f"{one.code}: {one.name}" for one in CASES])
def test_a_national_rule_finds_what_it_says_and_nothing_beside(one: National, everything: dict[str, list[Finding]]) -> None:
    (place,) = {values["id"] // APART for table, values in one.rows if table == "claim"}
    found = [each for each in everything.get(one.code, []) if each.person_id is not None and each.person_id // APART == place]
    assert bool(found) == one.fires
    assert len({each.key for each in found}) == len(found)
    if one.amount is not None:
        assert [each.amount_fen for each in found] == [one.amount]
    if one.severity is not None:
        assert [each.severity.value for each in found] == [one.severity]
    for each in found:
        assert len(each.key) <= 120
        assert 0 < each.confidence <= 1
        assert any(record.kind == "claim" for record in each.records)
        assert each.severity in {RULES[one.code].severity, AlertSeverity.SUSPICION}


def test_each_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    persons = {rule.code for rule in NATIONAL_RULES if rule.scope is Scope.PERSON}
    assert {one.code for one in CASES if one.fires} == persons
    assert {one.code for one in CASES if not one.fires} == persons


def test_every_rule_of_the_base_is_carried_out_or_says_what_it_needs() -> None:
    codes = {rule.code for rule in national_rules()}
    assert set(RULES) | set(MISSING) | BY_OTHERS == codes
    assert not set(RULES) & set(MISSING)
    assert len(RULES) >= 70
    assert all(needs.en and needs.zh for needs in MISSING.values())
    assert len({code for family in FAMILIES for code in family.codes}) == sum(len(family.codes) for family in FAMILIES)


def test_a_rule_tells_of_itself_in_both_languages() -> None:
    for rule in NATIONAL_RULES:
        assert rule.title_zh == by_code()[rule.code].name_zh
        assert rule.explanation_en.count("\n\n") == 1, family_of(rule.code).name
        assert rule.explanation_zh.count("\n\n") == 1, family_of(rule.code).name
        assert len(rule.sentences) == len({one.en for one in rule.sentences})
    severities = {rule.sequence: RULES[rule.code].severity.value for rule in national_rules() if rule.code in RULES}
    assert (severities[1], severities[35], severities[52], severities[56], severities[71]) == (
        "violation",
        "warning",
        "suspicion",
        "suspicion",
        "warning",
    )


def test_one_rule_alone_finds_what_its_family_finds(
    compute: Compute, records_policy: RecordsPolicy, everything: dict[str, list[Finding]], tmp_path: Path
) -> None:
    read = tables(compute, [row for one in CASES for row in one.rows], tmp_path)
    rule = RULES["GZ10000301004000"]
    rows = [row for batch in compute.batches(rule.find(read, records_policy.claims, ALWAYS)) for row in batch.to_pylist()]
    assert sorted(from_row(rule, row).key for row in rows) == sorted(one.key for one in everything[rule.code])


MONTH = "2026-03"


def month_of(place: int, *, more: str = "", infected: bool = False, again: bool = False) -> Iterator[Row]:
    """A month of one institution: four stays with a line of each kind. more: of this kind it has much."""
    yield institution(place)
    for n in range(4):
        id = place * 100 + n
        person = id if not again else place * 100 + n // 2
        day = f"{MONTH}-{1 + 10 * (n % 2):02}"
        until = f"{MONTH}-{4 + 10 * (n % 2):02}"
        yield stay(id, day, until, of=person, at=place, hospital_acquired=["J95.800"] if infected else [])
        kinds = {
            "western_drug": "D",
            "laboratory": "L",
            "material": "M",
            "treatment": "T",
            "002103ct": "002103000010000",
            "002102mri": "002102000010000",
        }
        for at, (kind, item) in enumerate(kinds.items()):
            category = "examination" if item.startswith("0021") else kind
            amount = 100_000 if kind == more else 1_000 + place
            yield line(id * 10 + at, id, item, day, category=category, unit_price_fen=amount, amount_fen=amount)


STATISTICS: dict[str, dict[str, Any]] = {
    "ZB10000205001000": {"more": "western_drug"},
    "ZB10000205002000": {"more": "laboratory"},
    "ZB10000205003000": {"more": "material"},
    "ZB10000205004000": {"more": "treatment"},
    "ZB10000205005000": {"more": "002103ct"},
    "ZB10000205006000": {"more": "002102mri"},
    "ZB10000205007000": {"infected": True},
    "ZB10000205008000": {"again": True},
}


def test_a_share_far_above_that_of_the_peers_is_told(compute: Compute, records_policy: RecordsPolicy, tmp_path: Path) -> None:
    policy = records_policy.claims
    few = policy.national.statistics.model_copy(update={"claims_min": 4, "peers_min": 8})
    policy = policy.model_copy(update={"national": policy.national.model_copy(update={"statistics": few})})
    rows = [row for place in range(1, 21) for row in month_of(place)]
    rows += [row for place, what in enumerate(STATISTICS.values(), 31) for row in month_of(place, **what)]
    rows += [claim(9_999, f"{MONTH}-05", at=50)]  # too few claims to say anything
    rows += [institution(51, level=None), *list(month_of(51, infected=True))[1:]]  # nobody to be compared with
    read = prepare(tables(compute, rows, tmp_path), compute.keep)
    (family,) = [one for one in FAMILIES if one.name == "statistics"]
    found = [row for batch in compute.batches(family.find(read, policy, ALWAYS)) for row in batch.to_pylist()]
    expected = {(code, f"I{place}") for place, code in enumerate(STATISTICS, 31)}
    expected |= {("ZB10000205002000", "I35"), ("ZB10000205002000", "I36")}  # much CT or MRI is much examination too
    assert {(row["rule_code"], row["subject_ref"]) for row in found} == expected
    finding = from_row(RULES["ZB10000205007000"], next(row for row in found if row["rule_code"] == "ZB10000205007000"))
    assert finding.facts["value"] == "1.0"
    assert finding.facts["peers"] == 28
    assert finding.amount_fen == 0
    assert len([record for record in finding.records if record.role == "claim"]) == 4
