"""Outreach: the list of a region, one person on it, attempts, and the proposal of a pause."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import current
from api.pages import people
from api.pages.blueprints import counter_pages
from api.pages.payment_words import CHANNELS, ENDS, NOT_READY, OUTCOMES, REFUSALS, progress_words
from api.pages.staff_only import reach, record_look, staff_needed
from api.payments import make_outreach, make_pauses
from api.rights import Right
from models.errors import ConflictError, NotFoundError
from models.identifiers import mask_name
from models.outreach import OutreachChannel, OutreachOutcome
from models.repositories import persons
from verify.outreach_service import AttemptError, OutreachView
from verify.payment_change_service import PauseRefused, TextMissing

PAGE = 50
OVERDUE_CHOICES = (0, 30, 90, 180)
ATTEMPTS_CHOICES = (0, 1, 2)


def region_of(caller: Caller) -> str:
    """Code of the caller's region, for lists of it and all inside it. Aborts with 403 for an account without one."""
    if caller.region is None:
        abort(403)
    return caller.region.ljust(6, "0")


@counter_pages.get("/desk/outreach")
@staff_needed(Right.DO_OUTREACH)
def outreach(caller: Caller) -> ResponseReturnValue:
    """Who has to be reached, longest overdue first."""
    days = _choice("days", OVERDUE_CHOICES) or 0
    attempts = _choice("attempts", ATTEMPTS_CHOICES)
    wanted = request.args.get("channel", "")
    channel = OutreachChannel(wanted) if wanted in set(OutreachChannel) else None
    lines = make_outreach(current()).listing(
        region_of(caller),
        overdue_days_min=days,
        attempts_max=attempts,
        channel=channel,
        after=request.args.get("after"),
        limit=PAGE + 1,
    )
    chosen: dict[str, Any] = {"days": days or None, "attempts": attempts, "channel": None if channel is None else channel.value}
    following = None
    if len(lines) > PAGE:
        following = url_for("counter.outreach", after=lines[PAGE - 1].entry.public_id, **chosen)
    return render_template(
        "desk_outreach/list.html",
        lines=[(line, mask_name(line.entry.name), progress_words(line.readiness)) for line in lines[:PAGE]],
        chosen=chosen,
        following=following,
        channels=CHANNELS,
        overdue_choices=OVERDUE_CHOICES,
        attempts_choices=ATTEMPTS_CHOICES,
    )


def _choice(name: str, known: tuple[int, ...]) -> int | None:
    given = request.args.get(name, "")
    return int(given) if given in {str(value) for value in known} else None


def _row(caller: Caller, row_id: str) -> OutreachView:
    """The row, when this member of staff may see its person; else 404."""
    try:
        view = make_outreach(current()).one(row_id)
    except NotFoundError:
        abort(404)
    reach(caller, view.person_id)
    return view


@counter_pages.get("/desk/outreach/<row_id>")
@staff_needed(Right.DO_OUTREACH)
def outreach_one(caller: Caller, row_id: str) -> ResponseReturnValue:
    """One person on the list."""
    view = _row(caller, row_id)
    record_look(caller, reach(caller, view.person_id), "outreach_seen")
    return _page(caller, view)


def _page(caller: Caller, view: OutreachView, *, problem: str | None = None, number: str | None = None) -> str:
    state = view.readiness
    return render_template(
        "desk_outreach/one.html",
        view=view,
        card=people.card(current(), view.person_id),
        channels=CHANNELS,
        outcomes=OUTCOMES,
        ended=None if view.ended is None else ENDS[view.ended],
        progress=None if state is None else progress_words(state),
        missing=[] if state is None else [NOT_READY[reason] for reason in state.reasons],
        may_propose=Right.PROPOSE_PAUSE in caller.rights,
        problem=problem,
        number=number,
    )


@counter_pages.post("/desk/outreach/<row_id>/attempts")
@staff_needed(Right.DO_OUTREACH)
def outreach_attempt(caller: Caller, row_id: str) -> ResponseReturnValue:
    """Record an attempt."""
    view = _row(caller, row_id)
    channel, outcome = request.form.get("channel", ""), request.form.get("outcome", "")
    if channel not in set(OutreachChannel) or outcome not in set(OutreachOutcome):
        return _page(caller, view, problem=_("Choose how it was tried, and what came of it.")), 422
    note = request.form.get("note", "")
    try:
        make_outreach(current()).log_attempt(
            row_id, channel=OutreachChannel(channel), outcome=OutreachOutcome(outcome), note=note, actor=caller.actor
        )
    except AttemptError:
        return _page(caller, view, problem=_("That cannot come of this way, or the note is over 500 characters: check both.")), 422
    except ConflictError:
        return _page(caller, _row(caller, row_id), problem=_("The person has left the outreach list meanwhile. Nothing was recorded.")), 409
    flash(_("The attempt is recorded."), "success")
    return redirect(url_for("counter.outreach_one", row_id=row_id), 303)


@counter_pages.post("/desk/outreach/<row_id>/number")
@staff_needed(Right.DO_OUTREACH)
def outreach_number(caller: Caller, row_id: str) -> ResponseReturnValue:
    """Show the phone number, which leaves an audit entry."""
    view = _row(caller, row_id)
    record_look(caller, reach(caller, view.person_id), "phone_seen")
    context = current()
    with context.database.read_scope() as session:
        number = persons.open_phone(persons.get(session, view.person_id), context.keyring)
    return _page(caller, view, number=number)


@counter_pages.post("/desk/outreach/<row_id>/proposal")
@staff_needed(Right.PROPOSE_PAUSE, fresh=True)
def outreach_propose(caller: Caller, row_id: str) -> ResponseReturnValue:
    """Propose a pause; another person decides."""
    view = _row(caller, row_id)
    try:
        made = make_pauses(current()).propose(row_id, reason=request.form.get("reason", ""), actor=caller.actor)
    except TextMissing:
        return _page(caller, view, problem=_("Write a reason, of at most 500 characters.")), 422
    except PauseRefused as refused:
        return _page(caller, view, problem=str(REFUSALS[refused.refusal])), 409
    except ConflictError:
        return _page(caller, view, problem=_("A pause is proposed already; it waits for a signature.")), 409
    flash(_("The pause is proposed. Another person has to sign it."), "success")
    return redirect(url_for("counter.payment_change", change_id=made[0]), 303)
