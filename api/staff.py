"""Staff accounts as Flask-Security sees them: plain values read from the account tables, never live rows.

A value outlives the session it was read in, so nothing here depends on which database session a request holds open.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_security import RoleMixin, UserMixin
from flask_security.datastore import UserDatastore
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from models.account import Account
from models.database import Database

# what Flask-Security may write back; everything else of an account is changed through models
_WRITTEN_BACK = ("password", "fs_uniquifier")
_SOUGHT_BY = {"username", "email", "fs_uniquifier", "id"}


class StaffRole(RoleMixin):
    """One role of an account."""

    def __init__(self, name: str, permissions: list[str]) -> None:
        self.name = name
        self.permissions = permissions


class StaffUser(UserMixin):
    """One account, read. region_code: six digits; None: the whole province."""

    fs_uniquifier: str = ""
    username: str | None = None
    email: str = ""

    def __init__(self, account: Account) -> None:
        self.id: int = account.id
        self.email = account.email
        self.username = account.username
        self.display_name: str | None = account.display_name
        self.password: str | None = account.password
        self.active: bool = account.active
        self.fs_uniquifier = account.fs_uniquifier
        self.region_code: str | None = account.region_code
        self.public_id: str = account.public_id
        self.password_temporary: bool = account.password_temporary
        self.unlocked_at: datetime | None = account.unlocked_at
        self.session_id: str | None = None  # of the browser's session, for who came with one
        self.proved_at: datetime | None = None  # when password and factor were given last
        self.roles = [StaffRole(role.name, list(role.permissions)) for role in account.roles]

    @property
    def limit_key(self) -> str:
        """What failed tries are counted under: another one after an administrator's unlock."""
        return f"{self.username or self.id}|{'' if self.unlocked_at is None else self.unlocked_at.isoformat()}"

    @property
    def role_names(self) -> frozenset[str]:
        """Names of the account's roles."""
        return frozenset(role.name for role in self.roles)


class StaffDatastore(UserDatastore):
    """Reads accounts, and writes back only what signing in changes."""

    def __init__(self, database: Database) -> None:
        super().__init__(StaffUser, StaffRole)
        self._database = database

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> StaffUser | None:
        """The account with this one attribute, or None."""
        attribute, value = kwargs.popitem()
        if attribute not in _SOUGHT_BY or "\x00" in str(value):
            return None
        wanted = getattr(Account, attribute)
        condition = func.lower(wanted) == str(value).lower() if case_insensitive else wanted == value
        with self._database.read_scope() as session:
            # with its roles in the same statement: every page of staff begins with this
            account = session.scalars(select(Account).where(condition).options(joinedload(Account.roles))).unique().first()
            return None if account is None else StaffUser(account)

    def find_role(self, role: str) -> StaffRole | None:  # noqa: ARG002
        """Roles are given to accounts through models, not through Flask-Security."""
        return None

    def put(self, model: StaffUser) -> StaffUser:
        """Write back what signing in changes."""
        with self._database.session_scope() as session:
            account = session.get(Account, model.id)
            if account is not None:
                for name in _WRITTEN_BACK:
                    setattr(account, name, getattr(model, name))
        return model

    def commit(self) -> None:
        """Every put is its own transaction."""
