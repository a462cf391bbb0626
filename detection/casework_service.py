"""Casework: everything that people do with cases. Here: what they decide, sign, take back, get back, and silence.

Confirming a case closes it and its alert; nothing is paid, paused or stopped by it. What goes against somebody needs a second person, who
is never the one who proposed it, by the account and not only by its name.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import update

from detection.case_papers_service import CasePapers
from detection.case_steps_service import Step
from detection.casework import inputs
from detection.casework.case_rows import suppression_of
from detection.casework.inputs import NOTE_MAX, REASON_MAX, CaseInputError, InputProblem
from detection.casework.rules import CaseAction, Refusal, StepRefusedError, Worker, needs_second_person
from detection.casework.views import CaseView, Decision, SuppressionView
from models.alert import CaseFile
from models.casework import CaseStep
from models.errors import ConflictError, NotFoundError
from models.repositories import audit, cases, staff_accounts, suppressions
from models.repositories.suppressions import NewSuppression

CODE_MAX = 40
NOTHING_PROPOSED: dict[str, Any] = {
    "proposed_outcome": None,
    "proposed_by": None,
    "proposed_at": None,
    "conclusion": None,
    "found_fen": None,
    "referred_to": None,
}


class CaseworkService(CasePapers):
    """Everything that people do with cases. Raises as its bases do."""

    # decide --------------------------------------------------------------------------------------------------------

    def propose(self, who: Worker, case_id: str, given: Decision) -> CaseView:
        """Decide. What goes against nobody is decided at once; the rest waits for a second person."""
        decision = inputs.decision(given)
        with self._step(who, case_id, CaseAction.PROPOSE) as step:
            values: dict[str, Any] = {"found_fen": decision.found_fen, "referred_to": decision.referred_to}
            values |= {"conclusion": decision.conclusion, **self._work(step.held.case, who, step.now)}
            details = _told(decision)
            if not needs_second_person(decision.outcome):
                cases.close(step.session, step.held, outcome=decision.outcome, by=who.actor, now=step.now, **values)
                return self._told(step, CaseStep.CLOSED, decision.conclusion, details)
            values |= {"proposed_outcome": decision.outcome, "proposed_by": who.actor, "proposed_at": step.now}
            cases.change(step.session, step.held.case, owner=None, held_until=None, diary_on=None, **values)
            return self._told(step, CaseStep.PROPOSED, decision.conclusion, details)

    def withdraw(self, who: Worker, case_id: str) -> CaseView:
        """Take one's own proposal back; the case is one's own again."""
        with self._step(who, case_id, CaseAction.WITHDRAW) as step:
            details = _told(_proposed(step))
            cases.change(step.session, step.held.case, owner=who.actor, held_until=None, worked_at=step.now, **NOTHING_PROPOSED)
            return self._told(step, CaseStep.WITHDRAWN, "", details)

    def sign(self, who: Worker, case_id: str, seen: datetime | None = None, note: str = "") -> CaseView:
        """Agree, as the second person; the case closes. seen: when the proposal that was shown was made; another one is refused."""
        text = inputs.words(note, NOTE_MAX, needed=False)
        with self._step(who, case_id, CaseAction.SIGN) as step:
            case, decision = step.held.case, _proposed(step, seen)
            proposer = str(case.proposed_by)
            work = self._work(case, who, step.now)
            cases.close(
                step.session,
                step.held,
                outcome=decision.outcome,
                by=proposer,
                now=step.now,
                signed_by=who.actor,
                signed_at=step.now,
                **work,
            )
            return self._told(step, CaseStep.SIGNED, text, {**_told(decision), "proposed_by": proposer})

    def send_back(self, who: Worker, case_id: str, note: str, seen: datetime | None = None) -> CaseView:
        """Disagree, as the second person: whoever proposed works on; free when their account works no more."""
        text = inputs.words(note, NOTE_MAX)
        with self._step(who, case_id, CaseAction.SEND_BACK) as step:
            case, decision = step.held.case, _proposed(step, seen)
            account = staff_accounts.find(step.session, str(case.proposed_by))
            owner = case.proposed_by if account is not None and account.active else None
            values = {**self._work(case, who, step.now), "worked_at": None, **NOTHING_PROPOSED}
            cases.change(step.session, case, owner=owner, held_until=None, **values)
            return self._told(step, CaseStep.SENT_BACK, text, {**_told(decision), "to": owner})

    def undo(self, who: Worker, case_id: str, reason: str) -> CaseView:
        """Take a decision back within the policy's time; whoever does it works on. The decision stays in the steps."""
        text = inputs.words(reason, NOTE_MAX)
        with self._step(who, case_id, CaseAction.UNDO) as step:
            case = step.held.case
            told: dict[str, Any] = {"outcome": case.outcome and case.outcome.value, "found_fen": case.found_fen}
            told |= {"referred_to": case.referred_to and case.referred_to.value, "signed_by": case.signed_by}
            told |= {"closed_by": case.closed_by, "closed_at": case.closed_at and case.closed_at.isoformat()}
            try:
                cases.reopen(step.session, step.held, owner=who.actor, now=step.now)
            except ConflictError as error:
                raise StepRefusedError(Refusal.NEWER_ALERT, str(error)) from error
            return self._told(step, CaseStep.REOPENED, text, told)

    def record_recovery(self, who: Worker, case_id: str, fen: int, on: date, note: str = "") -> CaseView:
        """Money that was found to be wrongly paid came back. Each call adds; all together is at most what was found."""
        text = inputs.words(note, NOTE_MAX, needed=False)
        with self._step(who, case_id, CaseAction.RECORD_RECOVERY) as step:
            case = step.held.case
            total = inputs.recovery(fen, on, step.today, case.recovered_fen, case.found_fen or 0)
            step.session.execute(update(CaseFile).where(CaseFile.id == case.id).values(recovered_fen=total))
            step.session.refresh(case)
            return self._told(step, CaseStep.RECOVERED, text, {"fen": fen, "on": on.isoformat(), "total_fen": total})

    # silence -------------------------------------------------------------------------------------------------------

    def suppress(self, who: Worker, case_id: str, code: str, until: date, reason: str) -> SuppressionView:
        """Have findings about the case's subject open no alert until a day, included. code: of the signals, empty for all."""
        text = inputs.words(reason, REASON_MAX)
        if len(code) > CODE_MAX or not all(each.isascii() and (each.isalnum() or each in "-_") for each in code):
            raise CaseInputError(InputProblem.TEXT_TOO_LONG, f"a code has at most {CODE_MAX} letters and digits", CODE_MAX)
        with self._step(who, case_id, CaseAction.SUPPRESS) as step:
            inputs.suppression_day(until, step.today, self._policy)
            held = step.held
            new = NewSuppression(held.alert.key, code, held.case.region_code, text, until, held.case.id)
            row = suppressions.add(step.session, new, today=step.today, by=who.actor, now=step.now)
            details = {"suppression": row.public_id, "code": code, "until": until.isoformat()}
            self._done(step, CaseStep.SUPPRESSED, note=text, details=details)
            return suppression_of(row)

    def end_suppression(self, who: Worker, suppression_id: str, reason: str) -> SuppressionView:
        """End a suppression before its last day; the next triage opens what stands."""
        text = inputs.words(reason, REASON_MAX)
        now = self._clock()
        with self._database.session_scope() as session:
            row = suppressions.get(session, suppression_id)
            if not who.covers(row.region_code):
                raise NotFoundError("there is no such suppression")
            suppressions.end(session, row, by=who.actor, now=now)
            details = {"suppression": row.public_id, "code": row.code, "until": row.until.isoformat()}
            if row.case_id is None:
                audit.record(session, actor=who.actor, action="case.suppression_ended", now=now, object=row.public_id, details=details)
            else:
                held = cases.get(session, session.get_one(CaseFile, row.case_id).public_id)
                cases.record(session, held, CaseStep.SUPPRESSION_ENDED, by=who.actor, now=now, note=text, details=details)
            return suppression_of(row)

    # shared --------------------------------------------------------------------------------------------------------

    def _told(self, step: Step, named: CaseStep, note: str, details: dict[str, Any]) -> CaseView:
        """The event of a step that has changed the case already."""
        cases.record(step.session, step.held, named, by=step.who.actor, now=step.now, note=note, details=details)
        return self._view(step.session, step.held, step.who, step.now)


def _proposed(step: Step, seen: datetime | None = None) -> Decision:
    """What waits for a second person. Raises StepRefusedError when it is another proposal than the one that was shown."""
    case = step.held.case
    if case.proposed_outcome is None or (seen is not None and seen != case.proposed_at):
        raise StepRefusedError(Refusal.NOTHING_PROPOSED, "another outcome was proposed meanwhile: read it before you decide")
    return Decision(case.proposed_outcome, case.conclusion or "", case.found_fen, case.referred_to)


def _told(decision: Decision) -> dict[str, Any]:
    referred = None if decision.referred_to is None else decision.referred_to.value
    return {"outcome": decision.outcome.value, "found_fen": decision.found_fen, "referred_to": referred}
