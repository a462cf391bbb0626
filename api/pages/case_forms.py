"""What the forms of a case page send, read into values; what cannot be used is said beside its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from flask_babel import gettext as _

from api.pages.timeline_words import yuan
from detection.casework.inputs import CONCLUSION_MAX, REASON_MAX, CaseInputError, InputProblem
from detection.casework.views import Decision
from models.alert import ADVERSE, CaseOutcome, CaseReferral

FEN_MAX = 10**12
_AMOUNT = re.compile(r"(\d{1,10})(?:\.(\d{1,2}))?", re.ASCII)

Typed = Mapping[str, str]
# the field of a step's form that a problem of the service belongs to, where it is not its note
FIELD_OF_STEP: dict[str, dict[InputProblem, str]] = {
    "decide": {
        InputProblem.TEXT_MISSING: "conclusion",
        InputProblem.TEXT_TOO_LONG: "conclusion",
        InputProblem.AMOUNT_WRONG: "found",
        InputProblem.REFERRAL_MISSING: "referred_to",
        InputProblem.REFERRAL_NOT_FITTING: "referred_to",
    },
    "recovered": {
        InputProblem.AMOUNT_WRONG: "recovered",
        InputProblem.AMOUNT_OVER_FOUND: "recovered",
        InputProblem.DAY_AHEAD: "recovered_on",
    },
    "give_to": {InputProblem.RECEIVER_UNKNOWN: "receiver"},
    "diary": {InputProblem.DAY_PAST: "diary_on", InputProblem.DAY_TOO_FAR: "diary_on"},
    "suppress": {InputProblem.DAY_PAST: "until", InputProblem.DAY_TOO_FAR: "until", InputProblem.TEXT_TOO_LONG: "code"},
    "paper": dict.fromkeys(
        (
            InputProblem.ATTACHMENT_EMPTY,
            InputProblem.ATTACHMENT_TOO_LARGE,
            InputProblem.ATTACHMENT_TYPE,
            InputProblem.ATTACHMENTS_TOO_MANY,
        ),
        "paper",
    ),
}


class WrongInputError(Exception):
    """A field that cannot be used. field: its id on the page; the message is in the words of the page."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def decision(form: Typed) -> Decision:
    """The outcome with its conclusion; what the outcome does not ask for is left out. Raises WrongInputError."""
    chosen = form.get("outcome", "")
    if chosen not in set(CaseOutcome):
        raise WrongInputError("outcome", _("Choose what you conclude."))
    outcome = CaseOutcome(chosen)
    conclusion = text(form, "conclusion", CONCLUSION_MAX, _("Write why you conclude this."))
    referred_to = None
    if outcome is CaseOutcome.REFERRED:
        if form.get("referred_to", "") not in set(CaseReferral):
            raise WrongInputError("referred_to", _("Choose to whom the case is handed on."))
        referred_to = CaseReferral(form["referred_to"])
    found = fen(form, "found") if outcome in ADVERSE else None
    if outcome is CaseOutcome.CONFIRMED and found is None:
        raise WrongInputError("found", _("Write how much was wrongly paid, in yuan; 0 when nothing was."))
    return Decision(outcome, conclusion, found, referred_to)


def text(form: Typed, field: str, most: int, missing: str) -> str:
    """A text that must be there. Raises WrongInputError."""
    written = form.get(field, "").replace("\r\n", "\n").strip()
    if not written:
        raise WrongInputError(field, missing)
    if len(written) > most:
        raise WrongInputError(field, _("Use at most %(most)s characters; these are %(count)s.", most=most, count=len(written)))
    if "\x00" in written:
        raise WrongInputError(field, _("The text has a character that cannot be kept. Write it anew."))
    return written


def note(form: Typed, field: str = "note") -> str:
    """A note that may be left out, then empty. Raises WrongInputError."""
    return text(form, field, REASON_MAX, "") if form.get(field, "").strip() else ""


def moment(form: Typed, field: str) -> datetime | None:
    """When what the page shows was written, so that nobody signs something else; None where the form does not say."""
    try:
        found = datetime.fromisoformat(form.get(field, ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def wrong_input(step: str, error: CaseInputError) -> WrongInputError:
    """What the service found wrong, said beside the field of the form that it belongs to."""
    said = {
        InputProblem.TEXT_MISSING: _("Write why."),
        InputProblem.TEXT_TOO_LONG: _("That is too long."),
        InputProblem.AMOUNT_WRONG: _("Write the amount in yuan, such as 1200 or 1200.50, without a sign."),
        InputProblem.AMOUNT_OVER_FOUND: _(
            "More came back than was found: at most %(amount)s yuan are left.", amount=yuan(error.limit or 0)
        ),
        InputProblem.REFERRAL_MISSING: _("Choose to whom the case is handed on."),
        InputProblem.REFERRAL_NOT_FITTING: _("Choose to whom the case is handed on."),
        InputProblem.DAY_PAST: _("The day is past."),
        InputProblem.DAY_TOO_FAR: _("The day is too far ahead: at most %(count)s days.", count=error.limit or 0),
        InputProblem.DAY_AHEAD: _("That day is yet to come."),
        InputProblem.RECEIVER_UNKNOWN: _("This account does not work on cases of the region. Choose one of the list."),
        InputProblem.ATTACHMENT_EMPTY: _("The file is empty. Choose another one."),
        InputProblem.ATTACHMENT_TOO_LARGE: _("The file is too large."),
        InputProblem.ATTACHMENT_TYPE: _(
            "This kind of file is not taken. A PDF, JPEG or PNG is; what counts is what is in it, not its name."
        ),
        InputProblem.ATTACHMENTS_TOO_MANY: _("The case has %(count)s papers, and takes no more.", count=error.limit or 0),
    }[error.reason]
    return WrongInputError(FIELD_OF_STEP.get(step, {}).get(error.reason, "note"), said)


def fen(form: Typed, field: str) -> int | None:
    """An amount in yuan with up to two places, as fen; None for an empty field. Raises WrongInputError."""
    written = form.get(field, "").strip().replace(",", "").replace("，", "")
    if not written:
        return None
    match = _AMOUNT.fullmatch(written)
    amount = 0 if match is None else int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if match is None or amount > FEN_MAX:
        raise WrongInputError(field, _("Write the amount in yuan, such as 1200 or 1200.50, without a sign."))
    return amount


def day(form: Typed, field: str, *, first: date | None = None, last: date | None = None) -> date:
    """A day that must be there, in these bounds (both included). Raises WrongInputError."""
    try:
        chosen = date.fromisoformat(form.get(field, ""))
    except ValueError:
        raise WrongInputError(field, _("Choose a day.")) from None
    if first is not None and chosen < first:
        raise WrongInputError(field, _("The day must not be before %(day)s.", day=first.isoformat()))
    if last is not None and chosen > last:
        raise WrongInputError(field, _("The day must not be after %(day)s.", day=last.isoformat()))
    return chosen
