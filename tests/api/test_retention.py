"""Deletion when due: every period is in the report, nothing goes while the clock is in doubt, and the face counter tells of the filing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from api.retention import Doubt, RetentionRefusedError, note_housekeeping, run
from api.retention_periods import periods
from models.outbox import OutboxMessage
from models.privacy import RetentionRun
from models.repositories import face_counter, outbox, persons, retention_runs
from tests.api.conftest import World
from tests.api.test_privacy import fill


def sent_message(world: World) -> None:
    with world.context.database.session_scope() as session:
        person = persons.get(session, world.at_home)
        outbox.put(session, kind="person.certified", now=world.clock(), person_id=person.id)
        session.flush()
        session.query(OutboxMessage).update({"sent_at": world.clock()})


def messages(world: World) -> int:
    with world.context.database.read_scope() as session:
        return session.scalar(select(func.count()).select_from(OutboxMessage)) or 0


def test_a_run_deletes_what_is_due_and_says_what_went_and_what_stays(both_worlds: World) -> None:
    world = both_worlds
    sent_message(world)
    world.clock.advance(days=5)
    sent_message(world)
    with world.context.database.session_scope() as session:
        first = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).first()
        assert first is not None
        first.sent_at = world.clock() - timedelta(days=40)
    dry = run(world.context, by="cli:test", dry=True)
    assert {line.period: line.due for line in dry.lines if line.due} == {"messages_deleted": 1}
    assert messages(world) == 2
    done = run(world.context, by="cli:test")
    assert {line.period: line.deleted for line in done.lines if line.deleted} == {"messages_deleted": 1}
    line = next(line for line in done.lines if line.period == "messages_deleted")
    assert line.oldest == world.clock().isoformat()
    assert run(world.context, by="cli:test").deleted == 0
    with world.context.database.read_scope() as session:
        rows = retention_runs.listing(session)
    assert [row.deleted for row in rows] == [0, 1]
    assert len(rows[1].lines) == len(periods(world.context, world.clock()))


def test_every_period_of_the_policy_is_carried_out(world: World) -> None:
    """Settings that end in days or hours kept, which nobody would think of here otherwise."""
    known = " ".join(period.setting for period in periods(world.context, world.clock()))
    policy = world.context.policy
    sections = {"retention": policy.retention, "integration": policy.integration, "identity_check": policy.identity_check}
    sections |= {"status_page": policy.status_page, "privacy": policy.privacy, "oversight": policy.oversight}
    for section, values in sections.items():
        for name in type(values).model_fields:
            kept = name.endswith(("days_kept", "_hours")) and name != "refresh_hours"
            if kept or (section == "retention" and name.endswith("_days")):
                assert f"{section}.{name}" in known, f"{section}.{name}: nothing deletes by it"


def test_nothing_is_deleted_when_the_clock_jumped(world: World) -> None:
    sent_message(world)
    run(world.context, by="job:retention")
    world.clock.advance(days=400)
    with pytest.raises(RetentionRefusedError) as refused:
        run(world.context, by="job:retention")
    assert refused.value.doubt is Doubt.GAP
    assert "--today" in str(refused.value)
    assert messages(world) == 1
    with pytest.raises(RetentionRefusedError):
        run(world.context, by="cli:test", confirmed_day=date(2026, 3, 15))  # what a calendar says, not what the clock says
    assert messages(world) == 1
    today = world.context.policy.certification.today(world.clock())
    assert run(world.context, by="cli:test", confirmed_day=today).deleted == 1
    world.clock.advance(days=-2)
    with pytest.raises(RetentionRefusedError) as back:
        run(world.context, by="job:retention")
    assert back.value.doubt in {Doubt.BACKWARD, Doubt.CLOCK}
    with world.context.database.read_scope() as session:
        refusals = [row.refused for row in retention_runs.listing(session) if row.refused]
    assert len(refusals) == 3


def test_what_housekeeping_deletes_is_added_up_by_day(world: World) -> None:
    note_housekeeping(world.context, {"sessions_expired": 3, "frames_emptied": 2, "messages_deleted": 0})
    note_housekeeping(world.context, {"frames_emptied": 5, "messages_deleted": 1})
    world.clock.advance(days=1)
    note_housekeeping(world.context, {"sessions_expired": 3})
    note_housekeeping(world.context, {"frames_emptied": 1})
    with world.context.database.read_scope() as session:
        rows = session.scalars(select(RetentionRun).order_by(RetentionRun.id)).all()
        assert [row.deleted for row in rows] == [8, 1]
        assert rows[0].lines == [{"period": "frames_emptied", "deleted": 7}, {"period": "messages_deleted", "deleted": 1}]


def test_the_face_counter_tells_since_when_and_until_when_to_file(both_worlds: World) -> None:
    world = both_worlds
    few = world.context.policy.privacy.model_copy(update={"filing_people": 1})
    fill(world)
    with world.context.database.read_scope() as session:
        many = face_counter.count(session, world.context.policy.privacy)
        counted = face_counter.count(session, few)
    assert (many.people, many.since, many.due_on) == (1, None, None)
    assert (counted.people, counted.since, counted.due_on) == (1, date(2026, 3, 15), date(2026, 4, 22))  # 28 weekdays on
    small = replace(world.context, policy=world.context.policy.model_copy(update={"privacy": few}))
    run(small, by="job:retention")
    with world.context.database.read_scope() as session:
        last = retention_runs.last_whole(session)
    assert last is not None
    assert (last.people_with_faces, last.filing_since) == (1, date(2026, 3, 15))
    world.context.verification.references.withdraw_consent(world.at_home, actor="person")
    with world.context.database.read_scope() as session:
        assert face_counter.count(session, few).people == 0
