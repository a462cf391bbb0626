"""For whom this browser works just now. The cookie holds an opaque public id, and nothing that tells who it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, redirect, session, url_for
from flask.typing import ResponseReturnValue

from api.callers import PERSON_KEY
from api.context import current
from api.pages import people
from api.pages.people import PersonCard
from verify.views import Channel

HELPING_KEY = "helping"
ATTEMPT_KEY = "attempt"  # (verification id, its token) whose result is shown
NEXT_KEY = "then"  # where to go once the person is known
TRIES_KEY = "tries"  # ids of the attempts that ended in "once more"
STATUS_ASKED_KEY = "status_asked"  # sealed: who asked for a code of the status page, which is apart from the camera's session
STATUS_OPEN_KEY = "status_open"  # sealed: whose status page is open, and since when
PERSONAL_KEYS = (PERSON_KEY, ATTEMPT_KEY, NEXT_KEY, TRIES_KEY, STATUS_ASKED_KEY, STATUS_OPEN_KEY)


def present_card() -> PersonCard | None:
    """The person of this browser, masked; None when nobody is known (or no longer in the store)."""
    if "person_card" not in g:
        person_id = session.get(PERSON_KEY)
        g.person_card = people.card(current(), person_id) if isinstance(person_id, str) else None
    card: PersonCard | None = g.person_card
    return card


def remember(person_id: str) -> None:
    """From now on this browser works for this person; everything about the one before is gone."""
    forget()
    session[PERSON_KEY] = person_id
    g.pop("person_card", None)


def forget() -> None:
    """Wipe everything about the person. A helper stays a helper, and staff stay signed in."""
    for key in PERSONAL_KEYS:
        session.pop(key, None)
    g.pop("person_card", None)


def is_helping() -> bool:
    """True on a helper's phone."""
    return bool(session.get(HELPING_KEY))


def channel() -> Channel:
    """Whose hands: the person's own or a helper's."""
    return Channel.HELPER if is_helping() else Channel.SELF


def person_needed(then: str) -> Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]:
    """Ask who it is first, then go on to the page named ``then``."""

    def decorate(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
        @wraps(view)
        def asked(**arguments: Any) -> ResponseReturnValue:
            card = present_card()
            if card is None:
                forget()
                session[NEXT_KEY] = then
                return redirect(url_for("pages.identify"), 303)
            return view(card, **arguments)

        return asked

    return decorate


def for_templates() -> dict[str, object]:
    """What every template knows about the person."""
    return {"person_card": present_card(), "helping": is_helping()}
