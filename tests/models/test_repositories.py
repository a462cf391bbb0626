from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.consent import ConsentPurpose
from models.database import Database
from models.errors import Conflict, ConflictError, NotFoundError
from models.identifiers import IdentifierError
from models.keys import FileKeyRing, UnsealError
from models.life_evidence import EvidenceKind, Strength
from models.policy import RecordsPolicy
from models.repositories import audit, calibrations, consents, idempotency, life_evidence, outbox, persons, tries
from models.repositories.calibrations import NewCalibration
from models.repositories.idempotency import Request, StoredResponse
from models.repositories.life_evidence import EvidenceError, NewEvidence
from tests.models.people import NOW, REGION, add_person, resident_id
from tests.models.workers import outcomes_of

SECOND = timedelta(seconds=1)


def test_a_person_is_found_by_numbers_that_are_stored_sealed(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        added = add_person(session, keyring, social_security_number="429801000001", phone="10012345678")
    number = resident_id()
    with database.read_scope() as session:
        found = persons.find_by_resident_id(session, f" {number.lower()} ", keyring=keyring)
        assert found is not None
        assert (found.id, found.birth_date, found.sex.value) == (added.id, date(1950, 6, 1), "female")
        assert number.encode() not in found.resident_id_sealed.blob
        assert found.resident_id_masked == f"42************{number[-4:]}"
        assert persons.open_resident_id(found, keyring) == number
        assert persons.open_phone(found, keyring) == "10012345678"
        assert persons.open_social_security_number(found, keyring) == "429801000001"
        by_card = persons.find_by_social_security_number(session, "429801000001", keyring=keyring)
        assert by_card is found
        assert persons.find_by_resident_id(session, resident_id(sequence=200), keyring=keyring) is None
        assert persons.get(session, added.public_id) is found
        with pytest.raises(IdentifierError):
            persons.find_by_resident_id(session, "1", keyring=keyring)
        with pytest.raises(NotFoundError):
            persons.get(session, "no such id")


def test_name_and_number_must_both_fit(sqlite_database: Database, keyring: FileKeyRing) -> None:
    with sqlite_database.session_scope() as session:
        add_person(session, keyring, name="张建国")
        assert persons.find_by_name_and_resident_id(session, " 张建国", resident_id(), keyring=keyring) is not None
        assert persons.find_by_name_and_resident_id(session, "张建军", resident_id(), keyring=keyring) is None
        assert persons.find_by_name_and_resident_id(session, "张建国", resident_id(sequence=9), keyring=keyring) is None


def test_a_sealed_value_moved_to_another_person_does_not_open(sqlite_database: Database, keyring: FileKeyRing) -> None:
    with sqlite_database.session_scope() as session:
        one = add_person(session, keyring, sequence=1)
        two = add_person(session, keyring, sequence=2)
        one.resident_id_sealed = two.resident_id_sealed
        with pytest.raises(UnsealError):
            persons.open_resident_id(one, keyring)


def test_one_number_belongs_to_one_person(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        add_person(session, keyring, sequence=1, social_security_number="429801000001")
        with pytest.raises(ConflictError) as caught:
            add_person(session, keyring, sequence=1)
        assert caught.value.conflict is Conflict.PERSON_EXISTS
        with pytest.raises(ConflictError) as caught:
            add_person(session, keyring, sequence=2, social_security_number="429801000001")
        assert caught.value.conflict is Conflict.SOCIAL_SECURITY_NUMBER_TAKEN
        add_person(session, keyring, sequence=3)  # the transaction goes on
    with database.read_scope() as session:
        assert len(persons.search(session)) == 2


def test_search_is_bounded_by_name_day_and_region(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        add_person(session, keyring, sequence=1, name="张建国")
        add_person(session, keyring, sequence=2, name="张%")
        add_person(session, keyring, sequence=3, name="李张")
    with database.read_scope() as session:
        assert {person.name for person in persons.search(session, name="张")} == {"张建国", "张%"}
        assert [person.name for person in persons.search(session, name="张%")] == ["张%"]
        assert len(persons.search(session, region_code="420000", birth_date=date(1950, 6, 1), limit=2)) == 2
        assert persons.search(session, region_code="429802") == []
        assert persons.search(session, birth_date=date(1950, 6, 2), region_code=REGION) == []


def evidence(person_id: int, **options: object) -> NewEvidence:
    values = {"kind": EvidenceKind.COUNTER, "occurred_on": date(2026, 3, 1), "strength": Strength.CONCLUSIVE, "source": "hall"}
    return NewEvidence(person_id=person_id, **(values | options))  # type: ignore[arg-type]


def test_a_correction_takes_the_place_of_what_it_corrects_once(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person = add_person(session, keyring, sequence=1)
        other = add_person(session, keyring, sequence=2)
        wrong = life_evidence.add(session, evidence(person.id), by="clerk", now=NOW)
        right = life_evidence.correct(session, wrong.id, evidence(person.id, occurred_on=date(2026, 2, 1)), by="clerk", now=NOW)
        with pytest.raises(ConflictError) as caught:
            life_evidence.correct(session, wrong.id, evidence(person.id), by="clerk", now=NOW)
        assert caught.value.conflict is Conflict.EVIDENCE_ALREADY_CORRECTED
        with pytest.raises(EvidenceError, match="person_id"):
            life_evidence.correct(session, right.id, evidence(other.id), by="clerk", now=NOW)
        with pytest.raises(EvidenceError, match="void"):
            life_evidence.add(session, evidence(person.id, strength=Strength.VOID), by="clerk", now=NOW)
        with pytest.raises(NotFoundError):
            life_evidence.correct(session, 10_000, evidence(person.id), by="clerk", now=NOW)
        assert life_evidence.effective(session, person.id) == [right]
        void = life_evidence.correct(session, right.id, evidence(person.id, strength=Strength.VOID), by="clerk", now=NOW)
        assert life_evidence.effective(session, person.id) == []
        assert life_evidence.history(session, person.id) == [wrong, right, void]


def calibration(keyring: FileKeyRing, version: str = "v1") -> NewCalibration:
    return NewCalibration("onnx", version, keyring.seal(b"cohort", b"c"), 1000, 499_500, {"0.001": 0.42})


def test_one_calibration_is_in_effect_and_promoting_another_retires_it(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        first = calibrations.propose(session, calibration(keyring), now=NOW)
        second = calibrations.propose(session, calibration(keyring), now=NOW)
        elsewhere = calibrations.propose(session, calibration(keyring, "v2"), now=NOW)
        assert calibrations.in_effect(session, "onnx", "v1") is None
        calibrations.promote(session, first.id, by="chief", now=NOW)
        calibrations.promote(session, elsewhere.id, by="chief", now=NOW)
        assert calibrations.in_effect(session, "onnx", "v1") is first
        calibrations.promote(session, second.id, by="chief", now=NOW + SECOND)
        assert calibrations.promote(session, second.id, by="another", now=NOW).promoted_by == "chief"
        assert calibrations.in_effect(session, "onnx", "v1") is second
        assert calibrations.in_effect(session, "onnx", "v2") is elsewhere
        with pytest.raises(ConflictError, match="retired"):
            calibrations.promote(session, first.id, by="chief", now=NOW)
        with pytest.raises(NotFoundError):
            calibrations.promote(session, 999, by="chief", now=NOW)
        assert calibrations.listing(session, "onnx") == [elsewhere, second, first]
        assert calibrations.listing(session, "dlib") == []


def test_two_promotions_at_once_leave_one_in_effect(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        ids = [calibrations.propose(session, calibration(keyring), now=NOW).id for _ in range(4)]

    def promote(number: int) -> str:
        with database.session_scope() as session:
            calibrations.promote(session, ids[number], by=str(number), now=NOW)
        return "promoted"

    results = outcomes_of(4, promote)
    assert set(results) <= {"promoted", "calibration_state"}
    assert "promoted" in results
    with database.read_scope() as session:
        assert calibrations.in_effect(session, "onnx", "v1") is not None


def test_consent_lasts_until_withdrawn_and_a_new_text_begins_a_new_one(database: Database, keyring: FileKeyRing) -> None:
    purpose = ConsentPurpose.FACE_VERIFICATION
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id

        def give(version: str):  # type: ignore[no-untyped-def]
            return consents.give(session, person_id, purpose, text_version=version, language="zh", channel="self", now=NOW)

        first = give("1")
        assert give("1").id == first.id
        second = give("2")
        assert second.id != first.id
        assert first.withdrawn_at == NOW
        assert consents.in_force(session, person_id, ConsentPurpose.REFERENCE_IMAGE) is None
        assert consents.withdraw(session, person_id, purpose, now=NOW + SECOND)
        assert not consents.withdraw(session, person_id, purpose, now=NOW + SECOND)
        assert consents.in_force(session, person_id, purpose) is None
        assert [consent.text_version for consent in consents.history(session, person_id)] == ["2", "1"]


def test_two_consents_at_once_are_one(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id

    def give(_number: int) -> str:
        with database.session_scope() as session:
            consents.give(session, person_id, ConsentPurpose.FACE_VERIFICATION, text_version="1", language="zh", channel="self", now=NOW)
        return "given"

    assert outcomes_of(4, give) == ["given"] * 4
    with database.read_scope() as session:
        assert len(consents.history(session, person_id)) == 1


def test_failures_at_once_are_all_counted_and_then_have_to_wait(
    database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy
) -> None:
    policy = records_policy.retry
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id
        assert tries.standing(session, person_id, policy=policy, now=NOW).failed_attempts == 0

    def fail(_number: int) -> str:
        with database.session_scope() as session:
            tries.record_failure(session, person_id, pad=True, policy=policy, now=NOW)
        return "counted"

    outcomes_of(4, fail)
    with database.session_scope() as session:
        four = tries.standing(session, person_id, policy=policy, now=NOW)
        assert (four.failed_attempts, four.wait_until, four.offer_other_ways, four.used_up) == (4, None, True, False)
        for _ in range(5):
            nine = tries.record_failure(session, person_id, pad=True, policy=policy, now=NOW)
        assert (nine.failed_attempts, nine.wait_until) == (9, None)
        ten = tries.record_failure(session, person_id, pad=True, policy=policy, now=NOW)
        assert ten.wait_until == NOW + timedelta(seconds=30)
        assert ten.used_up
        assert tries.standing(session, person_id, policy=policy, now=NOW + timedelta(seconds=29)).wait_until == ten.wait_until
        assert tries.standing(session, person_id, policy=policy, now=NOW + timedelta(seconds=30)).wait_until is None
        assert tries.record_failure(session, person_id, pad=True, policy=policy, now=NOW).wait_until == NOW + timedelta(seconds=60)
        later = NOW + timedelta(hours=policy.forget_after_hours)
        assert tries.standing(session, person_id, policy=policy, now=later).failed_attempts == 0
        assert tries.record_failure(session, person_id, pad=False, policy=policy, now=later).failed_attempts == 1
        tries.clear(session, person_id)
        assert tries.standing(session, person_id, policy=policy, now=later).failed_attempts == 0


def test_audit_entries_are_read_by_person_time_and_action(database: Database, keyring: FileKeyRing) -> None:
    with database.session_scope() as session:
        person_id = add_person(session, keyring).id
        audit.record(session, actor="clerk", action="opened", now=NOW, person_id=person_id, object="x", reason="visit")
        audit.record(session, actor="clerk", action="enrolled", now=NOW + SECOND, person_id=person_id, details={"quality": 80})
    with database.read_scope() as session:
        assert [entry.action for entry in audit.about(session, person_id)] == ["enrolled", "opened"]
        assert audit.about(session, person_id, limit=1)[0].details == {"quality": 80}
        assert [entry.action for entry in audit.between(session, NOW, NOW + 2 * SECOND, action="opened")] == ["opened"]
        assert audit.between(session, NOW + 2 * SECOND, NOW + 3 * SECOND) == []


def test_messages_go_to_one_sender_each_and_come_back_when_it_dies(database: Database) -> None:
    with database.session_scope() as session:
        ids = [outbox.put(session, kind="certified", now=NOW, payload={"n": n}).id for n in range(20)]
        outbox.put(session, kind="later", now=NOW, not_before=NOW + timedelta(days=1))
    retry_at = NOW + timedelta(minutes=5)

    def send(_number: int) -> list[int]:
        with database.session_scope() as session:
            return [message.id for message in outbox.claim(session, now=NOW, retry_at=retry_at, limit=7)]

    taken = [message_id for batch in outcomes_of(4, send) for message_id in batch]
    assert sorted(taken) == sorted(set(taken))
    assert set(taken) <= set(ids)
    assert len(taken) >= 7
    with database.session_scope() as session:
        assert outbox.mark_sent(session, ids[0], now=NOW)
        assert not outbox.mark_sent(session, ids[0], now=NOW)
        outbox.mark_failed(session, ids[1], error="no answer", retry_at=NOW + timedelta(hours=1))
        again = outbox.claim(session, now=retry_at, retry_at=retry_at + SECOND)
        assert {message.id for message in again} == set(ids[2:])
        assert {message.attempts for message in again} <= {1, 2}
        assert outbox.claim(session, now=retry_at, retry_at=retry_at + SECOND) == []
        assert outbox.purge_sent(session, before=NOW + SECOND) == 1


def test_a_sender_claims_its_own_kinds_only(database: Database) -> None:
    with database.session_scope() as session:
        for number in range(6):
            outbox.put(session, kind=f"kind.{number % 3}", now=NOW)
        taken = outbox.claim(session, now=NOW, retry_at=NOW + SECOND, limit=1, kinds=["kind.2"])
        assert [message.kind for message in taken] == ["kind.2"]
        taken = outbox.claim(session, now=NOW, retry_at=NOW + SECOND, kinds={"kind.1", "kind.2"})
        assert sorted(message.kind for message in taken) == ["kind.1", "kind.1", "kind.2"]
        assert outbox.claim(session, now=NOW, retry_at=NOW + SECOND, kinds=()) == []
        assert [message.kind for message in outbox.claim(session, now=NOW, retry_at=NOW + SECOND)] == ["kind.0", "kind.0"]


REQUEST = Request(client="c", key="k", method="POST", path="/v1/verifications", body_hash=b"h" * 32)


def test_the_first_answer_is_given_again(database: Database, keyring: FileKeyRing) -> None:
    tomorrow = NOW + timedelta(days=1)
    response = StoredResponse(201, {"Location": "/v1/x"}, '{"姓名": "张"}'.encode())

    def begin(request: Request = REQUEST, now=NOW):  # type: ignore[no-untyped-def]
        with database.session_scope() as session:
            return idempotency.begin(session, request, keyring=keyring, now=now, expires_at=tomorrow)

    assert begin() is None
    with pytest.raises(ConflictError) as caught:
        begin()
    assert caught.value.conflict is Conflict.IDEMPOTENCY_KEY_IN_USE
    with database.session_scope() as session:
        idempotency.finish(session, REQUEST, response, keyring=keyring)
    assert begin() == response
    with pytest.raises(ConflictError) as caught:
        begin(Request("c", "k", "POST", "/v1/verifications", b"x" * 32))
    assert caught.value.conflict is Conflict.IDEMPOTENCY_KEY_REUSED
    assert begin(Request("other client", "k", "POST", "/v1/verifications", b"x" * 32)) is None
    assert begin(now=tomorrow) is None  # expired: a new request
    with database.session_scope() as session:
        idempotency.forget(session, REQUEST)
    assert begin() is None
    with database.session_scope() as session:
        assert idempotency.purge(session, now=tomorrow) == 2


def test_of_requests_at_once_with_one_key_one_is_answered(database: Database, keyring: FileKeyRing) -> None:
    def begin(_number: int) -> str:
        with database.session_scope() as session:
            first = idempotency.begin(session, REQUEST, keyring=keyring, now=NOW, expires_at=NOW + timedelta(days=1))
        return "first" if first is None else "replayed"

    assert sorted(outcomes_of(4, begin)) == ["first", "idempotency_key_in_use", "idempotency_key_in_use", "idempotency_key_in_use"]
