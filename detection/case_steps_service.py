"""Taking cases and carrying on with them: the next one, keep, give back, hand over, notes, a day to look again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from detection.casework import inputs
from detection.casework.case_rows import due_day_of, event_of, paper_of, standing_of, suppression_of, view_of
from detection.casework.inputs import NOTE_MAX, CaseInputError, InputProblem
from detection.casework.rules import (
    CaseAction,
    CaseHeldError,
    Refusal,
    SecondPersonNeededError,
    Standing,
    StepRefusedError,
    Worker,
    refusal_of,
)
from detection.casework.views import CaseDetails, CaseView, Receiver
from models.alert import Alert
from models.case_holding import worked
from models.casework import CaseStep
from models.database import Database
from models.errors import NotFoundError
from models.keys import KeyRing
from models.policy import CertificationPolicy
from models.policy_casework import CaseworkPolicy
from models.repositories import case_next, case_papers, cases, staff_accounts, suppressions
from models.repositories.case_next import NextFilter, Turn
from models.repositories.cases import Held

TRIES = 25
"""Looks after one at a row that somebody took before it was locked; with eight at once, three were too few one time in a hundred."""
_SAID = {
    Refusal.NOT_TAKEN: "the case is nobody's: take it first",
    Refusal.WAITS_FOR_SIGNATURE: "an outcome waits for a second person: withdraw it first, or let them decide",
    Refusal.NOTHING_PROPOSED: "no outcome waits for a second person: read the present state",
    Refusal.NOT_THE_PROPOSER: "only whoever proposed an outcome withdraws it; a second person sends it back",
    Refusal.MAY_NOT_SIGN: "signing is for those who have the right to",
    Refusal.CLOSED: "the case is closed: read what was decided",
    Refusal.NOT_CLOSED: "the case is not closed yet",
    Refusal.TOO_LATE_TO_UNDO: "the time in which a decision can be taken back has passed",
    Refusal.REFERRED_TO_POLICE: "what was handed to the police is not taken back here: ask them",
    Refusal.ACTED_ON: "money came back on this decision: it is not taken back any more",
    Refusal.NEWER_ALERT: "the same was noticed again since: decide on that alert",
    Refusal.NOTHING_FOUND: "no wrongly paid amount is on the case",
}


@dataclass(frozen=True)
class Step:
    """One step while it is taken: the case is held, the rules allow it. standing: as it was before."""

    session: Session
    held: Held
    who: Worker
    now: datetime
    today: date
    standing: Standing


class CaseSteps:
    """Steps of whoever works on a case. working_roles: names of roles that cases can be given to.

    Every method is one transaction with the event and the audit entry of its step.

    Raises:
        NotFoundError: there is no such record in the person's region.
        CaseHeldError, SecondPersonNeededError, StepRefusedError: the rules refuse it now; the error says why.
        CaseInputError: what was typed or handed in cannot be used.
    """

    def __init__(
        self,
        database: Database,
        policy: CaseworkPolicy,
        certification: CertificationPolicy,
        clock: Callable[[], datetime],
        keyring: KeyRing,
        working_roles: frozenset[str],
    ) -> None:
        self._database = database
        self._policy = policy
        self._certification = certification
        self._clock = clock
        self._keyring = keyring
        self._roles = working_roles

    # read ----------------------------------------------------------------------------------------------------------

    def view(self, who: Worker, case_id: str) -> CaseView:
        """One case."""
        with self._database.read_scope() as session:
            return self._view(session, _within(cases.get(session, case_id), who), who, self._clock())

    def of_alert(self, who: Worker, alert_id: str) -> CaseView | None:
        """The newest case on an alert, None where nobody has made one."""
        with self._database.read_scope() as session:
            held = cases.newest_of(session, alert_id)
            return None if held is None else self._view(session, _within(held, who), who, self._clock())

    def details(self, who: Worker, case_id: str) -> CaseDetails:
        """One case with its steps, its papers and what is suppressed of the same subject."""
        now = self._clock()
        with self._database.read_scope() as session:
            held = _within(cases.get(session, case_id), who)
            events = tuple(event_of(row) for row in cases.events(session, held.case.id))
            papers = tuple(paper_of(row) for row in case_papers.of_case(session, held.case.id))
            today = self._certification.today(now)
            hidden = tuple(suppression_of(row) for row in suppressions.of_key(session, held.alert.key, today))
            return CaseDetails(self._view(session, held, who, now), events, papers, hidden)

    def receivers(self, who: Worker, case_id: str) -> list[Receiver]:
        """Whom the case can be given to, by name."""
        with self._database.read_scope() as session:
            held = _within(cases.get(session, case_id), who)
            found = staff_accounts.covering(session, held.case.region_code, self._roles)
            return [Receiver(staff_accounts.actor_of(one), one.display_name or one.username or str(one.id)) for one in found]

    # take ----------------------------------------------------------------------------------------------------------

    def take_next(self, who: Worker, wanted: NextFilter | None = None) -> CaseView | None:
        """The case whose turn it is, now this person's for as long as the lock lasts; None when there is nothing."""
        now = self._clock()
        today = self._certification.today(now)
        for turn in Turn:
            if turn is Turn.TO_SIGN and not who.may_sign:
                continue
            for _try in range(TRIES):
                with self._database.session_scope() as session:
                    alert = case_next.choose(session, turn, who.actor, who.region, wanted or NextFilter(), now=now, today=today)
                    if alert is None:
                        break
                    try:
                        return self._view(session, self._take(session, alert, who, now), who, now)
                    except SecondPersonNeededError:  # theirs under another name
                        break
                    except StepRefusedError:
                        continue  # somebody took it between the look and the lock
        return None

    def take(self, who: Worker, alert_id: str) -> CaseView:
        """Make a case of an alert, or take the one that there is."""
        now = self._clock()
        with self._database.session_scope() as session:
            alert = cases.locked_alert(session, alert_id)
            if not who.covers(alert.region_code):
                raise NotFoundError("there is no such alert")
            return self._view(session, self._take(session, alert, who, now), who, now)

    def take_case(self, who: Worker, case_id: str) -> CaseView:
        """Take a case that is free, or that waits for a second person."""
        now = self._clock()
        with self._database.session_scope() as session:
            held = _within(cases.locked(session, case_id), who)
            if held.case.closed_at is not None:
                raise _refused(Refusal.CLOSED, held)
            return self._view(session, self._take(session, held.alert, who, now), who, now)

    def _take(self, session: Session, alert: Alert, who: Worker, now: datetime) -> Held:
        held = self._opened(session, alert, who, now)
        standing = standing_of(session, held.case, who)
        if (refusal := refusal_of(CaseAction.TAKE, standing, who, now, self._policy)) is not None:
            raise _refused(refusal, held)
        case = held.case
        mine = case.owner == who.actor
        until = None if mine and case.held_until is None else now + timedelta(minutes=self._policy.hold_minutes)
        diary = None if case.diary_on is not None and case.diary_on <= self._certification.today(now) else case.diary_on
        if mine and (until is None or (case.held_until is not None and case.held_until > now)) and diary == case.diary_on:
            cases.change(session, case, held_until=until, **self._work(case, who, now))
            return held
        work = self._work(case, who, now) if mine else {"worked_at": now}
        details = {} if diary == case.diary_on or case.diary_on is None else {"diary_on": case.diary_on.isoformat()}
        cases.change(session, case, owner=who.actor, held_until=until, diary_on=diary, **work)
        cases.record(session, held, CaseStep.TAKEN, by=who.actor, now=now, details=details)
        return held

    def _opened(self, session: Session, alert: Alert, who: Worker, now: datetime) -> Held:
        case = cases.open_of(session, alert.id)
        if case is None:
            due = due_day_of(alert, self._policy, self._certification)
            case = cases.open_case(session, alert, by=who.actor, due_on=due, now=now)
            session.refresh(alert)
        return Held(case, alert)

    # carry on ------------------------------------------------------------------------------------------------------

    def keep(self, who: Worker, case_id: str) -> CaseView:
        """It stays this person's until they give it back."""
        with self._step(who, case_id, CaseAction.KEEP) as step:
            return self._done(step, CaseStep.KEPT, held_until=None)

    def give_back(self, who: Worker, case_id: str, note: str = "") -> CaseView:
        """It is free again; of one that waits for a second person, for another one."""
        text = inputs.words(note, NOTE_MAX, needed=False)
        with self._step(who, case_id, CaseAction.GIVE_BACK) as step:
            return self._done(step, CaseStep.GIVEN_BACK, note=text, owner=None, held_until=None)

    def hand_over(self, who: Worker, case_id: str, to: str, note: str = "") -> CaseView:
        """Give one's own case to somebody else. to: as the audit trail names them."""
        return self._give(who, case_id, to, note, CaseAction.HAND_OVER, CaseStep.HANDED_OVER)

    def assign(self, who: Worker, case_id: str, to: str, note: str = "") -> CaseView:
        """Give a case to somebody, whoever has it. For those who lead; the page checks the right."""
        return self._give(who, case_id, to, note, CaseAction.ASSIGN, CaseStep.ASSIGNED)

    def assign_alert(self, who: Worker, alert_id: str, to: str, note: str = "") -> CaseView:
        """Make a case of an alert, if there is none, and give it to somebody. For those who lead."""
        with self._database.session_scope() as session:
            alert = cases.locked_alert(session, alert_id)
            if not who.covers(alert.region_code):
                raise NotFoundError("there is no such alert")
            case_id = self._opened(session, alert, who, self._clock()).case.public_id
        return self.assign(who, case_id, to, note)

    def _give(self, who: Worker, case_id: str, to: str, note: str, action: CaseAction, named: CaseStep) -> CaseView:
        text = inputs.words(note, NOTE_MAX, needed=False)
        with self._step(who, case_id, action) as step:
            try:
                account = staff_accounts.receiver(step.session, to, step.held.case.region_code, self._roles)
            except NotFoundError as error:
                raise CaseInputError(InputProblem.RECEIVER_UNKNOWN, str(error)) from error
            owner = staff_accounts.actor_of(account)
            details = {"from": step.held.case.owner, "to": owner}
            return self._done(step, named, note=text, details=details, owner=owner, held_until=None, worked_at=None)

    def add_note(self, who: Worker, case_id: str, text: str) -> CaseView:
        """Write something down."""
        kept = inputs.words(text, NOTE_MAX)
        with self._step(who, case_id, CaseAction.NOTE) as step:
            return self._done(step, CaseStep.NOTE, note=kept)

    def set_diary(self, who: Worker, case_id: str, day: date | None) -> CaseView:
        """Look at it again on a day; it stays this person's until then. None: no day any more."""
        with self._step(who, case_id, CaseAction.SET_DIARY) as step:
            if day is not None:
                inputs.diary_day(day, step.today)
            before = step.held.case.diary_on
            details = {"from": before and before.isoformat(), "to": day and day.isoformat()}
            return self._done(step, CaseStep.DIARY, details=details, diary_on=day, held_until=None)

    # shared --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, who: Worker, case_id: str, action: CaseAction) -> Iterator[Step]:
        """Hold the case for one step that the rules allow."""
        with self._database.session_scope() as session:
            held = _within(cases.locked(session, case_id), who)
            now = self._clock()
            standing = standing_of(session, held.case, who)
            if (refusal := refusal_of(action, standing, who, now, self._policy)) is not None:
                raise _refused(refusal, held)
            yield Step(session, held, who, now, self._certification.today(now), standing)

    def _done(self, step: Step, named: CaseStep, *, note: str = "", details: dict[str, Any] | None = None, **changes: Any) -> CaseView:
        """Write a step on a case that stays open. A holder's step renews their lock and counts the time since the last one."""
        case = step.held.case
        values = {}
        if case.closed_at is None:
            values = self._work(case, step.who, step.now)
            if case.owner == step.who.actor and case.held_until is not None:
                values["held_until"] = step.now + timedelta(minutes=self._policy.hold_minutes)
            if values | changes:
                cases.change(step.session, case, **(values | changes))
        cases.record(step.session, step.held, named, by=step.who.actor, now=step.now, note=note, details=details)
        return self._view(step.session, step.held, step.who, step.now)

    def _work(self, case: Any, who: Worker, now: datetime) -> dict[str, Any]:
        """What a step of the holder adds to the time that was spent on the case."""
        if case.owner != who.actor:
            return {}
        return {"worked_s": case.worked_s + worked(case.worked_at, now, self._policy), "worked_at": now}

    def _view(self, session: Session, held: Held, who: Worker, now: datetime) -> CaseView:
        session.flush()
        return view_of(session, held, who, now, self._policy, self._certification)


def _within(held: Held, who: Worker) -> Held:
    if not who.covers(held.case.region_code):
        raise NotFoundError("there is no such case")
    return held


def _refused(refusal: Refusal, held: Held) -> StepRefusedError:
    case = held.case
    if refusal is Refusal.HELD_BY_ANOTHER and case.owner is not None:
        return CaseHeldError(case.owner, case.held_until)
    if refusal is Refusal.OWN_PROPOSAL:
        return SecondPersonNeededError()
    return StepRefusedError(refusal, _SAID[refusal])
