"""See my status: name and number, a one-time code, and what is known of oneself, masked."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import abort, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from api import limits
from api.callers import Caller
from api.context import current
from api.limits import Limited, client_address
from api.pages.blueprints import counter_pages, pages
from api.pages.camera_answer import answer_words
from api.pages.certificate import newest, pdf_answer
from api.pages.counter import card_or_404
from api.pages.evidence_words import KINDS, SILENT
from api.pages.forms import IdentifyForm
from api.pages.session_person import STATUS_ASKED_KEY, STATUS_OPEN_KEY
from api.pages.staff_only import staff_needed
from api.pages.words import STANDINGS
from api.rights import Right
from api.sign_in_limit import SignInLimit
from api.status_page import CodeSending, SealedNote, status_code_service
from verify.service_errors import PersonUnknown
from verify.status_code_service import OUTREACH_MESSAGE
from verify.views import AnswerState

TRIES_KEY = "status_tries"
WAYS = ("message", "counter")
MESSAGES: dict[str, LazyString] = {
    "person.certified": lazy_gettext("You are confirmed"),
    "person.certified_silently": lazy_gettext("You are confirmed; nothing was needed of you"),
    "person.assisted": lazy_gettext("You are confirmed through another region"),
    "verification.certified": lazy_gettext("You are confirmed by camera"),
    "verification.refer": lazy_gettext("A person looks at your camera check"),
    "verification.reviewed.certified": lazy_gettext("A person has looked at your camera check: you are confirmed"),
    "verification.reviewed.try_again": lazy_gettext("A person has looked at your camera check: please try again, or come another way"),
    "verification.retry": lazy_gettext("Please try the camera once more"),
    "verification.refused": lazy_gettext("Your camera check could not be confirmed"),
    OUTREACH_MESSAGE: lazy_gettext("A reminder to confirm"),
}
NEXT: dict[str, LazyString] = {
    "certified": lazy_gettext("You need not do anything now. We write to you before the next time."),
    "due_soon": lazy_gettext("Confirm before the date below: by camera, at a counter, by video call, or let us come to your home."),
    "overdue": lazy_gettext("Confirm now: by camera, at a counter, by video call, or let us come to your home. Then all is well again."),
    "never_certified": lazy_gettext("Confirm for the first time: by camera, at a counter, by video call, or let us come to your home."),
    "paused": lazy_gettext(
        "Call 12333 or come to a counter. Once you are confirmed, the payment goes on from the next month, with what was held back."
    ),
    "deceased": lazy_gettext("Call 12333 or come to a counter, with your identity card. Nothing is decided by a machine."),
}


def _asked() -> SealedNote:
    context = current()
    return SealedNote(STATUS_ASKED_KEY, context.keyring, context.clock, timedelta(minutes=context.policy.status_page.code_minutes))


def _opened() -> SealedNote:
    context = current()
    return SealedNote(STATUS_OPEN_KEY, context.keyring, context.clock, timedelta(minutes=context.policy.status_page.open_minutes))


def opened_by_code() -> str | None:
    """Public id of the person whose status page is open in this browser, by a one-time code; None when none is, or for too long."""
    return _opened().who()


def code_sending() -> CodeSending:
    """The sender of this process, made when it is first needed."""
    extensions = current_app.extensions
    if "lifecert_code_sending" not in extensions:
        extensions.setdefault("lifecert_code_sending", CodeSending(current()))
    sending: CodeSending = extensions["lifecert_code_sending"]
    return sending


@pages.route("/my-status", methods=["GET", "POST"])
def my_status() -> ResponseReturnValue:
    """Who is it, and how does the code come?"""
    if request.method == "GET" and _opened().who() is not None:
        return redirect(url_for("pages.my_status_open"), 303)
    form = IdentifyForm()
    if not form.validate_on_submit():
        return render_template("pages/my_status.html", form=form), 422 if form.is_submitted() else 200
    context = current()
    number, address = form.compact_id(), client_address()
    limits.check(Limited.STATUS_CODES_FROM_ADDRESS, address)
    # every asking counts, also one that finds somebody: otherwise the wait itself would tell
    wait = SignInLimit(context, limits.limits_of(current_app), "status_code").begin(number, address)
    if wait:
        raise TooManyRequests(retry_after=wait)
    way = request.form.get("way", WAYS[0])
    asked = status_code_service(context).ask(form.full_name.data or "", number, by_message=way != "counter")
    if asked.to_send is not None:
        minutes = context.policy.status_page.code_minutes
        text = _(
            "Lifecert: your code is %(code)s. It holds %(minutes)s minutes. Tell it to nobody; we never ask for it.",
            code=asked.to_send.code,
            minutes=minutes,
        )
        code_sending().send(asked.to_send, text)
    _asked().put(asked.who)
    session[TRIES_KEY] = 0
    return redirect(url_for("pages.my_status_code", way=way if way in WAYS else WAYS[0]), 303)


@pages.route("/my-status/code", methods=["GET", "POST"])
def my_status_code() -> ResponseReturnValue:
    """The code."""
    note = _asked()
    who = note.who()
    if who is None:
        return redirect(url_for("pages.my_status"), 303)
    policy = current().policy.status_page
    wrong = None
    if request.method == "POST":
        code = re.sub(r"\s", "", request.form.get("code", ""))
        tries = int(session.get(TRIES_KEY, 0))
        if len(code) != policy.code_digits or not (code.isascii() and code.isdigit()):
            wrong = _("The code has %(count)s digits. Compare it with the message or the paper.", count=policy.code_digits)
        elif tries < policy.tries and status_code_service(current()).open(who, code):
            note.drop()
            session.pop(TRIES_KEY, None)
            _opened().put(who)
            return redirect(url_for("pages.my_status_open"), 303)
        else:
            session[TRIES_KEY] = tries + 1
            wrong = _("This code does not open the page. It may be mistyped, used or too old.")
            if tries + 1 >= policy.tries:
                wrong = _("The tries for this code are used up. Begin again and ask for a new one.")
    by_paper = request.args.get("way") == "counter"
    page = render_template(
        "pages/my_status_code.html", wrong=wrong, by_paper=by_paper, digits=policy.code_digits, minutes=policy.code_minutes
    )
    return page, 422 if wrong else 200


@pages.get("/my-status/open")
def my_status_open() -> ResponseReturnValue:
    """What is known of oneself."""
    context = current()
    who = _opened().who()
    if who is None:
        _opened().drop()
        return redirect(url_for("pages.my_status"), 303)
    try:
        own = status_code_service(context).status(who)
    except PersonUnknown:
        _opened().drop()
        return redirect(url_for("pages.my_status"), 303)
    answer = context.verification.answer(who)
    return render_template(
        "pages/my_status_open.html",
        own=own,
        camera_answer=None if answer is None else answer_words(answer),
        camera_waits=answer is not None and answer.state is AnswerState.WAITING,
        has_certificate=own.valid_until is not None and newest(context, who) is not None,
        words=STANDINGS[own.state.value],
        next_words=NEXT[own.state.value],
        how=None if own.last_kind is None else (SILENT if own.silent else KINDS[own.last_kind]),
        messages=[(MESSAGES[message.kind], message.on) for message in own.messages if message.kind in MESSAGES],
        minutes=context.policy.status_page.open_minutes,
        may_certify=own.state.value in {"certified", "due_soon", "overdue", "never_certified"},
    )


@pages.get("/my-status/certificate.pdf")
def my_status_certificate() -> ResponseReturnValue:
    """The newest certificate, while the page is open."""
    who = _opened().who()
    if who is None:
        return redirect(url_for("pages.my_status"), 303)
    context = current()
    try:
        certificate = newest(context, who)
    except PersonUnknown:
        certificate = None
    if certificate is None:
        abort(404)
    return pdf_answer(context, certificate)


@pages.post("/my-status/close")
def my_status_close() -> ResponseReturnValue:
    """Finished: nothing stays in this browser."""
    _opened().drop()
    _asked().drop()
    session.pop(TRIES_KEY, None)
    return redirect(url_for("pages.start"), 303)


@counter_pages.route("/desk/person/<person_id>/status-code", methods=["GET", "POST"])
@staff_needed(Right.ISSUE_STATUS_CODE)
def status_code(caller: Caller, person_id: str) -> ResponseReturnValue:
    """A code on paper for the person's own status page: shown once, on the answer to the press of the button."""
    card = card_or_404(caller, person_id)
    if request.method == "GET":
        return redirect(url_for("counter.person", person_id=person_id), 303)
    code, until = status_code_service(current()).issue_at_counter(person_id, actor=caller.actor)
    address = current().settings.base_url + url_for("pages.my_status")
    return render_template("desk_person/status_code.html", card=card, code=code, until=until, address=address), 200
