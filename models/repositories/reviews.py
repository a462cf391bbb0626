"""Referred verifications as a reviewer sees them, and what was decided of each, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from models.alert import Alert, CaseFile
from models.audit import AuditEntry
from models.casework import ReviewDecision, VerificationReview, referred_key
from models.certificate import Certificate
from models.certification_sql import certifying, counts_on
from models.errors import Conflict, ConflictError, NotFoundError
from models.face import FaceReference
from models.keys import Sealed
from models.life_evidence import EvidenceKind, LifeEvidence
from models.person import Person
from models.policy import CertificationPolicy
from models.region import Region
from models.verification import (
    Verification,
    VerificationChannel,
    VerificationFrame,
    VerificationKind,
    VerificationOutcome,
    VerificationState,
)

STARTED = "verification.start"
"""Action of the audit entry of an attempt's start, whose actor is whoever ran it."""


@dataclass(frozen=True)
class Referred:
    """A referred verification with what stands around it. person: the record that speaks. alert, case: None where there is none.

    case: the one that is open, else the last one.
    """

    verification: Verification
    person: Person
    region_name: str
    review: VerificationReview | None
    alert: Alert | None
    case: CaseFile | None


@dataclass(frozen=True)
class FrameRow:
    """One frame as it is kept. observation: sealed, None when it was emptied. has_picture: whether a picture is kept."""

    seq: int
    sha256: bytes
    measures: dict[str, Any]
    observation: Sealed | None
    has_picture: bool


@dataclass(frozen=True)
class ReferenceRow:
    """The reference in force. record_id: public id of the record that it was enrolled for."""

    record_id: str
    engine_name: str
    engine_version: str
    template: Sealed | None
    image: Sealed | None
    source: str
    overall: int | None
    enrolled_at: datetime


@dataclass(frozen=True)
class AttemptRow:
    """Another attempt of the person."""

    verification_id: str
    started_at: datetime
    state: VerificationState
    outcome: VerificationOutcome | None
    kind: VerificationKind
    channel: VerificationChannel
    reasons: list[str]
    decision: ReviewDecision | None


@dataclass(frozen=True)
class CertificationRow:
    """One certification of the person that counts."""

    occurred_on: date
    kind: EvidenceKind
    source: str
    silent: bool


@dataclass(frozen=True)
class Standing:
    """How an attempt came out. decision, reviewed_at: of a person. closed_at, closed_by: of its alert. revoked: its certificate was."""

    outcome: VerificationOutcome | None
    decided_at: datetime | None
    decision: ReviewDecision | None
    reviewed_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    revoked: bool


def started_by(session: Session, row: Verification) -> str | None:
    """Who started an attempt, as the audit trail names them; None when its entry is no longer kept."""
    entry = select(AuditEntry.actor).where(AuditEntry.person_id == row.person_id, AuditEntry.action == STARTED, AuditEntry.object == row.id)
    return session.scalars(entry.order_by(AuditEntry.id).limit(1)).first()


def referred(session: Session, verification_id: str) -> Referred:
    """A verification that was referred. Raises NotFoundError for every other."""
    record, speaking, last = aliased(Person), aliased(Person), aliased(CaseFile)
    case_id = (
        select(last.id)
        .where(last.alert_id == Alert.id)
        .order_by(case((last.closed_at.is_(None), 0), else_=1), last.id.desc())
        .limit(1)
        .correlate(Alert)
        .scalar_subquery()
    )
    newest = aliased(Alert)
    alert_id = (
        select(func.max(newest.id))
        .where(newest.person_id == Verification.person_id, newest.key == referred_key(verification_id))
        .correlate(Verification)
        .scalar_subquery()
    )
    row = session.execute(
        select(Verification, speaking, Region.name, VerificationReview, Alert, CaseFile)
        .join(record, record.id == Verification.person_id)
        .join(speaking, speaking.id == func.coalesce(record.merged_into_id, record.id))
        .join(Region, Region.code == speaking.region_code)
        .outerjoin(VerificationReview, VerificationReview.verification_id == Verification.id)
        .outerjoin(Alert, Alert.id == alert_id)
        .outerjoin(CaseFile, CaseFile.id == case_id)
        .where(Verification.id == verification_id, Verification.outcome == VerificationOutcome.REFER)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFoundError("there is no such referred verification")
    return Referred(*row)


def add(
    session: Session, verification_id: str, decision: ReviewDecision, *, reason: str, by: str, now: datetime, evidence_id: int | None = None
) -> None:
    """Write what was decided. Raises ConflictError: VERIFICATION_STATE, somebody else was faster; write nothing else then."""
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(VerificationReview)
    values = {"verification_id": verification_id, "decision": decision, "reason": reason, "by": by, "at": now, "evidence_id": evidence_id}
    done = session.scalar(insert.values(values).on_conflict_do_nothing(index_elements=["verification_id"]).returning(VerificationReview.id))
    if done is None:
        raise ConflictError(Conflict.VERIFICATION_STATE, "this verification was decided already: read what was decided")


def give_certificate(session: Session, verification_id: str, certificate_id: str) -> None:
    """The attempt leads to this certificate from now on."""
    session.execute(update(Verification).where(Verification.id == verification_id).values(certificate_id=certificate_id))


def frames(session: Session, verification_id: str) -> list[FrameRow]:
    """All frames in order of seq; pictures are left where they are."""
    own = VerificationFrame
    rows = session.execute(
        select(own.seq, own.sha256, own.measures, own.observation, own.picture.is_not(None))
        .where(own.verification_id == verification_id)
        .order_by(own.seq)
    )
    return [FrameRow(seq, bytes(digest), measures, observation, kept) for seq, digest, measures, observation, kept in rows]


def pictures(session: Session, verification_id: str, seqs: Sequence[int]) -> dict[int, Sealed]:
    """The sealed pictures of these frames, as far as they are kept."""
    own = VerificationFrame
    rows = session.execute(
        select(own.seq, own.picture).where(own.verification_id == verification_id, own.seq.in_(seqs), own.picture.is_not(None))
    )
    return {seq: picture for seq, picture in rows if picture is not None}


def _records(person_id: int) -> Select[int]:
    """Keys of every record of a human being. person_id: of the record that speaks."""
    return select(Person.id).where(or_(Person.id == person_id, Person.merged_into_id == person_id))


def reference(session: Session, person_id: int, engine_name: str, engine_version: str) -> ReferenceRow | None:
    """The reference that a comparison would use, else the newest one that is in force. person_id: of the record that speaks."""
    own = FaceReference
    fits = and_(own.engine_name == engine_name, own.engine_version == engine_version)
    row = session.execute(
        select(Person.public_id, own.engine_name, own.engine_version, own.template, own.image, own.source, own.quality, own.enrolled_at)
        .join(Person, Person.id == own.person_id)
        .where(own.person_id.in_(_records(person_id)), own.revoked_at.is_(None))
        .order_by(case((fits, 0), else_=1), case((own.person_id == person_id, 0), else_=1), own.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    public_id, name, version, template, image, source, quality, at = row
    overall = quality.get("overall")
    return ReferenceRow(public_id, name, version, template, image, source.value, None if overall is None else int(overall), at)


def attempts(session: Session, person_id: int, *, but: str, limit: int) -> list[AttemptRow]:
    """The person's other attempts, newest first. person_id: of the record that speaks."""
    own = Verification
    rows = session.execute(
        select(own.id, own.started_at, own.state, own.outcome, own.kind, own.channel, own.reasons, VerificationReview.decision)
        .outerjoin(VerificationReview, VerificationReview.verification_id == own.id)
        .where(own.person_id.in_(_records(person_id)), own.id != but)
        .order_by(own.started_at.desc(), own.id)
        .limit(limit)
    )
    return [AttemptRow(*row) for row in rows]


def certifications(session: Session, person_id: int, policy: CertificationPolicy, *, on: date, limit: int) -> list[CertificationRow]:
    """The person's last certifications that count on a day, newest first. person_id: of the record that speaks."""
    own = LifeEvidence
    rows = session.execute(
        select(own.occurred_on, own.kind, own.source, own.based_on_id.is_not(None))
        .where(own.person_id.in_(_records(person_id)), certifying(policy), counts_on(own, on))
        .order_by(own.occurred_on.desc(), own.id.desc())
        .limit(limit)
    )
    return [CertificationRow(*row) for row in rows]


def standing(session: Session, *, verification_id: str | None = None, person_id: str | None = None) -> Standing | None:
    """How an attempt came out, by its id, or the last decided one of a person (public id). None where there is none."""
    own = Verification
    query = (
        select(
            own.outcome,
            own.decided_at,
            VerificationReview.decision,
            VerificationReview.at,
            Alert.closed_at,
            Alert.closed_by,
            Certificate.revoked_at.is_not(None),
        )
        .outerjoin(Certificate, Certificate.id == own.certificate_id)
        .outerjoin(VerificationReview, VerificationReview.verification_id == own.id)
        .outerjoin(Alert, and_(Alert.person_id == own.person_id, Alert.key == literal(referred_key("")) + own.id))
        .where(own.state == VerificationState.DECIDED)
        .order_by(own.started_at.desc(), own.id, Alert.id.desc())
        .limit(1)
    )
    if verification_id is not None:
        query = query.where(own.id == verification_id)
    if person_id is not None:
        record, member = aliased(Person), aliased(Person)
        root = select(func.coalesce(record.merged_into_id, record.id)).where(record.public_id == person_id).scalar_subquery()
        query = query.where(own.person_id.in_(select(member.id).where(or_(member.id == root, member.merged_into_id == root))))
    row = session.execute(query).one_or_none()
    return None if row is None else Standing(*row)
