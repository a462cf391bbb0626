"""Mergers and splits: whatever their order, rows stay where they are, one record speaks for each person, a split gives back what was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.benefit import Benefit, BenefitStatus
from models.certification import CertificationStatus
from models.consent import ConsentPurpose
from models.database import Database
from models.enrolment import Scheme
from models.errors import Conflict, ConflictError, NotFoundError
from models.face import ReferenceSource
from models.keys import FileKeyRing, Sealed
from models.life_evidence import EvidenceKind, LifeEvidence, Strength
from models.person import Person
from models.policy import RecordsPolicy
from models.repositories import certifications, consents, life_evidence, mergers, persons, references, tries, verifications
from models.repositories.life_evidence import NewEvidence
from models.repositories.references import NewReference
from models.status_change import StatusTouch
from tests.models.people import NOW, REGION, add_person

TODAY = date(2026, 3, 15)
PEOPLE = 5
FACTS = (
    (EvidenceKind.COUNTER, date(2026, 1, 10)),
    (EvidenceKind.FACE, date(2024, 5, 1)),
    (EvidenceKind.DEATH_RECORD, date(2026, 2, 1)),
    (EvidenceKind.CUSTODY, date(2025, 2, 1)),
)
step = st.tuples(st.sampled_from(["merge", "split"]), st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1))


def fill(session: Session, keyring: FileKeyRing) -> list[int]:
    keys = [add_person(session, keyring, sequence=100 + n).id for n in range(PEOPLE)]
    for key, (kind, on) in zip(keys, FACTS, strict=False):
        life_evidence.add(session, NewEvidence(key, kind, on, Strength.CONCLUSIVE, "test"), by="test", now=NOW)
    for key in keys[1:4]:
        new = {"scheme": Scheme.EMPLOYEE_PENSION, "region_code": REGION, "monthly_fen": 100, "from_month": date(2015, 1, 1)}
        session.add(Benefit(person_id=key, status=BenefitStatus.ACTIVE, **new))
    session.flush()
    return keys


def rows_of(session: Session) -> set[tuple[str, int, int]]:
    return {
        *(("evidence", *row) for row in session.execute(select(LifeEvidence.id, LifeEvidence.person_id))),
        *(("benefit", *row) for row in session.execute(select(Benefit.id, Benefit.person_id))),
    }


def pointers(session: Session) -> dict[int, int | None]:
    return {row.id: row.merged_into_id for row in session.execute(select(Person.id, Person.merged_into_id))}


def picture(session: Session, keys: list[int], policy: RecordsPolicy) -> dict[int, tuple[int | None, CertificationStatus]]:
    """Who speaks for each record, and the status of its person."""
    roots = pointers(session)
    return {key: (roots[key], certifications.status_of(session, key, policy.certification, TODAY)) for key in keys}


def root_of(parents: dict[int, int], key: int) -> int:
    while key in parents:
        key = parents[key]
    return key


def act(session: Session, what: str, kept: int, merged: int) -> None:
    if what == "merge":
        mergers.merge(session, kept, merged, reason="same", by="test", now=NOW)
    else:
        mergers.split(session, merged, reason="not the same", by="test", now=NOW)


@settings(max_examples=25)
@given(steps=st.lists(step, max_size=10), last=st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)))
def test_any_sequence_of_mergers_and_splits(
    steps: list[tuple[str, int, int]], last: tuple[int, int], database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy
) -> None:
    with database.sessions() as session:
        keys = fill(session, keyring)
        rows, start = rows_of(session), picture(session, keys, records_policy)
        parents: dict[int, int] = {}
        for what, a, b in steps:
            kept, merged = keys[a], keys[b]
            allowed = root_of(parents, kept) != root_of(parents, merged) and merged not in parents if what == "merge" else merged in parents
            if not allowed:
                with pytest.raises(ConflictError) as caught:
                    act(session, what, kept, merged)
                assert caught.value.conflict is Conflict.MERGER_STATE
                continue
            act(session, what, kept, merged)
            if what == "merge":
                parents[merged] = kept
            else:
                del parents[merged]
            assert pointers(session) == {key: None if root_of(parents, key) == key else root_of(parents, key) for key in keys}
        assert rows_of(session) == rows
        before = picture(session, keys, records_policy)
        assert all(before[key][1] == before[root_of(parents, key)][1] for key in keys)
        kept, merged = keys[last[0]], keys[last[1]]
        if merged not in parents and root_of(parents, kept) != merged:
            mergers.merge(session, kept, merged, reason="same", by="test", now=NOW)
            mergers.split(session, merged, reason="not the same", by="test", now=NOW)
            assert picture(session, keys, records_policy) == before
        for merged in sorted(parents):
            mergers.split(session, merged, reason="not the same", by="test", now=NOW)
        assert picture(session, keys, records_policy) == start
        session.rollback()


def test_a_merger_announces_every_record_whose_status_may_change(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        a, b, c = fill(session, keyring)[:3]
        mergers.merge(session, b, c, reason="same", by="test", now=NOW)
        session.execute(StatusTouch.__table__.delete())  # type: ignore[attr-defined]
        mergers.merge(session, a, b, reason="same", by="test", now=NOW)
        assert {a, b, c} <= set(session.scalars(select(StatusTouch.person_id)))


def test_a_record_that_is_not_there_is_named(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        a = fill(session, keyring)[0]
        with pytest.raises(NotFoundError):
            mergers.merge(session, a, 999, reason="same", by="test", now=NOW)


def test_of_two_people_who_merge_the_same_records_crosswise_one_wins(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        a, b = fill(session, keyring)[:2]

    def merge(pair: tuple[int, int]) -> str:
        try:
            with database.session_scope() as session:
                mergers.merge(session, *pair, reason="same", by="test", now=NOW)
        except ConflictError as error:
            return error.conflict.value
        return "done"

    with ThreadPoolExecutor(4) as pool:
        results = sorted(pool.map(merge, [(a, b), (b, a), (a, b), (b, a)]))
    assert results == ["done", *["merger_state"] * 3]


def test_references_consents_tries_and_attempts_of_every_record_are_the_persons(
    database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy
) -> None:
    numbers = count(1)

    def enrol(session: Session, key: int) -> int:
        template = Sealed("k1", b"x" * 40 + bytes([next(numbers)]))
        return references.enrol(session, NewReference(key, "onnx", "1", template, ReferenceSource.CAMERA, {}), by="test", now=NOW).id

    with database.session_scope() as session:
        kept, merged = fill(session, keyring)[:2]
        older = enrol(session, merged)
        consents.give(session, merged, ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="self", now=NOW)
        for _ in range(3):
            tries.record_failure(session, merged, pad=False, policy=records_policy.retry, now=NOW)
        assert references.active(session, kept, "onnx", "1") is None
        mergers.merge(session, kept, merged, reason="same", by="test", now=NOW)
        assert persons.records_of(session, merged) == persons.records_of(session, kept) == (kept, merged)
        assert references.active(session, kept, "onnx", "1").id == older  # type: ignore[union-attr]
        assert consents.in_force(session, kept, ConsentPurpose.FACE_VERIFICATION) is not None
        assert tries.standing(session, kept, policy=records_policy.retry, now=NOW).failed_attempts == 3
        own = references.replace(
            session, NewReference(kept, "onnx", "1", Sealed("k1", b"y" * 40), ReferenceSource.CAMERA, {}), by="test", reason="new", now=NOW
        )
        assert references.active(session, merged, "onnx", "1").id == own.id  # type: ignore[union-attr]
        assert [person.id for _, person in references.for_calibration(session, "onnx", "1")] == [kept]
        assert verifications.latest(session, kept) == []
        mergers.split(session, merged, reason="not the same", by="test", now=NOW)
        assert references.active(session, merged, "onnx", "1").id == older  # type: ignore[union-attr]
        assert consents.in_force(session, kept, ConsentPurpose.FACE_VERIFICATION) is None
        mergers.merge(session, kept, merged, reason="same", by="test", now=NOW)
        assert references.revoke_all(session, kept, by="test", reason="withdrawn", now=NOW) == 2
