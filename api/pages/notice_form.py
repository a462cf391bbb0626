"""A new subscription: what was typed, checked field by field, and the page that asks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import current
from api.i18n import current_language
from api.notice_dispatch import mailer_of
from api.notice_times import next_digest
from api.pages.blueprints import counter_pages
from api.pages.notice_words import CADENCES, GROUPS
from api.pages.staff_only import staff_needed
from api.pages.timeline_words import alert_title
from api.request_id import current_request_id
from api.rights import Right
from api.webhook_targets import TargetError, Targets
from models.errors import ConflictError
from models.oversight import Cadence, NoticeChannel
from models.repositories import alert_lists, audit, subscriptions
from models.repositories.subscriptions import NewSubscription

YUAN_MAX = 1_000_000_000
CODES_MAX = 200
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(:00)?")
FIELDS = ("region", "at_least", "channel", "url", "cadence", "quiet_from", "quiet_until")


@dataclass
class Typed:
    """What the form was sent with. wrong: by field, in words."""

    values: dict[str, str]
    codes: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)


@counter_pages.get("/desk/notices/new")
@staff_needed(Right.READ_ALERTS)
def new_subscription(caller: Caller) -> ResponseReturnValue:
    """What to be told of, where and how often."""
    return _form(caller, Typed({"channel": NoticeChannel.IN_APP, "cadence": Cadence.AT_ONCE}))


@counter_pages.post("/desk/notices/new")
@staff_needed(Right.READ_ALERTS)
def subscribe(caller: Caller) -> ResponseReturnValue:
    """Make the subscription. The secret of a webhook is on the answer and nowhere else."""
    context = current()
    typed = Typed({name: request.form.get(name, "").strip() for name in FIELDS}, request.form.getlist("code"))
    new = _checked(caller, typed)
    if new is None:
        return _form(caller, typed)
    now = context.clock()
    most = context.policy.oversight.notices.of_a_person_max
    try:
        with context.database.session_scope() as session:
            row, secret = subscriptions.add(session, new, most=most, keyring=context.keyring, now=now)
            details = {"door": "counter", "request_id": current_request_id(), "channel": new.channel.value, "cadence": new.cadence.value}
            audit.record(session, actor=caller.actor, action="alert_subscription.made", now=now, object=row.public_id, details=details)
    except ConflictError:
        typed.wrong["most"] = _("You have %(number)s subscriptions already, and no more are kept. End one of them first.", number=most)
        return _form(caller, typed)
    if secret is not None:
        return render_template("desk_notices/secret.html", secret=secret)
    return redirect(url_for("counter.notices"), 303)


def _form(caller: Caller, typed: Typed) -> ResponseReturnValue:
    context = current()
    with context.database.read_scope() as session:
        regions = alert_lists.regions(session, caller.region) if caller.region else []
    page = render_template(
        "desk_notices/new.html",
        values=typed.values,
        chosen=set(typed.codes),
        wrong=typed.wrong,
        groups=[(words, [(code, alert_title(code)) for code in codes]) for words, codes in GROUPS],
        regions=[(region.code, f"{region.code} {region.name}") for region in regions],
        cadences=[(each.value, words) for each, words in CADENCES.items()],
        mail_offered=mailer_of(context) is not None,
        digest_hour=context.policy.oversight.digest_hour,
    )
    return page, 422 if typed.wrong else 200


def _checked(caller: Caller, typed: Typed) -> NewSubscription | None:
    context, values, wrong = current(), typed.values, typed.wrong
    known = {code for _words, codes in GROUPS for code in codes}
    if len(typed.codes) > CODES_MAX or not known.issuperset(typed.codes):
        wrong["code"] = _("Choose the kinds from the list.")
    channel = NoticeChannel(values["channel"]) if values["channel"] in set(NoticeChannel) else None
    cadence = Cadence(values["cadence"]) if values["cadence"] in set(Cadence) else None
    if channel is None:
        wrong["channel"] = _("Choose where you want to be told.")
    if channel is NoticeChannel.EMAIL and mailer_of(context) is None:
        wrong["channel"] = _("No mail server is set up here, so no letters can be sent.")
    if cadence is None:
        wrong["cadence"] = _("Choose how often you want to be told.")
    _check_region(caller, typed)
    amount = _yuan(typed)
    quiet = _quiet(typed)
    if channel is NoticeChannel.WEBHOOK:
        try:
            Targets(context.settings).check_url(values["url"])
        except TargetError:
            wrong["url"] = _("This address cannot be used: give one such as https://example.org/hook that is not inside a private network.")
    if wrong or channel is None or cadence is None:
        return None
    return NewSubscription(
        owner=caller.actor,
        region_code=values["region"],
        channel=channel,
        cadence=cadence,
        language=current_language(),
        codes=tuple(typed.codes),
        amount_fen_min=100 * amount,
        target=values["url"] if channel is NoticeChannel.WEBHOOK else None,
        quiet=quiet,
        next_at=next_digest(cadence, context.clock(), context.policy.certification, context.policy.oversight),
    )


def _check_region(caller: Caller, typed: Typed) -> None:
    with current().database.read_scope() as session:
        inside = {region.code for region in alert_lists.regions(session, caller.region)} if caller.region else set()
    if typed.values["region"] not in inside:
        typed.wrong["region"] = _("Choose one of the regions of the list.")


def _yuan(typed: Typed) -> int:
    text = typed.values["at_least"].replace(",", "").replace("，", "")
    if not text:
        return 0
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= YUAN_MAX:
        return int(text)
    typed.wrong["at_least"] = _("Write the amount in whole yuan, without a sign.")
    return 0


def _quiet(typed: Typed) -> tuple[int, int] | None:
    first, last = typed.values["quiet_from"], typed.values["quiet_until"]
    if not first and not last:
        return None
    start, end = CLOCK.fullmatch(first), CLOCK.fullmatch(last)
    if start is None or end is None:
        typed.wrong["quiet_from"] = _("Give both times of the quiet hours, such as 22:00 and 07:00, or neither.")
        return None
    minutes = (60 * int(start[1]) + int(start[2]), 60 * int(end[1]) + int(end[2]))
    if minutes[0] == minutes[1]:
        typed.wrong["quiet_from"] = _("The quiet hours begin and end at the same time: give two times, or neither.")
        return None
    return minutes
