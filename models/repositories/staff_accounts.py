"""Accounts of staff as casework sees them: who is who behind the names of the audit trail, and whom a case can be given to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, raiseload

from models.account import Account, Role
from models.actors import same_actor
from models.errors import NotFoundError
from models.region import region_prefix

STAFF = "staff:"
LISTED = 500


def actor_of(account: Account) -> str:
    """The account as the audit trail names it."""
    return f"{STAFF}{account.username or account.id}"


def find(session: Session, actor: str) -> Account | None:
    """The account behind a name of the audit trail; None for programs, jobs, and accounts that are gone or renamed."""
    name = actor.removeprefix(STAFF)
    if not actor.startswith(STAFF) or not name:
        return None
    found = session.scalar(select(Account).where(Account.username == name))
    if found is None and name.isascii() and name.isdigit() and len(name) < 19:
        found = session.scalar(select(Account).where(Account.id == int(name), Account.username.is_(None)))
    return found


def find_both(session: Session, one: str, other: str) -> tuple[Account | None, Account | None]:
    """The accounts behind two names of the audit trail, in one statement and without their roles; see ``find``."""
    names = [actor.removeprefix(STAFF) for actor in (one, other)]
    if any(not (actor.startswith(STAFF) and name) for actor, name in zip((one, other), names, strict=True)):
        return find(session, one), find(session, other)
    keys = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 19]
    wanted = or_(Account.username.in_(names), and_(Account.id.in_(keys), Account.username.is_(None)))
    found = {
        account.username or str(account.id): account
        for account in session.scalars(select(Account).where(wanted).options(raiseload(Account.roles)))
    }
    return found.get(names[0]), found.get(names[1])


def covering(session: Session, region_code: str, roles: Collection[str]) -> Sequence[Account]:
    """Active accounts with one of the roles whose region covers the code, by name and without their roles; at most some hundreds."""
    own = {region_code, region_code[:4] + "00", region_code[:2] + "0000"}
    query = (
        select(Account)
        .where(Account.active, Account.region_code.in_(own), Account.roles.any(Role.name.in_(list(roles))))
        .order_by(Account.username, Account.id)
        .limit(LISTED)
        .options(raiseload(Account.roles))
    )
    return [
        account for account in session.scalars(query) if account.region_code and region_code.startswith(region_prefix(account.region_code))
    ]


def receiver(session: Session, actor: str, region_code: str, roles: Collection[str]) -> Account:
    """The active account of this name, when it has one of the roles and covers the region. Raises NotFoundError otherwise."""
    account = find(session, actor)
    if (
        account is None
        or not account.active
        or account.region_code is None
        or not region_code.startswith(region_prefix(account.region_code))
        or not any(role.name in roles for role in account.roles)
    ):
        raise NotFoundError("there is no active account of this name that works on cases of the region: choose one of the list")
    return account


def same_person(one: Account | None, one_actor: str, other: Account | None, other_actor: str) -> bool:
    """True when two names of the audit trail are, or may be, of one person: the same account, or the same name in any spelling."""
    if one is not None and other is not None and one.id == other.id:
        return True
    return same_actor(one_actor, other_actor)
