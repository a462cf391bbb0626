"""Alerts of the region: what to look at first, narrowed by code, severity, region, state and money, with what is at risk altogether."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from api.callers import Caller
from api.context import current
from api.pages.alert_filters import narrowing, with_chosen
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, known_codes, yuan
from api.rights import Right
from models.alert import AlertSeverity, AlertState
from models.identifiers import mask_name
from models.repositories import alert_lists
from models.repositories.alert_lists import OPEN_STATES, AlertFilter, ListedAlert

PAGE = 50
STATE_CHOICES = {
    "": (lazy_gettext("Not closed"), OPEN_STATES),
    "open": (lazy_gettext("Open, nobody is at it"), (AlertState.OPEN,)),
    "in_case": (lazy_gettext("In a case"), (AlertState.IN_CASE,)),
    "closed": (lazy_gettext("Closed"), (AlertState.CLOSED,)),
}


@dataclass(frozen=True)
class AlertLine:
    """One alert as the list shows it. others: codes of the further signals behind it."""

    alert_id: str
    title: str
    severity: str
    severity_code: str
    state: str
    opened_on: date
    changed_on: date | None
    region: str
    amount: str | None
    masked_name: str | None
    others: list[str]


@dataclass(frozen=True)
class TotalLine:
    """Alerts of one code, in words."""

    code: str
    title: str
    alerts: int
    amount: str


@dataclass(frozen=True)
class Chosen:
    """What the form asks for. values: of its fields as they were typed, without the empty ones. wrong: what cannot be used."""

    filter: AlertFilter
    values: dict[str, str]
    wrong: str | None


@counter_pages.get("/desk/alerts")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def alerts(caller: Caller) -> ResponseReturnValue:
    """What is to be looked at in the region, the most urgent first."""
    context = current()
    chosen = _chosen(caller)
    wrong = chosen.wrong
    found: list[ListedAlert] = []
    totals, codes, regions = [], [], []
    closed = AlertState.CLOSED in chosen.filter.states
    if caller.region is not None:
        with context.database.read_scope() as session:
            try:
                found = alert_lists.page(session, chosen.filter, after=request.args.get("after") or None, limit=PAGE + 1)
            except ValueError:
                wrong = _("The address of this page is not complete. Begin again at the first page.")
            if closed:  # of years: not counted, and every kind may be among them
                codes = known_codes()
            else:
                totals = alert_lists.totals(session, chosen.filter)
                codes = alert_lists.open_codes(session, caller.region)
            regions = alert_lists.regions(session, caller.region)
    names = {region.code: region.name for region in regions}
    page = render_template(
        "desk_alerts/list.html",
        lines=[_line(row, names) for row in found[:PAGE]],
        totals=[TotalLine(total.code, alert_title(total.code), total.alerts, yuan(total.amount_fen)) for total in totals],
        count=sum(total.alerts for total in totals),
        amount=yuan(sum(total.amount_fen for total in totals)),
        codes=[(code, alert_title(code)) for code in with_chosen(codes, chosen.filter.code)],
        severities=[(each.value, STATES[each.value]) for each in AlertSeverity],
        states=[(value, words) for value, (words, _states) in STATE_CHOICES.items()],
        regions=[(region.code, f"{region.code} {region.name}") for region in regions],
        values=chosen.values,
        closed=closed,
        following=found[PAGE - 1].cursor if len(found) > PAGE else None,
        further=bool(request.args.get("after")),
        wrong=wrong,
    )
    return page, 422 if wrong else 200


def _chosen(caller: Caller) -> Chosen:
    """The filter of the address."""
    asked = narrowing(request.args)
    state = request.args.get("state", "").strip()
    states = STATE_CHOICES.get(state, STATE_CHOICES[""])[1]
    wanted = AlertFilter(caller.region or "none", states, asked.code, asked.severity, asked.inside, asked.amount_fen_min)
    values = asked.values | ({"state": state} if state and state in STATE_CHOICES else {})
    return Chosen(wanted, values, asked.wrong)


def _line(row: ListedAlert, names: dict[str, str]) -> AlertLine:
    today = current().policy.certification.today
    return AlertLine(
        row.public_id,
        alert_title(row.code),
        str(STATES[row.severity.value]),
        row.severity.value,
        str(STATES[row.state.value]),
        today(row.opened_at),
        None if row.updated_at is None or row.updated_at == row.opened_at else today(row.updated_at),
        " ".join(part for part in (row.region_code, names.get(row.region_code, "")) if part),
        yuan(row.amount_fen) if row.amount_fen else None,
        None if row.name is None else mask_name(row.name),
        [alert_title(code) for code in row.signals if code != row.code],
    )
