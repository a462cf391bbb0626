"""Webhooks against a real receiver: every change arrives, signed; what fails is tried again and given up in the end."""

from __future__ import annotations

import ipaddress
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from api import announcer
from api.settings import Environment, Settings
from api.webhook_delivery import Answer, Poster, Round, Sender
from api.webhook_targets import TargetError, Targets
from models.certification_state import CertificationState
from models.client import Client
from models.database import Database
from models.errors import ConflictError
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from models.policy_store import IntegrationPolicy
from models.region import Region, RegionLevel
from models.repositories import changes_feed, clients, webhook_deliveries, webhooks
from models.repositories.webhooks import Target
from models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint
from tests.api.receiver import Receiver, running_receiver
from tests.api.test_announcer import certify, pensioner
from tests.conftest import ROOT, FixedClock
from tests.models.people import REGION
from tests.models.test_certification import POLICY, TODAY
from tests.models.workers import outcomes_of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def integration(records_policy: RecordsPolicy) -> IntegrationPolicy:
    return records_policy.integration.model_copy(update={"webhook_timeout_s": 2.0})


def make_sender(database: Database, keyring: FileKeyRing, policy: IntegrationPolicy, clock: FixedClock) -> Sender:
    settings = Settings(environment=Environment.TEST)
    return Sender(database, keyring, policy, Targets(settings), clock, rng=random.Random(1))


@pytest.fixture
def sender(database: Database, keyring: FileKeyRing, integration: IntegrationPolicy, clock: FixedClock) -> Iterator[Sender]:
    made = make_sender(database, keyring, integration, clock)
    yield made
    made.close()


def prepare(database: Database, keyring: FileKeyRing, clock: FixedClock, people: int) -> list[int]:
    with database.session_scope() as session:
        return [pensioner(session, keyring, 100 + number, date(2025, 10, 1)) for number in range(people)]


def connect(
    database: Database,
    keyring: FileKeyRing,
    clock: FixedClock,
    url: str,
    *,
    region: str = REGION,
    states: Collection[CertificationState] = (),
) -> WebhookEndpoint:
    with database.session_scope() as session:
        made = clients.add(
            session,
            name="市人社局",
            scopes=["webhooks:manage"],
            region_code=region,
            rate_per_minute=100,
            certificate_sha256=None,
            with_secret=True,
            keyring=keyring,
            actor="test",
            now=clock(),
        )
        client_pk = session.scalar(select(Client.id).where(Client.client_id == made.client_id))
        assert client_pk is not None
        row, secret = webhooks.add(session, client_pk=client_pk, url=url, states=states or None, most=10, keyring=keyring, now=clock())
        assert webhooks.target(row, keyring).secret == secret
        return row


def secret_of(database: Database, keyring: FileKeyRing, endpoint: WebhookEndpoint) -> str:
    return webhooks.target(endpoint, keyring).secret


def states_of(database: Database) -> dict[DeliveryState, int]:
    with database.read_scope() as session:
        return dict(session.execute(select(WebhookDelivery.state, func.count()).group_by(WebhookDelivery.state)).all())


def test_every_change_arrives_signed_and_in_order(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender
) -> None:
    people = prepare(database, keyring, clock, 120)
    announcer.announce(database, POLICY, clock)
    endpoint = connect(database, keyring, clock, receiver.url())
    receiver.secrets["/hook"] = secret_of(database, keyring, endpoint)
    assert sender.run_once() == Round(), "what was told before the webhook was made does not come"
    with database.session_scope() as session:
        for person_id in people:
            certify(session, person_id, TODAY)
    announcer.announce(database, POLICY, clock)
    assert sender.run_once() == Round(fanned_out=120, delivered=120)
    assert sender.run_once() == Round()
    assert (len(receiver.received), len(set(receiver.ids())), receiver.refused) == (120, 120, 0)
    tokens = [body["data"]["change"] for _, _, body in receiver.received]
    assert tokens == sorted(tokens)
    with database.read_scope() as session:
        page = changes_feed.page(session, region=REGION, after_id=0, limit=1000)
    assert tokens == [change.change for change in page.changes if change.before is not None]
    body = receiver.received[0][2]
    assert body["type"] == "certification.status_changed"
    assert set(body["data"]) == {"change", "person_id", "region_code", "on", "before", "state", "last_certified_on", "due_on"}
    assert receiver.connections < 10, "connections are used again"


def test_a_webhook_gets_its_region_and_its_states_only(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender
) -> None:
    prepare(database, keyring, clock, 3)
    connect(database, keyring, clock, receiver.url("/all"))
    connect(database, keyring, clock, receiver.url("/overdue"), states=[CertificationState.OVERDUE])
    with database.session_scope() as session:
        session.add(Region(code="110000", name="别处", level=RegionLevel.PROVINCE, parent_code=None))
    connect(database, keyring, clock, receiver.url("/elsewhere"), region="110000")
    announcer.announce(database, POLICY, clock)
    sender.run_once()
    clock.advance(days=400)
    announcer.announce(database, POLICY, clock)
    sender.run_once()
    arrived = sorted((path, body["data"]["state"]) for path, _, body in receiver.received)
    assert arrived == [("/all", "certified")] * 3 + [("/all", "overdue")] * 3 + [("/overdue", "overdue")] * 3


def test_a_message_that_fails_is_tried_by_the_schedule_with_the_same_id_and_then_given_up(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender, integration: IntegrationPolicy
) -> None:
    receiver.answer = lambda _path, _number: (500, {})
    prepare(database, keyring, clock, 1)
    endpoint = connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)
    assert sender.run_once() == Round(fanned_out=1, failed=1)
    for number, wait_s in enumerate(integration.webhook_retry_s, start=1):
        clock.advance(seconds=wait_s - 1)
        assert sender.run_once() == Round(), "not before its time"
        clock.advance(seconds=1 + 0.2 * wait_s)
        last = number == len(integration.webhook_retry_s)
        assert sender.run_once() == (Round(dead=1) if last else Round(failed=1))
    assert len(receiver.received) == 1 + len(integration.webhook_retry_s)
    assert len(set(receiver.ids())) == 1
    clock.advance(days=30)
    assert sender.run_once() == Round()
    receiver.answer = lambda _path, _number: (200, {})
    with database.session_scope() as session:
        (listed,) = webhook_deliveries.listing(session, endpoint.id, state=DeliveryState.DEAD)
        assert (listed.last_status, listed.last_error) == (500, "answered 500")
        assert webhook_deliveries.revive(session, endpoint.id, now=clock()) == 1
    assert sender.run_once() == Round(delivered=1)
    assert len(set(receiver.ids())) == 1


def test_an_address_that_does_not_answer_is_tried_once_for_all_its_messages(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender, integration: IntegrationPolicy
) -> None:
    people = prepare(database, keyring, clock, 60)
    connect(database, keyring, clock, receiver.url("/good"))
    connect(database, keyring, clock, "http://127.0.0.1:9/refuses")
    announcer.announce(database, POLICY, clock)
    assert sender.run_once() == Round(fanned_out=120, delivered=60, failed=1)
    with database.read_scope() as session:
        tried = session.scalars(select(WebhookDelivery.attempts).where(WebhookDelivery.state == DeliveryState.PENDING)).all()
    assert (len(tried), sum(tried)) == (60, 1)
    clock.advance(seconds=sum(integration.webhook_retry_s) * 1.3)
    assert sender.run_once() == Round(failed=1, dead=60), "what has waited longer than all the waits together is given up"
    assert len(people) == 60


def test_retry_after_is_respected(database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender) -> None:
    receiver.answer = lambda _path, number: (429, {"Retry-After": "3600"}) if number == 1 else (200, {})
    prepare(database, keyring, clock, 2)
    connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)
    assert sender.run_once() == Round(fanned_out=2, failed=1)
    clock.advance(seconds=3599)
    assert sender.run_once() == Round()
    clock.advance(seconds=3600)
    assert sender.run_once() == Round(delivered=2)


def test_gone_disables_the_address_and_a_retry_puts_it_back(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender
) -> None:
    receiver.answer = lambda _path, _number: (410, {})
    people = prepare(database, keyring, clock, 3)
    endpoint = connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)
    sender.run_once()
    assert states_of(database) == {DeliveryState.DEAD: 3}
    assert len(receiver.received) == 1
    receiver.answer = lambda _path, _number: (200, {})
    with database.session_scope() as session:
        certify(session, people[0], TODAY)
    announcer.announce(database, POLICY, clock)
    assert sender.run_once() == Round()
    with database.session_scope() as session:
        assert webhook_deliveries.revive(session, endpoint.id, now=clock()) == 3
    assert sender.run_once() == Round(fanned_out=1, delivered=4), "nothing was lost meanwhile"


def test_redirects_are_not_followed(receiver: Receiver, clock: FixedClock) -> None:
    receiver.answer = lambda _path, _number: (307, {"Location": receiver.url("/other")})
    poster = Poster(Targets(Settings(environment=Environment.TEST)), timeout_s=2.0)
    answer = poster.post(Target(1, "x", receiver.url(), "whsec_" + "A" * 44), "msg_1", {}, now=clock())
    poster.close()
    assert answer == Answer(307, "answered 307: redirects are not followed")
    assert [path for path, _, _ in receiver.received] == ["/hook"]


def test_a_receiver_that_is_slow_is_given_up_in_time(receiver: Receiver, clock: FixedClock) -> None:
    receiver.delay_s = 3.0
    poster = Poster(Targets(Settings(environment=Environment.TEST)), timeout_s=0.3)
    started = time.monotonic()
    answer = poster.post(Target(1, "x", receiver.url(), "whsec_" + "A" * 44), "msg_1", {}, now=clock())
    poster.close()
    assert answer == Answer(None, "no answer within 0.3 s", trouble=True)
    assert time.monotonic() - started < 2


def test_receivers_can_check_messages_with_the_library_of_the_standard() -> None:
    now = datetime.now(UTC)
    secret = "whsec_" + "B" * 44
    with running_receiver() as receiver:
        receiver.secrets["/hook"] = secret
        poster = Poster(Targets(Settings(environment=Environment.TEST)), timeout_s=2.0)
        assert poster.post(Target(1, "x", receiver.url(), secret), "msg_1", {"a": "认证"}, now=now).delivered
        assert poster.post(Target(1, "x", receiver.url(), "whsec_" + "C" * 44), "msg_2", {"a": 1}, now=now).status == 401
        poster.close()
        headers, data = receiver.raw[0]
    assert Webhook(secret).verify(data, headers) == {"a": "认证"}


def test_several_senders_send_each_message_once(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, integration: IntegrationPolicy
) -> None:
    prepare(database, keyring, clock, 80)
    connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)

    def work(_number: int) -> int:
        one = make_sender(database, keyring, integration, clock)
        try:
            return one.run_once().delivered
        finally:
            one.close()

    outcomes_of(3, work)
    work(0)
    assert (len(receiver.received), len(set(receiver.ids()))) == (80, 80)


def test_a_full_window_holds_changes_back_and_loses_none(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_deliveries, "WINDOW", 7)
    prepare(database, keyring, clock, 20)
    connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)
    rounds = [sender.run_once() for _ in range(4)]
    assert [done.delivered for done in rounds] == [7, 7, 6, 0]


def test_a_client_has_so_many_webhooks_and_not_more(database: Database, keyring: FileKeyRing, clock: FixedClock) -> None:
    prepare(database, keyring, clock, 1)
    endpoint = connect(database, keyring, clock, "https://example.org/hook")

    def work(_number: int) -> str:
        with database.session_scope() as session:
            webhooks.add(
                session, client_pk=endpoint.client_pk, url="https://example.org/x", states=None, most=3, keyring=keyring, now=clock()
            )
        return "made"

    assert sorted(outcomes_of(4, work)) == ["made", "made", "webhooks_used_up", "webhooks_used_up"]
    with pytest.raises(ConflictError, match="may have 3"):
        work(0)


def test_old_messages_are_deleted(database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender) -> None:
    prepare(database, keyring, clock, 5)
    connect(database, keyring, clock, receiver.url())
    announcer.announce(database, POLICY, clock)
    sender.run_once()
    with database.session_scope() as session:
        assert webhook_deliveries.purge(session, before=clock()) == 0
        assert webhook_deliveries.purge(session, before=clock() + timedelta(seconds=1)) == 5


def strict(**options: str) -> Targets:
    return Targets(Settings(environment=Environment.PRODUCTION, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.org/hook", "url_https"),
        ("https://user:pass@example.org/", "url_credentials"),
        ("https://user@example.org/", "url_credentials"),
        ("https://example.org/#part", "url_fragment"),
        ("https:///path", "url_malformed"),
        ("ftp://example.org/", "url_malformed"),
        ("https://example.org:99999/", "url_malformed"),
        ("https://[::1/", "url_malformed"),
        ("https://例子.org/", "url_characters"),
        ("https://example.org/a b", "url_characters"),
        ("https://example.org/" + "a" * 500, "url_characters"),
        ("https://127.0.0.1/", "url_private"),
        ("https://10.1.2.3/", "url_private"),
        ("https://169.254.169.254/latest", "url_private"),
        ("https://0.0.0.0/", "url_private"),
        ("https://[::1]/", "url_private"),
        ("https://[::ffff:127.0.0.1]/", "url_private"),
        ("https://[64:ff9b::7f00:1]/", "url_private"),
        ("https://[2002:7f00:1::]/", "url_private"),
        ("https://[fe80::1]/", "url_private"),
        ("https://[fd00::1]/", "url_private"),
        ("https://100.64.0.1/", "url_private"),
        ("https://224.0.0.1/", "url_private"),
    ],
)
def test_addresses_that_webhooks_may_not_go_to(url: str, rule: str) -> None:
    with pytest.raises(TargetError) as refused:
        strict().check_url(url)
    assert refused.value.rule == rule


def test_addresses_that_webhooks_may_go_to() -> None:
    strict().check_url("https://hooks.example.org:8443/a?b=c")
    strict().check_url("https://1.1.1.1/")
    strict(webhook_private_targets="10.20.0.0/16, fd00::/8").check_url("https://10.20.3.4/")
    with pytest.raises(TargetError):
        strict(webhook_private_targets="10.20.0.0/16").check_address(ipaddress.ip_address("10.21.0.1"))
    Targets(Settings(environment=Environment.TEST)).check_url("http://127.0.0.1:1234/")


def test_a_public_name_that_leads_inside_is_refused_when_something_is_sent(clock: FixedClock) -> None:
    poster = Poster(strict(), timeout_s=2.0)
    answer = poster.post(Target(1, "x", "https://localhost/hook", "whsec_" + "A" * 44), "msg_1", {}, now=clock())
    poster.close()
    assert answer == Answer(None, "not allowed (url_private)", trouble=True)


def test_a_sender_that_is_killed_in_the_middle_of_a_round_loses_nothing(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, integration: IntegrationPolicy, tmp_path: Path
) -> None:
    people = prepare(database, keyring, clock, 90)
    endpoint = connect(database, keyring, clock, receiver.url())
    receiver.secrets["/hook"] = secret_of(database, keyring, endpoint)
    receiver.delay_s = 0.02
    announcer.announce(database, POLICY, clock)
    variables = {
        "LIFECERT_HOME": str(tmp_path / "home"),
        "LIFECERT_DATABASE_URL": database.url,
        "LIFECERT_KEY_FILE": str(tmp_path / "keys.json"),
        "LIFECERT_ENVIRONMENT": "test",
        "LIFECERT_ENGINE": "scripted",
    }
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "webhooks", "send"], env=os.environ | variables, cwd=ROOT)
    try:
        deadline = time.monotonic() + 240
        while len(receiver.received) < 30 and time.monotonic() < deadline:
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(0.2)
    before = len(receiver.received)
    assert 30 <= before < 90, "it was killed in the middle"
    after_the_claims = FixedClock(datetime.now(UTC) + timedelta(minutes=10))
    again = make_sender(database, keyring, integration, after_the_claims)
    again.run_once()
    again.close()
    effects = {message_id: body["data"] for _, message_id, body in receiver.received}  # what a receiver keeps that forgets repeats
    assert len(effects) == len(people)
    assert len({data["person_id"] for data in effects.values()}) == len(people)
    assert len(receiver.received) - len(people) <= 1, "only the message in hand comes twice"
    assert receiver.refused == 0
    assert states_of(database) == {DeliveryState.DELIVERED: len(people)}


def test_a_sender_that_is_told_to_stop_finishes_what_it_has_in_hand(
    database: Database, keyring: FileKeyRing, clock: FixedClock, receiver: Receiver, sender: Sender
) -> None:
    people = prepare(database, keyring, clock, 120)
    connect(database, keyring, clock, receiver.url())
    receiver.delay_s = 0.01
    announcer.announce(database, POLICY, clock)
    sender.start_round()
    while len(receiver.received) < 5:
        time.sleep(0.002)
    sender.close()
    assert states_of(database)[DeliveryState.DELIVERED] == len(receiver.received) < len(people)
    with database.read_scope() as session:
        waiting = session.scalars(select(WebhookDelivery).where(WebhookDelivery.state == DeliveryState.PENDING)).all()
    assert {(row.attempts, row.not_before) for row in waiting} == {(0, clock())}, "the rest can go at once"
