"""What a signal says in a sentence, and the published explanation of its rule, in the language of the page."""

from __future__ import annotations

from flask_babel import gettext as _

from api.pages.timeline_words import alert_title, month, yuan
from models.detection import Signal


def sentences_of(signal: Signal, _language: str) -> tuple[str, ...]:
    """Sentences that name the records and values of the finding."""
    said = {"title": alert_title(signal.code), "amount": yuan(signal.amount_fen)}
    if signal.from_month is None or signal.to_month is None:
        return (_("%(title)s. At risk: %(amount)s yuan.", **said),)
    said |= {"first": month(signal.from_month), "last": month(signal.to_month), "count": str(signal.months)}
    return (_("%(title)s, %(first)s to %(last)s, %(count)s month(s). At risk: %(amount)s yuan.", **said),)


def explanation_of(_code: str, _language: str) -> str | None:
    """Explanation of the rule with this code; None for what is no rule."""
    return None
