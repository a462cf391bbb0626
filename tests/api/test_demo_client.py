from __future__ import annotations

from sqlalchemy import func, select

from api.demo import demo_client
from api.scopes import Scope
from models.client import Client
from models.region import Region, RegionLevel
from sample_data.generate import regions
from tests.api.conftest import RESIDENT_ID, World


def test_the_demos_client_is_made_once_and_gets_a_token_for_every_scope(world: World) -> None:
    with world.context.database.session_scope() as session:
        for row in regions():
            session.add(Region(code=row.code, name=row.name, level=RegionLevel(row.level), parent_code=row.parent_code))
            session.flush()
    client_id, secret = demo_client(world.context)
    assert demo_client(world.context) == (client_id, secret)
    with world.context.database.read_scope() as session:
        assert session.scalar(select(func.count()).select_from(Client)) == 1
    web = world.anonymous()
    scopes = " ".join(sorted(Scope))
    answer = web.post("/oauth/token", data={"grant_type": "client_credentials", "scope": scopes}, auth=(client_id, secret))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    body = {"resident_id": RESIDENT_ID, "institution": "First Hospital"}
    assert web.post("/api/v1/identity-checks", json=body, headers=headers).get_json()["why"] == "no_picture"
