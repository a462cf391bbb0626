"""The words of casework: states, outcomes, steps, and why something cannot be done now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _

from api.pages.timeline_words import alert_title, day, yuan
from api.pages.words import account
from detection.casework.rules import CaseState, Refusal
from models.alert import CaseOutcome, CaseReferral
from models.casework import CaseStep

OUTCOMES: dict[CaseOutcome, LazyString] = {
    CaseOutcome.CONFIRMED: lazy_gettext("Confirmed: it is as the alert says"),
    CaseOutcome.UNFOUNDED: lazy_gettext("Unfounded: nothing is wrong"),
    CaseOutcome.DATA_ERROR: lazy_gettext("An error in the data: corrected"),
    CaseOutcome.REFERRED: lazy_gettext("Handed on to another office"),
}
REFERRALS: dict[CaseReferral, LazyString] = {
    CaseReferral.POLICE: lazy_gettext("Police"),
    CaseReferral.MEDICAL_INSURANCE: lazy_gettext("Medical insurance administration"),
    CaseReferral.REGION: lazy_gettext("Another region"),
}
CASE_STATES: dict[CaseState, LazyString] = {
    CaseState.FREE: lazy_gettext("Free: nobody is at it"),
    CaseState.TAKEN: lazy_gettext("Taken up"),
    CaseState.KEPT: lazy_gettext("Kept"),
    CaseState.WAITING: lazy_gettext("Waits for a second signature"),
    CaseState.CLOSED: lazy_gettext("Decided"),
}
REFUSALS: dict[Refusal, LazyString] = {
    Refusal.HELD_BY_ANOTHER: lazy_gettext("Somebody else has this case."),
    Refusal.NOT_TAKEN: lazy_gettext("Take the case first."),
    Refusal.WAITS_FOR_SIGNATURE: lazy_gettext("An outcome is proposed: it waits for a second person."),
    Refusal.NOTHING_PROPOSED: lazy_gettext("No outcome is proposed."),
    Refusal.OWN_PROPOSAL: lazy_gettext("You proposed it; somebody else signs."),
    Refusal.NOT_THE_PROPOSER: lazy_gettext("Only who proposed it may withdraw it."),
    Refusal.MAY_NOT_SIGN: lazy_gettext("Your role does not sign cases."),
    Refusal.CLOSED: lazy_gettext("The case is decided."),
    Refusal.NOT_CLOSED: lazy_gettext("The case is not decided yet."),
    Refusal.TOO_LATE_TO_UNDO: lazy_gettext("It was decided too long ago to be undone."),
    Refusal.REFERRED_TO_POLICE: lazy_gettext("It is with the police: that is not taken back here."),
    Refusal.ACTED_ON: lazy_gettext("Money came back already: the decision stands."),
    Refusal.NEWER_ALERT: lazy_gettext("The same was noticed again since: decide on that alert."),
    Refusal.NOTHING_FOUND: lazy_gettext("No wrongly paid amount is on the case."),
}
STEPS: dict[CaseStep, LazyString] = {
    CaseStep.TAKEN: lazy_gettext("Taken up"),
    CaseStep.KEPT: lazy_gettext("Kept"),
    CaseStep.ASSIGNED: lazy_gettext("Assigned"),
    CaseStep.HANDED_OVER: lazy_gettext("Handed over"),
    CaseStep.GIVEN_BACK: lazy_gettext("Given back"),
    CaseStep.NOTE: lazy_gettext("Note"),
    CaseStep.DIARY: lazy_gettext("Diary"),
    CaseStep.ATTACHED: lazy_gettext("Paper added"),
    CaseStep.ATTACHMENT_REMOVED: lazy_gettext("Paper removed"),
    CaseStep.PROPOSED: lazy_gettext("Outcome proposed"),
    CaseStep.WITHDRAWN: lazy_gettext("Proposal withdrawn"),
    CaseStep.SIGNED: lazy_gettext("Signed"),
    CaseStep.SENT_BACK: lazy_gettext("Sent back"),
    CaseStep.CLOSED: lazy_gettext("Case closed"),
    CaseStep.REOPENED: lazy_gettext("Decision undone"),
    CaseStep.RECOVERED: lazy_gettext("Money recovered"),
    CaseStep.SUPPRESSED: lazy_gettext("Findings suppressed"),
    CaseStep.SUPPRESSION_ENDED: lazy_gettext("Suppression ended"),
}
_OUTCOME_KEYS = ("outcome", "referred_to")
_ACTOR_KEYS = ("to", "from", "owner")
_DAY_KEYS = ("until", "diary_on", "on")


def outcome_words() -> dict[str, str]:
    """The words of each outcome by its code."""
    return {outcome.value: str(said) for outcome, said in OUTCOMES.items()}


def due_words(due: date, today: date) -> str:
    """The due day and how far it is away."""
    away = (due - today).days
    if away < 0:
        return ngettext("%(day)s, overdue by %(count)s day", "%(day)s, overdue by %(count)s days", -away, day=day(due), count=-away)
    if away == 0:
        return _("%(day)s, today", day=day(due))
    return ngettext("%(day)s, in %(count)s day", "%(day)s, in %(count)s days", away, day=day(due), count=away)


def step_details(details: Mapping[str, Any]) -> list[str]:
    """What changed in a step, as far as it says more than the step itself."""
    said: list[str | None] = [_named(key, value) for key, value in details.items() if value not in (None, "")]
    return [line for line in said if line]


def _named(key: str, value: Any) -> str | None:
    if key == "outcome" and value in set(CaseOutcome):
        return str(OUTCOMES[CaseOutcome(value)])
    if key == "referred_to" and value in set(CaseReferral):
        return str(REFERRALS[CaseReferral(value)])
    if key == "code":
        return alert_title(str(value))
    if (key == "fen" or key.endswith("_fen")) and isinstance(value, int):
        return _("%(amount)s yuan", amount=yuan(value))
    if key in _DAY_KEYS and isinstance(value, str):
        return _day(value)
    if key in _ACTOR_KEYS and isinstance(value, str):
        return account(value)
    return None


def _day(value: str) -> str:
    try:
        return day(date.fromisoformat(value[:10]))
    except ValueError:
        return value
