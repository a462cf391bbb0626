"""From rows of a case to what people see of it. Takes the session it is given; opens none."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.casework.rules import CaseAction, Standing, Worker, refusal_of, state_of
from detection.casework.views import AttachmentView, CaseView, Decision, EventView, Proposal, SuppressionView
from models.alert import Alert, CaseFile
from models.case_holding import due_on
from models.casework import CaseAttachment, CaseEvent, CaseStep, Suppression
from models.person import Person
from models.policy import CertificationPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import cases, staff_accounts
from models.repositories.cases import Held


def standing_of(session: Session, case: CaseFile, who: Worker) -> Standing:
    """What the rules need to know of a case, as it is to this person."""
    return Standing(
        case.owner,
        case.held_until,
        case.proposed_by is not None,
        _own_proposal(session, case, who),
        case.closed_at,
        case.outcome,
        case.referred_to,
        case.found_fen,
        case.recovered_fen,
    )


def _own_proposal(session: Session, case: CaseFile, who: Worker) -> bool:
    """By the account that proposed, which a new name does not change; by the name where there is no account."""
    if case.proposed_by is None:
        return False
    if staff_accounts.same_person(None, who.actor, None, case.proposed_by):
        return True
    mine, theirs = staff_accounts.find_both(session, who.actor, case.proposed_by)
    if staff_accounts.same_person(mine, who.actor, theirs, case.proposed_by):
        return True
    proposed = cases.last_event(session, case.id, CaseStep.PROPOSED)
    return proposed is not None and mine is not None and proposed.details.get("account") == mine.id


def view_of(
    session: Session, held: Held, who: Worker, now: datetime, policy: CaseworkPolicy, certification: CertificationPolicy
) -> CaseView:
    """The case as this person sees it, with what they cannot do and why."""
    case, alert = held.case, held.alert
    standing = standing_of(session, case, who)
    refusals = {action: refusal for action in CaseAction if (refusal := refusal_of(action, standing, who, now, policy)) is not None}
    return CaseView(
        case_id=case.public_id,
        alert_id=alert.public_id,
        key=alert.key,
        code=alert.code,
        severity=alert.severity,
        alert_state=alert.state,
        amount_fen=alert.amount_fen,
        person_id=held.person_id or _person_of(session, case),
        region_code=case.region_code,
        state=state_of(standing, now),
        owner=case.owner,
        held_until=case.held_until,
        alert_opened_at=alert.opened_at,
        opened_by=case.opened_by,
        opened_at=case.opened_at,
        due_on=case.due_on or due_day_of(alert, policy, certification),
        diary_on=case.diary_on,
        worked_s=case.worked_s,
        proposal=_proposal(case),
        decided=_decided(case),
        closed_by=case.closed_by,
        closed_at=case.closed_at,
        signed_by=case.signed_by,
        signed_at=case.signed_at,
        recovered_fen=case.recovered_fen,
        refusals=refusals,
    )


def _person_of(session: Session, case: CaseFile) -> str | None:
    return None if case.person_id is None else session.scalar(select(Person.public_id).where(Person.id == case.person_id))


def due_day_of(alert: Alert, policy: CaseworkPolicy, certification: CertificationPolicy) -> date:
    """The day by which a case on this alert should be decided."""
    return due_on(certification.today(alert.opened_at), alert.severity, alert.code, policy)


def _proposal(case: CaseFile) -> Proposal | None:
    if case.proposed_outcome is None or case.proposed_by is None or case.proposed_at is None:
        return None
    said = Decision(case.proposed_outcome, case.conclusion or "", case.found_fen, case.referred_to)
    return Proposal(said, case.proposed_by, case.proposed_at)


def _decided(case: CaseFile) -> Decision | None:
    return None if case.outcome is None else Decision(case.outcome, case.conclusion or "", case.found_fen, case.referred_to)


def event_of(row: CaseEvent) -> EventView:
    """One step."""
    return EventView(row.step, row.by, row.at, row.note, dict(row.details))


def paper_of(row: CaseAttachment) -> AttachmentView:
    """One paper, without its content."""
    return AttachmentView(
        row.public_id, row.name, row.media_type, row.size_bytes, row.added_by, row.added_at, row.removed_by, row.removed_at
    )


def suppression_of(row: Suppression) -> SuppressionView:
    """One suppression."""
    return SuppressionView(
        row.public_id, row.key, row.code, row.region_code, row.reason, row.until, row.by, row.at, row.ended_by, row.ended_at
    )
