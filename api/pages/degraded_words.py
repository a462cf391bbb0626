"""What people read while nothing can be changed."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from api.degraded import Degraded
from api.pages.words import PageWords

DEGRADED = {
    Degraded.READ_ONLY: PageWords(
        _("Nothing can be saved just now"),
        _(
            "The service is being looked after and takes no changes. "
            "What you did last was not saved; nothing else is lost. Please try again later."
        ),
        "care",
        "clock",
    ),
    Degraded.FULL: PageWords(
        _("Nothing can be saved just now"),
        _("There is no room left to save to. What you did last was not saved; nothing else is lost. Please try again later."),
        "care",
        "clock",
    ),
    Degraded.CLOCK: PageWords(
        _("Nothing can be saved just now"),
        _("The machine's clock has to be set right first. What you did last was not saved; nothing else is lost. Please try again later."),
        "care",
        "clock",
    ),
}
