"""`lifecert accounts`: accounts of staff made, listed, changed. The first administrator is made here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from api.cli.errors import BadInputError
from api.cli.operator import operator_name
from api.context import Context, open_context
from api.rights import RoleName
from api.settings import load_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from api.account_administration import AccountView
    from models.account import Account

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
ROLE = click.Choice([role.value for role in RoleName])


@click.group("accounts")
def accounts_group() -> None:
    """Accounts of staff: who signs in, with which roles, for which region.

    \b
    Examples:
      lifecert accounts add li --role administrator --region 420000
      lifecert accounts list
      lifecert accounts disable li
    """


@contextmanager
def _changing() -> Iterator[tuple[Context, Session, dict[str, Any]]]:
    """A transaction with who does it and when; a refusal is bad input."""
    from api.account_administration import AccountRefused

    context = open_context(load_settings())
    try:
        with context.database.session_scope() as store:
            yield context, store, {"actor": f"cli:{operator_name()}", "now": context.clock()}
    except AccountRefused as refused:
        raise BadInputError(str(refused)) from refused


def _say(as_json: bool, name: str, done: str, **more: object) -> None:
    click.echo(json.dumps({"name": name, "done": done, **more}, ensure_ascii=False) if as_json else f"{name} {done.replace('_', ' ')}")


def _say_password(as_json: bool, context: Context, name: str, password: str) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, "password": password, "temporary": True}))
        return
    click.echo(f"account   {name}\npassword  {password}")
    click.echo(f"The password is shown this once and changed at the first sign-in: {context.settings.base_url}/login", err=True)


@accounts_group.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=ROLE, help="What it may; repeat it.")
@click.option("--region", help="Six digits of the region that it sees, with all inside it; without it, it sees nobody.")
@click.option("--email", default="", help="Where notices are sent.")
@click.option("--display-name", default="", help="How pages greet.")
@AS_JSON
def add(name: str, roles: tuple[str, ...], region: str | None, email: str, display_name: str, as_json: bool) -> None:
    """Make an account and print its temporary password, this once.

    \b
    Examples:
      lifecert accounts add li --role administrator --region 420000
      lifecert accounts add wang --role counter --role caseworker --region 420100 --email wang@example.gov.cn --json
    """
    from api import account_administration as administration
    from api.account_passwords import temporary_password
    from api.accounts import password_hashes

    password = temporary_password()
    with _changing() as (context, store, by):
        (hashed,) = password_hashes(context, [password])
        new = administration.NewAccount(name, roles, region, email, display_name)
        made = administration.add(store, new, password_hash=hashed, **by).username or name
    _say_password(as_json, context, made, password)


@accounts_group.command("list")
@click.option("--region", help="Only those of this region and all inside it, and those without one.")
@AS_JSON
def list_accounts(region: str | None, as_json: bool) -> None:
    """List the accounts by name, disabled ones too.

    \b
    Examples:
      lifecert accounts list
      lifecert accounts list --region 420100 --json
    """
    from models.region import region_prefix

    found = list(_all(None if region is None else region_prefix(region)))
    if as_json:
        click.echo(json.dumps([_plain(view) for view in found], ensure_ascii=False))
        return
    for view in found:
        state = "active" if view.active else "disabled"
        click.echo(f"{view.name:<20}  {view.region or '-':<6}  {state:<8}  factors {view.factors}  {' '.join(view.roles)}")


def _all(region: str | None) -> Iterator[AccountView]:
    from api import account_administration as administration

    context = open_context(load_settings())
    after = ""
    while True:
        with context.database.read_scope() as store:
            page = administration.listed(store, region=region, after=after, now=context.clock())
        yield from page
        if len(page) < administration.PAGE:
            return
        after = page[-1].name


def _plain(view: AccountView) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(view).items()}


@accounts_group.command("show")
@click.argument("name")
@AS_JSON
def show(name: str, as_json: bool) -> None:
    """Show one account: roles, region, factors, sessions that go on, last sign-in.

    \b
    Examples:
      lifecert accounts show li
      lifecert accounts show li --json
    """
    from api import account_administration as administration

    context = open_context(load_settings())
    with context.database.read_scope() as store:
        found = administration.listed(store, name=name, now=context.clock())
    if not found:
        raise BadInputError(administration.WORDS[administration.AccountProblem.ACCOUNT_UNKNOWN])
    plain = _plain(found[0])
    if as_json:
        click.echo(json.dumps(plain, ensure_ascii=False))
        return
    for key, value in plain.items():
        click.echo(f"{key:<16}  {', '.join(value) if isinstance(value, tuple) else '-' if value is None else value}")


def _change(name: str, as_json: bool, done: str, change: Callable[[Session, Account, dict[str, Any]], object]) -> None:
    from api import account_administration as administration

    with _changing() as (_, store, by):
        result = change(store, administration.by_name(store, name), by)
    more = {"number": result} if isinstance(result, int) else {}
    _say(as_json, name, done, **more)


@accounts_group.command("disable")
@click.argument("name")
@AS_JSON
def disable(name: str, as_json: bool) -> None:
    """Nobody signs in with it any more; who is signed in is out at the next request.

    \b
    Examples:
      lifecert accounts disable li
    """
    from api import account_administration as administration

    _change(name, as_json, "disabled", lambda store, account, by: administration.disable(store, account, **by))


@accounts_group.command("enable")
@click.argument("name")
@AS_JSON
def enable(name: str, as_json: bool) -> None:
    """Let a disabled account be used again, with its old password and factors.

    \b
    Examples:
      lifecert accounts enable li
    """
    from api import account_administration as administration

    _change(name, as_json, "enabled", lambda store, account, by: administration.enable(store, account, **by))


@accounts_group.command("roles")
@click.argument("name")
@click.argument("roles", nargs=-1, required=True, type=ROLE)
@AS_JSON
def roles_of(name: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Give an account exactly these roles. Administrator comes alone.

    \b
    Examples:
      lifecert accounts roles wang counter caseworker
    """
    from api import account_administration as administration

    _change(name, as_json, "has_new_roles", lambda store, account, by: administration.set_roles(store, account, roles, **by))


@accounts_group.command("region")
@click.argument("name")
@click.argument("region", required=False)
@AS_JSON
def region_of(name: str, region: str | None, as_json: bool) -> None:
    """Say which region an account sees, with all inside it; without REGION it sees nobody.

    \b
    Examples:
      lifecert accounts region wang 420100
    """
    from api import account_administration as administration

    _change(name, as_json, "has_a_new_region", lambda store, account, by: administration.set_region(store, account, region, **by))


@accounts_group.command("reset-factor")
@click.argument("name")
@AS_JSON
def reset_factor(name: str, as_json: bool) -> None:
    """Remove all second factors and recovery codes of an account, for who lost them. Every session and token ends.

    \b
    Examples:
      lifecert accounts reset-factor li
    """
    from api import account_administration as administration

    _change(name, as_json, "factors_reset", lambda store, account, by: administration.reset_factors(store, account, **by))


@accounts_group.command("reset-password")
@click.argument("name")
@AS_JSON
def reset_password(name: str, as_json: bool) -> None:
    """Give an account a temporary password and print it this once. Every session and token ends.

    \b
    Examples:
      lifecert accounts reset-password li
    """
    from api import account_administration as administration
    from api.account_passwords import temporary_password
    from api.accounts import password_hashes

    password = temporary_password()
    with _changing() as (context, store, by):
        (hashed,) = password_hashes(context, [password])
        administration.reset_password(store, administration.by_name(store, name), hashed, **by)
    _say_password(as_json, context, name, password)


@accounts_group.command("unlock")
@click.argument("name")
@AS_JSON
def unlock(name: str, as_json: bool) -> None:
    """Let failed tries until now hold an account up no longer.

    \b
    Examples:
      lifecert accounts unlock li
    """
    from api import account_administration as administration

    _change(name, as_json, "unlocked", lambda store, account, by: administration.unlock(store, account, **by))


@accounts_group.command("end-sessions")
@click.argument("name")
@AS_JSON
def end_sessions(name: str, as_json: bool) -> None:
    """Sign an account out everywhere; its tokens end too.

    \b
    Examples:
      lifecert accounts end-sessions li --json
    """
    from api import account_administration as administration

    _change(name, as_json, "signed_out", lambda store, account, by: administration.end_sessions(store, account, **by))
