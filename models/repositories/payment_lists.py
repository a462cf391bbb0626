"""Lists for the paying system: numbered without gaps, their lines kept as they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session, aliased

from models.benefit import Benefit
from models.errors import NotFoundError
from models.keys import Sealed
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeState, PaymentList
from models.person import Person
from models.region import region_prefix

ADVISORY_LOCK = 7_408_341_552  # of PostgreSQL: whoever numbers a list


@dataclass(frozen=True)
class Unlisted:
    """A signed change that is on no list yet, with the records that its line is written from."""

    change: PaymentChange
    benefit: Benefit
    person: Person


@dataclass(frozen=True)
class NewList:
    """A list that is written. lines: sealed, by id of the change, in order."""

    kind: PaymentChangeKind
    number: int
    region_code: str
    content_sha256: bytes
    key_id: str
    signature: bytes
    lines: Sequence[tuple[int, Sealed]]


def lock_numbers(session: Session) -> None:
    """Let nobody else number a list until this transaction ends. On SQLite a writing transaction is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def next_number(session: Session, kind: PaymentChangeKind) -> int:
    """The number after the last one of the kind, from 1. Call ``lock_numbers`` first."""
    return (session.scalar(select(func.max(PaymentList.number)).where(PaymentList.kind == kind)) or 0) + 1


def unlisted(session: Session, kind: PaymentChangeKind, region_code: str, limit: int) -> list[Unlisted]:
    """Signed changes of a region and all inside it that are on no list, oldest first.

    A resumption waits while the pause before it is on no list: a paying system that learns of the two in the wrong order would stop the
    payment for good.
    """
    query = (
        select(PaymentChange, Benefit, Person)
        .join(Benefit, Benefit.id == PaymentChange.benefit_id)
        .join(Person, Person.id == PaymentChange.person_id)
        .where(*_waits(kind, region_code))
    )
    return [Unlisted(change, benefit, person) for change, benefit, person in session.execute(query.order_by(PaymentChange.id).limit(limit))]


def count_unlisted(session: Session, kind: PaymentChangeKind, region_code: str) -> int:
    """How many changes ``unlisted`` has without its limit."""
    return session.scalar(select(func.count()).select_from(PaymentChange).where(*_waits(kind, region_code))) or 0


def _waits(kind: PaymentChangeKind, region_code: str) -> list[ColumnElement[bool]]:
    conditions = [
        PaymentChange.kind == kind,
        PaymentChange.state == PaymentChangeState.APPROVED,
        PaymentChange.list_id.is_(None),
        PaymentChange.region_code.startswith(region_prefix(region_code), autoescape=True),
    ]
    if kind is PaymentChangeKind.RESUME:
        pause = aliased(PaymentChange)
        before = select(pause.id).where(
            pause.benefit_id == PaymentChange.benefit_id,
            pause.kind == PaymentChangeKind.PAUSE,
            pause.state == PaymentChangeState.APPROVED,
            pause.list_id.is_(None),
            pause.id < PaymentChange.id,
        )
        conditions.append(~before.correlate(PaymentChange).exists())
    return conditions


def add(session: Session, new: NewList, *, by: str, now: datetime) -> PaymentList:
    """Write a list, and put its changes on it."""
    row = PaymentList(
        kind=new.kind,
        number=new.number,
        region_code=new.region_code,
        row_count=len(new.lines),
        content_sha256=new.content_sha256,
        key_id=new.key_id,
        signature=new.signature,
        made_by=by,
        made_at=now,
    )
    session.add(row)
    session.flush()
    placed = [
        {"id": change_id, "list_id": row.id, "list_position": position, "list_line": line}
        for position, (change_id, line) in enumerate(new.lines, 1)
    ]
    session.execute(update(PaymentChange), placed)
    return row


def get(session: Session, kind: PaymentChangeKind, number: int) -> PaymentList:
    """The list with this number of its kind. Raises NotFoundError."""
    row = session.scalar(select(PaymentList).where(PaymentList.kind == kind, PaymentList.number == number))
    if row is None:
        raise NotFoundError(f"there is no {kind.value} list with the number {number}: `lifecert payments list` shows those there are")
    return row


def by_public_id(session: Session, public_id: str) -> PaymentList:
    """The list with this public id. Raises NotFoundError."""
    row = session.scalar(select(PaymentList).where(PaymentList.public_id == public_id))
    if row is None:
        raise NotFoundError("there is no such list")
    return row


def by_digest(session: Session, content_sha256: bytes) -> PaymentList | None:
    """The list whose content has this SHA-256, None when none has."""
    return session.scalar(select(PaymentList).where(PaymentList.content_sha256 == content_sha256).limit(1))


def lines(session: Session, list_id: int) -> Sequence[tuple[str, Sealed | None]]:
    """(public id of the change, its sealed line) in order of position."""
    query = select(PaymentChange.public_id, PaymentChange.list_line).where(PaymentChange.list_id == list_id)
    return [(public_id, line) for public_id, line in session.execute(query.order_by(PaymentChange.list_position))]


def listing(
    session: Session, *, region_code: str | None = None, kind: PaymentChangeKind | None = None, limit: int = 100
) -> Sequence[PaymentList]:
    """Lists, newest first; those of a region and all inside it when one is named."""
    query = select(PaymentList).order_by(PaymentList.id.desc()).limit(limit)
    if region_code is not None:
        query = query.where(PaymentList.region_code.startswith(region_prefix(region_code), autoescape=True))
    if kind is not None:
        query = query.where(PaymentList.kind == kind)
    return session.scalars(query).all()


def sealed_for(change_public_id: str) -> bytes:
    """What a line of a list is bound to: the change that it is about."""
    return f"payment_change:{change_public_id}:list_line".encode()
