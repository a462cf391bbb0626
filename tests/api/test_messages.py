"""Messages to phones: they leave at least once, are tried again, given up in words, and name nobody."""

from __future__ import annotations

import contextlib
import fcntl
import json
import stat
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.message_dispatch import KINDS, Dispatched, send_messages
from api.message_texts import TEXTS, text_of
from api.messages import FileSmsSender, SmsError, sms_sender
from api.payments import make_outreach
from models.benefit import Benefit, BenefitStatus
from models.consent import Consent, ConsentPurpose
from models.enrolment import Scheme
from models.outbox import OutboxMessage
from models.outreach import OutreachEnd, OutreachOutcome
from models.person import Person
from models.repositories import outbox, outreach, persons
from tests.api.conftest import HOME_REGION, NAME, RESIDENT_ID, World
from tests.models.workers import outcomes_of

PHONE = "10012345678"


@dataclass
class Sender:
    """Keeps what it is given, after failing as often as it is told to."""

    failures: list[SmsError] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, phone: str, text: str, reference: str) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((phone, text, reference))
        return "1"


def with_phone(world: World, person_id: str | None = None) -> int:
    """The person at home has a phone; row number."""
    with world.context.database.session_scope() as session:
        person = persons.get(session, person_id or world.at_home)
        data = persons.associated_data(person.public_id, "phone")
        person.phone_sealed = world.context.keyring.seal(PHONE.encode(), data)
        return person.id


def put(world: World, kind: str, person: int | None, **payload: Any) -> int:
    with world.context.database.session_scope() as session:
        return outbox.put(session, kind=kind, person_id=person, payload=payload, now=world.clock()).id


def message(world: World, row: int) -> OutboxMessage:
    with world.context.database.read_scope() as session:
        return session.get_one(OutboxMessage, row)


def test_a_certified_person_is_told_until_when(both_worlds: World) -> None:
    person, sender = with_phone(both_worlds), Sender()
    row = put(both_worlds, "person.certified_silently", person, evidence=1, due_on="2027-03-09")
    assert send_messages(both_worlds.context, sender=sender) == Dispatched(sent=1)
    assert send_messages(both_worlds.context, sender=sender) == Dispatched()
    ((phone, text, _),) = sender.sent
    assert phone == PHONE
    assert "2027年3月9日" in text
    assert NAME not in text
    assert RESIDENT_ID not in text
    assert message(both_worlds, row).sent_at == both_worlds.clock()


def test_the_language_is_that_of_the_newest_consent(world: World) -> None:
    person, sender = with_phone(world), Sender()
    with world.context.database.session_scope() as session:
        consent = {"purpose": ConsentPurpose.FACE_VERIFICATION, "text_version": "1", "channel": "self"}
        session.add(Consent(person_id=person, language="en", given_at=world.clock(), **consent))
    put(world, "person.payment_resumed", person, change="x", month="2026-04-01")
    send_messages(world.context, sender=sender)
    assert "April 2026" in sender.sent[0][1]


def test_a_failure_that_may_pass_is_tried_again_with_the_same_reference_and_then_given_up(world: World) -> None:
    waits = world.context.policy.outreach.sms_retry_s
    failures = [SmsError("the gateway is busy", permanent=False) for _ in range(len(waits) + 1)]
    person, sender = with_phone(world), Sender(failures)
    row = put(world, "verification.refer", person, verification="v")
    for number, wait in enumerate(waits, 1):
        assert send_messages(world.context, sender=sender) == Dispatched(later=1)
        assert send_messages(world.context, sender=sender) == Dispatched()
        assert message(world, row).attempts == number
        world.clock.now = max(world.clock() + timedelta(seconds=wait), world.clock())
        while world.clock().hour not in range(0, 12):  # 8 to 20 in China
            world.clock.advance(hours=1)
    assert send_messages(world.context, sender=sender) == Dispatched(refused=1)
    assert "given up after 7 tries: the gateway is busy" in (message(world, row).last_error or "")
    assert send_messages(world.context, sender=sender) == Dispatched()


def test_a_permanent_refusal_is_recorded_and_not_repeated(world: World) -> None:
    person, sender = with_phone(world), Sender([SmsError("no such subscriber", permanent=True)])
    row = put(world, "verification.refer", person)
    assert send_messages(world.context, sender=sender) == Dispatched(refused=1)
    assert message(world, row).last_error == "refused: no such subscriber"
    assert send_messages(world.context, sender=sender) == Dispatched()


def test_without_a_phone_a_message_is_settled_with_a_note(world: World) -> None:
    with world.context.database.read_scope() as session:
        person = persons.get(session, world.at_home).id
    row = put(world, "person.assisted", person, evidence=1, due_on="2027-01-01")
    assert send_messages(world.context, sender=Sender()) == Dispatched(settled=1)
    assert message(world, row).last_error == "no phone number is recorded"


def test_a_payload_that_cannot_be_used_holds_nobody_else_up(world: World) -> None:
    person, sender = with_phone(world), Sender()
    put(world, "person.payment_resumed", person)
    put(world, "verification.refer", person)
    assert send_messages(world.context, sender=sender) == Dispatched(sent=1, settled=1)


def test_kinds_of_other_senders_are_left_alone(world: World) -> None:
    person = with_phone(world)
    row = put(world, "somebody.else", person)
    assert send_messages(world.context, sender=Sender()) == Dispatched()
    left = message(world, row)
    assert (left.sent_at, left.attempts, left.not_before) == (None, 0, world.clock())


def test_nobody_is_woken_at_night(world: World) -> None:
    person, sender = with_phone(world), Sender()
    put(world, "verification.refer", person)
    world.clock.advance(hours=10)  # 20:00 in China
    assert send_messages(world.context, sender=sender) == Dispatched()
    world.clock.advance(hours=12)
    assert send_messages(world.context, sender=sender) == Dispatched(sent=1)


def test_a_dispatcher_that_died_between_sending_and_noting_sends_once_more_with_the_same_reference(world: World) -> None:
    person, sender = with_phone(world), Sender()
    row = put(world, "verification.refer", person)

    class Killed(BaseException):
        pass

    class Dying(Sender):
        def send(self, phone: str, text: str, reference: str) -> str:
            super().send(phone, text, reference)
            raise Killed

    dying = Dying()
    with pytest.raises(Killed):
        send_messages(world.context, sender=dying)
    assert send_messages(world.context, sender=sender) == Dispatched()
    world.clock.advance(minutes=10)
    assert send_messages(world.context, sender=sender) == Dispatched(sent=1)
    assert sender.sent == dying.sent
    assert message(world, row).sent_at is not None


def test_dispatchers_at_once_send_each_message_once(both_worlds: World) -> None:
    person, sender = with_phone(both_worlds), Sender()
    for _ in range(30):
        put(both_worlds, "verification.refer", person)
    outcomes_of(4, lambda _number: send_messages(both_worlds.context, sender=sender))
    assert len(sender.sent) == len({reference for _, _, reference in sender.sent}) == 30


def overdue(world: World) -> str:
    """The person at home is on the outreach list and has a phone; public id of the row."""
    person = with_phone(world)
    with world.context.database.session_scope() as session:
        benefit = {"scheme": Scheme.RESIDENT_PENSION, "region_code": HOME_REGION, "monthly_fen": 1, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person, from_month=date(2015, 1, 1), **benefit))
    make_outreach(world.context).refresh()
    with world.context.database.read_scope() as session:
        row = outreach.open_of_person(session, person)
        assert row is not None
        return row.public_id


@pytest.mark.parametrize(("failures", "outcome"), [([], OutreachOutcome.SENT), ([SmsError("x", permanent=True)], OutreachOutcome.FAILED)])
def test_a_reminder_is_an_attempt_of_the_outreach(world: World, failures: list[SmsError], outcome: OutreachOutcome) -> None:
    row = overdue(world)
    service = make_outreach(world.context)
    assert service.remind() == 1
    send_messages(world.context, sender=Sender(list(failures)))
    (attempt,) = service.one(row).attempts
    assert (attempt.channel.value, attempt.outcome, attempt.made_by) == ("sms", outcome, "job:messages")


def test_a_reminder_to_somebody_who_is_certified_meanwhile_does_not_leave(world: World) -> None:
    row, sender = overdue(world), Sender()
    service = make_outreach(world.context)
    service.remind()
    with world.context.database.session_scope() as session:
        closed = outreach.get(session, row)
        closed.closed_at, closed.ended = world.clock(), OutreachEnd.CERTIFIED
    assert send_messages(world.context, sender=sender) == Dispatched(settled=1)
    assert sender.sent == []


def test_the_file_sender_keeps_lines_that_only_the_owner_reads(world: World) -> None:
    sender = sms_sender(world.context)
    assert isinstance(sender, FileSmsSender)
    ids = [sender.send(PHONE, text, reference) for text, reference in (("一", "r1"), ("二\n三", "r2"))]
    path = world.context.settings.home / "outgoing" / "sms.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(line["id"], line["phone"], line["text"], line["reference"]) for line in lines] == [
        (ids[0], PHONE, "一", "r1"),
        (ids[1], PHONE, "二\n三", "r2"),
    ]


def test_a_line_that_was_cut_off_spoils_no_other(world: World) -> None:
    sender = sms_sender(world.context)
    sender.send(PHONE, "一", "r1")
    path = world.context.settings.home / "outgoing" / "sms.jsonl"
    with path.open("ab") as stream:
        stream.write(b'{"id": "half')
    sender.send(PHONE, "二", "r2")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["reference"] for line in (lines[0], lines[2])] == ["r1", "r2"]


def test_a_gateway_that_moves_the_file_away_under_the_lock_loses_no_line(world: World, tmp_path: Path) -> None:
    sender = sms_sender(world.context)
    path = world.context.settings.home / "outgoing" / "sms.jsonl"
    sender.send(PHONE, "x", "first")
    taken: list[Path] = []

    def send(number: int) -> None:
        for _ in range(20):
            sender.send(PHONE, "x", f"r{number}")

    def take(number: int) -> None:
        for turn in range(20):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                away = tmp_path / f"{number}-{turn}"
                path.rename(away)
                taken.append(away)

    outcomes_of(4, lambda number: take(number) if number == 0 else send(number))
    files = [*taken, path] if path.exists() else taken
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) == 61


def test_a_disk_that_is_full_is_a_failure_that_may_pass(world: World) -> None:
    folder = world.context.settings.home / "outgoing"
    folder.mkdir(mode=0o700)
    (folder / "sms.jsonl").symlink_to("/dev/full")
    with pytest.raises(SmsError) as refused:
        sms_sender(world.context).send(PHONE, "一", "r")
    assert not refused.value.permanent
    assert PHONE not in str(refused.value)


@pytest.mark.parametrize(("phone", "text"), [("", "x"), ("1" * 31, "x"), (PHONE, ""), (PHONE, "x" * 501)])
def test_what_no_phone_can_receive_is_refused_for_good(world: World, phone: str, text: str) -> None:
    with pytest.raises(SmsError) as refused:
        sms_sender(world.context).send(phone, text, "r")
    assert refused.value.permanent


def test_every_kind_has_a_short_text_in_both_languages() -> None:
    assert set(KINDS) == set(TEXTS)
    values = {"due_on": "30 September 2027", "month": "September 2027"}
    for kind in KINDS:
        chinese, english = (text_of(kind, language, values) for language in ("zh", "en"))
        assert chinese != english
        assert "12333" in chinese
        assert "12333" in english
        assert len(chinese) <= 134  # two parts
        assert english.isascii()
        assert len(english) <= 160  # one part
        assert text_of(kind, "xx", values) == chinese


def test_a_merged_record_is_told_at_the_phone_of_the_one_that_speaks(world: World) -> None:
    person, sender = with_phone(world), Sender()
    with world.context.database.session_scope() as session:
        other = persons.get(session, world.elsewhere).id
        session.get_one(Person, other).merged_into_id = person
    put(world, "verification.refer", other)
    assert send_messages(world.context, sender=sender) == Dispatched(sent=1)
    with world.context.database.read_scope() as session:
        assert session.scalar(select(OutboxMessage.sent_at)) is not None
