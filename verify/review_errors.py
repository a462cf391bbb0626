"""What can stand in the way of a review. Each has a stable code; the words live with the pages."""

from __future__ import annotations

from datetime import datetime

from verify.errors import VerifyError


class ReviewError(VerifyError):
    """Base of what a review is refused for: pages only, no JSON door raises it."""

    code = "review_error"


class ReviewUnknown(ReviewError):
    """No such referred verification, or outside the reviewer's region."""

    code = "review_unknown"


class ReasonMissing(ReviewError):
    """The decision needs a reason in words, of bounded length."""

    code = "reason_missing"


class ReviewDecided(ReviewError):
    """Somebody was faster. by: who, None where it was at the same moment."""

    code = "review_decided"

    def __init__(self, by: str | None) -> None:
        super().__init__("this verification was decided already: read what was decided")
        self.by = by


class ReviewClosed(ReviewError):
    """Nobody has to decide it any more."""

    code = "review_closed"


class ReviewHeld(ReviewError):
    """Another person has its case. until: None until they give it back."""

    code = "review_held"

    def __init__(self, by: str, until: datetime | None) -> None:
        super().__init__("another person has this case: take another one, or ask them to hand it over")
        self.by = by
        self.until = until


class ReviewOwnSession(ReviewError):
    """Whoever ran a session at the counter does not review it."""

    code = "review_own_session"


class AttemptTooOld(ReviewError):
    """The day of this attempt no longer certifies: the person has to be asked again."""

    code = "attempt_too_old"
