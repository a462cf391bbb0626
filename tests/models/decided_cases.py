"""A store with decided cases of several rules, for the tests of scorecards and labels."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from models.alert import Alert, AlertSeverity, AlertState, CaseFile, CaseOutcome, CaseReferral
from models.casework import CaseEvent, CaseStep
from models.region import Region, RegionLevel
from models.types import opaque_id
from tests.models.people import REGION, add_regions

OTHER_COUNTY = "429802"
CODES = ("B1", "D1", "H2", "P1")


@dataclass(frozen=True)
class Made:
    """One case as it was put in. back: (when, fen) of money that came back."""

    codes: tuple[str, ...]
    region_code: str
    outcome: CaseOutcome | None
    found_fen: int | None
    worked_s: int
    closed_at: datetime | None
    back: tuple[tuple[datetime, int], ...]


def add_cases(session: Session, count: int, *, seed: int, first: datetime, last: datetime) -> list[Made]:
    """Cases by chance, decided between two moments; a tenth is open, a tenth has an alert without signals."""
    rng = random.Random(seed)
    if session.get(Region, REGION) is None:
        add_regions(session)
    session.add(Region(code=OTHER_COUNTY, name="邻县", level=RegionLevel.COUNTY, parent_code="429800"))
    session.flush()
    return [add_case(session, _made(rng, first, last)) for _ in range(count)]


def add_case(session: Session, made: Made, *, code: str | None = None) -> Made:
    """One alert with its case. code: of the alert, the first of its codes when none is given."""
    is_open = made.closed_at is None
    opened = (made.closed_at or datetime(2026, 2, 1, tzinfo=UTC)) - timedelta(days=3)
    closed = {} if is_open else {"closed_by": "staff:a", "closed_at": made.closed_at}
    alert = Alert(
        code=code or made.codes[0],
        key=opaque_id(),
        severity=AlertSeverity.WARNING,
        state=AlertState.IN_CASE if is_open else AlertState.CLOSED,
        region_code=made.region_code,
        priority=1.0,
        details={"signals": dict.fromkeys(made.codes, 2)} if len(made.codes) > 1 else {},
        opened_by="test",
        opened_at=opened,
        **closed,
    )
    session.add(alert)
    session.flush()
    case = CaseFile(
        alert_id=alert.id,
        region_code=made.region_code,
        opened_by="staff:a",
        opened_at=opened,
        outcome=made.outcome,
        referred_to=CaseReferral.POLICE if made.outcome is CaseOutcome.REFERRED else None,
        found_fen=made.found_fen,
        recovered_fen=sum(fen for _, fen in made.back),
        worked_s=made.worked_s,
        signed_by="staff:b" if made.outcome is CaseOutcome.CONFIRMED else None,
        **closed,
    )
    session.add(case)
    session.flush()
    for at, fen in made.back:
        session.add(
            CaseEvent(
                case_id=case.id,
                step=CaseStep.RECOVERED,
                by="staff:a",
                at=at,
                details={"fen": fen, "on": (at + timedelta(hours=8)).date().isoformat()},
            )
        )
    return made


def _made(rng: random.Random, first: datetime, last: datetime) -> Made:
    codes = tuple(rng.sample(CODES, rng.choice([1, 1, 2, 3])))
    region, worked = rng.choice([REGION, OTHER_COUNTY]), rng.randrange(0, 5000)
    if rng.random() < 0.1:
        return Made(codes, region, None, None, worked, None, ())
    outcome = rng.choice(list(CaseOutcome))
    closed = first + (last - first) * rng.random()
    found = rng.randrange(0, 10_000_019) if outcome is CaseOutcome.CONFIRMED else None
    back: tuple[tuple[datetime, int], ...] = ()
    if found and rng.random() < 0.7:
        back = tuple((closed + timedelta(days=days), rng.randrange(1, 1 + found // 3)) for days in (1, 40))
    return Made(codes, region, outcome, found, worked, closed, back)
