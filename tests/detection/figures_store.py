"""A small store with something of everything that supervisors are shown: the made-up county, and a year of work made at random over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome
from models.assistance import AssistanceEvent, AssistanceMethod, AssistanceRequest, AssistanceState
from models.benefit import Benefit, BenefitStatus
from models.casework import CaseEvent, CaseStep, ReviewDecision, VerificationReview
from models.keys import Sealed
from models.life_evidence import EvidenceKind, LifeEvidence, Strength, Trace
from models.outreach import Outreach, OutreachEnd
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeReason, PaymentChangeState
from models.person import Person
from models.verification import (
    Verification,
    VerificationChannel,
    VerificationKind,
    VerificationOutcome,
    VerificationState,
)
from sample_data.place import CITY

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
"""The morning of the day that the county's records stand on."""

CODES = ("P1", "P4", "B1", "verification_referred")
STAFF = ("staff:zhang", "staff:li", "staff:wang")
NOTHING_SEALED = Sealed("k", b"x" * 40)


@dataclass
class Maker:
    """Adds rows to a session, at random but always the same."""

    session: Session
    random: Random

    def __post_init__(self) -> None:
        query = select(Person.id, Person.region_code).where(Person.merged_into_id.is_(None)).order_by(Person.id)
        self.people = [(row.id, row.region_code) for row in self.session.execute(query)]
        self.unsought = self.random.sample(self.people[60:], 60)
        self.evidence = {row.person_id: row.id for row in self.session.execute(select(LifeEvidence.person_id, LifeEvidence.id))}

    def moment(self, first: datetime, last: datetime) -> datetime:
        """Between two moments, to the microsecond."""
        return first + timedelta(seconds=self.random.uniform(0, (last - first).total_seconds()))

    def alerts(self, number: int, first: datetime, last: datetime) -> None:
        """Alerts of every state, some of the city itself and of nobody; most closed ones with a case, some of those after a first close."""
        for _ in range(number):
            someone: tuple[int | None, str] = self.random.choice(self.people)
            person_id, region = someone if self.random.random() > 0.1 else (None, CITY[0])
            opened = self.moment(first, last)
            alert = Alert(
                code=self.random.choice(CODES),
                key=f"made:{self.random.getrandbits(64)}",
                severity=self.random.choice(list(AlertSeverity)),
                state=AlertState.OPEN,
                person_id=person_id,
                region_code=region,
                amount_fen=self.random.choice([None, 0, self.random.randrange(10_000_00)]),
                priority=self.random.random(),
                opened_by="system",
                opened_at=opened,
            )
            self.session.add(alert)
            self.session.flush()
            fate = self.random.random()
            if fate < 0.25:
                continue
            if fate < 0.4:  # found no longer: closed without a case
                alert.state, alert.closed_by, alert.closed_at = AlertState.CLOSED, "system", self.moment(opened, last)
                continue
            self.case(alert, opened, last, decided=fate > 0.55)
        self.session.flush()

    def case(self, alert: Alert, opened: datetime, last: datetime, *, decided: bool) -> CaseFile:
        """A case on an alert, decided or still worked on."""
        begun = self.moment(opened, last)
        case = CaseFile(
            alert_id=alert.id,
            person_id=alert.person_id,
            region_code=alert.region_code,
            opened_by=STAFF[0],
            opened_at=begun,
            worked_s=self.random.randrange(3_600),
        )
        alert.state = AlertState.IN_CASE
        self.session.add(case)
        self.session.flush()
        if self.random.random() < 0.2:  # decided once, and taken back
            closed = self.moment(begun, last)
            begun = self.moment(closed, last)
            self.step(case, CaseStep.CLOSED, closed)
            self.step(case, CaseStep.REOPENED, begun)
        if decided:
            self.decide(case, alert, self.moment(begun, last))
            if case.found_fen and self.random.random() < 0.7:
                self.recover(case, self.moment(case.closed_at or last, last))
        return case

    def decide(self, case: CaseFile, alert: Alert, at: datetime) -> None:
        """Close a case and its alert."""
        case.outcome = self.random.choice(list(CaseOutcome))
        case.found_fen = self.random.choice([None, self.random.randrange(1, 50_000_00)])
        case.closed_by, case.closed_at = STAFF[1], at
        alert.state, alert.closed_by, alert.closed_at, alert.close_reason = AlertState.CLOSED, STAFF[1], at, case.outcome.value
        self.step(case, self.random.choice([CaseStep.CLOSED, CaseStep.SIGNED]), at)

    def reopen(self, case: CaseFile, alert: Alert, at: datetime) -> None:
        """Take a decision back, as ``models.repositories.cases.reopen`` leaves the rows."""
        case.outcome, case.found_fen, case.closed_by, case.closed_at = None, None, None, None
        alert.state, alert.closed_by, alert.closed_at, alert.close_reason = AlertState.IN_CASE, None, None, None
        self.step(case, CaseStep.REOPENED, at)

    def recover(self, case: CaseFile, at: datetime) -> None:
        """Money came back on the day before it was written down, or months before."""
        fen = self.random.randrange(1, 10_000_00)
        case.recovered_fen += fen
        self.step(
            case, CaseStep.RECOVERED, at, {"fen": fen, "on": (at.date() - timedelta(days=self.random.choice([1, 1, 40, 100]))).isoformat()}
        )

    def step(self, case: CaseFile, step: CaseStep, at: datetime, details: dict[str, Any] | None = None) -> None:
        """An event; they are numbered in the order in which they happened."""
        self.session.add(CaseEvent(case_id=case.id, step=step, by=STAFF[1], at=at, details=details or {}))

    def attempts(self, number: int, first: datetime, last: datetime) -> None:
        """Attempts by camera of every outcome; some of those referred are certified by a person."""
        for _ in range(number):
            person_id, _region = self.random.choice(self.people)
            started = self.moment(first, last)
            state = self.random.choice([VerificationState.DECIDED] * 4 + [VerificationState.EXPIRED, VerificationState.ABANDONED])
            decided = state is VerificationState.DECIDED
            attempt = Verification(
                person_id=person_id,
                state=state,
                kind=VerificationKind.STANDARD,
                channel=self.random.choice(list(VerificationChannel)),
                challenge={},
                token_hash=b"t" * 32,
                started_at=started,
                expires_at=started + timedelta(minutes=10),
                client=self.random.choice([{}, {"device": "phone"}, {"device": "tablet"}, {"device": "toaster"}]),
                outcome=self.random.choice(list(VerificationOutcome)) if decided else None,
                decided_at=started + timedelta(seconds=self.random.uniform(5, 400)) if decided else None,
            )
            self.session.add(attempt)
            self.session.flush()
            if attempt.outcome is VerificationOutcome.REFER and person_id in self.evidence:
                certified = self.random.random() < 0.8
                self.session.add(
                    VerificationReview(
                        verification_id=attempt.id,
                        decision=ReviewDecision.CERTIFIED if certified else ReviewDecision.TRY_AGAIN,
                        reason="r",
                        by=STAFF[0],
                        at=started,
                        evidence_id=self.evidence[person_id] if certified else None,
                    )
                )
        self.session.flush()

    def certifications(self, number: int, first: datetime, last: datetime, *, among: int = 60) -> None:
        """Evidence of every certifying kind, often two rows of one day; some traces with the silent certification that rests on them, some
        corrected. Of ``among`` persons only.
        """
        kinds = (EvidenceKind.FACE, EvidenceKind.COUNTER, EvidenceKind.HOME_VISIT, EvidenceKind.VIDEO_CALL, EvidenceKind.ASSISTED)
        for _ in range(number):
            person_id, _region = self.random.choice(self.people[:among])
            at = self.moment(first, last)
            for _ in range(self.random.choice((1, 1, 2))):
                row = self.evidence_row(person_id, self.random.choice(kinds), at)
                if self.random.random() < 0.1:
                    self.evidence_row(person_id, row.kind, at, strength=Strength.VOID, corrects_id=row.id)
            if self.random.random() < 0.4:
                trace = self.evidence_row(person_id, EvidenceKind.DATA_MATCH, at, trace=Trace.TRAVEL, strength=Strength.SUPPORTING)
                self.evidence_row(person_id, EvidenceKind.DATA_MATCH, at, trace=Trace.TRAVEL, based_on_id=trace.id)
        self.session.flush()

    def evidence_row(
        self, person_id: int, kind: EvidenceKind, at: datetime, strength: Strength = Strength.CONCLUSIVE, **values: Any
    ) -> LifeEvidence:
        """One row of the ledger, of the day of the moment in China."""
        day = (at + timedelta(hours=8)).date()
        row = LifeEvidence(
            person_id=person_id, kind=kind, occurred_on=day, strength=strength, source="made", recorded_by="made", recorded_at=at, **values
        )
        self.session.add(row)
        self.session.flush()
        return row

    def outreach(self, number: int, first: datetime, last: datetime) -> None:
        """People sought and found by staff, with the evidence of it; some are still sought."""
        for _ in range(number):
            person_id, region = self.unsought.pop()
            opened = self.moment(first, last)
            line = Outreach(person_id=person_id, region_code=region, due_on=opened.date(), opened_at=opened)
            if self.random.random() < 0.7:
                line.closed_at, line.ended = self.moment(opened, last), OutreachEnd.CERTIFIED
                kind = self.random.choice((EvidenceKind.COUNTER, EvidenceKind.HOME_VISIT, EvidenceKind.FACE))
                self.evidence_row(person_id, kind, self.moment(opened, line.closed_at))
            self.session.add(line)
        self.session.flush()

    def assistance(self, number: int, first: datetime, last: datetime) -> None:
        """Requests of other regions, carried out or not."""
        for person_id, region in self.random.sample(self.people, number):
            asked = self.moment(first, last)
            done = self.moment(asked, last) if self.random.random() < 0.7 else None
            request = AssistanceRequest(
                requesting_region=region,
                performing_region="420102",
                asked_here=True,
                person_id=person_id,
                name_masked="*",
                resident_id_masked="*",
                reason="r",
                state=AssistanceState.CARRIED_OUT if done else AssistanceState.REFUSED,
                accept_by=asked.date(),
                carry_out_by=asked.date(),
                method=AssistanceMethod.COUNTER if done else None,
                occurred_on=done.date() if done else None,
                requested_by="made",
                requested_at=asked,
                updated_at=done or asked,
            )
            self.session.add(request)
            self.session.flush()
            for version, (state, at) in enumerate([(AssistanceState.REQUESTED, asked), (request.state, request.updated_at)], 1):
                self.session.add(AssistanceEvent(request_id=request.id, version=version, state=state, made_by="made", made_at=at))
        self.session.flush()

    def payments(self, number: int, first: datetime, last: datetime) -> None:
        """Pauses of every state, and resumptions with arrears."""
        benefits = self.session.execute(select(Benefit.id, Benefit.person_id, Benefit.region_code).order_by(Benefit.id)).all()
        for benefit_id, person_id, region in self.random.sample(benefits, number):
            proposed = self.moment(first, last)
            pause = self.random.random() < 0.6
            state = self.random.choice(list(PaymentChangeState)) if pause else PaymentChangeState.APPROVED
            decided = None if state is PaymentChangeState.PROPOSED else self.moment(proposed, last)
            sought = Outreach(
                person_id=person_id,
                region_code=region,
                opened_at=proposed,
                closed_at=proposed,
                ended=OutreachEnd.NOT_DUE,
            )
            self.session.add(sought)
            self.session.flush()
            self.session.add(
                PaymentChange(
                    benefit_id=benefit_id,
                    person_id=person_id,
                    region_code=region,
                    kind=PaymentChangeKind.PAUSE if pause else PaymentChangeKind.RESUME,
                    state=state,
                    effective_month=date(2026, 3, 1),
                    reason_code=PaymentChangeReason.OVERDUE if pause else PaymentChangeReason.CERTIFIED,
                    reason="r",
                    outreach_id=sought.id,
                    arrears_fen=None if pause else self.random.randrange(10_000),
                    proposed_by=STAFF[0],
                    proposed_at=proposed,
                    decided_by=STAFF[1] if decided else None,
                    decided_at=decided,
                    policy_hash="0" * 64,
                )
            )
        self.session.flush()

    def pause(self, number: int, on: date) -> None:
        """Benefits that are paused from a day on."""
        drawn = select(Benefit).where(Benefit.status == BenefitStatus.ACTIVE, Benefit.to_month.is_(None)).order_by(Benefit.id.desc())
        for benefit in self.session.scalars(drawn.limit(number)):
            benefit.status, benefit.paused_on = BenefitStatus.PAUSED, on

    def everything(self, first: datetime, last: datetime, share: float = 1.0) -> None:
        """Something of each between two moments; share: of the numbers that make a rich store."""
        self.alerts(int(150 * share), first, last)
        self.attempts(int(120 * share), first, last)
        self.certifications(int(60 * share), first, last)
        self.outreach(int(30 * share), first, last)
        self.assistance(int(30 * share), first, last)
        self.payments(int(40 * share), first, last)


def merge_some(session: Session) -> None:
    """Every fortieth person's record is merged into the one before it, as a merger leaves the rows."""
    ids = session.scalars(select(Person.id).order_by(Person.id)).all()
    for kept, merged in zip(ids[::40], ids[1::40], strict=False):
        session.get_one(Person, merged).merged_into_id = kept
    session.flush()
