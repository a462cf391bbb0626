"""`lifecert clients`: machine clients made, listed, revoked, given a new secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from api.cli.errors import BadInputError
from api.cli.evaluate import EXISTING_FILE
from api.cli.operator import operator_name
from api.context import Context, open_context
from api.scopes import Scope
from api.settings import load_settings


@click.group("clients")
def clients_group() -> None:
    """Machine clients: cities, hospitals, banks and departments that call the doors with credentials of their own.

    \b
    Examples:
      lifecert clients add "First hospital" --scope identity:check --scope status:read --region 420100
      lifecert clients list
      lifecert clients revoke c0123456789abcdef01234567
    """


@clients_group.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]), help="What it may; repeat it."
)
@click.option("--region", required=True, help="Six digits of the region that it sees, with all inside it.")
@click.option("--rate", type=click.IntRange(1, 10_000_000), help="Requests a minute; policy integration.rate_per_minute when not given.")
@click.option("--certificate", type=EXISTING_FILE, help="PEM file of its TLS certificate: then it needs no secret and gets none.")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def add(name: str, scopes: tuple[str, ...], region: str, rate: int | None, certificate: Path | None, as_json: bool) -> None:
    """Make a client and print its id and, this once, its secret.

    \b
    Examples:
      lifecert clients add "First hospital" --scope status:read --region 420100
      lifecert clients add "Province bank" --scope status:read --region 420000 --rate 6000 --certificate bank.pem --json
    """
    from models.errors import ConflictError, NotFoundError
    from models.repositories import clients

    if not name.strip() or len(name.strip()) > 100:
        raise BadInputError("NAME must have 1 to 100 characters")
    digest = None if certificate is None else _digest(certificate)
    context = open_context(load_settings())
    try:
        with context.database.session_scope() as session:
            made = clients.add(
                session,
                name=name,
                scopes=scopes,
                region_code=region,
                rate_per_minute=rate or context.policy.integration.rate_per_minute,
                certificate_sha256=digest,
                with_secret=certificate is None,
                keyring=context.keyring,
                actor=f"cli:{operator_name()}",
                now=context.clock(),
            )
    except (NotFoundError, ConflictError) as error:
        raise BadInputError(str(error)) from error
    _print_credentials(context, made.client_id, made.secret, as_json)


@clients_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def list_clients(as_json: bool) -> None:
    """List the clients, revoked ones too. Secrets are not kept and not shown.

    \b
    Examples:
      lifecert clients list
      lifecert clients list --json
    """
    from models.repositories import clients

    context = open_context(load_settings())
    with context.database.read_scope() as session:
        found: list[dict[str, Any]] = [
            {
                "client_id": client.client_id,
                "name": client.name,
                "scopes": client.scopes,
                "region": client.region_code,
                "rate_per_minute": client.rate_per_minute,
                "credentials": "secret" if client.secret_digest is not None else "certificate",
                "created_at": client.created_at.isoformat(),
                "revoked_at": None if client.revoked_at is None else client.revoked_at.isoformat(),
            }
            for client in clients.listed(session)
        ]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in found:
        state = "revoked" if line["revoked_at"] else line["credentials"]
        click.echo(f"{line['client_id']}  {line['region']}  {state:<11}  {' '.join(line['scopes'])}  {line['name']}")


@clients_group.command("revoke")
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """Take a client's access away for good, with its tokens. A busy worker may let it in for a few seconds more.

    \b
    Examples:
      lifecert clients revoke c0123456789abcdef01234567
    """
    from models.errors import ConflictError, NotFoundError
    from models.repositories import clients

    context = open_context(load_settings())
    try:
        with context.database.session_scope() as session:
            clients.revoke(session, client_id, actor=f"cli:{operator_name()}", now=context.clock())
    except (NotFoundError, ConflictError) as error:
        raise BadInputError(str(error)) from error
    click.echo(f"{client_id} revoked")


@clients_group.command("rotate")
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def rotate(client_id: str, as_json: bool) -> None:
    """Give a client a new secret and print it this once. The old one ends at once, with every token that it brought.

    \b
    Examples:
      lifecert clients rotate c0123456789abcdef01234567
    """
    from models.errors import ConflictError, NotFoundError
    from models.repositories import clients

    context = open_context(load_settings())
    try:
        with context.database.session_scope() as session:
            secret = clients.rotate(session, client_id, keyring=context.keyring, actor=f"cli:{operator_name()}", now=context.clock())
    except (NotFoundError, ConflictError) as error:
        raise BadInputError(str(error)) from error
    _print_credentials(context, client_id, secret, as_json)


def _digest(certificate: Path) -> bytes:
    """SHA-256 of the certificate's DER bytes. Raises BadInputError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())
    except ValueError as error:
        raise BadInputError(f"{certificate}: not a certificate in PEM form") from error
    return found[0].fingerprint(SHA256())


def _print_credentials(context: Context, client_id: str, secret: str | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"client_id": client_id, "client_secret": secret}))
        return
    click.echo(f"client_id      {client_id}")
    if secret is not None:
        click.echo(f"client_secret  {secret}")
        click.echo(f"The secret is shown this once. Token: POST {context.settings.base_url}/oauth/token", err=True)
