"""Letters and webhooks leave over real lines: checked, signed, tried again, and without anything about a person."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import url_for
from sqlalchemy import select, update

from api.mail import Letter, Mailer, MailError, parse_sender, parse_server
from api.notice_dispatch import NoticesSent, send_notices
from api.notices import send_test, tell_subscribers
from api.rights import RoleName
from api.settings import Environment, Settings, SettingsError, load_settings
from models.account import Account
from models.outbox import OutboxMessage
from models.oversight import AlertSubscription, Cadence, NoticeChannel
from models.repositories import subscriptions
from models.repositories.subscriptions import NewSubscription
from tests.api.conftest import HOME_REGION, NAME, RESIDENT_ID, World
from tests.api.mail_receiver import PASSWORD, USER, MailReceiver, running_mail_server
from tests.api.receiver import Receiver, running_receiver
from tests.api.test_notices import OWNER, messages_of, open_alert, subscribe

ADDRESS = f"{RoleName.CASEWORKER.value}@test.invalid"
WAIT_S = 60 * 1.2  # the first of the policy's waits, with all of the jitter


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailReceiver]:
    """A mail server that speaks TLS from the start and wants a password; its authority is one of the machine's."""
    with running_mail_server(tmp_path, sign_in=True) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.authority))
        yield receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


def with_mail(world: World, receiver: MailReceiver) -> World:
    url = f"smtps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{receiver.port}"
    settings = world.context.settings.model_copy(update={"smtp_url": url, "mail_from": "lifecert@example.invalid"})
    return replace(world, context=replace(world.context, settings=settings))


def send(world: World) -> NoticesSent:
    return send_notices(world.context, rng=random.Random(1))


def last_error(world: World) -> str | None:
    with world.context.database.read_scope() as session:
        return session.scalars(select(AlertSubscription.last_error)).one()


def text_in(letter: EmailMessage) -> str:
    return str(letter.get_content())


def test_a_letter_arrives_over_tls_with_kind_region_money_and_link(world: World, server: MailReceiver) -> None:
    world = with_mail(world, server)
    subscribe(world, channel=NoticeChannel.EMAIL)
    opened = open_alert(world, fen=1_234_567_00)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(sent=1)
    [(sender, receivers, letter)] = server.letters
    assert (sender, receivers) == ("lifecert@example.invalid", [ADDRESS])
    assert letter["Subject"] == "Lifecert: new alert: Paid after death (P1)"
    assert (letter["Auto-Submitted"], letter["Content-Language"]) == ("auto-generated", "en")
    with world.app.test_request_context():
        assert f"{world.context.settings.base_url}{url_for('counter.alert', alert_id=opened)}" in text_in(letter)
        assert f"{world.context.settings.base_url}{url_for('counter.notices')}" in text_in(letter)
    assert f"Paid after death (P1), region {HOME_REGION}, 1,234,567.00 yuan" in text_in(letter)
    assert send(world) == NoticesSent()
    assert len(server.letters) == 1
    assert last_error(world) is None


def test_a_digest_in_chinese_counts_by_kind_and_says_how_many_more(world: World, server: MailReceiver) -> None:
    world = with_mail(world, server)
    subscribe(world, channel=NoticeChannel.EMAIL, cadence=Cadence.DAILY, next_at=world.clock(), language="zh")
    for number in range(12):
        open_alert(world, code="P1" if number < 5 else "H1", fen=100_00)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(sent=1)
    [(_, _, letter)] = server.letters
    assert letter["Subject"] == "【Lifecert】每日汇总：12条新预警，涉及1,200.00元"
    text = text_in(letter)
    assert "- 分解住院（H1）：7条，700.00元" in text
    assert "- 死亡后仍发放待遇（P1）：5条，500.00元" in text
    assert text.count("/desk/alerts/") == 10
    assert "其余2条见预警列表" in text


def test_nothing_about_a_person_is_in_a_letter_or_a_webhook(world: World, server: MailReceiver, receiver: Receiver) -> None:
    world = with_mail(world, server)
    subscribe(world, channel=NoticeChannel.EMAIL)
    subscribe(world, channel=NoticeChannel.WEBHOOK, target=receiver.url())
    opened = open_alert(world)
    with world.context.database.session_scope() as session:
        from models.alert import Alert
        from models.person import Person

        person = session.scalars(select(Person).where(Person.public_id == world.at_home)).one()
        values = {"person_id": person.id, "details": {"note": NAME}}
        session.execute(update(Alert).where(Alert.public_id == opened).values(**values))
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(sent=2)
    for said in (text_in(server.letters[0][2]) + str(server.letters[0][2]), receiver.raw[0][1].decode()):
        assert opened in said
        for personal in (NAME, RESIDENT_ID, world.at_home):
            assert personal not in said


def test_an_authority_that_is_not_the_machines_own_gets_no_letter(world: World, tmp_path: Path) -> None:
    with running_mail_server(tmp_path) as untrusted:
        world = with_mail(world, untrusted)
        subscribe(world, channel=NoticeChannel.EMAIL)
        open_alert(world)
        tell_subscribers(world.context)
        assert send(world) == NoticesSent(later=1)
        assert untrusted.letters == []
    assert "certificate is not valid" in str(last_error(world))


@pytest.mark.parametrize(("tls", "arrives"), [("starttls", True), ("none", False)])
def test_a_password_never_leaves_without_tls(tls: str, *, arrives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_mail_server(tmp_path, tls=tls, sign_in=tls != "none") as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.authority))
        mail = parse_server(f"smtp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{receiver.port}")
        mailer = Mailer(mail, parse_sender("lifecert@example.invalid"), timeout_s=10)
        letter = Letter("someone@example.invalid", "subject", "text", "en", "reference")
        from tests.models.people import NOW

        if arrives:
            mailer.send(letter, now=NOW)
            assert receiver.letters[0][2]["Message-ID"] == "<reference@example.invalid>"
        else:
            with pytest.raises(MailError, match="no STARTTLS"):
                mailer.send(letter, now=NOW)
            assert receiver.letters == []


def test_a_relay_on_this_machine_may_be_spoken_to_in_the_clear(tmp_path: Path) -> None:
    from tests.models.people import NOW

    with running_mail_server(tmp_path, tls="none") as receiver:
        mailer = Mailer(parse_server(f"smtp://127.0.0.1:{receiver.port}"), parse_sender("lifecert@example.invalid"), timeout_s=10)
        mailer.send(Letter("someone@example.invalid", "主题", "内容", "zh", "reference"), now=NOW)
        assert (receiver.letters[0][2]["Subject"], text_in(receiver.letters[0][2]).strip()) == ("主题", "内容")


def test_a_letter_that_is_refused_for_good_is_given_up_and_said(world: World, server: MailReceiver) -> None:
    world = with_mail(world, server)
    server.to_receiver = "550 no such box"
    subscribe(world, channel=NoticeChannel.EMAIL)
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(refused=1)
    assert last_error(world) == "the mail server refused the receiver's address (550)"
    world.clock.advance(days=2)
    assert send(world) == NoticesSent()


def test_a_letter_that_does_not_leave_is_tried_again_and_given_up_in_the_end(world: World, server: MailReceiver) -> None:
    world = with_mail(world, server)
    server.to_content = "451 later please"
    subscribe(world, channel=NoticeChannel.EMAIL)
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(later=1)
    assert send(world) == NoticesSent()
    server.to_content = "250 taken"
    world.clock.advance(seconds=WAIT_S)
    assert send(world) == NoticesSent(sent=1)
    assert last_error(world) is None
    server.to_content = "451 later please"
    open_alert(world)
    tell_subscribers(world.context)
    outcomes = []
    for _ in range(8):
        outcomes.append(send(world))
        world.clock.advance(days=1)
    tries = len(world.context.policy.oversight.notices.retry_s)
    assert outcomes == [NoticesSent(later=1)] * tries + [NoticesSent(refused=1)] + [NoticesSent()] * (7 - tries)
    assert str(messages_of(world)[1].last_error).startswith(f"given up after {tries + 1} tries")


def test_a_message_that_waits_for_another_try_respects_quiet_hours(world: World, server: MailReceiver) -> None:
    world = with_mail(world, server)
    server.to_content = "451 later please"
    subscribe(world, channel=NoticeChannel.EMAIL, quiet=(10 * 60 + 1, 12 * 60))
    open_alert(world)  # at 10:00 in the policy's zone
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(later=1)
    server.to_content = "250 taken"
    world.clock.advance(minutes=5)
    assert send(world) == NoticesSent(later=1)
    world.clock.advance(minutes=114)
    assert send(world) == NoticesSent()
    world.clock.advance(minutes=1)
    assert send(world) == NoticesSent(sent=1)
    assert messages_of(world)[0].attempts == 2


def test_without_a_mail_server_letters_wait(world: World) -> None:
    subscribe(world, channel=NoticeChannel.EMAIL)
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(later=1)
    assert "LIFECERT_SMTP_URL" in str(last_error(world))


def made_webhook(world: World, receiver: Receiver, path: str = "/hook") -> str:
    with world.context.database.session_scope() as session:
        new = NewSubscription(OWNER, HOME_REGION, NoticeChannel.WEBHOOK, Cadence.AT_ONCE, "en", target=receiver.url(path))
        _row, secret = subscriptions.add(session, new, most=20, keyring=world.context.keyring, now=world.clock())
    assert secret is not None
    receiver.secrets[path] = secret
    return secret


def test_a_webhook_is_signed_and_names_every_alert(world: World, receiver: Receiver) -> None:
    made_webhook(world, receiver)
    opened = [open_alert(world, fen=100_00), open_alert(world, code="H1", fen=None)]
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(sent=1)
    [(_, message_id, body)] = receiver.received
    assert receiver.refused == 0
    assert message_id.startswith("msg_")
    assert body["type"] == "alerts.opened"
    assert (body["data"]["count"], body["data"]["amount_fen"]) == (2, 100_00)
    assert {alert["alert_id"] for alert in body["data"]["alerts"]} == set(opened)
    assert body["data"]["alerts"][0]["url"].startswith(f"{world.context.settings.base_url}/desk/alerts/")


def test_a_webhook_that_fails_is_tried_again_with_the_same_id(world: World, receiver: Receiver) -> None:
    made_webhook(world, receiver)
    receiver.answer = lambda _path, number: (503, {}) if number == 1 else (204, {})
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(later=1)
    assert last_error(world) == "answered 503"
    world.clock.advance(seconds=WAIT_S)
    assert send(world) == NoticesSent(sent=1)
    assert len(set(receiver.ids())) == 1


def test_a_webhook_that_is_gone_ends_its_subscription(world: World, receiver: Receiver) -> None:
    made_webhook(world, receiver)
    receiver.answer = lambda _path, _number: (410, {})
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(refused=1)
    open_alert(world)
    assert tell_subscribers(world.context).messages == 0
    with world.context.database.read_scope() as session:
        assert session.scalars(select(AlertSubscription.end_reason)).one() == "gone"


def test_a_webhook_never_goes_to_an_address_that_is_not_allowed(world: World, receiver: Receiver) -> None:
    settings = world.context.settings.model_copy(update={"environment": Environment.PRODUCTION})
    world = replace(world, context=replace(world.context, settings=settings))
    made_webhook(world, receiver)
    open_alert(world)
    tell_subscribers(world.context)
    assert send(world) == NoticesSent(later=1)
    assert receiver.connections == 0
    assert "not allowed" in str(last_error(world))


def test_what_waits_for_somebody_who_may_no_longer_see_it_never_leaves(world: World, receiver: Receiver) -> None:
    made_webhook(world, receiver)
    open_alert(world)
    tell_subscribers(world.context)
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == RoleName.CASEWORKER.value).values(active=False))
    assert send(world) == NoticesSent(settled=1)
    assert receiver.received == []


def test_a_test_goes_where_the_subscription_tells(world: World, server: MailReceiver, receiver: Receiver) -> None:
    world = with_mail(world, server)
    secret_path = "/test"
    made_webhook(world, receiver, secret_path)
    subscribe(world, channel=NoticeChannel.EMAIL, quiet=(9 * 60, 11 * 60))
    with world.context.database.read_scope() as session:
        rows = list(session.scalars(select(AlertSubscription)))
    for row in rows:
        send_test(world.context, row)
    assert send(world) == NoticesSent(sent=2)  # also in quiet hours: somebody waits for it
    assert receiver.received[0][2]["type"] == "webhook.test"
    assert server.letters[0][2]["Subject"] == "Lifecert: test notice"


def test_a_payload_that_makes_no_sense_stops_nobody_else(world: World, receiver: Receiver) -> None:
    made_webhook(world, receiver)
    open_alert(world)
    tell_subscribers(world.context)
    with world.context.database.session_scope() as session:
        good = session.scalars(select(OutboxMessage)).one()
        broken = {"subscription": good.payload["subscription"], "cadence": "at_once"}
        session.add(OutboxMessage(kind="notice.webhook", payload=broken, created_at=world.clock(), not_before=world.clock(), attempts=0))
    assert send(world) == NoticesSent(sent=1, refused=1)


@pytest.mark.parametrize(
    "url",
    ["http://mail.example:25", "smtps://", "smtps://mail.example:99999", "smtps://user@mail.example", "smtps://mail.example/inbox"],
)
def test_a_wrong_mail_server_is_named_at_the_start_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="LIFECERT_SMTP_URL"):
        load_settings(smtp_url=url, mail_from="lifecert@example.invalid")


def test_the_password_of_the_mail_server_is_not_shown() -> None:
    settings = Settings(smtp_url="smtps://user:hush@mail.example", mail_from="lifecert@example.invalid")
    assert "hush" not in repr(settings)
    assert "hush" not in repr(parse_server(settings.smtp_url))
    with pytest.raises(SettingsError) as caught:
        load_settings(smtp_url="smtps://user:hush@mail.example/x", mail_from="lifecert@example.invalid")
    assert "hush" not in str(caught.value)


def test_server_and_sender_go_together() -> None:
    with pytest.raises(SettingsError, match="go together"):
        load_settings(smtp_url="smtps://mail.example")
