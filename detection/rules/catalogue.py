"""The rules over enrolments, benefits and payments: which there are, what they find, and what a finding says in sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from detection.compute import Compute
from detection.findings import Finding, Record
from detection.rules import (
    b1_two_schemes_paid,
    b2_two_pensions,
    b3_unemployment_and_more,
    b4_grants_twice,
    d1_two_pension_schemes,
    d2_two_regions,
    d4_two_medical_covers,
    d5_contributions_after,
    p1_paid_after_death,
    p2_conflicting_deaths,
    p3_paid_in_custody,
    p4_overdue_and_paid,
    p5_shared_account,
    p6_retirement_age,
    p7_life_after_death,
)
from detection.rules.rule import Rule
from detection.rules.tables import Tables
from models.detection import DetectionKind, SubjectKind
from models.policy_rules import RulesPolicy

RULES: tuple[Rule, ...] = (
    p1_paid_after_death.RULE,
    p2_conflicting_deaths.RULE,
    p3_paid_in_custody.RULE,
    p4_overdue_and_paid.RULE,
    p5_shared_account.RULE,
    p6_retirement_age.RULE,
    p7_life_after_death.RULE,
    d1_two_pension_schemes.RULE,
    d2_two_regions.RULE,
    d4_two_medical_covers.RULE,
    d5_contributions_after.RULE,
    b1_two_schemes_paid.RULE,
    b2_two_pensions.RULE,
    b3_unemployment_and_more.RULE,
    b4_grants_twice.RULE,
)
BY_CODE: Mapping[str, Rule] = {rule.code: rule for rule in RULES}

Progress = Callable[[str, int, int], None]
"""(code of the rule, rules done, rules in all)."""


def rules_of(kind: DetectionKind) -> tuple[Rule, ...]:
    """The rules of a kind of run, in the order in which they run."""
    return tuple(rule for rule in RULES if rule.kind is kind)


def run_rules(
    kind: DetectionKind,
    compute: Compute,
    tables: Tables,
    policy: RulesPolicy,
    as_of: date,
    progress: Progress = lambda _code, _done, _total: None,
    *,
    region: str = "",
    after: Sequence[str] = (),
) -> Iterator[tuple[Rule, Iterator[list[Finding]]]]:
    """Each rule of a kind of run with its findings in batches; take all batches of one before the next.

    region: first digits of the code of the persons' region; empty everywhere. after: codes of rules that are done already.
    """
    rules = rules_of(kind)
    for done, rule in enumerate(rules):
        progress(rule.code, done, len(rules))
        if rule.code not in after:
            yield rule, findings_of(rule, compute, tables, policy, as_of, region=region)
    progress("", len(rules), len(rules))


def findings_of(
    rule: Rule, compute: Compute, tables: Tables, policy: RulesPolicy, as_of: date, *, region: str = ""
) -> Iterator[list[Finding]]:
    """The findings of one rule in batches. Raises RunFailedError."""
    found = rule.find(tables, policy, as_of)
    places = tables.speaking().select("region_code", placed_id="person_id")
    placed = found.left_join(places, [("person_id", "placed_id")], rname="own_{name}")
    placed = placed.mutate(region_code=placed.region_code.fill_null(placed.own_region_code)).drop("own_region_code", "placed_id")
    if region:
        placed = placed.filter(placed.region_code.startswith(region))
    for batch in compute.batches(placed):
        yield [_finding(rule, row) for row in _rows(batch)]


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return batch.to_pylist()


def _finding(rule: Rule, row: Mapping[str, Any]) -> Finding:
    person_id = row["person_id"]
    named = dict.fromkeys(Record(one["kind"], one["id"], one["role"]) for one in row["records"])
    return Finding(
        code=rule.code,
        key=row["key"],
        region_code=row["region_code"],
        severity=rule.severity,
        confidence=round(row["confidence"], 4),
        person_id=person_id,
        subject_kind=SubjectKind.PERSON if person_id is not None else SubjectKind.GROUP,
        subject_ref=row["subject_ref"],
        from_month=row["from_month"],
        to_month=row["to_month"],
        months=row["months"],
        amount_fen=row["amount_fen"],
        facts={name: _plain(value) for name, value in row["facts"].items() if value is not None},
        records=tuple(sorted(named, key=lambda one: (one.kind, one.role, one.id))),
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def canonical(findings: Sequence[Finding]) -> list[str]:
    """Findings as sorted lines of JSON, for comparing two runs."""
    return sorted(
        json.dumps(
            {
                "code": one.code,
                "key": one.key,
                "person": one.person_id,
                "digest": one.digest().hex(),
                "facts": one.facts,
                "months": one.months,
                "amount_fen": one.amount_fen,
            },
            sort_keys=True,
            ensure_ascii=False,
        )
        for one in findings
    )
