"""The first page, the language switch, and the pages that explain."""

from __future__ import annotations

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from api.context import current
from api.i18n import LANGUAGE_COOKIE, LOCALES
from api.pages.blueprints import pages
from api.pages.consent_text import consent_text
from api.pages.own_address import own_address
from api.pages.session_person import HELPING_KEY, forget, is_helping

LANGUAGE_COOKIE_S = 365 * 24 * 3600


@pages.get("/")
def start() -> str:
    """What would you like to do?"""
    choices = [
        {
            "url": url_for("pages.certify"),
            "icon": "camera",
            "title": _("Confirm now by camera"),
            "detail": _("For yourself, about one minute"),
        },
        {
            "url": url_for("pages.status"),
            "icon": "calendar",
            "title": _("Check my status"),
            "detail": _("Am I confirmed, and until when?"),
        },
        {
            "url": url_for("pages.helper"),
            "icon": "family",
            "title": _("Help someone else"),
            "detail": _("Family, neighbours, community staff"),
        },
        {
            "url": url_for("pages.other_ways"),
            "icon": "ways",
            "title": _("Other ways than the face"),
            "detail": _("Counter, video call, home visit"),
        },
    ]
    return render_template("pages/start.html", choices=choices)


@pages.post("/language")
def choose_language() -> ResponseReturnValue:
    """Switch the language and stay on the page."""
    answer = redirect(own_address(request.form.get("next", "/"), "/"), 303)
    language = request.form.get("language", "")
    if language in LOCALES:
        secure = current().settings.base_url.startswith("https://")
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_COOKIE_S, secure=secure, httponly=True, samesite="Lax")
    return answer


@pages.get("/other-ways")
def other_ways() -> str:
    """Counter, video call, home visit, helper, data match."""
    return render_template("pages/other_ways.html")


@pages.get("/privacy")
def privacy() -> str:
    """What is done with pictures and data, and how to withdraw."""
    return render_template("pages/privacy.html", **consent_text())


@pages.post("/leave")
def leave() -> ResponseReturnValue:
    """Not me, finished, next person: everything about the person is wiped from this browser."""
    forget()
    if is_helping():
        return redirect(url_for("pages.certify"), 303)
    session.pop(HELPING_KEY, None)
    return redirect(url_for("pages.start"), 303)
