"""The links that a member of staff sees on every staff page: those of their rights, in the order of a day's work."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_babel import LazyString, lazy_gettext

from api.callers import staff_caller
from api.rights import Right


@dataclass(frozen=True)
class Entry:
    """One link. rights: any of them shows it."""

    endpoint: str
    label: LazyString
    rights: frozenset[Right]


ENTRIES = (
    Entry("counter.home", lazy_gettext("Find a person"), frozenset({Right.FIND_PERSON})),
    Entry("counter.outreach", lazy_gettext("Outreach"), frozenset({Right.DO_OUTREACH})),
    Entry("counter.payment_changes", lazy_gettext("Pauses and resumptions"), frozenset({Right.PROPOSE_PAUSE, Right.SIGN_PAUSE})),
    Entry("counter.assistance", lazy_gettext("Other regions"), frozenset({Right.HANDLE_ASSISTANCE})),
    Entry("counter.alerts", lazy_gettext("Alerts"), frozenset({Right.READ_ALERTS, Right.WORK_ALERTS})),
    Entry("counter.detection_runs", lazy_gettext("Detection"), frozenset({Right.READ_ALERTS, Right.START_DETECTION})),
    Entry("counter.imports", lazy_gettext("Imports"), frozenset({Right.READ_IMPORTS})),
    Entry("counter.webhooks", lazy_gettext("Connected systems"), frozenset({Right.MANAGE_CLIENTS})),
)


def for_templates() -> dict[str, object]:
    """``staff_links()`` for the layout: (address, label, whether it is the present page)."""

    def staff_links() -> list[tuple[str, LazyString, bool]]:
        caller = staff_caller()
        if caller is None:
            return []
        return [
            (url_for(entry.endpoint), entry.label, request.path == url_for(entry.endpoint))
            for entry in ENTRIES
            if entry.rights & caller.rights and entry.endpoint in current_app.view_functions
        ]

    return {"staff_links": staff_links}
