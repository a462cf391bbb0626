"""The words of scorecards: modes, suggestions with the numbers that led to them, shares and hours."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _

from detection.rates import Rate
from detection.scorecards.scorecard import Reason, Suggestion
from detection.scorecards_service import Card
from models.alert import CaseOutcome
from models.casework import RuleMode
from models.policy_casework import ScorecardPolicy

MODES: dict[RuleMode, LazyString] = {
    RuleMode.LIVE: lazy_gettext("Live"),
    RuleMode.SHADOW: lazy_gettext("In the shadow"),
    RuleMode.RETIRED: lazy_gettext("Retired"),
}
MODE_MEANINGS: dict[RuleMode, LazyString] = {
    RuleMode.LIVE: lazy_gettext("Live: what it finds becomes alerts."),
    RuleMode.SHADOW: lazy_gettext("In the shadow: what it finds is kept and counted, and opens no alert."),
    RuleMode.RETIRED: lazy_gettext("Retired: it is not looked for any more, and what it found goes away."),
}
SUGGESTIONS: dict[Suggestion, LazyString] = {
    Suggestion.TIGHTEN: lazy_gettext("Tighten?"),
    Suggestion.RETIRE: lazy_gettext("Retire?"),
}
OUTCOMES: dict[CaseOutcome, LazyString] = {
    CaseOutcome.CONFIRMED: lazy_gettext("confirmed"),
    CaseOutcome.UNFOUNDED: lazy_gettext("unfounded"),
    CaseOutcome.DATA_ERROR: lazy_gettext("error in the records"),
    CaseOutcome.REFERRED: lazy_gettext("referred"),
}


def percent(share: float | None) -> str:
    """A share of one in per cent with one place; a dash for none."""
    return "–" if share is None else f"{100 * share:.1f}%"


def interval(rate: Rate) -> str:
    """Both ends of the interval, in per cent; a dash where nothing was counted."""
    return "–" if rate.share is None else f"{100 * rate.low:.1f}–{100 * rate.high:.1f}%"


def hours(seconds: int) -> str:
    """Hours with one place."""
    return f"{seconds / 3600:,.1f}"


def whole_yuan(fen: int | None) -> str:
    """An amount in whole yuan; a dash for none."""
    return "–" if fen is None else f"{round(fen / 100):,}"


def why(card: Card, policy: ScorecardPolicy) -> list[str]:
    """What is suggested for a rule, or why nothing is, with the numbers."""
    worth, suggested = card.scorecard, card.scorecard.suggested
    numbers = {
        "judged": worth.precision.of,
        "confirmed": worth.precision.count,
        "share": percent(worth.precision.share),
        "low": percent(worth.precision.low),
        "high": percent(worth.precision.high),
        "confidence": f"{100 * policy.confidence:.0f}%",
        "limit": percent(suggested.limit),
        "needed": policy.decided_min,
    }
    match suggested.reason:
        case Reason.NOT_A_RULE:
            return [_("This is no rule that could be tightened or retired: such alerts come of a door, a person or the calendar.")]
        case Reason.TOO_FEW_DECIDED:
            return [
                ngettext(
                    "Nothing is suggested: %(judged)s decided case says whether it is right, and %(needed)s are needed.",
                    "Nothing is suggested: %(judged)s decided cases say whether it is right, and %(needed)s are needed.",
                    worth.precision.of,
                    **numbers,
                )
            ]
        case Reason.RARELY_CONFIRMED:
            said = _("Think about retiring it: even the upper end of the interval lies below %(limit)s.", **numbers)
        case Reason.OFTEN_UNFOUNDED:
            said = _("Think about tightening it: even the upper end of the interval lies below %(limit)s.", **numbers)
        case Reason.HOLDS:
            said = _("Nothing is suggested: the upper end of the interval does not lie below %(limit)s.", **numbers)
    counted = _(
        "Of %(judged)s cases %(confirmed)s were confirmed: %(share)s, with %(confidence)s confidence %(low)s to %(high)s.", **numbers
    )
    found = [counted, said]
    if suggested.data_errors_lead and suggested.suggestion is not Suggestion.NONE:
        found.append(_("More of the others came of errors in the records than were unfounded: mend the records first."))
    return found
