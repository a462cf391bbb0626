from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.scorecards.scorecard import Reason, Suggestion, scorecard
from models.policy import RecordsPolicy
from models.policy_casework import ScorecardPolicy
from models.scorecard import Decisions

POLICY = ScorecardPolicy(confidence=0.95, months=12, cases_shown=50, decided_min=20, retire_below=0.1, tighten_below=0.3)
MILDNESS = [Suggestion.RETIRE, Suggestion.TIGHTEN, Suggestion.NONE]


# upper ends of Wilson's 95% interval: 0 of 40 0.0876, 1 of 40 0.1288, 4 of 40 0.2305, 12 of 40 0.4542, 0 of 19 0.1682
@pytest.mark.parametrize(
    ("confirmed", "unfounded", "data_error", "suggestion", "reason", "limit"),
    [
        (0, 40, 0, Suggestion.RETIRE, Reason.RARELY_CONFIRMED, 0.1),
        (0, 10, 30, Suggestion.RETIRE, Reason.RARELY_CONFIRMED, 0.1),
        (1, 39, 0, Suggestion.TIGHTEN, Reason.OFTEN_UNFOUNDED, 0.3),
        (4, 36, 0, Suggestion.TIGHTEN, Reason.OFTEN_UNFOUNDED, 0.3),
        (12, 28, 0, Suggestion.NONE, Reason.HOLDS, 0.3),
        (40, 0, 0, Suggestion.NONE, Reason.HOLDS, 0.3),
        (0, 19, 0, Suggestion.NONE, Reason.TOO_FEW_DECIDED, None),
        (0, 0, 0, Suggestion.NONE, Reason.TOO_FEW_DECIDED, None),
    ],
)
def test_a_suggestion_follows_the_upper_end_of_the_precision(
    confirmed: int, unfounded: int, data_error: int, suggestion: Suggestion, reason: Reason, limit: float | None
) -> None:
    found = scorecard("B1", Decisions(confirmed, unfounded, data_error, referred=500), POLICY)
    assert (found.suggested.suggestion, found.suggested.reason, found.suggested.limit) == (suggestion, reason, limit)
    assert found.suggested.data_errors_lead is (data_error > unfounded)
    assert found.precision.of == confirmed + unfounded + data_error  # what was handed on says nothing yet
    assert found.decisions.decided == found.precision.of + 500


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 20))
def test_more_confirmed_cases_never_make_a_suggestion_harsher_and_few_cases_make_none(confirmed: int, unfounded: int, more: int) -> None:
    few = scorecard("B1", Decisions(confirmed, unfounded), POLICY).suggested
    if confirmed + unfounded < POLICY.decided_min:
        assert few.suggestion is Suggestion.NONE
        return
    many = scorecard("B1", Decisions(confirmed + more, unfounded), POLICY).suggested
    assert MILDNESS.index(many.suggestion) >= MILDNESS.index(few.suggestion)


def test_money_is_told_for_an_hour_of_review_where_time_is_known() -> None:
    assert scorecard("B1", Decisions(confirmed=1, found_fen=10_000, worked_s=1_800), POLICY).found_fen_an_hour == 20_000
    assert scorecard("B1", Decisions(confirmed=1, found_fen=10_000), POLICY).found_fen_an_hour is None


def test_the_policy_in_force_has_what_scorecards_need(records_policy: RecordsPolicy) -> None:
    policy = records_policy.oversight.scorecard
    assert policy.months >= 1
    assert policy.retire_below < policy.tighten_below
