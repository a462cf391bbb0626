"""Assisted certification between two real installations over HTTP, one on SQLite and one on PostgreSQL, and inside one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update
from werkzeug.serving import BaseWSGIServer, make_server

from api.assistance import assistance_service, exchange_service
from api.context import Context
from api.peers import PeerCallError, PeerClient, relay
from models.alert import Alert
from models.assistance import AssistanceMethod, AssistanceReason, AssistanceRequest, AssistanceState, Peer
from models.audit import AuditEntry
from models.certificate import Certificate
from models.errors import Conflict, ConflictError, NotFoundError
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.outbox import OutboxMessage
from models.person import Person
from models.repositories import clients, life_evidence, peers
from models.repositories.life_evidence import NewEvidence
from models.types import opaque_id
from tests.api.conftest import HOME_REGION, NAME, OTHER_REGION, RESIDENT_ID, World, make_world
from tests.conftest import FixedClock, _postgres_database
from verify.assistance import Action, Side
from verify.assistance_effects import Effect
from verify.assistance_views import Answer, AssistanceInvalid, Document, Field, OpenedPerson, Outgoing, Received

TODAY = date(2026, 3, 15)
SEEN = Answer(method=AssistanceMethod.COUNTER, occurred_on=TODAY)
CONTACT = "13800000000"
HOME, OTHER = "1901", "2901"


def ask(world: World, *, region: str = OTHER_REGION, actor: str = "staff:asker") -> str:
    service = assistance_service(world.context)
    return service.ask(world.at_home, performing_region=region, reason="lives with\r\nher daughter", contact=CONTACT, actor=actor)


def act(
    context: Context, request_id: str, action: Action, answer: Answer | None = None, *, region: str, actor: str = "staff:there"
) -> Effect:
    with context.database.read_scope() as session:
        version = session.scalars(select(AssistanceRequest.version).where(AssistanceRequest.public_id == request_id)).one()
    return assistance_service(context).act(request_id, action, answer or Answer(), version=version, region=region, actor=actor)


def row(context: Context, request_id: str | None = None) -> AssistanceRequest:
    with context.database.read_scope() as session:
        query = select(AssistanceRequest)
        found = session.scalars(query if request_id is None else query.where(AssistanceRequest.public_id == request_id)).one()
        session.expunge(found)
        return found


def assisted(context: Context) -> list[LifeEvidence]:
    with context.database.read_scope() as session:
        return list(session.scalars(select(LifeEvidence).where(LifeEvidence.kind == EvidenceKind.ASSISTED)))


def alert_codes(context: Context) -> list[str]:
    with context.database.read_scope() as session:
        return list(session.scalars(select(Alert.code).order_by(Alert.id)))


def messages(context: Context, kind: str) -> list[OutboxMessage]:
    with context.database.read_scope() as session:
        return list(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == kind).order_by(OutboxMessage.id)))


# inside one installation -------------------------------------------------------------------------------------------------------


def test_one_region_asks_another_sees_the_person_and_the_ledger_has_it(both_worlds: World) -> None:
    context = both_worlds.context
    request_id = ask(both_worlds)
    service = assistance_service(context)
    assert [line.public_id for line in service.queue(Side.ASKING, HOME, list(AssistanceState))] == [request_id]
    assert [line.public_id for line in service.queue(Side.PERFORMING, OTHER, list(AssistanceState))] == [request_id]
    assert service.queue(Side.PERFORMING, HOME, list(AssistanceState)) == []
    act(context, request_id, Action.ACCEPT, region=OTHER)
    assert act(context, request_id, Action.CARRY_OUT, SEEN, region=OTHER) is Effect.CERTIFIED
    [evidence] = assisted(context)
    assert (evidence.occurred_on, evidence.strength, evidence.reference) == (TODAY, Strength.CONCLUSIVE, request_id)
    assert evidence.details == {"method": "counter", "region": OTHER_REGION, "peer": False}
    with context.database.read_scope() as session:
        assert session.scalars(select(Certificate.evidence_id)).all() == [evidence.id]
        steps = session.scalars(select(AuditEntry.action).where(AuditEntry.object == request_id).order_by(AuditEntry.id)).all()
    assert steps == ["assistance.requested", "assistance.accepted", "assistance.carried_out"]
    [message] = messages(context, "person.assisted")
    assert message.payload == {"evidence": evidence.id, "due_on": "2027-03-15"}
    assert messages(context, "peer.assistance") == []


def test_of_two_who_act_at_once_one_wins(both_worlds: World) -> None:
    request_id = ask(both_worlds)
    service = assistance_service(both_worlds.context)
    service.act(request_id, Action.ACCEPT, Answer(), version=1, region=OTHER, actor="staff:a")
    with pytest.raises(ConflictError) as caught:
        service.act(request_id, Action.WITHDRAW, Answer(), version=1, region=HOME, actor="staff:b")
    assert caught.value.conflict is Conflict.ASSISTANCE_STATE
    assert row(both_worlds.context).state is AssistanceState.ACCEPTED


def test_a_person_is_asked_about_once_at_a_time(both_worlds: World) -> None:
    request_id = ask(both_worlds)
    with pytest.raises(ConflictError):
        ask(both_worlds)
    act(both_worlds.context, request_id, Action.WITHDRAW, region=HOME)
    assert ask(both_worlds) != request_id


def test_other_regions_and_the_wrong_side_change_nothing(world: World) -> None:
    request_id = ask(world)
    with pytest.raises(NotFoundError):
        act(world.context, request_id, Action.ACCEPT, region="3901")
    with pytest.raises(ConflictError):
        act(world.context, request_id, Action.ACCEPT, region=HOME)
    with pytest.raises(ConflictError):
        act(world.context, request_id, Action.WITHDRAW, region=OTHER)
    with pytest.raises(AssistanceInvalid):  # a province's account covers both sides, but the one who asked does not answer
        act(world.context, request_id, Action.ACCEPT, region="", actor="staff:asker")
    assert row(world.context).version == 1


WRONG_ANSWERS = [
    (Answer(), Field.METHOD),
    (Answer(method=AssistanceMethod.COUNTER), Field.OCCURRED_ON),
    (Answer(method=AssistanceMethod.COUNTER, occurred_on=date(2026, 3, 14)), Field.OCCURRED_ON),
    (Answer(method=AssistanceMethod.COUNTER, occurred_on=date(2026, 3, 16)), Field.OCCURRED_ON),
    (Answer(method=AssistanceMethod.COUNTER, occurred_on=TODAY, second_staff="caseworker"), Field.SECOND_STAFF),
    (Answer(method=AssistanceMethod.HOME_VISIT, occurred_on=TODAY), Field.SECOND_STAFF),
    (Answer(method=AssistanceMethod.HOME_VISIT, occurred_on=TODAY, second_staff="nobody"), Field.SECOND_STAFF),
    (Answer(method=AssistanceMethod.HOME_VISIT, occurred_on=TODAY, second_staff="auditor"), Field.SECOND_STAFF),
    (Answer(method=AssistanceMethod.HOME_VISIT, occurred_on=TODAY, second_staff="Counter"), Field.SECOND_STAFF),
    (Answer(method=AssistanceMethod.VIDEO_CALL, occurred_on=TODAY, note="x" * 501), Field.NOTE),
]


def test_what_carrying_out_needs(world: World) -> None:
    request_id = ask(world)
    act(world.context, request_id, Action.ACCEPT, region=OTHER)
    for answer, field in WRONG_ANSWERS:
        with pytest.raises(AssistanceInvalid) as caught:
            act(world.context, request_id, Action.CARRY_OUT, answer, region=OTHER, actor="staff:counter")
        assert caught.value.field is field, answer
    assert row(world.context).version == 2
    assert assisted(world.context) == []


def test_a_home_visit_names_both_members_of_staff(world: World) -> None:
    request_id = ask(world)
    act(world.context, request_id, Action.ACCEPT, region=OTHER)
    answer = Answer(method=AssistanceMethod.HOME_VISIT, occurred_on=TODAY, second_staff="CaseWorker")
    assert act(world.context, request_id, Action.CARRY_OUT, answer, region=OTHER, actor="staff:counter") is Effect.CERTIFIED
    assert row(world.context).second_staff == "staff:caseworker"


@pytest.mark.parametrize(
    ("steps", "why", "field"),
    [
        ([], AssistanceReason.MOVED_AWAY, Field.WHY),
        ([], AssistanceReason.OTHER, Field.NOTE),
        ([], None, Field.WHY),
        ([Action.ACCEPT], AssistanceReason.NO_CAPACITY, Field.WHY),
        ([Action.ACCEPT], AssistanceReason.DEADLINE, Field.WHY),
    ],
)
def test_a_no_has_a_reason_of_its_kind(world: World, steps: list[Action], why: AssistanceReason | None, field: Field) -> None:
    request_id = ask(world)
    for action in steps:
        act(world.context, request_id, action, region=OTHER)
    with pytest.raises(AssistanceInvalid) as caught:
        act(world.context, request_id, Action.RETURN if steps else Action.REFUSE, Answer(why=why), region=OTHER)
    assert caught.value.field is field


def test_who_is_said_to_have_died_keeps_the_status_and_gets_an_alert(world: World) -> None:
    request_id = ask(world)
    act(world.context, request_id, Action.ACCEPT, region=OTHER)
    act(world.context, request_id, Action.RETURN, Answer(why=AssistanceReason.DIED), region=OTHER)
    assert alert_codes(world.context) == ["assistance_says_died"]
    with world.context.database.read_scope() as session:
        assert session.scalars(select(LifeEvidence)).all() == []


def test_against_a_death_record_it_is_recorded_and_certifies_nobody(both_worlds: World) -> None:
    context = both_worlds.context
    request_id = ask(both_worlds)
    act(context, request_id, Action.ACCEPT, region=OTHER)
    with context.database.session_scope() as session:
        person = session.scalars(select(Person.id).where(Person.public_id == both_worlds.at_home)).one()
        death = NewEvidence(person, EvidenceKind.DEATH_RECORD, date(2026, 3, 1), Strength.CONCLUSIVE, "police")
        life_evidence.add(session, death, by="test", now=both_worlds.clock())
    assert act(context, request_id, Action.CARRY_OUT, SEEN, region=OTHER) is Effect.AGAINST_DEATH
    assert len(assisted(context)) == 1
    assert alert_codes(context) == ["P7"]
    assert messages(context, "person.assisted") == []
    with context.database.read_scope() as session:
        assert session.scalars(select(Certificate)).all() == []


def test_deadlines_are_told_once_then_the_request_comes_back(both_worlds: World) -> None:
    context, clock = both_worlds.context, both_worlds.clock
    request_id = ask(both_worlds)
    service = assistance_service(context)
    clock.advance(days=5)
    assert service.tend() == {"late": 0, "returned": 0, "forgotten": 0}
    clock.advance(days=1)
    assert service.tend()["late"] == 1
    assert service.tend() == {"late": 0, "returned": 0, "forgotten": 0}
    assert alert_codes(context) == ["assistance_late", "assistance_late"]
    assert service.counts(Side.PERFORMING, OTHER)[1] == 1
    clock.advance(days=5)
    assert service.tend()["returned"] == 1
    found = row(context, request_id)
    assert (found.state, found.version) == (AssistanceState.RETURNED, 2)
    with pytest.raises(ConflictError):
        service.act(request_id, Action.ACCEPT, Answer(), version=2, region=OTHER, actor="staff:late")
    assert found.resident_id_sealed is not None
    clock.advance(days=91)
    assert service.tend() == {"late": 0, "returned": 0, "forgotten": 1}
    emptied = row(context, request_id)
    assert (emptied.name_sealed, emptied.resident_id_sealed, emptied.contact_sealed) == (None, None, None)
    assert service.open_person(request_id, region=OTHER, actor="staff:there", details={}) is None


def test_the_person_is_opened_on_demand_with_an_entry(world: World) -> None:
    request_id = ask(world)
    opened = assistance_service(world.context).open_person(request_id, region=OTHER, actor="staff:there", details={"door": "test"})
    assert opened == OpenedPerson(NAME, RESIDENT_ID, CONTACT)
    assert NAME not in repr(opened)
    with world.context.database.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "assistance.person_opened")).all()
    assert [(entry.actor, entry.object) for entry in entries] == [("staff:there", request_id)]


# between two -------------------------------------------------------------------------------------------------------------------


class Served:
    """An installation behind a real HTTP server that can be stopped and started on its port."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.context = world.context
        self._server: BaseWSGIServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self.world.app, threaded=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class Two:
    """asking serves 19..., performing serves 29..., each the other's peer."""

    asking: Served
    performing: Served
    clock: FixedClock

    def relay(self) -> None:
        relay(self.asking.context)
        relay(self.performing.context)


def make_client(world: World) -> clients.NewClient:
    with world.context.database.session_scope() as session:
        return clients.add(
            session,
            name="the other installation",
            scopes=["assistance:relay"],
            region_code=HOME_REGION,
            rate_per_minute=100_000,
            certificate_sha256=None,
            with_secret=True,
            keyring=world.context.keyring,
            actor="test",
            now=world.clock(),
        )


def make_peer(
    world: World, *, name: str, url: str, regions: list[str], client_id: str, ours: clients.NewClient, secret: str | None = None
) -> None:
    with world.context.database.session_scope() as session:
        public_id = opaque_id()
        sealed = peers.seal_secret(world.context.keyring, public_id, secret or ours.secret or "")
        session.add(
            Peer(
                public_id=public_id,
                name=name,
                base_url=url,
                regions=regions,
                client_id=client_id,
                our_client_id=ours.client_id,
                our_secret_sealed=sealed,
                created_at=world.clock(),
            )
        )


@pytest.fixture
def two(sqlite_template: Path, postgres_server: str, tmp_path: Path, clock: FixedClock) -> Iterator[Two]:
    path = tmp_path / "asking.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    with _postgres_database(postgres_server, "lifecert_template") as url:
        asking = Served(make_world(f"sqlite:///{path}", tmp_path / "asking", clock))
        performing = Served(make_world(url, tmp_path / "performing", clock))
        at_asking, at_performing = make_client(asking.world), make_client(performing.world)
        make_peer(asking.world, name="B", url=performing.url, regions=["29"], client_id=at_asking.client_id, ours=at_performing)
        make_peer(performing.world, name="A", url=asking.url, regions=["19"], client_id=at_performing.client_id, ours=at_asking)
        yield Two(asking, performing, clock)
        for served in (asking, performing):
            served.stop()
            served.context.database.dispose()


def theirs(two: Two) -> str:
    return row(two.performing.context).public_id


def test_the_whole_way_between_two_installations(two: Two) -> None:
    asking, performing = two.asking.context, two.performing.context
    request_id = ask(two.asking.world)
    with pytest.raises(NotFoundError):  # it is the other installation's to carry out
        act(asking, request_id, Action.ACCEPT, region=OTHER)
    assert relay(asking) == {"sent": 1, "nothing": 0, "rejected": 0, "failed": 0}
    copy = row(performing)
    assert (copy.remote_id, copy.state, copy.reason, copy.person_id) == (
        request_id,
        AssistanceState.REQUESTED,
        "lives with her daughter",
        None,
    )
    assert copy.resident_id_masked == "19************0019"
    assert assistance_service(performing).open_person(theirs(two), region=OTHER, actor="staff:there", details={}) == OpenedPerson(
        NAME, RESIDENT_ID, CONTACT
    )
    assert row(asking).remote_id == theirs(two)
    act(performing, theirs(two), Action.ACCEPT, region=OTHER)
    relay(performing)
    assert row(asking).state is AssistanceState.ACCEPTED
    two.clock.advance(days=2)
    answer = Answer(method=AssistanceMethod.VIDEO_CALL, occurred_on=date(2026, 3, 16), note="well and cheerful")
    assert act(performing, theirs(two), Action.CARRY_OUT, answer, region=OTHER) is Effect.NOTHING
    assert assisted(performing) == []
    two.relay()
    [evidence] = assisted(asking)
    assert (evidence.occurred_on, evidence.recorded_by) == (date(2026, 3, 16), "peer:B")
    assert evidence.details == {"method": "video_call", "region": OTHER_REGION, "peer": True}
    assert len(messages(asking, "person.assisted")) == 1
    view = assistance_service(asking).view(request_id, region=HOME, actor="staff:asker")
    assert [(step.version, step.state.value) for step in view.steps] == [(1, "requested"), (2, "accepted"), (3, "carried_out")]
    assert view.steps[-1].note == "well and cheerful"
    assert view.certified


@pytest.mark.parametrize(
    ("before", "action", "answer", "state"),
    [
        ([], Action.REFUSE, Answer(why=AssistanceReason.NOT_HERE), AssistanceState.REFUSED),
        ([Action.ACCEPT], Action.RETURN, Answer(why=AssistanceReason.DIED, note="neighbours say so"), AssistanceState.RETURNED),
    ],
)
def test_a_no_comes_back(two: Two, before: list[Action], action: Action, answer: Answer, state: AssistanceState) -> None:
    ask(two.asking.world)
    two.relay()
    for step in before:
        act(two.performing.context, theirs(two), step, region=OTHER)
    act(two.performing.context, theirs(two), action, answer, region=OTHER)
    two.relay()
    assert row(two.asking.context).state is state
    assert alert_codes(two.asking.context) == (["assistance_says_died"] if answer.why is AssistanceReason.DIED else [])


def test_a_withdrawal_that_crosses_the_visit_gives_way_to_the_fact(two: Two) -> None:
    request_id = ask(two.asking.world)
    two.relay()
    act(two.performing.context, theirs(two), Action.ACCEPT, region=OTHER)
    two.relay()
    act(two.performing.context, theirs(two), Action.CARRY_OUT, SEEN, region=OTHER)
    act(two.asking.context, request_id, Action.WITHDRAW, region=HOME)
    two.relay()
    two.relay()
    assert row(two.asking.context).state is row(two.performing.context).state is AssistanceState.CARRIED_OUT
    assert len(assisted(two.asking.context)) == 1
    assert [m.sent_at is not None for m in messages(two.asking.context, "peer.assistance")] == [True, True]


def test_a_visit_after_the_withdrawal_is_for_people_to_sort_out(two: Two) -> None:
    request_id = ask(two.asking.world)
    two.relay()
    act(two.performing.context, theirs(two), Action.ACCEPT, region=OTHER)
    two.relay()
    act(two.asking.context, request_id, Action.WITHDRAW, region=HOME)
    two.clock.advance(days=1)
    act(
        two.performing.context,
        theirs(two),
        Action.CARRY_OUT,
        Answer(method=AssistanceMethod.COUNTER, occurred_on=date(2026, 3, 16)),
        region=OTHER,
    )
    two.relay()
    assert row(two.asking.context).state is AssistanceState.WITHDRAWN
    assert assisted(two.asking.context) == []
    assert alert_codes(two.asking.context) == alert_codes(two.performing.context) == ["assistance_conflict"]


def test_the_other_installation_is_down_and_comes_back(two: Two) -> None:
    context = two.asking.context
    two.performing.stop()
    ask(two.asking.world)
    assert relay(context)["failed"] == 1
    [message] = messages(context, "peer.assistance")
    assert message.last_error == "no answer (ConnectError)"
    assert relay(context) == {"sent": 0, "nothing": 0, "rejected": 0, "failed": 0}  # waits
    two.performing.start()
    two.clock.advance(seconds=61)
    assert relay(context)["sent"] == 1
    assert row(two.performing.context).state is AssistanceState.REQUESTED


def test_long_silence_is_told_to_people(two: Two) -> None:
    two.performing.stop()
    ask(two.asking.world)
    for _ in two.asking.context.policy.assistance.peer_retry_s:
        assert relay(two.asking.context)["failed"] == 1
        two.clock.advance(seconds=21_601)
    assert alert_codes(two.asking.context) == ["assistance_peer_silent"]


def test_withdrawn_before_the_other_ever_heard_of_it(two: Two) -> None:
    two.performing.stop()
    request_id = ask(two.asking.world)
    relay(two.asking.context)
    act(two.asking.context, request_id, Action.WITHDRAW, region=HOME)
    two.performing.start()
    two.clock.advance(hours=1)
    assert relay(two.asking.context) == {"sent": 0, "nothing": 2, "rejected": 0, "failed": 0}
    with two.performing.context.database.read_scope() as session:
        assert session.scalars(select(AssistanceRequest)).all() == []


def test_a_wrong_secret_sends_nothing_and_says_so(two: Two) -> None:
    context = two.asking.context
    with context.database.session_scope() as session:
        peer = peers.named(session, "B")
        session.execute(
            update(Peer).where(Peer.id == peer.id).values(our_secret_sealed=peers.seal_secret(context.keyring, peer.public_id, "wrong"))
        )
    ask(two.asking.world)
    assert relay(context)["failed"] == 1
    [message] = messages(context, "peer.assistance")
    assert message.last_error is not None
    assert message.last_error.startswith("gave no token: 40")
    assert "invalid_client" in message.last_error
    assert message.sent_at is None


def test_a_secret_that_does_not_open_keeps_nobody_else_waiting(two: Two) -> None:
    context = two.asking.context
    with context.database.session_scope() as session:
        sealed = peers.seal_secret(context.keyring, "of another row", "x")
        session.execute(update(Peer).values(our_secret_sealed=sealed))
    ask(two.asking.world)
    assert relay(context)["failed"] == 1
    [message] = messages(context, "peer.assistance")
    assert (message.last_error, message.sent_at) == ("sealed values do not open", None)


class DiesAfterSending(PeerClient):
    """The document arrives; the process that sent it does not live to note it."""

    def put(self, outgoing: Outgoing) -> Received:
        super().put(outgoing)
        raise KeyboardInterrupt


def test_a_relay_killed_between_sending_and_noting_repeats_and_nothing_is_there_twice(two: Two) -> None:
    ask(two.asking.world)
    two.relay()
    act(two.performing.context, theirs(two), Action.ACCEPT, region=OTHER)
    act(two.performing.context, theirs(two), Action.CARRY_OUT, SEEN, region=OTHER)
    with DiesAfterSending(5.0) as dying, pytest.raises(KeyboardInterrupt):
        relay(two.performing.context, dying)
    assert len(assisted(two.asking.context)) == 1
    two.clock.advance(hours=1)
    done = relay(two.performing.context)
    assert done["failed"] == 0
    assert len(assisted(two.asking.context)) == 1
    assert all(message.sent_at is not None for message in messages(two.performing.context, "peer.assistance"))
    with two.asking.context.database.read_scope() as session:
        assert len(session.scalars(select(Certificate)).all()) == 1


def test_a_gap_is_told_an_older_document_ignored_a_repeated_one_changes_nothing(two: Two) -> None:
    ask(two.asking.world)
    two.relay()
    act(two.performing.context, theirs(two), Action.ACCEPT, region=OTHER)
    service = exchange_service(two.performing.context)
    [accepted] = service.claim(retry_at=two.clock())
    older = service.outgoing(accepted)
    assert older is not None
    assert older.document.person is None
    act(two.performing.context, theirs(two), Action.CARRY_OUT, SEEN, region=OTHER)
    [_, carried] = service.claim(retry_at=two.clock())
    newer = service.outgoing(carried)
    assert newer is not None
    with PeerClient(5.0) as client:
        first = client.put(newer)
        assert (first.outcome.value, first.missed, first.version) == ("applied", (2,), 3)
        assert client.put(newer).outcome.value == "unchanged"
        late = client.put(older)
        assert (late.outcome.value, late.state) == ("older", AssistanceState.CARRIED_OUT)
    assert len(assisted(two.asking.context)) == 1


def document(**changes: object) -> Document:
    values: dict[str, object] = {
        "version": 2,
        "state": AssistanceState.CARRIED_OUT,
        "own_id": "x",
        "requesting_region": HOME_REGION,
        "performing_region": OTHER_REGION,
        "reason": "r",
        "requested_on": TODAY,
        "accept_by": TODAY,
        "carry_out_by": TODAY,
        "method": AssistanceMethod.COUNTER,
        "occurred_on": TODAY,
    }
    return Document(**{**values, **changes})  # type: ignore[arg-type]


def outgoing(two: Two, shared_id: str, told: Document) -> Outgoing:
    with two.performing.context.database.read_scope() as session:
        peer = peers.named(session, "A")
        secret = peers.open_secret(peer, two.performing.context.keyring)
        return Outgoing("A", two.asking.url, peer.our_client_id, secret, shared_id, told, False)


def test_nobody_reports_on_somebody_elses_request(two: Two) -> None:
    """Requests inside the asking installation, or shared with a third one, are not there for the client of the second."""
    with two.asking.context.database.session_scope() as session:
        session.execute(update(Peer).values(regions=["39"]))
    inside = ask(two.asking.world)
    with PeerClient(5.0) as client:
        for shared_id in (inside, "nothing"):
            with pytest.raises(PeerCallError) as caught:
                client.put(outgoing(two, shared_id, document()))
            assert caught.value.status == 404
    assert row(two.asking.context).version == 1
    assert assisted(two.asking.context) == []
    stranger = two.asking.world.client("assistance:relay")
    assert stranger.get("/api/v1/peer").get_json()["code"] == "peer_unknown"


def test_a_report_that_breaks_a_rule_changes_nothing(two: Two) -> None:
    request_id = ask(two.asking.world)
    two.relay()
    no = {"method": None, "occurred_on": None}
    wrong: list[dict[str, object]] = [
        {"method": None},
        {"occurred_on": None},
        {"occurred_on": date(2026, 3, 14)},
        {"occurred_on": date(2026, 3, 16)},
        {"state": AssistanceState.RETURNED, "why": AssistanceReason.DEADLINE, **no},
        {"state": AssistanceState.REFUSED, "why": None, **no},
    ]
    with PeerClient(5.0) as client:
        for changes in wrong:
            with pytest.raises(PeerCallError) as caught:
                client.put(outgoing(two, request_id, document(**changes)))
            assert caught.value.final, changes
    assert row(two.asking.context).version == 1
    assert assisted(two.asking.context) == []


def test_a_request_from_or_for_a_wrong_region_is_not_taken_in(two: Two) -> None:
    person = OpenedPerson(NAME, RESIDENT_ID, None)
    wrong: list[dict[str, object]] = [
        {"requesting_region": "390100", "performing_region": HOME_REGION},
        {"requesting_region": OTHER_REGION, "performing_region": "390100"},
        {"requesting_region": OTHER_REGION, "performing_region": HOME_REGION, "accept_by": date(2026, 3, 1)},
    ]
    with PeerClient(5.0) as client:
        for changes in wrong:
            told = document(state=AssistanceState.REQUESTED, version=1, method=None, occurred_on=None, person=person, **changes)
            with pytest.raises(PeerCallError) as caught:
                client.put(outgoing(two, "some-id", told))
            assert caught.value.final
    with two.asking.context.database.read_scope() as session:
        assert session.scalars(select(AssistanceRequest)).all() == []


def test_what_goes_out_and_what_is_kept_names_nobody(two: Two) -> None:
    ask(two.asking.world)
    two.relay()
    with two.asking.context.database.read_scope() as session:
        texts = [str(m.payload) for m in session.scalars(select(OutboxMessage))]
        texts += [str(entry.details) for entry in session.scalars(select(AuditEntry))]
    with two.performing.context.database.read_scope() as session:
        texts += [str(entry.details) for entry in session.scalars(select(AuditEntry))]
    assert texts
    assert not [text for text in texts if NAME in text or RESIDENT_ID in text or CONTACT in text]


def test_a_deadline_that_passes_closes_both_copies(two: Two) -> None:
    ask(two.asking.world)
    two.relay()
    two.clock.advance(days=11)
    assert assistance_service(two.performing.context).tend() == {"late": 1, "returned": 0, "forgotten": 0}
    assert assistance_service(two.asking.context).tend()["returned"] == 1
    two.relay()
    assert row(two.performing.context).state is AssistanceState.RETURNED
    assert httpx.get(two.asking.url + "/healthz").status_code == 200
