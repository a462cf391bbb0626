"""The result of one attempt, for the person and for the counter."""

from __future__ import annotations

from typing import Any

from flask import make_response, redirect, render_template, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.context import current
from api.pages.camera_answer import answer_words
from api.pages.session_person import TRIES_KEY
from api.pages.words import DECIDING, RESULTS, RETRY_WITH_PERSON, UNFINISHED, advice_of
from verify.evidence import Outcome, Reason
from verify.service_errors import VerificationUnknown
from verify.views import AnswerState, VerificationState, VerificationView

LOOK_AGAIN_S = 2
SHOWN_TRIES = 12  # the cookie keeps no more than this


def tries_that_ended_in_retry(view: VerificationView) -> int:
    """How many different attempts of this person ended in "once more" in this browser, the present one included."""
    tries = [known for known in session.get(TRIES_KEY, []) if known != view.verification_id]
    if view.outcome is Outcome.RETRY:
        tries.append(view.verification_id)
        session[TRIES_KEY] = tries[-SHOWN_TRIES:]
    return len(tries)


def wait_words(seconds: int) -> str:
    """How long to wait before the next try, in words; empty when there is nothing to wait for."""
    if seconds <= 0:
        return ""
    if seconds < 60:
        return _("You can try again in %(seconds)s seconds.", seconds=seconds)
    return _("You can try again in %(minutes)s minutes.", minutes=-(-seconds // 60))


def result_page(
    verification_id: str,
    token: str,
    *,
    again_url: str,
    pdf_url: str,
    qr_url: str,
    gone_url: str,
    at_counter: str | None = None,
) -> ResponseReturnValue:
    """Render what came of the attempt; back to the beginning when the token does not open one."""
    context = current()
    try:
        view = context.verification.state(verification_id, token)
    except VerificationUnknown:
        return redirect(gone_url, 303)
    answer = make_response(
        render_template("pages/result.html", pdf_url=pdf_url, qr_url=qr_url, at_counter=at_counter, **_content(view, again_url=again_url))
    )
    if view.state is VerificationState.DECIDING:
        answer.headers["Refresh"] = str(LOOK_AGAIN_S)
    return answer


def _content(view: VerificationView, *, again_url: str) -> dict[str, Any]:
    context = current()
    content: dict[str, Any] = {"words": UNFINISHED, "advice": [], "certificate": None, "offer_person": False, "again_url": again_url}
    tries = tries_that_ended_in_retry(view)
    if view.state is VerificationState.DECIDING:
        return content | {"words": DECIDING, "again_url": None}
    if view.state is VerificationState.EXPIRED:
        content["advice"] = advice_of((Reason.SESSION_EXPIRED,), view.kind)
    if view.state is not VerificationState.DECIDED or view.outcome is None:
        return content
    content["words"] = RESULTS[view.outcome]
    if view.outcome is Outcome.CERTIFIED:
        content |= _certificate(view)
    elif view.outcome is Outcome.RETRY:
        content["advice"] = advice_of(view.reasons, view.kind)
        if tries >= context.policy.retry.offer_other_ways_after:
            content |= {"words": RETRY_WITH_PERSON, "offer_person": True}
        content |= _next_try(view, again_url)
    elif view.outcome is Outcome.REFER:
        content |= _answered(view, again_url)
    else:
        content |= {"offer_person": True, **_next_try(view, again_url)}
    return content


def _certificate(view: VerificationView) -> dict[str, Any]:
    """The certificate that the attempt led to, at once or after a person looked."""
    if view.certificate_id is None:
        return {"again_url": None}
    certificate = current().verification.certificates.read(view.certificate_id)
    return {"certificate": certificate, "again_url": None, "check_url": f"/c/{certificate.check_token}"}


def _answered(view: VerificationView, again_url: str) -> dict[str, Any]:
    """What a person made of it, or until when they look."""
    if view.answer is None:
        return {"again_url": None}
    words = {"words": answer_words(view.answer)}
    match view.answer.state:
        case AnswerState.CERTIFIED:
            return words | _certificate(view)
        case AnswerState.TRY_AGAIN:
            return words | {"offer_person": True, **_next_try(view, again_url)}
        case _:
            return words | {"again_url": None}


def _next_try(view: VerificationView, again_url: str) -> dict[str, Any]:
    if view.retry_after_s > 0:
        return {"again_url": None, "wait_words": wait_words(view.retry_after_s)}
    return {"again_url": again_url}
