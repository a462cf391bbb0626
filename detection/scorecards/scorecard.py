"""The scorecard of one code: precision with its interval, money found an hour of review, and what is suggested. A person decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detection.rates import Rate, rate
from models.policy_casework import ScorecardPolicy
from models.scorecard import Decisions

SECONDS_AN_HOUR = 3600


class Suggestion(StrEnum):
    """What the numbers speak for."""

    NONE = "none"
    TIGHTEN = "tighten"
    RETIRE = "retire"


class Reason(StrEnum):
    """Why."""

    TOO_FEW_DECIDED = "too_few_decided"
    RARELY_CONFIRMED = "rarely_confirmed"  # the upper end of the interval lies below retire_below
    OFTEN_UNFOUNDED = "often_unfounded"  # ... below tighten_below
    HOLDS = "holds"
    NOT_A_RULE = "not_a_rule"  # nothing that could be tightened: an alert that comes of a door or of the calendar


@dataclass(frozen=True)
class Suggested:
    """A suggestion with what led to it. limit: the share of policy that it was held against, None where there were too few decisions.

    data_errors_lead: more cases came of wrong records than of anything else that was not confirmed; mend the records first.
    """

    suggestion: Suggestion
    reason: Reason
    limit: float | None
    data_errors_lead: bool


@dataclass(frozen=True)
class Scorecard:
    """One code. precision: of what was confirmed, unfounded or a data error; what was handed on says nothing yet. found_fen_an_hour: None
    where no time is known.
    """

    code: str
    decisions: Decisions
    precision: Rate
    found_fen_an_hour: int | None
    suggested: Suggested


def scorecard(code: str, decisions: Decisions, policy: ScorecardPolicy, *, is_rule: bool = True) -> Scorecard:
    """The scorecard of a code by what people decided. is_rule: a rule or model, which can be tightened or retired."""
    precision = rate(decisions.confirmed, decisions.judged, policy.confidence)
    an_hour = None if decisions.worked_s <= 0 else round(decisions.found_fen * SECONDS_AN_HOUR / decisions.worked_s)
    suggested = suggest(decisions, precision, policy)
    if not is_rule:
        suggested = Suggested(Suggestion.NONE, Reason.NOT_A_RULE, None, suggested.data_errors_lead)
    return Scorecard(code, decisions, precision, an_hour, suggested)


def suggest(decisions: Decisions, precision: Rate, policy: ScorecardPolicy) -> Suggested:
    """Retire when even the upper end of the interval is below retire_below, tighten when it is below tighten_below; never from few cases.

    Only the upper end counts, so that a rule is not blamed for what may be chance. Fewer confirmed of as many never makes it milder.
    """
    data_errors_lead = decisions.data_error > decisions.unfounded
    if decisions.judged < policy.decided_min:
        return Suggested(Suggestion.NONE, Reason.TOO_FEW_DECIDED, None, data_errors_lead)
    if precision.high < policy.retire_below:
        return Suggested(Suggestion.RETIRE, Reason.RARELY_CONFIRMED, policy.retire_below, data_errors_lead)
    if precision.high < policy.tighten_below:
        return Suggested(Suggestion.TIGHTEN, Reason.OFTEN_UNFOUNDED, policy.tighten_below, data_errors_lead)
    return Suggested(Suggestion.NONE, Reason.HOLDS, policy.tighten_below, data_errors_lead)
