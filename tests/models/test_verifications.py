from __future__ import annotations

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest

from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.keys import FileKeyRing
from models.repositories import verifications
from models.repositories.verifications import DecisionRecord, FrameResult, NewFrame, NewVerification
from models.verification import VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.models.people import NOW, add_person
from tests.models.workers import outcomes_of

TAKEOVER = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DECISION = DecisionRecord(
    outcome=VerificationOutcome.REFER,
    reasons=["match_unsure"],
    evidence=[{"kind": "match", "similarity": 0.41}],
    engine_name="scripted",
    engine_version="1",
    calibration="provisional",
    policy_hash="0" * 64,
)


def new(person_id: int, **options: Any) -> NewVerification:
    values: dict[str, Any] = {
        "kind": VerificationKind.STANDARD,
        "channel": VerificationChannel.SELF,
        "challenge": {"prompts": ["left", "right"]},
        "token_hash": hashlib.sha256(b"token").digest(),
        "expires_at": NOW + timedelta(minutes=5),
        "client": {"language": "zh"},
    }
    return NewVerification(person_id=person_id, **(values | options))


def frame(verification_id: str, seq: int, content: bytes | None = None, **options: Any) -> NewFrame:
    values: dict[str, Any] = {
        "received_at": NOW,
        "sha256": hashlib.sha256(content if content is not None else b"%d" % seq).digest(),
        "measures": {"sharpness": 80},
        "observation": None,
        "purge_after": NOW + timedelta(hours=72),
    }
    return NewFrame(verification_id=verification_id, seq=seq, **(values | options))


@pytest.fixture
def person_id(database: Database, keyring: FileKeyRing) -> int:
    with database.session_scope() as session:
        return add_person(session, keyring).id


@pytest.fixture
def opened(database: Database, person_id: int) -> str:
    with database.session_scope() as session:
        return verifications.start(session, new(person_id), now=NOW).id


def state(database: Database, verification_id: str) -> VerificationState:
    with database.read_scope() as session:
        return verifications.get(session, verification_id).state


def test_a_new_session_ends_the_one_that_was_open(database: Database, person_id: int, opened: str) -> None:
    with database.session_scope() as session:
        second = verifications.start(session, new(person_id), now=NOW + SECOND)
        assert [verification.id for verification in verifications.latest(session, person_id)] == [second.id, opened]
        assert verifications.token_fits(second, hashlib.sha256(b"token").digest())
        assert not verifications.token_fits(second, hashlib.sha256(b"other").digest())
    assert state(database, opened) is VerificationState.ABANDONED
    assert state(database, second.id) is VerificationState.OPEN


def test_of_sessions_opened_at_once_one_is_open(database: Database, person_id: int) -> None:
    def start(_number: int) -> str:
        with database.session_scope() as session:
            verifications.start(session, new(person_id), now=NOW)
        return "started"

    results = outcomes_of(4, start)
    assert "started" in results
    assert set(results) <= {"started", "verification_open"}
    with database.read_scope() as session:
        states = [verification.state for verification in verifications.latest(session, person_id)]
    assert states.count(VerificationState.OPEN) == 1


def test_of_workers_that_decide_at_once_one_does(database: Database, opened: str) -> None:
    def decide(_number: int) -> str:
        with database.session_scope() as session:
            if not verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER):
                return "too late"
            verifications.record_decision(session, opened, DECISION, claimed_at=NOW, now=NOW)
            return "decided"

    assert sorted(outcomes_of(4, decide)) == ["decided", "too late", "too late", "too late"]
    with database.read_scope() as session:
        found = verifications.get(session, opened)
        assert (found.state, found.outcome, found.decided_at) == (VerificationState.DECIDED, VerificationOutcome.REFER, NOW)
        assert (found.reasons, found.evidence) == (DECISION.reasons, DECISION.evidence)
        assert (found.calibration, found.policy_hash) == ("provisional", "0" * 64)


def test_a_worker_that_died_is_followed_by_another_and_cannot_decide_any_more(database: Database, opened: str) -> None:
    later = NOW + TAKEOVER + SECOND
    with database.session_scope() as session:
        assert verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER)
    with database.session_scope() as session:
        assert not verifications.claim_for_decision(session, opened, now=NOW + TAKEOVER, takeover_after=TAKEOVER)
        assert verifications.claim_for_decision(session, opened, now=later, takeover_after=TAKEOVER)
        with pytest.raises(ConflictError) as caught:
            verifications.record_decision(session, opened, DECISION, claimed_at=NOW, now=later)
        assert caught.value.conflict is Conflict.VERIFICATION_STATE
        assert not verifications.release(session, opened, claimed_at=NOW)
        verifications.record_decision(session, opened, DECISION, claimed_at=later, now=later)
        with pytest.raises(ConflictError):
            verifications.record_decision(session, opened, DECISION, claimed_at=later, now=later)
    assert state(database, opened) is VerificationState.DECIDED


def test_a_claim_given_back_leaves_one_open_session(database: Database, person_id: int, opened: str) -> None:
    with database.session_scope() as session:
        assert verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER)
        assert verifications.release(session, opened, claimed_at=NOW)
    assert state(database, opened) is VerificationState.OPEN
    with database.session_scope() as session:
        assert verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER)
    with database.session_scope() as session:
        newer = verifications.start(session, new(person_id), now=NOW).id
    with database.session_scope() as session:
        assert verifications.release(session, opened, claimed_at=NOW)
    assert state(database, opened) is VerificationState.ABANDONED
    assert state(database, newer) is VerificationState.OPEN


def test_sessions_expire_when_their_time_is_over_and_only_then(database: Database, opened: str) -> None:
    with database.session_scope() as session:
        assert verifications.expire_due(session, now=NOW + timedelta(seconds=299)) == 0
        assert verifications.expire_due(session, now=NOW + timedelta(minutes=5)) == 1
        assert not verifications.abandon(session, opened)
        assert not verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER)
    assert state(database, opened) is VerificationState.EXPIRED


def test_frames_are_stored_once_whatever_the_network_does(database: Database, opened: str) -> None:
    with database.session_scope() as session:

        def add(*arguments: Any, now=NOW) -> FrameResult:  # type: ignore[no-untyped-def]
            return verifications.add_frame(session, frame(opened, *arguments), now=now)

        assert add(1, b"one") is FrameResult.STORED
        assert add(0, b"zero") is FrameResult.STORED
        assert add(1, b"one") is FrameResult.SAME_AGAIN
        assert add(1, b"another") is FrameResult.SEQ_TAKEN
        assert add(2, b"two", now=NOW + timedelta(minutes=5)) is FrameResult.NOT_OPEN
        assert [row.seq for row in verifications.frames(session, opened)] == [0, 1]
        assert verifications.abandon(session, opened)
        assert add(2, b"two") is FrameResult.NOT_OPEN
        with pytest.raises(NotFoundError):
            verifications.add_frame(session, frame("no such session", 0), now=NOW)
    with database.read_scope() as session:
        assert verifications.count_frames(session, opened) == 2


def test_one_frame_delivered_many_times_at_once_is_one(database: Database, opened: str) -> None:
    def add(_number: int) -> str:
        with database.session_scope() as session:
            return verifications.add_frame(session, frame(opened, 0, b"same"), now=NOW).value

    assert sorted(outcomes_of(4, add)) == ["same_again", "same_again", "same_again", "stored"]


def test_deciding_waits_for_a_frame_that_is_being_stored(database: Database, opened: str) -> None:
    seen: list[int] = []

    def decide() -> None:
        with database.session_scope() as session:
            assert verifications.claim_for_decision(session, opened, now=NOW, takeover_after=TAKEOVER)
            seen.append(verifications.count_frames(session, opened))

    worker = threading.Thread(target=decide)
    with database.session_scope() as session:
        assert verifications.add_frame(session, frame(opened, 0), now=NOW) is FrameResult.STORED
        worker.start()
        worker.join(timeout=0.3)
        assert worker.is_alive()
    worker.join()
    assert seen == [1]


def test_a_picture_of_another_session_is_known(database: Database, person_id: int, opened: str) -> None:
    with database.session_scope() as session:
        for seq in range(3):
            verifications.add_frame(session, frame(opened, seq), now=NOW)
        second = verifications.start(session, new(person_id), now=NOW + SECOND).id
        digests = [hashlib.sha256(content).digest() for content in (b"0", b"2", b"new")]
        assert verifications.digests_of_other_sessions(session, second, digests) == set(digests[:2])
        assert verifications.digests_of_other_sessions(session, opened, digests) == set()
        assert verifications.digests_of_other_sessions(session, second, []) == set()


def test_what_is_sealed_is_emptied_on_its_day_and_the_measures_stay(database: Database, keyring: FileKeyRing, opened: str) -> None:
    sealed = keyring.seal(b"embedding", b"o")
    due = NOW + timedelta(hours=72)
    with database.session_scope() as session:
        verifications.add_frame(session, frame(opened, 0, observation=sealed, picture=sealed), now=NOW)
        verifications.add_frame(session, frame(opened, 1, observation=sealed, purge_after=due + SECOND), now=NOW)
    with database.session_scope() as session:
        assert [row.observation for row in verifications.frames(session, opened)] == [sealed, sealed]
        assert verifications.purge_frames(session, now=due - SECOND) == 0
        assert verifications.purge_frames(session, now=due) == 1
        assert verifications.purge_frames(session, now=due) == 0
    with database.read_scope() as session:
        first, second = verifications.frames(session, opened)
        assert (first.observation, first.picture, first.measures) == (None, None, {"sharpness": 80})
        assert second.observation == sealed


def test_old_finished_sessions_go_with_their_frames(database: Database, person_id: int, opened: str) -> None:
    with database.session_scope() as session:
        verifications.add_frame(session, frame(opened, 0), now=NOW)
        assert verifications.delete_older_than(session, NOW + SECOND) == 0  # still open
        verifications.abandon(session, opened)
        assert verifications.delete_older_than(session, NOW) == 0  # not old enough
        assert verifications.delete_older_than(session, NOW + SECOND) == 1
        assert verifications.latest(session, person_id) == []
        with pytest.raises(NotFoundError):
            verifications.get(session, opened)
