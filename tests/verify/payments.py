"""A world of one county for the tests of outreach, pauses and resumptions: services with one clock, people with benefits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from models.benefit import Benefit, BenefitStatus
from models.database import Database
from models.enrolment import Scheme
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outreach import OutreachChannel, OutreachOutcome
from models.policy import RecordsPolicy
from models.repositories import life_evidence, outreach
from models.repositories.life_evidence import NewEvidence
from tests.conftest import FixedClock
from tests.models.people import REGION, add_person
from verify.outreach_service import OutreachService
from verify.payment_change_service import PauseService
from verify.payment_list_service import PaymentListService
from verify.resumption_service import ResumptionService

MONTHLY_FEN = 300_000


@dataclass
class Office:
    """The services over one database. today: of the clock, in the policy's zone."""

    database: Database
    keyring: KeyRing
    policy: RecordsPolicy
    clock: FixedClock
    outreach: OutreachService
    pauses: PauseService
    resumptions: ResumptionService
    lists: PaymentListService
    people: int = 0

    @property
    def today(self) -> date:
        return self.policy.certification.today(self.clock())

    def pensioner(self, *, last_certified: date | None = None, phone: str | None = "10012345678", benefits: int = 1) -> int:
        """Row number of a new person who draws benefits since 2015."""
        self.people += 1
        with self.database.session_scope() as session:
            options = {} if phone is None else {"phone": phone}
            person = add_person(session, self.keyring, sequence=100 + self.people, **options)
            for scheme in list(Scheme)[:benefits]:
                session.add(
                    Benefit(
                        person_id=person.id,
                        scheme=scheme,
                        region_code=REGION,
                        monthly_fen=MONTHLY_FEN,
                        status=BenefitStatus.ACTIVE,
                        from_month=date(2015, 1, 1),
                    )
                )
            if last_certified is not None:
                self._evidence(session, person.id, EvidenceKind.COUNTER, last_certified)
            return person.id

    def certify(self, person_id: int, on: date | None = None) -> int:
        """Counter evidence; its row number."""
        with self.database.session_scope() as session:
            return self._evidence(session, person_id, EvidenceKind.COUNTER, on or self.today).id

    def record(self, person_id: int, kind: EvidenceKind, on: date, ends_on: date | None = None) -> int:
        """Any evidence; its row number."""
        with self.database.session_scope() as session:
            return self._evidence(session, person_id, kind, on, ends_on).id

    def _evidence(self, session: Session, person_id: int, kind: EvidenceKind, on: date, ends_on: date | None = None) -> LifeEvidence:
        new = NewEvidence(person_id, kind, on, Strength.CONCLUSIVE, "test", ends_on=ends_on)
        return life_evidence.add(session, new, by="test", now=self.clock())

    def listed(self, person_id: int) -> str:
        """Public id of the person's open row of the outreach list."""
        with self.database.read_scope() as session:
            row = outreach.open_of_person(session, person_id)
            assert row is not None
            return row.public_id

    def attempt(self, row: str, channel: OutreachChannel, outcome: OutreachOutcome = OutreachOutcome.NOT_REACHED) -> None:
        """One attempt by the counter."""
        if channel is OutreachChannel.SMS:
            outcome = OutreachOutcome.SENT
        self.outreach.log_attempt(row, channel=channel, outcome=outcome, note=None, actor="staff:counter")

    def sought(self, person_id: int) -> str:
        """On the list, with the attempts that policy asks for; weeks go by. Public id of the row."""
        self.outreach.refresh()
        row = self.listed(person_id)
        for channel in OutreachChannel:
            self.attempt(row, channel)
        self.clock.advance(days=self.policy.outreach.days_min)
        return row

    def paused(self, person_id: int) -> str:
        """Public id of a signed pause."""
        (change,) = self.pauses.propose(self.sought(person_id), reason="not found anywhere", actor="staff:caseworker")
        decided = self.pauses.approve(change, note="", actor="staff:reviewer")
        assert decided.refusal is None
        return change

    def benefit(self, person_id: int) -> Benefit:
        """The person's first benefit as it stands."""
        with self.database.read_scope() as session:
            return session.query(Benefit).filter_by(person_id=person_id).order_by(Benefit.id).first()

    def long_ago(self) -> date:
        """A certification that has run out for long enough."""
        return self.today - timedelta(days=366 + 60)


def open_office(database: Database, keyring: KeyRing, policy: RecordsPolicy, clock: FixedClock) -> Office:
    """Services with one clock over one database."""
    rules = (policy.certification, policy.outreach, policy.pause)
    return Office(
        database,
        keyring,
        policy,
        clock,
        OutreachService(database, *rules, clock),
        PauseService(database, *rules, "hash", clock),
        ResumptionService(database, policy.certification, policy.pause, "hash", clock),
        PaymentListService(database, keyring, policy.pause, clock),
    )
