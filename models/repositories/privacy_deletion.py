"""Deletion of what a person may have deleted, and the list of what has to stay, with why and until when. Set-based, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CompoundSelect, DateTime, cast, delete, func, literal, null, or_, select, type_coerce, union_all, update
from sqlalchemy.orm import Session

from models.assistance import AssistanceRequest
from models.casework import VerificationReview
from models.consent import ConsentPurpose
from models.outbox import OutboxMessage
from models.outreach import Outreach, OutreachAttempt
from models.person import Person
from models.policy import RecordSections
from models.privacy import PrivacyRequest
from models.privacy_holdings import BY_NAME, HOLDINGS, Purpose, rows_of, table_of
from models.repositories import consents, persons, references, verifications
from models.repositories.assistance import OPEN as OPEN_ASSISTANCE
from models.status_code import StatusCode
from models.types import UtcDateTime
from models.verification import TryCounter, Verification, VerificationFrame, VerificationOutcome, VerificationState

OVER = (VerificationState.DECIDED, VerificationState.EXPIRED, VerificationState.ABANDONED)


class KeptBecause(StrEnum):
    """Why something stays although the person asked for deletion (personal-information law, articles 13 and 47)."""

    DUTY_OF_THE_FUND = "duty_of_the_fund"
    """The pension cannot be paid, or be shown to have been paid rightly, without it (social insurance law, article 74; archives)."""

    EVIDENCE = "evidence"
    """The certification rests on it, and anybody may have it reviewed."""

    PROOF_OF_CONSENT = "proof_of_consent"
    """It shows that consent was asked for and withdrawn, and what was deleted."""

    MEDICAL_FUND = "medical_fund"
    """Settled claims of the medical insurance fund."""

    INSPECTION = "inspection"
    """An inspection of the fund, open or closed."""

    AUDIT = "audit"
    """Who saw or changed what; nobody may take an entry out."""


@dataclass(frozen=True)
class Kept:
    """What stays: the table, how many rows, why, and until when; until None: as long as the archive rules of social insurance say."""

    what: str
    rows: int
    why: KeptBecause
    until: date | None

    def to_json(self) -> dict[str, Any]:
        """For the row of the request."""
        until = None if self.until is None else self.until.isoformat()
        return {"what": self.what, "rows": self.rows, "why": self.why.value, "until": until}


@dataclass(frozen=True)
class Erasure:
    """What went, in rows by what it was, and what stays."""

    deleted: dict[str, int]
    kept: tuple[Kept, ...]


def end_open_attempts(session: Session, members: Sequence[int]) -> int:
    """Abandon camera sessions of the records that are still open; how many."""
    return _changed(
        session,
        update(Verification)
        .where(Verification.person_id.in_(members), Verification.state == VerificationState.OPEN)
        .values(state=VerificationState.ABANDONED)
        .returning(Verification.id),
    )


def erase(session: Session, person_id: int, policy: RecordSections, *, by: str, now: datetime) -> Erasure:
    """Delete everything of a human being that need not stay. Doing it again deletes what came since."""
    members = persons.records_of(session, person_id)
    deleted = {
        "open_sessions": end_open_attempts(session, members),
        "templates": references.revoke_all(session, person_id, by=by, reason="deleted at the person's request", now=now),
    }
    references.erase_images(session, person_id)
    deleted["consents_withdrawn"] = sum(consents.withdraw(session, person_id, purpose, now=now) for purpose in ConsentPurpose)
    deleted |= _attempts(session, person_id, members)
    deleted |= _contact(session, members, now)
    deleted |= _messages(session, members)
    session.flush()
    session.expire_all()
    return Erasure({what: rows for what, rows in deleted.items() if rows}, kept(session, members, policy))


def _attempts(session: Session, person_id: int, members: Sequence[int]) -> dict[str, int]:
    """Attempts that nothing rests on go; of the others the sealed measurements and pictures, and what tells of the device."""
    reviewed = select(VerificationReview.verification_id)
    loose = select(Verification.id).where(
        Verification.person_id.in_(members),
        Verification.state.in_(OVER),
        Verification.certificate_id.is_(None),
        or_(Verification.outcome.is_(None), Verification.outcome != VerificationOutcome.REFER),
        Verification.id.not_in(reviewed),
    )
    held = VerificationFrame.observation.is_not(None) | VerificationFrame.picture.is_not(None)
    own = select(Verification.id).where(Verification.person_id.in_(members))
    emptied = session.scalar(select(func.count()).select_from(VerificationFrame).where(VerificationFrame.verification_id.in_(own), held))
    verifications.purge_person(session, person_id)
    frames = len(
        session.execute(delete(VerificationFrame).where(VerificationFrame.verification_id.in_(loose)).returning(VerificationFrame.id)).all()
    )
    attempts = len(session.execute(delete(Verification).where(Verification.id.in_(loose)).returning(Verification.id)).all())
    session.execute(
        update(Verification)
        .where(Verification.person_id.in_(members), Verification.state.in_(OVER))
        .values(camera_label=None, client={})
        .execution_options(synchronize_session=False)
    )
    tries = len(session.execute(delete(TryCounter).where(TryCounter.person_id.in_(members)).returning(TryCounter.person_id)).all())
    return {"frames_emptied": emptied or 0, "frames": frames, "attempts": attempts, "try_counters": tries}


def _contact(session: Session, members: Sequence[int], now: datetime) -> dict[str, int]:
    phones = update(Person).where(Person.id.in_(members), Person.phone_sealed.is_not(None))
    addresses = update(Person).where(Person.id.in_(members), Person.address_sealed.is_not(None))
    closed = update(AssistanceRequest).where(
        AssistanceRequest.person_id.in_(members),
        AssistanceRequest.state.not_in(OPEN_ASSISTANCE),
        or_(AssistanceRequest.name_sealed.is_not(None), AssistanceRequest.contact_sealed.is_not(None)),
    )
    return {
        "phones": _changed(session, phones.values(phone_sealed=None, phone_masked=None, updated_at=now).returning(Person.id)),
        "addresses": _changed(session, addresses.values(address_sealed=None, updated_at=now).returning(Person.id)),
        "assistance_contacts": _changed(
            session,
            closed.values(name_sealed=None, resident_id_sealed=None, contact_sealed=None).returning(AssistanceRequest.id),
        ),
    }


def _messages(session: Session, members: Sequence[int]) -> dict[str, int]:
    sent = delete(OutboxMessage).where(OutboxMessage.person_id.in_(members)).returning(OutboxMessage.id)
    codes = delete(StatusCode).where(StatusCode.person_id.in_(members)).returning(StatusCode.id)
    own = select(Outreach.id).where(Outreach.person_id.in_(members))
    notes = update(OutreachAttempt).where(OutreachAttempt.outreach_id.in_(own), OutreachAttempt.note.is_not(None)).values(note=None)
    wishes = update(PrivacyRequest).where(
        PrivacyRequest.person_id.in_(members), PrivacyRequest.done_at.is_not(None), PrivacyRequest.wish.is_not(None)
    )
    return {
        "messages": len(session.execute(sent).all()),
        "status_codes": len(session.execute(codes).all()),
        "outreach_notes": _changed(session, notes.returning(OutreachAttempt.id)),
        "wishes": _changed(session, wishes.values(wish=None).returning(PrivacyRequest.id)),
    }


def _changed(session: Session, statement: Any) -> int:
    return len(session.execute(statement.execution_options(synchronize_session=False)).all())


# --- what stays -------------------------------------------------------------------------------------------------------------------

_WHY = {
    Purpose.IDENTITY: KeptBecause.DUTY_OF_THE_FUND,
    Purpose.PENSION: KeptBecause.DUTY_OF_THE_FUND,
    Purpose.PROOF_OF_LIFE: KeptBecause.EVIDENCE,
    Purpose.FACE: KeptBecause.EVIDENCE,
    Purpose.MESSAGES: KeptBecause.EVIDENCE,
    Purpose.MEDICAL: KeptBecause.MEDICAL_FUND,
    Purpose.INSPECTION: KeptBecause.INSPECTION,
    Purpose.RECORD_KEEPING: KeptBecause.PROOF_OF_CONSENT,
}
_EXCEPTIONS = {
    "audit_entry": KeptBecause.AUDIT,
    "consent": KeptBecause.PROOF_OF_CONSENT,
    "face_reference": KeptBecause.PROOF_OF_CONSENT,
}


def kept(session: Session, members: Sequence[int], policy: RecordSections) -> tuple[Kept, ...]:
    """Everything about a person that is in the store, by table, with why it stays and until when. One statement."""
    periods = {
        "verification": ("started_at", policy.retention.verification_days),
        "verification_frame": ("received_at", policy.retention.verification_days),
        "identity_check": ("checked_at", policy.identity_check.days_kept),
        "audit_entry": ("at", policy.retention.audit_days),
        "privacy_request": ("asked_at", policy.privacy.requests_days_kept),
    }
    found = []
    for table, rows, newest in session.execute(_counts(members, {name: column for name, (column, _) in periods.items()})):
        if rows:
            why = _EXCEPTIONS.get(table, _WHY[BY_NAME[table].purpose])
            until = None if newest is None else policy.certification.today(newest + timedelta(days=periods[table][1]))
            found.append(Kept(table, rows, why, until))
    return tuple(found)


def _counts(members: Sequence[int], newest: Mapping[str, str]) -> CompoundSelect[Any]:
    """Rows of each holding, and the newest moment of those whose column is named."""
    nothing = type_coerce(cast(null(), DateTime(timezone=True)), UtcDateTime())
    parts = []
    for holding in HOLDINGS:
        table = table_of(holding.table)
        latest = func.max(table.c[newest[holding.table]]) if holding.table in newest else nothing
        parts.append(
            select(literal(holding.table).label("holding"), func.count().label("rows"), type_coerce(latest, UtcDateTime()).label("newest"))
            .select_from(table)
            .where(rows_of(holding, members))
        )
    return union_all(*parts)
