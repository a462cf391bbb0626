"""From name to result: identify, consent, what will happen, camera, result."""

from __future__ import annotations

import re

from flask import abort, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import TooManyRequests

from api import limits
from api.context import Context, current
from api.i18n import current_language
from api.limits import Limited, client_address
from api.pages import people
from api.pages.blueprints import pages
from api.pages.consent_text import consent_text, consented_to_this_text
from api.pages.forms import IdentifyForm
from api.pages.people import PersonCard
from api.pages.results import result_page
from api.pages.session_person import ATTEMPT_KEY, NEXT_KEY, channel, is_helping, person_needed, remember
from api.pages.trouble_words import TROUBLES
from api.pages.words import camera_words
from api.sign_in_limit import SignInLimit
from models.consent import ConsentPurpose
from verify.views import ChallengeKind

START_URL = "/api/v1/verifications"
LINK_DAYS = 30
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{8,400}")
AFTER_IDENTIFYING = {"certify": "pages.certify", "status": "pages.status", "withdraw": "pages.withdraw"}


def _links(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(context.keyring.derive("link for one person"), salt="lifecert-person-link")


def link_for_one_person(context: Context, person_id: str) -> str:
    """Address that knows one person, for a message to them. It carries a signed opaque id, and works for LINK_DAYS days."""
    return f"{context.settings.base_url}/p/{_links(context).dumps(person_id)}"


@pages.get("/p/<token>")
def personal_link(token: str) -> ResponseReturnValue:
    """Come in by a message's link."""
    context = current()
    try:
        person_id = _links(context).loads(token, max_age=LINK_DAYS * 24 * 3600)
    except BadSignature:
        person_id = None
    if not isinstance(person_id, str) or people.card(context, person_id) is None:
        actions = [
            {"url": url_for("pages.identify"), "words": _("Give name and identity card number")},
            {"url": url_for("pages.other_ways"), "words": _("Other ways than the face")},
        ]
        lead = _("It may be too old, or was not copied completely. You can go on with your name and identity card number.")
        return render_template("pages/gone.html", title=_("This link no longer works"), lead=lead, actions=actions), 404
    remember(person_id)
    return redirect(url_for("pages.certify"), 303)


@pages.route("/identify", methods=["GET", "POST"])
def identify() -> ResponseReturnValue:
    """Who is it?"""
    form = IdentifyForm()
    neutral = None
    status = 200
    if form.validate_on_submit():
        # by number and address, so that many people can be helped from one line, and one number cannot be tried with many names
        limit = SignInLimit(current(), limits.limits_of(current_app), "identify")
        number, address = form.compact_id(), client_address()
        limits.check(Limited.IDENTIFYING_FROM_ADDRESS, address)
        limits.check(Limited.IDENTIFYING_OF_NUMBER, number)
        wait = limit.begin(number, address)
        if wait:
            raise TooManyRequests(retry_after=wait)
        person_id = people.identify(current(), form.full_name.data, number)
        if person_id is not None:
            limit.succeeded(number, address)
            then = AFTER_IDENTIFYING.get(session.get(NEXT_KEY, ""), "pages.certify")
            remember(person_id)
            return redirect(url_for(then), 303)
        neutral = _("We could not find this name with this number. Compare both with the identity card, or call 12333.")
        status = 422
    elif form.is_submitted():
        status = 422
    helping = is_helping()
    words = {
        "title": _("Whom are you helping?") if helping else _("Who are you?"),
        "lead": _("Write what is on their identity card.") if helping else _("Write what is on your identity card."),
        "back_url": url_for("pages.start"),
    }
    return render_template("pages/identify.html", form=form, neutral=neutral, **words), status


@pages.get("/certify")
@person_needed("certify")
def certify(card: PersonCard) -> ResponseReturnValue:
    """The next step for this person: consent, or straight to what will happen."""
    agreed = consented_to_this_text(card.person_id)
    # a helper's phone asks each person anew, whoever agreed before and wherever
    return redirect(url_for("pages.how" if agreed and not is_helping() else "pages.consent"), 303)


@pages.get("/certify/consent")
@person_needed("certify")
def consent(_card: PersonCard) -> ResponseReturnValue:
    """May we use your face?"""
    return render_template("pages/consent.html", **consent_text())


@pages.post("/certify/consent")
@person_needed("certify")
def consent_answer(card: PersonCard) -> ResponseReturnValue:
    """Yes, or another way. A page that showed an older text is shown again."""
    if request.form.get("answer") != "yes":
        return redirect(url_for("pages.other_ways"), 303)
    version = consent_text()["text_version"]
    if request.form.get("text_version") != version:
        return redirect(url_for("pages.consent"), 303)
    current().verification.references.give_consent(
        card.person_id,
        purpose=ConsentPurpose.FACE_VERIFICATION,
        text_version=version,
        language=current_language(),
        channel=channel(),
    )
    return redirect(url_for("pages.how"), 303)


@pages.get("/certify/how")
@person_needed("certify")
def how(_card: PersonCard) -> ResponseReturnValue:
    """What will happen, before it does."""
    gentle = request.args.get("way") == "gentle"
    return render_template("pages/how.html", gentle=gentle, camera_url=url_for("pages.camera", way="gentle" if gentle else None))


@pages.get("/certify/camera")
@person_needed("certify")
def camera(card: PersonCard) -> ResponseReturnValue:
    """The camera."""
    if not consented_to_this_text(card.person_id):
        return redirect(url_for("pages.consent"), 303)
    gentle = request.args.get("way") == "gentle"
    return camera_page(
        card.person_id,
        gentle=gentle,
        channel_name=channel().value,
        back_url=url_for("pages.how", way="gentle" if gentle else None),
        gentle_url=url_for("pages.how", way="gentle"),
        done_url=url_for("pages.done"),
    )


def camera_page(person_id: str, *, gentle: bool, channel_name: str, back_url: str, gentle_url: str, done_url: str) -> str:
    """The camera page for anyone who may start a verification of this person."""
    return render_template(
        "pages/camera.html",
        person_id=person_id,
        kind=(ChallengeKind.GENTLE if gentle else ChallengeKind.STANDARD).value,
        channel=channel_name,
        start_url=START_URL,
        back_url=back_url,
        gentle_url=gentle_url,
        done_url=done_url,
        troubles=TROUBLES,
        words=camera_words(),
        max_bytes=current().policy.verification.capture.frame.max_bytes,
    )


def posted_attempt() -> tuple[str, str]:
    """Verification id and token that the camera page posts. Aborts with 400 for anything that cannot be one."""
    verification_id, token = request.form.get("verification_id", ""), request.form.get("token", "")
    if not _TOKEN.fullmatch(verification_id) or not _TOKEN.fullmatch(token):
        abort(400)
    return verification_id, token


@pages.post("/certify/done")
@person_needed("certify")
def done(_card: PersonCard) -> ResponseReturnValue:
    """The camera page is through: keep which attempt it was, and show its result."""
    session[ATTEMPT_KEY] = posted_attempt()
    return redirect(url_for("pages.result"), 303)


@pages.get("/certify/result")
@person_needed("certify")
def result(_card: PersonCard) -> ResponseReturnValue:
    """What came of it."""
    attempt = session.get(ATTEMPT_KEY)
    if not attempt:
        return redirect(url_for("pages.status"), 303)
    return result_page(
        *attempt,
        again_url=url_for("pages.how"),
        pdf_url=url_for("pages.certificate_pdf"),
        qr_url=url_for("pages.certificate_qr"),
        gone_url=url_for("pages.certify"),
    )


@pages.route("/consent/withdraw", methods=["GET", "POST"])
@person_needed("withdraw")
def withdraw(card: PersonCard) -> ResponseReturnValue:
    """Withdraw the consent."""
    service = current().verification.references
    if request.method == "POST":
        service.withdraw_consent(card.person_id, actor="person")
        return redirect(url_for("pages.withdraw"), 303)
    return render_template("pages/withdraw.html", consented=service.has_consent(card.person_id))
