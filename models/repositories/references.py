"""Face references: enrolled, replaced, revoked, and read for matching and calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session, aliased

from models.errors import Conflict, NotFoundError
from models.face import FaceReference, ReferenceSource
from models.keys import Sealed
from models.person import Person
from models.repositories import persons
from models.repositories.conflicts import named_conflicts
from models.types import opaque_id


@dataclass(frozen=True)
class NewReference:
    """A sealed template to enrol. image: sealed picture, only when policy keeps it and the person agreed."""

    person_id: int
    engine_name: str
    engine_version: str
    template: Sealed
    source: ReferenceSource
    quality: dict[str, Any]
    image: Sealed | None = None


def active(session: Session, person_id: int, engine_name: str, engine_version: str) -> FaceReference | None:
    """The person's reference for this engine version, None when there is none.

    Of several records that are merged the one that speaks comes first, else the newest.
    """
    members = persons.records_of(session, person_id)
    return session.scalars(
        select(FaceReference)
        .where(
            FaceReference.person_id.in_(members),
            FaceReference.engine_name == engine_name,
            FaceReference.engine_version == engine_version,
            FaceReference.revoked_at.is_(None),
        )
        .order_by(case((FaceReference.person_id == members[0], 0), else_=1), FaceReference.id.desc())
        .limit(1)
    ).one_or_none()


def active_of_person(session: Session, person_id: int) -> Sequence[FaceReference]:
    """Every active reference of the person, of every engine, newest first."""
    return session.scalars(
        select(FaceReference)
        .where(FaceReference.person_id.in_(persons.records_of(session, person_id)), FaceReference.revoked_at.is_(None))
        .order_by(FaceReference.enrolled_at.desc(), FaceReference.id.desc())
    ).all()


def enrol(session: Session, new: NewReference, *, by: str, now: datetime) -> FaceReference:
    """Add the person's first reference for an engine version.

    Raises:
        ConflictError: ACTIVE_REFERENCE_EXISTS; use ``replace``, or another worker has just enrolled one.
    """
    reference = FaceReference(
        public_id=opaque_id(),
        person_id=new.person_id,
        engine_name=new.engine_name,
        engine_version=new.engine_version,
        key_id=new.template.key_id,
        template=new.template,
        image=new.image,
        source=new.source,
        quality=new.quality,
        enrolled_by=by,
        enrolled_at=now,
    )
    exists = (Conflict.ACTIVE_REFERENCE_EXISTS, "the person already has an active face reference for this engine: replace it")
    with named_conflicts(session, {"uq_face_reference_active": exists, "face_reference.engine_version": exists}):
        session.add(reference)
    return reference


def replace(session: Session, new: NewReference, *, by: str, reason: str, now: datetime) -> FaceReference:
    """Revoke the active reference for this engine version, when there is one, and enrol the new one.

    Raises:
        ConflictError: ACTIVE_REFERENCE_EXISTS; another worker enrolled one in between.
    """
    current = active(session, new.person_id, new.engine_name, new.engine_version)
    if current is not None and current.person_id == new.person_id:  # a merged record keeps its own: a split gives it back
        _revoke(session, [current.id], by=by, reason=reason, now=now)
    return enrol(session, new, by=by, now=now)


def revoke(session: Session, public_id: str, *, by: str, reason: str, now: datetime) -> bool:
    """Revoke one reference and erase its template and picture. False when it was revoked before. Raises NotFoundError."""
    reference_id = session.scalar(select(FaceReference.id).where(FaceReference.public_id == public_id))
    if reference_id is None:
        raise NotFoundError("there is no such face reference")
    return _revoke(session, [reference_id], by=by, reason=reason, now=now) == 1


def revoke_all(session: Session, person_id: int, *, by: str, reason: str, now: datetime) -> int:
    """Revoke every active reference of a person (consent withdrawn, person deceased); how many there were."""
    ids = [reference.id for reference in active_of_person(session, person_id)]
    return _revoke(session, ids, by=by, reason=reason, now=now) if ids else 0


def revoke_older(session: Session, kept: FaceReference, *, by: str, reason: str, now: datetime) -> int:
    """Revoke every active reference of the record but ``kept`` (the engine changed and it was re-issued); how many there were."""
    ids = [
        reference.id
        for reference in active_of_person(session, kept.person_id)
        if reference.id != kept.id and reference.person_id == kept.person_id
    ]
    return _revoke(session, ids, by=by, reason=reason, now=now) if ids else 0


def erase_images(session: Session, person_id: int) -> None:
    """Erase the kept pictures of a person; the templates stay."""
    session.execute(update(FaceReference).where(FaceReference.person_id.in_(persons.records_of(session, person_id))).values(image=None))
    session.expire_all()


def _revoke(session: Session, ids: Sequence[int], *, by: str, reason: str, now: datetime) -> int:
    changed = session.execute(
        update(FaceReference)
        .where(FaceReference.id.in_(ids), FaceReference.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=by, revoked_reason=reason, template=None, image=None)
        .returning(FaceReference.id)
    ).all()
    return len(changed)


def count_active(session: Session, engine_name: str, engine_version: str) -> int:
    """How many active references an engine version has: decides whether own calibration is possible, and goes into the filing."""
    return (
        session.scalar(
            select(func.count())
            .select_from(FaceReference)
            .where(
                FaceReference.engine_name == engine_name,
                FaceReference.engine_version == engine_version,
                FaceReference.revoked_at.is_(None),
            )
        )
        or 0
    )


def for_calibration(
    session: Session, engine_name: str, engine_version: str, *, batch: int = 1000
) -> Iterator[tuple[FaceReference, Person]]:
    """Every active reference of an engine version with its person (sex, birth date), in order of id, read batch by batch.

    Of merged records only the one that speaks: two references of one human being are no pair of impostors.
    """
    last = 0
    while True:
        rows = session.execute(
            select(FaceReference, Person)
            .join(Person, Person.id == FaceReference.person_id)
            .where(
                FaceReference.engine_name == engine_name,
                FaceReference.engine_version == engine_version,
                FaceReference.revoked_at.is_(None),
                Person.merged_into_id.is_(None),
                FaceReference.id > last,
            )
            .order_by(FaceReference.id)
            .limit(batch)
        ).all()
        if not rows:
            return
        for reference, person in rows:  # noqa: UP028 - a row is not the tuple that the signature promises
            yield reference, person
        last = rows[-1][0].id


def to_reissue(session: Session, engine_name: str, engine_version: str, *, limit: int = 500) -> Sequence[FaceReference]:
    """Active references of other engine versions that kept a picture, of persons without one for this version yet."""
    done = select(FaceReference.person_id).where(
        FaceReference.engine_name == engine_name,
        FaceReference.engine_version == engine_version,
        FaceReference.revoked_at.is_(None),
    )
    newest = (
        select(func.max(FaceReference.id))
        .where(FaceReference.revoked_at.is_(None), FaceReference.image.is_not(None), FaceReference.person_id.not_in(done))
        .group_by(FaceReference.person_id)
    )
    return session.scalars(select(FaceReference).where(FaceReference.id.in_(newest)).order_by(FaceReference.id).limit(limit)).all()


@dataclass(frozen=True)
class OtherEngine:
    """A record with active references of other engine versions only. record: its number. with_picture: an enrolment picture is kept."""

    record: int
    public_id: str
    with_picture: bool


def of_other_engines(session: Session, engine_name: str, engine_version: str, *, after: int, limit: int) -> list[OtherEngine]:
    """The next records without an active reference of this engine version, in order of number."""
    other = aliased(FaceReference)
    this_engine = (other.engine_name == engine_name) & (other.engine_version == engine_version)
    has_this = select(other.id).where(other.person_id == Person.id, other.revoked_at.is_(None), this_engine).exists()
    query = (
        select(Person.id, Person.public_id, func.max(case((FaceReference.image.is_not(None), 1), else_=0)))
        .join(FaceReference, FaceReference.person_id == Person.id)
        .where(FaceReference.revoked_at.is_(None), Person.id > after, ~has_this)
        .group_by(Person.id, Person.public_id)
        .order_by(Person.id)
        .limit(limit)
    )
    return [OtherEngine(record, public_id, bool(kept)) for record, public_id, kept in session.execute(query)]
