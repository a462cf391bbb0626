"""Keys as a second factor (WebAuthn level 2): registering one, and signing a challenge with one. What the browser sends is checked by
the library ``webauthn``; challenges lie in the session's row and are good for one answer.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import update
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.context import Context
from api.staff import StaffUser
from models.account_access import AccountFactor, AccountSession, FactorKind
from models.repositories import account_factors

CHALLENGE_BYTES = 32
NAME_MAX = 50
ANSWER_MAX = 20_000  # characters of what a browser sends; real ones have about 2,000
KNOWN_TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)


class KeyRefused(Exception):
    """The key's answer does not fit: another challenge, another address, another account, or altered."""


def relying_party(context: Context) -> str:
    """The host name that keys are bound to."""
    return urlsplit(context.settings.base_url).hostname or "localhost"


def registration_options(store: Session, context: Context, row: AccountSession, user: StaffUser) -> dict[str, Any]:
    """What the browser needs to make a new key; the challenge is kept in the session's row."""
    options = webauthn.generate_registration_options(
        rp_id=relying_party(context),
        rp_name="Lifecert",
        user_id=user.public_id.encode(),
        user_name=user.username or user.public_id,
        challenge=_new_challenge(context, row),
        exclude_credentials=_descriptors(_keys(store, user.id)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,  # the account's name is known: it signed in with a password
            user_verification=UserVerificationRequirement.DISCOURAGED,
        ),
        timeout=context.policy.accounts.challenge_minutes * 60_000,
    )
    return options_to_json_dict(options)


def register(store: Session, context: Context, row: AccountSession, account_id: int, *, name: str, answer: str) -> AccountFactor:
    """Keep the key that the browser made. Raises KeyRefused."""
    challenge = _take_challenge(context, row)
    try:
        told = _told(answer)
        checked = webauthn.verify_registration_response(
            credential=told,
            expected_challenge=challenge,
            expected_origin=context.settings.base_url,
            expected_rp_id=relying_party(context),
        )
        transports = [value for value in told.get("response", {}).get("transports", []) if value in KNOWN_TRANSPORTS]
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRefused(type(error).__name__) from error
    if account_factors.key_known(store, checked.credential_id):
        raise KeyRefused("registered already")
    if len(_keys(store, account_id)) >= context.policy.accounts.keys_max:
        raise KeyRefused("too many keys")
    return account_factors.add_key(
        store,
        account_id,
        name=name,
        credential_id=checked.credential_id,
        public_key=checked.credential_public_key,
        sign_count=checked.sign_count,
        transports=transports,
        now=context.clock(),
    )


def authentication_options(store: Session, context: Context, row: AccountSession, account_id: int) -> dict[str, Any]:
    """What the browser needs to have one of the account's keys sign."""
    options = webauthn.generate_authentication_options(
        rp_id=relying_party(context),
        challenge=_new_challenge(context, row),
        allow_credentials=_descriptors(_keys(store, account_id)),
        user_verification=UserVerificationRequirement.DISCOURAGED,
        timeout=context.policy.accounts.challenge_minutes * 60_000,
    )
    return options_to_json_dict(options)


def check(store: Session, context: Context, row: AccountSession, account_id: int, answer: str) -> None:
    """The key signed the challenge, and it is one of this account. Raises KeyRefused."""
    challenge = _take_challenge(context, row)
    try:
        told = _told(answer)
        credential_id = base64url_to_bytes(str(told["rawId"]))
        # only among the keys of the account whose password was given: another one's key proves nothing here
        key = next((key for key in _keys(store, account_id) if key.credential_id == credential_id), None)
        if key is None or key.public_key is None:
            raise KeyRefused("not a key of this account")
        checked = webauthn.verify_authentication_response(
            credential=told,
            expected_challenge=challenge,
            expected_origin=context.settings.base_url,
            expected_rp_id=relying_party(context),
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count or 0,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRefused(type(error).__name__) from error
    store.execute(
        update(AccountFactor).where(AccountFactor.id == key.id).values(sign_count=checked.new_sign_count, last_used_at=context.clock())
    )


def _told(answer: str) -> dict[str, Any]:
    if len(answer) > ANSWER_MAX:
        raise ValueError("too long")
    told = json.loads(answer)
    if not isinstance(told, dict):
        raise TypeError("not an object")
    return told


def _keys(store: Session, account_id: int) -> list[AccountFactor]:
    return [factor for factor in account_factors.of_account(store, account_id) if factor.kind is FactorKind.SECURITY_KEY]


def _descriptors(keys: list[AccountFactor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=key.credential_id, transports=[AuthenticatorTransport(value) for value in key.transports or []])
        for key in keys
        if key.credential_id is not None
    ]


def _new_challenge(context: Context, row: AccountSession) -> bytes:
    row.challenge = secrets.token_bytes(CHALLENGE_BYTES)
    row.challenge_at = context.clock()
    return row.challenge


def _take_challenge(context: Context, row: AccountSession) -> bytes:
    challenge, at = row.challenge, row.challenge_at
    row.challenge = row.challenge_at = None
    if challenge is None or at is None or context.clock() - at > timedelta(minutes=context.policy.accounts.challenge_minutes):
        raise KeyRefused("no challenge")
    return challenge
