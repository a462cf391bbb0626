"""The words of outreach, pauses, resumptions and lists on the pages for staff."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from models.outreach import OutreachChannel, OutreachEnd, OutreachOutcome
from models.payment_change import PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from verify.outreach import NotReady, Readiness
from verify.payment_change import MonthReason, PauseRefusal

CHANNELS: dict[OutreachChannel, LazyString] = {
    OutreachChannel.SMS: _("Text message"),
    OutreachChannel.PHONE: _("Phone call"),
    OutreachChannel.VISIT: _("Visit at home"),
}

OUTCOMES: dict[OutreachOutcome, LazyString] = {
    OutreachOutcome.SENT: _("Sent"),
    OutreachOutcome.REACHED: _("Reached"),
    OutreachOutcome.NOT_REACHED: _("Not reached"),
    OutreachOutcome.WRONG_CONTACT: _("Wrong number or address"),
    OutreachOutcome.NEEDS_HELP: _("Needs help to certify"),
    OutreachOutcome.FAILED: _("Could not be made"),
}

ENDS: dict[OutreachEnd, LazyString] = {
    OutreachEnd.CERTIFIED: _("The person is certified."),
    OutreachEnd.DECEASED: _("A death record stands against the person."),
    OutreachEnd.NOT_DUE: _("Nothing is due any more."),
}

NOT_READY: dict[NotReady, LazyString] = {
    NotReady.TOO_FEW_ATTEMPTS: _("More attempts are needed."),
    NotReady.TOO_FEW_CHANNELS: _("Another way has to be tried too."),
    NotReady.TOO_SOON_AFTER_THE_FIRST_ATTEMPT: _("The first attempt was not long enough ago."),
    NotReady.NOT_OVERDUE_FOR_LONG: _("The person is not overdue for long enough."),
    NotReady.HELP_IS_WAITED_FOR: _("The person needs help to certify: help first, then record how it went."),
}

REFUSALS: dict[PauseRefusal, LazyString] = {
    PauseRefusal.CERTIFIED: _("The person is certified: there is nothing to pause."),
    PauseRefusal.DECEASED: _("A death record stands against the person: that is another matter than a pause."),
    PauseRefusal.NOT_DUE: _("No certification is due."),
    PauseRefusal.OUTREACH_CLOSED: _("The person has left the outreach list."),
    PauseRefusal.OUTREACH_MISSING: _("The outreach is not, or no longer, enough."),
    PauseRefusal.NOT_DRAWN: _("The person draws no benefit that could be paused."),
}

KINDS: dict[PaymentChangeKind, LazyString] = {
    PaymentChangeKind.PAUSE: _("Pause"),
    PaymentChangeKind.RESUME: _("Resumption"),
}

STATES: dict[PaymentChangeState, LazyString] = {
    PaymentChangeState.PROPOSED: _("Waits for a signature"),
    PaymentChangeState.APPROVED: _("Signed"),
    PaymentChangeState.REJECTED: _("Rejected"),
    PaymentChangeState.WITHDRAWN: _("Withdrawn"),
}

REASONS: dict[PaymentChangeReason, LazyString] = {
    PaymentChangeReason.OVERDUE: _("Overdue"),
    PaymentChangeReason.NEVER_CERTIFIED: _("Never certified"),
    PaymentChangeReason.CERTIFIED: _("Certified"),
}

MONTHS: dict[MonthReason, LazyString] = {
    MonthReason.OWED: _("owed in full"),
    MonthReason.PART_PAID: _("a part was paid"),
    MonthReason.PAID: _("was paid"),
    MonthReason.CUSTODY: _("in custody: nothing is owed"),
    MonthReason.CUSTODY_PART: _("in custody for a part of the month: settle by hand if something is owed"),
    MonthReason.NOT_DRAWN: _("the benefit was not drawn"),
}


def yuan(fen: int) -> str:
    """An amount in yuan with two decimals."""
    return gettext("%(amount)s yuan", amount=f"{fen // 100:,}.{fen % 100:02d}")


def progress_words(state: Readiness) -> str:
    """How far the outreach is, in one line, e.g. "2 of 3 attempts · not tried: Visit at home"."""
    words = gettext("%(made)s of %(needed)s attempts", made=state.attempts, needed=state.attempts_min)
    if len(state.channels) < state.channels_min:
        ways = gettext(", ").join(str(CHANNELS[channel]) for channel in state.missing)
        return f"{words} · " + gettext("not tried: %(ways)s", ways=ways)
    return words
