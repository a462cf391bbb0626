"""Signing in at an OpenID Connect issuer, by configuration: the authorization code flow with PKCE, state and nonce (Authlib's client).

The issuer says who somebody is; what they may is the account's. Only accounts that exist are let in: none is made here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import login_user
from joserfc.errors import JoseError

from api import limits, sessions
from api.context import Context, current
from api.limits import Limited, client_address
from api.log import logger
from api.pages import second_factor as steps
from api.pages.own_address import own_address
from api.staff import StaffUser
from models.repositories import audit

if TYPE_CHECKING:
    from flask import Flask

KEY = "lifecert_oidc"
AGAIN_KEY = "oidc_again"
TIMEOUT_S = 10
SIGNATURES = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})  # never none, never HMAC
DISCOVERY = "/.well-known/openid-configuration"
TROUBLE = (AuthlibBaseError, JoseError, requests.RequestException, RuntimeError, ValueError, KeyError)

pages = Blueprint("oidc", __name__)
log = logger("lifecert.oidc")


class IssuerWrongError(ValueError):
    """What the issuer says of itself does not fit the configuration."""


def register(app: Flask) -> None:
    """Open /oidc/start and /oidc/back where an issuer is configured."""
    context: Context = app.extensions["lifecert"]
    settings = context.settings
    app.context_processor(lambda: {"oidc_on": bool(settings.oidc_issuer)})
    if not settings.oidc_issuer:
        return
    oauth = OAuth(app)
    app.extensions[KEY] = oauth.register(
        "issuer",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=settings.oidc_issuer.rstrip("/") + DISCOVERY,
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "default_timeout": TIMEOUT_S},
    )
    app.register_blueprint(pages)


def _client(context: Context) -> Any:
    """Authlib's client, once the issuer's own words were held against the configuration. Raises IssuerWrongError, or what the line does."""
    client: Any = current_app.extensions[KEY]
    metadata = client.load_server_metadata()
    if str(metadata.get("issuer", "")).rstrip("/") != context.settings.oidc_issuer.rstrip("/"):
        raise IssuerWrongError("the issuer calls itself something else than LIFECERT_OIDC_ISSUER")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in SIGNATURES] or ["RS256"]
    return client


def _back_address(context: Context) -> str:
    return context.settings.base_url + url_for("oidc.back")


@pages.get("/oidc/start")
def start() -> ResponseReturnValue:
    """To the issuer. again: the person is signed in, and only proves once more that it is they."""
    context = current()
    limits.check(Limited.SIGN_INS_FROM_ADDRESS, client_address())
    again = "again" in request.args and sessions.signed_in() is not None
    session[AGAIN_KEY] = again
    session[steps.NEXT_KEY] = own_address(request.args.get("next", ""), "")
    more = {"prompt": "login", "max_age": "0"} if again else {}
    try:
        return _client(context).authorize_redirect(_back_address(context), **more)
    except TROUBLE as error:
        return _failed(error)


@pages.get("/oidc/back")
def back() -> ResponseReturnValue:
    """From the issuer: check what it says, find the account, open a session or ask for the second factor."""
    context = current()
    limits.check(Limited.SIGN_INS_FROM_ADDRESS, client_address())
    again = bool(session.pop(AGAIN_KEY, False))
    try:
        client = _client(context)
        issuer = client.server_metadata["issuer"]
        options = {"iss": {"essential": True, "values": [issuer]}, "sub": {"essential": True}, "exp": {"essential": True}}
        claims = client.authorize_access_token(claims_options=options).get("userinfo")
    except TROUBLE as error:
        return _failed(error)
    if not claims:
        return _failed(IssuerWrongError("no identity token came with the answer"))
    user = _account(claims.get(context.settings.oidc_account_claim))
    if user is None:
        return _refused()
    return _proved_again(context, user, claims) if again else _signed_in(context, user, claims)


def _account(name: object) -> StaffUser | None:
    """The active account of this name; never an address, which people may change at many issuers."""
    if not isinstance(name, str) or not name.strip():
        return None
    security: Any = current_app.extensions["security"]
    found: StaffUser | None = security.datastore.find_user(case_insensitive=True, username=name.strip())
    return found if found is not None and found.active else None


def _factor_in(context: Context, claims: dict[str, Any]) -> bool:
    """True when the issuer says that it took a second factor, in one of the words of the configuration."""
    told = claims.get("amr")
    values = {str(claims.get("acr", "")), *(str(value) for value in (told if isinstance(told, list) else [told]))}
    return bool(values & context.settings.oidc_factors)


def _signed_in(context: Context, user: StaffUser, claims: dict[str, Any]) -> ResponseReturnValue:
    sessions.say_factor_given(_factor_in(context, claims))
    login_user(user, remember=False, authn_via=[sessions.BY_OIDC])
    waiting = sessions.pending()
    return steps.onward(None if waiting is None else waiting.step)


def _proved_again(context: Context, user: StaffUser, claims: dict[str, Any]) -> ResponseReturnValue:
    """The same person signed in at the issuer just now: the session's proof is fresh."""
    signed_in = sessions.signed_in()
    at = claims.get("auth_time")
    recent = isinstance(at, int) and time.time() - at <= sessions.fresh_for(context).total_seconds()
    if signed_in is None or signed_in.id != user.id or not recent:
        return _refused()
    with context.database.session_scope() as store:
        row = sessions.locked_row(store)
        if row is None:
            abort(403)
        row.proved_at = context.clock()
        audit.record(store, actor=f"staff:{user.username}", action="account.proved_again", now=context.clock(), details={"by": "oidc"})
    return render_template("desk_account/proved.html")


def _refused() -> ResponseReturnValue:
    """The issuer knows somebody whom we do not: said plainly, without the name."""
    context = current()
    with context.database.session_scope() as store:
        audit.record(store, actor="system", action="account.oidc_refused", now=context.clock())
    flash(_("The central sign-in knows you, but there is no active account for you here. An administrator makes one."), "warning")
    return redirect(url_for("security.login"), 303)


def _failed(error: Exception) -> ResponseReturnValue:
    log.warning("oidc_failed", kind=type(error).__name__)
    flash(_("The central sign-in did not work. Try again; if it stays so, sign in with your password."), "warning")
    return redirect(url_for("security.login"), 303)
