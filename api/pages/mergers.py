"""Two records of one human being: held side by side, merged, and split again."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import Context, current
from api.pages import people
from api.pages.blueprints import counter_pages
from api.pages.counter import card_or_404
from api.pages.forms import FindForm
from api.pages.people import PersonCard
from api.pages.staff_only import reach, record_look, record_looks, staff_needed
from api.pages.timeline_words import yuan
from api.pages.words import STAFF_STANDINGS
from api.rights import Right
from models.errors import ConflictError
from verify.merge_service import REASON_MAX, MergeService

CONFLICT = 409


def merge_service(context: Context) -> MergeService:
    """On the running store under the policy in force."""
    return MergeService(context.database, context.policy.certification, context.clock)


@counter_pages.route("/desk/person/<person_id>/merge", methods=["GET", "POST"])
@staff_needed(Right.MERGE_PERSONS)
def merge(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Find the other record; and the records that are merged into this person already."""
    card = card_or_404(caller, person_id)
    record_look(caller, reach(caller, person_id), "mergers_seen")
    form = FindForm()
    found: list[PersonCard] | None = None
    if form.validate_on_submit():
        found = [other for other in people.search(current(), form.text.data, caller.region) if other.person_id != card.person_id]
    return _merge_page(card, form, found, None), 422 if form.errors else 200


def _merge_page(card: PersonCard, form: FindForm, found: list[PersonCard] | None, wrong: str | None) -> str:
    merged = merge_service(current()).merged(card.person_id)
    return render_template("desk_person/merge.html", card=card, form=form, found=found, merged=merged, wrong=wrong, reason_max=REASON_MAX)


@counter_pages.route("/desk/person/<person_id>/merge/<other_id>", methods=["GET", "POST"])
@staff_needed(Right.MERGE_PERSONS, fresh=lambda: request.method == "POST")
def compare_records(caller: Caller, person_id: str, other_id: str) -> ResponseReturnValue:
    """Both records side by side; one is kept as the one that speaks."""
    one, other = reach(caller, person_id), reach(caller, other_id)
    if one.key == other.key:
        if request.method == "POST":
            return _overtaken(caller, one.person_id)
        flash(_("Both are one person already."), "warning")
        return redirect(url_for("counter.merge", person_id=one.person_id), 303)
    service = merge_service(current())
    if request.method == "GET":
        record_looks(caller, (one, other), "records_compared")
        return _compare_page(service, one.person_id, other.person_id, None), 200
    kept, reason = request.form.get("kept", ""), request.form.get("reason", "").strip()
    if not 0 < len(reason) <= REASON_MAX or kept not in {one.person_id, other.person_id}:
        wrong = _("Write why both are one person, in at most %(count)s characters.", count=REASON_MAX)
        return _compare_page(service, one.person_id, other.person_id, wrong), 422
    merged = other.person_id if kept == one.person_id else one.person_id
    try:
        done = service.merge(kept, merged, reason=reason, actor=caller.actor)
    except ConflictError:
        return _overtaken(caller, kept)
    flash(_("Merged. The status is worked out from all records together."), "success")
    return redirect(url_for("counter.person", person_id=done.person_id), 303)


def _overtaken(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The records as they stand now, for whoever was slower: the page says who merged what."""
    said = _("Somebody else was faster. You changed nothing; this is the present state.")
    return _merge_page(card_or_404(caller, person_id), FindForm(formdata=None), None, said), CONFLICT


def _compare_page(service: MergeService, one: str, other: str, wrong: str | None) -> str:
    views = service.compare((one, other))
    return render_template(
        "desk_person/compare.html",
        views=views,
        standings=[STAFF_STANDINGS[view.status.state.value] for view in views],
        paid=[yuan(view.paid_fen) for view in views],
        wrong=wrong,
        typed=request.form,
        reason_max=REASON_MAX,
    )


@counter_pages.post("/desk/person/<person_id>/split/<record_id>")
@staff_needed(Right.MERGE_PERSONS, fresh=True)
def split(caller: Caller, person_id: str, record_id: str) -> ResponseReturnValue:
    """Take a record out again."""
    card = card_or_404(caller, person_id)
    if reach(caller, record_id).key != reach(caller, person_id).key:
        abort(404)
    reason = request.form.get("reason", "").strip()
    if not 0 < len(reason) <= REASON_MAX:
        wrong = _("Write why they are two persons, in at most %(count)s characters.", count=REASON_MAX)
        return _merge_page(card, FindForm(formdata=None), None, wrong), 422
    try:
        done = merge_service(current()).split(record_id, reason=reason, actor=caller.actor)
    except ConflictError:
        return _overtaken(caller, person_id)
    flash(_("Split. Each record is again what it was."), "success")
    return redirect(url_for("counter.person", person_id=done.person_id), 303)
