"""Requests about people's own data at the desk: written down at the counter, answered by one, signed by a second."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api import privacy_words
from api.callers import Caller
from api.context import current
from api.i18n import current_language
from api.pages.blueprints import counter_pages
from api.pages.counter import card_or_404
from api.pages.outreach import region_of
from api.pages.privacy_words import KINDS, LACKS, MEANWHILE, STATES, WAITS
from api.pages.staff_only import reach, record_look, staff_needed
from api.privacy import make_privacy
from api.rights import Right
from models.actors import same_actor
from models.errors import ConflictError, NotFoundError
from models.identifiers import mask_name
from models.privacy import PrivacyKind, PrivacyState
from models.region import region_prefix
from verify.privacy_service import PrivacyRefused, RequestView

PAGE = 50
CONFLICT = 409


@counter_pages.route("/counter/person/<person_id>/data", methods=["GET", "POST"])
@staff_needed(Right.ASK_PRIVACY)
def person_data(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Write down what a person asks for about their own data."""
    card = card_or_404(caller, person_id)
    service, problem, status = make_privacy(current()), None, 200
    if request.method == "POST":
        kind = request.form.get("kind", "")
        if kind not in {PrivacyKind.CORRECTION.value, PrivacyKind.DELETION.value}:
            problem, status = _("Choose correction or deletion."), 422
        else:
            try:
                service.ask(person_id, PrivacyKind(kind), wish=request.form.get("wish", ""), channel="counter", actor=caller.actor)
            except PrivacyRefused as refused:
                problem, status = str(LACKS[refused.lack]), 422
            except ConflictError:
                problem, status = str(WAITS), 409
            else:
                flash(_("The request is written down. Another person answers it."), "success")
                return redirect(url_for("counter.person_data", person_id=person_id), 303)
    elif request.method == "GET":
        record_look(caller, reach(caller, person_id), "privacy_requests_seen")
    asked = service.of_person(person_id)
    policy = current().policy
    page = render_template(
        "privacy/person_data.html",
        card=card,
        asked=asked,
        kinds=KINDS,
        states=STATES,
        today=policy.certification.today,
        days=policy.privacy.answer_days,
        longest=policy.privacy.wish_characters,
        problem=problem,
        may_issue=Right.ISSUE_STATUS_CODE in caller.rights,
    )
    return page, status


@counter_pages.get("/desk/privacy-requests")
@staff_needed(Right.ANSWER_PRIVACY, Right.SIGN_PRIVACY)
def privacy_requests(caller: Caller) -> ResponseReturnValue:
    """What waits, that first which is due first; or the last answered."""
    answered = request.args.get("state") == "answered"
    prefix = region_prefix(region_of(caller))
    found = make_privacy(current()).listing(prefix, waiting=not answered, after=_cursor(), limit=PAGE + 1)
    shown = found[:PAGE]
    following = None
    if len(found) > PAGE:
        last = shown[-1]
        after = f"{last.due_on.isoformat()}.{last.key}"
        following = url_for("counter.privacy_requests", state="answered" if answered else None, after=after)
    return render_template(
        "privacy/requests.html",
        lines=[(view, mask_name(view.name)) for view in shown],
        answered=answered,
        following=following,
        kinds=KINDS,
        states=STATES,
        today=current().policy.certification.today,
    )


def _cursor() -> tuple[date, int] | None:
    day, _dot, key = request.args.get("after", "").partition(".")
    try:
        return (date.fromisoformat(day), int(key)) if key.isascii() and key.isdigit() and len(key) < 19 else None
    except ValueError:
        return None


def _request(caller: Caller, request_id: str) -> RequestView:
    """The request, when this member of staff may see its person; else 404."""
    try:
        view = make_privacy(current()).one(request_id)
    except NotFoundError:
        abort(404)
    reach(caller, view.person_id)
    return view


@counter_pages.get("/desk/privacy-requests/<request_id>")
@staff_needed(Right.ANSWER_PRIVACY, Right.SIGN_PRIVACY)
def privacy_request(caller: Caller, request_id: str) -> ResponseReturnValue:
    """One request."""
    view = _request(caller, request_id)
    record_look(caller, reach(caller, view.person_id), "privacy_request_seen")
    return _page(caller, view)


def _page(caller: Caller, view: RequestView, *, problem: str | None = None, wish: str | None = None) -> str:
    own = any(other is not None and same_actor(other, caller.actor) for other in (view.asked_by, view.prepared_by))
    language = current_language()
    kept: list[dict[str, Any]] = [
        {
            "what": privacy_words.words("tables", one["what"], language),
            "rows": one["rows"],
            "why": privacy_words.words("reasons", one["why"], language),
            "until": one["until"],
        }
        for one in view.kept
    ]
    return render_template(
        "privacy/request.html",
        view=view,
        name=mask_name(view.name),
        kind=KINDS[view.kind],
        state=STATES[view.state],
        today=current().policy.certification.today,
        deleted=[(privacy_words.words("deleted", what, language), rows) for what, rows in view.deleted.items()],
        kept=kept,
        own=own,
        may_answer=view.state is PrivacyState.OPEN and Right.ANSWER_PRIVACY in caller.rights and not own,
        may_sign=view.state is PrivacyState.PREPARED and Right.SIGN_PRIVACY in caller.rights and not own,
        problem=problem,
        wish=wish,
    )


@counter_pages.post("/desk/privacy-requests/<request_id>/wish")
@staff_needed(Right.ANSWER_PRIVACY, Right.SIGN_PRIVACY)
def privacy_request_wish(caller: Caller, request_id: str) -> ResponseReturnValue:
    """Show what the person wrote, which leaves an audit entry."""
    view = _request(caller, request_id)
    return _page(caller, view, wish=make_privacy(current()).wish(request_id, actor=caller.actor) or "")


@counter_pages.post("/desk/privacy-requests/<request_id>/answer")
@staff_needed(Right.ANSWER_PRIVACY, fresh=True)
def privacy_request_answer(caller: Caller, request_id: str) -> ResponseReturnValue:
    """Prepare the answer."""
    view = _request(caller, request_id)
    answer = request.form.get("answer", "")
    if answer not in {"carry_out", "refuse"}:
        return _page(caller, view, problem=_("Choose whether it is carried out.")), 422
    try:
        state = make_privacy(current()).prepare(
            request_id, carry_out=answer == "carry_out", note=request.form.get("note", ""), actor=caller.actor
        )
    except PrivacyRefused as refused:
        return _page(caller, view, problem=str(LACKS[refused.lack])), 422
    except ConflictError:
        return _overtaken(caller, request_id)
    waits = state is PrivacyState.PREPARED
    flash(_("Prepared. Another person has to sign it.") if waits else _("The answer is recorded; the person sees it."), "success")
    return redirect(url_for("counter.privacy_request", request_id=request_id), 303)


@counter_pages.post("/desk/privacy-requests/<request_id>/signature")
@staff_needed(Right.SIGN_PRIVACY, fresh=True)
def privacy_request_sign(caller: Caller, request_id: str) -> ResponseReturnValue:
    """Sign what was prepared, or send it back."""
    view = _request(caller, request_id)
    decision = request.form.get("decision", "")
    if decision not in {"sign", "send_back"}:
        return _page(caller, view, problem=_("Sign it, or send it back.")), 422
    try:
        make_privacy(current()).sign(request_id, agree=decision == "sign", actor=caller.actor)
    except PrivacyRefused as refused:
        return _page(caller, view, problem=str(LACKS[refused.lack])), 422
    except ConflictError:
        return _overtaken(caller, request_id)
    flash(_("Done; the person sees it.") if decision == "sign" else _("Sent back to be answered anew."), "success")
    return redirect(url_for("counter.privacy_request", request_id=request_id), 303)


def _overtaken(caller: Caller, request_id: str) -> ResponseReturnValue:
    """The request as it stands now, for whoever was slower: the page says who prepared and who signed."""
    return _page(caller, _request(caller, request_id), problem=str(MEANWHILE)), CONFLICT
