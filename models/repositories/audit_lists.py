"""The auditor's list: entries by time, actor, action or person, newest first, in pages.

One page looks at no more than some thousands of entries, whatever is asked for: where few of them fit, it says how far it has looked, and
the next page goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from models.account import Account
from models.audit import AuditEntry
from models.audit_chain import AuditLink
from models.client import Client
from models.person import Person

PAGE = 50
LOOKED_AT = 5_000
OF_EACH_ACTION = 500  # the same where several actions are asked for, each by its own place in the index
WHOLE_PROVINCE = 2  # digits of a province's prefix: entries of commands, jobs and the service itself are of no smaller region


class Place(NamedTuple):
    """A place in the list, from which it goes on."""

    at: datetime
    id: int


@dataclass(frozen=True)
class Filter:
    """What is asked for. start to before end; None: any. people: ids of a person's records. actions: only these, None for all.

    region: prefix of the region codes that the reader sees; "" for all.
    """

    start: datetime
    end: datetime
    region: str
    actor: str | None = None
    action: str | None = None
    people: tuple[int, ...] = ()
    actions: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Line:
    """One entry. person_id: public. day and position: its place in the chain, None until it is sealed."""

    id: int
    at: datetime
    actor: str
    action: str
    person_id: str | None
    object: str | None
    reason: str | None
    day: Any
    position: int | None


@dataclass(frozen=True)
class Page:
    """A page of the list. following: where to go on, None at the end. partly: fewer fit than a page, because no more were looked at."""

    lines: tuple[Line, ...]
    following: Place | None
    partly: bool


def page(session: Session, wanted: Filter, *, after: Place | None = None) -> Page:
    """The entries that the reader may see, from ``after`` on."""
    some = _looked_at(wanted, after).subquery()
    entry = aliased(AuditEntry, some)
    fitting = _visible(
        select(
            entry.id, entry.at, entry.actor, entry.action, Person.public_id, entry.object, entry.reason, AuditLink.day, AuditLink.position
        ),
        entry,
        wanted.region,
    ).outerjoin(AuditLink, AuditLink.entry_id == entry.id)
    if wanted.actor is not None:
        fitting = fitting.where(entry.actor == wanted.actor)
    if wanted.action is not None:
        fitting = fitting.where(entry.action == wanted.action)
    rows = session.execute(fitting.order_by(entry.at.desc(), entry.id.desc()).limit(PAGE + 1)).all()
    lines = tuple(Line(*row) for row in rows[:PAGE])
    if len(rows) > PAGE:
        return Page(lines, Place(lines[-1].at, lines[-1].id), partly=False)
    last = session.execute(_looked_at(wanted, after, only_last=True)).first()
    return Page(lines, None if last is None else Place(last.at, last.id), partly=last is not None)


def may_see(session: Session, entry_id: int, region: str) -> Line | None:
    """One entry, when the reader may see it."""
    found = _visible(
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.actor,
            AuditEntry.action,
            Person.public_id,
            AuditEntry.object,
            AuditEntry.reason,
            AuditLink.day,
            AuditLink.position,
        ),
        AuditEntry,
        region,
    ).outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
    row = session.execute(found.where(AuditEntry.id == entry_id)).first()
    return None if row is None else Line(*row)


def last_of(session: Session, action: str) -> AuditEntry | None:
    """The newest entry of an action."""
    newest = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    return session.scalars(newest.limit(1)).first()


def _looked_at(wanted: Filter, after: Place | None, *, only_last: bool = False) -> Select[Any]:
    """The newest entries that fit the narrowest of what is asked for, by an index that has them in order; or the last of so many."""
    if wanted.people:
        return _ordered(_within(AuditEntry.person_id.in_(wanted.people), wanted, after), only_last=only_last)
    if wanted.action is not None:
        return _ordered(_within(AuditEntry.action == wanted.action, wanted, after), only_last=only_last)
    if wanted.actions is not None:
        each = [_limited(_within(AuditEntry.action == action, wanted, after), AuditEntry, OF_EACH_ACTION) for action in wanted.actions]
        entry = aliased(AuditEntry, union_all(*(select(one.subquery()) for one in each)).subquery())
        return _limited(select(entry), entry, OF_EACH_ACTION, only_last=only_last)
    if wanted.actor is not None:
        return _ordered(_within(AuditEntry.actor == wanted.actor, wanted, after), only_last=only_last)
    return _ordered(_within(None, wanted, after), only_last=only_last)


def _within(first: ColumnElement[bool] | None, wanted: Filter, after: Place | None) -> Select[Any]:
    found = select(AuditEntry).where(AuditEntry.at >= wanted.start, AuditEntry.at < wanted.end)
    if first is not None:
        found = found.where(first)
    if after is not None:
        behind = or_(AuditEntry.at < after.at, and_(AuditEntry.at == after.at, AuditEntry.id < after.id))
        found = found.where(AuditEntry.at <= after.at, behind)
    return found


def _ordered(found: Select[Any], *, only_last: bool = False) -> Select[Any]:
    return _limited(found, AuditEntry, LOOKED_AT, only_last=only_last)


def _limited(found: Select[Any], entry: Any, most: int, *, only_last: bool = False) -> Select[Any]:
    found = found.order_by(entry.at.desc(), entry.id.desc())
    if only_last:
        return found.with_only_columns(entry.at, entry.id).offset(most - 1).limit(1)
    return found.limit(most)


def _visible(found: Any, entry: Any, region: str) -> Any:
    """An entry is of the region of the person whom it is about, else of whoever acted; what neither tells is of the whole province."""
    found = found.outerjoin(Person, Person.id == entry.person_id)
    if not region:
        return found
    found = found.outerjoin(Account, and_(entry.actor.startswith("staff:"), Account.username == func.substr(entry.actor, 7)))
    found = found.outerjoin(Client, and_(entry.actor.startswith("client:"), Client.client_id == func.substr(entry.actor, 8)))
    place = func.coalesce(Person.region_code, Account.region_code, Client.region_code)
    inside = place.between(region.ljust(6, "0"), region.ljust(6, "9"))
    return found.where(or_(inside, place.is_(None)) if len(region) <= WHOLE_PROVINCE else inside)


def records_of(session: Session, person_key: int) -> Sequence[int]:
    """Ids of a person's records: their own, and those that were merged into it."""
    return session.scalars(select(Person.id).where(or_(Person.id == person_key, Person.merged_into_id == person_key))).all()
