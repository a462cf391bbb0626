"""A referred verification in one screen: faces and frames when asked for, every value beside its limit, and the decision."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.callers import Caller
from api.context import current
from api.i18n import with_colon
from api.pages import review_words
from api.pages.blueprints import counter_pages
from api.pages.evidence_words import KINDS, SILENT
from api.pages.face_pictures import data_address
from api.pages.staff_only import staff_needed
from api.pages.words import account
from api.request_id import current_request_id
from api.reviews import make_reviews
from api.rights import Right
from models.casework import ReviewDecision
from verify.review import Certification, Frame, Review, ReviewState
from verify.review_errors import (
    AttemptTooOld,
    ReasonMissing,
    ReviewClosed,
    ReviewDecided,
    ReviewError,
    ReviewHeld,
    ReviewOwnSession,
    ReviewUnknown,
)
from verify.review_service import REASON_MAX, Pictures, Verdict
from verify.service_errors import PersonDeceased

FACE_PX = 480
CONFLICT = 409
NOWHERE = "none"


@counter_pages.get("/desk/review/<verification_id>")
@staff_needed(Right.REVIEW_VERIFICATIONS)
def review(caller: Caller, verification_id: str) -> ResponseReturnValue:
    """Everything but the pictures."""
    return _page(caller, _read(caller, verification_id), None)


def _goes_against_somebody() -> bool:
    return request.form.get("decision") == ReviewDecision.SUSPECTED


@counter_pages.post("/desk/review/<verification_id>")
@staff_needed(Right.REVIEW_VERIFICATIONS, fresh=_goes_against_somebody)
def decide_review(caller: Caller, verification_id: str) -> ResponseReturnValue:
    """Show the pictures in this one answer, or decide."""
    what = request.form.get("what", "")
    if what == "uncover":
        try:
            found, pictures = make_reviews(current()).pictures(verification_id, **_who(caller), request_id=current_request_id())
        except ReviewUnknown:
            abort(404)
        return _page(caller, found, pictures)
    decision = request.form.get("decision", "")
    if what != "decide":
        abort(400)
    if decision not in set(ReviewDecision):
        return _page(caller, _read(caller, verification_id), None, wrong=_("Choose what you decide.")), 422
    return _decide(caller, verification_id, Verdict(ReviewDecision(decision), request.form.get("reason", "")))


def _who(caller: Caller) -> dict[str, str]:
    return {"actor": caller.actor, "region": NOWHERE if caller.region is None else caller.region}


def _read(caller: Caller, verification_id: str) -> Review:
    try:
        return make_reviews(current()).read(verification_id, **_who(caller), request_id=current_request_id())
    except ReviewUnknown:
        abort(404)


def _decide(caller: Caller, verification_id: str, verdict: Verdict) -> ResponseReturnValue:
    address = url_for("counter.review", verification_id=verification_id)
    try:
        done = make_reviews(current()).decide(verification_id, verdict, **_who(caller))
    except ReviewUnknown:
        abort(404)
    except ReasonMissing:
        wrong = _("Write why, in at most %(count)s characters. Only a certification needs no words.", count=REASON_MAX)
        return _page(caller, _read(caller, verification_id), None, wrong=wrong), 422
    except (ReviewError, PersonDeceased) as error:
        flash(_refused(error), "warning")
        return _page(caller, _read(caller, verification_id), None), CONFLICT
    said = {
        ReviewDecision.CERTIFIED: _("Certified. The person is told, and the pictures are gone."),
        ReviewDecision.TRY_AGAIN: _("The person is told to try again or to come another way. The pictures are gone."),
        ReviewDecision.SUSPECTED: _("A second person now decides on the case."),
    }
    flash(said[done.decision], "success")
    return redirect(address, 303)


def _refused(error: ReviewError | PersonDeceased) -> str:
    match error:
        case ReviewDecided():
            if error.by is not None:
                return _("%(name)s was faster. You decided nothing; below is what was decided.", name=account(error.by))
            return _("Somebody else was faster. This is the present state.")
        case ReviewHeld():
            return _("Another person has this case: take another one, or ask them to hand it over.")
        case ReviewOwnSession():
            return _("You ran this session yourself: another person decides on it. Nothing was decided.")
        case ReviewClosed():
            return _("Nobody has to decide this any more.")
        case PersonDeceased():
            return _("A death record stands against this person. Clear that up first; nothing was decided.")
        case AttemptTooOld():
            return _("The day of this attempt no longer certifies: ask the person to come again. Nothing was decided.")
        case _:
            raise error


def _page(caller: Caller, found: Review, pictures: Pictures | None, *, wrong: str | None = None) -> str:
    shown = {} if pictures is None else {seq: data_address(data, longest_px=FACE_PX) for seq, data in pictures.frames.items()}
    probe = next((frame for frame in found.frames if frame.probe and frame.shown), None)
    reference = None
    if pictures is not None and pictures.reference is not None:
        reference = data_address(pictures.reference, longest_px=FACE_PX)
    return render_template(
        "desk_review/review.html",
        review=found,
        words=review_words,
        waiting=found.state is ReviewState.WAITING and found.held_by is None and not found.own_session,
        uncovered=pictures is not None,
        pictures=shown,
        reference_picture=reference,
        probe=probe,
        frames=[_frame(frame) for frame in found.frames],
        certified=_certified,
        decisions=[(one, review_words.DECISIONS[one], review_words.DECISION_NOTES[one]) for one in ReviewDecision],
        typed=request.form,
        reason_max=REASON_MAX,
        local=current().policy.certification.local,
        case_url=_case_url(found),
        may_see_timeline=Right.READ_TIMELINE in caller.rights,
        wrong=wrong,
    )


def _case_url(found: Review) -> str | None:
    if found.case_id is not None:
        return url_for("counter.case", case_id=found.case_id)
    return None if found.alert_id is None else url_for("counter.alert", alert_id=found.alert_id)


def _certified(one: Certification) -> str:
    return str(SILENT if one.silent else KINDS[one.kind])


def _frame(frame: Frame) -> dict[str, Any]:
    """One frame in words, for the table and for the script that shows one after the other."""
    weakest = review_words.quality(frame)
    values = [
        {
            "name": label,
            "label": with_colon(label, weakest) if value.name == "quality" and weakest else label,
            "value": review_words.number(value.value, value.unit),
            "asked": review_words.asked(value),
            "means": review_words.fits(value),
            "fits": value.fits,
        }
        for value, label in ((value, review_words.figure(value.name)) for value in frame.values)
    ]
    return {
        "seq": frame.seq,
        "time": review_words.seconds(frame.at_ms),
        "prompt": review_words.prompt(frame),
        "hints": [review_words.reason(hint) for hint in frame.hints],
        "probe": frame.probe,
        "values": values,
    }
