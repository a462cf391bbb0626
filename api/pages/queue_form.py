"""The form over the queue: which part of it, narrowed how, in which order; read alike from an address and from a saved view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from api.callers import Caller
from api.casework import NOWHERE
from api.context import Context
from api.pages.alert_filters import FIELDS, narrowing, typed
from api.rights import Right
from models.alert import AlertState
from models.casework import VERIFICATION_REFERRED
from models.repositories.case_due import DueRules
from models.repositories.case_queue import QueueFilter, QueueSort, QueueTab

TABS: dict[QueueTab, LazyString] = {
    QueueTab.ALL: lazy_gettext("Everything open"),
    QueueTab.MINE: lazy_gettext("Mine"),
    QueueTab.DIARY: lazy_gettext("Diary today"),
    QueueTab.TO_SIGN: lazy_gettext("For my signature"),
    QueueTab.FREE: lazy_gettext("Free"),
    QueueTab.OVERDUE: lazy_gettext("Overdue"),
    QueueTab.DUE_SOON: lazy_gettext("Due within 7 days"),
}
SORTS: dict[QueueSort, LazyString] = {
    QueueSort.PRIORITY: lazy_gettext("The most urgent first"),
    QueueSort.DUE: lazy_gettext("What is due first"),
}
STATES: dict[AlertState, LazyString] = {
    AlertState.OPEN: lazy_gettext("Open, nobody is at it"),
    AlertState.IN_CASE: lazy_gettext("In a case"),
}
OWN_FIELDS = ("tab", "state", "due_until", "sort")
ALL_FIELDS = ("tab", *FIELDS, "state", "due_until", "sort")


@dataclass(frozen=True)
class QueueChoice:
    """What the form asks for. values: of its fields, as it shows them again. wrong: what cannot be used, and so is left out."""

    filter: QueueFilter
    values: dict[str, str]
    wrong: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The values as the query of an address, in the order of the form; nothing that was not asked for."""
        return urlencode([(name, self.values[name]) for name in ALL_FIELDS if name in self.values])

    @property
    def narrowed(self) -> dict[str, str]:
        """The values without the part of the queue: what stays when another part is chosen."""
        return {name: value for name, value in self.values.items() if name != "tab"}


def chosen(fields: Mapping[str, str], caller: Caller, context: Context) -> QueueChoice:
    """What the fields ask for, within the caller's region."""
    asked = narrowing(fields)
    values = typed(fields, ALL_FIELDS) | asked.values
    values = {name: value for name, value in values.items() if name in OWN_FIELDS or name in asked.values}
    wrong = [] if asked.wrong is None else [asked.wrong]
    tab = QueueTab(values["tab"]) if values.get("tab") in set(QueueTab) else QueueTab.ALL
    sort = QueueSort(values["sort"]) if values.get("sort") in set(QueueSort) else QueueSort.PRIORITY
    state = AlertState(values["state"]) if values.get("state") in set(STATES) else None
    if state is None:
        values.pop("state", None)
    due_until = None
    if "due_until" in values:
        try:
            due_until = date.fromisoformat(values["due_until"])
        except ValueError:
            wrong.append(_("Write the day as year, month and day, such as 2026-03-31."))
    if tab is QueueTab.ALL:
        values.pop("tab", None)
    if sort is QueueSort.PRIORITY:
        values.pop("sort", None)
    now, casework = context.clock(), context.policy.casework
    narrowed = QueueFilter(
        region=caller.region or NOWHERE,
        actor=caller.actor,
        now=now,
        today=context.policy.certification.today(now),
        due=DueRules(casework.due_days, {VERIFICATION_REFERRED: casework.referred_days}, context.policy.certification.time_zone),
        may_sign=Right.SIGN_CASES in caller.rights,
        tab=tab,
        code=asked.code,
        severity=asked.severity,
        inside=asked.inside,
        amount_fen_min=asked.amount_fen_min,
        due_until=due_until,
        state=state,
        sort=sort,
    )
    return QueueChoice(narrowed, values, tuple(wrong))


def chosen_of_query(query: str, caller: Caller, context: Context) -> QueueChoice:
    """What a saved query asks for, checked as the form is."""
    return chosen(dict(parse_qsl(query)), caller, context)
