"""The words of a row of the queue: whom it is about, and who has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from api.pages.words import account
from models.detection import SubjectKind
from models.identifiers import mask_name
from models.policy import CertificationPolicy
from models.repositories.case_queue import QueueRow


@dataclass(frozen=True)
class Holder:
    """Who has a case. detail: until when, or what it waits for. free: anybody may take it."""

    words: str
    detail: str | None = None
    free: bool = False


def subject(key: str, name: str | None) -> str:
    """Whom the alert with this key is about: a masked name, or the code of a hospital, a doctor or a group."""
    if name is not None:
        return mask_name(name)
    kind, _colon, ref = key.partition(":")
    match kind:
        case SubjectKind.HOSPITAL.value:
            return _("Hospital %(code)s", code=ref)
        case SubjectKind.DOCTOR.value:
            return _("Doctor %(code)s", code=ref)
        case SubjectKind.GROUP.value:
            return _("A group of insured persons")
    return "–"


def holder(row: QueueRow, reader: str, now: datetime, policy: CertificationPolicy) -> Holder:
    """Who has the row at this moment. reader: actor who looks at it. policy: for the zone of what a clock shows."""
    has = row.held_by(now)
    if row.proposed_by is not None:
        proposer = _("you") if row.proposed_by == reader else account(row.proposed_by)
        words = _("Waits for a second signature")
        if has is not None and has != reader:
            words = _("%(name)s signs it", name=account(has))
        return Holder(words, _("proposed by %(name)s", name=proposer))
    if has is None:
        return Holder(_("Nobody"), free=True)
    until = None if row.held_until is None else _("until %(time)s", time=f"{policy.local(row.held_until):%H:%M}")
    return Holder(_("You") if has == reader else account(has), until)
