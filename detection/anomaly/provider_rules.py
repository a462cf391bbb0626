"""The rules over claims on files: how often each fired, and at how many hospitals."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import ibis

from detection.claims.catalogue import CLAIM_RULES, runnable, statements
from detection.claims.findings import within
from detection.claims.rule import Window
from detection.claims.tables import ClaimTables
from detection.compute import Compute
from detection.knowledge.families.coded import CODES
from models.policy_claims import ClaimsPolicy

Progress = Callable[[str, int, int], None]


def run_rules(
    tables: ClaimTables,
    compute: Compute,
    policy: ClaimsPolicy,
    window: Window,
    present: Collection[str],
    progress: Progress,
    *,
    icd10: bool = True,
) -> dict[str, dict[str, int]]:
    """Code -> fired, entities, of every rule whose needs the files meet. entities: institutions whose claims a finding names.

    icd10: diagnoses and procedures are coded as the national rules know them; without it the rules that compare codes are left out.

    Raises:
        RunFailedError: memory or disk did not suffice.
    """
    rules = [rule for rule in runnable(CLAIM_RULES, present) if icd10 or rule.code not in CODES]
    counts: dict[str, dict[str, int]] = {rule.code: {"fired": 0, "entities": 0} for rule in rules}
    asked = statements(rules)
    for done, statement in enumerate(asked):
        progress("rules", done, len(asked))
        found = within(statement.find(tables, policy, window), window)
        if not statement.family:
            found = found.mutate(rule_code=ibis.literal(statement.rules[0].code))
        for batch in compute.batches(_counted(compute.keep("rule_findings", found.select("rule_code", "key", "records")), tables)):
            for row in batch.to_pylist():
                if row["rule_code"] in counts:
                    counts[row["rule_code"]] = {"fired": row["fired"], "entities": row["entities"] or 0}
    progress("rules", len(asked), len(asked))
    return counts


def _counted(found: Any, tables: ClaimTables) -> Any:
    fired = found.group_by("rule_code").aggregate(fired=found.count())
    named = found.select("rule_code", record=found.records.unnest())
    named = named.select("rule_code", kind=named.record.kind, claim_id=named.record.id)
    named = named.filter(named.kind == "claim")
    claim = tables.claim.select("id", "institution_id")
    places = named.join(claim, named.claim_id == claim.id)
    entities = places.group_by("rule_code").aggregate(entities=places.institution_id.nunique())
    return fired.left_join(entities, "rule_code").select("rule_code", "fired", "entities")
