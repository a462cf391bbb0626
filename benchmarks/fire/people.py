"""Whom the fire is about: made-up pensioners with consent and a reference face, staff with passwords, and cases to decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from api.accounts import create_demo_accounts
from api.context import Context, open_context
from api.scopes import Scope
from api.settings import EngineChoice, Environment, Settings
from models.alert import Alert, AlertSeverity
from models.benefit import Benefit, BenefitStatus
from models.consent import ConsentPurpose
from models.enrolment import Scheme
from models.identifiers import check_character
from models.region import Region, RegionLevel
from models.repositories import alerts, clients, persons
from models.repositories.alerts import NewAlert
from sample_data.captures import draw, jpeg
from verify.engines.scripted import Scene

PROVINCE, CITY = "990000", "990100"  # codes that no region has
NAME = "王秀英"
FIRST_DAY = date(1940, 1, 1)


@dataclass(frozen=True)
class Pensioner:
    """One person before the camera. identity: of the drawn face."""

    person_id: str
    name: str
    resident_id: str
    identity: int


@dataclass(frozen=True)
class People:
    """Who is in the store. alerts: public ids of open alerts that nobody has taken."""

    pensioners: tuple[Pensioner, ...]
    alerts: tuple[str, ...]
    client_id: str
    client_secret: str


def resident_id_of(number: int) -> str:
    """A well-formed number of nobody: the number-th day from 1940 on, in a division that does not exist."""
    first = f"190102{FIRST_DAY + timedelta(days=number):%Y%m%d}{100 + number % 800:03d}"
    return first + check_character(first)


def settings_of(home: Path, database_url: str = "", engine: str = "scripted") -> Settings:
    """Settings of a service on this home, without the environment of who calls."""
    return Settings(home=home, database_url=database_url, environment=Environment.TEST, engine=EngineChoice(engine))


def fill(
    home: Path,
    database_url: str = "",
    *,
    pensioners: int = 4,
    open_alerts: int = 0,
    face: bytes | None = None,
    engine: str = "scripted",
    agreed: bool = True,
) -> People:
    """Make the people of a fire in an empty or migrated store. face: reference of all of them; without it each has a drawn one.

    agreed: they have agreed that their faces are used.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    context = open_context(settings_of(home, database_url, engine))
    try:
        _regions(context)
        if face is not None:
            _look_once(context, face)
        made = tuple(_pensioner(context, number, face, agreed=agreed) for number in range(pensioners))
        create_demo_accounts(context, region_code=PROVINCE)
        client_id, secret = _client(context)
        return People(made, add_alerts(context, open_alerts), client_id, secret)
    finally:
        context.database.dispose()


def _look_once(context: Context, face: bytes) -> None:
    """Let the engine look at the reference of all of them once, and not again for each: enrolling is not what is measured."""
    references = context.verification.references
    examined = references._examine(face)
    if examined[1] is None or examined[2] is None:
        raise ValueError("the picture cannot become a reference")
    embedding = references._embed(examined[1], examined[2])
    references._examine = lambda _data: examined  # type: ignore[method-assign]
    references._embed = lambda _image, _face: embedding  # type: ignore[method-assign]


def _regions(context: Context) -> None:
    with context.database.session_scope() as session:
        session.add(Region(code=PROVINCE, name="火省", level=RegionLevel.PROVINCE, parent_code=None))
        session.flush()
        session.add(Region(code=CITY, name="火市", level=RegionLevel.CITY, parent_code=PROVINCE))


def _pensioner(context: Context, number: int, face: bytes | None, *, agreed: bool) -> Pensioner:
    resident_id, identity = resident_id_of(number), 1 + number
    with context.database.session_scope() as session:
        new = persons.NewPerson(resident_id=resident_id, name=NAME, region_code=CITY)
        person = persons.add(session, new, keyring=context.keyring, now=context.clock())
        benefit = {"scheme": Scheme.RESIDENT_PENSION, "region_code": CITY, "monthly_fen": 123_456, "status": BenefitStatus.ACTIVE}
        session.add(Benefit(person_id=person.id, from_month=date(2015, 1, 1), **benefit))
        person_id = person.public_id
    references = context.verification.references
    if agreed:
        version = context.policy.consent.text_versions["face_verification"]
        references.give_consent(person_id, purpose=ConsentPurpose.FACE_VERIFICATION, text_version=version, language="zh", channel="counter")
    references.enrol(person_id, face or jpeg(draw(Scene(identity=identity))), source="file", actor="staff:counter")
    return Pensioner(person_id, NAME, resident_id, identity)


def _client(context: Context) -> tuple[str, str]:
    with context.database.session_scope() as session:
        made = clients.add(
            session,
            name="fire",
            scopes=sorted(Scope),
            region_code=PROVINCE,
            rate_per_minute=1_000_000,
            certificate_sha256=None,
            with_secret=True,
            keyring=context.keyring,
            actor="operator:fire",
            now=context.clock(),
        )
    return made.client_id, made.secret or ""


def add_alerts(context: Context, count: int) -> tuple[str, ...]:
    """Open so many alerts about nobody in particular; their public ids."""
    with context.database.session_scope() as session:
        new = [NewAlert("C1", f"group:fire-{number}", AlertSeverity.WARNING, CITY, priority=1.0) for number in range(count)]
        alerts.open_alerts(session, new, by="fire", now=context.clock())
        wanted = select(Alert.public_id).where(Alert.key.like("group:fire-%")).order_by(Alert.id)
        return tuple(session.scalars(wanted))
