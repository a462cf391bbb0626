"""The counter: find a person, see where they stand, certify them on the spot."""

from __future__ import annotations

from flask import abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from api.callers import Caller
from api.context import current
from api.i18n import current_language
from api.pages import people
from api.pages.blueprints import counter_pages
from api.pages.certificate import newest, pdf_answer, qr_answer
from api.pages.certify import camera_page, posted_attempt
from api.pages.consent_text import consent_text, consented_to_this_text
from api.pages.evidence_words import KINDS
from api.pages.forms import FindForm, RevokeForm
from api.pages.own_address import own_address
from api.pages.people import PersonCard
from api.pages.results import result_page
from api.pages.session_person import ATTEMPT_KEY
from api.pages.staff_only import reach, record_look, staff_needed
from api.pages.words import STAFF_STANDINGS, STANDINGS
from api.rights import Right
from models.consent import ConsentPurpose
from models.errors import NotFoundError
from verify.evidence_rules import BY_STAFF
from verify.views import Channel

FOUND_KEY = "found"  # public ids of the last search; nothing that was typed is kept
THEME_COOKIE = "lifecert_theme"
THEMES = ("light", "dark")
THEME_COOKIE_S = 365 * 24 * 3600


@counter_pages.app_context_processor
def _theme() -> dict[str, object]:
    chosen = request.cookies.get(THEME_COOKIE, "") if request else ""
    theme = chosen if chosen in THEMES else ""
    return {"theme": theme, "theme_attribute": Markup(' data-bs-theme="{}"').format(theme) if theme else ""}


@counter_pages.post("/counter/theme")
def choose_theme() -> ResponseReturnValue:
    """Light or dark, for those who look at it all day; on the page they are at."""
    answer = redirect(own_address(request.form.get("next", ""), url_for("counter.desk")), 303)
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        secure = current().settings.base_url.startswith("https://")
        answer.set_cookie(THEME_COOKIE, chosen, max_age=THEME_COOKIE_S, secure=secure, httponly=True, samesite="Lax")
    return answer


@counter_pages.route("/counter", methods=["GET", "POST"])
@staff_needed(Right.FIND_PERSON)
def home(caller: Caller) -> ResponseReturnValue:
    """Find a person. What was typed goes in the body, never into an address."""
    form = FindForm()
    if form.validate_on_submit():
        found = people.search(current(), form.text.data, caller.region)
        session[FOUND_KEY] = [card.person_id for card in found]
        if len(found) == 1:
            return redirect(url_for("counter.person", person_id=found[0].person_id), 303)
        return redirect(url_for("counter.found"), 303)
    return _search_page(form, None), 422 if form.is_submitted() else 200


@counter_pages.get("/counter/found")
@staff_needed(Right.FIND_PERSON)
def found(caller: Caller) -> ResponseReturnValue:
    """The persons of the last search, masked."""
    context = current()
    cards = [card for person_id in session.get(FOUND_KEY, []) if (card := people.card(context, person_id)) is not None]
    visible = [card for card in cards if caller.covers(card.region_code)]
    return _search_page(FindForm(formdata=None), visible)


def _search_page(form: FindForm, cards: list[PersonCard] | None) -> str:
    context = current()
    return render_template("counter/home.html", form=form, cards=cards, engine=context.engine, engine_note=context.engine_note)


def card_or_404(caller: Caller, person_id: str) -> PersonCard:
    """The person, when this member of staff may see them."""
    reach(caller, person_id)
    card = people.card(current(), person_id)
    if card is None:
        abort(404)
    return card


@counter_pages.get("/counter/person/<person_id>")
@staff_needed(Right.READ_STATUS)
def person(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Everything the counter needs to know about one person."""
    context = current()
    record_look(caller, reach(caller, person_id), "person_seen")
    try:
        seen = people.overview(context, person_id)
    except NotFoundError:
        abort(404)
    return render_template(
        "counter/person.html",
        card=seen.card,
        standing=seen.standing,
        words=STANDINGS[seen.standing.state],
        status_words=STAFF_STANDINGS[seen.standing.state],
        reference=seen.reference,
        certificates=seen.certificates,
        consents=seen.consents,
        consented=seen.consented,
        revoke_form=RevokeForm(),
        recordable=[(kind.value, words) for kind, words in KINDS.items() if kind in BY_STAFF],
        may={right.value: right in caller.rights for right in Right},
        engine=context.engine,
        engine_note=context.engine_note,
    )


@counter_pages.route("/counter/person/<person_id>/consent", methods=["GET", "POST"])
@staff_needed(Right.RECORD_CONSENT)
def consent(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Read the text to the person, and record what they say."""
    card = card_or_404(caller, person_id)
    text = consent_text()
    if request.method == "POST":
        if request.form.get("answer") == "yes" and request.form.get("text_version") == text["text_version"]:
            current().verification.references.give_consent(
                person_id,
                purpose=ConsentPurpose.FACE_VERIFICATION,
                text_version=text["text_version"],
                language=current_language(),
                channel=Channel.COUNTER,
                actor=caller.actor,
            )
        elif request.form.get("answer") == "withdraw":
            current().verification.references.withdraw_consent(person_id, actor=caller.actor)
        return redirect(url_for("counter.person", person_id=person_id), 303)
    earlier = current().verification.references.has_consent(person_id)
    return render_template("counter/consent.html", card=card, consented=consented_to_this_text(person_id), earlier=earlier, **text)


@counter_pages.get("/counter/person/<person_id>/camera")
@staff_needed(Right.START_VERIFICATION)
def camera(caller: Caller, person_id: str) -> ResponseReturnValue:
    """Certify the person who is here, by the counter's camera."""
    card_or_404(caller, person_id)
    if not consented_to_this_text(person_id):
        return redirect(url_for("counter.consent", person_id=person_id), 303)
    return camera_page(
        person_id,
        gentle=request.args.get("way") == "gentle",
        channel_name=Channel.COUNTER.value,
        back_url=url_for("counter.person", person_id=person_id),
        gentle_url=url_for("counter.camera", person_id=person_id, way="gentle"),
        done_url=url_for("counter.done", person_id=person_id),
    )


@counter_pages.post("/counter/person/<person_id>/done")
@staff_needed(Right.START_VERIFICATION)
def done(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The camera page is through."""
    card_or_404(caller, person_id)
    session[ATTEMPT_KEY] = posted_attempt()
    return redirect(url_for("counter.result", person_id=person_id), 303)


@counter_pages.get("/counter/person/<person_id>/result")
@staff_needed(Right.START_VERIFICATION)
def result(caller: Caller, person_id: str) -> ResponseReturnValue:
    """What came of it, on the counter's screen."""
    card_or_404(caller, person_id)
    attempt = session.get(ATTEMPT_KEY)
    if not attempt:
        return redirect(url_for("counter.person", person_id=person_id), 303)
    return result_page(
        *attempt,
        again_url=url_for("counter.camera", person_id=person_id),
        pdf_url=url_for("counter.certificate", person_id=person_id),
        qr_url=url_for("counter.certificate_code", person_id=person_id),
        gone_url=url_for("counter.person", person_id=person_id),
        at_counter=person_id,
    )


@counter_pages.get("/counter/person/<person_id>/certificate.pdf")
@staff_needed(Right.READ_CERTIFICATE)
def certificate(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The newest certificate, to print for the person."""
    card_or_404(caller, person_id)
    newest_one = newest(current(), person_id)
    if newest_one is None:
        abort(404)
    return pdf_answer(current(), newest_one)


@counter_pages.get("/counter/person/<person_id>/certificate.png")
@staff_needed(Right.READ_CERTIFICATE)
def certificate_code(caller: Caller, person_id: str) -> ResponseReturnValue:
    """The square code of the newest certificate."""
    card_or_404(caller, person_id)
    newest_one = newest(current(), person_id)
    if newest_one is None:
        abort(404)
    return qr_answer(current(), newest_one)
