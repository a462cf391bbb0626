"""Whether a statement can name one claim at all: tests on the values of the claim and of the person's others, so that in screening the
statements that cannot are not run.

A test says yes whenever the rule would find something; it may say yes where the rule then finds nothing. What a rule does is said in its
module alone. Whoever changes a rule looks here too: ``tests/detection/claims/test_claim_screening.py`` holds the tests against
everything that the rules find.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from detection.claims.catalogue import Statement
from detection.claims.chances import national, own
from detection.claims.chances.facts import Facts, Points, points_named
from models.policy_claims import ClaimsPolicy

__all__ = ["Facts", "Points", "may_find", "points_named"]

Chance = Callable[[Facts, ClaimsPolicy], bool]


def may_find(statement: Statement, facts: Facts, policy: ClaimsPolicy) -> bool:
    """Whether a statement may find anything that names the claim. One without a test of its own may, unless it goes by points alone."""
    if not facts.hit.isdisjoint(statement.codes):
        return True
    test = _TESTS.get(statement.name)
    return not statement.by_hits if test is None else test(facts, policy)


_TESTS: Mapping[str, Chance] = {
    "H1": own.split_stay,
    "H2": own.phantom_stay,
    "H3": own.overlapping_stays,
    "H4": own.frequent_visits,
    "H5": own.over_supply,
    "H6": own.drug_reselling,
    "H7": own.duplicate_medication,
    "H12": own.more_units,
    "H13": own.card_misuse,
    "H15": own.billed_over_executed,
    "H16": own.cap_run_up,
    "coded": national.coded,
    "recorded": national.recorded,
    "visits": national.visits,
    "prescriptions": national.prescriptions,
    "together": national.together,
    "quantities": national.quantities,
}
"""By name of the statement. Families that go by points alone have none: a line beside one of their points is what it takes."""
