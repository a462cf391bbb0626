"""What people decided of entities that signals name, for models that learn from it.

A decision counts while it stands: a case that was taken up again is none until it is decided once more, an outcome that waits for a second
person is none yet, and what was handed on, or was an error of the data, says nothing of the entity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from models.alert import CaseFile, CaseOutcome
from models.anomaly_model import EntityKind
from models.detection import Signal, SubjectKind
from models.person import Person

DEPARTMENT_CODE = "M-DEPARTMENT"
DECIDED = (CaseOutcome.CONFIRMED, CaseOutcome.UNFOUNDED)
SUBJECTS = {EntityKind.HOSPITAL: SubjectKind.HOSPITAL, EntityKind.DEPARTMENT: SubjectKind.HOSPITAL, EntityKind.DOCTOR: SubjectKind.DOCTOR}


@dataclass(frozen=True)
class Decided:
    """One decision about one entity. ref: as in ``ModelScore.entity_ref``; group: the institution's code, or the person.

    from_month, to_month: of the claims that the signal is about, None where it does not say.
    """

    ref: str
    group: str
    confirmed: bool
    from_month: date | None
    to_month: date | None


def decided(session: Session, entity: EntityKind) -> list[Decided]:
    """Every decision, confirmed or unfounded, about an entity of the kind that a signal over claims of the alert names."""
    query = (
        select(
            CaseFile.outcome,
            Signal.code,
            Signal.subject_ref,
            func.coalesce(Person.merged_into_id, Person.id),
            Signal.from_month,
            Signal.to_month,
            Signal.facts,
        )
        .join(Signal, Signal.alert_id == CaseFile.alert_id)
        .outerjoin(Person, Person.id == Signal.person_id)
        .where(*_about(entity))
        .order_by(CaseFile.id, Signal.id)
    )

    def rows() -> Iterator[Decided]:
        for outcome, _code, subject_ref, person_id, from_month, to_month, facts in session.execute(query):
            ref, group = _named(entity, subject_ref, person_id, facts.get("department"))
            yield Decided(ref, group, outcome is CaseOutcome.CONFIRMED, from_month, to_month)

    return list(dict.fromkeys(rows()))


def counted(session: Session, entity: EntityKind, *, until: datetime) -> list[tuple[str, CaseOutcome, int]]:
    """(region of the signals, outcome, how many different entities of the kind) of what was decided before a moment and stands."""
    if entity is EntityKind.PERSON:
        ref: ColumnElement[Any] = cast(func.coalesce(Person.merged_into_id, Person.id), String)
    elif entity is EntityKind.DEPARTMENT:
        ref = Signal.subject_ref + "/" + func.coalesce(Signal.facts["department"].as_string(), "")
    else:
        ref = func.coalesce(Signal.subject_ref, "")
    query = (
        select(Signal.region_code, CaseFile.outcome, func.count(ref.distinct()))
        .join(Signal, Signal.alert_id == CaseFile.alert_id)
        .outerjoin(Person, Person.id == Signal.person_id)
        .where(*_about(entity), CaseFile.closed_at < until)
        .group_by(Signal.region_code, CaseFile.outcome)
    )
    return [(region, outcome, count) for region, outcome, count in session.execute(query) if outcome is not None]


def _about(entity: EntityKind) -> list[ColumnElement[bool]]:
    """Of cases joined with signals: those whose decision stands and is about an entity of the kind."""
    found: list[Any] = [CaseFile.closed_at.is_not(None), CaseFile.outcome.in_(DECIDED), Signal.completed_on.is_not(None)]
    if entity is EntityKind.PERSON:
        return [*found, Signal.person_id.is_not(None)]
    found += [Signal.subject_kind == SUBJECTS[entity], Signal.subject_ref.is_not(None)]
    if entity is EntityKind.DEPARTMENT:
        found.append(Signal.code == DEPARTMENT_CODE)
    if entity is EntityKind.HOSPITAL:
        found.append(Signal.code != DEPARTMENT_CODE)
    return found


def _named(entity: EntityKind, subject_ref: str | None, person_id: int | None, department: object) -> tuple[str, str]:
    if entity is EntityKind.PERSON:
        return str(person_id), str(person_id)
    code = str(subject_ref)
    if entity is EntityKind.DEPARTMENT:
        return f"{code}/{department}", code
    return code, code.split("/", 1)[0]
