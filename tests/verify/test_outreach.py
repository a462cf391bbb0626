"""Who is on the outreach list, and what has to be tried before anybody may propose a pause."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.database import Database
from models.errors import ConflictError
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind
from models.outbox import OutboxMessage
from models.outreach import Outreach, OutreachChannel, OutreachEnd, OutreachOutcome
from models.person import Person
from models.policy import RecordsPolicy
from tests.conftest import FixedClock
from tests.models.people import REGION
from tests.models.workers import outcomes_of
from tests.verify.payments import Office, open_office
from verify.outreach import Attempt, NotReady, next_channel, readiness
from verify.outreach_service import AttemptError

SMS, PHONE, VISIT = OutreachChannel


@pytest.fixture
def office(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> Office:
    return open_office(database, keyring, records_policy, clock)


def ended(office: Office, person_id: int) -> list[OutreachEnd | None]:
    with office.database.read_scope() as session:
        return list(session.scalars(select(Outreach.ended).where(Outreach.person_id == person_id).order_by(Outreach.id)))


def test_only_who_is_overdue_and_draws_a_benefit_is_listed_and_once(office: Office) -> None:
    overdue = office.pensioner(last_certified=date(2025, 3, 14))
    never = office.pensioner()
    office.pensioner(last_certified=date(2025, 3, 15))  # due today: still counts
    office.pensioner(last_certified=date(2024, 1, 1), benefits=0)
    dead = office.pensioner(last_certified=date(2024, 1, 1))
    office.record(dead, EvidenceKind.DEATH_RECORD, date(2025, 1, 1))
    assert office.outreach.refresh().opened == 2
    again = office.outreach.refresh()
    assert (again.opened, again.certified, again.deceased, again.not_due) == (0, 0, 0, 0)
    with office.database.read_scope() as session:
        rows = session.execute(select(Outreach.person_id, Outreach.due_on).order_by(Outreach.person_id)).all()
    assert [tuple(row) for row in rows] == [(overdue, date(2026, 3, 14)), (never, date(2016, 1, 1))]


def test_refreshing_as_of_a_later_day_lists_who_is_overdue_then(office: Office) -> None:
    office.pensioner(last_certified=date(2025, 6, 1))
    assert office.outreach.refresh().opened == 0
    assert office.outreach.refresh(as_of=date(2026, 6, 1)).opened == 0
    assert office.outreach.refresh(as_of=date(2026, 6, 2)).opened == 1


def test_rows_close_by_themselves_for_a_reason(office: Office) -> None:
    certified, dead, ended_benefit, merged, stays = (office.pensioner(last_certified=date(2024, 1, 1)) for _ in range(5))
    office.outreach.refresh()
    office.certify(certified)
    office.record(dead, EvidenceKind.DEATH_RECORD, date(2026, 1, 1))
    with office.database.session_scope() as session:
        session.get_one(Person, merged).merged_into_id = stays
        benefit = office.benefit(ended_benefit)
        benefit.to_month = date(2026, 1, 1)
        session.merge(benefit)
    done = office.outreach.refresh()
    assert (done.opened, done.certified, done.deceased, done.not_due) == (0, 1, 1, 2)
    assert ended(office, certified) == [OutreachEnd.CERTIFIED]
    assert ended(office, dead) == [OutreachEnd.DECEASED]
    assert ended(office, ended_benefit) == ended(office, merged) == [OutreachEnd.NOT_DUE]
    assert ended(office, stays) == [None]


def test_somebody_overdue_again_gets_a_new_row(office: Office) -> None:
    person = office.pensioner(last_certified=date(2024, 1, 1))
    office.outreach.refresh()
    office.certify(person)
    office.outreach.refresh()
    office.clock.advance(days=400)
    assert office.outreach.refresh().opened == 1
    assert ended(office, person) == [OutreachEnd.CERTIFIED, None]


def test_refreshes_at_the_same_moment_list_everybody_once(office: Office) -> None:
    for _ in range(20):
        office.pensioner()
    outcomes_of(4, lambda _number: office.outreach.refresh())
    with office.database.read_scope() as session:
        assert session.query(Outreach).count() == 20


def test_a_refresh_goes_by_steps_and_misses_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.outreach_service.PERSONS_A_STEP", 3)
    for _ in range(8):
        office.pensioner()
    steps: list[tuple[str, int, int]] = []
    assert office.outreach.refresh(progress=lambda *step: steps.append(step)).opened == 8
    assert steps[-1][1] == steps[-1][2]
    assert len(steps) == 3


def test_the_list_is_filtered_and_paged_longest_overdue_first(office: Office) -> None:
    first = office.pensioner(last_certified=date(2023, 1, 1))
    second = office.pensioner(last_certified=date(2024, 6, 1))
    third = office.pensioner(last_certified=date(2025, 3, 1), phone=None)
    office.outreach.refresh()

    def people(**filters: object) -> list[int]:
        return [line.entry.id for line in office.outreach.listing(REGION, **filters)]

    with office.database.read_scope() as session:
        rows = {row.person_id: row.id for row in session.execute(select(Outreach.person_id, Outreach.id))}
    assert people() == [rows[first], rows[second], rows[third]]
    assert people(overdue_days_min=30) == [rows[first], rows[second]]
    assert people(channel=VISIT) == [rows[third]]
    assert people(channel=SMS) == [rows[first], rows[second]]
    page = office.outreach.listing(REGION, limit=1)
    assert people(after=page[0].entry.public_id) == [rows[second], rows[third]]
    assert office.outreach.listing("110000") == []
    office.attempt(office.listed(first), SMS)
    assert people(channel=PHONE) == [rows[first]]
    assert people(attempts_max=0) == [rows[second], rows[third]]
    by_rules = {line.entry.id: line.next_channel for line in office.outreach.listing(REGION)}
    for channel in OutreachChannel:
        assert set(people(channel=channel)) == {row for row, wanted in by_rules.items() if wanted is channel}


def test_reminders_go_to_who_has_a_phone_and_not_again_for_days(office: Office) -> None:
    person = office.pensioner()
    office.pensioner(phone=None)
    office.outreach.refresh()
    assert office.outreach.remind() == 1
    assert office.outreach.remind() == 0
    office.clock.advance(days=office.policy.outreach.sms_every_days)
    assert office.outreach.remind() == 1
    with office.database.read_scope() as session:
        messages = session.scalars(select(OutboxMessage)).all()
        assert {(message.kind, message.person_id) for message in messages} == {("outreach.reminder", person)}
        assert messages[0].payload == {"outreach": office.listed(person)}


def test_reminders_of_two_jobs_at_once_reach_everybody_once(office: Office) -> None:
    for _ in range(12):
        office.pensioner()
    office.outreach.refresh()
    outcomes_of(4, lambda _number: office.outreach.remind())
    with office.database.read_scope() as session:
        assert session.query(OutboxMessage).count() == 12


def test_an_attempt_needs_an_open_row_and_a_possible_outcome(office: Office) -> None:
    person = office.pensioner()
    office.outreach.refresh()
    row = office.listed(person)
    with pytest.raises(AttemptError, match="sent cannot come of visit"):
        office.outreach.log_attempt(row, channel=VISIT, outcome=OutreachOutcome.SENT, note=None, actor="staff:a")
    with pytest.raises(AttemptError, match="500"):
        office.outreach.log_attempt(row, channel=PHONE, outcome=OutreachOutcome.REACHED, note="x" * 501, actor="staff:a")
    office.certify(person)
    office.outreach.refresh()
    with pytest.raises(ConflictError, match="left the outreach list"):
        office.attempt(row, PHONE)


def attempts(clock: FixedClock, *made: tuple[OutreachChannel, OutreachOutcome, float]) -> list[Attempt]:
    return [Attempt(channel, outcome, clock() - timedelta(days=days)) for channel, outcome, days in made]


NOT_REACHED = OutreachOutcome.NOT_REACHED
ENOUGH = ((SMS, OutreachOutcome.SENT, 20), (PHONE, NOT_REACHED, 10), (VISIT, NOT_REACHED, 1))


@pytest.mark.parametrize(
    ("made", "overdue_days", "reasons"),
    [
        (ENOUGH, 60, ()),
        ((), 60, (NotReady.TOO_FEW_ATTEMPTS, NotReady.TOO_FEW_CHANNELS)),
        (ENOUGH, 29, (NotReady.NOT_OVERDUE_FOR_LONG,)),
        ((*ENOUGH[1:], (SMS, OutreachOutcome.FAILED, 20)), 60, (NotReady.TOO_FEW_ATTEMPTS, NotReady.TOO_SOON_AFTER_THE_FIRST_ATTEMPT)),
        (((SMS, OutreachOutcome.SENT, 20),) * 3, 60, (NotReady.TOO_FEW_CHANNELS,)),
        (((SMS, OutreachOutcome.SENT, 14.9), *ENOUGH[1:]), 60, (NotReady.TOO_SOON_AFTER_THE_FIRST_ATTEMPT,)),
        (((SMS, OutreachOutcome.SENT, 91), *ENOUGH[1:]), 60, (NotReady.TOO_FEW_ATTEMPTS, NotReady.TOO_SOON_AFTER_THE_FIRST_ATTEMPT)),
        ((*ENOUGH, (VISIT, OutreachOutcome.NEEDS_HELP, 0.5)), 60, (NotReady.HELP_IS_WAITED_FOR,)),
        ((*ENOUGH, (VISIT, OutreachOutcome.NEEDS_HELP, 0.5), (PHONE, OutreachOutcome.REACHED, 0.1)), 60, ()),
    ],
)
def test_a_pause_may_be_proposed_after_enough_attempts_on_enough_ways_over_enough_days(
    clock: FixedClock,
    records_policy: RecordsPolicy,
    made: tuple[tuple[OutreachChannel, OutreachOutcome, float], ...],
    overdue_days: int,
    reasons: tuple[NotReady, ...],
) -> None:
    today = records_policy.certification.today(clock())
    found = readiness(
        attempts(clock, *made),
        due_on=today - timedelta(days=overdue_days),
        today=today,
        now=clock(),
        outreach=records_policy.outreach,
        pause=records_policy.pause,
    )
    assert found.reasons == reasons
    assert found.ready is (not reasons)


def test_without_a_phone_only_a_visit_is_left() -> None:
    assert next_channel(frozenset(), has_phone=False) is VISIT
    assert next_channel(frozenset({VISIT}), has_phone=False) is None
    assert next_channel(frozenset({SMS}), has_phone=True) is PHONE
