"""Subscribers are told of every alert that fits, once, when they want it, and of nothing about a person."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from api import notices as telling
from api.notice_times import is_quiet, next_digest, quiet_ends
from api.notices import settled_alert, tell_subscribers
from api.policy import load_policy
from api.rights import RoleName
from models.account import Account
from models.alert import Alert, AlertSeverity, AlertState
from models.outbox import OutboxMessage
from models.oversight import AlertSubscription, Cadence, Notice, NoticeChannel
from models.policy import CertificationPolicy
from models.repositories import subscriptions
from models.repositories.subscriptions import NewSubscription
from tests.api.conftest import HOME_REGION, OTHER_REGION, World
from tests.conftest import ROOT

OWNER = f"staff:{RoleName.CASEWORKER.value}"
POLICY = load_policy(ROOT / "policy.toml")


def subscribe(world: World, **options: object) -> str:
    values = {"owner": OWNER, "region_code": HOME_REGION, "channel": NoticeChannel.IN_APP, "cadence": Cadence.AT_ONCE, "language": "en"}
    with world.context.database.session_scope() as session:
        new = NewSubscription(**(values | options))  # type: ignore[arg-type]
        row, _secret = subscriptions.add(session, new, most=20, keyring=world.context.keyring, now=world.clock())
        return row.public_id


def open_alert(world: World, *, code: str = "P1", region: str = HOME_REGION, fen: int | None = 100_00, priority: float = 1.0) -> str:
    with world.context.database.session_scope() as session:
        alert = new_alert(world, code=code, region=region, fen=fen, priority=priority)
        session.add(alert)
        session.flush()
        return alert.public_id


_keys = iter(range(10**9))


def new_alert(world: World, *, code: str = "P1", region: str = HOME_REGION, fen: int | None = 100_00, priority: float = 1.0) -> Alert:
    return Alert(
        code=code,
        key=f"test:{next(_keys)}",
        severity=AlertSeverity.WARNING,
        state=AlertState.OPEN,
        region_code=region,
        amount_fen=fen,
        priority=priority,
        opened_by="test",
        opened_at=world.clock(),
    )


def close(world: World, public_id: str) -> None:
    values = {"state": AlertState.CLOSED, "closed_at": world.clock(), "closed_by": "test"}
    with world.context.database.session_scope() as session:
        session.execute(update(Alert).where(Alert.public_id == public_id).values(**values))


def notices_of(world: World) -> list[Notice]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(Notice).order_by(Notice.id)))


def messages_of(world: World) -> list[OutboxMessage]:
    with world.context.database.read_scope() as session:
        return list(session.scalars(select(OutboxMessage).where(OutboxMessage.kind.startswith("notice.")).order_by(OutboxMessage.id)))


def test_who_subscribes_is_told_of_what_opens_afterwards_once(both_worlds: World) -> None:
    world = both_worlds
    open_alert(world)
    subscribe(world)
    assert tell_subscribers(world.context) == telling.Told()
    first, second = open_alert(world, fen=100_00), open_alert(world, fen=None, priority=9.0)
    assert tell_subscribers(world.context) == telling.Told(notices=1, alerts=2)
    [notice] = notices_of(world)
    assert (notice.owner, notice.alerts, notice.count, notice.amount_fen) == (OWNER, [second, first], 2, 100_00)
    assert tell_subscribers(world.context) == telling.Told()


def test_kind_amount_and_region_choose_what_is_told(both_worlds: World) -> None:
    world = both_worlds
    subscribe(world, codes=("P1", "H1"), amount_fen_min=50_00)
    wanted = open_alert(world, code="H1", fen=50_00)
    for other in ({"code": "P2"}, {"fen": 49_99}, {"fen": None}, {"region": OTHER_REGION}):
        open_alert(world, **other)  # type: ignore[arg-type]
    tell_subscribers(world.context)
    assert [notice.alerts for notice in notices_of(world)] == [[wanted]]


def test_an_alert_that_was_closed_before_is_left_out(world: World) -> None:
    subscribe(world)
    close(world, open_alert(world))
    assert tell_subscribers(world.context) == telling.Told()
    assert notices_of(world) == []


def test_a_failure_half_way_leaves_everything_to_the_next_run(both_worlds: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = both_worlds
    subscribe(world)
    subscribe(world, channel=NoticeChannel.EMAIL)
    open_alert(world)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("killed between the two writes")

    with monkeypatch.context() as patch:
        patch.setattr(telling.outbox, "put", fail)
        with pytest.raises(RuntimeError):
            tell_subscribers(world.context)
    assert (len(notices_of(world)), messages_of(world)) == (1, [])
    assert tell_subscribers(world.context) == telling.Told(messages=1, alerts=1)
    assert (len(notices_of(world)), len(messages_of(world))) == (1, 1)


def test_workers_at_once_tell_each_alert_once(both_worlds: World) -> None:
    world = both_worlds
    for channel in (NoticeChannel.IN_APP, NoticeChannel.EMAIL):
        subscribe(world, channel=channel)
    told: list[telling.Told] = []
    ready = threading.Barrier(4)

    def work() -> None:
        ready.wait()
        for _ in range(5):
            told.append(tell_subscribers(world.context))

    def write() -> None:
        ready.wait()
        for _ in range(9):  # fewer than a notice names
            open_alert(world)

    threads = [threading.Thread(target=work) for _ in range(3)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.append(tell_subscribers(world.context))
    named = [alert for notice in notices_of(world) for alert in notice.alerts]
    written = [alert["alert_id"] for message in messages_of(world) for alert in message.payload["alerts"]]
    assert len(named) == len(set(named)) == 9
    assert sorted(written) == sorted(named)
    assert sum(each.alerts for each in told) == 18


def test_an_alert_that_commits_after_a_newer_one_is_not_passed_over(both_worlds: World) -> None:
    world = both_worlds
    if world.context.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: ids appear in their order")
    subscribe(world)
    with world.context.database.session_scope() as slow:
        older = new_alert(world)
        slow.add(older)
        slow.flush()
        newer = open_alert(world)
        assert settled_alert(world.context.database, wait_s=0.0) is None
        assert tell_subscribers(world.context, wait_s=0.0) == telling.Told()
    tell_subscribers(world.context)
    assert sorted(notices_of(world)[0].alerts) == sorted([older.public_id, newer])


def test_writers_that_came_later_are_not_waited_for(both_worlds: World) -> None:
    world = both_worlds
    if world.context.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: nobody is waited for")
    open_alert(world)
    first = world.context.database.sessions()
    first.add(new_alert(world))
    first.flush()
    later = []

    def go_on(_seconds: float) -> None:
        if not later:
            second = world.context.database.sessions()
            second.execute(text("LOCK TABLE alert IN ROW EXCLUSIVE MODE"))
            later.append(second)
            first.rollback()

    newest = settled_alert(world.context.database, wait_s=5.0, sleep=go_on)
    assert newest is not None
    for session in (*later, first):
        session.close()


def test_quiet_hours_hold_back_and_lose_nothing(world: World) -> None:
    # the clock of these tests stands at 10:00 in the policy's zone
    subscribe(world, quiet=(9 * 60, 11 * 60), channel=NoticeChannel.EMAIL)
    first = open_alert(world)
    assert tell_subscribers(world.context) == telling.Told()
    world.clock.advance(minutes=59)
    second = open_alert(world)
    assert tell_subscribers(world.context) == telling.Told()
    world.clock.advance(minutes=1)
    assert tell_subscribers(world.context) == telling.Told(messages=1, alerts=2)
    assert {alert["alert_id"] for alert in messages_of(world)[0].payload["alerts"]} == {first, second}


def test_a_digest_sums_up_at_its_hour_and_names_the_most_urgent(both_worlds: World) -> None:
    world = both_worlds
    certification, oversight = world.context.policy.certification, world.context.policy.oversight
    subscribe(world, cadence=Cadence.DAILY, next_at=next_digest(Cadence.DAILY, world.clock(), certification, oversight))
    opened = [open_alert(world, code="P1" if n % 3 else "H1", fen=100 * n, priority=float(n)) for n in range(14)]
    close(world, opened[13])
    assert tell_subscribers(world.context) == telling.Told()
    world.clock.now = datetime(2026, 3, 16, 0, 0, tzinfo=UTC)  # 8:00 in the policy's zone
    assert tell_subscribers(world.context) == telling.Told(notices=1, alerts=13)
    [notice] = notices_of(world)
    assert notice.alerts == opened[12:2:-1]
    assert (notice.count, notice.amount_fen) == (13, 100 * sum(range(13)))
    open_alert(world)
    world.clock.advance(hours=23, minutes=59)
    assert tell_subscribers(world.context) == telling.Told()
    world.clock.advance(minutes=1)
    assert tell_subscribers(world.context) == telling.Told(notices=1, alerts=1)
    world.clock.advance(days=1)
    assert tell_subscribers(world.context) == telling.Told()  # nothing happened: no empty digest
    with world.context.database.read_scope() as session:
        assert session.scalars(select(AlertSubscription.next_at)).one() == world.clock() + timedelta(days=1)


def test_a_webhook_gets_every_alert_by_name_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    notices_policy = world.context.policy.oversight.notices.model_copy(update={"at_a_time": 3})
    oversight = world.context.policy.oversight.model_copy(update={"notices": notices_policy})
    object.__setattr__(world.context, "policy", world.context.policy.model_copy(update={"oversight": oversight}))
    subscribe(world, channel=NoticeChannel.WEBHOOK, target="http://127.0.0.1:1/hook")
    opened = [open_alert(world) for _ in range(7)]
    assert tell_subscribers(world.context) == telling.Told(messages=3, alerts=7)
    parts = [[alert["alert_id"] for alert in message.payload["alerts"]] for message in messages_of(world)]
    assert parts == [opened[:3], opened[3:6], opened[6:]]


@pytest.mark.parametrize("change", [{"active": False}, {"region_code": OTHER_REGION}, {"region_code": None}])
def test_who_may_not_see_alerts_any_more_is_told_no_more(world: World, change: dict[str, object]) -> None:
    public_id = subscribe(world)
    with world.context.database.session_scope() as session:
        session.execute(update(Account).where(Account.username == RoleName.CASEWORKER.value).values(**change))
    open_alert(world)
    assert tell_subscribers(world.context) == telling.Told(ended=1)
    assert notices_of(world) == []
    with world.context.database.read_scope() as session:
        assert subscriptions.find(session, OWNER, public_id).end_reason == telling.NO_LONGER_ALLOWED


@pytest.fixture(scope="module")
def berlin() -> CertificationPolicy:
    """A zone whose clocks change; China's do not any more."""
    return POLICY.certification.model_copy(update={"time_zone": "Europe/Berlin"})


MOMENTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
MINUTES = st.integers(0, 24 * 60 - 1)


@given(moment=MOMENTS, start=MINUTES, end=MINUTES)
def test_quiet_hours_end_within_a_day_and_then_it_is_not_quiet(berlin: CertificationPolicy, moment: datetime, start: int, end: int) -> None:
    if start == end or not is_quiet((start, end), moment, berlin):
        return
    over = quiet_ends((start, end), moment, berlin)
    assert moment < over <= moment + timedelta(hours=25, minutes=1)
    assert not is_quiet((start, end), over, berlin)


@given(moment=MOMENTS, hour=st.integers(0, 23))
def test_a_daily_digest_comes_once_a_day_on_the_wall_also_when_clocks_change(
    berlin: CertificationPolicy, moment: datetime, hour: int
) -> None:
    oversight = POLICY.oversight.model_copy(update={"digest_hour": hour})
    first = next_digest(Cadence.DAILY, moment, berlin, oversight)
    assert first is not None
    assert moment < first
    second = next_digest(Cadence.DAILY, first, berlin, oversight)
    assert second is not None
    assert timedelta(hours=22) < second - first < timedelta(hours=26)
    assert (second.astimezone(ZoneInfo(berlin.time_zone)).date() - first.astimezone(ZoneInfo(berlin.time_zone)).date()).days == 1


def test_a_weekly_digest_comes_on_the_day_of_the_policy() -> None:
    monday = next_digest(Cadence.WEEKLY, datetime(2026, 3, 15, 2, 0, tzinfo=UTC), POLICY.certification, POLICY.oversight)
    assert monday == datetime(2026, 3, 16, 0, 0, tzinfo=UTC)
    assert next_digest(Cadence.WEEKLY, monday, POLICY.certification, POLICY.oversight) == monday + timedelta(days=7)
    assert next_digest(Cadence.AT_ONCE, monday, POLICY.certification, POLICY.oversight) is None


def test_the_job_of_the_calendar_tells(world: World, tmp_path: Path) -> None:
    from huey import SqliteHuey

    from api.jobs import add_jobs

    queue = SqliteHuey("test", filename=str(tmp_path / "jobs.sqlite3"), immediate=True)
    jobs = add_jobs(queue, world.context)
    subscribe(world)
    open_alert(world)
    done = jobs["tell_of_alerts"].call_local()
    assert (done["notices"], done["alerts"]) == (1, 1)
    with world.context.database.session_scope() as session:
        session.execute(update(Notice).values(read_at=world.clock()))
    assert jobs["housekeeping"].call_local()["notices_deleted"] == 0
    world.clock.advance(days=world.context.policy.oversight.notices_days, seconds=1)
    assert jobs["housekeeping"].call_local()["notices_deleted"] == 1
    assert notices_of(world) == []
