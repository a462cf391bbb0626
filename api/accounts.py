"""Staff accounts at the doors: signing in and out through Flask-Security, and the accounts of the demonstration.

There is no registration, no password recovery by mail and no outside look-up: accounts are made by administrators.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request
from flask_security import LoginForm, Security, hash_password, user_authenticated, user_failed_authn
from flask_security.utils import parse_auth_token, set_request_attr
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Optional

from api import limits, second_factor, sessions
from api.limits import Limited, client_address
from api.rights import RIGHTS, RoleName, mixed_roles
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
_OF_TOKEN = "lifecert.staff_of_token"  # noqa: S105 (a key of the request's environment)
DEMO_PASSWORD_PREFIX = "lifecert-demo-"  # noqa: S105 (documented, and refused in production)


class DemoAccountsRefused(Exception):
    """Accounts with known passwords are not made in production."""


class MixedRolesError(Exception):
    """A role both administers accounts and audits or sees people: nothing starts."""


class StaffLoginForm(LoginForm):
    """Account name (or its address) and password."""

    email = StringField("Account", validators=[InputRequired(), Length(max=255)], render_kw={"autocomplete": "username"})

    remember = None  # a session is a row of the store; there is no second way to stay signed in
    code = StringField("Code", validators=[Optional(), Length(max=40)])  # of the second factor: programs send it with the password

    def validate(self, **kwargs: Any) -> bool:
        """True when the account exists, the password is its own, it is active, and a program sent the second factor too."""
        name, address = (self.email.data or "").strip(), client_address()
        limits.check(Limited.SIGN_INS_FROM_ADDRESS, address)
        datastore = _security().datastore
        self.ifield = self.email
        self.user = datastore.find_user(case_insensitive=True, username=name) or datastore.find_user(case_insensitive=True, email=name)
        key = self.user.limit_key if isinstance(self.user, StaffUser) else name
        limit: SignInLimit = current_app.extensions["lifecert_sign_in_limit"]
        # counted before it is looked at, and forgotten when it fits
        if limit.begin(key, address) or limits.limits_of(current_app).wait_s(Limited.SIGN_INS_OF_ACCOUNT, key.lower()):
            self.form_errors.append("too many tries")
            return False
        if not super().validate(**kwargs):
            return False
        limit.succeeded(key, address)
        return not _security()._want_json(request) or self._program_may(self.user)

    def _program_may(self, user: Any) -> bool:
        """True when nothing more is to be given than what came with the password: a program cannot open the pages that ask."""
        context: Context = current_app.extensions["lifecert"]
        if second_factor.has_factor(context, user.id):
            given, _ = second_factor.code_fits(context, user, self.code.data or "")
            if given is None:
                user.track_failed_authn("second_factor", tfa=True)
                self.code.errors = ["Send the code of the second factor with the password, as code."]
                return False
            sessions.say_factor_given(True)
        elif context.settings.second_factor_required or user.password_temporary:
            self.form_errors.append("Sign in with a browser first: a password of your own and a second factor are needed.")
            return False
        return True


def register(app: Flask) -> None:
    """Protect forms, and open the doors for signing in and out at /login and /logout."""
    context: Context = app.extensions["lifecert"]
    derive = context.keyring.derive
    app.config.update(
        SECRET_KEY=derive("session-cookie").hex(),
        # a pensioner reads slowly: a page's token lasts as long as the session it belongs to
        WTF_CSRF_TIME_LIMIT=None,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=context.policy.accounts.longest_hours),
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 (the name of a scheme; libpass makes argon2id)
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SALT=derive("password-pepper").hex(),
        SECURITY_PASSWORD_CHECK_BREACHED=None,  # asks a service outside
        SECURITY_PASSWORD_LENGTH_MIN=context.policy.accounts.password_length_min,
        SECURITY_REMEMBER_SALT=derive("auth-token").hex(),
        SECURITY_TOKEN_AUTHENTICATION_HEADER=TOKEN_HEADER,
        SECURITY_TOKEN_MAX_AGE=timedelta(hours=8),
        SECURITY_REGISTERABLE=False,
        SECURITY_RECOVERABLE=False,
        SECURITY_CHANGEABLE=False,
        SECURITY_TRACKABLE=False,  # it would keep whole addresses
        SECURITY_FRESHNESS=timedelta(minutes=-1),  # asked for in api.pages.fresh_sign_in, with the second factor
        SECURITY_RETURN_GENERIC_RESPONSES=True,  # whether an account exists is nobody's business
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"username": {"mapper": str.strip, "case_insensitive": True}}],
        SECURITY_DATETIME_FACTORY=context.clock,
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SECURITY_CLI_USERS_NAME=None,
        SECURITY_CLI_ROLES_NAME=None,
        SECURITY_POST_LOGIN_VIEW="/desk",
        SECURITY_POST_LOGOUT_VIEW="/",
    )
    mixed = mixed_roles()
    if mixed:
        raise MixedRolesError(f"the role {mixed[0].value} administers accounts and may do more: api/rights.py must be mended")
    protection(app)
    app.extensions["lifecert_sign_in_limit"] = SignInLimit(context, limits.limits_of(app), "sign_in")
    app.extensions[second_factor.LIMIT] = SignInLimit(context, limits.limits_of(app), "second_factor")
    user_authenticated.connect(sessions.password_fits, app)
    user_failed_authn.connect(_failed_to_sign_in, app)
    security = Security(app, StaffDatastore(context.database), login_form=StaffLoginForm)
    security.login_manager.request_loader(_staff_of_token)
    sessions.register(app)


def protection(app: Flask) -> CSRFProtect:
    """The application's protection against forged requests, made when it is first asked for."""
    if "csrf" not in app.extensions:
        CSRFProtect(app)
    csrf: CSRFProtect = app.extensions["csrf"]
    return csrf


def _failed_to_sign_in(app: Flask, user: StaffUser, **_: object) -> None:
    _record(app, user, "account.sign_in_failed")


def _record(app: Flask, user: StaffUser, action: str) -> None:
    context: Context = app.extensions["lifecert"]
    with context.database.session_scope() as session:
        audit.record(session, actor=f"staff:{user.username or user.id}", action=action, now=context.clock())


def _security() -> Any:
    return current_app.extensions["security"]


def _staff_of_token(incoming: Request) -> StaffUser | None:
    """The account of a valid token in the header, read once a request. Flask-Security would take it from the address too, where logs would
    keep it.
    """
    token = incoming.headers.get(TOKEN_HEADER)
    if not token:
        return None
    if _OF_TOKEN not in incoming.environ:
        incoming.environ[_OF_TOKEN] = _read_staff_of(token)
    found: StaffUser | None = incoming.environ[_OF_TOKEN]
    if found is not None:
        set_request_attr("fs_authn_via", "token")
    return found


def _read_staff_of(token: str) -> StaffUser | None:
    security = _security()
    try:
        data = parse_auth_token(token)
        _, issued_at = security.remember_token_serializer.loads(token, return_timestamp=True)
        user: StaffUser | None = security.datastore.find_user(fs_uniquifier=data["uid"])
    except Exception:  # whatever is wrong with a token, its bearer is nobody
        return None
    if user is None or not user.active or not user.verify_auth_token(data):
        return None
    context: Context = current_app.extensions["lifecert"]
    user.proved_at = context.clock() - (datetime.now(UTC) - issued_at)  # tokens are stamped with the time of the machine
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
    hashes = password_hashes(context, [demo_password(role) for role in missing])
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


def password_hashes(context: Context, passwords: list[str]) -> list[str]:
    """Hashes of passwords, outside a running application."""
    if not passwords:
        return []
    app = Flask("accounts")
    app.extensions["lifecert"] = context
    register(app)
    with app.app_context():
        return [str(hash_password(password)) for password in passwords]
