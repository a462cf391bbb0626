"""The application around a real store, with people in two regions and one account a role."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.app import create_app
from api.callers import PERSON_KEY
from api.context import Context, open_context
from api.rights import RoleName
from api.settings import EngineChoice, Environment, Settings
from api.staff import StaffDatastore
from models.account import Account, Role
from models.region import Region, RegionLevel
from models.repositories import clients, persons
from tests.conftest import FixedClock

HOME_PROVINCE, HOME_REGION = "190000", "190100"
OTHER_PROVINCE, OTHER_REGION = "290000", "290100"
RESIDENT_ID, OTHER_RESIDENT_ID = "190102195203070019", "290102195203070012"
NAME = "王建国"


@dataclass(frozen=True)
class World:
    """The application and who is in it. at_home: a person in the accounts' region; elsewhere: one outside it."""

    app: APIFlask
    context: Context
    clock: FixedClock
    at_home: str
    elsewhere: str

    def token(self, role: RoleName) -> dict[str, str]:
        """Headers of a member of staff or a program."""
        user = StaffDatastore(self.context.database).find_user(username=role.value)
        assert user is not None
        with self.app.app_context():
            return {"Authentication-Token": str(user.get_auth_token())}

    def staff(self, role: RoleName = RoleName.COUNTER) -> FlaskClient:
        """A client that sends a staff token with every request."""
        client = self.app.test_client()
        for name, value in self.token(role).items():
            client.environ_base["HTTP_" + name.upper().replace("-", "_")] = value
        return client

    def pensioner(self, person_id: str | None = None) -> FlaskClient:
        """A client whose cookie session is that of a pensioner; CSRF tokens are sent by ``csrf``."""
        client = self.app.test_client()
        with client.session_transaction() as session:
            session[PERSON_KEY] = person_id or self.at_home
        return client

    def access_token(self, *scopes: str, region: str = HOME_REGION, rate_per_minute: int = 1_000_000) -> str:
        """Access token of a fresh machine client with these scopes."""
        with self.context.database.session_scope() as session:
            made = clients.add(
                session,
                name="test",
                scopes=scopes,
                region_code=region,
                rate_per_minute=rate_per_minute,
                certificate_sha256=None,
                with_secret=True,
                keyring=self.context.keyring,
                actor="test",
                now=self.clock(),
            )
        form = {"grant_type": "client_credentials", "client_id": made.client_id, "client_secret": made.secret}
        answer = self.app.test_client().post("/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def client(self, *scopes: str, region: str = HOME_REGION, rate_per_minute: int = 1_000_000) -> FlaskClient:
        """A client that sends the access token of a fresh machine client with every request."""
        client = self.app.test_client()
        token = self.access_token(*scopes, region=region, rate_per_minute=rate_per_minute)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    def anonymous(self) -> FlaskClient:
        """Nobody."""
        return self.app.test_client()


def csrf(world: World, client: FlaskClient) -> dict[str, str]:
    """The header that a page sends with every call that changes something."""
    from flask_wtf.csrf import generate_csrf

    with client.session_transaction() as session:
        kept = dict(session)
    with world.app.test_request_context():
        from flask import session as inner

        inner.update(kept)
        header = {"X-CSRFToken": generate_csrf()}
        made = inner["csrf_token"]
    with client.session_transaction() as session:
        session["csrf_token"] = made
    return header


def make_world(url: str, home: Path, clock: FixedClock) -> World:
    """Open a context on a migrated database, and put regions, people and accounts into it."""
    settings = Settings(home=home, database_url=url, environment=Environment.TEST, engine=EngineChoice.SCRIPTED)
    context = open_context(settings, clock=clock)
    with context.database.session_scope() as session:
        for code, level, parent in (
            (HOME_PROVINCE, RegionLevel.PROVINCE, None),
            (OTHER_PROVINCE, RegionLevel.PROVINCE, None),
        ):
            session.add(Region(code=code, name=code, level=level, parent_code=parent))
        session.flush()
        for code, parent in ((HOME_REGION, HOME_PROVINCE), (OTHER_REGION, OTHER_PROVINCE)):
            session.add(Region(code=code, name=code, level=RegionLevel.CITY, parent_code=parent))
        session.flush()
        new = persons.NewPerson(resident_id=RESIDENT_ID, name=NAME, region_code=HOME_REGION)
        at_home = persons.add(session, new, keyring=context.keyring, now=clock()).public_id
        new = persons.NewPerson(resident_id=OTHER_RESIDENT_ID, name=NAME, region_code=OTHER_REGION)
        elsewhere = persons.add(session, new, keyring=context.keyring, now=clock()).public_id
        for role in RoleName:
            # no password: these come with tokens; signing in has its own tests
            roles = [Role(name=role.value, permissions=[])]
            account = Account(email=f"{role.value}@test.invalid", username=role.value, fs_uniquifier=secrets.token_hex(32), roles=roles)
            account.region_code = HOME_REGION
            session.add(account)
    return World(create_app(context), context, clock, at_home, elsewhere)


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    """On SQLite, for what does not depend on the kind of database."""
    path = tmp_path / "lifecert.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    made = make_world(f"sqlite:///{path}", tmp_path / "home", clock)
    yield made
    made.context.database.dispose()


@pytest.fixture
def both_worlds(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    """On SQLite and on PostgreSQL in turn."""
    made = make_world(database_url, tmp_path / "home", clock)
    yield made
    made.context.database.dispose()


def jpeg(image: np.ndarray) -> bytes:
    """Bytes of a JPEG of quality 90."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return data.tobytes()


def blank_picture() -> bytes:
    """A grey picture without a face."""
    return jpeg(np.full((480, 640, 3), 127, np.uint8))
