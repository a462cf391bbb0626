"""Reading changes of status in the order in which they were told."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.certification_state import CertificationState
from models.person import Person
from models.status_change import StatusChange

Selected = Select[int, str, str, date, CertificationState | None, CertificationState, date | None, date | None, datetime]

TOKEN_MARK = b"\x4c\x01"  # kind and version, so that other texts are recognised


@dataclass(frozen=True)
class AnnouncedChange:
    """One change as others read it. person_id: public. on: the day that the status was derived for."""

    id: int
    person_id: str
    region_code: str
    on: date
    before: CertificationState | None
    state: CertificationState
    last_certified_on: date | None
    due_on: date | None
    announced_at: datetime

    @property
    def change(self) -> str:
        """The token of this change, which is also the cursor after it."""
        return change_token(self.id)


@dataclass(frozen=True)
class Page:
    """Changes in order. next_id: where to go on reading. more: whether there is more just now."""

    changes: tuple[AnnouncedChange, ...]
    next_id: int
    more: bool


def change_token(change_id: int) -> str:
    """16 characters whose order as text is the order of the changes (base32hex, RFC 4648 section 7)."""
    return base64.b32hexencode(TOKEN_MARK + change_id.to_bytes(8, "big")).decode("ascii")


def change_id_of(token: str) -> int:
    """The reverse of ``change_token``. Raises ValueError for anything that it did not make."""
    try:
        raw = base64.b32hexdecode(token)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a cursor of this service") from error
    if len(raw) != len(TOKEN_MARK) + 8 or not raw.startswith(TOKEN_MARK) or raw[2] > 0x7F:
        raise ValueError("not a cursor of this service")
    return int.from_bytes(raw[2:], "big")


def newest_id(session: Session) -> int:
    """Id of the newest change, 0 before the first."""
    return session.scalar(select(func.max(StatusChange.id))) or 0


def page(session: Session, *, region: str, after_id: int, limit: int) -> Page:
    """Changes after ``after_id`` of the region whose codes begin with ``region``, in order.

    Where nothing more is to be had, next_id is the newest change of all regions, so that the next page has nothing to skip. Changes get
    their ids in the order of their commits: none with a smaller id can appear later.
    """
    newest = newest_id(session)
    rows = session.execute(
        changes()
        .where(
            StatusChange.id > after_id,
            StatusChange.id <= newest,
            StatusChange.region_code.between(region.ljust(6, "0"), region.ljust(6, "9")),
        )
        .order_by(StatusChange.id)
        .limit(limit + 1)
    ).all()
    found = tuple(AnnouncedChange(*row) for row in rows[:limit])
    more = len(rows) > limit
    return Page(found, found[-1].id if more else max(newest, after_id), more)


def changes() -> Selected:
    """The columns of AnnouncedChange, to be narrowed."""
    return select(
        StatusChange.id,
        Person.public_id,
        StatusChange.region_code,
        StatusChange.on,
        StatusChange.before,
        StatusChange.state,
        StatusChange.last_certified_on,
        StatusChange.due_on,
        StatusChange.announced_at,
    ).join(Person, Person.id == StatusChange.person_id)
