"""The kinds of entries of which a person has few, read in one statement: checks, changes of payment, enrolments, attempts to reach, help
between regions, mergers. Each kind fills the same wide row; what its columns mean is said where the row is written and read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Date, Row, Select, String, cast, null, or_, select, type_coerce, union_all
from sqlalchemy.orm import Session

from models.assistance import AssistanceRequest
from models.enrolment import Enrolment, Scheme
from models.identity_check import IdentityCheck
from models.outreach import Outreach, OutreachAttempt
from models.payment_change import PaymentChange
from models.person_merge import PersonMerge
from models.repositories.timeline_entries import Entry, Lane
from models.types import UtcDateTime
from models.verification import Verification

CHECKS_READ = 300  # newest verifications, and as many identity checks; older ones stay in the store
_TYPES: dict[str, Any] = {
    "kind": String(),
    "id": String(),
    "person": BigInteger(),
    "at": UtcDateTime(),
    "later": UtcDateTime(),
    "day": Date(),
    "until": Date(),
    "code": String(),
    "a": String(),
    "b": String(),
    "c": String(),
    "d": String(),
    "number": BigInteger(),
}


def _wide(kind: str, **columns: Any) -> Select[Any]:
    """One kind as the wide row; what it does not fill is empty, with its type, since a union takes the types of its first member."""
    filled: list[ColumnElement[Any]] = []
    for name, kind_of in _TYPES.items():
        if name == "kind":
            filled.append(cast(kind, String()).label("kind"))
        elif name not in columns:
            filled.append(cast(null(), kind_of).label(name))
        elif name == "id":
            filled.append(cast(columns["id"], String()).label("id"))
        else:
            filled.append(type_coerce(columns[name], kind_of).label(name))  # words of an enumeration as they are stored
    return select(*filled)


def small_entries(
    session: Session, members: Sequence[int], names: Mapping[int, str], today: Callable[[datetime], date]
) -> tuple[list[Entry], bool]:
    """The entries of these records of a person; and whether there are more checks than were read."""
    v, i, c, e, a, m = Verification, IdentityCheck, PaymentChange, Enrolment, AssistanceRequest, PersonMerge
    tries = _wide("verification", id=v.id, person=v.person_id, at=v.started_at, code=v.state, a=v.outcome, b=v.channel)
    looks = _wide("identity", id=i.id, person=i.person_id, at=i.checked_at, code=i.level, a=i.institution)
    changes = _wide(
        "change",
        id=c.id,
        person=c.person_id,
        day=c.effective_month,
        code=c.kind,
        a=c.state,
        b=c.reason,
        c=c.proposed_by,
        number=c.arrears_fen,
    )
    enrolments = _wide("enrolment", id=e.id, person=e.person_id, day=e.from_month, until=e.to_month, a=e.scheme, b=e.region_code)
    attempts = _wide(
        "attempt",
        id=OutreachAttempt.id,
        person=Outreach.person_id,
        at=OutreachAttempt.made_at,
        code=OutreachAttempt.channel,
        a=OutreachAttempt.outcome,
        b=OutreachAttempt.made_by,
        c=OutreachAttempt.note,
    ).join(Outreach, Outreach.id == OutreachAttempt.outreach_id)
    help_ = _wide(
        "assistance",
        id=a.id,
        person=a.person_id,
        at=a.requested_at,
        code=a.state,
        a=a.requesting_region,
        b=a.performing_region,
        c=a.reason,
    )
    merged = _wide(
        "merger",
        id=m.id,
        person=m.kept_id,
        at=m.merged_at,
        later=m.split_at,
        a=m.reason,
        b=m.merged_by,
        c=m.split_reason,
        d=m.split_by,
        number=m.merged_id,
    )
    newest = [
        tries.where(v.person_id.in_(members)).order_by(v.started_at.desc()).limit(CHECKS_READ + 1).subquery(),
        looks.where(i.person_id.in_(members)).order_by(i.id.desc()).limit(CHECKS_READ + 1).subquery(),
    ]
    parts = [
        *(select(part) for part in newest),
        changes.where(c.person_id.in_(members)),
        enrolments.where(e.person_id.in_(members)),
        attempts.where(Outreach.person_id.in_(members)),
        help_.where(a.person_id.in_(members)),
        merged.where(or_(m.kept_id.in_(members), m.merged_id.in_(members))),
    ]
    rows = session.execute(union_all(*parts)).all()
    read: dict[str, int] = {}
    entries: list[Entry] = []
    for row in rows:
        read[row.kind] = read.get(row.kind, 0) + 1
        if row.kind not in {"verification", "identity"} or read[row.kind] <= CHECKS_READ:
            entries += _entries(row, names, today)
    return entries, max(read.get("verification", 0), read.get("identity", 0)) > CHECKS_READ


def _entries(row: Row[Any], names: Mapping[int, str], today: Callable[[datetime], date]) -> Iterator[Entry]:
    if row.kind == "merger":
        mine = names[row.number if row.number in names else row.person]
        yield Entry(Lane.MERGER, f"merger-{row.id}", today(row.at), "merged", mine, facts={"reason": row.a, "by": row.b})
        if row.later is not None:
            yield Entry(Lane.MERGER, f"split-{row.id}", today(row.later), "split", mine, facts={"reason": row.c, "by": row.d})
        return
    name = names[row.person]
    match row.kind:
        case "verification":
            code = f"verification.{row.a or row.code}"
            yield Entry(Lane.CHECK, f"verification-{row.id}", today(row.at), code, name, facts={"channel": row.b})
        case "identity":
            yield Entry(Lane.CHECK, f"identity-{row.id}", today(row.at), f"identity.{row.code}", name, facts={"institution": row.a})
        case "change":
            facts: dict[str, Any] = {"state": row.a, "arrears_fen": row.number, "reason": row.b, "by": row.c}
            yield Entry(Lane.PAYMENT_CHANGE, f"change-{row.id}", row.day, row.code, name, facts=facts)
        case "enrolment":
            facts = {"scheme": Scheme(row.a), "region": row.b}
            yield Entry(Lane.ENROLMENT, f"enrolment-{row.id}", row.day, "enrolment", name, row.until, row.until is None, facts=facts)
        case "attempt":
            facts = {"outcome": row.a, "by": row.b, "note": row.c}
            yield Entry(Lane.OUTREACH, f"attempt-{row.id}", today(row.at), row.code, name, facts=facts)
        case "assistance":
            facts = {"from": row.a, "to": row.b, "reason": row.c}
            yield Entry(Lane.ASSISTANCE, f"assistance-{row.id}", today(row.at), row.code, name, facts=facts)
