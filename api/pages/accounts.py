"""Accounts of staff for administrators: the list, one account, a new one. Auditors and security officers look and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_security import hash_password
from sqlalchemy.orm import Session

from api import account_administration as administration
from api.account_administration import AccountProblem, AccountRefused, NewAccount
from api.account_passwords import temporary_password
from api.callers import Caller
from api.context import current
from api.pages.account import own_account
from api.pages.blueprints import counter_pages
from api.pages.staff_only import staff_needed
from api.rights import Right, RoleName
from models.account import Account

WRONG, REFUSED = 422, 409
ROLES: dict[RoleName, LazyString] = {
    RoleName.COUNTER: lazy_gettext("Counter"),
    RoleName.CASEWORKER: lazy_gettext("Caseworker"),
    RoleName.REVIEWER: lazy_gettext("Reviewer"),
    RoleName.SUPERVISOR: lazy_gettext("Supervisor"),
    RoleName.AUDITOR: lazy_gettext("Auditor"),
    RoleName.SECURITY_OFFICER: lazy_gettext("Security officer"),
    RoleName.ADMINISTRATOR: lazy_gettext("Administrator"),
    RoleName.MACHINE_CLIENT: lazy_gettext("Program with a staff account"),
}
PROBLEMS: dict[AccountProblem, LazyString] = {
    AccountProblem.NAME_FORM: lazy_gettext("A name has 2 to 64 of a-z, 0-9, dot, hyphen and underscore, and begins with a letter."),
    AccountProblem.NAME_TAKEN: lazy_gettext("An account of this name or address is there already."),
    AccountProblem.EMAIL_FORM: lazy_gettext("Write an address of electronic mail, or leave it empty."),
    AccountProblem.ROLE_UNKNOWN: lazy_gettext("Choose roles of the list."),
    AccountProblem.ROLES_NONE: lazy_gettext("Choose at least one role. To stop the use of an account, disable it."),
    AccountProblem.ROLES_CONFLICT: lazy_gettext("Whoever administers accounts neither audits nor sees people: administrator comes alone."),
    AccountProblem.REGION_UNKNOWN: lazy_gettext("Give the six digits of a region inside yours."),
    AccountProblem.LAST_ADMINISTRATOR: lazy_gettext("This is the last active administrator: make another one first."),
    AccountProblem.ACCOUNT_UNKNOWN: lazy_gettext("There is no such account."),
    AccountProblem.OWN_ACCOUNT: lazy_gettext("Nobody changes their own account: another administrator does."),
}

Step = Callable[[Session, Account, dict[str, Any]], LazyString]


def _words(roles: tuple[str, ...]) -> list[str]:
    known = {role.value: words for role, words in ROLES.items()}
    return [str(known.get(role, role)) for role in roles]


@counter_pages.get("/desk/accounts")
@staff_needed(Right.VIEW_ACCOUNTS)
def accounts(caller: Caller) -> ResponseReturnValue:
    """The accounts of the caller's region, by name, fifty at a time."""
    return _list(caller)


def _list(caller: Caller, problem: str | None = None) -> str:
    context = current()
    after = request.args.get("after", "")[:64].replace("\x00", "")
    with context.database.read_scope() as store:
        found = administration.listed(store, region=caller.region or "none", after=after, now=context.clock())
    return render_template(
        "desk_account/accounts.html",
        lines=[(view, _words(view.roles)) for view in found],
        more=found[-1].name if len(found) == administration.PAGE else None,
        may_change=Right.MANAGE_ACCOUNTS in caller.rights,
        roles=ROLES,
        typed=request.form,
        chosen=request.form.getlist("role"),
        problem=problem,
        local=context.policy.certification.local,
    )


@counter_pages.post("/desk/accounts")
@staff_needed(Right.MANAGE_ACCOUNTS, fresh=True)
def account_add(caller: Caller) -> ResponseReturnValue:
    """Make an account; its temporary password is on this one answer."""
    form, context = request.form, current()
    region = form.get("region", "").strip() or None
    new = NewAccount(form.get("name", ""), tuple(form.getlist("role")), region, form.get("email", ""), form.get("display_name", ""))
    if region is not None and not caller.covers(region):
        return _list(caller, str(PROBLEMS[AccountProblem.REGION_UNKNOWN])), WRONG
    password = temporary_password()
    hashed = str(hash_password(password))
    try:
        with context.database.session_scope() as store:
            made = administration.add(store, new, password_hash=hashed, actor=caller.actor, now=context.clock())
            name, account_id = made.username, made.public_id
    except AccountRefused as refused:
        return _list(caller, str(PROBLEMS[refused.problem])), WRONG
    return render_template("desk_account/password_once.html", name=name, password=password, account_id=account_id)


@counter_pages.get("/desk/accounts/<public_id:account_id>")
@staff_needed(Right.VIEW_ACCOUNTS)
def account_of_staff(caller: Caller, account_id: str) -> ResponseReturnValue:
    """One account: what it may, how it signs in, and what an administrator can change."""
    return _one(caller, account_id)


def _one(caller: Caller, account_id: str, problem: str | None = None) -> str:
    context = current()
    with context.database.read_scope() as store:
        found = administration.listed(store, region=caller.region or "none", public_id=account_id, now=context.clock())
    if not found:
        abort(404)
    view = found[0]
    own = view.account_id == own_account().public_id
    return render_template(
        "desk_account/one.html",
        view=view,
        words=_words(view.roles),
        may_change=Right.MANAGE_ACCOUNTS in caller.rights and not own,
        own=own,
        roles=ROLES,
        problem=problem,
        local=context.policy.certification.local,
    )


def _enable(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.enable(store, account, **by)
    return lazy_gettext("The account can be used again.")


def _disable(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.disable(store, account, **by)
    return lazy_gettext("The account is disabled, and signed out everywhere.")


def _roles(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.set_roles(store, account, request.form.getlist("role"), **by)
    return lazy_gettext("The roles are changed; they hold from the next page on.")


def _region(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.set_region(store, account, request.form.get("region", "").strip() or None, **by)
    return lazy_gettext("The region is changed; it holds from the next page on.")


def _reset_factors(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.reset_factors(store, account, **by)
    return lazy_gettext("The second factors are gone, and the account is signed out everywhere.")


def _unlock(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.unlock(store, account, **by)
    return lazy_gettext("Failed tries until now hold the account up no longer.")


def _end_sessions(store: Session, account: Account, by: dict[str, Any]) -> LazyString:
    administration.end_sessions(store, account, **by)
    return lazy_gettext("The account is signed out everywhere.")


STEPS: dict[str, Step] = {
    "enable": _enable,
    "disable": _disable,
    "roles": _roles,
    "region": _region,
    "reset_factors": _reset_factors,
    "unlock": _unlock,
    "end_sessions": _end_sessions,
}


@counter_pages.post("/desk/accounts/<public_id:account_id>")
@staff_needed(Right.MANAGE_ACCOUNTS, fresh=True)
def account_change(caller: Caller, account_id: str) -> ResponseReturnValue:
    """One change; the button says which."""
    what, context = request.form.get("what", ""), current()
    if what not in STEPS and what != "reset_password":
        abort(400)
    region = request.form.get("region", "").strip()
    if what == "region" and region and not caller.covers(region):
        return _one(caller, account_id, str(PROBLEMS[AccountProblem.REGION_UNKNOWN])), WRONG
    password = temporary_password() if what == "reset_password" else ""
    hashed = str(hash_password(password)) if password else ""
    try:
        with context.database.session_scope() as store:
            account = administration.by_id(store, account_id)
            if not administration.within(account, caller.region):
                abort(404)
            if account.public_id == own_account().public_id:
                raise AccountRefused(AccountProblem.OWN_ACCOUNT)
            by: dict[str, Any] = {"actor": caller.actor, "now": context.clock()}
            name = account.username
            if password:
                administration.reset_password(store, account, hashed, **by)
                said = None
            else:
                said = STEPS[what](store, account, by)
    except AccountRefused as refused:
        if refused.problem is AccountProblem.ACCOUNT_UNKNOWN:
            abort(404)
        return _one(caller, account_id, str(PROBLEMS[refused.problem])), REFUSED
    if said is None:
        return render_template("desk_account/password_once.html", name=name, password=password, account_id=account_id)
    flash(str(said), "success")
    return redirect(url_for("counter.account_of_staff", account_id=account_id), 303)
