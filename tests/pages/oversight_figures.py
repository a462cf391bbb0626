"""Kept figures of a made-up city, as a count leaves them, for the tests of the supervisors' view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.alert import AlertSeverity, AlertState
from models.certification import add_months
from models.claim import CareSetting, ChargeCategory, Claim, ClaimLine, Institution, InstitutionKind, InstitutionLevel
from models.enrolment import Scheme
from models.oversight import FigurePeriod, FiguresRun, OversightFigure
from models.person import Person
from models.region import Region, RegionLevel
from models.repositories import persons
from tests.api.signal_cases import add_alert, add_signal, entry

MONTHS = 25
AGES = ("0-7", "8-30", "31-90", "91+")


@dataclass(frozen=True)
class Money:
    """Public ids of what lies behind the figures. alert: about the hospital; of_person: about a person, naming the claim."""

    hospital: str
    claim: str
    alert: str
    of_person: str
    counties: tuple[str, ...]


def fill_figures(session: Session, city: str, today: date, at: datetime, *, counties: int = 6) -> tuple[str, ...]:
    """Counties below a city, and figures of each for 25 month ends and today. Every county and month has other numbers."""
    codes = tuple(f"{city[:4]}{number:02d}" for number in range(1, counties + 1))
    for number, code in enumerate(codes, 1):
        if session.get(Region, code) is None:
            session.add(Region(code=code, name=f"第{number}区", level=RegionLevel.COUNTY, parent_code=city))
    session.flush()
    rows: list[dict[str, object]] = []
    first = add_months(today.replace(day=1), 1 - MONTHS)
    for back in range(MONTHS):
        month = add_months(first, back)
        day = min(today, add_months(month, 1) - timedelta(days=1))
        session.add(FiguresRun(day=day, at=at, by="test", took_ms=1, rows=1))
        for number, code in enumerate(codes, 1):
            _stocks(rows, code, day, number, back)
            _flows(rows, code, month, number, back)
        _median(rows, city, month, back)
    session.flush()
    session.execute(insert(OversightFigure), rows)
    return codes


def _add(
    rows: list[dict[str, object]], period: FigurePeriod, day: date, region: str, kind: str, count: int, code: str = "", **more: int
) -> None:
    row = {"period": period, "day": day, "region_code": region, "kind": kind, "code": code, "count": count, "fen": None, "seconds": None}
    rows.append(row | more)


def _stocks(rows: list[dict[str, object]], code: str, day: date, number: int, back: int) -> None:
    period = FigurePeriod.DAY
    people = {
        "certified": 700 + 40 * number + back,
        "due_soon": 20,
        "overdue": 200 - 25 * number,
        "paused": number + back,
        "never_certified": 5,
    }
    for state, count in {**people, "deceased": 9}.items():
        _add(rows, period, day, code, f"people.{state}", count)
    covered = people["certified"] + people["due_soon"]
    for method, count in {"silent": covered - 300, "face": 200, "counter": 60, "home_visit": 40}.items():
        _add(rows, period, day, code, "method", count, method)
    for alert, count, fen in (("P1", 2 * number, 123_456 * number), ("B1", number, 20_050), ("M-HOSPITAL", 1, 777_777)):
        _add(rows, period, day, code, "alerts.open", count, alert, fen=fen)
    _add(rows, period, day, code, "alerts.open", 3 * number + 1, fen=123_456 * number + 20_050 + 777_777)
    for place, age in enumerate(AGES):
        _add(rows, period, day, code, "alerts.age", number + place, age, fen=1_000 * place)


def _flows(rows: list[dict[str, object]], code: str, month: date, number: int, back: int) -> None:
    period = FigurePeriod.MONTH
    for alert in ("", "P1"):
        _add(rows, period, month, code, "alerts.opened", number, alert, fen=5_000)
        _add(rows, period, month, code, "cases.confirmed", 1, alert, fen=10_000 * number + back, seconds=86_400)
        _add(rows, period, month, code, "cases.unfounded", 1, alert, fen=0, seconds=86_400)
        _add(rows, period, month, code, "recovered", 1, alert, fen=4_000 + back)


def _median(rows: list[dict[str, object]], city: str, month: date, back: int) -> None:
    for alert in ("", "P1"):
        _add(rows, FigurePeriod.MONTH, month, city, "cases.decided.median_s", 2, alert, seconds=86_400 * 3 + 8_640 * back)


def fill_money(session: Session, person_id: str, region: str, now: datetime) -> Money:
    """A hospital with an alert, a claim of the person with lines, and a finding that names the claim and its second line."""
    person: Person = persons.get(session, person_id)
    place = Institution(
        code="H0001", name="第一人民医院", level=InstitutionLevel.TERTIARY, kind=InstitutionKind.HOSPITAL, region_code=region
    )
    session.add(place)
    session.flush()
    day = now.date() - timedelta(days=20)
    claim = Claim(
        institution_id=place.id,
        person_id=person.id,
        reference="R-1",
        setting=CareSetting.INPATIENT,
        scheme=Scheme.EMPLOYEE_MEDICAL,
        department="心内科",
        from_date=day - timedelta(days=4),
        to_date=day,
        principal_diagnosis="I10.x00",
        total_fen=98_765,
        fund_fen=54_321,
    )
    session.add(claim)
    session.flush()
    lines = [
        ClaimLine(
            claim_id=claim.id,
            number=number,
            item_code=f"X{number}",
            item_name=f"项目{number}",
            category=ChargeCategory.LABORATORY,
            quantity=2.0,
            unit_price_fen=1_000,
            amount_fen=2_000,
            charged_on=day,
        )
        for number in (1, 2, 3)
    ]
    session.add_all(lines)
    session.flush()
    about = add_alert(
        session, person, "M-HOSPITAL", now, key="hospital:H0001", person_id=None, region_code=region, amount_fen=777_777, priority=5.0
    )
    alert = add_alert(session, person, "H7", now, key=f"person:{person.id}", amount_fen=2_000, priority=4.0, severity=AlertSeverity.WARNING)
    records = [entry("claim", claim, "claim"), entry("claim_line", lines[1], "line")]
    add_signal(session, alert, person, "H7", now, amount_fen=2_000, records=records)
    assert about.state is AlertState.OPEN
    return Money(place.public_id, claim.public_id, about.public_id, alert.public_id, ())
