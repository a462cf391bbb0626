from __future__ import annotations

import secrets

from sqlalchemy import select

from models.account import Account, Role
from models.database import Database
from tests.models.people import REGION, add_regions


def test_an_account_has_roles_and_a_region(database: Database) -> None:
    with database.session_scope() as session:
        add_regions(session)
        counter = Role(name="counter", permissions=["person.find", "reference.enrol"])
        session.add(Account(email="a@example.org", fs_uniquifier=secrets.token_hex(16), region_code=REGION, roles=[counter]))
    with database.read_scope() as session:
        account = session.scalars(select(Account)).one()
        assert account.active
        assert [(role.name, role.permissions) for role in account.roles] == [("counter", ["person.find", "reference.enrol"])]
