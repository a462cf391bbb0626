"""The links that a member of staff sees on every staff page, those of their rights, and the page that their day begins at."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext

from api.callers import Caller, staff_caller
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right


@dataclass(frozen=True)
class Entry:
    """One link. rights: any of them shows it. under: beginnings of further addresses whose pages belong to it."""

    endpoint: str
    label: LazyString
    rights: frozenset[Right]
    under: tuple[str, ...] = ()


RULES_AND_MODELS = ("/desk/rules", "/desk/models", "/desk/knowledge")
ENTRIES = (
    Entry("counter.oversight", lazy_gettext("Oversight"), frozenset({Right.READ_OVERSIGHT}), ("/desk/hospitals/", "/desk/claims/")),
    Entry("counter.cases", lazy_gettext("Cases"), frozenset({Right.READ_ALERTS, Right.WORK_ALERTS})),
    Entry("counter.alerts", lazy_gettext("Alerts"), frozenset({Right.READ_ALERTS, Right.WORK_ALERTS})),
    Entry("counter.home", lazy_gettext("Find a person"), frozenset({Right.FIND_PERSON}), ("/desk/person/",)),
    Entry("counter.outreach", lazy_gettext("Outreach"), frozenset({Right.DO_OUTREACH})),
    Entry("counter.payment_changes", lazy_gettext("Pauses and resumptions"), frozenset({Right.PROPOSE_PAUSE, Right.SIGN_PAUSE})),
    Entry("counter.assistance", lazy_gettext("Other regions"), frozenset({Right.HANDLE_ASSISTANCE})),
    Entry("counter.scorecards", lazy_gettext("Scorecards"), frozenset({Right.READ_OVERSIGHT})),
    Entry("counter.detection_runs", lazy_gettext("Detection"), frozenset({Right.READ_ALERTS, Right.START_DETECTION}), RULES_AND_MODELS),
    Entry("counter.privacy_requests", lazy_gettext("Data requests"), frozenset({Right.ANSWER_PRIVACY, Right.SIGN_PRIVACY})),
    Entry("counter.privacy", lazy_gettext("Personal information"), frozenset({Right.READ_PRIVACY})),
    Entry("counter.imports", lazy_gettext("Imports"), frozenset({Right.READ_IMPORTS})),
    Entry("counter.webhooks", lazy_gettext("Connected systems"), frozenset({Right.MANAGE_CLIENTS})),
    Entry("counter.health", lazy_gettext("How the service is"), frozenset({Right.READ_OPERATIONS})),
    Entry("counter.audit_list", lazy_gettext("Audit"), frozenset({Right.READ_AUDIT, Right.READ_SECURITY_AUDIT})),
    Entry("counter.accounts", lazy_gettext("Accounts"), frozenset({Right.VIEW_ACCOUNTS})),
    Entry("counter.notices", lazy_gettext("Notices"), frozenset({Right.READ_ALERTS, Right.READ_OVERSIGHT})),
)

# Where a day begins: the first of these that the account may open. Whoever signs for a region looks at it from above; caseworkers work.
FIRST_PAGES = (
    ("counter.oversight", frozenset({Right.READ_OVERSIGHT})),
    ("counter.cases", frozenset({Right.READ_ALERTS, Right.WORK_ALERTS})),
    ("counter.home", frozenset({Right.FIND_PERSON})),
    ("counter.webhooks", frozenset({Right.MANAGE_CLIENTS})),
    ("counter.audit_list", frozenset({Right.READ_SECURITY_AUDIT})),
    ("counter.accounts", frozenset({Right.VIEW_ACCOUNTS})),
)


@counter_pages.get("/desk")
@staff_needed(*Right)
def desk(caller: Caller) -> ResponseReturnValue:
    """The page that this account's work begins at."""
    for endpoint, rights in FIRST_PAGES:
        if rights & caller.rights and endpoint in current_app.view_functions:
            return redirect(url_for(endpoint), 303)
    return redirect(url_for("counter.about_engine"), 303)


def _present(address: str, under: tuple[str, ...]) -> str | None:
    """What ``aria-current`` says of a link: the page itself, a page under it, or nothing."""
    if request.path == address:
        return "page"
    return "true" if request.path.startswith((f"{address}/", *under)) else None


def for_templates() -> dict[str, object]:
    """``staff_links()`` for the layout: (address, label, what to say of the present page)."""

    def staff_links() -> list[tuple[str, LazyString, str | None]]:
        caller = staff_caller()
        if caller is None:
            return []
        return [
            (url_for(entry.endpoint), entry.label, _present(url_for(entry.endpoint), entry.under))
            for entry in ENTRIES
            if entry.rights & caller.rights and entry.endpoint in current_app.view_functions
        ]

    return {"staff_links": staff_links}
