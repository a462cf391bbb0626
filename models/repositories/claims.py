"""Claims for casework: of one person, of one institution, and one claim with its lines; and the months that changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.claim import Claim, ClaimLine, ClaimMonth, Institution
from models.errors import NotFoundError
from models.repositories import persons
from models.repositories.import_rows import parts

PAGE = 50
LINES_MAX = 10_000
"""Lines of one claim that are read for a page; a stay of a year with thirty lines a day has them."""


class ClaimWithInstitution(NamedTuple):
    """One claim and where it is from."""

    claim: Claim
    institution: Institution


class MonthDue(NamedTuple):
    """One month of claims. revision: of the store; archived_revision: of the analytical files."""

    month: date
    revision: int
    archived_revision: int


def get(session: Session, public_id: str) -> ClaimWithInstitution:
    """The claim with this public id. Raises NotFoundError."""
    found = session.execute(
        select(Claim, Institution).join(Institution, Institution.id == Claim.institution_id).where(Claim.public_id == public_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError("there is no such claim")
    return ClaimWithInstitution(*found)


def lines_of(session: Session, claim_ids: Collection[int]) -> dict[int, list[ClaimLine]]:
    """Claim -> its lines by number; of all of them together ``LINES_MAX`` at most. A claim without lines is not among the keys."""
    found: dict[int, list[ClaimLine]] = {}
    query = select(ClaimLine).where(ClaimLine.claim_id.in_(claim_ids)).order_by(ClaimLine.claim_id, ClaimLine.number).limit(LINES_MAX)
    for line in session.scalars(query):
        found.setdefault(line.claim_id, []).append(line)
    return found


def of_person(
    session: Session,
    person_id: int,
    *,
    from_date: date | None = None,
    to_date: date | None = None,
    before: tuple[date, int] | None = None,
    limit: int = PAGE,
) -> Sequence[ClaimWithInstitution]:
    """Claims of a human being, over every record of theirs, newest first. from_date, to_date: of ``Claim.to_date``, inclusive.

    before: (to_date, id) of the last claim of the page before.
    """
    members = persons.records_of(session, person_id)
    return _page(session, Claim.person_id.in_(members), from_date=from_date, to_date=to_date, before=before, limit=limit)


def of_institution(
    session: Session,
    institution_id: int,
    *,
    from_date: date | None = None,
    to_date: date | None = None,
    before: tuple[date, int] | None = None,
    limit: int = PAGE,
) -> Sequence[ClaimWithInstitution]:
    """Claims of an institution, newest first; the rest as ``of_person``."""
    return _page(session, Claim.institution_id == institution_id, from_date=from_date, to_date=to_date, before=before, limit=limit)


def _page(
    session: Session, whose: object, *, from_date: date | None, to_date: date | None, before: tuple[date, int] | None, limit: int
) -> Sequence[ClaimWithInstitution]:
    query = select(Claim, Institution).join(Institution, Institution.id == Claim.institution_id).where(whose)  # type: ignore[arg-type]
    if from_date is not None:
        query = query.where(Claim.to_date >= from_date)
    if to_date is not None:
        query = query.where(Claim.to_date <= to_date)
    if before is not None:
        day, key = before
        query = query.where((Claim.to_date < day) | ((Claim.to_date == day) & (Claim.id < key)))
    query = query.order_by(Claim.to_date.desc(), Claim.id.desc()).limit(limit)
    return [ClaimWithInstitution(*row) for row in session.execute(query)]


def institution(session: Session, public_id: str) -> Institution:
    """The institution with this public id. Raises NotFoundError."""
    found = session.scalar(select(Institution).where(Institution.public_id == public_id))
    if found is None:
        raise NotFoundError("there is no such institution")
    return found


def institution_of_code(session: Session, code: str) -> Institution | None:
    """The institution with this code, or None."""
    return session.scalar(select(Institution).where(Institution.code == code))


# --- months


def touch_months(session: Session, months: Iterable[date]) -> None:
    """Count the revision of these months up, in the transaction of what changed in them. months: first days."""
    wanted = sorted(set(months))  # in one order, so that two writers wait for each other and never in a circle
    if not wanted:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(ClaimMonth).values([{"month": month, "revision": 1, "archived_revision": 0} for month in wanted])
    session.execute(insert.on_conflict_do_update(index_elements=["month"], set_={"revision": ClaimMonth.revision + 1}))


def months(session: Session) -> list[MonthDue]:
    """Every month that has or had claims, in order."""
    row = ClaimMonth
    return [MonthDue(*found) for found in session.execute(select(row.month, row.revision, row.archived_revision).order_by(row.month))]


def month_revision(session: Session, month: date) -> int | None:
    """The revision of a month; None when it never had claims."""
    return session.scalar(select(ClaimMonth.revision).where(ClaimMonth.month == month))


def month_archived(session: Session, month: date, revision: int) -> None:
    """Note that the files of a month are those of this revision."""
    session.execute(
        update(ClaimMonth)
        .where(ClaimMonth.month == month, ClaimMonth.archived_revision < revision)
        .values(archived_revision=revision)
        .execution_options(synchronize_session=False)
    )


def forget_month(session: Session, month: date, revision: int) -> None:
    """Forget a month that has no claims any more, unless it changed since this revision."""
    session.execute(
        delete(ClaimMonth).where(ClaimMonth.month == month, ClaimMonth.revision == revision).execution_options(synchronize_session=False)
    )


def months_of_persons(session: Session, person_ids: Collection[int]) -> set[date]:
    """First days of the months in which claims of these records end."""
    found: set[date] = set()
    for part in parts(person_ids):
        days = session.scalars(select(Claim.to_date).where(Claim.person_id.in_(part)).distinct())
        found |= {day.replace(day=1) for day in days}
    return found
