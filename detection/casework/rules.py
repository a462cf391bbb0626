"""Who may do which step of a case in which state. Pure: no database, no clock of its own.

A case is free, held by one person for a while (taken), held until given back (kept), waiting for a second person, or closed. A lock that
has passed lets anybody take the case; until somebody does, its holder goes on as if it had not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.alert import ADVERSE, CaseOutcome, CaseReferral
from models.case_holding import held_by_another
from models.errors import Conflict, ConflictError
from models.policy_casework import CaseworkPolicy


class CaseState(StrEnum):
    """Where a case stands."""

    FREE = "free"  # nobody's, or its lock has passed
    TAKEN = "taken"  # one person's until the lock passes
    KEPT = "kept"  # one person's until they give it back
    WAITING = "waiting"  # an outcome is proposed: a second person signs it or sends it back
    CLOSED = "closed"


class CaseAction(StrEnum):
    """What somebody may want to do with a case."""

    TAKE = "take"
    KEEP = "keep"
    GIVE_BACK = "give_back"
    HAND_OVER = "hand_over"
    ASSIGN = "assign"
    NOTE = "note"
    SET_DIARY = "set_diary"
    ATTACH = "attach"
    REMOVE_ATTACHMENT = "remove_attachment"
    PROPOSE = "propose"
    WITHDRAW = "withdraw"
    SIGN = "sign"
    SEND_BACK = "send_back"
    UNDO = "undo"
    RECORD_RECOVERY = "record_recovery"
    SUPPRESS = "suppress"


class Refusal(StrEnum):
    """Why an action is not possible now."""

    HELD_BY_ANOTHER = "held_by_another"
    NOT_TAKEN = "not_taken"  # take it first
    WAITS_FOR_SIGNATURE = "waits_for_signature"
    NOTHING_PROPOSED = "nothing_proposed"
    OWN_PROPOSAL = "own_proposal"  # somebody else signs
    NOT_THE_PROPOSER = "not_the_proposer"
    MAY_NOT_SIGN = "may_not_sign"
    CLOSED = "closed"
    NOT_CLOSED = "not_closed"
    TOO_LATE_TO_UNDO = "too_late_to_undo"
    REFERRED_TO_POLICE = "referred_to_police"
    ACTED_ON = "acted_on"  # money came back already
    NEWER_ALERT = "newer_alert"  # the same was noticed again since: decide on that alert
    NOTHING_FOUND = "nothing_found"  # no wrongly paid amount is on the case


class StepRefusedError(ConflictError):
    """A step does not fit the present state of the case; nothing was changed."""

    code = "step_refused"

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(Conflict.CASE_STATE, detail)
        self.refusal = refusal


class CaseHeldError(StepRefusedError):
    """Another person has the case. owner: who; until: when it is free again, None: when they give it back."""

    code = "case_held"

    def __init__(self, owner: str, until: datetime | None) -> None:
        said = "until they give it back" if until is None else f"until {until.isoformat(timespec='seconds')}"
        super().__init__(Refusal.HELD_BY_ANOTHER, f"{owner} has the case {said}: take another one, or ask them to hand it over")
        self.conflict = Conflict.CASE_HELD
        self.owner = owner
        self.until = until


class SecondPersonNeededError(StepRefusedError):
    """Whoever proposed an outcome neither signs it nor sends it back."""

    code = "second_person_needed"

    def __init__(self) -> None:
        super().__init__(Refusal.OWN_PROPOSAL, "whoever proposed an outcome cannot sign it: a second person has to")


@dataclass(frozen=True)
class Worker:
    """Who acts. actor: as the audit trail names them. region: first digits of the codes that they may see. may_sign: as a second person."""

    actor: str
    region: str
    may_sign: bool = False

    def covers(self, region_code: str) -> bool:
        """True when the region lies in theirs."""
        return region_code.startswith(self.region)


@dataclass(frozen=True)
class Standing:
    """What the rules need to know of a case. own_proposal: the asking person proposed what waits (by account, not by name)."""

    owner: str | None = None
    held_until: datetime | None = None
    proposed: bool = False
    own_proposal: bool = False
    closed_at: datetime | None = None
    outcome: CaseOutcome | None = None
    referred_to: CaseReferral | None = None
    found_fen: int | None = None
    recovered_fen: int = 0

    def held_by_another(self, actor: str, now: datetime) -> bool:
        """True while somebody else has it and their lock lasts."""
        return held_by_another(self.owner, self.held_until, actor, now)


def state_of(standing: Standing, now: datetime) -> CaseState:
    """Where the case stands at this moment."""
    if standing.closed_at is not None:
        return CaseState.CLOSED
    if standing.proposed:
        return CaseState.WAITING
    if standing.owner is None or (standing.held_until is not None and standing.held_until <= now):
        return CaseState.FREE
    return CaseState.KEPT if standing.held_until is None else CaseState.TAKEN


def refusal_of(action: CaseAction, standing: Standing, who: Worker, now: datetime, policy: CaseworkPolicy) -> Refusal | None:
    """Why this person cannot do this now; None when they can. Rights that pages check (working, assigning) are not looked at again.

    Signing is: only a second person, who has the right, decides on a proposal. While one waits nothing else changes the case but notes
    and papers of those two, and the proposer's withdrawal.
    """
    if standing.closed_at is not None:
        return _when_closed(action, standing, now, policy)
    if action in (CaseAction.UNDO, CaseAction.RECORD_RECOVERY):
        return Refusal.NOT_CLOSED
    if standing.proposed:
        return _when_waiting(action, standing, who, now)
    if action in (CaseAction.WITHDRAW, CaseAction.SIGN, CaseAction.SEND_BACK):
        return Refusal.NOTHING_PROPOSED
    if action is CaseAction.ASSIGN:  # by those who lead: also away from somebody
        return None
    if standing.held_by_another(who.actor, now):
        return Refusal.HELD_BY_ANOTHER
    if action is CaseAction.TAKE or standing.owner == who.actor:
        return None
    return Refusal.NOT_TAKEN


def _when_closed(action: CaseAction, standing: Standing, now: datetime, policy: CaseworkPolicy) -> Refusal | None:
    if action in (CaseAction.NOTE, CaseAction.ATTACH, CaseAction.SUPPRESS):
        return None
    if action is CaseAction.RECORD_RECOVERY:
        return None if standing.found_fen else Refusal.NOTHING_FOUND
    if action is not CaseAction.UNDO:
        return Refusal.CLOSED
    if standing.referred_to is CaseReferral.POLICE:
        return Refusal.REFERRED_TO_POLICE
    if standing.recovered_fen:
        return Refusal.ACTED_ON
    if standing.closed_at is not None and now > standing.closed_at + timedelta(days=policy.undo_days):
        return Refusal.TOO_LATE_TO_UNDO
    return None


def _when_waiting(action: CaseAction, standing: Standing, who: Worker, now: datetime) -> Refusal | None:
    if action is CaseAction.WITHDRAW:
        return None if standing.own_proposal else Refusal.NOT_THE_PROPOSER
    if action in (CaseAction.NOTE, CaseAction.ATTACH) and standing.own_proposal:
        return None
    if action not in (CaseAction.TAKE, CaseAction.GIVE_BACK, CaseAction.SIGN, CaseAction.SEND_BACK, CaseAction.NOTE, CaseAction.ATTACH):
        return Refusal.WAITS_FOR_SIGNATURE
    if standing.own_proposal:
        return Refusal.OWN_PROPOSAL
    if not who.may_sign:
        return Refusal.MAY_NOT_SIGN
    if standing.held_by_another(who.actor, now):
        return Refusal.HELD_BY_ANOTHER
    return Refusal.NOT_TAKEN if action is CaseAction.GIVE_BACK and standing.owner != who.actor else None


def needs_second_person(outcome: CaseOutcome) -> bool:
    """True for what goes against somebody."""
    return outcome in ADVERSE
