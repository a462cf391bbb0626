"""Pauses and resumptions: what waits for a signature, one case with all that speaks for and against it, and the lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from api.callers import Caller
from api.context import current
from api.pages import people
from api.pages.blueprints import counter_pages
from api.pages.outreach import region_of
from api.pages.payment_words import CHANNELS, KINDS, MONTHS, OUTCOMES, REASONS, REFUSALS, STATES, progress_words, yuan
from api.pages.people import PersonCard, Standing
from api.pages.staff_only import staff_needed
from api.pages.words import STAFF_STANDINGS, account
from api.payments import make_lists, make_outreach, make_pauses
from api.request_id import current_request_id
from api.rights import Right
from models.actors import same_actor
from models.benefit import Benefit
from models.errors import ConflictError, NotFoundError
from models.identifiers import mask_name
from models.outreach import Outreach
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeState
from models.person import Person
from models.repositories import audit, payment_changes, persons
from verify.outreach_service import OutreachView
from verify.payment_change import MonthReason
from verify.payment_change_service import NotTheProposer, SecondPersonNeeded, TextMissing
from verify.payment_list_service import ListChanged, ListView

PAGE = 50
SHOWN_LISTS = 10
CONFLICT = 409
WAITING, DONE = "waiting", "done"


@dataclass(frozen=True)
class _Case:
    """One change with everything that its page shows."""

    change: PaymentChange
    benefit: Benefit
    person: Person
    card: PersonCard
    standing: Standing
    outreach: OutreachView | None


@counter_pages.get("/desk/payment-changes", endpoint="payment_changes")
@staff_needed(Right.PROPOSE_PAUSE, Right.SIGN_PAUSE)
def payment_changes_page(caller: Caller) -> ResponseReturnValue:
    """What waits, or what was decided, of a region, newest first; and the lists for the paying system."""
    context, region = current(), region_of(caller)
    shown = DONE if request.args.get("show") == DONE else WAITING
    states = [PaymentChangeState.PROPOSED] if shown == WAITING else [s for s in PaymentChangeState if s is not PaymentChangeState.PROPOSED]
    with context.database.read_scope() as session:
        rows = payment_changes.listing(session, region_code=region, states=states, before=request.args.get("before"), limit=PAGE + 1)
        lines = [(change, mask_name(person.name), person.resident_id_masked) for change, person in rows]
    may_export = Right.EXPORT_PAYMENT_LIST in caller.rights
    lists = make_lists(context)
    following = None
    if len(lines) > PAGE:
        following = url_for("counter.payment_changes", show=shown, before=lines[PAGE - 1][0].public_id)
    return render_template(
        "desk_payments/list.html",
        lines=lines[:PAGE],
        shown=shown,
        following=following,
        may_export=may_export,
        lists=lists.lists(region_code=region, limit=SHOWN_LISTS) if may_export else [],
        waiting={kind: lists.waiting(kind, region) for kind in PaymentChangeKind} if may_export else {},
        kinds=KINDS,
        states=STATES,
    )


def _case(caller: Caller, change_id: str) -> _Case:
    """The change, when it is of the caller's region; else 404."""
    context = current()
    with context.database.read_scope() as session:
        found = session.execute(
            select(PaymentChange, Person, Benefit, Outreach.public_id)
            .join(Person, Person.id == PaymentChange.person_id)
            .join(Benefit, Benefit.id == PaymentChange.benefit_id)
            .outerjoin(Outreach, Outreach.id == PaymentChange.outreach_id)
            .where(PaymentChange.public_id == change_id)
        ).first()
        if found is None or not caller.covers(found[0].region_code):
            abort(404)
        change, record, benefit, row = found
        person = persons.speaking(session, record) or record
        standing = people.standing_of(context, session, person)
    view = None if row is None else make_outreach(context).one(row)
    return _Case(change, benefit, person, people.card_of(person), standing, view)


@counter_pages.get("/desk/payment-changes/<change_id>")
@staff_needed(Right.PROPOSE_PAUSE, Right.SIGN_PAUSE)
def payment_change(caller: Caller, change_id: str) -> ResponseReturnValue:
    """One case: the person's standing today, the outreach, the money."""
    case = _case(caller, change_id)
    context = current()
    details = {"door": "counter", "request_id": current_request_id()}
    with context.database.session_scope() as session:
        audit.record(
            session,
            actor=caller.actor,
            action="payment_change_seen",
            now=context.clock(),
            person_id=case.person.id,
            object=change_id,
            details=details,
        )
    return _page(caller, case)


def _page(caller: Caller, case: _Case, problem: str | None = None) -> str:
    change, view = case.change, case.outreach
    own = same_actor(change.proposed_by, caller.actor)
    open_ = change.state is PaymentChangeState.PROPOSED
    months = [(date.fromisoformat(each["month"]), yuan(each["fen"]), MONTHS[MonthReason(each["reason"])]) for each in change.arrears or []]
    return render_template(
        "desk_payments/one.html",
        case=case,
        change=change,
        kind=KINDS[change.kind],
        state=STATES[change.state],
        reason=REASONS[change.reason_code],
        standing=STAFF_STANDINGS[case.standing.state],
        monthly=yuan(case.benefit.monthly_fen),
        arrears=None if change.arrears_fen is None else yuan(change.arrears_fen),
        months=months,
        note=_note(change),
        progress=None if view is None or view.readiness is None else progress_words(view.readiness),
        channels=CHANNELS,
        outcomes=OUTCOMES,
        may_sign=open_ and not own and Right.SIGN_PAUSE in caller.rights,
        may_withdraw=open_ and own and Right.PROPOSE_PAUSE in caller.rights,
        own=open_ and own,
        problem=problem,
    )


def _note(change: PaymentChange) -> str | None:
    """What was written with the decision; the words of the reason for a proposal that stopped to stand."""
    known = {refusal.value: words for refusal, words in REFUSALS.items()}
    return None if change.decision_note is None else str(known.get(change.decision_note, change.decision_note))


@counter_pages.post("/desk/payment-changes/<change_id>/decision")
@staff_needed(Right.SIGN_PAUSE, fresh=True)
def payment_change_decide(caller: Caller, change_id: str) -> ResponseReturnValue:
    """Sign or reject a proposal."""
    case = _case(caller, change_id)
    pauses, note = make_pauses(current()), request.form.get("note", "")
    try:
        match request.form.get("decision"):
            case "approve":
                done = pauses.approve(change_id, note=note, actor=caller.actor)
            case "reject":
                done = pauses.reject(change_id, note=note, actor=caller.actor)
            case _:
                return _page(caller, case, _("Choose whether to sign or to reject.")), 422
    except TextMissing:
        return _page(caller, case, _("To reject, write a reason, of at most 500 characters.")), 422
    except SecondPersonNeeded:
        return _page(caller, case, _("Whoever proposed a pause cannot decide on it.")), 403
    except ConflictError:
        return _overtaken(caller, change_id)
    if done.refusal is not None:
        flash(_("The pause was not signed, and the proposal is withdrawn: %(why)s", why=REFUSALS[done.refusal]), "warning")
    else:
        flash(_("The decision is recorded."), "success")
    return redirect(url_for("counter.payment_change", change_id=change_id), 303)


@counter_pages.post("/desk/payment-changes/<change_id>/withdrawal")
@staff_needed(Right.PROPOSE_PAUSE)
def payment_change_withdraw(caller: Caller, change_id: str) -> ResponseReturnValue:
    """Take one's own proposal back."""
    case = _case(caller, change_id)
    try:
        make_pauses(current()).withdraw(change_id, actor=caller.actor)
    except NotTheProposer:
        return _page(caller, case, _("Only whoever proposed it may withdraw it.")), 403
    except ConflictError:
        return _overtaken(caller, change_id)
    flash(_("The proposal is withdrawn."), "success")
    return redirect(url_for("counter.payment_change", change_id=change_id), 303)


def _overtaken(caller: Caller, change_id: str) -> ResponseReturnValue:
    """The case as it stands now, for whoever was slower: who decided what."""
    case = _case(caller, change_id)
    by, state = case.change.decided_by, STATES[case.change.state]
    if by is None:
        said = _("It was changed meanwhile, and you decided nothing. This is how it stands now.")
    else:
        said = _("%(name)s was faster: %(what)s. You decided nothing. This is how it stands now.", name=account(by), what=state)
    return _page(caller, case, said), CONFLICT


def _stops_payments() -> bool:
    return request.form.get("kind") == PaymentChangeKind.PAUSE


@counter_pages.post("/desk/payment-lists")
@staff_needed(Right.EXPORT_PAYMENT_LIST, fresh=_stops_payments)
def payment_list_make(caller: Caller) -> ResponseReturnValue:
    """Make the next list of the region."""
    wanted = request.form.get("kind", "")
    if wanted not in set(PaymentChangeKind):
        abort(400)
    try:
        made = make_lists(current()).make(PaymentChangeKind(wanted), region_of(caller), actor=caller.actor)
    except NotFoundError:
        abort(404)
    if made is None:
        flash(_("There is nothing to put on a list."), "warning")
    else:
        flash(_("List %(number)s is made. Take the list and its signature below.", number=made.view.number), "success")
    return redirect(url_for("counter.payment_changes"), 303)


def _list(caller: Caller, list_id: str) -> ListView:
    """The list, when its region lies in the caller's; else 404."""
    try:
        view = make_lists(current()).find(list_id)
    except NotFoundError:
        abort(404)
    if not caller.covers(view.region_code):
        abort(404)
    return view


@counter_pages.get("/desk/payment-lists/<list_id>/list.csv")
@staff_needed(Right.EXPORT_PAYMENT_LIST)
def payment_list_file(caller: Caller, list_id: str) -> ResponseReturnValue:
    """The list as it was made, byte by byte; each time leaves an audit entry."""
    view = _list(caller, list_id)
    try:
        made = make_lists(current()).again(view.kind, view.number, actor=caller.actor)
    except ListChanged:
        abort(500)
    return _download(made.content, "text/csv; charset=utf-8", f"lifecert-{view.kind.value}-{view.number}.csv")


@counter_pages.get("/desk/payment-lists/<list_id>/signature")
@staff_needed(Right.EXPORT_PAYMENT_LIST)
def payment_list_signature(caller: Caller, list_id: str) -> ResponseReturnValue:
    """The detached signature of the list."""
    view = _list(caller, list_id)
    return _download(view.signature_file(), "application/json", f"lifecert-{view.kind.value}-{view.number}.csv.sig")


def _download(content: bytes, content_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, content_type=content_type, headers=headers)
