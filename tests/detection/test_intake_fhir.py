"""FHIR files through the second door: which element becomes which field, what is left out, what is rejected and by which rule."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from detection.fhir_intake_service import FhirIntake, FhirResult
from detection.intake.errors import FileUnusableError
from detection.intake.fhir import resources
from detection.intake.fhir.convert import convert_files
from detection.intake.fhir.rows import HowToConvert
from detection.intake_service import Intake
from models.claim import CareSetting, ChargeCategory, Claim, ClaimLine, DischargeWay, Institution, InstitutionKind
from models.database import Database
from models.enrolment import Scheme
from models.import_batch import ImportBatch, ImportKind
from models.keys import FileKeyRing
from models.policy import RecordsPolicy
from tests.detection import fhir_bundles as made
from tests.detection.files import DEFAULT, REGION, count, make_intake, number, rejected, table


@pytest.fixture(autouse=True)
def _no_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them takes most of the time, and what is in them is tested elsewhere."""
    monkeypatch.setattr("detection.intake_service.write_report", lambda *_: None)


@pytest.fixture
def intake(database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    return _with_people(make_intake(database, keyring, records_policy, tmp_path / "imports"), tmp_path)


@pytest.fixture
def small(sqlite_database: Database, keyring: FileKeyRing, records_policy: RecordsPolicy, tmp_path: Path) -> Intake:
    """On SQLite, for what does not depend on the store."""
    return _with_people(make_intake(sqlite_database, keyring, records_policy, tmp_path / "imports"), tmp_path)


def _with_people(intake: Intake, folder: Path) -> Intake:
    path = table(folder / "p.csv", [(number(5), "王安", REGION), (number(7), "王安", REGION)])
    assert intake.import_file(ImportKind.PERSONS, path, DEFAULT, actor="test").accepted == 2
    return intake


def bring(intake: Intake, *paths: Path, **options: Any) -> FhirResult:
    return FhirIntake(intake).import_files(paths, DEFAULT, actor="test", **options)


def whole(folder: Path, **options: Any) -> Path:
    return made.bundle(folder / "b.json", made.patient(), made.organization(), *made.others(), made.claim(), made.benefit(**options))


def test_a_stay_comes_in_with_what_was_paid_and_what_it_refers_to(intake: Intake, tmp_path: Path) -> None:
    result = bring(intake, whole(tmp_path))
    assert {kind.value: (one.rows, one.accepted) for kind, one in result.results.items()} == {
        "institutions": (1, 1),
        "claims": (1, 1),
        "claim_lines": (2, 2),
    }
    assert result.skipped == {"answered_by_benefit": 1, "diagnosis_without_icd10": 1, "item_without_amount": 1}
    with intake.database.read_scope() as session:
        hospital = session.scalars(select(Institution)).one()
        claim = session.scalars(select(Claim)).one()
        bed, scan = session.scalars(select(ClaimLine).order_by(ClaimLine.number)).all()
    assert (hospital.code, hospital.kind, hospital.region_code) == (made.ORGANIZATION_NUMBER, InstitutionKind.HOSPITAL, "420102")
    assert (claim.reference, claim.setting, claim.scheme) == ("claim", CareSetting.INPATIENT, Scheme.EMPLOYEE_MEDICAL)
    assert (claim.from_date, claim.to_date) == (date(2026, 1, 10), date(2026, 1, 20))
    assert (claim.settled_at, claim.uploaded_at) == (datetime(2026, 1, 19, 17, 30, tzinfo=UTC), None)
    assert (claim.principal_diagnosis, claim.diagnoses, claim.hospital_acquired) == ("I10", ["J18.9"], ["J18.9"])
    assert (claim.procedures, claim.department, claim.doctor) == (["88.72"], "心内科", "D420106")
    assert (claim.transferred_in, claim.discharge_way) == (True, DischargeWay.HOME)
    assert (claim.total_fen, claim.fund_fen) == (100_082, 70_010)
    assert (bed.item_code, bed.category, bed.quantity, bed.unit_price_fen, bed.amount_fen) == (
        "185347001",
        ChargeCategory.BED,
        10,
        7_840,
        78_400,
    )
    assert (bed.charged_on, bed.fund_fen) == (date(2026, 1, 10), None)
    assert (scan.number, scan.item_name, scan.category) == (2, "Scan", ChargeCategory.TREATMENT)
    assert (scan.amount_fen, scan.fund_fen, scan.charged_on) == (21_682, 15_000, date(2026, 1, 11))
    again = bring(intake, tmp_path / "b.json")
    assert [one.unchanged for one in again.results.values()] == [1, 1, 2]


def test_a_claim_asks_for_its_total_until_a_benefit_corrects_it(small: Intake, tmp_path: Path) -> None:
    parts = (made.patient(), made.organization(), *made.others())
    bring(small, made.bundle(tmp_path / "a.json", *parts, made.claim()), scheme="resident_medical")
    with small.database.read_scope() as session:
        claim = session.scalars(select(Claim)).one()
        assert (claim.total_fen, claim.fund_fen, claim.scheme) == (100_082, 100_082, Scheme.RESIDENT_MEDICAL)
        assert (claim.settled_at, claim.uploaded_at) == (None, datetime(2026, 1, 19, 17, 30, tzinfo=UTC))
    result = bring(small, made.bundle(tmp_path / "b.json", *parts, made.benefit()), scheme="resident_medical")
    assert result.results[ImportKind.CLAIMS].by_warning == {"CLAIM_CORRECTED": 1}
    with small.database.read_scope() as session:
        assert session.scalars(select(Claim.fund_fen)).all() == [70_010]


def test_another_currency_is_rejected_unless_there_is_a_rate(small: Intake, tmp_path: Path) -> None:
    path = whole(tmp_path, currency="USD")
    result = bring(small, path).results
    assert dict(result[ImportKind.CLAIMS].by_rule) == {"AMOUNT_INVALID": 1}
    assert rejected(result[ImportKind.CLAIMS].rejected_file)[0].value == "1000.82 USD"
    assert count(small.database, Claim) == 0
    bring(small, path, rates={"USD": Decimal("7.1")})
    with small.database.read_scope() as session:
        assert session.scalars(select(Claim.total_fen)).all() == [710_582]
        assert session.scalars(select(ClaimLine.amount_fen).order_by(ClaimLine.number)).all() == [556_640, 153_942]


def test_files_of_a_bulk_export_refer_to_each_other(small: Intake, tmp_path: Path) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list):
            return [plain(one) for one in value]
        kinds = {"patient": "Patient", "doctor": "Practitioner", "claim": "Claim", "stay": "Encounter", "operation": "Procedure"}
        kinds |= {"condition": "Condition", "snomed": "Condition"}
        found = value.removeprefix("urn:uuid:") if isinstance(value, str) else value
        return f"{kinds[found]}/{found}" if found != value else value

    made.ndjson(tmp_path / "ExplanationOfBenefit.ndjson", plain(made.benefit()))
    made.ndjson(tmp_path / "Patient.ndjson", made.patient())
    made.ndjson(tmp_path / "Other.ndjson", made.organization(), *made.others(), plain(made.claim()))
    result = bring(small, *sorted(tmp_path.glob("*.ndjson")))
    assert [one.accepted for one in result.results.values()] == [1, 1, 2]


def test_persons_and_institutions_that_are_not_known_are_rejected_by_the_usual_rules(small: Intake, tmp_path: Path) -> None:
    stranger = made.patient(sequence=9)
    result = bring(small, made.bundle(tmp_path / "a.json", stranger, made.organization(), *made.others(), made.benefit()))
    assert dict(result.results[ImportKind.CLAIMS].by_rule) == {"PERSON_UNKNOWN": 1}
    assert dict(result.results[ImportKind.CLAIM_LINES].by_rule) == {"CLAIM_UNKNOWN": 2}
    claim = {**made.claim(), "provider": {"reference": "Organization/elsewhere"}, "insurance": []}
    result = bring(small, made.bundle(tmp_path / "b.json", made.patient(), claim), scheme="maternity")
    assert dict(result.results[ImportKind.CLAIMS].by_rule) == {"INSTITUTION_UNKNOWN": 1}
    assert ImportKind.INSTITUTIONS not in result.results


def test_what_was_not_submitted_makes_no_row(small: Intake, tmp_path: Path) -> None:
    parts = (made.patient(), made.organization(), *made.others())
    claims = [
        {**made.claim("c1"), "status": "cancelled"},
        {**made.claim("c2"), "use": "preauthorization"},
    ]
    with pytest.raises(FileUnusableError, match="no Claim"):
        bring(small, made.bundle(tmp_path / "a.json", *parts, *claims))
    result = bring(small, made.bundle(tmp_path / "b.json", *parts, *claims, made.claim()), scheme="maternity")
    assert result.results[ImportKind.CLAIMS].rows == 1
    assert (result.skipped["not_submitted"], result.skipped["not_a_claim"]) == (1, 1)


def test_a_prescription_at_a_pharmacy_brings_its_days(small: Intake, tmp_path: Path) -> None:
    supply = {"value": 14, "unit": "days", "code": "d"}
    request = {"resourceType": "MedicationRequest", "id": "rx", "dispenseRequest": {"expectedSupplyDuration": supply}}
    drug = {
        "sequence": 1,
        "productOrService": made.coded(made.RXNORM, "308136", "amLODIPine"),
        "net": made.money(25),
        "quantity": {"value": 2},
    }
    claim = {
        **made.claim(),
        "type": made.coded("http://terminology.hl7.org/CodeSystem/claim-type", "pharmacy"),
        "prescription": made.refer("rx"),
        "billablePeriod": {"start": "2026-01-10"},
        "item": [drug],
    }
    bring(small, made.bundle(tmp_path / "a.json", made.patient(), made.organization(), request, claim), scheme="employee_medical")
    with small.database.read_scope() as session:
        line = session.scalars(select(ClaimLine)).one()
        assert session.scalars(select(Claim.setting)).one() is CareSetting.PHARMACY
    assert (line.category, line.days, line.prescription, line.unit_price_fen) == (ChargeCategory.WESTERN_DRUG, 14, "rx", 1_250)
    assert line.charged_on == date(2026, 1, 10)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"", "no JSON"),
        ("a.json", b"{", "no JSON"),
        ("a.json", b"[1]", "no resourceType"),
        ("a.json", b'{"resourceType": "Patient"}', "no Claim"),
        ("a.json", "\ufeff{}".encode("utf-16"), "no JSON"),
        ("a.ndjson", b'{"resourceType": "Patient"}\n{"a": \n', "line 2"),
        ("a.json", b'{"resourceType": "Patient"}\n{"a": 1}\n', "line 2"),
    ],
)
def test_a_file_that_is_no_fhir_is_refused_in_words_and_leaves_nothing(
    small: Intake, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    before = count(small.database, ImportBatch)
    with pytest.raises(FileUnusableError, match=says) as caught:
        bring(small, tmp_path / name)
    assert name in str(caught.value)
    assert count(small.database, ImportBatch) == before
    assert list((small.folder / "fhir").iterdir()) == []


def test_a_bundle_too_large_to_be_held_is_refused(small: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = whole(tmp_path)
    monkeypatch.setattr(resources, "FILE_MAX_BYTES", 2_000)
    with pytest.raises(FileUnusableError, match="split the bundle"):
        bring(small, path)


NAMES = st.sampled_from(
    ["item", "net", "value", "coding", "code", "provider", "reference", "diagnosis", "total", "sequence", "period", "start"]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100)
@given(
    st.dictionaries(st.sampled_from(sorted(made.benefit())), JUNK, max_size=6), st.sampled_from(["patient", "encounter", "organization"])
)
def test_whatever_shape_elements_have_every_claim_makes_a_row(tmp_path_factory: Any, broken: dict[str, Any], which: str) -> None:
    damaged = {**made.benefit(), **broken, "resourceType": "ExplanationOfBenefit", "status": "active", "use": "claim"}
    other = {**getattr(made, which)(), **{key: value for key, value in broken.items() if key not in {"resourceType", "id"}}}
    folder = tmp_path_factory.mktemp("damaged")
    lines = [made.patient(), made.organization(), *made.others(), other, damaged]
    (folder / "a.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in lines]}))
    converted = convert_files([folder / "a.json"], folder, HowToConvert({}, "", UTC))
    assert converted.rows[ImportKind.CLAIMS] == 1
