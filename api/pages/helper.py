"""A helper's phone: one person after another, each wiped before the next."""

from __future__ import annotations

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from api.pages.blueprints import pages
from api.pages.session_person import HELPING_KEY, forget, is_helping


@pages.get("/helper")
def helper() -> str:
    """How to help."""
    return render_template("pages/helper.html", is_helping=is_helping())


@pages.post("/helper")
def helper_start() -> ResponseReturnValue:
    """From now on this browser is a helper's."""
    forget()
    session[HELPING_KEY] = True
    return redirect(url_for("pages.certify"), 303)


@pages.post("/helper/end")
def helper_end() -> ResponseReturnValue:
    """The helper is done: nothing stays."""
    forget()
    session.pop(HELPING_KEY, None)
    return redirect(url_for("pages.start"), 303)
