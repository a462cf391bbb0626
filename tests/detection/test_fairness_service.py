from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from detection.fairness_service import GONE, TOO_FEW, FairnessService, Tended
from detection.figures_service import FiguresService
from models.alert import Alert, AlertSeverity, AlertState
from models.audit import AuditEntry
from models.casework import RuleMode
from models.database import Database
from models.fairness import Attempts, Dimension
from models.keys import FileKeyRing
from models.person import Person, Sex
from models.policy import RecordsPolicy
from models.region import Region, RegionLevel
from models.repositories import alerts, rule_modes, suppressions
from models.repositories.suppressions import NewSuppression
from models.verification import Verification, VerificationChannel, VerificationKind, VerificationOutcome, VerificationState
from tests.conftest import FixedClock
from tests.models.people import REGION, add_person

OTHER_COUNTY, OTHER_CITY, OTHER_CITYS_COUNTY = "429802", "429900", "429901"
PLACES = (REGION, OTHER_COUNTY, OTHER_CITYS_COUNTY)
BIRTHS = {"60-69": date(1960, 5, 1), "70-79": date(1950, 5, 1), "80+": date(1940, 5, 1)}
OUTCOMES = [*VerificationOutcome, VerificationState.EXPIRED, VerificationState.ABANDONED]
USUAL = (0.80, 0.05, 0.08, 0.01, 0.03, 0.03)
WORSE = (0.45, 0.05, 0.42, 0.02, 0.03, 0.03)
PER_PERSON = 40

Drawn = tuple[Person, str, VerificationChannel, "VerificationOutcome | VerificationState"]


def _attempts(session: Session, people: list[Person], at: datetime, *, seed: int, old_fare_worse: bool) -> list[Drawn]:
    rng, drawn, rows = random.Random(seed), [], []
    for person in people:
        shares = WORSE if old_fare_worse and person.birth_date == BIRTHS["80+"] else USUAL
        for ended in rng.choices(OUTCOMES, shares, k=PER_PERSON):
            device, channel = rng.choice(["phone", "tablet", "unheard of"]), rng.choice(list(VerificationChannel))
            drawn.append((person, device, channel, ended))
            rows.append(_row(person, device, channel, ended, at))
    session.execute(insert(Verification), rows)
    return drawn


def _row(
    person: Person, device: str, channel: VerificationChannel, ended: VerificationOutcome | VerificationState, at: datetime
) -> dict[str, Any]:
    decided = isinstance(ended, VerificationOutcome)
    return {
        "person_id": person.id,
        "state": VerificationState.DECIDED if decided else ended,
        "outcome": ended if decided else None,
        "decided_at": at + timedelta(seconds=30) if decided else None,
        "kind": VerificationKind.STANDARD,
        "channel": channel,
        "challenge": {},
        "token_hash": b"0" * 32,
        "started_at": at,
        "expires_at": at + timedelta(minutes=5),
        "client": {"device": device},
    }


@pytest.fixture
def people(database: Database, keyring: FileKeyRing) -> list[Person]:
    """Eighteen in three counties of two cities, of three ages and both sexes."""
    made = []
    with database.session_scope() as session:
        for number in range(18):
            person = add_person(session, keyring, sequence=101 + number)
            if number == 0:
                session.add(Region(code=OTHER_COUNTY, name="邻县", level=RegionLevel.COUNTY, parent_code="429800"))
                session.add(Region(code=OTHER_CITY, name="邻市", level=RegionLevel.CITY, parent_code="420000"))
                session.flush()
                session.add(Region(code=OTHER_CITYS_COUNTY, name="远县", level=RegionLevel.COUNTY, parent_code=OTHER_CITY))
                session.flush()
            person.birth_date = list(BIRTHS.values())[number % 3]
            person.sex = (Sex.FEMALE, Sex.MALE)[number // 3 % 2]
            person.region_code = PLACES[number // 6]
            made.append(person)
    return made


@pytest.fixture
def service(database: Database, records_policy: RecordsPolicy, clock: FixedClock) -> FairnessService:
    return FairnessService(database, records_policy, clock)


def _plainly(drawn: list[Drawn], of: Any) -> dict[str, Attempts]:
    """The same counts, attempt by attempt."""
    fields = dict(zip(OUTCOMES, ("certified", "referred", "retried", "refused", "unfinished", "unfinished"), strict=True))
    found: dict[str, dict[str, int]] = {}
    for one in drawn:
        counts = found.setdefault(of(one), dict.fromkeys([*fields.values(), "seconds"], 0))
        counts[fields[one[3]]] += 1
        counts["seconds"] += 30 if isinstance(one[3], VerificationOutcome) else 0
    return {name: Attempts(**counts) for name, counts in found.items()}


def _open(database: Database) -> dict[str, Alert]:
    with database.read_scope() as session:
        return {row.key: row for row in session.scalars(select(Alert).where(Alert.state != AlertState.CLOSED))}


def test_groups_are_those_of_a_plain_count(
    database: Database, records_policy: RecordsPolicy, clock: FixedClock, people: list[Person], service: FairnessService
) -> None:
    with database.session_scope() as session:
        drawn = _attempts(session, people, clock(), seed=1, old_fare_worse=False)
        _attempts(session, people, clock() - timedelta(days=200), seed=2, old_fare_worse=True)  # before the months looked at
    FiguresService(database, records_policy, clock).count(by="test")
    ages = {born: band for band, born in BIRTHS.items()}
    devices = {"phone": "phone", "tablet": "tablet", "unheard of": "other"}
    seen = service.look("420000")
    assert seen.day == records_policy.certification.today(clock())
    assert seen.groups == {
        Dimension.AGE: _plainly(drawn, lambda one: ages[one[0].birth_date]),
        Dimension.SEX: _plainly(drawn, lambda one: one[0].sex.value),
        Dimension.DEVICE: _plainly(drawn, lambda one: devices[one[1]]),
        Dimension.ROUTE: _plainly(drawn, lambda one: one[2].value),
        Dimension.REGION: _plainly(drawn, lambda one: one[0].region_code[:4] + "00"),
    }
    assert seen.names == {"429800": "试验市", OTHER_CITY: "邻市"}
    in_city = [one for one in drawn if one[0].region_code.startswith("4298")]
    of_city = service.look("429800")
    assert of_city.groups[Dimension.REGION] == _plainly(in_city, lambda one: one[0].region_code)
    assert of_city.groups[Dimension.SEX] == _plainly(in_city, lambda one: one[0].sex.value)
    assert service.look(REGION).groups[Dimension.REGION] == {}
    assert service.top_regions() == ["420000"]
    assert service.tend() == Tended()


def test_a_planted_gap_opens_alerts_once_and_closes_them_when_it_is_gone(
    database: Database, records_policy: RecordsPolicy, clock: FixedClock, people: list[Person], service: FairnessService
) -> None:
    figures = FiguresService(database, records_policy, clock)
    with database.session_scope() as session:
        _attempts(session, people, clock(), seed=3, old_fare_worse=True)
    assert service.tend() == Tended()  # nothing was counted yet
    figures.count(by="test")
    completion, retry = "fairness:420000:age:80+:completion", "fairness:420000:age:80+:retry"
    assert service.tend() == Tended(found=2, opened=2)
    found = _open(database)
    assert set(found) == {completion, retry}
    severity = records_policy.oversight.fairness.severity
    assert {row.severity for row in found.values()} == set(severity.values()) & {AlertSeverity.WARNING, AlertSeverity.SUSPICION}
    assert all(row.person_id is None and row.region_code == "420000" for row in found.values())
    details = found[completion].details
    assert details["of"] == 6 * PER_PERSON
    assert details["worse"][1] > details["limit"]
    assert service.tend() == Tended(found=2)
    with database.session_scope() as session:
        case_of = found[retry].id
        session.execute(update(Alert).where(Alert.id == case_of).values(state=AlertState.IN_CASE))
        _attempts(session, people, clock(), seed=4, old_fare_worse=False)
    figures.count(by="test")
    assert service.tend() == Tended(found=2, updated=2)  # half as wide, and still beyond policy
    with database.session_scope() as session:
        for seed in range(5, 15):
            _attempts(session, people, clock(), seed=seed, old_fare_worse=False)
    figures.count(by="test")
    assert service.tend().closed == 1
    assert set(_open(database)) == {retry}  # people work on it: theirs to close
    with database.read_scope() as session:
        closed = session.scalars(select(Alert).where(Alert.key == completion)).one()
        assert (closed.close_reason, closed.closed_by) == (GONE, "detection:fairness")
        told = session.scalars(select(AuditEntry.action).where(AuditEntry.actor == "detection:fairness").order_by(AuditEntry.id)).all()
    assert list(told) == ["alert.opened", "alert.opened", "alert.closed"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the statements are those of the tests above
def test_what_people_closed_or_silenced_stays_closed_for_as_long_as_its_months_are_looked_at(
    database: Database, records_policy: RecordsPolicy, clock: FixedClock, people: list[Person], service: FairnessService
) -> None:
    figures = FiguresService(database, records_policy, clock)
    with database.session_scope() as session:
        _attempts(session, people, clock(), seed=3, old_fare_worse=True)
    figures.count(by="test")
    assert service.tend().opened == 2
    with database.session_scope() as session:
        for alert in session.scalars(select(Alert)):
            alerts.close(session, alert.id, reason="new tablets come", by="staff:supervisor", now=clock())
    assert service.tend() == Tended(found=2, held_back=2)
    clock.advance(days=92)
    today = records_policy.certification.today(clock())
    with database.session_scope() as session:
        _attempts(session, people, clock(), seed=6, old_fare_worse=True)
        key = "fairness:420000:age:80+:retry"
        suppressions.add(session, NewSuppression(key, "", "420000", "known", today), today=today, by="staff:supervisor", now=clock())
    figures.count(by="test")
    assert service.tend() == Tended(found=2, opened=1, held_back=1)
    with database.session_scope() as session:
        rule_modes.change(session, "fairness_gap", RuleMode.SHADOW, reason="looked at first", by="staff:supervisor", now=clock())
        for alert in session.scalars(select(Alert).where(Alert.state == AlertState.OPEN)):
            session.delete(alert)
    assert service.tend() == Tended(found=2, held_back=2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the statements are those of the tests above
def test_an_alert_closes_when_too_few_attempts_are_left(
    database: Database, records_policy: RecordsPolicy, clock: FixedClock, people: list[Person], service: FairnessService
) -> None:
    figures = FiguresService(database, records_policy, clock)
    with database.session_scope() as session:
        _attempts(session, people, clock(), seed=3, old_fare_worse=True)
    figures.count(by="test")
    assert service.tend().opened == 2
    clock.advance(days=92)
    with database.session_scope() as session:
        _attempts(session, people[:2], clock(), seed=7, old_fare_worse=False)
    figures.count(by="test")
    assert service.tend() == Tended(closed=2)
    with database.read_scope() as session:
        assert set(session.scalars(select(Alert.close_reason))) == {TOO_FEW}


def test_a_store_without_figures_has_nothing_to_tell(sqlite_database: Database, records_policy: RecordsPolicy) -> None:
    service = FairnessService(sqlite_database, records_policy, lambda: datetime(2026, 3, 15, tzinfo=UTC))
    seen = service.look("420000")
    assert (seen.day, seen.groups, seen.gaps) == (None, {}, [])
    assert service.tend() == Tended()
