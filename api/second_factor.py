"""Codes as a second factor: those of an authenticator application (RFC 6238) and recovery codes. Keys are in ``api.security_keys``."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO

import segno
from flask import current_app
from passlib.exc import TokenError
from passlib.totp import TOTP
from sqlalchemy.orm import Session

from api.context import Context
from api.sign_in_limit import SignInLimit
from api.staff import StaffUser
from models.account_access import AccountFactor, FactorKind
from models.repositories import account_factors

LIMIT = "lifecert_second_factor_limit"
EVERYWHERE = ""  # tries of a code count from all addresses together: whoever makes them has the password
ISSUER = "Lifecert"


class GivenFactor(StrEnum):
    """What a code was."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


def new_secret() -> str:
    """160 random bits in base32, as RFC 4226 section 4 recommends."""
    return str(TOTP.new().base32_key)


def address_of(secret: str, username: str) -> str:
    """The otpauth address that authenticator applications read."""
    return str(TOTP(key=secret, issuer=ISSUER).to_uri(username))


def readable(secret: str) -> str:
    """The secret in groups, to be typed where no camera is."""
    return str(TOTP(key=secret).pretty_key())


def qr_svg(secret: str, username: str) -> bytes:
    """The address as a picture."""
    picture = BytesIO()
    segno.make(address_of(secret, username), error="m", micro=False).save(picture, kind="svg", scale=5, border=4, light="#ffffff")
    return picture.getvalue()


def counter_of(factor: AccountFactor, code: str, context: Context) -> int | None:
    """The time step that a code belongs to; None when it is wrong, of another time, or not after the last one that was taken."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return None
    totp = TOTP(key=account_factors.secret_of(factor, context.keyring))
    try:
        found = totp.match(
            digits,
            time=int(context.clock().timestamp()),
            window=context.policy.accounts.totp_window_s,
            last_counter=factor.last_counter or None,
        )
    except TokenError:
        return None
    return int(found.counter)


def take_code(store: Session, context: Context, account_id: int, code: str) -> GivenFactor | None:
    """Use a code up; None when it is not one of the account's."""
    now = context.clock()
    for factor in account_factors.of_account(store, account_id):
        if factor.kind is not FactorKind.TOTP:
            continue
        counter = counter_of(factor, code, context)
        if counter is not None and account_factors.take_counter(store, factor, counter, now=now):
            return GivenFactor.TOTP
    if account_factors.take_recovery_code(store, account_id, code, keyring=context.keyring, now=now):
        return GivenFactor.RECOVERY_CODE
    return None


def limit() -> SignInLimit:
    """The limit of tries of a second factor."""
    found: SignInLimit = current_app.extensions[LIMIT]
    return found


def code_fits(context: Context, user: StaffUser, code: str) -> tuple[GivenFactor | None, int]:
    """(what the code was or None, whole seconds to wait when there were too many tries). Counts the try."""
    wait = limit().begin(user.limit_key, EVERYWHERE)
    if wait:
        return None, wait
    with context.database.session_scope() as store:
        given = take_code(store, context, user.id, code)
    if given is not None:
        limit().succeeded(user.limit_key, EVERYWHERE)
    return given, 0


def has_factor(context: Context, account_id: int) -> bool:
    """True when the account has a second factor that works."""
    with context.database.read_scope() as store:
        return bool(account_factors.of_account(store, account_id))
