"""What happened to an alert, in order: opened, found again with other values, taken up, closed; by whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.pages.case_words import STEPS, step_details
from api.pages.timeline_words import STATES, alert_title
from api.pages.words import account
from detection.casework.views import EventView
from models.alert import Alert, CaseFile
from models.detection import Signal
from models.repositories.rule_modes import RETIRED
from models.repositories.signals import NOT_FOUND_AGAIN
from models.repositories.triage_writes import ALL_VANISHED, IN_SHADOW, MERGED, SUPPRESSED

REASONS: dict[str, LazyString] = {
    NOT_FOUND_AGAIN: lazy_gettext("no run found it any more"),
    ALL_VANISHED: lazy_gettext("no run finds any of it any more"),
    MERGED: lazy_gettext("the records were merged; it goes on in the alert of the other record"),
    SUPPRESSED: lazy_gettext("somebody suppressed what stands behind it"),
    IN_SHADOW: lazy_gettext("the rule is on trial: it opens no alerts"),
    RETIRED: lazy_gettext("the rule was retired"),
}


@dataclass(frozen=True)
class HistoryLine:
    """One step. by: account or program; why: as it was written down."""

    at: datetime
    said: str
    by: str | None = None
    why: str | None = None


def history(alert: Alert, cases: Sequence[CaseFile], signals: Iterable[Signal], events: Sequence[EventView] = ()) -> list[HistoryLine]:
    """Every step, the oldest first. events: of a case that is shown step by step; cases: of those that are told in short."""
    lines = [HistoryLine(alert.opened_at, _("Opened"), account(alert.opened_by))]
    for signal in signals:
        title = alert_title(signal.code)
        lines.append(HistoryLine(signal.first_seen_at, _("Found: %(title)s", title=title)))
        if signal.changed_at > signal.first_seen_at and signal.changed_at != signal.vanished_at:
            lines.append(HistoryLine(signal.changed_at, _("Found with other values: %(title)s", title=title)))
        if signal.vanished_at is not None:
            lines.append(HistoryLine(signal.vanished_at, _("No longer found: %(title)s", title=title), why=_reason(signal.vanished_reason)))
    for case in cases:
        lines.append(HistoryLine(case.opened_at, _("Case opened"), account(case.opened_by)))
        if case.closed_at is not None and case.outcome is not None:
            said = _("Case closed: %(outcome)s", outcome=STATES[case.outcome.value])
            lines.append(HistoryLine(case.closed_at, said, account(case.closed_by or ""), case.conclusion))
    lines += [HistoryLine(one.at, _step(one), account(one.by), one.note) for one in events]
    closed = {case.closed_at for case in cases} | {one.at for one in events}
    if alert.closed_at is not None and alert.closed_at not in closed:
        lines.append(HistoryLine(alert.closed_at, _("Closed"), account(alert.closed_by or ""), _reason(alert.close_reason)))
    return sorted(lines, key=lambda line: line.at)


def _step(event: EventView) -> str:
    return " · ".join([str(STEPS[event.step]), *step_details(event.details)])


def _reason(written: str | None) -> str | None:
    """Reasons of programs in words; those of people as they wrote them."""
    known = REASONS.get(written or "")
    return written if known is None else str(known)
