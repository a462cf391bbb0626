"""One-time codes of the status page: found, sent, tried, used once, over in time; nobody learns whether name and number fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import select, update

from models.audit import AuditEntry
from models.certification_state import CertificationState
from models.database import Database
from models.keys import FileKeyRing
from models.life_evidence import EvidenceKind, Strength
from models.outbox import OutboxMessage
from models.policy import RecordsPolicy
from models.repositories import life_evidence, mergers, outbox, persons
from models.repositories.life_evidence import NewEvidence
from models.status_code import StatusCode
from tests.conftest import FixedClock
from tests.models.people import add_person, resident_id
from verify.service_errors import PersonUnknown
from verify.status_code_service import StatusCodeService

NAME, NUMBER = "张建国", resident_id()


@pytest.fixture
def service(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, clock: FixedClock) -> StatusCodeService:
    with database.session_scope() as session:
        add_person(session, keyring, phone="13800001121")
        add_person(session, keyring, sequence=200)
    policy = records_policy
    return StatusCodeService(database, keyring, certification=policy.certification, status_page=policy.status_page, clock=clock)


def test_a_code_goes_to_the_phone_on_record_and_opens_once(service: StatusCodeService, database: Database) -> None:
    asked = service.ask(NAME, NUMBER, by_message=True)
    assert asked.to_send is not None
    assert asked.to_send.phone == "13800001121"
    code = asked.to_send.code
    assert (len(code), code.isdigit()) == (6, True)
    with database.read_scope() as session:
        stored = session.scalars(select(StatusCode)).one()
        assert code.encode() not in bytes(stored.digest)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert [service.open(asked.who, each) for each in (wrong, code, code)] == [False, True, False]


@pytest.mark.parametrize(
    ("name", "number"), [("李四", NUMBER), (NAME, resident_id(sequence=300)), (NAME, "not a number"), (NAME, resident_id(sequence=200))]
)
def test_for_nobody_or_without_a_phone_nothing_is_sent_and_no_code_opens(
    service: StatusCodeService, database: Database, name: str, number: str
) -> None:
    asked = service.ask(name, number, by_message=True)
    assert asked.to_send is None
    assert len(asked.who) == 22
    assert not service.open(asked.who, "000000")
    with database.read_scope() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert actions == ["status_page.asked", "status_page.code_wrong"]
        assert session.scalars(select(StatusCode)).all() == []


def test_wrong_codes_use_a_code_up(service: StatusCodeService, records_policy: RecordsPolicy) -> None:
    asked = service.ask(NAME, NUMBER, by_message=True)
    assert asked.to_send is not None
    wrong = f"{(int(asked.to_send.code) + 1) % 1_000_000:06d}"
    for _ in range(records_policy.status_page.tries):
        assert not service.open(asked.who, wrong)
    assert not service.open(asked.who, asked.to_send.code)


def test_a_code_is_over_after_its_minutes_and_ends_with_the_next_one(service: StatusCodeService, clock: FixedClock) -> None:
    first, second = (service.ask(NAME, NUMBER, by_message=True) for _ in range(2))
    assert first.to_send is not None
    assert second.to_send is not None
    if first.to_send.code != second.to_send.code:
        assert not service.open(first.who, first.to_send.code)
    clock.advance(minutes=10)
    assert not service.open(second.who, second.to_send.code)


def test_a_person_gets_so_many_messages_a_day(service: StatusCodeService, records_policy: RecordsPolicy, clock: FixedClock) -> None:
    sent = [service.ask(NAME, NUMBER, by_message=True).to_send is not None for _ in range(records_policy.status_page.messages_per_day + 2)]
    assert sent == [True] * 5 + [False] * 2
    clock.advance(days=1, seconds=1)
    assert service.ask(NAME, NUMBER, by_message=True).to_send is not None


def test_a_code_from_the_counter_lasts_its_days_and_survives_a_message(service: StatusCodeService, clock: FixedClock) -> None:
    who = service.ask(NAME, NUMBER, by_message=False).who
    code, until = service.issue_at_counter(who, actor="staff:wang")
    assert until == date(2026, 4, 14)
    service.ask(NAME, NUMBER, by_message=True)
    clock.advance(days=29)
    assert service.open(who, code)
    with pytest.raises(PersonUnknown):
        service.issue_at_counter("nobody", actor="staff:wang")


def test_of_many_at_once_with_the_right_code_one_gets_in(service: StatusCodeService) -> None:
    asked = service.ask(NAME, NUMBER, by_message=True)
    assert asked.to_send is not None
    code = asked.to_send.code
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: service.open(asked.who, code), range(4))) == [False, False, False, True]


def test_a_code_from_before_a_merger_still_opens(
    service: StatusCodeService, database: Database, keyring: FileKeyRing, clock: FixedClock
) -> None:
    asked = service.ask(NAME, NUMBER, by_message=True)
    assert asked.to_send is not None
    with database.session_scope() as session:
        merged = persons.get(session, asked.who)
        kept = persons.find_by_resident_id(session, resident_id(sequence=200), keyring=keyring)
        assert kept is not None
        mergers.merge(session, kept.id, merged.id, reason="same", by="test", now=clock())
    assert service.open(asked.who, asked.to_send.code)


def test_the_page_tells_state_method_and_messages_masked(service: StatusCodeService, database: Database, clock: FixedClock) -> None:
    who = service.ask(NAME, NUMBER, by_message=False).who
    with database.session_scope() as session:
        key = persons.get(session, who).id
        for kind, on, strength in (
            (EvidenceKind.FACE, date(2025, 5, 1), Strength.CONCLUSIVE),
            (EvidenceKind.HOME_VISIT, date(2026, 3, 1), Strength.CONCLUSIVE),
            (EvidenceKind.DECLARATION, date(2026, 3, 10), Strength.INDICATIVE),
        ):
            life_evidence.add(session, NewEvidence(key, kind, on, strength, "test"), by="test", now=clock())
        sent = outbox.put(session, kind="person.certified", person_id=key, now=clock())
        outbox.put(session, kind="person.assisted", person_id=key, now=clock())  # not sent yet
        session.execute(update(OutboxMessage).where(OutboxMessage.id == sent.id).values(sent_at=clock()))
    own = service.status(who)
    assert (own.masked_name, own.masked_resident_id, own.masked_phone) == ("张*国", "42" + "*" * 12 + NUMBER[-4:], "138******21")
    assert (own.state, own.last_on, own.valid_until) == (CertificationState.CERTIFIED, date(2026, 3, 1), date(2027, 3, 1))
    assert (own.last_kind, own.silent) == (EvidenceKind.HOME_VISIT, False)
    assert [(message.kind, message.on) for message in own.messages] == [("person.certified", date(2026, 3, 15))]


def test_codes_are_deleted_when_their_days_are_over(service: StatusCodeService, clock: FixedClock) -> None:
    service.ask(NAME, NUMBER, by_message=True)
    assert service.housekeeping() == 0
    clock.advance(days=7, minutes=11)
    assert service.housekeeping() == 1
