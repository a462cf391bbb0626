"""Made-up FHIR R4 resources in the shape in which Synthea writes them: a transaction bundle a patient, references by urn:uuid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.detection.files import number

Resource = dict[str, Any]
SNOMED, RXNORM = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10, ICD_9 = "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-9-cm"
ORGANIZATION_NUMBER = "8ad64ecf-c817-3753-bee7-006a8e662e06"


def coded(system: str, code: str, display: str = "") -> Resource:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def money(value: float, currency: str = "CNY") -> Resource:
    """An amount."""
    return {"value": value, "currency": currency}


def refer(name: str) -> Resource:
    """A reference within the bundle."""
    return {"reference": f"urn:uuid:{name}"}


def patient(name: str = "patient", sequence: int = 5) -> Resource:
    """One patient with a resident ID among other identifiers."""
    identifiers = [
        {"system": "https://github.com/synthetichealth/synthea", "value": name},
        {"type": coded("http://terminology.hl7.org/CodeSystem/v2-0203", "NI"), "system": "urn:resident", "value": number(sequence)},
    ]
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": identifiers,
        "name": [{"use": "official", "family": "王", "given": ["安"]}],
    }


def organization() -> Resource:
    """One hospital."""
    return {
        "resourceType": "Organization",
        "id": "hospital",
        "identifier": [{"system": "https://github.com/synthetichealth/synthea", "value": ORGANIZATION_NUMBER}],
        "type": [coded("http://terminology.hl7.org/CodeSystem/organization-type", "prov", "Healthcare Provider")],
        "name": "第一医院",
        "address": [{"state": "湖北省", "city": "武汉市", "district": "江岸区"}],
    }


def encounter() -> Resource:
    """One stay."""
    return {
        "resourceType": "Encounter",
        "id": "stay",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": {"start": "2026-01-10T20:00:00+08:00", "end": "2026-01-20T01:30:00+08:00"},
        "serviceType": {"text": "心内科"},
        "serviceProvider": {"reference": f"Organization?identifier=https://github.com/synthetichealth/synthea|{ORGANIZATION_NUMBER}"},
        "hospitalization": {
            "admitSource": coded("http://terminology.hl7.org/CodeSystem/admit-source", "hosp-trans"),
            "dischargeDisposition": coded("http://terminology.hl7.org/CodeSystem/discharge-disposition", "home"),
        },
    }


def claim(name: str = "claim") -> Resource:
    """What the hospital asks for."""
    return {
        "resourceType": "Claim",
        "id": name,
        "status": "active",
        "use": "claim",
        "type": coded("http://terminology.hl7.org/CodeSystem/claim-type", "institutional"),
        "patient": refer("patient"),
        "billablePeriod": {"start": "2026-01-10T20:00:00+08:00", "end": "2026-01-20T01:45:00+08:00"},
        "created": "2026-01-20T01:30:00+08:00",
        "provider": {"reference": f"Organization?identifier=https://github.com/synthetichealth/synthea|{ORGANIZATION_NUMBER}"},
        "diagnosis": [{"sequence": 1, "diagnosisReference": refer("condition")}, {"sequence": 2, "diagnosisReference": refer("snomed")}],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "职工医保"}}],
        "item": [
            {"sequence": 1, "productOrService": coded(SNOMED, "185347001", "Encounter for problem"), "encounter": [refer("stay")]},
            {"sequence": 2, "procedureSequence": [1], "productOrService": coded(SNOMED, "312681000", "Scan"), "net": money(216.82)},
        ],
        "total": money(1000.82),
    }


def benefit(of: str = "claim", currency: str = "CNY") -> Resource:
    """What was paid for it."""
    adjudication = [{"category": coded("http://terminology.hl7.org/CodeSystem/adjudication", "benefit"), "amount": money(150, currency)}]
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": f"benefit-of-{of}",
        "contained": [{"resourceType": "Coverage", "id": "coverage", "type": {"text": "职工医保"}}],
        "identifier": [{"system": "https://bluebutton.cms.gov/resources/variables/clm_id", "value": "17"}],
        "status": "active",
        "use": "claim",
        "type": coded("http://terminology.hl7.org/CodeSystem/claim-type", "institutional"),
        "patient": refer("patient"),
        "billablePeriod": {"start": "2026-01-10T20:00:00+08:00", "end": "2027-01-10T20:00:00+08:00"},
        "created": "2026-01-20T01:30:00+08:00",
        "provider": refer("doctor"),
        "claim": refer(of),
        "careTeam": [{"sequence": 1, "provider": refer("doctor")}],
        "diagnosis": [
            {"sequence": 2, "diagnosisCodeableConcept": coded(ICD_10, "J18.9"), "onAdmission": coded("urn:on-admission", "n")},
            {"sequence": 1, "diagnosisReference": refer("condition"), "type": [coded("urn:diagnosis-type", "principal")]},
            {"sequence": 3, "diagnosisReference": refer("snomed")},
        ],
        "procedure": [{"sequence": 1, "procedureReference": refer("operation")}],
        "insurance": [{"focal": True, "coverage": {"reference": "#coverage"}}],
        "item": [
            {
                "sequence": 1,
                "productOrService": coded(SNOMED, "185347001", "Encounter for problem"),
                "encounter": [refer("stay")],
                "servicedPeriod": {"start": "2026-01-10T20:00:00+08:00"},
                "quantity": {"value": 10},
                "unitPrice": money(78.4, currency),
                "net": money(784, currency),
                "category": {"text": "床位费"},
            },
            {
                "sequence": 2,
                "procedureSequence": [1],
                "productOrService": coded(SNOMED, "312681000", "Scan"),
                "servicedDate": "2026-01-11",
                "net": money(216.82, currency),
                "adjudication": adjudication,
            },
            {"sequence": 3, "diagnosisSequence": [1], "productOrService": coded(SNOMED, "38341003", "Hypertension")},
        ],
        "total": [
            {"category": coded("http://terminology.hl7.org/CodeSystem/adjudication", "submitted"), "amount": money(1000.82, currency)}
        ],
        "payment": {"amount": money(700.1, currency)},
    }


def others() -> list[Resource]:
    """What a claim and its benefit refer to, the patient and the hospital apart."""
    return [
        {"resourceType": "Practitioner", "id": "doctor", "identifier": [{"system": "urn:doctors", "value": "D420106"}]},
        encounter(),
        {
            "resourceType": "Condition",
            "id": "condition",
            "code": {"coding": [{"system": SNOMED, "code": "1"}, {"system": ICD_10, "code": "I10"}]},
        },
        {"resourceType": "Condition", "id": "snomed", "code": coded(SNOMED, "444814009", "Viral sinusitis")},
        {"resourceType": "Procedure", "id": "operation", "code": coded(ICD_9, "88.72")},
        {"resourceType": "Observation", "id": "o", "status": "final"},
    ]


def bundle(path: Path, *resources: Resource) -> Path:
    """A transaction bundle."""
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "request": {"method": "POST"}} for one in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}, ensure_ascii=False, indent=1))
    return path


def ndjson(path: Path, *resources: Resource) -> Path:
    """One resource a line, as bulk exports have it."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in resources))
    return path
