"""The list of suppressions: what is not told, about whom, until when; in pages, with the persons and cases that they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import CaseFile
from models.casework import Suppression
from models.errors import NotFoundError
from models.person import Person
from models.repositories import suppressions

PERSON = "person:"


@dataclass(frozen=True)
class ListedSuppression:
    """One line. person_id, case_id: public; name: whole, to be masked."""

    row: Suppression
    person_id: str | None
    name: str | None
    case_id: str | None


def page(
    session: Session, region: str, today: date, *, ended: bool = False, after: str | None = None, limit: int = 50
) -> list[ListedSuppression]:
    """Suppressions of a region (first digits), the newest first, from after the one with a public id. Four statements at most.

    ended: those that hold no more, instead of those that hold. Raises ValueError for a public id that is none.
    """
    before_id = None
    if after is not None:
        try:
            before_id = suppressions.get(session, after).id
        except NotFoundError as error:
            raise ValueError("no suppression to go on after") from error
    rows = suppressions.listing(session, region, today, ended=ended, before_id=before_id, limit=limit)
    people = _people(session, (row.key for row in rows))
    cases = _cases(session, (row.case_id for row in rows if row.case_id is not None))
    found = []
    for row in rows:
        person_id, name = people.get(row.key, (None, None))
        found.append(ListedSuppression(row, person_id, name, None if row.case_id is None else cases.get(row.case_id)))
    return found


def _people(session: Session, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Public id and name by the key of an alert, of those keys that name a person."""
    ids = {int(key.removeprefix(PERSON)) for key in keys if key.startswith(PERSON) and key.removeprefix(PERSON).isdecimal()}
    if not ids:
        return {}
    rows = session.execute(select(Person.id, Person.public_id, Person.name).where(Person.id.in_(ids)))
    return {f"{PERSON}{row.id}": (row.public_id, row.name) for row in rows}


def _cases(session: Session, ids: Iterable[int]) -> dict[int, str]:
    wanted = set(ids)
    if not wanted:
        return {}
    return {row.id: row.public_id for row in session.execute(select(CaseFile.id, CaseFile.public_id).where(CaseFile.id.in_(wanted)))}
