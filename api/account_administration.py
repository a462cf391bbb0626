"""Accounts of staff made and changed by administrators, from the page and from the command line: each change with its audit entry.

Whoever administers accounts neither audits nor sees people: roles that may not come together are refused here, give no right at the doors
(``api.rights.rights_of``), and are told at start.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from api.context import Context
from api.log import logger
from api.rights import RIGHTS, RoleName, conflicting
from models.account import Account, Role
from models.account_access import AccountFactor, AccountSession, SessionEnd
from models.region import Region, region_prefix
from models.repositories import account_factors, account_sessions, audit

NAME = re.compile(r"[a-z][a-z0-9._-]{1,63}")
PAGE = 50
EMAIL = re.compile(r"[^@\s\x00]{1,64}@[^@\s\x00]{1,190}")


log = logger("lifecert.accounts")


class AccountProblem(StrEnum):
    """Why a change of an account was refused."""

    NAME_FORM = "name_form"
    NAME_TAKEN = "name_taken"
    EMAIL_FORM = "email_form"
    ROLE_UNKNOWN = "role_unknown"
    ROLES_NONE = "roles_none"
    ROLES_CONFLICT = "roles_conflict"
    REGION_UNKNOWN = "region_unknown"
    LAST_ADMINISTRATOR = "last_administrator"
    ACCOUNT_UNKNOWN = "account_unknown"
    OWN_ACCOUNT = "own_account"


WORDS = {
    AccountProblem.NAME_FORM: "the name must have 2 to 64 of a-z, 0-9, dot, hyphen and underscore, and begin with a letter",
    AccountProblem.NAME_TAKEN: "an account of this name or address is there already",
    AccountProblem.EMAIL_FORM: "the address must be one of electronic mail, such as li@example.gov.cn",
    AccountProblem.ROLE_UNKNOWN: f"a role is not known: there are {', '.join(role.value for role in RoleName)}",
    AccountProblem.ROLES_NONE: "an account needs at least one role; to stop its use, disable it",
    AccountProblem.ROLES_CONFLICT: "whoever administers accounts neither audits nor sees people: administrator comes alone",
    AccountProblem.REGION_UNKNOWN: "there is no such region: give six digits of one in the store",
    AccountProblem.LAST_ADMINISTRATOR: "this is the last active administrator: make another one first",
    AccountProblem.ACCOUNT_UNKNOWN: "there is no account of this name",
    AccountProblem.OWN_ACCOUNT: "nobody changes their own account: another administrator does",
}


class AccountRefused(Exception):
    """A change was refused; nothing was changed."""

    def __init__(self, problem: AccountProblem) -> None:
        super().__init__(WORDS[problem])
        self.problem = problem


@dataclass(frozen=True)
class AccountView:
    """One account as lists show it. last_sign_in_at: of a sign-in that was finished. factors: how many second factors work."""

    account_id: str
    name: str
    display_name: str | None
    email: str
    roles: tuple[str, ...]
    region: str | None
    active: bool
    password: str
    factors: int
    sessions: int
    created_at: datetime | None
    last_sign_in_at: datetime | None


@dataclass(frozen=True)
class NewAccount:
    """What a new account is made of. email: empty for none; display_name: as pages greet."""

    name: str
    roles: tuple[str, ...]
    region: str | None
    email: str = ""
    display_name: str = ""


def add(store: Session, new: NewAccount, *, password_hash: str, actor: str, now: datetime) -> Account:
    """Make an account whose password is temporary. Raises AccountRefused."""
    name, email = new.name.strip().lower(), new.email.strip() or f"{new.name.strip().lower()}@accounts.invalid"
    if not NAME.fullmatch(name):
        raise AccountRefused(AccountProblem.NAME_FORM)
    if not EMAIL.fullmatch(email):
        raise AccountRefused(AccountProblem.EMAIL_FORM)
    _check_region(store, new.region)
    taken = select(Account.id).where(or_(func.lower(Account.username) == name, func.lower(Account.email) == email.lower()))
    if store.scalar(taken.limit(1)) is not None:
        raise AccountRefused(AccountProblem.NAME_TAKEN)
    account = Account(
        username=name,
        email=email,
        display_name=new.display_name.strip()[:100] or None,
        password=password_hash,
        password_temporary=True,
        active=True,
        fs_uniquifier=secrets.token_hex(32),
        region_code=new.region,
        create_datetime=now,
        roles=_roles(store, new.roles),
    )
    store.add(account)
    store.flush()
    _record(store, account, "account.added", actor, now, {"roles": sorted(new.roles), "region": new.region})
    return account


def by_name(store: Session, name: str) -> Account:
    """The account of this name. Raises AccountRefused."""
    found = store.scalar(select(Account).where(func.lower(Account.username) == name.strip().lower()).with_for_update(of=Account))
    if found is None:
        raise AccountRefused(AccountProblem.ACCOUNT_UNKNOWN)
    return found


def by_id(store: Session, public_id: str) -> Account:
    """The account with this public id. Raises AccountRefused."""
    found = store.scalar(select(Account).where(Account.public_id == public_id).with_for_update(of=Account))
    if found is None:
        raise AccountRefused(AccountProblem.ACCOUNT_UNKNOWN)
    return found


def disable(store: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Nobody signs in with it any more, and whoever is signed in is out at the next request. Raises AccountRefused."""
    _not_the_last_administrator(store, account)
    account.active = False
    _end(store, account, SessionEnd.DISABLED, now)
    _record(store, account, "account.disabled", actor, now)


def enable(store: Session, account: Account, *, actor: str, now: datetime) -> None:
    """It can be used again, with its old password and factors."""
    account.active = True
    _record(store, account, "account.enabled", actor, now)


def set_roles(store: Session, account: Account, roles: Sequence[str], *, actor: str, now: datetime) -> None:
    """Exactly these roles. Raises AccountRefused."""
    wanted = _roles(store, tuple(roles))
    if RoleName.ADMINISTRATOR.value not in roles:
        _not_the_last_administrator(store, account)
    before = sorted(role.name for role in account.roles)
    account.roles = wanted
    _record(store, account, "account.roles_set", actor, now, {"before": before, "after": sorted(roles)})


def set_region(store: Session, account: Account, region: str | None, *, actor: str, now: datetime) -> None:
    """What it sees: the region and all inside it; None: nobody. Raises AccountRefused."""
    _check_region(store, region)
    before, account.region_code = account.region_code, region
    _record(store, account, "account.region_set", actor, now, {"before": before, "after": region})


def reset_factors(store: Session, account: Account, *, actor: str, now: datetime) -> None:
    """All second factors and recovery codes go; every session and token ends. The next sign-in sets up anew where one is required."""
    account_factors.reset(store, account.id)
    _end(store, account, SessionEnd.FACTORS_RESET, now)
    _record(store, account, "account.factors_reset", actor, now)


def reset_password(store: Session, account: Account, password_hash: str, *, actor: str, now: datetime) -> None:
    """A temporary password, to be changed at the next sign-in; every session and token ends."""
    account.password, account.password_temporary, account.password_changed_at = password_hash, True, now
    _end(store, account, SessionEnd.PASSWORD_CHANGED, now)
    _record(store, account, "account.password_reset", actor, now)


def unlock(store: Session, account: Account, *, actor: str, now: datetime) -> None:
    """Failed tries until now hold the account up no longer."""
    account.unlocked_at = now
    _record(store, account, "account.unlocked", actor, now)


def end_sessions(store: Session, account: Account, *, actor: str, now: datetime) -> int:
    """Every session and token of the account ends. Returns how many sessions."""
    number = _end(store, account, SessionEnd.BY_ADMINISTRATOR, now)
    _record(store, account, "account.sessions_ended", actor, now, {"number": number})
    return number


def listed(
    store: Session, *, region: str | None = None, after: str = "", name: str | None = None, public_id: str | None = None, now: datetime
) -> list[AccountView]:
    """Accounts by name, fifty at a time. region: prefix, with those that see nobody; None: all. after: the last name seen."""
    factors = select(func.count()).where(AccountFactor.account_id == Account.id, AccountFactor.confirmed_at.is_not(None)).scalar_subquery()
    going_on = and_(AccountSession.account_id == Account.id, AccountSession.ended_at.is_(None), AccountSession.opened_at.is_not(None))
    sessions = select(func.count()).where(going_on, AccountSession.created_at <= now).scalar_subquery()
    query = select(Account, factors, sessions).options(selectinload(Account.roles)).order_by(Account.username).limit(PAGE)
    query = query.where(Account.username > after)
    if region is not None:
        query = query.where(or_(Account.region_code.is_(None), Account.region_code.startswith(region, autoescape=True)))
    if public_id is not None:
        query = query.where(Account.public_id == public_id)
    if name is not None:
        query = query.where(func.lower(Account.username) == name.strip().lower())
    return [_view(account, number, open_) for account, number, open_ in store.execute(query)]


def _view(account: Account, factors: int, sessions: int) -> AccountView:
    password = "none" if not account.password else "temporary" if account.password_temporary else "own"
    return AccountView(
        account_id=account.public_id,
        name=account.username or "",
        display_name=account.display_name,
        email=account.email,
        roles=tuple(sorted(role.name for role in account.roles)),
        region=account.region_code,
        active=account.active,
        password=password,
        factors=factors,
        sessions=sessions,
        created_at=account.create_datetime,
        last_sign_in_at=account.last_login_at,
    )


def mixed_accounts(store: Session) -> list[str]:
    """Public ids of accounts whose roles may not come together: somebody changed the store past this module."""
    administrators = (
        select(Account).where(Account.roles.any(Role.name == RoleName.ADMINISTRATOR.value)).options(selectinload(Account.roles))
    )
    return [account.public_id for account in store.scalars(administrators) if conflicting(frozenset(role.name for role in account.roles))]


def tell_mixed_accounts(context: Context) -> list[str]:
    """Say at start which accounts have roles that may not come together: they open nothing until somebody mends them."""
    with context.database.read_scope() as store:
        found = mixed_accounts(store)
    if found:
        log.error("accounts_with_mixed_roles", accounts=found, next="lifecert accounts roles NAME ROLE")
    return found


def within(account: Account, region: str | None) -> bool:
    """True when an administrator of this region prefix may change the account."""
    return region is not None and (account.region_code is None or region_prefix(account.region_code).startswith(region))


def _roles(store: Session, names: tuple[str, ...]) -> list[Role]:
    known = {role.value: role for role in RoleName}
    if not names:
        raise AccountRefused(AccountProblem.ROLES_NONE)
    if any(name not in known for name in names):
        raise AccountRefused(AccountProblem.ROLE_UNKNOWN)
    if conflicting(frozenset(names)):
        raise AccountRefused(AccountProblem.ROLES_CONFLICT)
    there = {role.name: role for role in store.scalars(select(Role).where(Role.name.in_(names)))}
    for name in names:
        if name not in there:
            there[name] = Role(name=name, permissions=sorted(RIGHTS[known[name]]))
            store.add(there[name])
    return [there[name] for name in sorted(set(names))]


def _check_region(store: Session, region: str | None) -> None:
    if region is not None and store.get(Region, region) is None:
        raise AccountRefused(AccountProblem.REGION_UNKNOWN)


def _not_the_last_administrator(store: Session, account: Account) -> None:
    if not account.active or RoleName.ADMINISTRATOR.value not in {role.name for role in account.roles}:
        return
    others = select(func.count()).select_from(Account).where(Account.active, Account.id != account.id)
    if not store.scalar(others.where(Account.roles.any(Role.name == RoleName.ADMINISTRATOR.value))):
        raise AccountRefused(AccountProblem.LAST_ADMINISTRATOR)


def _end(store: Session, account: Account, why: SessionEnd, now: datetime) -> int:
    account.fs_uniquifier = secrets.token_hex(32)  # tokens of programs hold it
    return account_sessions.end(store, account.id, why, now=now)


def _record(store: Session, account: Account, action: str, actor: str, now: datetime, details: dict[str, object] | None = None) -> None:
    audit.record(store, actor=actor, action=action, now=now, object=account.public_id, details=details or {})
