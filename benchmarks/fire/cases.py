"""Cases and pauses at the desk: taken, proposed, signed over HTTP by several people, and what the store says afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from api.casework import casework_service
from api.context import Context, open_context
from api.rights import RoleName
from benchmarks.fire.ledger import Compared
from benchmarks.fire.line import Answer, Line
from benchmarks.fire.people import PROVINCE, People, settings_of
from benchmarks.fire.service import RunningService
from detection.casework.rules import Worker
from models.alert import Alert, AlertState, CaseFile
from models.audit import AuditEntry
from models.casework import CaseEvent, CaseStep
from models.database import Database

PROPOSE = {"what": "decide", "outcome": "confirmed", "conclusion": "paid twice", "found": "100.00"}


def take_cases(service: RunningService, people: People, count: int, *, of: RoleName = RoleName.CASEWORKER) -> list[str]:
    """Public ids of so many cases, taken by a demo account."""
    context = open_context(settings_of(service.home, service.database_url))
    try:
        return take_in(context, people, count, of=of)
    finally:
        context.database.dispose()


def take_in(context: Context, people: People, count: int, *, of: RoleName = RoleName.CASEWORKER) -> list[str]:
    """As ``take_cases``, in an open context."""
    work = casework_service(context)
    return [work.take(Worker(f"staff:{of.value}", PROVINCE[:2]), alert).case_id for alert in people.alerts[:count]]


def step(line: Line, case_id: str, **fields: str) -> Answer:
    """Look at the page of a case, and press one of its buttons. The answer: 200 after the redirect, 409 when somebody was faster."""
    page = line.send("GET", f"/desk/cases/{case_id}")
    if page.status != 200:
        return page
    form = {"csrf_token": page.csrf(), "seen": page.hidden("seen"), **fields}
    return line.send("POST", f"/desk/cases/{case_id}", content=form)


@dataclass(frozen=True)
class Acknowledged:
    """Steps that somebody was told are done. case_id: public."""

    case_id: str
    step: CaseStep


def compare(database: Database, told: list[Acknowledged]) -> Compared:
    """Each acknowledged step is in the case's history once, with its audit entry; a closed case has a closed alert and one signature."""
    lost, doubled = [], []
    with database.read_scope() as session:
        cases = {row.public_id: row for row in session.scalars(select(CaseFile))}
        events = session.execute(select(CaseFile.public_id, CaseEvent.step).join(CaseFile, CaseFile.id == CaseEvent.case_id)).all()
        audited = session.execute(select(AuditEntry.object, AuditEntry.action).where(AuditEntry.action.like("case.%"))).all()
        states = {row.public_id: session.get_one(Alert, row.alert_id).state for row in cases.values()}
    history = [(case_id, step_.value) for case_id, step_ in events]
    trail = [(case_id, action.removeprefix("case.")) for case_id, action in audited]
    for each in told:
        key = (each.case_id, each.step.value)
        for name, rows in (("history", history), ("audit", trail)):
            count = rows.count(key)
            if count == 0:
                lost.append(f"{each.step.value} of {each.case_id} in the {name}")
            elif count > 1 and each.step in (CaseStep.SIGNED, CaseStep.CLOSED):
                doubled.append(f"{each.step.value} of {each.case_id} in the {name}: {count} times")
    for case_id, row in cases.items():
        signed = history.count((case_id, CaseStep.SIGNED.value))
        closed = row.closed_at is not None
        if closed != (states[case_id] is AlertState.CLOSED) or signed > 1 or (signed == 1 and not closed):
            doubled.append(f"case {case_id} is half done")
        for step_ in (CaseStep.PROPOSED, CaseStep.SIGNED):
            if history.count((case_id, step_.value)) != trail.count((case_id, step_.value)):
                doubled.append(f"{step_.value} of {case_id} differs between history and audit")
    return Compared(len(told), tuple(lost), tuple(doubled))
