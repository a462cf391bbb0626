"""What a signal says in sentences, and the published explanation of its rule, in one of the two languages."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from api.i18n import LOCALES
from api.pages.timeline_words import ALERT_CODES, month, yuan
from models.detection import Signal


def title_of(code: str, language: str) -> str:
    """Name of what was found, without its code; a code without words of its own stands for itself."""
    words = ALERT_CODES.get(code)
    with force_locale(LOCALES[language]):
        return code if words is None else str(words)


def sentences_of(signal: Signal, language: str) -> tuple[str, ...]:
    """Sentences that name the records and values of the finding; as many in each language."""
    with force_locale(LOCALES[language]):
        return (_plain(signal),)


def explanation_of(_code: str, _language: str) -> str | None:
    """Explanation of the rule with this code; None for what is no rule."""
    return None


def _plain(signal: Signal) -> str:
    """Months and money: what every signal has."""
    title, amount = str(ALERT_CODES.get(signal.code, signal.code)), yuan(signal.amount_fen)
    if signal.from_month is None or signal.to_month is None:
        return _("%(title)s. At risk: %(amount)s yuan.", title=title, amount=amount)
    first, last = month(signal.from_month), month(signal.to_month)
    words = {"title": title, "first": first, "last": last, "count": str(signal.months), "amount": amount}
    return _("%(title)s, %(first)s to %(last)s, %(count)s month(s). At risk: %(amount)s yuan.", **words)
