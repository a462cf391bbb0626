"""Made-up persons for the tests of this folder. The region code 429801 is assigned to no county."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from models.identifiers import check_character
from models.keys import KeyRing
from models.person import Person
from models.region import Region, RegionLevel
from models.repositories import persons

NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
REGION = "429801"


def resident_id(born: date = date(1950, 6, 1), sequence: int = 124, region: str = REGION) -> str:
    first_17 = f"{region}{born:%Y%m%d}{sequence:03d}"
    return first_17 + check_character(first_17)


def add_regions(session: Session) -> None:
    session.add(Region(code="420000", name="某省", level=RegionLevel.PROVINCE, parent_code=None))
    session.flush()
    session.add(Region(code="429800", name="试验市", level=RegionLevel.CITY, parent_code="420000"))
    session.flush()
    session.add(Region(code=REGION, name="样板县", level=RegionLevel.COUNTY, parent_code="429800"))
    session.flush()


def add_person(session: Session, keyring: KeyRing, *, sequence: int = 124, name: str = "张建国", **options: str) -> Person:
    if session.get(Region, REGION) is None:
        add_regions(session)
    new = persons.NewPerson(resident_id=resident_id(sequence=sequence), name=name, region_code=REGION, **options)
    return persons.add(session, new, keyring=keyring, now=NOW)
