"""Cases in the store: opened, taken, changed and closed, each step with its event and its audit entry.

Whoever changes a case holds the row of its alert: that is the lock of everything about it, which triage takes too. So two persons never
decide at once, and nothing waits in a circle. Within SQLite a writing transaction is alone anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from models.alert import Alert, AlertState, CaseFile, CaseOutcome
from models.casework import CaseEvent, CaseStep
from models.errors import Conflict, ConflictError, NotFoundError
from models.person import Person
from models.repositories import audit, staff_accounts
from models.types import opaque_id

OPEN_ALERT = text("alert.state <> 'closed'")
"""In words that the partial indexes know; a bound value would keep the database from using them."""
OPEN_CASE = text("case_file.closed_at IS NULL")


@dataclass(frozen=True)
class Held:
    """A case and its alert, both of them as they are while this transaction holds them. person_id: public, where it was read along."""

    case: CaseFile
    alert: Alert
    person_id: str | None = None


def locked(session: Session, case_id: str) -> Held:
    """The case with this public id, held until the transaction ends. Raises NotFoundError."""
    of_case = select(CaseFile.alert_id).where(CaseFile.public_id == case_id).scalar_subquery()
    alert = session.scalar(
        select(Alert).where(Alert.id == of_case).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if alert is None:
        raise NotFoundError("there is no such case")
    # read after the lock was had, so that it is what the last holder left
    case = session.scalars(select(CaseFile).where(CaseFile.public_id == case_id).execution_options(populate_existing=True)).one()
    return Held(case, alert)


def locked_alert(session: Session, alert_id: str) -> Alert:
    """The alert with this public id, held until the transaction ends. Raises NotFoundError."""
    query = select(Alert).where(Alert.public_id == alert_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    alert = session.scalar(query)
    if alert is None:
        raise NotFoundError("there is no such alert")
    return alert


def get(session: Session, case_id: str) -> Held:
    """The case with this public id, and its alert, to be read. Raises NotFoundError."""
    row = session.execute(
        select(CaseFile, Alert, Person.public_id)
        .join(Alert, Alert.id == CaseFile.alert_id)
        .outerjoin(Person, Person.id == CaseFile.person_id)
        .where(CaseFile.public_id == case_id)
    ).first()
    if row is None:
        raise NotFoundError("there is no such case")
    return Held(*row)


def open_of(session: Session, alert_id: int) -> CaseFile | None:
    """The case on an alert that is not closed."""
    return session.scalar(select(CaseFile).where(CaseFile.alert_id == alert_id, OPEN_CASE).execution_options(populate_existing=True))


def newest_of(session: Session, alert_id: str) -> Held | None:
    """The newest case on the alert with this public id."""
    query = select(CaseFile, Alert).join(Alert, Alert.id == CaseFile.alert_id).where(Alert.public_id == alert_id)
    row = session.execute(query.order_by(CaseFile.id.desc()).limit(1)).first()
    return None if row is None else Held(row[0], row[1])


def open_case(session: Session, alert: Alert, *, by: str, due_on: date, now: datetime) -> CaseFile:
    """Make a case of an alert that is open, nobody's yet. Raises ConflictError: ALERT_STATE when somebody else was faster."""
    moved = session.scalar(
        update(Alert).where(Alert.id == alert.id, Alert.state == AlertState.OPEN).values(state=AlertState.IN_CASE).returning(Alert.id)
    )
    if moved is None:
        raise ConflictError(Conflict.ALERT_STATE, "the alert is in a case or closed already: read its present state")
    values = {"alert_id": alert.id, "person_id": alert.person_id, "region_code": alert.region_code, "due_on": due_on}
    return session.scalars(
        insert(CaseFile).values(public_id=opaque_id(), opened_by=by, opened_at=now, worked_s=0, **values).returning(CaseFile)
    ).one()


def change(session: Session, case: CaseFile, **values: Any) -> None:
    """Set columns of a case that is held and not closed. Raises ConflictError: CASE_STATE when it is closed all the same."""
    statement = update(CaseFile).where(CaseFile.id == case.id, OPEN_CASE).values(**values).returning(CaseFile.id)
    if session.scalar(statement.execution_options(synchronize_session=False)) is None:
        raise ConflictError(Conflict.CASE_STATE, "the case is closed already: read its present state")
    session.refresh(case)


def close(session: Session, held: Held, *, outcome: CaseOutcome, by: str, now: datetime, **values: Any) -> None:
    """Close a case that is held, and its alert with it. by: who decided."""
    nobody = {"owner": by, "held_until": None, "diary_on": None, "proposed_outcome": None, "proposed_by": None, "proposed_at": None}
    change(session, held.case, outcome=outcome, closed_by=by, closed_at=now, **nobody, **values)
    closed = {"state": AlertState.CLOSED, "closed_by": by, "closed_at": now, "close_reason": outcome.value}
    session.execute(update(Alert).where(Alert.id == held.alert.id).values(**closed))
    session.refresh(held.alert)


def reopen(session: Session, held: Held, *, owner: str, now: datetime) -> None:
    """Work on a closed case goes on. Raises ConflictError: ALERT_STATE when the same was noticed again since."""
    newer = select(Alert.id).where(Alert.key == held.alert.key, OPEN_ALERT)
    if session.scalar(newer) is not None:
        raise ConflictError(Conflict.ALERT_STATE, "the same was noticed again since: decide on that alert")
    undone = {"outcome": None, "referred_to": None, "conclusion": None, "found_fen": None, "signed_by": None, "signed_at": None}
    session.execute(
        update(CaseFile)
        .where(CaseFile.id == held.case.id, CaseFile.closed_at.is_not(None))
        .values(closed_by=None, closed_at=None, owner=owner, held_until=None, worked_at=now, **undone)
    )
    again = {"state": AlertState.IN_CASE, "closed_by": None, "closed_at": None, "close_reason": None, "updated_at": now}
    session.execute(update(Alert).where(Alert.id == held.alert.id).values(**again))
    session.refresh(held.case)
    session.refresh(held.alert)


def record(
    session: Session,
    held: Held,
    step: CaseStep,
    *,
    by: str,
    now: datetime,
    note: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """One event, and the audit entry of it. details: codes, numbers, days and names of staff; no names of the insured.

    A proposal also says which account made it, so that a new name of it does not make another person of the proposer.
    """
    told = dict(details or {})
    if step is CaseStep.PROPOSED:
        account = staff_accounts.find(session, by)
        told["account"] = None if account is None else account.id
    session.add(CaseEvent(case_id=held.case.id, step=step, by=by, at=now, note=note or None, details=told))
    shown = {"step": step.value, "alert": held.alert.public_id, **told}
    audit.record(
        session, actor=by, action=f"case.{step.value}", now=now, person_id=held.case.person_id, object=held.case.public_id, details=shown
    )


def events(session: Session, case_id: int, *, limit: int = 500) -> Sequence[CaseEvent]:
    """The last steps of a case, the oldest of them first."""
    newest = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.id.desc()).limit(limit)
    return list(reversed(session.scalars(newest).all()))


def last_event(session: Session, case_id: int, step: CaseStep) -> CaseEvent | None:
    """The newest step of a kind."""
    query = select(CaseEvent).where(CaseEvent.case_id == case_id, CaseEvent.step == step).order_by(CaseEvent.id.desc()).limit(1)
    return session.scalar(query)


def settle(session: Session, key: str, *, outcome: CaseOutcome, conclusion: str, by: str, now: datetime) -> bool:
    """Close what is open under the key of an alert because the matter is settled: the alert, and its case if there is one.

    For what needs no second person. False when nothing is open under the key. A proposal that waits is dropped: its reason is gone.
    """
    alert = session.scalar(select(Alert).where(Alert.key == key, OPEN_ALERT).with_for_update(key_share=True))
    if alert is None:
        return False
    case = open_of(session, alert.id)
    if case is None:
        closed = {"state": AlertState.CLOSED, "closed_by": by, "closed_at": now, "close_reason": outcome.value}
        session.execute(update(Alert).where(Alert.id == alert.id).values(**closed))
        audit.record(
            session,
            actor=by,
            action="alert.close",
            now=now,
            person_id=alert.person_id,
            object=alert.public_id,
            details={"outcome": outcome.value},
        )
        return True
    held = Held(case, alert)
    close(session, held, outcome=outcome, by=by, now=now, conclusion=conclusion)
    record(session, held, CaseStep.CLOSED, by=by, now=now, note=conclusion, details={"outcome": outcome.value})
    return True
