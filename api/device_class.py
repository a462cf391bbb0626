"""Which class of device a request comes from, as coarse as fairness needs it: nothing that would tell one device from another is kept.

By the words of browsers' User-Agent. An iPad that asks for the pages of a computer says that it is one, and counts as one.
"""

from __future__ import annotations

from models.repositories.figures.kinds import DEVICES

PHONE, TABLET, COMPUTER, OTHER = DEVICES

TABLETS = ("ipad", "tablet", "kindle", "silk/")
COMPUTERS = ("windows nt", "macintosh", "x11;", "cros ")


def device_class(user_agent: str | None) -> str:
    """One of ``DEVICES``; other when the words say nothing, as those of a program do."""
    words = (user_agent or "").lower()
    if any(word in words for word in TABLETS) or ("android" in words and "mobile" not in words):
        return TABLET
    if any(word in words for word in ("iphone", "mobile", "harmonyos")):
        return PHONE
    return COMPUTER if any(word in words for word in COMPUTERS) else OTHER
