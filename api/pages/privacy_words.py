"""Words of requests about one's own data, for pages."""

from __future__ import annotations

from flask_babel import LazyString, gettext, lazy_gettext, ngettext

from models.privacy import PrivacyKind, PrivacyState
from verify.privacy_service import Lack

KINDS: dict[PrivacyKind, LazyString] = {
    PrivacyKind.EXPORT: lazy_gettext("A copy of my data"),
    PrivacyKind.CORRECTION: lazy_gettext("Correction"),
    PrivacyKind.DELETION: lazy_gettext("Deletion"),
}
STATES: dict[PrivacyState, LazyString] = {
    PrivacyState.OPEN: lazy_gettext("waits for an answer"),
    PrivacyState.PREPARED: lazy_gettext("waits for a second person"),
    PrivacyState.DONE: lazy_gettext("carried out"),
    PrivacyState.REFUSED: lazy_gettext("not carried out"),
    PrivacyState.WITHDRAWN: lazy_gettext("no longer wanted"),
}
LACKS: dict[Lack, LazyString] = {
    Lack.WISH: lazy_gettext("Write what is wrong and what is right, not longer than the field allows."),
    Lack.NOTE: lazy_gettext("Write what was corrected, or why it is not carried out, in at most 500 characters."),
    Lack.SAME_PERSON: lazy_gettext("Another person has to do this: neither who asked nor who prepared the answer."),
    Lack.NOT_ASKED_HERE: lazy_gettext("There is no such request here."),
    Lack.TOO_OFTEN: lazy_gettext("Enough copies for today. Ask again tomorrow."),
}
WAITS = lazy_gettext("A request of this kind waits for its answer. There is no need for a second one.")
MEANWHILE = lazy_gettext("It was answered or withdrawn meanwhile. This is how it stands now.")
REFUSED_RUNS: dict[str, LazyString] = {
    "clock": lazy_gettext("the clock was in doubt"),
    "gap": lazy_gettext("the last run was too long ago"),
    "backward": lazy_gettext("the clock went backward"),
}
PERIODS: dict[str, LazyString] = {
    "frames_emptied": lazy_gettext("Pictures of camera checks"),
    "verifications_deleted": lazy_gettext("Camera checks that were not passed"),
    "identity_checks_deleted": lazy_gettext("Checks of identity"),
    "messages_deleted": lazy_gettext("Messages that were sent"),
    "status_codes_deleted": lazy_gettext("Codes that show a status"),
    "assistance_contacts_emptied": lazy_gettext("Contacts in requests between regions"),
    "import_files_deleted": lazy_gettext("Files of imports with rejected rows"),
    "privacy_requests_deleted": lazy_gettext("Requests about personal data"),
    "idempotency_keys_deleted": lazy_gettext("Keys against doing a thing twice"),
    "client_tokens_deleted": lazy_gettext("Tokens of connected systems"),
    "webhook_messages_deleted": lazy_gettext("Messages to connected systems"),
    "notices_deleted": lazy_gettext("Notices that were read"),
    "single_days_of_figures_deleted": lazy_gettext("Figures of single days"),
    "audit_entries_deleted": lazy_gettext("Entries of the audit"),
    "account_sessions_deleted": lazy_gettext("Sessions of accounts"),
    "retention_runs_deleted": lazy_gettext("Reports of deletion"),
}
"""What a period of the policy is about, by its code in a report of deletion."""


def length_words(length: str) -> str:
    """A length of a report, e.g. "72 h, 15 d", in words; what is not understood stays as it is."""
    said = []
    for part in length.split(", "):
        count, _space, unit = part.partition(" ")
        if not count.isdigit() or unit not in ("h", "d"):
            return length
        number = f"{int(count):,}"
        said.append(
            ngettext("%(count)s hour", "%(count)s hours", int(count), count=number)
            if unit == "h"
            else ngettext("%(count)s day", "%(count)s days", int(count), count=number)
        )
    return gettext(", ").join(said)
