"""Suppressions: findings about one subject that open no alert until a day. While one holds, its signals stay signals.

A suppression ends with its last day or when somebody ends it; then the signals are looked at again by the next triage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from models.casework import Suppression
from models.detection import Signal, SubjectKind
from models.errors import Conflict, ConflictError, NotFoundError
from models.person import Person
from models.repositories.signals import TRIAGE

KEYS_AT_ONCE = 500


@dataclass(frozen=True)
class NewSuppression:
    """What is not to be told. key: of the alert. code: of the signals, empty for all. until: the last day. case_id: row of the case."""

    key: str
    code: str
    region_code: str
    reason: str
    until: date
    case_id: int | None = None


def add(session: Session, new: NewSuppression, *, today: date, by: str, now: datetime) -> Suppression:
    """Suppress. Raises ConflictError: CASE_STATE when the same is suppressed already. The caller holds the alert's row."""
    same = select(Suppression).where(Suppression.key == new.key, Suppression.code == new.code, *_holding(today))
    if (there := session.scalar(same)) is not None:
        raise ConflictError(Conflict.CASE_STATE, f"this is suppressed until {there.until} already: end that first")
    row = Suppression(**vars(new), by=by, at=now)
    session.add(row)
    session.flush()
    look_again(session, [new.key])
    return row


def get(session: Session, public_id: str) -> Suppression:
    """The suppression with this public id. Raises NotFoundError."""
    row = session.scalar(select(Suppression).where(Suppression.public_id == public_id))
    if row is None:
        raise NotFoundError("there is no such suppression")
    return row


def end(session: Session, suppression: Suppression, *, by: str, now: datetime) -> None:
    """End one before its last day. Raises ConflictError: CASE_STATE when it has ended."""
    ended = (
        update(Suppression)
        .where(Suppression.id == suppression.id, Suppression.ended_at.is_(None))
        .values(ended_by=by, ended_at=now)
        .returning(Suppression.id)
    )
    if session.scalar(ended.execution_options(synchronize_session=False)) is None:
        raise ConflictError(Conflict.CASE_STATE, "the suppression has ended already")
    session.refresh(suppression)
    look_again(session, [suppression.key])


def end_past(session: Session, today: date, *, now: datetime, limit: int = KEYS_AT_ONCE) -> int:
    """End what had its last day before today, and have its signals looked at again; how many, at most ``limit``."""
    past = select(Suppression.id).where(Suppression.ended_at.is_(None), Suppression.until < today).order_by(Suppression.id).limit(limit)
    ended = (
        update(Suppression)
        .where(Suppression.id.in_(past), Suppression.ended_at.is_(None))
        .values(ended_by=TRIAGE, ended_at=now)
        .returning(Suppression.key)
    )
    keys = session.scalars(ended.execution_options(synchronize_session=False)).all()
    look_again(session, keys)
    return len(keys)


def holding(session: Session, keys: Iterable[str], today: date) -> dict[str, frozenset[str]]:
    """What is suppressed on a day under these keys of alerts: the codes, an empty one for all."""
    found: dict[str, set[str]] = {}
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        some = wanted[start : start + KEYS_AT_ONCE]
        for row in session.execute(select(Suppression.key, Suppression.code).where(Suppression.key.in_(some), *_holding(today))):
            found.setdefault(row.key, set()).add(row.code)
    return {key: frozenset(codes) for key, codes in found.items()}


def of_key(session: Session, key: str, today: date) -> Sequence[Suppression]:
    """What is suppressed under the key of an alert on a day, the newest first."""
    return session.scalars(select(Suppression).where(Suppression.key == key, *_holding(today)).order_by(Suppression.id.desc())).all()


def listing(
    session: Session, region: str, today: date, *, ended: bool = False, before_id: int | None = None, limit: int = 50
) -> Sequence[Suppression]:
    """Suppressions of a region (first digits) and all inside it, the newest first, from before ``before_id``; those that hold, or with
    ``ended`` those that do not hold any more.
    """
    over = or_(Suppression.ended_at.is_not(None), Suppression.until < today)
    query = select(Suppression).where(over if ended else and_(*_holding(today)))
    if region:
        query = query.where(Suppression.region_code.between(region.ljust(6, "0"), region.ljust(6, "9")))
    if before_id is not None:
        query = query.where(Suppression.id < before_id)
    return session.scalars(query.order_by(Suppression.id.desc()).limit(limit)).all()


def look_again(session: Session, keys: Collection[str]) -> None:
    """Have the next triage look at every standing signal behind alerts with these keys."""
    people: set[int] = set()
    for key in sorted(set(keys)):
        kind, _, ref = key.partition(":")
        if kind == SubjectKind.PERSON.value and ref.isascii() and ref.isdigit():
            people.add(int(ref))
        elif kind in set(SubjectKind):
            mine = and_(Signal.subject_kind == SubjectKind(kind), Signal.subject_ref == ref)
            if kind == SubjectKind.HOSPITAL.value:  # a hospital's alert is that of its doctors too
                doctors = and_(Signal.subject_kind == SubjectKind.DOCTOR, Signal.subject_ref.startswith(f"{ref}/", autoescape=True))
                mine = or_(mine, doctors)
            _due(session, and_(Signal.person_id.is_(None), mine))
    if people:
        records = select(Person.id).where(or_(Person.id.in_(people), Person.merged_into_id.in_(people)))
        _due(session, Signal.person_id.in_(records))


def _due(session: Session, whose: ColumnElement[bool]) -> None:
    standing = update(Signal).where(whose, Signal.vanished_at.is_(None))
    session.execute(standing.values(triage_due=True).execution_options(synchronize_session=False))


def _holding(today: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Suppression.ended_at.is_(None), Suppression.until >= today
