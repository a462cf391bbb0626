"""What an account was told of alerts, and what it wants to be told of: notices, subscriptions, a test of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.callers import Caller, staff_caller
from api.context import current
from api.notices import send_test
from api.pages.blueprints import counter_pages
from api.pages.notice_words import CADENCES, END_REASONS, clock_time, kinds_in_words, told_at
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import STATES, alert_title, yuan
from api.request_id import current_request_id
from api.rights import Right
from models.alert import AlertState
from models.errors import ModelsError, NotFoundError
from models.oversight import AlertSubscription, Notice, NoticeChannel
from models.region import Region
from models.repositories import audit, notices, subscriptions
from models.repositories.notices import AlertInNotice

SHOWN = 30
BADGE_MAX = 99
SUBSCRIPTIONS_SHOWN = 200


@dataclass(frozen=True)
class AlertLine:
    """One alert of a notice. closed: in words, when it is by now."""

    alert_id: str
    title: str
    region: str
    amount: str | None
    closed: str | None


@dataclass(frozen=True)
class NoticeLine:
    """One notice. more: alerts that it does not name. test: it tells of nothing."""

    notice_id: str
    at: str
    title: str
    test: bool
    alerts: list[AlertLine]
    more: int


@dataclass(frozen=True)
class SubscriptionLine:
    """One subscription in words. host: of a webhook. trouble: of the last message. ended: why it ended by itself."""

    subscription_id: str
    kinds: str
    region: str
    amount: str | None
    channel: str
    host: str | None
    cadence: str
    quiet: str | None
    sent: str | None
    trouble: str | None
    ended: str | None


@counter_pages.get("/desk/notices", endpoint="notices")
@staff_needed(Right.READ_ALERTS)
def notices_page(caller: Caller) -> ResponseReturnValue:
    """Unread notices first, those read before, and the account's subscriptions."""
    before = request.args.get("before") or None
    with current().database.read_scope() as session:
        unread = notices.unread(session, caller.actor, limit=SHOWN)
        waiting = notices.unread_number(session, caller.actor, up_to=BADGE_MAX + 1)
        read = notices.read(session, caller.actor, before=before, limit=SHOWN + 1)
        shown = [*unread, *read[:SHOWN]]
        alerts = notices.alerts_of(session, shown, region=caller.region) if caller.region else {}
        mine = subscriptions.of_owner(session, caller.actor, limit=SUBSCRIPTIONS_SHOWN)
        names = _region_names(session, {row.region_code for row in mine} | {alert.region_code for alert in alerts.values()})
    return render_template(
        "desk_notices/list.html",
        unread=[_notice_line(row, alerts, names) for row in unread],
        waiting=counted(waiting),
        read=[_notice_line(row, alerts, names) for row in read[:SHOWN]],
        newest=unread[0].public_id if unread else None,
        following=read[SHOWN - 1].public_id if len(read) > SHOWN else None,
        further=before is not None,
        subscriptions=[_subscription_line(row, names) for row in mine],
    )


@counter_pages.post("/desk/notices/read")
@staff_needed(Right.READ_ALERTS)
def read_notices(caller: Caller) -> ResponseReturnValue:
    """Mark one notice as read, or all up to the newest that the page showed."""
    one, upto = request.form.get("notice", ""), request.form.get("upto", "")
    if not one and not upto:
        abort(400)
    context = current()
    with context.database.session_scope() as session:
        notices.mark_read(session, caller.actor, now=context.clock(), public_ids=(one,) if one else None, upto=None if one else upto)
    return redirect(url_for("counter.notices"), 303)


@counter_pages.post("/desk/notices/subscriptions/<subscription_id>/test")
@staff_needed(Right.READ_ALERTS)
def test_subscription(caller: Caller, subscription_id: str) -> ResponseReturnValue:
    """Send a test to where a subscription tells."""
    row = _mine(caller, subscription_id)
    if row.ended_at is not None:
        abort(404)
    send_test(current(), row)
    if row.channel is NoticeChannel.IN_APP:
        flash(_("The test is here: it is the first unread notice."), "success")
    else:
        flash(_("The test leaves within a minute. What came of it is shown with the subscription."), "success")
    return redirect(url_for("counter.notices"), 303)


@counter_pages.post("/desk/notices/subscriptions/<subscription_id>/end")
@staff_needed(Right.READ_ALERTS)
def end_subscription(caller: Caller, subscription_id: str) -> ResponseReturnValue:
    """Tell no more of it."""
    context, row = current(), _mine(caller, subscription_id)
    now = context.clock()
    with context.database.session_scope() as session:
        if subscriptions.end(session, row.id, now=now):
            details = {"door": "counter", "request_id": current_request_id()}
            audit.record(session, actor=caller.actor, action="alert_subscription.ended", now=now, object=row.public_id, details=details)
    flash(_("The subscription has ended."), "success")
    return redirect(url_for("counter.notices"), 303)


def for_templates() -> dict[str, object]:
    """``unread_notices()`` for the layout: how many there are, as a word such as ``3`` or ``99+``; empty for none."""

    def unread_notices() -> str:
        caller = staff_caller()
        if caller is None or Right.READ_ALERTS not in caller.rights:
            return ""
        try:
            with current().database.read_scope() as session:
                number = notices.unread_number(session, caller.actor, up_to=BADGE_MAX + 1)
        except (ModelsError, SQLAlchemyError):
            return ""  # the page may be the one that tells of the trouble
        return counted(number) if number else ""

    return {"unread_notices": unread_notices}


def counted(number: int) -> str:
    """The number of unread notices; ``99+`` beyond."""
    return f"{BADGE_MAX}+" if number > BADGE_MAX else str(number)


def _mine(caller: Caller, subscription_id: str) -> AlertSubscription:
    with current().database.read_scope() as session:
        try:
            return subscriptions.find(session, caller.actor, subscription_id)
        except NotFoundError:
            abort(404)


def _region_names(session: Session, codes: Collection[str]) -> dict[str, str]:
    if not codes:
        return {}
    rows = session.execute(select(Region.code, Region.name).where(Region.code.in_(codes)))
    return {row.code: row.name for row in rows}


def _notice_line(row: Notice, alerts: dict[str, AlertInNotice], names: dict[str, str]) -> NoticeLine:
    known = [alerts[public_id] for public_id in row.alerts if public_id in alerts]
    title = _("Test notice") if row.count == 0 else _("New alerts: %(count)s", count=f"{row.count:,}")
    if row.amount_fen:
        title = _("%(title)s, %(amount)s yuan at risk", title=title, amount=yuan(row.amount_fen))
    lines = [
        AlertLine(
            each.public_id,
            alert_title(each.code),
            f"{each.region_code} {names.get(each.region_code, '')}".strip(),
            yuan(each.amount_fen) if each.amount_fen else None,
            str(STATES["closed"]) if each.state is AlertState.CLOSED else None,
        )
        for each in known
    ]
    return NoticeLine(row.public_id, told_at(row.created_at), title, row.count == 0, lines, row.count - len(lines))


def _subscription_line(row: AlertSubscription, names: dict[str, str]) -> SubscriptionLine:
    channel = {
        NoticeChannel.IN_APP: _("In the application"),
        NoticeChannel.EMAIL: _("By e-mail"),
        NoticeChannel.WEBHOOK: _("By webhook"),
    }[row.channel]
    quiet = None
    if row.quiet_from is not None and row.quiet_until is not None:
        quiet = f"{clock_time(row.quiet_from)}–{clock_time(row.quiet_until)}"
    return SubscriptionLine(
        row.public_id,
        kinds_in_words(row.codes),
        f"{row.region_code} {names.get(row.region_code, '')}".strip(),
        yuan(row.amount_fen_min) if row.amount_fen_min else None,
        channel,
        urlsplit(row.target).hostname if row.target else None,
        str(CADENCES[row.cadence]),
        quiet,
        told_at(row.sent_at) if row.sent_at else None,
        row.last_error,
        None if row.end_reason is None else str(END_REASONS.get(row.end_reason, row.end_reason)),
    )
