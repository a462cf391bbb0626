"""The search over a real store: legal basis, audit, sealed templates, merged records, money, batches."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import select, update

from detection.faces.errors import LegalBasisMissingError
from models.audit import AuditEntry
from models.benefit import Benefit, BenefitStatus, Payment
from models.database import Database
from models.enrolment import Scheme
from models.face import FaceReference
from models.keys import FileKeyRing, Sealed
from models.legal_basis import LegalPurpose
from models.person import Person
from models.relation import PersonRelation, RelationKind
from models.repositories import legal_bases, mergers, references
from tests.detection.faces_in_store import NOW, Enrolled, approve_basis, enrol, face, mate_of, search_service
from tests.models.people import REGION

AS_OF = date(2026, 3, 15)


@pytest.fixture
def enrolled(database: Database, keyring: FileKeyRing) -> dict[str, Enrolled]:
    """Twelve strangers, and one of them under a second identity."""
    with database.session_scope() as session:
        people = {f"stranger {n}": enrol(session, keyring, face(n), sequence=100 + 2 * n) for n in range(12)}
        people["second"] = enrol(session, keyring, mate_of(3), sequence=200, name="李秀英", born=date(1957, 1, 2))
    return people


def findings(database: Database, keyring: FileKeyRing, policy, **options):
    prepared = search_service(database, keyring, policy).prepare(by="test", run="run-1", as_of=AS_OF)
    return [finding for batch in prepared.batches(**options) for finding in batch.findings]


def test_one_face_under_two_identities_gives_a_finding_for_each_person(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    found = {finding.key: finding for finding in findings(database, keyring, records_policy)}
    one, other = enrolled["stranger 3"], enrolled["second"]
    assert set(found) == {f"P8:{one.key}:{other.key}", f"P8:{other.key}:{one.key}"}
    finding = found[f"P8:{one.key}:{other.key}"]
    assert (finding.code, finding.person_id, finding.region_code, finding.amount_fen) == ("P8", one.key, REGION, 0)
    assert finding.facts["similarity"] == pytest.approx(0.8, abs=1e-3)
    assert finding.facts["years_apart"] == 7
    assert finding.facts["quality"] == 70
    assert finding.facts["flags"] == []
    assert {(r.kind, r.id, r.role) for r in finding.records} == {
        ("face_reference", one.reference, "own_face"),
        ("face_reference", other.reference, "other_face"),
        ("person", other.key, "other_person"),
    }
    said = json.dumps(dict(finding.facts), ensure_ascii=False)
    assert "李" not in said
    assert len(finding.key) <= 120


def test_without_a_legal_basis_nothing_is_opened_and_what_is_missing_is_said(database, keyring, records_policy, enrolled) -> None:
    service = search_service(database, keyring, records_policy)
    with pytest.raises(LegalBasisMissingError, match="none is on record"):
        service.prepare(by="test", run="run-1", as_of=AS_OF)
    new = legal_bases.NewBasis(LegalPurpose.FACE_SEARCH, "a law", "a paper", date(2026, 1, 1), date(2026, 12, 31))
    with database.session_scope() as session:
        basis_id = legal_bases.record(session, new, by="one", now=NOW).public_id
    with pytest.raises(LegalBasisMissingError, match=f"{basis_id} is not approved by a second person"):
        service.basis()
    with database.session_scope() as session:
        legal_bases.approve(session, basis_id, by="two", now=NOW)
    assert service.basis().basis_id == basis_id
    with database.session_scope() as session:
        legal_bases.withdraw(session, basis_id, by="one", now=NOW)
    with pytest.raises(LegalBasisMissingError, match="was withdrawn"):
        service.basis()
    approve_basis(database, until=date(2026, 3, 14))
    with pytest.raises(LegalBasisMissingError, match="ended on 2026-03-14"):
        service.basis()
    with database.read_scope() as session:
        assert not session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("face_search"))).all()


def test_every_search_is_audited_with_its_basis(database, keyring, records_policy, enrolled) -> None:
    basis_id = approve_basis(database)
    service = search_service(database, keyring, records_policy)
    prepared = service.prepare(by="somebody", run="run-7", as_of=AS_OF)
    service.finish(by="somebody", run="run-7", summary=prepared.summary, pairs=1)
    with database.read_scope() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.object == "run-7").order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["face_search.start", "face_search.done"]
    assert {entry.details["basis"] for entry in entries} == {basis_id}
    assert entries[0].actor == "somebody"


def test_references_of_another_engine_version_and_revoked_ones_are_left_out(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    with database.session_scope() as session:
        enrol(session, keyring, face(5), sequence=300, version="2")
        reference = session.get_one(FaceReference, enrolled["second"].reference)
        references.revoke(session, reference.public_id, by="test", reason="test", now=NOW)
    assert findings(database, keyring, records_policy) == []


def test_a_template_that_does_not_open_is_counted_and_the_others_are_searched(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    with database.session_scope() as session:
        wrong = session.get_one(FaceReference, enrolled["stranger 0"].reference)
        assert wrong.template is not None
        wrong.template = Sealed(wrong.template.key_id, wrong.template.blob[:-1] + b"x")
    prepared = search_service(database, keyring, records_policy).prepare(by="test", run="run-1", as_of=AS_OF)
    assert (prepared.summary.faces, prepared.summary.unopened) == (12, 1)
    assert sum(batch.pairs for batch in prepared.batches()) == 1


def test_merged_records_make_no_pair_with_each_other(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    kept, merged = enrolled["stranger 3"], enrolled["second"]
    with database.session_scope() as session:
        mergers.merge(session, kept.key, merged.key, reason="the same", by="test", now=NOW)
    assert findings(database, keyring, records_policy) == []


def test_the_money_at_risk_is_what_the_less_paid_received_in_the_months_of_policy(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    one, other = enrolled["stranger 3"], enrolled["second"]
    with database.session_scope() as session:
        for who, fen, months in ((one, 300_000, range(1, 4)), (other, 10_000, range(1, 4))):
            benefit = Benefit(
                person_id=who.key,
                scheme=Scheme.RESIDENT_PENSION,
                region_code=REGION,
                monthly_fen=fen,
                status=BenefitStatus.ACTIVE,
                from_month=date(2020, 1, 1),
            )
            session.add(benefit)
            session.flush()
            session.add_all([Payment(benefit_id=benefit.id, month=date(2026, month, 1), amount_fen=fen) for month in months])
            session.add(Payment(benefit_id=benefit.id, month=date(2025, 3, 1), amount_fen=fen))  # thirteen months ago
    (first, second) = findings(database, keyring, records_policy)
    for finding in (first, second):
        assert (finding.amount_fen, finding.months, finding.from_month, finding.to_month) == (
            30_000,
            3,
            date(2026, 1, 1),
            date(2026, 3, 1),
        )


@pytest.mark.parametrize("first", ["stranger 3", "second"])
def test_twins_on_record_are_flagged_in_both_directions_and_count_for_less(database, keyring, records_policy, enrolled, first) -> None:
    approve_basis(database)
    before = findings(database, keyring, records_policy)[0].confidence
    pair = {"stranger 3", "second"}
    with database.session_scope() as session:
        row = PersonRelation(
            person_id=enrolled[first].key, other_id=enrolled[(pair - {first}).pop()].key, kind=RelationKind.TWIN, source="household"
        )
        session.add(row)
    found = findings(database, keyring, records_policy)
    assert all(finding.facts["flags"] == ["twins_on_record"] for finding in found)
    assert found[0].confidence < before


def test_same_birth_surname_and_city_may_be_twins(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    with database.session_scope() as session:
        session.execute(update(Person).where(Person.id == enrolled["second"].key).values(birth_date=date(1950, 6, 1), name="张秀英"))
    assert findings(database, keyring, records_policy)[0].facts["flags"] == ["may_be_twins"]


def test_a_search_goes_on_after_the_last_face_of_a_batch(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    prepared = search_service(database, keyring, records_policy).prepare(by="test", run="run-1", as_of=AS_OF)
    batches = list(prepared.batches(batch=5))
    assert [batch.searched for batch in batches] == [5, 10, 13]
    rest = list(prepared.batches(batch=5, after=batches[0].until))
    assert [batch.until for batch in rest] == [batch.until for batch in batches[1:]]
    # the pair comes up from both faces, with the same keys
    keys = [finding.key for batch in batches for finding in batch.findings]
    assert len(keys) == 4
    assert len(set(keys)) == 2


def test_a_region_is_searched_for_its_own_faces_among_everybodys(database, keyring, records_policy, enrolled) -> None:
    approve_basis(database)
    with database.session_scope() as session:
        session.execute(update(Person).where(Person.id == enrolled["second"].key).values(region_code="429800"))
    assert len(findings(database, keyring, records_policy, region_code=REGION)) == 2
    assert len(findings(database, keyring, records_policy, region_code="429800")) == 2
    prepared = search_service(database, keyring, records_policy).prepare(by="test", run="run-1", as_of=AS_OF)
    assert [batch.of for batch in prepared.batches(region_code=REGION)] == [12]
    assert list(prepared.batches(region_code="110000")) == []


def test_an_empty_store_is_searched_and_gives_nothing(database, keyring, records_policy) -> None:
    approve_basis(database)
    prepared = search_service(database, keyring, records_policy).prepare(by="test", run="run-1", as_of=AS_OF)
    assert prepared.summary.faces == 0
    assert list(prepared.batches()) == []
