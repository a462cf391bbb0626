"""Made-up claims written straight into a store of the tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.claim import CareSetting, ChargeCategory, Claim, ClaimLine, Institution, InstitutionKind, InstitutionLevel
from models.enrolment import Scheme
from models.keys import KeyRing
from models.repositories import claims
from tests.models.people import REGION, add_person


def add_institution(session: Session, code: str = "H420106001", *, region: str, **more: Any) -> Institution:
    """One institution."""
    values = {"name": "某医院", "level": InstitutionLevel.TERTIARY, "kind": InstitutionKind.HOSPITAL, "beds": 500, **more}
    row = Institution(code=code, region_code=region, **values)
    session.add(row)
    session.flush()
    return row


def add_claim(session: Session, institution: Institution, person_id: int, reference: str, to_date: date, **more: Any) -> Claim:
    """One claim of one day, unless ``from_date`` says otherwise; its month is touched."""
    values = {
        "setting": CareSetting.OUTPATIENT,
        "scheme": Scheme.EMPLOYEE_MEDICAL,
        "from_date": to_date,
        "diagnoses": [],
        "procedures": [],
        "hospital_acquired": [],
        "total_fen": 10_000,
        "fund_fen": 7_000,
        **more,
    }
    row = Claim(institution_id=institution.id, person_id=person_id, reference=reference, to_date=to_date, **values)
    session.add(row)
    session.flush()
    claims.touch_months(session, [to_date.replace(day=1)])
    return row


def add_line(session: Session, claim: Claim, number: int, **more: Any) -> ClaimLine:
    """One line of a claim."""
    values = {
        "item_code": "XA01",
        "item_name": "某药",
        "category": ChargeCategory.WESTERN_DRUG,
        "quantity": 2.0,
        "unit_price_fen": 1_250,
        "amount_fen": 2_500,
        "charged_on": claim.from_date,
        **more,
    }
    row = ClaimLine(claim_id=claim.id, number=number, **values)
    session.add(row)
    session.flush()
    claims.touch_months(session, [claim.to_date.replace(day=1)])
    return row


def add_readmissions(session: Session, keyring: KeyRing) -> tuple[int, int]:
    """Two people, each twice in hospital with one illness three days apart, in February and in March 2026; ids of the readmissions."""
    people = [add_person(session, keyring, sequence=sequence) for sequence in (1, 3)]
    hospital = add_institution(session, region=REGION)
    found = []
    for person, month in zip(people, (2, 3), strict=True):
        for first, last in ((1, 5), (8, 12)):
            stay = {"setting": CareSetting.INPATIENT, "principal_diagnosis": "I50.900", "from_date": date(2026, month, first)}
            money = {"fund_fen": 500_000, "total_fen": 900_000}
            claim = add_claim(session, hospital, person.id, f"{month}-{first}", date(2026, month, last), **stay, **money)
        found.append(claim.id)
    return found[0], found[1]
