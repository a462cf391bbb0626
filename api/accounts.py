"""Staff accounts at the doors: signing in and out through Flask-Security, and the accounts of the demonstration.

There is no registration, no password recovery by mail and no outside look-up: accounts are made by administrators.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request
from flask_security import LoginForm, Security, hash_password, user_authenticated, user_failed_authn
from flask_security.utils import parse_auth_token, set_request_attr
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from api.rights import RIGHTS, RoleName
from api.settings import Environment
from api.sign_in_limit import SignInLimit
from api.staff import StaffDatastore, StaffUser
from models.account import Account, Role
from models.region import Region, RegionLevel
from models.repositories import audit

if TYPE_CHECKING:
    from flask import Request

    from api.context import Context

TOKEN_HEADER = "Authentication-Token"  # noqa: S105 (the name of a header)
DEMO_PASSWORD_PREFIX = "lifecert-demo-"  # noqa: S105 (documented, and refused in production)


class DemoAccountsRefused(Exception):
    """Accounts with known passwords are not made in production."""


class StaffLoginForm(LoginForm):
    """Account name (or its address) and password."""

    email = StringField("Account", validators=[InputRequired(), Length(max=255)], render_kw={"autocomplete": "username"})

    def validate(self, **kwargs: Any) -> bool:
        """True when the account exists, the password is its own and it is active."""
        name, address = (self.email.data or "").strip(), request.remote_addr or ""
        limit: SignInLimit = current_app.extensions["lifecert_sign_in_limit"]
        if limit.wait_s(name, address):
            self.form_errors.append("too many tries")
            return False
        datastore = _security().datastore
        self.ifield = self.email
        self.user = datastore.find_user(case_insensitive=True, username=name) or datastore.find_user(case_insensitive=True, email=name)
        fits = bool(super().validate(**kwargs))
        (limit.succeeded if fits else limit.failed)(name, address)
        return fits


def register(app: Flask) -> None:
    """Protect forms, and open the doors for signing in and out at /login and /logout."""
    context: Context = app.extensions["lifecert"]
    derive = context.keyring.derive
    app.config.update(
        SECRET_KEY=derive("session-cookie").hex(),
        # a pensioner reads slowly: a page's token lasts as long as the session it belongs to
        WTF_CSRF_TIME_LIMIT=None,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 (the name of a scheme; libpass makes argon2id)
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SALT=derive("password-pepper").hex(),
        SECURITY_PASSWORD_CHECK_BREACHED=None,  # asks a service outside
        SECURITY_PASSWORD_LENGTH_MIN=12,
        SECURITY_REMEMBER_SALT=derive("auth-token").hex(),
        SECURITY_TOKEN_AUTHENTICATION_HEADER=TOKEN_HEADER,
        SECURITY_TOKEN_MAX_AGE=timedelta(hours=8),
        SECURITY_REGISTERABLE=False,
        SECURITY_RECOVERABLE=False,
        SECURITY_CHANGEABLE=False,
        SECURITY_TRACKABLE=True,
        SECURITY_RETURN_GENERIC_RESPONSES=True,  # whether an account exists is nobody's business
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"username": {"mapper": str.strip, "case_insensitive": True}}],
        SECURITY_DATETIME_FACTORY=context.clock,
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SECURITY_CLI_USERS_NAME=None,
        SECURITY_CLI_ROLES_NAME=None,
        SECURITY_POST_LOGIN_VIEW="/counter",
        SECURITY_POST_LOGOUT_VIEW="/",
    )
    protection(app)
    app.extensions["lifecert_sign_in_limit"] = SignInLimit(context.policy.retry, context.clock)
    user_authenticated.connect(_signed_in, app)
    user_failed_authn.connect(_failed_to_sign_in, app)
    security = Security(app, StaffDatastore(context.database), login_form=StaffLoginForm)
    security.login_manager.request_loader(_staff_of_token)


def protection(app: Flask) -> CSRFProtect:
    """The application's protection against forged requests, made when it is first asked for."""
    if "csrf" not in app.extensions:
        CSRFProtect(app)
    csrf: CSRFProtect = app.extensions["csrf"]
    return csrf


def _signed_in(app: Flask, user: StaffUser, **_: object) -> None:
    _record(app, user, "account.sign_in")


def _failed_to_sign_in(app: Flask, user: StaffUser, **_: object) -> None:
    _record(app, user, "account.sign_in_failed")


def _record(app: Flask, user: StaffUser, action: str) -> None:
    context: Context = app.extensions["lifecert"]
    with context.database.session_scope() as session:
        audit.record(session, actor=f"staff:{user.username or user.id}", action=action, now=context.clock())


def _security() -> Any:
    return current_app.extensions["security"]


def _staff_of_token(incoming: Request) -> StaffUser | None:
    """The account of a valid token in the header. Flask-Security would take it from the address too, where logs would keep it."""
    token = incoming.headers.get(TOKEN_HEADER)
    if not token:
        return None
    try:
        data = parse_auth_token(token)
        user: StaffUser | None = _security().datastore.find_user(fs_uniquifier=data["uid"])
    except Exception:  # whatever is wrong with a token, its bearer is nobody
        return None
    if user is None or not user.active or not user.verify_auth_token(data):
        return None
    set_request_attr("fs_authn_via", "token")
    return user


def signed_in_by_token() -> bool:
    """True when the present request carried a token, and so needs no protection against forged requests."""
    return bool(request.headers.get(TOKEN_HEADER))


def demo_password(role: RoleName) -> str:
    """The documented password of a demonstration account."""
    return f"{DEMO_PASSWORD_PREFIX}{role.value.replace('_', '-')}"


def create_demo_accounts(context: Context, *, region_code: str | None = None) -> list[tuple[str, str, str]]:
    """Make one account a role (those that are there already stay) and return (name, password, role) of each.

    region_code: what they see; None: the first province in the store, else the first region there is.

    Raises:
        DemoAccountsRefused: in production, because the passwords are in the documentation.
    """
    if context.settings.environment is Environment.PRODUCTION:
        raise DemoAccountsRefused("demonstration accounts have known passwords: they are not made with LIFECERT_ENVIRONMENT=production")
    with context.database.read_scope() as session:
        known = set(session.scalars(select(Account.username)))
        region = session.scalars(select(Region.code).where(Region.level == RegionLevel.PROVINCE).order_by(Region.code)).first()
        region = region_code or region or session.scalars(select(Region.code).order_by(Region.code)).first()
    missing = [role for role in RoleName if role.value not in known]
    hashes = _hashes(context, [demo_password(role) for role in missing])
    with context.database.session_scope() as session:
        for role, password_hash in zip(missing, hashes, strict=True):
            session.add(
                Account(
                    email=f"{role.value}@demo.invalid",
                    username=role.value,
                    display_name=role.value,
                    password=password_hash,
                    active=True,
                    fs_uniquifier=secrets.token_hex(32),
                    region_code=region,
                    create_datetime=context.clock(),
                    roles=[_role(session, role)],
                )
            )
    return [(role.value, demo_password(role), role.value) for role in RoleName]


def _role(session: Any, role: RoleName) -> Role:
    found = session.scalar(select(Role).where(Role.name == role.value))
    if found is None:
        found = Role(name=role.value, permissions=sorted(RIGHTS[role]))
        session.add(found)
    result: Role = found
    return result


def _hashes(context: Context, passwords: list[str]) -> list[str]:
    if not passwords:
        return []
    app = Flask("accounts")
    app.extensions["lifecert"] = context
    register(app)
    with app.app_context():
        return [str(hash_password(password)) for password in passwords]
