"""How many people's faces are held, and since when so many that the authority has to be told (2025 measures, article 15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, literal, select, union_all
from sqlalchemy.orm import Session

from models.face import FaceReference
from models.person import Person
from models.policy_privacy import PrivacyPolicy

SATURDAY = 5


@dataclass(frozen=True)
class FaceCount:
    """people: whose templates are held now. since: first day on which the threshold was reached; due_on: last day for the filing."""

    people: int
    since: date | None
    due_on: date | None


def count(session: Session, policy: PrivacyPolicy) -> FaceCount:
    """Count people with a template that is not revoked; merged records are one human being. Reads every reference: for jobs and papers.

    The first day is that of so many templates, of whichever engine: never later than that of so many people.
    """
    people = session.scalar(
        select(func.count(func.coalesce(Person.merged_into_id, Person.id).distinct()))
        .select_from(FaceReference)
        .join(Person, Person.id == FaceReference.person_id)
        .where(FaceReference.revoked_at.is_(None))
    )
    since = _since(session, policy.filing_people)
    return FaceCount(people or 0, since, None if since is None else weekdays_after(since, policy.filing_weekdays))


def weekdays_after(day: date, number: int) -> date:
    """The day so many weekdays (Monday to Friday) after a day. Public holidays, which would make it later, are not known here."""
    while number > 0:
        day += timedelta(days=1)
        number -= day.weekday() < SATURDAY
    return day


def _since(session: Session, threshold: int) -> date | None:
    """First day (UTC) at whose end so many templates were held. Each that was revoked since counts until then."""
    sqlite = session.get_bind().dialect.name == "sqlite"

    def day_of(column: Any) -> ColumnElement[Any]:
        return func.date(column) if sqlite else cast(func.timezone("UTC", column), Date)

    came = select(day_of(FaceReference.enrolled_at).label("day"), literal(1).label("change"))
    went = select(day_of(FaceReference.revoked_at).label("day"), literal(-1).label("change")).where(FaceReference.revoked_at.is_not(None))
    changes = union_all(came, went).subquery()
    by_day = select(changes.c.day, func.sum(changes.c.change)).group_by(changes.c.day).order_by(changes.c.day)
    held = 0
    for day, change in session.execute(by_day):
        held += int(change)
        if held >= threshold:
            return day if isinstance(day, date) else date.fromisoformat(str(day)[:10])
    return None
