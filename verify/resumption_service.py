"""Resumptions: whoever is certified again is paid again from the next month, with what is owed for the months of the pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from models.benefit import Benefit
from models.certification_state import CertificationState
from models.database import Database
from models.life_evidence import LifeEvidence
from models.policy import CertificationPolicy
from models.policy_store import PausePolicy
from models.repositories import audit, certifications, outbox, payment_changes, persons
from models.repositories.payment_changes import NewResumption
from verify.payment_change import Custody, OwedMonth, arrears, held_back, resume_month

JOB = "job:resume"
RESUMED = "person.payment_resumed"
"""Kind of the outbox message. payload: {"change": public id, "month": first month that is paid again}."""

BENEFITS_A_STEP = 1_000


class HeldBack(StrEnum):
    """Why a paused benefit is not resumed though its person was certified."""

    CUSTODY = "custody"  # in custody, or not certified since the release
    NOT_SINCE_THE_PAUSE = "not_since_the_pause"


@dataclass(frozen=True)
class Resumed:
    """What a run resumed. changes: public ids. arrears_fen: of all of them. held_back: how many were not, by reason."""

    changes: tuple[str, ...]
    arrears_fen: int
    held_back: dict[HeldBack, int]


class ResumptionService:
    """Finds and resumes the benefits of people who are certified again."""

    def __init__(
        self, database: Database, certification: CertificationPolicy, policy: PausePolicy, policy_hash: str, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._certification = certification
        self._policy = policy
        self._policy_hash = policy_hash
        self._clock = clock

    def resume_certified(self, *, person_id: int | None = None, actor: str = JOB) -> Resumed:
        """Resume what is to be resumed, of everybody or of one person (row number, of any record that is theirs).

        Each benefit is a transaction of its own: a run that is killed has resumed some, and the next one goes on. Two runs at once resume
        each benefit once.
        """
        now = self._clock()
        today = self._certification.today(now)
        changes: list[str] = []
        held: Counter[HeldBack] = Counter()
        owed = 0
        for step in self._steps(person_id):
            with self._database.read_scope() as session:
                found = payment_changes.resumable(session, self._certification, today, step)
            for benefit_id in found:
                with self._database.session_scope() as session:
                    outcome = self._resume(session, benefit_id, today, now, actor)
                if isinstance(outcome, HeldBack):
                    held[outcome] += 1
                elif outcome is not None:
                    changes.append(outcome[0])
                    owed += outcome[1]
        return Resumed(tuple(changes), owed, dict(held))

    def _steps(self, person_id: int | None) -> Iterator[Sequence[int]]:
        """Ids of paused benefits, a step at a time, read as they are needed."""
        if person_id is not None:
            with self._database.read_scope() as session:
                step = payment_changes.paused_of(session, persons.records_of(session, person_id))
            yield step
            return
        after = 0
        while True:
            with self._database.read_scope() as session:
                step = payment_changes.paused_after(session, after, BENEFITS_A_STEP)
            if not step:
                return
            yield step
            after = step[-1]

    def _resume(self, session: Session, benefit_id: int, today: date, now: datetime, actor: str) -> tuple[str, int] | HeldBack | None:
        """(public id, arrears in fen) of the resumption; None when there is nothing to resume any more."""
        benefit = session.get(Benefit, benefit_id, with_for_update=True)
        if benefit is None or benefit.paused_on is None:
            return None
        records = persons.records_of(session, benefit.person_id)
        status = certifications.status_of(session, benefit.person_id, self._certification, today)
        newest = payment_changes.newest_certification(session, records, self._certification, today)
        if newest is None or status.state is CertificationState.DECEASED:
            return None
        if newest.occurred_on < benefit.paused_on and not self._new_since_signed(session, benefit, newest, status.due_on, today):
            return HeldBack.NOT_SINCE_THE_PAUSE
        custody = [Custody(first, last) for first, last in payment_changes.custody_of(session, records, today)]
        if held_back(newest.occurred_on, custody):
            return HeldBack.CUSTODY
        month = resume_month(today, benefit.paused_on)
        owed = arrears(
            paused_on=benefit.paused_on,
            resumed_month=month,
            monthly_fen=benefit.monthly_fen,
            paid_fen=payment_changes.paid_between(session, benefit.id, benefit.paused_on.replace(day=1), month),
            custody=custody,
            drawn_from=benefit.from_month,
            drawn_to=benefit.to_month,
            part_month=self._policy.custody_part_month,
        )
        return self._write(session, benefit, newest, month, owed, records[0], now, actor)

    def _new_since_signed(self, session: Session, benefit: Benefit, newest: LifeEvidence, due_on: date | None, today: date) -> bool:
        """True for a certification from before the pause that was not there, or not yet recorded, when the pause was signed."""
        if benefit.paused_on is None or due_on is None or due_on < today:
            return False
        signed = payment_changes.signed_pause(session, benefit.id, benefit.paused_on)
        return signed is not None and signed.evidence_id != newest.id

    def _write(
        self,
        session: Session,
        benefit: Benefit,
        newest: LifeEvidence,
        month: date,
        owed: Sequence[OwedMonth],
        person_id: int,
        now: datetime,
        actor: str,
    ) -> tuple[str, int] | None:
        total = sum(each.fen for each in owed)
        new = NewResumption(
            benefit=benefit,
            effective_month=month,
            reason=f"{newest.kind.value} {newest.occurred_on.isoformat()}",
            evidence_id=newest.id,
            arrears_fen=total,
            arrears=[each.as_json() for each in owed],
            policy_hash=self._policy_hash,
        )
        change = payment_changes.resume(session, new, by=actor, now=now)
        if change is None:
            return None
        payload = {"change": change.public_id, "month": month.isoformat()}
        outbox.put(session, kind=RESUMED, person_id=person_id, payload=payload, now=now)
        details = {"month": month.isoformat(), "months_owed": sum(each.fen > 0 for each in owed), "policy": self._policy_hash}
        audit.record(session, actor=actor, action="payment.resumed", now=now, person_id=person_id, object=change.public_id, details=details)
        return change.public_id, total
