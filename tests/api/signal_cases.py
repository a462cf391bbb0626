"""Alerts with signals of several rules in a store, as a run leaves them, for the tests of pages and doors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState
from models.benefit import Benefit, BenefitStatus, Payment
from models.certification import add_months
from models.detection import DetectionKind, DetectionRun, RunState, Signal, SubjectKind
from models.enrolment import Enrolment, Scheme
from models.keys import KeyRing
from models.life_evidence import EvidenceKind, Strength
from models.person import Person
from models.repositories import life_evidence, persons
from models.repositories.life_evidence import NewEvidence
from models.types import opaque_id

WATERFALL = [
    {"feature": "prior", "level": "prior", "weight": -18.0, "frequency_weight": 0.0},
    {"feature": "resident id", "level": "one slip", "weight": 14.5, "frequency_weight": 0.0},
    {"feature": "full name", "level": "the same name", "weight": 9.25, "frequency_weight": 2.0},
    {"feature": "birth date", "level": "the same day", "weight": 7.5, "frequency_weight": 0.0},
    {"feature": "region code", "level": "differs", "weight": -3.0, "frequency_weight": 0.0},
    {"feature": "phone, account, address", "level": "a new level", "weight": 1.25, "frequency_weight": 0.0},
]


@dataclass(frozen=True)
class Found:
    """Public ids of what was put into the store. alert: of the first person, with B1, D1 and P1; pair: with D3; run: of all of them."""

    alert: str
    pair: str
    pair_signal: str
    second: str
    run: str


def add_run(session: Session, now: datetime, **other: Any) -> DetectionRun:
    """A run that ended well, unless told otherwise."""
    run = DetectionRun(
        **{
            "public_id": opaque_id(),
            "kind": DetectionKind.BENEFITS,
            "state": RunState.DONE,
            "as_of": now.date(),
            "region_code": "",
            "engine": "duckdb",
            "policy_hash": "0" * 64,
            "finished_stages": {"triage": {"opened": 2}, "B1": {"found": 1, "amount_fen": 64_000, "wall_s": 1.25}, "B2 (part)": {}},
            "found": 3,
            "opened": 3,
            "started_by": "staff:supervisor",
            "started_at": now,
            "finished_at": now,
        }
        | other
    )
    session.add(run)
    session.flush()
    return run


def add_alert(session: Session, person: Person, code: str, now: datetime, **other: Any) -> Alert:
    """An open alert."""
    row = Alert(
        **{
            "public_id": opaque_id(),
            "code": code,
            "key": f"person:{person.id}",
            "severity": AlertSeverity.VIOLATION,
            "state": AlertState.OPEN,
            "person_id": person.id,
            "region_code": person.region_code,
            "opened_by": "detection:triage",
            "opened_at": now,
            "updated_at": now,
            "details": {},
        }
        | other
    )
    session.add(row)
    session.flush()
    return row


def add_signal(session: Session, alert: Alert | None, person: Person, code: str, now: datetime, **other: Any) -> Signal:
    """A standing signal."""
    row = Signal(
        **{
            "public_id": opaque_id(),
            "code": code,
            "key": f"{code}:{person.id}",
            "alert_id": None if alert is None else alert.id,
            "subject_kind": SubjectKind.PERSON,
            "person_id": person.id,
            "region_code": person.region_code,
            "severity": AlertSeverity.VIOLATION,
            "confidence": 0.95,
            "digest": b"d" * 32,
            "policy_hash": "0" * 64,
            "first_seen_at": now,
            "changed_at": now,
        }
        | other
    )
    session.add(row)
    session.flush()
    return row


def entry(kind: str, row: Any, role: str) -> dict[str, Any]:
    """One record of a signal as the column holds it."""
    return {"kind": kind, "id": row.id, "role": role}


def drawn(session: Session, person: Person, scheme: Scheme, first: date, months: int, fen: int) -> list[Payment]:
    """The payments of a new benefit."""
    benefit = Benefit(person_id=person.id, scheme=scheme, region_code=person.region_code, monthly_fen=fen, status=BenefitStatus.ACTIVE)
    benefit.from_month = first
    session.add(benefit)
    session.flush()
    paid = [Payment(benefit_id=benefit.id, month=add_months(first, n), amount_fen=fen) for n in range(months)]
    session.add_all(paid)
    session.flush()
    return paid


def fill(session: Session, keyring: KeyRing, first_id: str, second_number: str, now: datetime) -> Found:
    """One person with three findings, and a pair that may be one person."""
    person = persons.get(session, first_id)
    new = persons.NewPerson(resident_id=second_number, name="王建囯", region_code=person.region_code, phone="13900001111")
    second = persons.add(session, new, keyring=keyring, now=now)
    run = add_run(session, now)
    employee_paid = drawn(session, person, Scheme.EMPLOYEE_PENSION, date(2024, 11, 1), 8, 320_050)
    resident_paid = drawn(session, person, Scheme.RESIDENT_PENSION, date(2024, 6, 1), 10, 16_000)
    one = Enrolment(person_id=person.id, scheme=Scheme.EMPLOYEE_PENSION, region_code=person.region_code, from_month=date(2023, 1, 1))
    other = Enrolment(person_id=person.id, scheme=Scheme.RESIDENT_PENSION, region_code=person.region_code, from_month=date(2023, 10, 1))
    one.to_month, other.to_month = date(2023, 12, 1), date(2024, 3, 1)
    session.add_all([one, other])
    death = NewEvidence(person.id, EvidenceKind.DEATH_RECORD, date(2025, 4, 9), Strength.CONCLUSIVE, "civil affairs")
    died = life_evidence.add(session, death, by="test", now=now)
    session.flush()
    alert = add_alert(session, person, "B1", now, amount_fen=800_100, priority=5.25)
    both = {"scheme": "employee_pension", "other_scheme": "resident_pension"}
    add_signal(
        session,
        alert,
        person,
        "B1",
        now,
        run_id=run.id,
        from_month=date(2024, 12, 1),
        to_month=date(2025, 3, 1),
        months=4,
        amount_fen=64_000,
        facts={**both, "offset_months": 1},
        records=[
            *(entry("payment", row, "paid") for row in resident_paid[6:10]),
            *(entry("payment", row, "other_paid") for row in employee_paid[1:5]),
        ],
    )
    add_signal(
        session,
        alert,
        person,
        "D1",
        now,
        run_id=run.id,
        from_month=date(2023, 10, 1),
        to_month=date(2023, 12, 1),
        months=3,
        facts=both,
        records=[entry("enrolment", one, "overlap"), entry("enrolment", other, "overlap")],
    )
    add_signal(
        session,
        alert,
        person,
        "P1",
        now,
        from_month=date(2025, 5, 1),
        to_month=date(2025, 6, 1),
        months=2,
        amount_fen=640_100,
        facts={"died_on": "2025-04-09", "strength": "conclusive", "source": "civil affairs", "other_reports": 0},
        records=[entry("life_evidence", died, "death"), *(entry("payment", row, "paid") for row in employee_paid[6:8])],
    )
    pair_alert = add_alert(session, second, "D3", now, severity=AlertSeverity.SUSPICION, amount_fen=120_000, priority=2.0)
    pair = add_signal(
        session,
        pair_alert,
        second,
        "D3",
        now,
        severity=AlertSeverity.SUSPICION,
        confidence=0.9991,
        amount_fen=120_000,
        facts={"probability": 0.9991, "weight": 13.5, "waterfall": WATERFALL},
        records=[entry("person", second, "person"), entry("person", person, "other")],
    )
    return Found(alert.public_id, pair_alert.public_id, pair.public_id, second.public_id, run.public_id)
