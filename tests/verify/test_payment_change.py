"""Pauses and resumptions: the second person, what is checked again, the months, the arrears."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.actors import same_actor
from models.benefit import BenefitPause, BenefitStatus, Payment
from models.certification import add_months
from models.certification_state import CertificationState
from models.database import Database
from models.errors import Conflict, ConflictError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.outbox import OutboxMessage
from models.outreach import OutreachChannel, OutreachOutcome
from models.payment_change import PaymentChange, PaymentChangeKind, PaymentChangeState
from models.person import Person
from models.policy import RecordsPolicy
from models.policy_store import CustodyPartMonth
from models.repositories import certifications, life_evidence, payment_changes
from models.repositories.life_evidence import NewEvidence
from tests.conftest import FixedClock
from tests.models.workers import outcomes_of
from tests.verify.payments import MONTHLY_FEN, Office, open_office
from verify.payment_change import Custody, MonthReason, PauseRefusal, arrears, custody_days, month_days, months, resume_month
from verify.payment_change_service import NotTheProposer, PauseRefused, SecondPersonNeeded, TextMissing
from verify.resumption_service import HeldBack

PROPOSER, SIGNER = "staff:caseworker", "staff:reviewer"


@pytest.fixture
def office(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> Office:
    return open_office(database, keyring, records_policy, clock)


def change_of(office: Office, public_id: str) -> PaymentChange:
    with office.database.read_scope() as session:
        return payment_changes.get(session, public_id)


def state_of(office: Office, person_id: int) -> CertificationState:
    with office.database.read_scope() as session:
        return certifications.status_of(session, person_id, office.policy.certification, office.today).state


def proposed(office: Office) -> tuple[int, str]:
    person = office.pensioner(last_certified=office.long_ago())
    (change,) = office.pauses.propose(office.sought(person), reason="not found anywhere", actor=PROPOSER)
    return person, change


def test_a_proposal_alone_changes_no_payment(office: Office) -> None:
    person, change = proposed(office)
    assert office.benefit(person).status is BenefitStatus.ACTIVE
    assert change_of(office, change).state is PaymentChangeState.PROPOSED


def test_without_enough_outreach_nothing_can_be_proposed(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.outreach.refresh()
    with pytest.raises(PauseRefused) as refused:
        office.pauses.propose(office.listed(person), reason="x", actor=PROPOSER)
    assert refused.value.refusal is PauseRefusal.OUTREACH_MISSING
    assert refused.value.readiness is not None
    with pytest.raises(TextMissing):
        office.pauses.propose(office.listed(person), reason="  ", actor=PROPOSER)


def test_whoever_is_certified_meanwhile_cannot_be_proposed(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    row = office.sought(person)
    office.certify(person)
    with pytest.raises(PauseRefused) as refused:
        office.pauses.propose(row, reason="x", actor=PROPOSER)
    assert refused.value.refusal is PauseRefusal.CERTIFIED


def test_each_benefit_is_proposed_once(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago(), benefits=2)
    row = office.sought(person)
    assert len(office.pauses.propose(row, reason="x", actor=PROPOSER)) == 2
    with pytest.raises(ConflictError) as caught:
        office.pauses.propose(row, reason="x", actor=PROPOSER)
    assert caught.value.conflict is Conflict.PAYMENT_CHANGE_STATE


def test_a_signed_pause_takes_effect_from_the_next_month(office: Office) -> None:
    person, change = proposed(office)
    decided = office.pauses.approve(change, note="seen", actor=SIGNER)
    month = add_months(office.today.replace(day=1), 1)
    assert (decided.state, decided.effective_month, decided.refusal) == (PaymentChangeState.APPROVED, month, None)
    benefit = office.benefit(person)
    assert (benefit.status, benefit.paused_on) == (BenefitStatus.PAUSED, month)
    assert state_of(office, person) is CertificationState.OVERDUE
    office.clock.advance(days=31)
    assert state_of(office, person) is CertificationState.PAUSED


@pytest.mark.parametrize("same", [PROPOSER, "cli:caseworker", "staff:Caseworker"])
def test_the_proposer_signs_by_no_door(office: Office, same: str) -> None:
    person, change = proposed(office)
    for decide in (office.pauses.approve, office.pauses.reject):
        with pytest.raises(SecondPersonNeeded):
            decide(change, note="x", actor=same)
    assert change_of(office, change).state is PaymentChangeState.PROPOSED
    assert office.benefit(person).status is BenefitStatus.ACTIVE


@pytest.mark.parametrize("state", [PaymentChangeState.APPROVED, PaymentChangeState.REJECTED])
def test_the_database_refuses_the_proposer_too(office: Office, state: PaymentChangeState) -> None:
    _, change = proposed(office)
    row = change_of(office, change)
    with pytest.raises(IntegrityError, match="second_person"), office.database.session_scope() as session:
        payment_changes.decide(session, row.id, state, by=PROPOSER, note=None, now=office.clock())


def test_the_proposer_withdraws_and_nobody_else(office: Office) -> None:
    _, change = proposed(office)
    with pytest.raises(NotTheProposer):
        office.pauses.withdraw(change, actor=SIGNER)
    assert office.pauses.withdraw(change, actor=PROPOSER).state is PaymentChangeState.WITHDRAWN
    with pytest.raises(ConflictError):
        office.pauses.approve(change, note="", actor=SIGNER)


def test_two_signers_at_once_one_wins(office: Office) -> None:
    person, change = proposed(office)
    names = ("staff:a", "staff:b", "staff:c", "staff:d")
    outcomes = outcomes_of(4, lambda number: office.pauses.approve(change, note="", actor=names[number]).state)
    assert sorted(str(outcome) for outcome in outcomes) == ["approved", *["payment_change_state"] * 3]
    assert office.benefit(person).status is BenefitStatus.PAUSED


def test_signing_and_rejecting_at_once_one_wins(office: Office) -> None:
    person, change = proposed(office)

    def decide(number: int) -> PaymentChangeState:
        one = office.pauses.approve if number % 2 else office.pauses.reject
        return one(change, note="x", actor=f"staff:{number}").state

    outcomes = outcomes_of(4, decide)
    assert outcomes.count("payment_change_state") == 3
    paused = office.benefit(person).status is BenefitStatus.PAUSED
    assert paused is (PaymentChangeState.APPROVED in outcomes)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [(EvidenceKind.HOME_VISIT, PauseRefusal.CERTIFIED), (EvidenceKind.DEATH_RECORD, PauseRefusal.DECEASED)],
)
def test_what_came_in_since_the_proposal_withdraws_it(office: Office, kind: EvidenceKind, refusal: PauseRefusal) -> None:
    person, change = proposed(office)
    office.record(person, kind, office.today)
    decided = office.pauses.approve(change, note="", actor=SIGNER)
    assert (decided.state, decided.refusal) == (PaymentChangeState.WITHDRAWN, refusal)
    assert office.benefit(person).status is BenefitStatus.ACTIVE
    assert change_of(office, change).decision_note == refusal.value


def test_a_cry_for_help_since_the_proposal_withdraws_it(office: Office) -> None:
    person, change = proposed(office)
    office.attempt(office.listed(person), OutreachChannel.PHONE, OutreachOutcome.NEEDS_HELP)
    assert office.pauses.approve(change, note="", actor=SIGNER).refusal is PauseRefusal.OUTREACH_MISSING


def test_leaving_the_list_withdraws_the_proposal(office: Office) -> None:
    person, change = proposed(office)
    office.certify(person)
    assert office.outreach.refresh().withdrawn == 1
    assert change_of(office, change).state is PaymentChangeState.WITHDRAWN


def test_a_certification_resumes_from_the_next_month_with_arrears(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    paused_on = office.benefit(person).paused_on
    assert paused_on == date(2026, 4, 1)
    office.clock.advance(days=95)  # into July
    assert office.resumptions.resume_certified().changes == ()
    office.certify(person)
    done = office.resumptions.resume_certified()
    assert done.arrears_fen == 4 * MONTHLY_FEN  # April to July
    change = change_of(office, done.changes[0])
    assert (change.kind, change.state, change.effective_month) == (PaymentChangeKind.RESUME, PaymentChangeState.APPROVED, date(2026, 8, 1))
    assert change.proposed_by == change.decided_by == "job:resume"
    assert [each["month"] for each in change.arrears] == ["2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"]
    benefit = office.benefit(person)
    assert (benefit.status, benefit.paused_on) == (BenefitStatus.ACTIVE, None)
    with office.database.read_scope() as session:
        pauses = session.execute(select(BenefitPause.paused_on, BenefitPause.resumed_on)).all()
        messages = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind == "person.payment_resumed")).all()
        before = certifications.status_of(session, person, office.policy.certification, date(2026, 5, 1))
    assert [tuple(row) for row in pauses] == [(date(2026, 4, 1), date(2026, 8, 1))]
    assert messages == [{"change": change.public_id, "month": "2026-08-01"}]
    assert before.state is CertificationState.PAUSED
    assert state_of(office, person) is CertificationState.CERTIFIED
    assert office.resumptions.resume_certified().changes == ()


def test_what_was_paid_in_the_pause_is_not_owed_again(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    benefit = office.benefit(person)
    with office.database.session_scope() as session:
        session.add(Payment(benefit_id=benefit.id, month=date(2026, 4, 1), amount_fen=MONTHLY_FEN))
        session.add(Payment(benefit_id=benefit.id, month=date(2026, 5, 1), amount_fen=100_000))
    office.clock.advance(days=70)  # June
    office.certify(person)
    done = office.resumptions.resume_certified()
    assert done.arrears_fen == MONTHLY_FEN - 100_000 + MONTHLY_FEN


def test_nothing_is_owed_for_a_prison_term_and_release_needs_a_new_certification(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    custody = office.record(person, EvidenceKind.CUSTODY, date(2026, 5, 1))
    office.clock.advance(days=70)  # 8 June
    office.certify(person)  # by video call from prison, say
    done = office.resumptions.resume_certified()
    assert (done.changes, done.held_back) == ((), {HeldBack.CUSTODY: 1})
    with office.database.session_scope() as session:
        released = NewEvidence(person, EvidenceKind.CUSTODY, date(2026, 5, 1), Strength.CONCLUSIVE, "prison", ends_on=date(2026, 7, 31))
        life_evidence.correct(session, custody, released, by="test", now=office.clock())
    office.clock.advance(days=60)  # 7 August
    assert office.resumptions.resume_certified().held_back == {HeldBack.CUSTODY: 1}
    office.certify(person)
    done = office.resumptions.resume_certified()
    change = change_of(office, done.changes[0])
    assert done.arrears_fen == 2 * MONTHLY_FEN  # April and August
    assert [each["reason"] for each in change.arrears] == ["owed", "custody", "custody", "custody", "owed"]


def test_a_certification_between_signature_and_first_day_leaves_no_unpaid_month(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    office.certify(person)
    done = office.resumptions.resume_certified(person_id=person)
    change = change_of(office, done.changes[0])
    assert (change.effective_month, change.arrears_fen, change.arrears) == (date(2026, 4, 1), 0, [])
    office.clock.advance(days=10)
    assert state_of(office, person) is CertificationState.CERTIFIED
    with office.database.read_scope() as session:
        assert session.query(BenefitPause).count() == 0


def test_a_certification_from_before_the_pause_that_was_recorded_late_resumes(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    before = office.today - timedelta(days=3)
    office.clock.advance(days=40)
    office.certify(person, before)
    assert len(office.resumptions.resume_certified().changes) == 1


def test_an_imported_pause_is_not_lifted_by_a_certification_from_before_it(office: Office) -> None:
    person = office.pensioner(last_certified=office.today - timedelta(days=100))
    with office.database.session_scope() as session:
        payment_changes.pause(session, office.benefit(person).id, date(2026, 3, 1))
    done = office.resumptions.resume_certified()
    assert (done.changes, done.held_back) == ((), {HeldBack.NOT_SINCE_THE_PAUSE: 1})
    office.certify(person)
    assert len(office.resumptions.resume_certified().changes) == 1


def test_evidence_of_a_merged_record_resumes_the_benefit_of_the_other(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    other = office.pensioner(benefits=0)
    office.clock.advance(days=40)
    office.certify(other)
    assert office.resumptions.resume_certified().changes == ()
    with office.database.session_scope() as session:
        session.get_one(Person, person).merged_into_id = other
    assert len(office.resumptions.resume_certified().changes) == 1
    assert office.benefit(person).status is BenefitStatus.ACTIVE


def test_the_dead_are_not_resumed(office: Office) -> None:
    person = office.pensioner(last_certified=office.long_ago())
    office.paused(person)
    office.clock.advance(days=40)
    office.certify(person)
    office.record(person, EvidenceKind.DEATH_RECORD, office.today)
    assert office.resumptions.resume_certified().changes == ()
    assert office.benefit(person).status is BenefitStatus.PAUSED


def test_runs_at_once_resume_each_benefit_once(office: Office) -> None:
    people = [office.pensioner(last_certified=office.long_ago()) for _ in range(6)]
    for person in people:
        office.certify(person, office.today - timedelta(days=400))
        with office.database.session_scope() as session:
            payment_changes.pause(session, office.benefit(person).id, date(2026, 3, 1))
        office.certify(person)
    runs = outcomes_of(4, lambda _number: office.resumptions.resume_certified().changes)
    assert sum(len(changes) for changes in runs) == 6
    with office.database.read_scope() as session:
        assert session.query(PaymentChange).count() == session.query(BenefitPause).count() == 6


days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
stays = st.lists(st.tuples(days, st.none() | st.integers(0, 400)), max_size=4).map(
    lambda drawn: [Custody(first, None if length is None else first + timedelta(days=length)) for first, length in drawn]
)


@given(
    paused=days,
    length=st.integers(0, 30),
    monthly=st.integers(0, 10**6),
    paid=st.dictionaries(st.integers(0, 30), st.integers(0, 2 * 10**6)),
    custody=stays,
    part=st.sampled_from(CustodyPartMonth),
)
def test_arrears_are_the_benefit_of_each_unpaid_month_without_custody(
    paused: date, length: int, monthly: int, paid: dict[int, int], custody: list[Custody], part: CustodyPartMonth
) -> None:
    paused = paused.replace(day=1)
    paid_fen = {add_months(paused, index): fen for index, fen in paid.items()}
    found = arrears(
        paused_on=paused,
        resumed_month=add_months(paused, length),
        monthly_fen=monthly,
        paid_fen=paid_fen,
        custody=custody,
        drawn_from=date(2015, 1, 1),
        drawn_to=None,
        part_month=part,
    )
    assert [each.month for each in found] == [add_months(paused, index) for index in range(length)]

    def inside(month: date) -> int:
        return sum(
            any(stay.first_day <= day and (stay.last_day is None or day <= stay.last_day) for stay in custody)
            for day in (month + timedelta(days=n) for n in range(month_days(month)))
        )

    expected = 0
    for each in found:
        held = inside(each.month)
        assert held == custody_days(each.month, custody)
        assert 0 <= each.fen <= monthly
        if held == month_days(each.month) or (held and part is CustodyPartMonth.WITHHELD):
            assert each.fen == 0
            assert each.reason in {MonthReason.CUSTODY, MonthReason.CUSTODY_PART}
        else:
            expected += max(0, monthly - paid_fen.get(each.month, 0))
    assert sum(each.fen for each in found) == expected


@pytest.mark.parametrize(
    ("first", "last", "reason", "fen"),
    [
        (date(2026, 4, 1), date(2026, 4, 30), MonthReason.CUSTODY, 0),
        (date(2026, 4, 2), date(2026, 4, 30), MonthReason.CUSTODY_PART, 0),
        (date(2026, 3, 1), date(2026, 4, 1), MonthReason.CUSTODY_PART, 0),
        (date(2026, 3, 1), date(2026, 3, 31), MonthReason.OWED, 100),
        (date(2026, 5, 1), None, MonthReason.OWED, 100),
        (date(2026, 4, 30), None, MonthReason.CUSTODY_PART, 0),
    ],
)
def test_months_at_the_edge_of_a_prison_term(first: date, last: date | None, reason: MonthReason, fen: int) -> None:
    (april,) = arrears(
        paused_on=date(2026, 4, 1),
        resumed_month=date(2026, 5, 1),
        monthly_fen=100,
        paid_fen={},
        custody=[Custody(first, last)],
        drawn_from=date(2015, 1, 1),
        drawn_to=None,
        part_month=CustodyPartMonth.WITHHELD,
    )
    assert (april.reason, april.fen) == (reason, fen)


def test_nothing_is_owed_after_the_benefit_ended() -> None:
    found = arrears(
        paused_on=date(2026, 4, 1),
        resumed_month=date(2026, 6, 1),
        monthly_fen=100,
        paid_fen={},
        custody=[],
        drawn_from=date(2015, 1, 1),
        drawn_to=date(2026, 4, 1),
        part_month=CustodyPartMonth.OWED,
    )
    assert [(each.fen, each.reason) for each in found] == [(100, MonthReason.OWED), (0, MonthReason.NOT_DRAWN)]


def test_months_go_over_the_turn_of_the_year() -> None:
    assert list(months(date(2026, 11, 30), date(2027, 2, 1))) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert resume_month(date(2026, 12, 31), date(2026, 3, 1)) == date(2027, 1, 1)
    assert resume_month(date(2026, 3, 15), date(2026, 6, 1)) == date(2026, 6, 1)


def test_one_account_is_the_same_person_by_every_door() -> None:
    assert same_actor("staff:li", "cli:LI ")
    assert not same_actor("staff:li", "staff:li2")
