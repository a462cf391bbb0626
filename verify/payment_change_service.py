"""Pauses: proposed after outreach, signed or rejected by a second person, who sees everything checked once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.actors import same_actor
from models.benefit import Benefit
from models.certification import CertificationStatus
from models.certification_state import CertificationState
from models.database import Database
from models.errors import Conflict, ConflictError
from models.outreach import Outreach
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from models.policy import CertificationPolicy
from models.policy_store import OutreachPolicy, PausePolicy
from models.repositories import audit, certifications, outreach, payment_changes, persons
from models.repositories.payment_changes import NewPause
from verify.errors import VerifyError
from verify.outreach import Attempt, Readiness, readiness
from verify.payment_change import PauseRefusal, pause_month

TEXT_MAX = 500


class PauseRefused(VerifyError):
    """A pause cannot be proposed. readiness: how far the outreach is, when that is what is missing."""

    code = "pause_refused"

    def __init__(self, refusal: PauseRefusal, readiness: Readiness | None = None) -> None:
        super().__init__(f"a pause cannot be proposed: {refusal.value}")
        self.refusal = refusal
        self.readiness = readiness


class SecondPersonNeeded(VerifyError):
    """Whoever proposed a pause cannot sign or reject it."""

    code = "second_person_needed"


class NotTheProposer(VerifyError):
    """Only whoever proposed a pause withdraws it; others reject it."""

    code = "not_the_proposer"


class TextMissing(VerifyError):
    """A reason has to be written, of at most 500 characters."""

    code = "text_missing"


@dataclass(frozen=True)
class Decided:
    """What came of a sign-off. refusal: why the pause could not be signed any more; it was withdrawn then."""

    state: PaymentChangeState
    effective_month: date
    refusal: PauseRefusal | None = None


@dataclass(frozen=True)
class _Case:
    """What speaks for and against a pause at one moment."""

    status: CertificationStatus
    refusal: PauseRefusal | None
    readiness: Readiness | None
    certification_id: int | None


class PauseService:
    """Proposing, signing, rejecting and withdrawing of pauses. Nothing here pauses without a second person."""

    def __init__(
        self,
        database: Database,
        certification: CertificationPolicy,
        outreach_policy: OutreachPolicy,
        policy: PausePolicy,
        policy_hash: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._certification = certification
        self._outreach = outreach_policy
        self._policy = policy
        self._policy_hash = policy_hash
        self._clock = clock

    def propose(self, outreach_id: str, *, reason: str, actor: str) -> list[str]:
        """Propose a pause of every benefit that the person draws; public ids of the changes. outreach_id: public id.

        Raises:
            NotFoundError: there is no such row on the outreach list.
            TextMissing: no reason, or one that is too long.
            PauseRefused: the person is certified, dead or not due, or the outreach is not far enough.
            ConflictError: PAYMENT_CHANGE_STATE, a pause is proposed already.
        """
        text = _text(reason)
        now = self._clock()
        today = self._certification.today(now)
        with self._database.session_scope() as session:
            row = outreach.get(session, outreach_id, lock=True)
            records = persons.records_of(session, row.person_id)
            case = self._case(session, row, records, now)
            if case.refusal is not None:
                raise PauseRefused(case.refusal, case.readiness)
            benefits = payment_changes.drawn_active(session, records, today)
            if not benefits:
                raise PauseRefused(PauseRefusal.NOT_DRAWN)
            return [self._propose_one(session, row, benefit, case, text, actor, now) for benefit in benefits]

    def _propose_one(self, session: Session, row: Outreach, benefit: Benefit, case: _Case, reason: str, actor: str, now: datetime) -> str:
        never = case.status.state is CertificationState.NEVER_CERTIFIED
        new = NewPause(
            benefit=benefit,
            outreach_id=row.id,
            effective_month=pause_month(self._certification.today(now), self._policy.months_ahead),
            reason_code=PaymentChangeReason.NEVER_CERTIFIED if never else PaymentChangeReason.OVERDUE,
            reason=reason,
            evidence_id=case.certification_id,
            policy_hash=self._policy_hash,
        )
        change = payment_changes.propose(session, new, by=actor, now=now)
        self._audit(session, "pause.proposed", change, actor, now, {})
        return change.public_id

    def approve(self, public_id: str, *, note: str, actor: str) -> Decided:
        """Sign a pause. Everything is checked again in the same transaction; what no longer holds withdraws the proposal.

        Raises:
            NotFoundError: there is no such change.
            SecondPersonNeeded: the actor proposed it.
            ConflictError: PAYMENT_CHANGE_STATE, it was decided or withdrawn meanwhile.
        """
        now = self._clock()
        today = self._certification.today(now)
        month = pause_month(today, self._policy.months_ahead)
        with self._database.session_scope() as session:
            proposed = self._proposed(session, public_id, actor)
            row = session.get_one(Outreach, proposed.outreach_id, with_for_update=True)
            records = persons.records_of(session, proposed.person_id)
            case = self._case(session, row, records, now)
            refusal = case.refusal
            if refusal is None and not any(b.id == proposed.benefit_id for b in payment_changes.drawn_active(session, records, today)):
                refusal = PauseRefusal.NOT_DRAWN
            if refusal is not None:
                change = payment_changes.decide(session, proposed.id, PaymentChangeState.WITHDRAWN, by=actor, note=refusal.value, now=now)
                self._audit(session, "pause.withdrawn", change, actor, now, {"because": refusal.value})
                return Decided(change.state, change.effective_month, refusal)
            change = payment_changes.decide(
                session,
                proposed.id,
                PaymentChangeState.APPROVED,
                by=actor,
                note=note.strip()[:TEXT_MAX] or None,
                now=now,
                effective_month=month,
                evidence_id=case.certification_id,
                policy_hash=self._policy_hash,
            )
            if not payment_changes.pause(session, change.benefit_id, month):
                raise ConflictError(Conflict.PAYMENT_CHANGE_STATE, "the benefit was changed meanwhile: read its present state")
            self._audit(session, "pause.approved", change, actor, now, {"month": month.isoformat()})
            return Decided(change.state, month)

    def reject(self, public_id: str, *, note: str, actor: str) -> Decided:
        """Turn a proposal down, with a reason. Raises as ``approve`` does, and TextMissing without a reason."""
        text = _text(note)
        now = self._clock()
        with self._database.session_scope() as session:
            proposed = self._proposed(session, public_id, actor)
            change = payment_changes.decide(session, proposed.id, PaymentChangeState.REJECTED, by=actor, note=text, now=now)
            self._audit(session, "pause.rejected", change, actor, now, {})
            return Decided(change.state, change.effective_month)

    def withdraw(self, public_id: str, *, actor: str) -> Decided:
        """Take one's own proposal back. Raises NotFoundError, NotTheProposer, ConflictError."""
        now = self._clock()
        with self._database.session_scope() as session:
            proposed = payment_changes.get(session, public_id)
            if not same_actor(proposed.proposed_by, actor):
                raise NotTheProposer("only whoever proposed the pause may withdraw it; others reject it")
            change = payment_changes.decide(session, proposed.id, PaymentChangeState.WITHDRAWN, by=actor, note=None, now=now)
            self._audit(session, "pause.withdrawn", change, actor, now, {})
            return Decided(change.state, change.effective_month)

    def _proposed(self, session: Session, public_id: str, actor: str) -> PaymentChange:
        change = payment_changes.get(session, public_id)
        if change.kind is not PaymentChangeKind.PAUSE or change.outreach_id is None:
            raise ConflictError(Conflict.PAYMENT_CHANGE_STATE, "a resumption needs no signature: it follows from a certification")
        if same_actor(change.proposed_by, actor):
            raise SecondPersonNeeded("whoever proposed a pause cannot decide on it: a second person has to")
        return change

    def _case(self, session: Session, row: Outreach, records: tuple[int, ...], now: datetime) -> _Case:
        today = self._certification.today(now)
        status = certifications.status_of(session, row.person_id, self._certification, today)
        newest = payment_changes.newest_certification(session, records, self._certification, today)
        state = None
        refusal = _refusal(status, row, today)
        if refusal is None and status.due_on is not None:
            made = [Attempt(a.channel, a.outcome, a.made_at) for a in outreach.attempts_of(session, [row.id])[row.id]]
            state = readiness(made, due_on=status.due_on, today=today, now=now, outreach=self._outreach, pause=self._policy)
            if not state.ready:
                refusal = PauseRefusal.OUTREACH_MISSING
        return _Case(status, refusal, state, None if newest is None else newest.id)

    def _audit(self, session: Session, action: str, change: PaymentChange, actor: str, now: datetime, details: dict[str, str]) -> None:
        shown = {"policy": self._policy_hash, **details}
        audit.record(session, actor=actor, action=action, now=now, person_id=change.person_id, object=change.public_id, details=shown)


def _refusal(status: CertificationStatus, row: Outreach, today: date) -> PauseRefusal | None:
    match status.state:
        case CertificationState.CERTIFIED | CertificationState.DUE_SOON:
            return PauseRefusal.CERTIFIED
        case CertificationState.DECEASED:
            return PauseRefusal.DECEASED
    if status.due_on is None or status.due_on >= today:
        return PauseRefusal.NOT_DUE
    return PauseRefusal.OUTREACH_CLOSED if row.closed_at is not None else None


def _text(text: str) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > TEXT_MAX:
        raise TextMissing(f"a reason has to be given, of at most {TEXT_MAX} characters")
    return stripped
