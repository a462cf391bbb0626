"""The queue of cases: what is to be decided in the region, whose it is and by when; and the way from it to the next case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.casework import casework_service, worker
from api.context import current
from api.pages.alert_filters import with_chosen
from api.pages.blueprints import counter_pages
from api.pages.case_words import due_words
from api.pages.queue_form import SORTS, TABS, QueueChoice, chosen
from api.pages.queue_form import STATES as QUEUE_STATES
from api.pages.queue_words import Holder, holder, subject
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.rights import Right
from models.alert import AlertSeverity
from models.casework import verification_of
from models.repositories import alert_lists, case_queue, saved_views
from models.repositories.case_next import NextFilter
from models.repositories.case_queue import DUE_SOON_DAYS, QueueCounts, QueueRow, QueueTab

PAGE = 50


@dataclass(frozen=True)
class QueueLine:
    """One row as the page shows it. others: further signals behind it. tone: how near the due day is, late, soon or empty."""

    address: str
    alert_id: str
    title: str
    severity: str
    severity_code: str
    others: list[str]
    about: str
    region: str
    amount: str | None
    opened_on: date
    age_days: int
    due: str
    tone: str
    holder: Holder
    diary_on: date | None


@dataclass(frozen=True)
class TabLine:
    """One part of the queue with its count; None where counting all of it would say little."""

    address: str
    label: str
    count: int | None
    present: bool
    late: bool


@counter_pages.get("/desk/cases")
@staff_needed(Right.READ_ALERTS, Right.WORK_ALERTS)
def cases(caller: Caller) -> ResponseReturnValue:
    """What is to be decided in the region, a part at a time."""
    context = current()
    choice = chosen(request.args, caller, context)
    wrong = list(choice.wrong)
    rows: list[QueueRow] = []
    with context.database.read_scope() as session:
        try:
            rows = case_queue.page(session, choice.filter, after=request.args.get("after") or None, limit=PAGE + 1)
        except ValueError:
            wrong.append(_("The address of this page is not complete. Begin again at the first page."))
        counts = case_queue.counts(session, choice.filter)
        codes = alert_lists.open_codes(session, choice.filter.region)
        regions = alert_lists.regions(session, choice.filter.region)
        views = saved_views.of_owner(session, caller.actor)
    names = {region.code: region.name for region in regions}
    page = render_template(
        "desk_cases/queue.html",
        lines=[_line(row, names, choice, caller) for row in rows[:PAGE]],
        tabs=_tabs(choice, counts, caller),
        tab=choice.filter.tab.value,
        codes=[(code, alert_title(code)) for code in with_chosen(codes, choice.filter.code)],
        severities=[(each.value, STATES[each.value]) for each in AlertSeverity],
        regions=[(region.code, f"{region.code} {region.name}") for region in regions],
        states=[(each.value, words) for each, words in QUEUE_STATES.items()],
        sorts=[(each.value, words) for each, words in SORTS.items()],
        values=choice.values,
        narrowed=any(name not in ("tab", "sort") for name in choice.values),
        query=choice.query,
        views=[(view.name, f"{url_for('counter.cases')}?{view.query}", view.query == choice.query) for view in views],
        following=rows[PAGE - 1].cursor if len(rows) > PAGE else None,
        further=bool(request.args.get("after")),
        may_work=Right.WORK_ALERTS in caller.rights,
        wrong=wrong,
    )
    return page, 422 if wrong else 200


@counter_pages.post("/desk/cases/next")
@staff_needed(Right.WORK_ALERTS)
def take_next(caller: Caller) -> ResponseReturnValue:
    """Lock the next case for the caller, of the kind that the queue is narrowed to, and open it."""
    context = current()
    wanted = chosen(request.form, caller, context)
    case = casework_service(context).take_next(worker(caller), NextFilter(wanted.filter.code, wanted.filter.severity))
    if case is None:
        narrowed = wanted.filter.code or wanted.filter.severity
        said = _("Nothing of this kind is free now. Widen the filter.") if narrowed else _("Nothing is free now: all of it has somebody.")
        flash(said, "warning")
        return redirect(_queue_address(wanted), 303)
    review = _review(case.key, caller) if case.proposal is None else None
    return redirect(review or url_for("counter.case", case_id=case.case_id), 303)


def _queue_address(choice: QueueChoice) -> str:
    address = url_for("counter.cases")
    return f"{address}?{choice.query}" if choice.query else address


def _tabs(choice: QueueChoice, counts: QueueCounts, caller: Caller) -> list[TabLine]:
    """The parts that the caller may have something in."""
    own = {QueueTab.MINE, QueueTab.DIARY, QueueTab.FREE}
    hidden = set() if Right.WORK_ALERTS in caller.rights else own
    if Right.SIGN_CASES not in caller.rights:
        hidden = hidden | {QueueTab.TO_SIGN}
    found = []
    for tab, words in TABS.items():
        if tab in hidden:
            continue
        fields = ({} if tab is QueueTab.ALL else {"tab": tab.value}) | choice.narrowed
        address = url_for("counter.cases") + (f"?{urlencode(fields)}" if fields else "")
        count = None if tab is QueueTab.ALL else getattr(counts, tab.value)
        found.append(TabLine(address, str(words), count, tab is choice.filter.tab, tab is QueueTab.OVERDUE and bool(count)))
    return found


def _line(row: QueueRow, names: dict[str, str], choice: QueueChoice, caller: Caller) -> QueueLine:
    policy = current().policy.certification
    today, opened_on = choice.filter.today, policy.today(row.opened_at)
    away = (row.due_on - today).days
    return QueueLine(
        address=_address(row, caller),
        alert_id=row.alert_id,
        title=alert_title(row.code),
        severity=str(STATES[row.severity.value]),
        severity_code=row.severity.value,
        others=[alert_title(code) for code in row.signals if code != row.code],
        about=subject(row.key, row.name),
        region=" ".join(part for part in (row.region_code, names.get(row.region_code, "")) if part),
        amount=yuan(row.amount_fen) if row.amount_fen else None,
        opened_on=opened_on,
        age_days=(today - opened_on).days,
        due=due_words(row.due_on, today),
        tone="late" if away < 0 else "soon" if away < DUE_SOON_DAYS else "",
        holder=holder(row, caller.actor, choice.filter.now, policy),
        diary_on=row.diary_on,
    )


def _address(row: QueueRow, caller: Caller) -> str:
    """Where a row is worked on: its review screen, while no outcome is proposed; its case; else the alert, from which it is taken."""
    review = _review(row.key, caller) if row.proposed_by is None else None
    if review is not None:
        return review
    if row.case_id is not None:
        return url_for("counter.case", case_id=row.case_id)
    return url_for("counter.alert", alert_id=row.alert_id)


def _review(key: str, caller: Caller) -> str | None:
    """The one screen on which a referred verification is decided; None for other alerts, and for who does not decide on those."""
    verification = verification_of(key)
    if verification is None or Right.REVIEW_VERIFICATIONS not in caller.rights:
        return None
    return url_for("counter.review", verification_id=verification)
