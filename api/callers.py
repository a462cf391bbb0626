"""Who asks, and whom they may see: staff within their role and region, pensioners themselves only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import current_app, g, has_request_context, request, session
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from api import client_rate, sessions
from api.accounts import protection, signed_in_by_token
from api.clients import CHALLENGE, client_credentials, insufficient_scope
from api.context import current
from api.problems import Problem
from api.rights import OWN_RIGHTS, Right, rights_of
from api.scopes import rights_of_scopes, scopes_with
from api.staff import StaffUser
from models.person import Person
from models.region import region_prefix
from models.repositories.clients import Credentials

PERSON_KEY = "person"
"""Key of the pensioner's own public id in the cookie session, set by the page that identified them."""


@dataclass(frozen=True)
class Caller:
    """Somebody who was let in. actor: as the audit trail names them. person_id: set for pensioners. region: code prefix, for staff.
    client_pk: row of the machine client, for programs with credentials of their own.

    proved_at: when staff gave password and second factor last.
    beside: the pensioner whose pages are open in the browser that staff are signed in with, when that pensioner may do the same.
    """

    actor: str
    person_id: str | None = None
    region: str | None = None
    rights: frozenset[Right] = field(default_factory=frozenset)
    beside: Caller | None = None
    client_pk: int | None = None
    client: Credentials | None = None
    proved_at: datetime | None = None

    @property
    def is_staff(self) -> bool:
        """True for accounts, False for pensioners."""
        return self.person_id is None

    def reach(self, person_id: str) -> Reached:
        """The person, when this caller may see them; of a record that was merged into another, the other.

        Raises:
            Problem: person_unknown, both for nobody and for somebody out of reach, so that nobody learns who is insured elsewhere.
        """
        if self.person_id is not None and self.person_id != person_id:
            raise _unknown()
        row = _where_is(person_id)
        if row is None or (self.is_staff and not self.covers(row.region_code)):
            raise _unknown()
        return row

    def covers(self, region_code: str) -> bool:
        """True when the region lies in the account's own; an account without a region covers none."""
        return self.region is not None and region_code.startswith(self.region)

    def concerns(self, region_code: str) -> bool:
        """True when one region lies in the other, the account's or this one; "" is the whole store. For counts, never for people."""
        return self.region is not None and (self.covers(region_code) or self.region.startswith(region_prefix(region_code)))


@dataclass(frozen=True)
class Reached:
    """A person whom the caller may see. key: of the table; person_id: public."""

    key: int
    person_id: str
    region_code: str


def need_fresh_sign_in(caller: Caller) -> None:
    """For doors, before what goes against a person. Pages ask for the proof in place (api/pages/fresh_sign_in.py).

    Raises:
        Problem: sign_in_too_old (403) when staff gave password and second factor longer ago than policy accounts.fresh_minutes.
    """
    if caller.is_staff and caller.client is None and not sessions.is_fresh(caller.proved_at):
        raise Problem("sign_in_too_old", "What goes against a person needs a sign-in of the last minutes.")


def _where_is(person_id: str) -> Reached | None:
    """The person of a record. A page that only shows asks once, however often it is checked who may see them."""
    known: dict[str, Reached | None] | None = g.setdefault("reached", {}) if has_request_context() and request.method == "GET" else None
    if known is not None and person_id in known:
        return known[person_id]
    record = aliased(Person)
    speaking = select(func.coalesce(record.merged_into_id, record.id)).where(record.public_id == person_id).scalar_subquery()
    with current().database.read_scope() as store:
        row = store.execute(select(Person.id, Person.public_id, Person.region_code).where(Person.id == speaking)).first()
    found = None if row is None else Reached(row.id, row.public_id, row.region_code)
    if known is not None:
        known[person_id] = found
    return found


def _unknown() -> Problem:
    return Problem("person_unknown", "No person with this id in your reach.")


def staff_caller() -> Caller | None:
    """The signed-in member of staff or program, by token when one was sent, else by the login session."""
    if signed_in_by_token():
        user = current_app.extensions["security"].login_manager.request_callback(request)
    else:
        user = current_user._get_current_object()
    if not isinstance(user, StaffUser) or not user.active:
        return None
    region = None if user.region_code is None else region_prefix(user.region_code)
    return Caller(f"staff:{user.username or user.id}", None, region, rights_of(user.role_names), proved_at=user.proved_at)


def person_caller() -> Caller | None:
    """The pensioner of this cookie session; nobody when a token was sent, because then a program asks."""
    person_id = None if signed_in_by_token() else session.get(PERSON_KEY)
    return Caller("person", person_id, None, OWN_RIGHTS) if isinstance(person_id, str) and person_id else None


def client_caller() -> Caller | None:
    """The machine client whose access token or certificate came along. Raises Problem (401) for a token that is not valid."""
    found = client_credentials()
    if found is None:
        return None
    rights = rights_of_scopes(found.scopes)
    return Caller(f"client:{found.client_id}", None, region_prefix(found.region_code), rights, client_pk=found.client_pk, client=found)


def admit(right: Right) -> Caller:
    """Whoever asks and may do this, within their rate.

    A machine client comes first, because its credentials are sent on purpose; then staff: a pensioner's page may be open in the same
    browser at the counter.

    Raises:
        Problem: authentication_required (401), not_permitted (403), csrf_failed (400) when a cookie speaks for the caller and the
            page's token is missing or wrong; too_many_requests (429) for a machine client that is too fast.
    """
    client = client_caller()
    if client is not None and client.client is not None:
        client_rate.take(client.client)
        if right in client.rights:
            return client
        raise insufficient_scope(scopes_with(right), f"The right {right.value} is not in the scopes of this token or certificate.")
    known = [caller for caller in (staff_caller(), person_caller()) if caller is not None]
    if not known:
        raise Problem("authentication_required", "Nobody is signed in.", headers={"WWW-Authenticate": CHALLENGE})
    if not signed_in_by_token():
        protection(current_app).protect()
    allowed = [caller for caller in known if right in caller.rights]
    if allowed:
        return replace(allowed[0], beside=allowed[1] if len(allowed) > 1 else None)
    raise Problem("not_permitted", f"The right {right.value} is not one of yours.")
