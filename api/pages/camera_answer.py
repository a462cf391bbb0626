"""The words of the answer to a camera check that a person looked at, for the pages of its owner. They never tell of a suspicion."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import format_date, lazy_gettext
from flask_babel import gettext as _

from api.pages.words import RESULTS, PageWords
from verify.evidence import Outcome
from verify.views import Answer, AnswerState

CERTIFIED = PageWords(
    lazy_gettext("Done: your pension is confirmed"),
    lazy_gettext("A member of our staff has looked at your camera check. You need not do anything more."),
    "good",
    "done",
)
SETTLED = PageWords(
    lazy_gettext("Done: your pension is confirmed"),
    lazy_gettext("You were confirmed another way meanwhile. Nothing more is needed of this camera check."),
    "good",
    "done",
)
TRY_AGAIN = PageWords(
    lazy_gettext("Please try again, or come another way"),
    lazy_gettext(
        "A member of our staff has looked at your camera check; the pictures were not enough to confirm it. "
        "Nothing is held against you, and your pension goes on. Choose what suits you:"
    ),
    "plain",
    "ask",
)


def answer_words(answer: Answer) -> PageWords:
    """Heading and text."""
    if answer.state is AnswerState.WAITING:
        detail = _(
            "A member of our staff looks at it by %(day)s at the latest, and we send you a message. Your pension goes on.",
            day=format_date(answer.by, "long"),
        )
        return replace(RESULTS[Outcome.REFER], detail=detail)
    return {AnswerState.CERTIFIED: CERTIFIED, AnswerState.SETTLED: SETTLED, AnswerState.TRY_AGAIN: TRY_AGAIN}[answer.state]
