"""Words of notices and subscriptions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.claim_words import MODELS, RULES
from api.context import current
from api.pages.timeline_words import ALERT_CODES, alert_title
from detection.knowledge.rule_base import by_code
from models.oversight import Cadence

NAMED_KINDS = 3
CADENCES: dict[Cadence, LazyString] = {
    Cadence.AT_ONCE: lazy_gettext("At once"),
    Cadence.DAILY: lazy_gettext("Once a day, summed up"),
    Cadence.WEEKLY: lazy_gettext("Once a week, summed up"),
}
END_REASONS: dict[str, LazyString] = {
    "not_allowed": lazy_gettext("It ended: this account may no longer see these alerts."),
    "gone": lazy_gettext("It ended: the address answered that it is gone (410)."),
}
GROUPS: tuple[tuple[LazyString, tuple[str, ...]], ...] = (
    (lazy_gettext("Payments, benefits and enrolments"), tuple(ALERT_CODES)),
    (lazy_gettext("Hospital claims"), (*RULES, *MODELS)),
    (lazy_gettext("National rules"), tuple(by_code())),
)
"""Kinds of alerts that can be chosen. A kind that is not here comes with subscriptions of every kind."""


def kinds_in_words(codes: Collection[str]) -> str:
    """The kinds of a subscription, the first three by name."""
    if not codes:
        return _("Every kind")
    named = " · ".join(alert_title(code) for code in sorted(codes)[:NAMED_KINDS])
    more = len(codes) - NAMED_KINDS
    return named if more <= 0 else _("%(named)s and %(number)s more", named=named, number=more)


def told_at(moment: datetime) -> str:
    """Day and time by the policy's clock."""
    return f"{current().policy.certification.local(moment):%Y-%m-%d %H:%M}"


def clock_time(minutes: int) -> str:
    """Minutes of the day as a clock shows them."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
