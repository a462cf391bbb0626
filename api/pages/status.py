"""Check my status."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from api.context import current
from api.pages import people
from api.pages.blueprints import pages
from api.pages.camera_answer import answer_words
from api.pages.certificate import newest
from api.pages.people import PersonCard
from api.pages.session_person import person_needed
from api.pages.words import STANDINGS
from verify.views import AnswerState

CANNOT_CERTIFY = {"deceased", "paused"}


@pages.get("/status")
@person_needed("status")
def status(card: PersonCard) -> ResponseReturnValue:
    """Am I certified, and until when?"""
    context = current()
    standing = people.standing(context, card.person_id)
    answer = context.verification.answer(card.person_id)
    return render_template(
        "pages/status.html",
        camera_answer=None if answer is None else answer_words(answer),
        camera_waits=answer is not None and answer.state is AnswerState.WAITING,
        standing=standing,
        words=STANDINGS[standing.state],
        may_certify=standing.state not in CANNOT_CERTIFY,
        has_certificate=newest(context, card.person_id) is not None,
        consented=context.verification.references.has_consent(card.person_id),
    )
