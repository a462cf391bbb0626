"""Assisted certification at the desk: two queues, one request, and asking another region about a person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import or_, select

from api.assistance import assistance_service
from api.callers import Caller
from api.context import current
from api.i18n import with_aside
from api.pages.assistance_words import ACTIONS, DONE, EFFECTS, FIELDS, METHODS, REASONS, RULES, STATES
from api.pages.blueprints import counter_pages
from api.pages.counter import card_or_404
from api.pages.people import PersonCard
from api.pages.staff_only import reach, record_look, staff_needed
from api.request_id import current_request_id
from api.rights import Right
from models.assistance import AssistanceMethod, AssistanceReason, AssistanceState, Peer
from models.errors import ConflictError, NotFoundError
from models.region import Region
from models.repositories import audit
from verify import assistance as rules
from verify.assistance import CLOSED_STATES, OPEN_STATES, Action, Side
from verify.assistance_views import Answer, AssistanceInvalid, OpenedPerson, RequestView

LINES = 50
REGIONS_SHOWN = 30
CODE_DIGITS = 6
CONFLICT = 409


class Shown(StrEnum):
    """What a queue shows, beside single states."""

    OPEN = "open"
    CLOSED = "closed"


FILTERS: dict[str, tuple[AssistanceState, ...]] = {
    Shown.OPEN: OPEN_STATES,
    Shown.CLOSED: CLOSED_STATES,
    **{state.value: (state,) for state in AssistanceState},
}


@counter_pages.get("/desk/assistance")
@staff_needed(Right.HANDLE_ASSISTANCE)
def assistance(caller: Caller) -> ResponseReturnValue:
    """The queue of what we asked, or of what we are asked; most urgent first."""
    side = Side.PERFORMING if request.args.get("side") == Side.PERFORMING.value else Side.ASKING
    shown = request.args.get("state", Shown.OPEN.value)
    states = FILTERS.get(shown)
    if states is None:
        abort(404)
    context = current()
    service = assistance_service(context)
    today = context.policy.certification.today(context.clock())
    region = caller.region
    lines = [] if region is None else list(service.queue(side, region, states, after=_after(caller), limit=LINES + 1))
    counted = {each: ({}, 0) if region is None else service.counts(each, region) for each in (Side.ASKING, Side.PERFORMING)}
    names = region_names({code for line in lines for code in (line.requesting_region, line.performing_region)})
    return render_template(
        "desk_assistance/queue.html",
        side=side.value,
        shown=shown,
        lines=[(line, service.deadline(line, today)) for line in lines[:LINES]],
        after=lines[LINES - 1].public_id if len(lines) > LINES else None,
        tabs=[
            (each.value, words, sum(counted[each][0].get(state, 0) for state in OPEN_STATES), counted[each][1])
            for each, words in ((Side.ASKING, _("We asked")), (Side.PERFORMING, _("We are asked")))
        ],
        filters=[
            (Shown.OPEN.value, _("All that are open")),
            *((state.value, words) for state, words in STATES.items()),
            (Shown.CLOSED.value, _("All that are closed")),
        ],
        states=STATES,
        region_name=lambda code: names.get(code, code),
    )


def _after(caller: Caller) -> tuple[date, int] | None:
    """Where the page before ended; the first page when that request is gone or was never ours."""
    last = request.args.get("after", "")
    try:
        return assistance_service(current()).place(last, region=caller.region) if last else None
    except NotFoundError:
        return None


@counter_pages.get("/desk/assistance/<request_id>")
@staff_needed(Right.HANDLE_ASSISTANCE)
def assistance_request(caller: Caller, request_id: str) -> ResponseReturnValue:
    """One request: where it stands, and what may be done now."""
    view = _view(caller, request_id)
    _record_look(caller, request_id)
    return _request_page(view, None)


@counter_pages.post("/desk/assistance/<request_id>/person")
@staff_needed(Right.HANDLE_ASSISTANCE)
def assistance_person(caller: Caller, request_id: str) -> ResponseReturnValue:
    """Name, full number and contact, for this once and with an entry in the audit trail."""
    details: dict[str, str | None] = {"door": "counter", "request_id": current_request_id()}
    view = _view(caller, request_id)
    opened = assistance_service(current()).open_person(request_id, region=caller.region, actor=caller.actor, details=details)
    return _request_page(view, opened)


@counter_pages.route("/desk/assistance/<request_id>/<any(accept, refuse, carry_out, return, withdraw):action>", methods=["GET", "POST"])
@staff_needed(Right.HANDLE_ASSISTANCE)
def assistance_step(caller: Caller, request_id: str, action: str) -> ResponseReturnValue:
    """Take a request one step on."""
    wanted = Action(action)
    view = _view(caller, request_id)
    if request.method == "GET":
        return _step_page(view, wanted, None, 200) if wanted in view.actions else _to_request(request_id)
    try:
        version = int(request.form.get("version", "-1"))
    except ValueError:
        version = -1
    try:
        effect = assistance_service(current()).act(request_id, wanted, _answer(), version=version, region=caller.region, actor=caller.actor)
    except AssistanceInvalid as error:
        return _step_page(view, wanted, error, 422)
    except ConflictError:
        flash(
            _("Somebody else has taken this request on in the meantime. Nothing was changed. This is where it stands now."),
            "warning",
        )
        return _request_page(_view(caller, request_id), None, CONFLICT)
    flash(EFFECTS.get(effect, DONE[wanted]), "success")
    return _to_request(request_id)


@counter_pages.route("/counter/person/<person_id>/ask-region", methods=["GET", "POST"])
@staff_needed(Right.HANDLE_ASSISTANCE)
def assistance_ask(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Ask another region to certify this person."""
    card = card_or_404(caller, person_id)
    if request.method == "GET":
        record_look(caller, reach(caller, person_id), "person_seen")
        return _ask_page(card, None, 200)
    try:
        request_id = assistance_service(current()).ask(
            person_id,
            performing_region=request.form.get("region", ""),
            reason=request.form.get("reason", ""),
            contact=request.form.get("contact"),
            actor=caller.actor,
        )
    except AssistanceInvalid as error:
        return _ask_page(card, error, 422)
    except ConflictError:
        flash(_("Another region is being asked about this person already. See the list of what we asked."), "warning")
        return _ask_page(card, None, CONFLICT)
    flash(_("The other region is asked."), "success")
    return _to_request(request_id)


def _to_request(request_id: str) -> ResponseReturnValue:
    return redirect(url_for("counter.assistance_request", request_id=request_id), 303)


def _view(caller: Caller, request_id: str) -> RequestView:
    try:
        return assistance_service(current()).view(request_id, region=caller.region, actor=caller.actor)
    except NotFoundError:
        abort(404)


def _record_look(caller: Caller, request_id: str) -> None:
    context = current()
    details = {"door": "counter", "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record(session, actor=caller.actor, action="assistance.seen", now=context.clock(), object=request_id, details=details)


def _answer() -> Answer:
    form = request.form
    try:
        day = date.fromisoformat(form.get("occurred_on", ""))
    except ValueError:
        day = None
    method = form.get("method", "")
    why = form.get("why", "")
    return Answer(
        why=AssistanceReason(why) if why in set(AssistanceReason) else None,
        note=form.get("note"),
        method=AssistanceMethod(method) if method in set(AssistanceMethod) else None,
        occurred_on=day,
        second_staff=form.get("second_staff"),
    )


def _wrong(error: AssistanceInvalid | None) -> tuple[str, object] | None:
    return None if error is None else (error.field.value, RULES[error.rule])


def _request_page(view: RequestView, opened: OpenedPerson | None, status: int = 200) -> ResponseReturnValue:
    names = region_names({view.requesting_region, view.performing_region})
    page = render_template(
        "desk_assistance/request.html",
        view=view,
        opened=opened,
        side=Side.PERFORMING.value if Side.ASKING not in view.sides else Side.ASKING.value,
        states=STATES,
        methods=METHODS,
        reasons=REASONS,
        actions=[(action.value, ACTIONS[action]) for action in view.actions],
        region_name=lambda code: names.get(code, code),
    )
    return page, status, {"Cache-Control": "no-store"}


def _step_page(view: RequestView, action: Action, error: AssistanceInvalid | None, status: int) -> ResponseReturnValue:
    context = current()
    page = render_template(
        "desk_assistance/step.html",
        view=view,
        action=action.value,
        title=ACTIONS[action],
        whys=[(why.value, REASONS[why]) for why in rules.REASONS.get(action, ())],
        methods=[(method.value, words) for method, words in METHODS.items()],
        today=context.policy.certification.today(context.clock()),
        earliest=context.policy.certification.today(view.requested_at),
        fields=FIELDS,
        wrong=_wrong(error),
        typed=request.form,
    )
    return page, status


def _ask_page(card: PersonCard, error: AssistanceInvalid | None, status: int) -> ResponseReturnValue:
    text = request.values.get("find", "").strip()
    page = render_template(
        "desk_assistance/ask.html",
        card=card,
        find=text,
        found=_regions(text, card.region_code) if text else None,
        limit=REGIONS_SHOWN,
        fields=FIELDS,
        wrong=_wrong(error),
        typed=request.form,
    )
    return page, status


def _regions(text: str, own: str) -> list[tuple[str, str]]:
    """(code, name) of regions that can be asked: those in the store by code or name, those of other installations by code or their name."""
    with current().database.read_scope() as session:
        query = (
            select(Region.code, Region.name)
            .where(or_(Region.code.startswith(text, autoescape=True), Region.name.contains(text, autoescape=True)), Region.code != own)
            .order_by(Region.code)
            .limit(REGIONS_SHOWN)
        )
        found = {code: with_aside(name, code) for code, name in session.execute(query)}
        for peer in session.scalars(select(Peer).where(Peer.active).order_by(Peer.name)):
            for prefix in peer.regions:
                code = text if len(text) == CODE_DIGITS and text.isdigit() and text.startswith(prefix) else prefix.ljust(CODE_DIGITS, "0")
                if code == text or text.casefold() in peer.name.casefold() or code.startswith(text):
                    found.setdefault(code, with_aside(peer.name, code))
    return list(found.items())[:REGIONS_SHOWN]


def region_names(codes: Collection[str]) -> dict[str, str]:
    """Names of these regions with their codes; those of other installations are not in the store and have none."""
    with current().database.read_scope() as session:
        rows = session.execute(select(Region.code, Region.name).where(Region.code.in_(list(codes))))
        return {code: with_aside(name, code) for code, name in rows}
