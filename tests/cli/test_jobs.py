"""The background jobs: each does its work, a second delivery does no harm, and the queue lives where the store is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from huey import PostgresHuey, SqliteHuey
from sqlalchemy import select

from api.context import Context, open_context
from api.jobs import add_jobs, make_queue
from api.policy import load_policy
from api.settings import EngineChoice, Environment, Settings
from models.consent import ConsentPurpose
from models.face import Calibration, ReferenceSource
from models.repositories import references
from models.verification import Verification, VerificationFrame, VerificationState
from sample_data.captures import Actor, draw, jpeg
from tests.conftest import ROOT, FixedClock
from tests.models.people import add_person
from verify.engines.scripted import Scene, scripted_embedding
from verify.template import seal_template
from verify.views import ChallengeKind, Channel


@pytest.fixture
def context(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Context]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, environment=Environment.TEST, engine=EngineChoice.SCRIPTED)
    made = open_context(settings, clock=clock)
    yield made
    made.database.dispose()


def few_references(context: Context) -> Context:
    """The same context, content with 30 references for a calibration."""
    matching = context.policy.verification.matching.model_copy(update={"references_min": 30})
    verification = context.policy.verification.model_copy(update={"matching": matching})
    return replace(context, policy=context.policy.model_copy(update={"verification": verification}))


def enrol(context: Context, numbers: range) -> None:
    with context.database.session_scope() as session:
        for number in numbers:
            person = add_person(session, context.keyring, sequence=100 + number)
            embedding = scripted_embedding(Scene(identity=number))
            sealed = seal_template(context.keyring, embedding, person.public_id, context.engine.name, context.engine.version)
            new = references.NewReference(
                person_id=person.id,
                engine_name=context.engine.name,
                engine_version=context.engine.version,
                template=sealed.sealed,
                source=ReferenceSource.IMPORT,
                quality={"overall": 80, "components": {}},
                image=None,
            )
            references.enrol(session, new, by="test", now=context.clock())


def test_the_queue_is_where_the_store_is_and_carries_jobs(context: Context) -> None:
    queue = make_queue(context)
    if context.settings.store_url.startswith("postgresql"):
        assert isinstance(queue, PostgresHuey)
    else:
        assert isinstance(queue, SqliteHuey)
        assert (context.settings.home / "jobs.sqlite3").is_file()
    jobs = add_jobs(queue, context)
    jobs["housekeeping"]()
    assert queue.pending_count() == 1
    again = make_queue(context)  # another process
    add_jobs(again, context)
    task = again.dequeue()
    assert task is not None
    again.execute(task)
    assert queue.pending_count() == 0
    for opened in (queue, again):
        opened.storage.close()


def test_housekeeping_expires_and_deletes_what_is_due_and_twice_does_no_harm(context: Context, clock: FixedClock) -> None:
    with context.database.session_scope() as session:
        person_id = add_person(session, context.keyring).public_id
    context.verification.references.give_consent(
        person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="counter"
    )
    context.verification.references.enrol(person_id, jpeg(draw(Scene(height=180))), source="counter", actor="clerk")
    started = context.verification.start(person_id, kind=ChallengeKind.STANDARD, channel=Channel.SELF)
    frame = Actor().follow("look_straight")
    context.verification.add_frame(
        started.verification_id, started.token, seq=0, captured_at_ms=0, step_token=started.guide.step_token, data=frame.data
    )
    jobs = add_jobs(make_queue(context), context)
    run = jobs["housekeeping"].call_local
    assert not any(run().values()), "nothing is due yet"
    clock.advance(hours=1)
    assert run()["sessions_expired"] == 1
    with context.database.read_scope() as session:
        assert session.scalar(select(Verification.state)) is VerificationState.EXPIRED
    clock.advance(hours=context.policy.retention.frame_observation_hours)
    assert run()["frames_emptied"] == 1
    with context.database.read_scope() as session:
        kept = session.scalars(select(VerificationFrame)).one()
        assert (kept.observation, kept.picture) == (None, None)
    clock.advance(days=context.policy.retention.verification_days + 1)
    assert run()["verifications_deleted"] == 1
    assert not any(run().values())


def test_recalibration_waits_until_the_gallery_has_grown(context: Context) -> None:
    small = few_references(context)
    run = add_jobs(make_queue(small), small)["recalibrate"].call_local
    enrol(context, range(20))
    assert run() is None, "20 of 30 references"
    enrol(context, range(20, 40))
    first = run()
    assert first is not None
    assert run() is None, "the gallery has not grown since"
    enrol(context, range(40, 47))
    assert run() is None, "it has grown by less than a fifth"
    enrol(context, range(47, 49))
    second = run()
    assert second is not None
    with context.database.read_scope() as session:
        rows = session.scalars(select(Calibration).order_by(Calibration.id)).all()
        assert [row.id for row in rows] == [first, second]
        assert all(row.promoted_at is None for row in rows), "a person puts a calibration into force"


def test_the_jobs_come_round_by_themselves(context: Context) -> None:
    queue = make_queue(context)
    add_jobs(queue, context)
    due: dict[str, list[int]] = {}
    for minutes in range(24 * 60):
        at = context.clock().replace(tzinfo=None, hour=0, minute=0) + timedelta(minutes=minutes)
        for task in queue.read_periodic(at):
            due.setdefault(task.name, []).append(minutes)
    assert len(due["housekeeping"]) == 24 * 12
    assert due["recalibrate"] == [3 * 60 + 30]


def test_the_postgresql_queue_takes_every_form_of_the_address(postgres_server: str, tmp_path: Path) -> None:
    policy = load_policy(ROOT / "policy.toml")
    for scheme in ("postgresql://", "postgresql+psycopg://", "postgresql+psycopg2://"):
        url = postgres_server.replace("postgresql://", scheme, 1)
        settings = Settings(home=tmp_path, database_url=url, environment=Environment.TEST, engine=EngineChoice.SCRIPTED)
        bare = Context(settings, policy, None, None, None, "", None, None)  # type: ignore[arg-type]
        queue = make_queue(bare)
        assert queue.pending_count() == 0
        queue.storage.close()
    with psycopg.connect(postgres_server) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'huey%'").fetchall()
    assert len(tables) == 4
